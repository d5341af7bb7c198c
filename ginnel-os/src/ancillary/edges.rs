//! Control data at its edges. No system call is made, so that these also run under Miri, which sees a byte that is
//! read without having been written.

use std::cell::RefCell;
use std::rc::Rc;

use super::tests::SCM_STAMP;
use super::*;

/// Where no message is a descriptor of a process, it is a kind that means nothing.
const SCM_PIDFD: i32 = if let Some(kind) = CONTROL.pidfd { kind } else { 97 };

/// A kernel that only notes which numbers became owned and which were closed.
#[derive(Clone, Debug, Default)]
struct Ledger {
    owned: Rc<RefCell<Vec<i32>>>,
    closed: Rc<RefCell<Vec<i32>>>,
}

#[derive(Debug)]
struct Entry {
    number: i32,
    closed: Rc<RefCell<Vec<i32>>>,
}

impl Drop for Entry {
    fn drop(&mut self) {
        self.closed.borrow_mut().push(self.number);
    }
}

impl Descriptors for Ledger {
    type Fd = Entry;
    type Borrowed<'a> = &'a Entry;
    type Carried = Entry;
    type Lent<'a> = &'a Entry;

    fn borrow<'a>(&self, fd: &'a Entry) -> &'a Entry {
        fd
    }

    fn lend<'a>(&self, fd: &'a Entry) -> &'a Entry {
        fd
    }

    fn number(&self, fd: &Entry) -> i32 {
        fd.number
    }

    unsafe fn own(&self, number: i32) -> Entry {
        self.owned.borrow_mut().push(number);
        Entry { number, closed: Rc::clone(&self.closed) }
    }

    fn duplicate(&self, _: u16) -> std::io::Result<Entry> {
        Err(std::io::ErrorKind::Unsupported.into())
    }
}

/// What the numbers in control data came to.
#[derive(Debug, PartialEq, Eq)]
struct Outcome {
    given: Vec<i32>,
    owned: Vec<i32>,
    closed: Vec<i32>,
    stamped: bool,
}

/// Opens the first `length` bytes of a buffer of which only `written` is written.
fn opened(written: &[u8], room: usize, length: usize) -> Outcome {
    let mut control = vec![MaybeUninit::uninit(); room];
    for (place, &byte) in control.iter_mut().zip(written) {
        place.write(byte);
    }
    let ledger = Ledger::default();
    // SAFETY: the first `length` bytes are written, or all that there are; the numbers are only noted.
    let control = unsafe { open(&ledger, &control, length) };
    let given = control.fds.iter().map(|entry| entry.number).collect();
    let outcome = Outcome {
        given,
        owned: ledger.owned.borrow().clone(),
        closed: ledger.closed.borrow().clone(),
        stamped: control.stamped,
    };
    drop(control);
    let (mut owned, mut closed) = (ledger.owned.take(), ledger.closed.take());
    owned.sort_unstable();
    closed.sort_unstable();
    assert_eq!(owned, closed, "each that is owned is closed once");
    outcome
}

fn message(kind: i32, data: &[u8]) -> Vec<u8> {
    let mut bytes = (CONTROL.header() + data.len()).to_ne_bytes()[..CONTROL.length].to_vec();
    bytes.extend(SOL_SOCKET.to_ne_bytes());
    bytes.extend(kind.to_ne_bytes());
    bytes.extend(data);
    bytes.resize(bytes.len().next_multiple_of(CONTROL.align), 0);
    bytes
}

fn numbers(numbers: &[i32]) -> Vec<u8> {
    numbers.iter().flat_map(|number| number.to_ne_bytes()).collect()
}

#[test]
fn nothing_is_read_beyond_what_was_written() {
    let bytes = message(SCM_RIGHTS, &numbers(&[7, 8]));
    for room in [bytes.len(), bytes.len() + 1, ROOM] {
        assert_eq!(opened(&bytes, room, bytes.len()).given, [7, 8]);
    }
    assert_eq!(opened(&[], ROOM, 0).given, [0; 0]);
    assert_eq!(opened(&[], 0, 0).given, [0; 0]);
}

#[test]
fn a_length_that_is_larger_than_the_buffer_is_cut_to_it() {
    let bytes = message(SCM_RIGHTS, &numbers(&[7, 8]));
    assert_eq!(opened(&bytes, bytes.len(), usize::MAX).given, [7, 8]);
    assert_eq!(opened(&bytes, bytes.len() - 1, bytes.len()).given, [0; 0]);
}

