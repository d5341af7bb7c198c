//! Descriptors, as numbers of the caller's and as things that are owned.
#![expect(unsafe_code, reason = "a number from JavaScript becomes a descriptor")]

use std::cell::RefCell;
use std::os::fd::{AsRawFd, BorrowedFd, FromRawFd, IntoRawFd, OwnedFd, RawFd};

use crate::js::{Answer, Call, Env, Failure, Fault, Function, Handle, Value};

pub(crate) const FUNCTIONS: &[Function] = &[
    Function { name: "adopt", run: adopt },
    Function { name: "duplicate", run: duplicate },
    Function { name: "number", run: number },
    Function { name: "take", run: take },
    Function { name: "close", run: close },
];

/// Descriptors that JavaScript owns, each known by its place. Collected, what nobody has taken or closed is closed.
///
/// They are held together, as a value that is collected costs more than a descriptor.
#[derive(Debug)]
struct Owned(RefCell<Vec<Option<OwnedFd>>>);

impl Owned {
    fn one(fd: OwnedFd) -> Self {
        Self(RefCell::new(vec![Some(fd)]))
    }

    /// Takes out the one that the call is about.
    fn taken(call: &Call) -> Result<Option<OwnedFd>, Failure> {
        let place: usize = call.int(1)?;
        Ok(call.held::<Self>(0)?.0.borrow_mut().get_mut(place).and_then(Option::take))
    }
}

/// Lends a descriptor for the length of a call.
pub(crate) fn borrow<'a>(number: RawFd) -> Result<BorrowedFd<'a>, Failure> {
    if number < 0 {
        return Err(bad(number));
    }
    // SAFETY: the number is not -1. If nothing is open there, the kernel says so; that it stays open during the call is
    // the caller's to see to, in a language without borrowing.
    Ok(unsafe { BorrowedFd::borrow_raw(number) })
}

/// Takes a descriptor over from the caller, if something is open there.
pub(crate) fn own(number: RawFd) -> Result<OwnedFd, Failure> {
    if rustix::io::fcntl_getfd(borrow(number)?).is_err() {
        return Err(bad(number));
    }
    // SAFETY: it is open, and the caller says by this call that it is given away.
    Ok(unsafe { OwnedFd::from_raw_fd(number) })
}

/// Descriptors of the caller's, from an argument that may be left out.
pub(crate) fn lent<'a>(call: &Call, index: usize) -> Result<Vec<BorrowedFd<'a>>, Failure> {
    let numbers = call.given(index, Call::ints)?.unwrap_or_default();
    numbers.into_iter().map(borrow).collect()
}

/// Duplicates of the caller's descriptors, for what waits in a queue.
pub(crate) fn duplicates(call: &Call, index: usize) -> Result<Vec<OwnedFd>, Failure> {
    let lent = lent(call, index)?;
    lent.into_iter().map(|fd| fd.try_clone_to_owned().map_err(Failure::from)).collect()
}

/// Gives descriptors to JavaScript, as many as an `Int32Array` has room for their numbers; `null` if there are none.
pub(crate) fn give(call: &Call, index: usize, fds: &mut Vec<OwnedFd>) -> Answer {
    // SAFETY: no other argument is bytes.
    let room = unsafe { call.room(index)? };
    let numbers = room.chunks_exact_mut(size_of::<RawFd>());
    let count = fds.len().min(numbers.len());
    if count == 0 {
        return Ok(call.env().null());
    }
    for (number, fd) in numbers.zip(&*fds) {
        number.copy_from_slice(&fd.as_raw_fd().to_ne_bytes());
    }
    let given = fds.drain(..count).map(Some).collect();
    Ok(Handle::give(call.env(), Owned(RefCell::new(given))))
}

/// As [`give`], as numbers that the caller owns.
pub(crate) fn numbers(env: Env, fds: Vec<OwnedFd>) -> Value {
    env.array(fds.into_iter().map(|fd| env.int(fd.into_raw_fd())))
}

fn bad(number: RawFd) -> Failure {
    Failure::new(Fault::Other, "EBADF", format!("nothing is open under the descriptor {number}"))
}

fn adopt(call: &Call) -> Answer {
    let fd = own(call.int(0)?)?;
    Ok(Handle::give(call.env(), Owned::one(fd)))
}

fn duplicate(call: &Call) -> Answer {
    let fd = borrow(call.int(0)?)?.try_clone_to_owned()?;
    Ok(Handle::give(call.env(), Owned::one(fd)))
}

fn number(call: &Call) -> Answer {
    let place: usize = call.int(1)?;
    let held = call.held::<Owned>(0)?.0.borrow();
    Ok(call.env().int(held.get(place).and_then(Option::as_ref).map_or(-1, AsRawFd::as_raw_fd)))
}

fn take(call: &Call) -> Answer {
    Ok(call.env().int(Owned::taken(call)?.map_or(-1, IntoRawFd::into_raw_fd)))
}

fn close(call: &Call) -> Answer {
    drop(Owned::taken(call)?);
    Ok(call.env().undefined())
}

/// Descriptors after which no more is received before they were taken: what there is no number for is lost.
pub(crate) const MANY: usize = 64;

/// Why something was not adopted. The descriptor stays the caller's.
pub(crate) fn returned(refused: ginnel_os::AdoptError) -> Failure {
    let ginnel_os::AdoptError { error, fd, .. } = refused;
    let _ = fd.into_raw_fd();
    error.into()
}
