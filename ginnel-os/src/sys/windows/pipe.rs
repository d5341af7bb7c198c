//! One end of a connected pipe: one read and one write under way.
//!
//! A pipe that waits to read holds a buffer of [`WAITING`] bytes, in which small messages arrive; what is larger goes
//! straight to where the reader wants it.
#![expect(unsafe_code, reason = "the system writes into memory that it is lent")]

use std::io::{self, IoSlice};
use std::mem::MaybeUninit;
use std::os::windows::io::{AsRawHandle, FromRawHandle, OwnedHandle};
use std::ptr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use windows_sys::Win32::Foundation::{
    ERROR_BROKEN_PIPE, ERROR_IO_PENDING, ERROR_MORE_DATA, ERROR_NO_DATA, ERROR_OPERATION_ABORTED,
    ERROR_PIPE_NOT_CONNECTED, GetLastError, HANDLE,
};
use windows_sys::Win32::Storage::FileSystem::ReadFile;
use windows_sys::Win32::System::IO::{CancelIoEx, GetOverlappedResult, OVERLAPPED};
use windows_sys::Win32::System::Pipes::PeekNamedPipe;
use windows_sys::Win32::System::Threading::CreateEventW;

use super::bell::Bell;
use super::operation::{Bound, Held, Operation, Outcome, Owner, Start, UnderWay, Way};
use crate::sys::{Direction, Would};

/// One end of a connected pipe.
#[derive(Debug)]
pub(super) struct Pipe {
    bound: Bound,
    /// It carries packets, not a stream.
    packets: bool,
    bell: Arc<Bell>,
    read: Mutex<Reading>,
    write: Mutex<Writing>,
}

/// What one receiving call took.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct Got {
    /// Bytes of the chunk or packet; more than there was room for if a packet was cut.
    pub(super) bytes: usize,
    /// The other side has closed, and everything was read. An empty packet is not the end.
    pub(super) end: bool,
}

impl Got {
    pub(super) const END: Self = Self { bytes: 0, end: true };

    pub(super) const fn bytes(bytes: usize) -> Self {
        Self { bytes, end: false }
    }
}

#[derive(Debug)]
enum Reading {
    /// Nobody has asked yet.
    Idle,
    UnderWay(UnderWay),
    /// Bytes `from..to` of the buffer wait to be taken. `more`: the packet goes on.
    Arrived {
        operation: Box<Operation>,
        from: usize,
        to: usize,
        more: bool,
    },
    /// The end, or an error for good: a number of winerror.h.
    Over(u32),
}

#[derive(Debug)]
enum Writing {
    Idle,
    UnderWay,
    /// What was under way has failed, and nobody was told yet: a number of winerror.h.
    Failed(u32),
}

impl Pipe {
    /// Takes one end, which was opened for overlapped operations, and whose packets are read as such.
    pub(super) fn new(handle: OwnedHandle, packets: bool, bell: Arc<Bell>) -> io::Result<Self> {
        let bound = Bound::new(Held::Pipe(handle), !packets)?;
        Ok(Self { bound, packets, bell, read: Mutex::new(Reading::Idle), write: Mutex::new(Writing::Idle) })
    }

    pub(super) const fn bound(&self) -> &Bound {
        &self.bound
    }

    pub(super) const fn bell(&self) -> &Arc<Bell> {
        &self.bell
    }

    /// Is there something to read? It goes on reading if nobody does.
    pub(super) fn is_readable(self: &Arc<Self>) -> bool {
        let mut read = self.reading();
        if matches!(*read, Reading::Idle) {
            self.read_on(&mut read, None);
        }
        !matches!(*read, Reading::UnderWay(_))
    }

    pub(super) fn is_writable(&self) -> bool {
        !matches!(*self.writing(), Writing::UnderWay)
    }

