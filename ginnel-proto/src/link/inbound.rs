use bytes::Bytes;

use super::fds::Fds;
use super::{Accept, Decode, Greeting, Head, LinkOptions, What, Wire};
use super::{delimited, kyneta, native, prefixed, raw, sp_wire};
use crate::{Frame, Kind, Message, PeerFault, limits};

/// The reading side of a connection: bytes and descriptors in, frames out.
///
/// A body over 60 KiB gets a buffer of its own once its header is known; the next reads go there, so it is copied at
/// most once, and it grows with what arrived, not with what was announced.
#[derive(Debug)]
pub struct Inbound<F> {
    decoder: Decoder,
    accept: Accept,
    carries_fds: bool,
    tail: Tail,
    /// Boxed, as is what only one wire has: most connections are idle, and have neither.
    under_way: Option<Box<UnderWay<F>>>,
    fds: Fds<F>,
    pieces: Option<Box<kyneta::Pieces>>,
    greeting: Option<Box<Greeting>>,
    is_greeted: bool,
    fault: Option<PeerFault>,
}

/// What has arrived and was not taken.
///
/// ```text
///           ┌ start                            ┌ end of the vector
///   ▒▒▒▒▒▒▒▒│ unfinished, or not looked at yet │ room
/// ```
#[derive(Debug, Default)]
struct Tail {
    bytes: Vec<u8>,
    start: usize,
}

/// A frame whose header is known and whose end has not arrived.
#[derive(Debug)]
struct UnderWay<F> {
    head: Head,
    fds: Vec<F>,
    /// Of its own if it is large; else the body is still in the tail, behind the header.
    body: Option<Vec<u8>>,
}

/// Where the next read goes: at most `most` bytes, behind what `buffer` holds. It has room for them.
#[derive(Debug)]
#[expect(clippy::exhaustive_structs, reason = "the two things a read needs")]
pub struct Room<'a> {
    /// Read behind what it holds, without touching that.
    pub buffer: &'a mut Vec<u8>,
    /// Read no more than this.
    pub most: usize,
}

impl<F> Inbound<F> {
    pub(super) fn new(options: &LinkOptions) -> Self {
        let LinkOptions { wire, message, fds, .. } = *options;
        let accept = match wire {
            Wire::Native => {
                let ours = Greeting::new(message, fds, options.incarnation);
                Accept { message: ours.message as usize, fds: ours.fds.into() }
            }
            _ => Accept { message, fds },
        };
        Self {
            decoder: Decoder::new(wire),
            accept,
            carries_fds: wire.carries_fds(),
            tail: Tail::default(),
            under_way: None,
            fds: Fds::default(),
            pieces: None,
            greeting: None,
            is_greeted: !wire.greets(),
            fault: None,
        }
    }

