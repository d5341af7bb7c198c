use ginnel_proto::sp::{Command, Forwards};

use super::Socket;
use crate::driven::Driven;

/// Passes on what has arrived at one end to the other, both ways: a bounded amount, as far as the other takes it, and
/// writes it as far as that needs no waiting. `false`: nothing could be passed on.
pub fn pass<P: Forwards>(front: &mut Socket<P>, back: &mut Socket<P::With>) -> bool {
    let forth = pass_to(back, front);
    pass_to(front, back) | forth
}

fn pass_to<P: Forwards>(to: &mut Socket<P>, from: &mut Socket<P::With>) -> bool {
    let mut some = false;
    for _ in 0..SHARE {
        if !to.takes() {
            break;
        }
        let Some(passing) = from.engine.machine_mut().pattern_mut().fetch() else { break };
        if let Some(command) = P::forward(passing) {
            to.order_now(Command::Pattern(command));
        }
        some = true;
    }
    if some {
        to.flush();
    }
    some
}

/// Messages that are passed on before the other way has its turn.
const SHARE: usize = 256;
