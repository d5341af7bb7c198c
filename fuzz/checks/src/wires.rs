//! Parsers of the wires, fed with any bytes, cut anywhere, with descriptors anywhere.

use ginnel_proto::link::{Inbound, Room};
use ginnel_proto::sp::Protocol;
use ginnel_proto::{Frame, Kind, Link, LinkOptions, Message, PeerFault, Wire, limits};

use crate::coin::{Coin, Purse};
use crate::heap::Growth;
use crate::script::Script;

/// What one reading call brings.
struct Chunk {
    bytes: Vec<u8>,
    fds: usize,
    how: How,
}

/// How a chunk is handed over, and what is asked after it.
#[derive(Clone, Copy)]
struct How {
    /// Read into the link's own buffer.
    in_place: bool,
    /// Look for frames behind this chunk.
    poll: bool,
    /// Try the short way first.
    quick: bool,
}

/// What a run saw.
#[derive(PartialEq, Eq, Debug, Default)]
struct Seen {
    frames: Vec<Frame<Coin>>,
    fault: Option<PeerFault>,
}

/// One limit for bodies and one for descriptors, then how many chunks there are, then for each its length and how it
/// comes; all behind that is the stream.
fn chunks(script: &mut Script<'_>, options: &LinkOptions) -> Vec<Chunk> {
    let specs: Vec<(u8, u8)> = (0..script.byte() % 32).map(|_| (script.byte(), script.byte())).collect();
    // Not where it would be a hundred thousand messages.
    let mut fills = if options.message > 1000 { FILLS } else { 0 };
    let mut chunks = Vec::new();
    for (length, how) in specs {
        let mut bytes = script.take(length.into()).to_vec();
        // Bodies that are longer than what a fuzzer writes come out of nowhere.
        if how & FILL != 0 && fills > 0 {
            fills -= 1;
            bytes.resize(bytes.len() + usize::from(length) * 256, b' ');
        }
        chunks.push(Chunk { bytes, fds: usize::from(how & 3), how: How::from_bits(how) });
    }
    let how = How { in_place: false, poll: true, quick: false };
    chunks.push(Chunk { bytes: script.rest().to_vec(), fds: 0, how });
    chunks.retain(|chunk| !chunk.bytes.is_empty());
    chunks
}

impl How {
    const fn from_bits(bits: u8) -> Self {
        Self { in_place: bits & 0x10 != 0, poll: bits & 0x20 != 0, quick: bits & 0x40 != 0 }
    }
}

const FILL: u8 = 0x80;
const FILLS: usize = 3;

fn options(wire: Wire, script: &mut Script<'_>) -> LinkOptions {
    let message = script.choose([16 << 20, 100_000, 1000, 16, 1, 0]);
    let fds = script.choose([16, 253, 2, 0]);
    LinkOptions { wire, message, fds, ..LinkOptions::default() }
}

/// One link that is fed, and everything that came out of it.
struct Reader {
    link: Link<Coin>,
    purse: Purse,
    seen: Seen,
    /// How many bytes and descriptors each call brought.
    calls: Vec<(usize, usize)>,
}

impl Reader {
    fn new(options: &LinkOptions) -> Self {
        Self { link: Link::new(options), purse: Purse::default(), seen: Seen::default(), calls: Vec::new() }
    }

    fn receive(&mut self, bytes: &[u8], fds: usize) {
        self.calls.push((bytes.len(), fds));
        self.link.received(bytes, self.purse.mint_all(fds));
    }

    /// As system calls would: each brings as much as there is room for, and the descriptors come with the first.
    fn read(&mut self, mut bytes: &[u8], mut fds: usize) {
        while !bytes.is_empty() {
            let Room { buffer, most } = self.link.room();
            if most == 0 {
                // A large body is whole: nothing is read before it is taken.
                self.poll(false);
                if self.seen.fault.is_some() {
                    return self.receive(bytes, fds);
                }
                continue;
            }
            assert!(buffer.capacity() - buffer.len() >= most, "what is lent is there");
            let (now, later) = bytes.split_at(most.min(bytes.len()));
            buffer.extend_from_slice(now);
            bytes = later;
            self.calls.push((now.len(), fds));
            self.link.arrived(now.len(), self.purse.mint_all(std::mem::take(&mut fds)));
        }
    }

    fn poll(&mut self, quick: bool) {
        while self.seen.fault.is_none() {
            if quick && let Some(body) = self.link.inbound().quick_message() {
                self.seen.frames.push(Message::new(body).into());
                continue;
            }
            match self.link.poll_frame() {
                Ok(Some(frame)) => self.seen.frames.push(frame),
                Ok(None) => return,
                Err(fault) => {
                    self.seen.fault = Some(fault);
                    let given: usize = self.seen.frames.iter().map(|frame| frame.message.fds.len()).sum();
                    assert_eq!(self.purse.alive(), given, "a fault closes what nobody has claimed");
                }
            }
        }
    }

    /// The stream is over, and so is the link.
    fn end(mut self, wire: Wire) -> Seen {
        self.poll(false);
        if let Err(fault) = self.link.end() {
            let before = self.seen.fault.get_or_insert(fault);
            assert_eq!(*before, fault, "a fault stays");
        }
        if let Some(fault) = self.seen.fault {
            stays_failed(self.link.inbound(), fault, &self.purse);
        }
        drop(self.link);
        let given = self.seen.frames.iter().flat_map(|frame| &frame.message.fds);
        let numbers: Vec<u32> = given.map(Coin::number).collect();
        assert_eq!(self.purse.alive(), numbers.len(), "what was not given out is closed with the link");
        assert!(numbers.is_sorted_by(|one, next| one < next), "each once, in order: {numbers:?}");
        assert!(wire.carries_fds() || numbers.is_empty(), "{wire:?} carries no descriptors");
        self.seen
    }
}

