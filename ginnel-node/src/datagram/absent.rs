//! Windows has no datagrams between processes.

use crate::js::{Answer, Call, Failure, Function};

pub(crate) const FUNCTIONS: &[Function] = &[
    Function { name: "bind", run: none },
    Function { name: "pair", run: none },
    Function { name: "adopt", run: none },
];

fn none(_: &Call) -> Answer {
    Err(Failure::absent("local datagram sockets"))
}
