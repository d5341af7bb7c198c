//! What is passed: a number, and as many files as belong to it, each of which tells whose it is by its size.

use anyhow::{Context as _, Result};
use ginnel::Fd;
use rustix::fs::{MemfdFlags, fstat, ftruncate, memfd_create};
use serde::{Deserialize, Serialize, Serializer};

use crate::crowd::MOST_FDS;

/// To the receiver.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct Parcel {
    /// They are counted from 0 without a gap.
    pub(super) number: u64,
    pub(super) fds: Vec<Fd>,
    pub(super) end: End,
}

/// Comes last in a parcel, and may spoil it.
#[derive(Debug, Deserialize)]
pub(super) struct End {
    is_spoilt: bool,
}

impl Serialize for End {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        #[derive(Serialize)]
        struct End {
            is_spoilt: bool,
        }
        if self.is_spoilt {
            return Err(serde::ser::Error::custom("it cannot be written, and its descriptors were"));
        }
        End { is_spoilt: false }.serialize(serializer)
    }
}

/// From the receiver: which parcel it wants next; or what came back.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct Word {
    pub(super) next: u64,
    /// The last connection ended with an error at the receiver.
    pub(super) was_told: bool,
    pub(super) fds: Vec<Fd>,
}

impl Parcel {
    pub(super) fn new(number: u64) -> Result<Self> {
        let fds = (0..fds_of(number)).map(|place| file(number, place)).collect::<Result<_>>()?;
        Ok(Self { number, fds, end: End { is_spoilt: false } })
    }

    pub(super) fn spoilt(self) -> Self {
        Self { end: End { is_spoilt: true }, ..self }
    }
}

/// How many descriptors belong to a parcel: 0 to 16, one as often as the other and in no order.
pub(super) const fn fds_of(number: u64) -> u64 {
    (number.wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 32) % (MOST_FDS as u64 + 1)
}

/// Are these the files of this parcel, all of them and in their order?
pub(super) fn belong(number: u64, fds: &[Fd]) -> Result<bool> {
    if fds.len() as u64 != fds_of(number) {
        return Ok(false);
    }
    for (place, fd) in (0..).zip(fds) {
        let size = fstat(fd).context("looking at a descriptor")?.st_size;
        if u64::try_from(size) != Ok(size_of(number, place)) {
            return Ok(false);
        }
    }
    Ok(true)
}

fn file(number: u64, place: u64) -> Result<Fd> {
    let file = memfd_create("parcel", MemfdFlags::CLOEXEC).context("making a file to pass")?;
    ftruncate(&file, size_of(number, place)).context("numbering a file")?;
    Ok(file.into())
}

/// No two are alike.
const fn size_of(number: u64, place: u64) -> u64 {
    number * MOST_FDS as u64 + place + 1
}