fn stays_failed(inbound: &mut Inbound<Coin>, fault: PeerFault, purse: &Purse) {
    inbound.received(b"GNL\x01 and more", purse.mint_all(1));
    for _ in 0..2 {
        assert_eq!(inbound.poll_frame(), Err(fault), "a fault stays");
        assert_eq!(inbound.end(), Err(fault), "a fault stays");
    }
}

/// Any bytes on this wire, however they are cut: the same frames come out, or the same fault.
fn wire(wire: Wire, data: &[u8]) {
    let mut script = Script::new(data);
    let options = options(wire, &mut script);
    let chunks = chunks(&mut script, &options);
    let whole = chunks.iter().map(|chunk| &chunk.bytes[..]).collect::<Vec<_>>().concat();
    let any_fds = chunks.iter().any(|chunk| chunk.fds > 0);

    let growth = Growth::measure();
    let mut cut = Reader::new(&options);
    for Chunk { bytes, fds, how } in &chunks {
        if how.in_place {
            cut.read(bytes, *fds);
        } else {
            cut.receive(bytes, *fds);
        }
        if how.poll {
            cut.poll(how.quick);
        }
    }
    let calls = std::mem::take(&mut cut.calls);
    let cut = cut.end(wire);
    let allowed = 4 * whole.len() + WRITTEN_DOWN * cut.frames.len() + ROOM;
    assert!(growth.most() <= allowed, "{} bytes for {}", growth.most(), whole.len());

    check_limits(wire, &options, &cut);

    let mut at_once = Reader::new(&options);
    if any_fds {
        // Which descriptors belong together is told by the calls; when one looks must change nothing.
        let mut rest = &whole[..];
        for (bytes, fds) in calls {
            let (now, later) = rest.split_at(bytes);
            at_once.receive(now, fds);
            rest = later;
        }
    } else {
        at_once.receive(&whole, 0);
    }
    compare(wire, any_fds, &cut, &at_once.end(wire));
}

fn check_limits(wire: Wire, options: &LinkOptions, seen: &Seen) {
    let least = if wire == Wire::Native { (limits::GUARANTEED_BODY, limits::GUARANTEED_FDS) } else { (1, 0) };
    let (body, fds) = (options.message.max(least.0), options.fds.max(least.1));
    for Frame { message, .. } in &seen.frames {
        assert!(message.body.len() <= body, "{} bytes, {body} are accepted", message.body.len());
        assert!(message.fds.len() <= fds, "{} descriptors, {fds} are accepted", message.fds.len());
    }
}

fn compare(wire: Wire, any_fds: bool, cut: &Seen, at_once: &Seen) {
    if wire == Wire::Raw {
        // A raw message is what has arrived when one looks, and so is the number of its descriptors.
        assert!(any_fds || cut.fault == at_once.fault);
        let faulty = cut.fault.is_some() || at_once.fault.is_some();
        assert!(faulty || bodies(cut) == bodies(at_once), "the bytes are the same");
        return;
    }
    assert_eq!(cut.frames, at_once.frames);
    match (cut.fault, at_once.fault) {
        // Descriptors that belong to nobody have several names, as the case may be.
        (Some(_), Some(_)) if any_fds => {}
        // A line that is too long may go on.
        (Some(PeerFault::TooLong { .. }), Some(PeerFault::TooLong { .. })) if wire == Wire::Lines => {}
        (cut, at_once) => assert_eq!(cut, at_once),
    }
}

fn bodies(seen: &Seen) -> Vec<u8> {
    assert!(seen.frames.iter().all(|frame| frame.kind == Kind::Message));
    seen.frames.iter().map(|frame| &frame.message.body[..]).collect::<Vec<_>>().concat()
}

/// What a link may hold beside what arrived: its buffers.
const ROOM: usize = 256 << 10;
/// What this test itself keeps of a frame, at most.
const WRITTEN_DOWN: usize = 512;

/// Any bytes on the native wire.
pub fn wire_native(data: &[u8]) {
    wire(Wire::Native, data);
}

/// Any bytes on a wire without frames.
pub fn wire_raw(data: &[u8]) {
    wire(Wire::Raw, data);
}

/// Any bytes on the wire of lengths.
pub fn wire_prefixed(data: &[u8]) {
    wire(Wire::LengthPrefixed, data);
}

/// Any bytes on the wire of lines.
pub fn wire_lines(data: &[u8]) {
    wire(Wire::Lines, data);
}

/// Any bytes on kyneta's wire.
pub fn wire_kyneta(data: &[u8]) {
    wire(Wire::Kyneta, data);
}

/// Any bytes on a wire of SP. A first byte says which end reads them, and whether kinds stand before lengths.
pub fn wire_sp(data: &[u8]) {
    let (&first, rest) = data.split_first().unwrap_or((&0, data));
    let own = Protocol::ALL[usize::from(first >> 1) % Protocol::ALL.len()];
    wire(if first & 1 == 1 { Wire::SpIpc(own) } else { Wire::Sp(own) }, rest);
}
