//! Control messages: descriptors on their way through `sendmsg` and `recvmsg`. cmsg(3), unix(7)
//!
//! Plain bytes in, plain bytes out, so that a fuzzer and a simulated kernel can drive it. Every descriptor in
//! received control data is owned at once, before anything is judged: whatever happens next closes it.
#![expect(unsafe_code, reason = "numbers in received control data become owned descriptors")]

use std::mem::MaybeUninit;

use ginnel_proto::limits::MAX_FDS;

use crate::sys::{CONTROL, Descriptors};

/// How a kernel lays out a control message: its length, two `i32`s (level and type), then aligned data.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Layout {
    /// Bytes of the length field: 8 on 64-bit Linux, 4 elsewhere.
    pub(crate) length: usize,
    /// What data and the next header are aligned to.
    pub(crate) align: usize,
    /// The most descriptors that can arrive together.
    pub(crate) most_fds: usize,
    /// The kind of message by which an empty packet is told from the end, where there is one.
    pub(crate) stamp: Option<i32>,
    /// The kind of message that is a descriptor of a process, where there is one.
    pub(crate) pidfd: Option<i32>,
}

impl Layout {
    const fn header(self) -> usize {
        (self.length + 8).next_multiple_of(self.align)
    }

    /// Bytes that a message with `data` bytes takes up.
    const fn space(self, data: usize) -> usize {
        self.header() + data.next_multiple_of(self.align)
    }
}

const SOL_SOCKET: i32 = libc::SOL_SOCKET;
const SCM_RIGHTS: i32 = libc::SCM_RIGHTS;

/// Room for all descriptors that can arrive, and for the credentials, time, pidfd and security label (up to 256 bytes)
/// that an adopted socket may be set to receive beside them.
pub(crate) const ROOM: usize = CONTROL.space(4 * CONTROL.most_fds)
    + CONTROL.space(12)
    + CONTROL.space(16)
    + CONTROL.space(4)
    + CONTROL.space(256);

/// A receive buffer for control data, not yet written.
pub(crate) const fn room() -> [MaybeUninit<u8>; ROOM] {
    [MaybeUninit::uninit(); ROOM]
}

/// Control data that carries descriptors: at most 253, in a buffer on the stack of which only the beginning is
/// ever written.
pub(crate) struct Rights {
    bytes: [MaybeUninit<u8>; CONTROL.space(4 * MAX_FDS)],
    used: usize,
}

impl Rights {
    /// Empty: no bytes for the kernel.
    #[inline]
    pub(crate) const fn new() -> Self {
        Self { bytes: [MaybeUninit::uninit(); CONTROL.space(4 * MAX_FDS)], used: 0 }
    }

    /// Encodes the numbers of these descriptors and lends the bytes for the kernel; `None` if they are more than
    /// 253. None at all need no bytes.
    #[inline]
    pub(crate) fn encode(&mut self, numbers: impl ExactSizeIterator<Item = i32>) -> Option<&[u8]> {
        let count = numbers.len();
        if count > MAX_FDS {
            return None;
        }
        self.used = 0;
        if count > 0 {
            let length = CONTROL.header() + 4 * count;
            self.put(&length.to_ne_bytes()[..CONTROL.length]);
            self.put(&SOL_SOCKET.to_ne_bytes());
            self.put(&SCM_RIGHTS.to_ne_bytes());
            self.pad();
            numbers.for_each(|number| self.put(&number.to_ne_bytes()));
            self.pad();
        }
        // SAFETY: `put` wrote each of the first `used` bytes, and nothing else moves `used`.
        Some(unsafe { std::slice::from_raw_parts(self.bytes.as_ptr().cast(), self.used) })
    }

    #[inline]
    fn put(&mut self, bytes: &[u8]) {
        let places = &mut self.bytes[self.used..self.used + bytes.len()];
        for (place, &byte) in places.iter_mut().zip(bytes) {
            place.write(byte);
        }
        self.used += bytes.len();
    }