    /// Lends the buffer for the next read, with room for 60 KiB or for the rest of a large body.
    pub fn room(&mut self) -> Room<'_> {
        if let Some(UnderWay { head, body: Some(body), .. }) = self.under_way.as_deref_mut() {
            let left = head.body - body.len();
            if body.capacity() == body.len() {
                body.reserve_exact(left.min(body.len().max(limits::READ)));
            }
            let most = left.min(body.capacity() - body.len());
            return Room { buffer: body, most };
        }
        self.tail.room()
    }

    /// A read put `bytes` bytes behind what the lent buffer held, and these descriptors came with it.
    ///
    /// One call for each receiving system call: which frame descriptors belong to is told by where they arrived.
    pub fn arrived(&mut self, bytes: usize, fds: Vec<F>) {
        self.fds.arrived(bytes as u64, fds);
    }

    /// Bytes that arrived in somebody else's buffer, and the descriptors that came with them.
    pub fn received(&mut self, mut bytes: &[u8], fds: Vec<F>) {
        self.fds.arrived(bytes.len() as u64, fds);
        if let Some(UnderWay { head, body: Some(body), .. }) = self.under_way.as_deref_mut() {
            let (own, rest) = bytes.split_at(bytes.len().min(head.body - body.len()));
            body.extend_from_slice(own);
            bytes = rest;
        }
        if !bytes.is_empty() {
            self.tail.compact();
            self.tail.bytes.extend_from_slice(bytes);
        }
    }

    /// Lets go of buffers that hold nothing, before a wait.
    pub fn settle(&mut self) {
        self.tail.release();
    }

    /// The next whole frame, if there is one. It owns its bytes: a small one that is kept holds on to nothing large.
    ///
    /// # Errors
    /// The peer broke a rule; every frame before was given out. The fault stays, and descriptors that nobody has
    /// claimed are closed.
    #[inline]
    pub fn poll_frame(&mut self) -> Result<Option<Frame<F>>, PeerFault> {
        if let Some(fault) = self.fault {
            return Err(fault);
        }
        self.advance().inspect_err(|&fault| self.fail(fault))
    }

    /// The next frame, if it is a whole message without descriptors, native or of SP: the short way of
    /// [`poll_frame`](Self::poll_frame), which streams of small messages take. `None` says nothing.
    #[inline]
    pub fn quick_message(&mut self) -> Option<Bytes> {
        if self.under_way.is_some() || !self.fds.is_empty() {
            return None;
        }
        let input = self.tail.unread();
        let (header, length) = match &self.decoder {
            Decoder::Native(native::Decoder::Frames) => {
                (native::HEADER, native::quick_message(*input.first_chunk()?)?)
            }
            Decoder::Sp(wire) => wire.quick_message(input)?,
            _ => return None,
        };
        if length > self.accept.message {
            return None;
        }
        let body = Bytes::copy_from_slice(input.get(header..)?.get(..length)?);
        self.tail.take(header + length);
        self.fds.passed((header + length) as u64);
        Some(body)
    }

    /// The other side's greeting, once.
    #[inline]
    pub fn take_greeting(&mut self) -> Option<Greeting> {
        self.greeting.take().map(|greeting| *greeting)
    }

    /// Has the other side greeted, or need it not?
    pub const fn is_greeted(&self) -> bool {
        self.is_greeted
    }

    /// Is a frame, or a greeting, there in part? Then its rest must come.
    pub const fn is_unfinished(&self) -> bool {
        self.under_way.is_some() || self.tail.start < self.tail.bytes.len()
    }

    /// If a frame of more than 64 KiB is there in part: how many bytes are held for it.
    pub fn growing(&self) -> Option<usize> {
        let own = self.under_way.as_deref().filter(|frame| frame.head.body > limits::GUARANTEED_BODY);
        let own = own.map(|frame| frame.body.as_ref().map_or(0, Vec::capacity));
        // Where nothing is announced, what is there counts.
        let pieces = self.pieces.as_deref().map_or(0, kyneta::Pieces::held);
        let rest = self.tail.unread().len() + pieces;
        match own {
            None if rest <= limits::GUARANTEED_BODY => None,
            own => Some(own.unwrap_or(0) + rest),
        }
    }

    /// If a frame, or a greeting, is there in part: how many bytes of the connection came before it.
    pub const fn unfinished(&self) -> Option<u64> {
        if self.is_unfinished() { Some(self.fds.taken()) } else { None }
    }

    /// The connection ended. Ask after the last frame was taken.
    ///
    /// # Errors
    /// [`PeerFault::CutShort`] if it ended inside a frame, or the fault there was before.
    pub fn end(&mut self) -> Result<(), PeerFault> {
        if let Some(fault) = self.fault {
            return Err(fault);
        }
        if !self.is_unfinished() {
            return Ok(());
        }
        let own = self.under_way.as_ref().and_then(|frame| frame.body.as_ref().map(|body| (frame, body)));
        let own = own.map_or(0, |(frame, body)| frame.head.skip + body.len());
        let fault = PeerFault::CutShort { bytes: (own + self.tail.unread().len()) as u64 };
        self.fail(fault);
        Err(fault)
    }

    #[cfg(test)]
    pub(super) const fn held(&self) -> usize {
        self.tail.bytes.capacity()
    }

    /// The peer broke a rule that is known further up: nothing more is read from it.
    pub(crate) fn fail(&mut self, fault: PeerFault) {
        self.fault = Some(fault);
        self.under_way = None;
        self.fds.clear();
        self.tail = Tail::default();
    }

    #[inline]
    fn advance(&mut self) -> Result<Option<Frame<F>>, PeerFault> {
        loop {
            let Some((head, fds, body)) = self.take_whole()? else { return Ok(None) };
            let (kind, body) = match head.what {
                What::Frame(kind) => (kind, body),
                What::Greeting => {
                    self.greeting = Some(Box::new(Greeting::decode(&body)?));
                    self.is_greeted = true;
                    continue;
                }
                What::Greeted => {
                    self.is_greeted = true;
                    continue;
                }
                What::Part(part) => {
                    match self.pieces.get_or_insert_default().add(part, body, &self.accept)? {
                        Some(body) => (Kind::Message, body),
                        None => continue,
                    }
                }
                What::Skipped => continue,
            };
            return Ok(Some(Frame { kind, message: Message { body, fds } }));
        }
    }

    /// The next body that is whole.
    #[inline]
    fn take_whole(&mut self) -> Result<Option<(Head, Vec<F>, Bytes)>, PeerFault> {
        if let Some(UnderWay { head, body: Some(body), .. }) = self.under_way.as_deref()
            && body.len() < head.body
        {
            self.fds.check_inside(head.bytes() as u64)?;
            return Ok(None);
        }
        let (head, fds) = match self.under_way.take().map(|frame| *frame) {
            Some(UnderWay { head, fds, body: Some(body) }) => {
                self.fds.check_inside(head.bytes() as u64)?;
                self.fds.passed(head.bytes() as u64);
                return Ok(Some((head, fds, body.into())));
            }
            Some(UnderWay { head, fds, body: None }) => (head, fds),
            None => {
                let input = self.tail.unread();
                let Some(head) = self.decoder.head(input, &self.accept)? else {
                    self.fds.check_unclaimed(self.carries_fds)?;
                    return Ok(None);
                };
                let fds = self.fds.claim(head.fds, head.bytes() as u64)?;
                if fds.len() > self.accept.fds {
                    return Err(PeerFault::TooManyFds { declared: fds.len(), limit: self.accept.fds });
                }
                (head, fds)
            }
        };
        self.fds.check_inside(head.bytes() as u64)?;
        let input = self.tail.unread();
        if head.bytes() <= input.len() {
            let body = Bytes::copy_from_slice(&input[head.skip..head.skip + head.body]);
            self.tail.take(head.bytes());
            self.fds.passed(head.bytes() as u64);
            return Ok(Some((head, fds, body)));
        }
        self.wait_for_rest(head, fds);
        Ok(None)
    }

    fn wait_for_rest(&mut self, head: Head, fds: Vec<F>) {
        let mut body = None;
        let begun = self.tail.unread().get(head.skip..);
        if head.body > limits::READ
            && head.trail == 0
            && let Some(begun) = begun
        {
            // A power of two, so that doubling fits what is usual.
            let room = (2 * begun.len().max(limits::READ / 2)).next_power_of_two();
            let mut own = Vec::with_capacity(head.body.min(room));
            own.extend_from_slice(begun);
            body = Some(own);
            self.tail.clear();
        }
        self.under_way = Some(Box::new(UnderWay { head, fds, body }));
    }
}

