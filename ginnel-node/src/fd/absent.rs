//! Where sockets are no descriptors, none are given or taken. Whoever tries is told so.

use ginnel_os::sys::Carried;

use crate::js::{Answer, Call, Env, Failure, Function, Value};

pub(crate) const FUNCTIONS: &[Function] = &[
    Function { name: "adopt", run: none },
    Function { name: "duplicate", run: none },
    Function { name: "number", run: none },
    Function { name: "take", run: none },
    Function { name: "close", run: none },
];

/// Whoever asks for one.
pub(crate) fn none(_: &Call) -> Answer {
    Err(Failure::absent("descriptors"))
}

/// Descriptors of the caller's: there are none.
pub(crate) fn lent(call: &Call, index: usize) -> Result<Vec<Carried>, Failure> {
    match call.given(index, Call::ints::<i32>)? {
        None => Ok(Vec::new()),
        Some(numbers) if numbers.is_empty() => Ok(Vec::new()),
        Some(_) => Err(Failure::absent("descriptors")),
    }
}

/// As [`lent`].
pub(crate) fn duplicates(call: &Call, index: usize) -> Result<Vec<Carried>, Failure> {
    lent(call, index)
}

/// `null`: there are none.
#[expect(clippy::unnecessary_wraps, reason = "as where there are some")]
pub(crate) fn give(call: &Call, _: usize, _: &mut Vec<Carried>) -> Answer {
    Ok(call.env().null())
}

/// As [`give`], as numbers: none.
pub(crate) fn numbers(env: Env, _: Vec<Carried>) -> Value {
    env.array([])
}

/// None end a batch.
pub(crate) const MANY: usize = 1;
