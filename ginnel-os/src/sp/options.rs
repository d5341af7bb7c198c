use std::time::Duration;

use ginnel_proto::limits::Bound;
use ginnel_proto::sp::{self as machine, Protocol};
use ginnel_proto::{LinkOptions, Patience, Wire};

use crate::credentials::Policy;
use crate::listener::ListenerOptions;
use crate::net::NetOptions;
use crate::sys::{self, Kernel};

/// How an end behaves. The defaults are nng's, and where nng has no bound there is one.
///
/// ```
/// use std::time::Duration;
/// use ginnel_os::sp::Options;
/// let options = Options::new().largest_message(1 << 20).survey_time(Duration::from_millis(200)).hops(3);
/// # let _ = options;
/// ```
#[derive(Clone, Debug)]
#[must_use]
pub struct Options {
    machine: machine::Options,
    message: usize,
    patience: Patience,
    awake: Duration,
    pub(super) listener: ListenerOptions,
}

impl Default for Options {
    fn default() -> Self {
        Self::new()
    }
}

impl Options {
    /// The defaults.
    pub fn new() -> Self {
        Self {
            machine: machine::Options::default(),
            message: MESSAGE,
            patience: Patience { greeting: Some(GREETING), ..Patience::default() },
            awake: AWAKE,
            listener: ListenerOptions::default(),
        }
    }

    /// Largest message that is accepted, with its header, in bytes; a larger one ends its pipe. 1 GiB unless told
    /// otherwise; 0: any that can be counted. It is allocated as it arrives, not as it is announced.
    pub const fn largest_message(mut self, bytes: usize) -> Self {
        self.message = if bytes == 0 { usize::MAX } else { bytes };
        self
    }

    /// Most hops that a message may have come over, from 1 to 15: 8 unless told otherwise; anything else counts as the
    /// nearest of these. What has come further is
    /// dropped and counted. Of `Pair1`, `Req`, `Rep`, `Surveyor` and `Respondent`.
    pub const fn hops(mut self, most: u8) -> Self {
        self.machine.ttl = most;
        self
    }

    /// Messages that wait to be sent beside what a pipe has taken: for each pipe of a `Pub` (16), a `Bus` (16) and a
    /// `Surveyor` (8), for all together of a `Push` and a `Pair` (0).
    pub const fn send_queue(mut self, messages: usize) -> Self {
        self.machine.send_queue = Some(messages);
        self
    }

    /// Messages that wait to be received where more are dropped: of a `Sub` (128), a `Bus` (16) and each survey (128).
    pub const fn receive_queue(mut self, messages: usize) -> Self {
        self.machine.receive_queue = Some(messages);
        self
    }

    /// How much may wait to be received where nothing is dropped, before nothing more is read: 1 MiB and 1,024 messages
    /// unless told otherwise. Of a `Pull`, a `Pair`, a `Rep` and a `Respondent`; for the last two it bounds the answers
    /// that wait for one pipe too.
    pub const fn inbox(mut self, bound: Bound) -> Self {
        self.machine.inbox = bound;
        self
    }

    /// Of a full `Sub`: drop the oldest message, or what has just come. The oldest unless told otherwise.
    pub const fn prefer_new(mut self, prefer: bool) -> Self {
        self.machine.prefer_new = prefer;
        self
    }

    /// How many prefixes a `Sub` keeps, and bytes of them: 1,048,576 and 64 MiB unless told otherwise.
    pub const fn subscriptions(mut self, bound: Bound) -> Self {
        self.machine.subscriptions = bound;
        self
    }

    /// When a `Req` that was not answered asks again: after 60 s unless told otherwise, and at once when the pipe is
    /// lost that it asked over. `None`: never; the request fails when its pipe is lost. For what must not be done twice.
    pub const fn resend_after(mut self, time: Option<Duration>) -> Self {
        self.machine.resend = time;
        self
    }

    /// How long a survey is open: 1 s unless told otherwise.
    pub const fn survey_time(mut self, time: Duration) -> Self {
        self.machine.survey = time;
        self
    }

    /// Requests, or surveys, that may be open at the same time: 16,384 unless told otherwise, and one at least. Another one waits.
    pub const fn open_requests(mut self, most: usize) -> Self {
        self.machine.asks = if most == 0 { 1 } else { most };
        self
    }

    /// How long a dialer pauses, at most, before it dials again: 1 s unless told otherwise. Each pause is a random part
    /// of it.
    pub const fn redial(mut self, pause: Duration) -> Self {
        self.machine.redial = pause;
        self
    }

    /// Lets that pause double with each failure, up to this. It does not, unless told otherwise.
    pub const fn redial_up_to(mut self, pause: Duration) -> Self {
        self.machine.redial_most = Some(pause);
        self
    }

    /// How long the other side may take to greet: 10 s unless told otherwise, over every transport. `None`: for ever.
    pub const fn greeting_deadline(mut self, time: Option<Duration>) -> Self {
        self.patience.greeting = time;
        self
    }

    /// How long a message that was begun may take to go on by 64 KiB: 30 s unless told otherwise. `None`: for ever.
    pub const fn progress_deadline(mut self, time: Option<Duration>) -> Self {
        self.patience.progress = time;
        self
    }

    /// Permission bits of its socket files: who may connect. 0600 unless told otherwise.
    #[cfg(unix)]
    pub const fn mode(mut self, mode: u32) -> Self {
        self.listener.mode = mode;
        self
    }

    /// Who may connect to its socket files and abstract names, beside what permissions say; of abstract names, our own user
    /// unless told otherwise.
    ///
    /// It judges those who come over TCP too, whom the kernel does not name: only [`Policy::anyone`] lets them in.
    pub fn allow(mut self, policy: Policy) -> Self {
        self.listener.allow = Some(policy);
        self
    }

    /// How long a thread that waits here stays awake before it sleeps: 20 us unless told otherwise; zero: it sleeps at once.
    ///
    /// It does so only where what it waited for came within 50 us several times in a row, and less and less often where
    /// that does not help. A request and its answer take about half as long then. Tasks of tokio are not concerned.
    pub const fn stay_awake(mut self, moment: Duration) -> Self {
        self.awake = moment;
        self
    }

    /// How its socket files are published, and who may connect. 0600 and no policy unless told otherwise; abstract names
    /// serve our own user, where nothing else is said.
    pub fn listener(mut self, options: ListenerOptions) -> Self {
        self.listener = options;
        self
    }

    pub(super) fn machine(&self) -> machine::Options {
        machine::Options { seed: sys::Names::random(&Kernel).unwrap_or_default(), ..self.machine.clone() }
    }

    pub(super) fn net(&self, own: Protocol) -> NetOptions {
        let link =
            LinkOptions { wire: Wire::SpIpc(own), message: self.message, fds: 0, ..LinkOptions::default() };
        NetOptions {
            awake: self.awake,
            link,
            patience: self.patience,
            listener: self.listener.clone(),
            ..NetOptions::default()
        }
    }
}

/// As `RECVMAXSZ`.
const MESSAGE: usize = 1 << 30;
/// Several times what an answer takes where nobody sleeps.
const AWAKE: Duration = Duration::from_micros(20);
/// As nng has it over `ipc://`.
const GREETING: Duration = Duration::from_secs(10);