    /// Takes what has arrived: part of a stream, or one packet.
    pub(super) fn receive(self: &Arc<Self>, room: &mut [MaybeUninit<u8>]) -> Would<Got> {
        let mut read = self.reading();
        if matches!(*read, Reading::Idle) {
            self.read_on(&mut read, None);
        }
        let got = match &mut *read {
            Reading::Idle | Reading::UnderWay(_) => return Ok(None),
            Reading::Over(code) if is_end(*code) => return Ok(Some(Got::END)),
            Reading::Over(code) => return Err(error(*code)),
            Reading::Arrived { operation, from, to, more } => {
                let arrived = &operation.buffer[*from..*to];
                let taken = arrived.len().min(room.len());
                let (front, rest) = room.split_at_mut(taken);
                front.iter_mut().zip(arrived).for_each(|(to, &from)| _ = to.write(from));
                let left = arrived.len() - taken;
                if self.packets {
                    let known = arrived.len();
                    match if *more { self.rest_of_packet(rest) } else { Ok(0) } {
                        Ok(beyond) => Got::bytes(known + beyond),
                        Err(error) => {
                            *read = Reading::Over(ERROR_BROKEN_PIPE);
                            return Err(error);
                        }
                    }
                } else if left > 0 {
                    *from += taken;
                    return Ok(Some(Got::bytes(taken)));
                } else {
                    let full = *to == operation.buffer.len();
                    Got::bytes(taken + if full { self.more_of_stream(rest) } else { 0 })
                }
            }
        };
        let spare = match std::mem::replace(&mut *read, Reading::Idle) {
            Reading::Arrived { operation, .. } => Some(operation),
            _ => None,
        };
        self.read_on(&mut read, spare);
        let more = !matches!(*read, Reading::UnderWay(_));
        drop(read);
        if more {
            self.bell.ring(Direction::Read);
        }
        Ok(Some(got))
    }

