//! What only some ends do.

use bytes::Bytes;
use ginnel_proto::sp::{
    AskCommand, Bus, Nothing, Pair, Pattern, Pub, Pull, Push, Replier, Reply, Req, Sub, SubCommand, Surveyor,
};

use super::end::End;
use crate::scene::Scene;

/// The part that an end plays.
pub(crate) trait Part: Pattern {
    /// How many messages come of this command, with so many pipes.
    fn copies(command: &Self::Command, pipes: usize) -> usize;

    /// Its application says something, or asks for something.
    fn say(end: &mut End<Self>, scene: &Scene);

    /// Its application takes something. `false`: nothing is there.
    fn hear(end: &mut End<Self>, scene: &Scene) -> bool;

    /// Answers all that it has in hand.
    fn finish(_end: &mut End<Self>, _scene: &Scene) {}
}

impl<const VERSION: u8> Part for Pair<VERSION> {
    fn copies(_: &Bytes, _: usize) -> usize {
        1
    }

    fn say(end: &mut End<Self>, scene: &Scene) {
        end.send(scene);
    }

    fn hear(end: &mut End<Self>, scene: &Scene) -> bool {
        end.receive(scene)
    }
}

impl Part for Push {
    fn copies(_: &Bytes, _: usize) -> usize {
        1
    }

    fn say(end: &mut End<Self>, scene: &Scene) {
        end.send(scene);
    }

    fn hear(_: &mut End<Self>, _: &Scene) -> bool {
        false
    }
}

impl Part for Pull {
    fn copies(command: &Nothing, _: usize) -> usize {
        match *command {}
    }

    fn say(_: &mut End<Self>, _: &Scene) {}

    fn hear(end: &mut End<Self>, scene: &Scene) -> bool {
        end.receive(scene)
    }
}

impl Part for Pub {
    fn copies(_: &Bytes, pipes: usize) -> usize {
        pipes
    }

    fn say(end: &mut End<Self>, scene: &Scene) {
        end.send(scene);
    }

    fn hear(_: &mut End<Self>, _: &Scene) -> bool {
        false
    }
}

impl Part for Sub {
    fn copies(_: &SubCommand, _: usize) -> usize {
        0
    }

    fn say(end: &mut End<Self>, scene: &Scene) {
        end.subscribe(scene);
    }

    fn hear(end: &mut End<Self>, scene: &Scene) -> bool {
        end.receive(scene)
    }
}

impl Part for Bus {
    fn copies(_: &Bytes, pipes: usize) -> usize {
        pipes
    }

    fn say(end: &mut End<Self>, scene: &Scene) {
        end.send(scene);
    }

    fn hear(end: &mut End<Self>, scene: &Scene) -> bool {
        end.receive(scene)
    }
}

impl Part for Req {
    /// One that is asked again is the same question.
    fn copies(_: &AskCommand, _: usize) -> usize {
        0
    }

    fn say(end: &mut End<Self>, scene: &Scene) {
        end.ask(scene);
    }

    fn hear(end: &mut End<Self>, scene: &Scene) -> bool {
        end.take_answers(scene)
    }
}

impl Part for Surveyor {
    fn copies(command: &AskCommand, pipes: usize) -> usize {
        match command {
            AskCommand::Ask(_) => pipes,
            AskCommand::Forget(_) => 0,
        }
    }

    fn say(end: &mut End<Self>, scene: &Scene) {
        end.ask(scene);
    }

    fn hear(end: &mut End<Self>, scene: &Scene) -> bool {
        end.take_answers(scene)
    }
}

impl<const SURVEYS: bool> Part for Replier<SURVEYS> {
    fn copies(_: &Reply, _: usize) -> usize {
        1
    }

    fn say(end: &mut End<Self>, scene: &Scene) {
        end.reply(scene);
    }

    fn hear(end: &mut End<Self>, scene: &Scene) -> bool {
        end.take_request(scene)
    }

    fn finish(end: &mut End<Self>, scene: &Scene) {
        while end.reply(scene) {}
    }
}
