//! One connection's bytes, without I/O: what arrived goes in and frames come out, frames go in and what to write comes
//! out. How frames look is the business of one file for each wire.

mod check;
mod delimited;
mod fds;
mod greeting;
mod inbound;
mod kyneta;
mod native;
mod outbound;
mod prefixed;
mod raw;
mod rejected;
mod sp_wire;

use crate::limits;
use crate::sp::Protocol;
use crate::{Frame, Kind, PeerFault};

pub use greeting::{Greeting, Incarnation};
pub use inbound::{Inbound, Room};
pub use outbound::{Outbound, SLICES, Transmit};
pub use rejected::{Limit, Misuse, Refusal, Rejected};

/// How frames are written on a byte stream.
///
/// ```
/// use ginnel_proto::Wire;
/// assert_eq!(Wire::default(), Wire::Native);
/// assert!(!Wire::Lines.carries_fds());
/// ```
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Default)]
#[non_exhaustive]
pub enum Wire {
    /// Our own, `docs/wire.md`: greeting, descriptors, calls, ping.
    #[default]
    Native,
    /// No frames: chunks as they come, with the descriptors that came with them.
    Raw,
    /// A length of four bytes, big-endian, then the body: as procwire frames.
    LengthPrefixed,
    /// Bodies that end with a line feed, which they do not contain: as procwire, and every tool that writes lines.
    Lines,
    /// The frames of kyneta 1.8: six bytes of header, then the body.
    Kyneta,
    /// SP over `socket://`, `tcp://` and `inproc://`, spoken by this end.
    Sp(Protocol),
    /// SP over `ipc://` and its like.
    SpIpc(Protocol),
}

impl Wire {
    /// Can a message on this wire carry descriptors?
    pub const fn carries_fds(self) -> bool {
        matches!(self, Self::Native | Self::Raw)
    }

    /// Are there calls, pings and goodbyes?
    pub const fn converses(self) -> bool {
        matches!(self, Self::Native)
    }

    /// The same where no byte tells what kind of thing a message is: SP over anything but `ipc://`.
    #[must_use]
    pub const fn without_kinds(self) -> Self {
        match self {
            Self::SpIpc(own) => Self::Sp(own),
            other => other,
        }
    }

    /// Does a connection begin with a greeting?
    pub const fn greets(self) -> bool {
        matches!(self, Self::Native | Self::Sp(_) | Self::SpIpc(_))
    }

    /// Bytes that each side says first.
    pub const fn greeting_bytes(self) -> usize {
        match self {
            Self::Native => Greeting::BYTES,
            Self::Sp(_) | Self::SpIpc(_) => sp_wire::GREETING,
            Self::Raw | Self::LengthPrefixed | Self::Lines | Self::Kyneta => 0,
        }
    }
}

/// What one side of a connection speaks and takes.
#[derive(Clone, Debug)]
#[expect(clippy::exhaustive_structs, reason = "plain settings, with a default")]
pub struct LinkOptions {
    /// How frames are written.
    pub wire: Wire,
    /// Largest body that is accepted, in bytes. The native wire accepts 64 KiB at least.
    pub message: usize,
    /// Most descriptors of one message that are accepted, up to 253. The native wire accepts 16 at least.
    pub fds: usize,
    /// How much may be queued.
    pub queue: limits::Bound,
    /// Who we are in the greeting: random, and new whenever what we remember of the other side was lost.
    pub incarnation: Incarnation,
}

impl Default for LinkOptions {
    fn default() -> Self {
        Self {
            wire: Wire::Native,
            message: limits::MESSAGE,
            fds: limits::MESSAGE_FDS,
            queue: limits::Bound::CONNECTION,
            incarnation: Incarnation::default(),
        }
    }
}

/// Both directions of one connection.
///
/// Whoever owns the socket reads into [`room`](Self::room) and tells with [`arrived`](Self::arrived), takes frames with
/// [`poll_frame`](Self::poll_frame), queues them with [`push`](Self::push), writes what [`transmit`](Self::transmit)
/// lends and tells with [`transmitted`](Self::transmitted). Nothing here waits.
///
/// ```
/// use ginnel_proto::{Link, LinkOptions, Message};
/// let mut near: Link<u32> = Link::new(&LinkOptions::default());
/// let mut far: Link<u32> = Link::new(&LinkOptions::default());
/// near.push(Message::new("hello").into())?;
/// while let Some(transmit) = near.transmit() {
///     let bytes = transmit.slices().concat_bytes();
///     far.received(&bytes, Vec::new());
///     near.transmitted(bytes.len());
/// }
/// let frame = far.poll_frame()?.expect("all of it arrived");
/// assert_eq!(&frame.message.body[..], b"hello");
/// # trait Concat { fn concat_bytes(&self) -> Vec<u8>; }
/// # impl Concat for [std::io::IoSlice<'_>] {
/// #     fn concat_bytes(&self) -> Vec<u8> { self.iter().flat_map(|slice| slice.to_vec()).collect() }
/// # }
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug)]
pub struct Link<F> {
    inbound: Inbound<F>,
    outbound: Outbound<F>,
}

