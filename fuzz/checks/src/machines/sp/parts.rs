//! What only some ends of SP do.

use bytes::Bytes;
use ginnel_proto::sp::{
    AskCommand, Asks, Bus, Nothing, Pair, Pattern, Pub, Pull, Push, Receives, Replier, Replies, Reply, Req,
    Sends, Sub, SubCommand, Surveyor,
};
use ginnel_proto::{Frame, Kind, Message};

use super::Bench;
use crate::coin::Coin;
use crate::script::Script;

/// The part that an end plays.
pub(super) trait Part: Pattern {
    /// How many messages come of this, with so many pipes.
    fn copies(command: &Self::Command, pipes: usize) -> usize;

    /// Its application says something.
    fn speak(bench: &mut Bench<Self>, script: &mut Script<'_>);

    /// Its application takes what is there.
    fn take(_bench: &mut Bench<Self>) {}
}

/// A body of some length; all of them share one.
fn body(script: &mut Script<'_>) -> Bytes {
    let byte = usize::from(script.byte());
    Bytes::from_static(&BODY[..if byte >= 0xf0 { 70_000 } else { byte }])
}

static BODY: [u8; 70_000] = [b'b'; 70_000];

/// A link knows nothing of a word before a body.
pub(super) fn as_it_comes_back(frame: Frame<Coin>) -> Frame<Coin> {
    match frame.kind {
        Kind::Headed(word) => {
            let body = [&word.to_be_bytes()[..], &frame.message.body].concat();
            Message::new(body).into()
        }
        _ => frame,
    }
}

fn send<P: Part + Sends>(bench: &mut Bench<P>, script: &mut Script<'_>) {
    let body = body(script);
    let end = &bench.twins.one;
    if end.pattern().takes(end.pipes()) {
        bench.order((P::send(body.clone()), P::send(body)));
    }
}

fn receive<P: Part + Receives<Item = Bytes>>(bench: &mut Bench<P>) {
    while bench.twins.take(|end| end.pattern_mut().receive()).0.is_some() {}
    assert!(!bench.twins.one.pattern().has_arrived());
}

fn ask<P: Part + Asks>(bench: &mut Bench<P>, script: &mut Script<'_>) {
    let number = script.number() as usize;
    if number & 3 == 3 {
        if !bench.asked.is_empty() {
            let id = bench.asked.swap_remove(number % bench.asked.len());
            bench.order((AskCommand::Forget(id), AskCommand::Forget(id)));
        }
        return;
    }
    let end = &bench.twins.one;
    if end.pattern().takes(end.pipes()) {
        let (id, body) = (end.pattern().upcoming(), body(script));
        assert_eq!(id.0 >> 31, 1);
        assert!(!bench.asked.contains(&id), "{id:?} is open");
        bench.asked.push(id);
        bench.order((AskCommand::Ask(body.clone()), AskCommand::Ask(body)));
    }
}

fn take_answers<P: Part + Asks>(bench: &mut Bench<P>) {
    for id in bench.asked.clone() {
        let is_ripe = bench.twins.one.pattern().has_answer(id);
        let answered = bench.twins.take(|end| end.pattern_mut().answered(id)).0;
        assert_eq!(answered.is_some(), is_ripe);
        if P::END == ginnel_proto::sp::Protocol::Req && answered.is_some() {
            bench.asked.retain(|other| *other != id);
        }
    }
}

impl<const VERSION: u8> Part for Pair<VERSION> {
    fn copies(_: &Bytes, _: usize) -> usize {
        1
    }

    fn speak(bench: &mut Bench<Self>, script: &mut Script<'_>) {
        send(bench, script);
    }

    fn take(bench: &mut Bench<Self>) {
        receive(bench);
    }
}

impl Part for Push {
    fn copies(_: &Bytes, _: usize) -> usize {
        1
    }

    fn speak(bench: &mut Bench<Self>, script: &mut Script<'_>) {
        send(bench, script);
    }
}

impl Part for Pull {
    fn copies(command: &Nothing, _: usize) -> usize {
        match *command {}
    }

    fn speak(_: &mut Bench<Self>, _: &mut Script<'_>) {}

    fn take(bench: &mut Bench<Self>) {
        receive(bench);
    }
}

impl Part for Pub {
    fn copies(_: &Bytes, pipes: usize) -> usize {
        pipes
    }

    fn speak(bench: &mut Bench<Self>, script: &mut Script<'_>) {
        send(bench, script);
    }
}

impl Part for Sub {
    fn copies(_: &SubCommand, _: usize) -> usize {
        0
    }

    fn speak(bench: &mut Bench<Self>, script: &mut Script<'_>) {
        let (drops, length) = (script.flag(), script.byte() % 3);
        let prefix = Bytes::copy_from_slice(script.take(length.into()));
        let command = || match drops {
            true => SubCommand::Unsubscribe(prefix.clone()),
            false => SubCommand::Subscribe(prefix.clone()),
        };
        bench.order((command(), command()));
        assert_eq!(bench.twins.one.pattern().is_subscribed(&prefix), !drops);
    }

    fn take(bench: &mut Bench<Self>) {
        receive(bench);
    }
}

impl Part for Bus {
    fn copies(_: &Bytes, pipes: usize) -> usize {
        pipes
    }

    fn speak(bench: &mut Bench<Self>, script: &mut Script<'_>) {
        send(bench, script);
    }

    fn take(bench: &mut Bench<Self>) {
        receive(bench);
    }
}

impl Part for Req {
    fn copies(_: &AskCommand, _: usize) -> usize {
        0
    }

    fn speak(bench: &mut Bench<Self>, script: &mut Script<'_>) {
        ask(bench, script);
    }

    fn take(bench: &mut Bench<Self>) {
        take_answers(bench);
    }
}

impl Part for Surveyor {
    fn copies(command: &AskCommand, pipes: usize) -> usize {
        if matches!(command, AskCommand::Ask(_)) { pipes } else { 0 }
    }

    fn speak(bench: &mut Bench<Self>, script: &mut Script<'_>) {
        ask(bench, script);
    }

    fn take(bench: &mut Bench<Self>) {
        take_answers(bench);
    }
}

impl<const SURVEYS: bool> Part for Replier<SURVEYS> {
    fn copies(_: &Reply, _: usize) -> usize {
        1
    }

    fn speak(bench: &mut Bench<Self>, script: &mut Script<'_>) {
        if !bench.in_hand.is_empty() {
            let (one, two) = bench.in_hand.swap_remove(script.number() as usize % bench.in_hand.len());
            let body = body(script);
            bench.order((Self::reply(one, body.clone()), Self::reply(two, body)));
        }
    }

    fn take(bench: &mut Bench<Self>) {
        while let (Some(one), Some(two)) = bench.twins.take(|end| end.pattern_mut().receive()) {
            bench.in_hand.push((one, two));
        }
    }
}