    #[inline]
    fn pad(&mut self) {
        while !self.used.is_multiple_of(CONTROL.align) {
            self.put(&[0]);
        }
    }
}

/// What came beside the bytes.
#[derive(Debug)]
pub(crate) struct Control<F> {
    /// Descriptors, in the order sent.
    pub(crate) fds: Vec<F>,
    /// A time came: so this was a packet, not the end.
    pub(crate) stamped: bool,
}

/// Takes everything out of received control data.
///
/// # Safety
/// The first `length` bytes of `control` are what one `recvmsg` of this kernel wrote, and they are opened once:
/// the descriptors in them become owned here.
pub(crate) unsafe fn open<S: Descriptors>(
    sys: &S,
    control: &[MaybeUninit<u8>],
    length: usize,
) -> Control<S::Carried> {
    let length = length.min(control.len());
    // SAFETY: the caller vouches that so many bytes are written.
    let control = unsafe { std::slice::from_raw_parts(control.as_ptr().cast::<u8>(), length) };
    let mut opened = Control { fds: Vec::new(), stamped: false };
    for (kind, data) in CONTROL.messages(control) {
        // For a pidfd that it could not make the kernel writes an error number in its place.
        let numbers = data.chunks_exact(4).map(number).filter(|&number| number >= 0);
        // SAFETY: the numbers stand in control data that the kernel wrote for us, and are taken once.
        let owned = numbers.map(|number| unsafe { sys.own(number) });
        match kind {
            Kind::Rights => opened.fds.extend(owned),
            Kind::Pidfd => owned.for_each(drop),
            Kind::Stamp => opened.stamped = true,
            Kind::Other => {}
        }
    }
    opened
}

