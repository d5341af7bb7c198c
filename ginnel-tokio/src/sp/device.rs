use std::convert::Infallible;
use std::future::poll_fn;
use std::task::{Context, Poll};

use ginnel_os::Error;
use ginnel_os::sp::pass;
use ginnel_proto::sp::Forwards;

use super::Socket;

/// Passes on what arrives at one end to the other, both ways: [`RawRep`](super::RawRep) with [`RawReq`](super::RawReq),
/// [`RawRespondent`](super::RawRespondent) with [`RawSurveyor`](super::RawSurveyor), [`RawPair1`](super::RawPair1) with
/// another, [`Pull`](super::Pull) with [`Push`](super::Push), [`Sub`](super::Sub) with [`Pub`](super::Pub),
/// [`Pair0`](super::Pair0) and [`Bus`](super::Bus) with another.
///
/// What one side does not take is not read from the other. Requests, surveys and messages of pairs of version 1 that were passed on
/// too often are dropped: a ring of devices stops them.
///
/// ```
/// use ginnel_tokio::sp::{Device, RawRep, RawReq, Rep, Req};
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), ginnel_tokio::Error> {
/// # let dir = tempfile::tempdir()?;
/// # let url = |name: &str| format!("ipc://{}", dir.path().join(name).display());
/// let (mut front, mut back) = (RawRep::new()?, RawReq::new()?);
/// front.listen(&url("front"))?;
/// back.listen(&url("back"))?;
/// tokio::spawn(async move { Device::new(front, back).run().await });
///
/// let mut rep = Rep::new()?;
/// rep.dial(&url("back")).await?;
/// tokio::spawn(async move {
///     let request = rep.recv().await?;
///     rep.reply(request, "by way of the device");
///     rep.flush().await
/// });
/// let mut req = Req::new()?;
/// req.dial(&url("front")).await?;
/// assert_eq!(req.request("hello").await?, "by way of the device");
/// # Ok(())
/// # }
/// ```
#[derive(Debug)]
pub struct Device<P: Forwards> {
    front: Socket<P>,
    back: Socket<P::With>,
}

impl<P: Forwards> Device<P> {
    /// A device of these two, with the listeners, dialers and pipes that they have.
    pub const fn new(front: Socket<P>, back: Socket<P::With>) -> Self {
        Self { front, back }
    }

    /// Its two ends, to look after their pipes.
    pub const fn ends(&mut self) -> (&mut Socket<P>, &mut Socket<P::With>) {
        (&mut self.front, &mut self.back)
    }

    /// Passes messages on, for as long as it is awaited.
    ///
    /// # Errors
    /// The pollers'.
    ///
    /// # Cancel safety
    /// Cancelled, it can be run on: no message is lost.
    pub async fn run(&mut self) -> Result<Infallible, Error> {
        poll_fn(|cx| self.poll_run(cx)).await
    }

    fn poll_run(&mut self, cx: &mut Context<'_>) -> Poll<Result<Infallible, Error>> {
        let Self { front: Socket { turning: front }, back: Socket { turning: back } } = self;
        for _ in 0..TURNS {
            if pass(&mut front.driven, &mut back.driven) {
                continue;
            }
            let front = front.poll_turn(cx)?;
            let back = back.poll_turn(cx)?;
            if front.is_pending() && back.is_pending() {
                return Poll::Pending;
            }
        }
        cx.waker().wake_by_ref();
        Poll::Pending
    }
}

/// Turns before others have theirs.
const TURNS: usize = 32;
