use std::convert::Infallible;
use std::io;
use std::time::Instant;

use ginnel_os::Error;
use ginnel_os::driven::Driven;
use ginnel_os::sp::pass;
use ginnel_proto::sp::Forwards;

use super::Socket;
use crate::driver::{has_passed, wait_for_two};

/// Passes on what arrives at one end to the other, both ways: [`RawRep`](super::RawRep) with [`RawReq`](super::RawReq),
/// [`RawRespondent`](super::RawRespondent) with [`RawSurveyor`](super::RawSurveyor), [`RawPair1`](super::RawPair1) with
/// another, [`Pull`](super::Pull) with [`Push`](super::Push), [`Sub`](super::Sub) with [`Pub`](super::Pub),
/// [`Pair0`](super::Pair0) and [`Bus`](super::Bus) with another.
///
/// What one side does not take is not read from the other. Requests, surveys and messages of pairs of version 1 that were passed on
/// too often are dropped: a ring of devices stops them.
///
/// ```
/// use ginnel::sp::{Device, RawRep, RawReq, Rep, Req};
/// # let dir = tempfile::tempdir()?;
/// # let url = |name: &str| format!("ipc://{}", dir.path().join(name).display());
/// let (mut front, mut back) = (RawRep::new()?, RawReq::new()?);
/// front.listen(&url("front"))?;
/// back.listen(&url("back"))?;
/// std::thread::spawn(move || Device::new(front, back).run());
///
/// let mut rep = Rep::new()?;
/// rep.dial(&url("back"))?;
/// std::thread::spawn(move || {
///     let request = rep.recv()?;
///     rep.reply(request, "by way of the device");
///     rep.flush()
/// });
/// let mut req = Req::new()?;
/// req.dial(&url("front"))?;
/// assert_eq!(req.request("hello")?, "by way of the device");
/// # Ok::<(), ginnel::Error>(())
/// ```
#[derive(Debug)]
pub struct Device<P: Forwards> {
    front: Socket<P>,
    back: Socket<P::With>,
    deadline: Option<Instant>,
}

impl<P: Forwards> Device<P> {
    /// A device of these two, with the listeners, dialers and pipes that they have.
    pub const fn new(front: Socket<P>, back: Socket<P::With>) -> Self {
        Self { front, back, deadline: None }
    }

    /// Its two ends, to look after their pipes.
    pub const fn ends(&mut self) -> (&mut Socket<P>, &mut Socket<P::With>) {
        (&mut self.front, &mut self.back)
    }

    /// Lets [`run`](Self::run) fail with `TimedOut` once this moment has come; `None`: run for ever.
    pub const fn set_deadline(&mut self, deadline: Option<Instant>) {
        self.deadline = deadline;
    }

    /// Passes messages on, on this thread.
    ///
    /// # Errors
    /// `TimedOut`: the deadline passed; it can run on. Else the pollers'.
    pub fn run(&mut self) -> Result<Infallible, Error> {
        let Self { front: Socket { os: front, .. }, back: Socket { os: back, .. }, deadline } = self;
        loop {
            while pass(front, back) {}
            let active = front.turn(true)?;
            if !(back.turn(true)? || active || front.wants_turn() || back.wants_turn()) {
                let until = [*deadline, front.deadline(), back.deadline()].into_iter().flatten().min();
                wait_for_two((&front.descriptor(), &back.descriptor()), until)?;
            }
            if has_passed(*deadline) {
                return Err(io::Error::from(io::ErrorKind::TimedOut).into());
            }
        }
    }
}