#[test]
fn cut_anywhere_it_gives_whole_messages_and_owns_nothing_else() {
    let parts = [
        message(SCM_STAMP, &[0; 16]),
        message(SCM_RIGHTS, &numbers(&[7])),
        message(SCM_PIDFD, &numbers(&[9])),
        message(SCM_RIGHTS, &numbers(&[10, 11])),
    ];
    let whole = parts.concat();
    // The data of the two messages of descriptors end here; padding may be missing.
    let first = parts[0].len() + CONTROL.header() + 4;
    let pidfd = parts[..2].concat().len() + CONTROL.header() + 4;
    let second = parts[..3].concat().len() + CONTROL.header() + 8;
    for cut in 0..=whole.len() {
        let outcome = opened(&whole[..cut], ROOM, cut);
        let mut given = Vec::new();
        given.extend((cut >= first).then_some(7));
        given.extend((cut >= second).then_some([10, 11]).into_iter().flatten());
        let closed = if cut >= pidfd && CONTROL.pidfd.is_some() { vec![9] } else { vec![] };
        let mut owned = [&given[..], &closed].concat();
        owned.sort_unstable();
        assert_eq!((outcome.given, outcome.owned, outcome.closed), (given, owned, closed), "cut at {cut}");
        assert_eq!(outcome.stamped, cut >= parts[0].len() && CONTROL.stamp.is_some(), "cut at {cut}");
    }
}

#[test]
fn a_number_below_zero_is_never_owned() {
    let bytes = message(SCM_RIGHTS, &numbers(&[-1, 5, i32::MIN, 0, i32::MAX]));
    let outcome = opened(&bytes, ROOM, bytes.len());
    assert_eq!((outcome.given, outcome.owned), (vec![5, 0, i32::MAX], vec![5, 0, i32::MAX]));
    let bytes = message(SCM_PIDFD, &numbers(&[-3]));
    assert_eq!(opened(&bytes, ROOM, bytes.len()).owned, [0; 0]);
}

#[test]
fn a_part_of_a_number_is_none() {
    for extra in 0..4 {
        let data = [numbers(&[5, 6]), vec![0; extra]].concat();
        let bytes = message(SCM_RIGHTS, &data);
        assert_eq!(opened(&bytes, ROOM, bytes.len()).given, [5, 6], "{extra} more bytes");
    }
    let bytes = message(SCM_RIGHTS, &[]);
    assert_eq!(opened(&bytes, ROOM, bytes.len()).owned, [0; 0]);
}

#[test]
fn numbers_of_other_levels_and_kinds_are_no_descriptors() {
    let mut foreign = message(SCM_RIGHTS, &numbers(&[5]));
    foreign[CONTROL.length..CONTROL.length + 4].copy_from_slice(&libc::IPPROTO_TCP.to_ne_bytes());
    let credentials = message(2, &numbers(&[5, 6, 7]));
    for bytes in [foreign, credentials] {
        assert_eq!(opened(&bytes, ROOM, bytes.len()).owned, [0; 0]);
    }
}

#[test]
fn two_hundred_and_fifty_three_are_taken_in_their_order() {
    let mut rights = Rights::new();
    let encoded = rights.encode(0..253).unwrap();
    // SAFETY: pure arithmetic, whatever the argument.
    assert_eq!(encoded.len(), unsafe { libc::CMSG_SPACE(4 * 253) } as usize);
    let outcome = opened(encoded, ROOM, encoded.len());
    assert_eq!(outcome.given, (0..253).collect::<Vec<_>>());
}

#[test]
fn a_buffer_that_is_used_again_shows_nothing_of_before() {
    let mut rights = Rights::new();
    rights.encode(0..253).unwrap();
    for count in [1, 2, 3, 0, 252] {
        let encoded = rights.encode(500..500 + count).unwrap();
        assert_eq!(encoded.len(), if count == 0 { 0 } else { CONTROL.space(4 * count as usize) });
        assert_eq!(opened(encoded, ROOM, encoded.len()).given, (500..500 + count).collect::<Vec<_>>());
    }
    // What is refused is not written either.
    assert!(rights.encode(0..254).is_none());
    assert_eq!(rights.encode(1..2).unwrap().len(), CONTROL.space(4));
}

#[test]
fn control_data_need_not_be_aligned() {
    let bytes = message(SCM_RIGHTS, &numbers(&[7, 8]));
    for shift in 0..8 {
        let mut control = vec![MaybeUninit::uninit(); shift];
        control.extend(bytes.iter().map(|&byte| MaybeUninit::new(byte)));
        let ledger = Ledger::default();
        // SAFETY: all of it is written; the numbers are only noted.
        let opened = unsafe { open(&ledger, &control[shift..], bytes.len()) };
        assert_eq!(opened.fds.len(), 2, "{shift} bytes off");
    }
}
