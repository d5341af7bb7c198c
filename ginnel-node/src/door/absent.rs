//! Connections of other families are descriptors to hand on, which Windows has not.

use crate::js::{Answer, Call, Failure, Function};

pub(crate) const FUNCTIONS: &[Function] = &[
    Function { name: "adopt", run: none },
    Function { name: "reuseport", run: none },
    Function { name: "peerName", run: none },
    Function { name: "bufferSize", run: none },
    Function { name: "setBufferSize", run: none },
];

fn none(_: &Call) -> Answer {
    Err(Failure::absent("descriptors"))
}