fn number(four: &[u8]) -> i32 {
    four.try_into().map_or(-1, i32::from_ne_bytes)
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Kind {
    Rights,
    Pidfd,
    Stamp,
    Other,
}

impl Layout {
    /// Splits control data into messages; stops at the first that does not fit what is left. FreeBSD leaves a cut one whose
    /// descriptors it has closed, so their numbers mean nothing.
    fn messages(self, control: &[u8]) -> impl Iterator<Item = (Kind, &[u8])> {
        let mut rest = control;
        std::iter::from_fn(move || {
            let length = self.length_field(rest)?;
            let data = rest.get(self.header()..length)?;
            let level = number(rest.get(self.length..self.length + 4)?);
            let kind = number(rest.get(self.length + 4..self.length + 8)?);
            rest = rest.get(length.next_multiple_of(self.align)..).unwrap_or_default();
            Some((self.name(level, kind), data))
        })
    }

    fn length_field(self, rest: &[u8]) -> Option<usize> {
        let mut field = [0; size_of::<usize>()];
        field[..self.length].copy_from_slice(rest.get(..self.length)?);
        let length = usize::from_ne_bytes(field);
        (length <= rest.len()).then_some(length)
    }

    fn name(self, level: i32, kind: i32) -> Kind {
        match (level, kind) {
            (SOL_SOCKET, SCM_RIGHTS) => Kind::Rights,
            (SOL_SOCKET, kind) if self.pidfd == Some(kind) => Kind::Pidfd,
            (SOL_SOCKET, kind) if self.stamp == Some(kind) => Kind::Stamp,
            _ => Kind::Other,
        }
    }
}

#[cfg(test)]
mod edges;

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// Where nothing stamps packets, it is a kind that means nothing.
    pub(super) const SCM_STAMP: i32 = if let Some(kind) = CONTROL.stamp { kind } else { 98 };
    const STAMP: Kind = if CONTROL.stamp.is_some() { Kind::Stamp } else { Kind::Other };

    fn message(kind: i32, data: &[u8]) -> Vec<u8> {
        message_of(CONTROL, kind, data)
    }

    fn message_of(layout: Layout, kind: i32, data: &[u8]) -> Vec<u8> {
        let mut bytes = (layout.header() + data.len()).to_ne_bytes()[..layout.length].to_vec();
        bytes.extend(SOL_SOCKET.to_ne_bytes());
        bytes.extend(kind.to_ne_bytes());
        bytes.resize(layout.header(), 0);
        bytes.extend(data);
        bytes.resize(bytes.len().next_multiple_of(layout.align), 0);
        bytes
    }

    #[test]
    fn control_data_of_other_systems_is_split_as_theirs() {
        let (macos, freebsd) =
            (Layout { length: 4, align: 4, ..CONTROL }, Layout { length: 4, align: 8, ..CONTROL });
        assert_eq!([macos.header(), macos.space(4), macos.space(5)], [12, 16, 20]);
        assert_eq!([freebsd.header(), freebsd.space(4), freebsd.space(12)], [16, 24, 32]);
        for layout in [macos, freebsd] {
            let control = [message_of(layout, 99, &[1, 2, 3]), message_of(layout, SCM_RIGHTS, &[5, 0, 0, 0])];
            assert_eq!(control.each_ref().map(Vec::len), [layout.space(3), layout.space(4)]);
            let control = control.concat();
            let found: Vec<_> = layout.messages(&control).collect();
            assert_eq!(found, [(Kind::Other, &[1, 2, 3][..]), (Kind::Rights, &[5, 0, 0, 0][..])]);
            assert_eq!(layout.messages(&control[..layout.space(3) + layout.header() + 3]).count(), 1);
        }
    }

    #[test]
    fn what_is_encoded_is_what_libc_would_write() {
        let mut rights = Rights::new();
        let rights = rights.encode([7, 8, 9].into_iter()).unwrap();
        // SAFETY: pure arithmetic, whatever the argument.
        let (space, length) = unsafe { (libc::CMSG_SPACE(12) as usize, libc::CMSG_LEN(12) as usize) };
        assert_eq!(rights.len(), space);
        assert_eq!(CONTROL.length_field(rights), Some(length));
        let found: Vec<_> = CONTROL.messages(rights).collect();
        assert_eq!(found.len(), 1);
        assert_eq!(found[0].0, Kind::Rights);
        let numbers: Vec<_> = found[0].1.chunks_exact(4).map(number).collect();
        assert_eq!(numbers, [7, 8, 9]);
    }

    #[test]
    fn two_hundred_and_fifty_three_fit_and_one_more_does_not() {
        let mut rights = Rights::new();
        assert!(rights.encode(0..253).is_some());
        assert!(rights.encode(0..254).is_none());
        assert!(rights.encode(0..0).unwrap().is_empty());
    }

    #[test]
    fn several_messages_are_told_apart() {
        let control =
            [message(SCM_STAMP, &[0; 16]), message(99, &[1, 2, 3]), message(SCM_RIGHTS, &[5, 0, 0, 0])];
        let kinds: Vec<_> =
            CONTROL.messages(&control.concat()).map(|(kind, data)| (kind, data.len())).collect();
        assert_eq!(kinds, [(STAMP, 16), (Kind::Other, 3), (Kind::Rights, 4)]);
    }

    #[test]
    fn every_cut_of_control_data_ends_without_inventing_anything() {
        let whole = [message(SCM_RIGHTS, &[5, 0, 0, 0, 6, 0, 0, 0]), message(SCM_STAMP, &[0; 16])].concat();
        for cut in 0..=whole.len() {
            for (_, data) in CONTROL.messages(&whole[..cut]) {
                assert!(data.len() == 8 || data.len() == 16, "cut at {cut}");
            }
        }
    }

    proptest! {
        #[test]
        fn random_bytes_are_survived(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
            let total: usize = CONTROL.messages(&bytes).map(|(_, data)| data.len()).sum();
            prop_assert!(total <= bytes.len());
        }

        #[test]
        fn a_length_shorter_than_a_header_ends_it(length in 0..CONTROL.header(), tail in prop::collection::vec(any::<u8>(), 0..64)) {
            let bytes = [&length.to_ne_bytes()[..CONTROL.length], &tail].concat();
            prop_assert_eq!(CONTROL.messages(&bytes).count(), 0);
        }
    }
}