impl Tail {
    #[inline]
    fn unread(&self) -> &[u8] {
        &self.bytes[self.start..]
    }

    /// So many bytes are taken. With the last the buffer goes too: who has nothing unread holds none.
    #[inline]
    fn take(&mut self, bytes: usize) {
        self.start += bytes;
        if self.start == self.bytes.len() {
            self.release();
        }
    }

    /// Lets go of the buffer, if nothing in it is unread.
    fn release(&mut self) {
        if self.start == self.bytes.len() {
            *self = Self::default();
        }
    }

    fn room(&mut self) -> Room<'_> {
        self.compact();
        if self.bytes.capacity() - self.bytes.len() < limits::READ / 2 {
            self.bytes.reserve(limits::READ);
        }
        let most = self.bytes.capacity() - self.bytes.len();
        Room { buffer: &mut self.bytes, most }
    }

    /// Moves what is unfinished to the front.
    fn compact(&mut self) {
        if self.start > 0 {
            let left = self.unread().len();
            self.bytes.copy_within(self.start.., 0);
            self.bytes.truncate(left);
            self.start = 0;
        }
    }

    fn clear(&mut self) {
        self.bytes.clear();
        self.start = 0;
    }
}

#[derive(Debug)]
enum Decoder {
    Native(native::Decoder),
    Raw(raw::Decoder),
    Prefixed(prefixed::Decoder),
    Lines(delimited::Decoder),
    Kyneta(kyneta::Decoder),
    Sp(sp_wire::Decoder),
}

impl Decoder {
    fn new(wire: Wire) -> Self {
        match wire {
            Wire::Native => Self::Native(native::Decoder::default()),
            Wire::Raw => Self::Raw(raw::Decoder),
            Wire::LengthPrefixed => Self::Prefixed(prefixed::Decoder),
            Wire::Lines => Self::Lines(delimited::Decoder::default()),
            Wire::Kyneta => Self::Kyneta(kyneta::Decoder),
            Wire::Sp(own) => Self::Sp(sp_wire::Decoder::new(own, false)),
            Wire::SpIpc(own) => Self::Sp(sp_wire::Decoder::new(own, true)),
        }
    }

    #[inline]
    fn head(&mut self, input: &[u8], accept: &Accept) -> Result<Option<Head>, PeerFault> {
        match self {
            Self::Native(wire) => wire.head(input, accept),
            Self::Raw(wire) => wire.head(input, accept),
            Self::Prefixed(wire) => wire.head(input, accept),
            Self::Lines(wire) => wire.head(input, accept),
            Self::Kyneta(wire) => wire.head(input, accept),
            Self::Sp(wire) => wire.head(input, accept),
        }
    }
}