impl Refusal {
    /// Does it pass, if one waits until something was written or the other side has greeted?
    pub const fn passes(self) -> bool {
        matches!(self, Self::Limit(Limit::Queue { .. } | Limit::NotGreeted))
    }
}

impl<F> Link<F> {
    /// A fresh connection. The native wire queues its greeting at once.
    pub fn new(options: &LinkOptions) -> Self {
        Self { inbound: Inbound::new(options), outbound: Outbound::new(options) }
    }

    /// Both directions apart, for two threads or tasks. Whoever holds the first passes
    /// [`take_greeting`](Inbound::take_greeting) on to the second.
    pub fn split(self) -> (Inbound<F>, Outbound<F>) {
        (self.inbound, self.outbound)
    }

    /// Where the next read goes, see [`Inbound::room`].
    pub fn room(&mut self) -> Room<'_> {
        self.inbound.room()
    }

    /// The last read brought so many bytes, see [`Inbound::arrived`].
    pub fn arrived(&mut self, bytes: usize, fds: Vec<F>) {
        self.inbound.arrived(bytes, fds);
    }

    /// Bytes arrived in somebody else's buffer, see [`Inbound::received`].
    pub fn received(&mut self, bytes: &[u8], fds: Vec<F>) {
        self.inbound.received(bytes, fds);
    }

    /// The next whole frame, if there is one.
    ///
    /// # Errors
    /// The peer broke a rule; every frame before was given out. The fault stays.
    pub fn poll_frame(&mut self) -> Result<Option<Frame<F>>, PeerFault> {
        let frame = self.inbound.poll_frame();
        if let Some(greeting) = self.inbound.take_greeting() {
            self.outbound.greeted(greeting);
        }
        frame
    }

    /// The connection ended.
    ///
    /// # Errors
    /// As [`Inbound::end`].
    pub fn end(&mut self) -> Result<(), PeerFault> {
        self.inbound.end()
    }

    /// Queues a frame, see [`Outbound::push`].
    ///
    /// # Errors
    /// As there, with the frame.
    pub fn push(&mut self, frame: Frame<F>) -> Result<(), Rejected<F>> {
        self.outbound.push(frame)
    }

    /// What to write next, see [`Outbound::transmit`].
    pub fn transmit(&self) -> Option<Transmit<'_, F>> {
        self.outbound.transmit()
    }

    /// So many bytes were written, see [`Outbound::transmitted`].
    pub fn transmitted(&mut self, bytes: usize) {
        self.outbound.transmitted(bytes);
    }

    /// Is a frame there in part, and since which byte, see [`Inbound::unfinished`].
    pub const fn unfinished(&self) -> Option<u64> {
        self.inbound.unfinished()
    }

    /// The reading side.
    pub const fn inbound(&mut self) -> &mut Inbound<F> {
        &mut self.inbound
    }

    /// The writing side.
    pub const fn outbound(&mut self) -> &mut Outbound<F> {
        &mut self.outbound
    }

    /// Has the other side greeted, or need it not?
    pub const fn is_greeted(&self) -> bool {
        self.inbound.is_greeted()
    }

    /// What the other side takes and who it is, once it has greeted on the native wire.
    pub const fn greeting(&self) -> Option<&Greeting> {
        self.outbound.greeting()
    }
}

/// How one wire is read.
trait Decode {
    /// Looks at the front of what has arrived: where a body begins and ends, once that can be told. It may be asked
    /// again with the same bytes and more.
    fn head(&mut self, input: &[u8], accept: &Accept) -> Result<Option<Head>, PeerFault>;
}

/// What is accepted from the other side.
#[derive(Clone, Copy, Debug)]
struct Accept {
    message: usize,
    fds: usize,
}

/// Where a body stands.
#[derive(Clone, Copy, Debug)]
struct Head {
    what: What,
    /// Bytes before the body.
    skip: usize,
    /// Bytes of the body.
    body: usize,
    /// Bytes after the body that belong to it.
    trail: usize,
    fds: Declared,
}

impl Head {
    const fn bytes(&self) -> usize {
        self.skip.saturating_add(self.body).saturating_add(self.trail)
    }
}

/// How many descriptors a frame says that it has.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Declared {
    /// So many.
    Number(usize),
    /// The wire does not say: whatever came.
    Whatever,
}

/// What a body is.
#[derive(Clone, Copy, Debug)]
enum What {
    Frame(Kind),
    /// The other side's greeting; the body is all of it.
    Greeting,
    /// The same on a wire where it says no more than that.
    Greeted,
    /// A piece of a frame.
    Part(kyneta::Part),
    /// Something that this wire tells its readers to skip.
    Skipped,
}

#[cfg(test)]
mod tests;