    /// Copies what is to be sent and starts to write it: up to [`MOST`] bytes of a stream, or a whole packet.
    pub(super) fn send(self: &Arc<Self>, slices: &[IoSlice<'_>]) -> Would<usize> {
        let mut write = self.writing();
        match *write {
            Writing::Idle => {}
            Writing::UnderWay => return Ok(None),
            Writing::Failed(code) => {
                *write = Writing::Idle;
                return Err(write_error(code));
            }
        }
        let size = slices.iter().fold(0_usize, |size, slice| size.saturating_add(slice.len()));
        let size = if self.packets { size } else { size.min(MOST) };
        if size == 0 && !self.packets {
            return Ok(Some(0));
        }
        if u32::try_from(size).is_err() {
            return Err(io::ErrorKind::InvalidInput.into());
        }
        let mut buffer = Vec::with_capacity(size);
        for slice in slices {
            let left = size - buffer.len();
            buffer.extend_from_slice(&slice[..slice.len().min(left)]);
        }
        let owner = Arc::clone(self);
        match self.bound.write(Operation::new(Way::Write, buffer), owner) {
            Start::UnderWay(_) => *write = Writing::UnderWay,
            Start::Over(_, Outcome { code: 0, .. }) => {}
            Start::Over(_, Outcome { code, .. }) => return Err(write_error(code)),
        }
        Ok(Some(size))
    }

    /// Reads no more. A write that is under way is left alone; the handle is closed behind it.
    pub(super) fn retire(&self) {
        let mut read = self.reading();
        if let Reading::UnderWay(under_way) = &*read {
            self.bound.cancel(under_way);
        }
        *read = Reading::Over(ERROR_BROKEN_PIPE);
    }

    /// Starts the next read.
    fn read_on(self: &Arc<Self>, read: &mut Reading, spare: Option<Box<Operation>>) {
        let mut operation = spare.unwrap_or_else(|| Operation::new(Way::Read, vec![0; WAITING]));
        loop {
            let owner = Arc::clone(self);
            match self.bound.read(operation, owner) {
                Start::UnderWay(under_way) => {
                    *read = Reading::UnderWay(under_way);
                    return;
                }
                Start::Over(spare, outcome) => match self.settle(spare, outcome) {
                    Ok(settled) => {
                        *read = settled;
                        return;
                    }
                    Err(spare) => operation = spare,
                },
            }
        }
    }

    /// What has come of a read. It is made again if nothing has.
    fn settle(&self, operation: Box<Operation>, outcome: Outcome) -> Result<Reading, Box<Operation>> {
        match outcome {
            // Somebody wrote nothing to a stream.
            Outcome { code: 0, bytes: 0 } if !self.packets => Err(operation),
            // We cancel none but the last.
            Outcome { code: ERROR_OPERATION_ABORTED, .. } => Err(operation),
            Outcome { code: code @ (0 | ERROR_MORE_DATA), bytes } => {
                let to = bytes.min(operation.buffer.len());
                Ok(Reading::Arrived { operation, from: 0, to, more: code == ERROR_MORE_DATA && self.packets })
            }
            Outcome { code, .. } => Ok(Reading::Over(code)),
        }
    }

    /// Reads what else is there already. What cannot be had now is had later.
    fn more_of_stream(&self, room: &mut [MaybeUninit<u8>]) -> usize {
        let mut there = 0;
        // SAFETY: the handle is open; the one number is written during the call.
        let peeked = unsafe {
            PeekNamedPipe(
                self.bound.raw(),
                ptr::null_mut(),
                0,
                ptr::null_mut(),
                &raw mut there,
                ptr::null_mut(),
            )
        };
        if peeked == 0 || there == 0 || room.is_empty() {
            return 0;
        }
        let most = room.len().min(there as usize);
        match read_now(self.bound.raw(), &mut room[..most]) {
            Ok((bytes, _)) => bytes,
            Err(_) => 0,
        }
    }

    /// Reads the rest of a packet, which is all there, and counts what there is no room for.
    fn rest_of_packet(&self, room: &mut [MaybeUninit<u8>]) -> io::Result<usize> {
        let (mut total, mut filled) = (0, 0);
        let mut beyond = [MaybeUninit::uninit(); 4096];
        loop {
            let room = if filled < room.len() { &mut room[filled..] } else { &mut beyond[..] };
            let (bytes, more) = read_now(self.bound.raw(), room)?;
            total += bytes;
            filled += bytes;
            if !more {
                return Ok(total);
            }
        }
    }

    fn reading(&self) -> MutexGuard<'_, Reading> {
        self.read.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn writing(&self) -> MutexGuard<'_, Writing> {
        self.write.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Owner for Pipe {
    fn completed(self: Arc<Self>, operation: Box<Operation>, outcome: Outcome) {
        if operation.way == Way::Read {
            let mut read = self.reading();
            if !matches!(*read, Reading::UnderWay(_)) {
                return;
            }
            match self.settle(operation, outcome) {
                Ok(settled) => *read = settled,
                Err(spare) => self.read_on(&mut read, Some(spare)),
            }
            let silent = matches!(*read, Reading::UnderWay(_));
            drop(read);
            if !silent {
                self.bell.ring(Direction::Read);
            }
        } else {
            *self.writing() = match outcome.code {
                0 => Writing::Idle,
                code => Writing::Failed(code),
            };
            self.bell.ring(Direction::Write);
            // One that is finished is read to its end once this is done.
            if matches!(*self.reading(), Reading::Over(_)) {
                self.bell.ring(Direction::Read);
            }
        }
    }
}

/// Reads what is there without waiting for more. Also says whether the packet goes on.
fn read_now(handle: HANDLE, room: &mut [MaybeUninit<u8>]) -> io::Result<(usize, bool)> {
    // SAFETY: nothing is given but "reset by hand".
    let event = unsafe { CreateEventW(ptr::null(), 1, 0, ptr::null()) };
    if event.is_null() {
        return Err(io::Error::last_os_error());
    }
    // SAFETY: it was made just now and is nobody else's.
    let event = unsafe { OwnedHandle::from_raw_handle(event) };
    // With its lowest bit set, the pool is told nothing (`GetQueuedCompletionStatus`).
    let silent = event.as_raw_handle().map_addr(|address| address | 1);
    let mut overlapped = OVERLAPPED { hEvent: silent, ..OVERLAPPED::default() };
    let most = u32::try_from(room.len()).unwrap_or(u32::MAX);
    let mut bytes = 0;
    // SAFETY: the room and the structure live until this function has seen the operation end, below.
    let mut done =
        unsafe { ReadFile(handle, room.as_mut_ptr().cast(), most, ptr::null_mut(), &raw mut overlapped) };
    // SAFETY: it reads this thread's last error.
    let mut code = if done != 0 { 0 } else { unsafe { GetLastError() } };
    if code == ERROR_IO_PENDING {
        // SAFETY: the operation is under way on this handle, or just over.
        unsafe { CancelIoEx(handle, &raw const overlapped) };
        // SAFETY: it waits until the operation has ended, cancelled or not.
        done = unsafe { GetOverlappedResult(handle, &raw const overlapped, &raw mut bytes, 1) };
        // SAFETY: it reads this thread's last error.
        code = if done != 0 { 0 } else { unsafe { GetLastError() } };
    } else if matches!(code, 0 | ERROR_MORE_DATA) {
        // SAFETY: the operation is over.
        unsafe { GetOverlappedResult(handle, &raw const overlapped, &raw mut bytes, 0) };
    }
    match code {
        0 | ERROR_MORE_DATA => Ok((bytes as usize, code == ERROR_MORE_DATA)),
        code => Err(error(code)),
    }
}

/// A number of winerror.h as an error.
pub(super) fn error(code: u32) -> io::Error {
    io::Error::from_raw_os_error(code.cast_signed())
}

/// As [`error`]; that nobody is there is a broken pipe, under whichever number.
fn write_error(code: u32) -> io::Error {
    error(if is_end(code) { ERROR_NO_DATA } else { code })
}

/// Nobody is at the other end any more.
const fn is_end(code: u32) -> bool {
    matches!(code, ERROR_BROKEN_PIPE | ERROR_NO_DATA | ERROR_PIPE_NOT_CONNECTED)
}

/// Bytes that a pipe holds which waits to read.
const WAITING: usize = 512;

/// Bytes of a stream that one write takes.
const MOST: usize = 64 * 1024;
