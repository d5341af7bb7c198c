//! What is waited for on Windows: sockets and pollers that wake a waker at their next change. The system's own thread pool
//! calls it; tokio's reactor has no part in this.

use std::io;
use std::pin::pin;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll, Wake, Waker, ready};

use ginnel_os::{self as os, AdoptError, Direction, Wait, Waitable, Would};
use tokio::sync::Notify;
use tokio::task::coop;

use crate::driver::Ready;

/// What can be waited for.
pub(crate) trait Watch {
    /// Whoever need not be asked each time tells this herald from now on.
    fn begin(&self, _: &Herald) {}

    /// Is it ready? If not, the herald is told when it may be: from before this looks, so that no change is missed.
    fn is_ready(&self, direction: Direction, herald: &Herald) -> bool;
}

impl Watch for os::Stream {
    fn is_ready(&self, direction: Direction, herald: &Herald) -> bool {
        self.borrowed().poll_ready(direction, &herald.waker)
    }
}

impl Watch for os::SeqPacket {
    fn is_ready(&self, direction: Direction, herald: &Herald) -> bool {
        self.borrowed().poll_ready(direction, &herald.waker)
    }
}

impl Watch for os::Listener {
    fn is_ready(&self, direction: Direction, herald: &Herald) -> bool {
        self.borrowed().poll_ready(direction, &herald.waker)
    }
}

/// A poller says itself that something has changed; whether anything is ready, a turn finds out.
impl Watch for Waitable {
    fn begin(&self, herald: &Herald) {
        self.in_loop(herald.waker.clone());
    }

    fn is_ready(&self, _: Direction, herald: &Herald) -> bool {
        herald.has_news()
    }
}

/// Something whose changes wake tasks.
#[derive(Debug)]
pub(crate) struct Watched<T> {
    socket: T,
    read: Herald,
    write: Herald,
}

/// Tells the tasks that wait for one direction. A socket knows one waker for each; here any number may wait.
#[derive(Debug)]
pub(crate) struct Herald {
    crowd: Arc<Crowd>,
    /// Of the crowd.
    waker: Waker,
}

#[derive(Debug, Default)]
struct Crowd {
    /// How often it was told of a change.
    told: AtomicUsize,
    /// How often it had been told when somebody looked who then found nothing.
    seen: AtomicUsize,
    /// One that polls.
    task: Mutex<Option<Waker>>,
    /// Those that await.
    tasks: Notify,
}

impl Wake for Crowd {
    fn wake(self: Arc<Self>) {
        self.wake_by_ref();
    }

    fn wake_by_ref(self: &Arc<Self>) {
        self.told.fetch_add(1, Ordering::AcqRel);
        self.tasks.notify_waiters();
        let task = self.task.lock().unwrap_or_else(PoisonError::into_inner).take();
        // Outside the lock: whoever wakes may run what takes it.
        if let Some(task) = task {
            task.wake();
        }
    }
}

impl Herald {
    fn new() -> Self {
        let crowd = Arc::<Crowd>::default();
        Self { waker: Waker::from(Arc::clone(&crowd)), crowd }
    }

    fn has_news(&self) -> bool {
        self.crowd.told.load(Ordering::Acquire) != self.crowd.seen.load(Ordering::Acquire)
    }

    /// Wakes this task at the next change.
    fn wake_at_change(&self, waker: &Waker) {
        let mut task = self.crowd.task.lock().unwrap_or_else(PoisonError::into_inner);
        if task.as_ref().is_none_or(|task| !task.will_wake(waker)) {
            let before = task.replace(waker.clone());
            drop(task);
            // Unlocked: with a waker its task may go, and with that whatever it had.
            drop(before);
        }
    }
}

/// A direction that is ready.
#[must_use = "whoever finds nothing clears it"]
pub(crate) struct Guard<'a, T> {
    watched: &'a Watched<T>,
    direction: Direction,
    told: usize,
}

impl<T: Watch> Guard<'_, T> {
    /// There is no more. What has come since the guard was taken is not forgotten.
    pub(crate) fn clear(self) {
        self.watched.herald(self.direction).crowd.seen.store(self.told, Ordering::Release);
    }
}

impl<T: Watch> Watched<T> {
    #[expect(clippy::unnecessary_wraps, reason = "on Unix a reactor may refuse")]
    pub(crate) fn new(socket: T) -> io::Result<Self> {
        let watched = Self { socket, read: Herald::new(), write: Herald::new() };
        watched.socket.begin(&watched.read);
        Ok(watched)
    }

    /// As [`new`](Self::new), for what is never written to.
    pub(crate) fn reading(poller: T) -> io::Result<Self> {
        Self::new(poller)
    }

    pub(crate) const fn get(&self) -> &T {
        &self.socket
    }

    pub(crate) fn into_inner(self) -> T {
        self.socket
    }

    /// Waits until the socket says that it is ready. Any number of tasks may wait here.
    pub(crate) async fn ready(&self, direction: Direction) -> io::Result<Guard<'_, T>> {
        loop {
            if let Some(guard) = self.look(direction) {
                return Ok(guard);
            }
            let mut told = pin!(self.herald(direction).crowd.tasks.notified());
            // From here on a change is noticed, so what changed before has to be looked for again.
            told.as_mut().enable();
            if let Some(guard) = self.look(direction) {
                return Ok(guard);
            }
            told.await;
        }
    }

    /// As [`ready`](Self::ready), for one waiting task in each direction. Takes tokio's budget by itself.
    pub(crate) fn poll_ready(
        &self,
        cx: &mut Context<'_>,
        direction: Direction,
    ) -> Poll<io::Result<Guard<'_, T>>> {
        let turn = ready!(coop::poll_proceed(cx));
        let mut found = self.look(direction);
        if found.is_none() {
            self.herald(direction).wake_at_change(cx.waker());
            // As in `ready`.
            found = self.look(direction);
        }
        match found {
            Some(guard) => {
                turn.made_progress();
                Poll::Ready(Ok(guard))
            }
            None => Poll::Pending,
        }
    }

    fn look(&self, direction: Direction) -> Option<Guard<'_, T>> {
        let herald = self.herald(direction);
        // Before the look, as `Guard::clear` promises.
        let told = herald.crowd.told.load(Ordering::Acquire);
        self.socket.is_ready(direction, herald).then_some(Guard { watched: self, direction, told })
    }

    const fn herald(&self, direction: Direction) -> &Herald {
        match direction {
            Direction::Read => &self.read,
            Direction::Write => &self.write,
        }
    }
}

impl Watched<os::Stream> {
    /// Waits until the system has what was written: the last of it is on its way until then.
    pub(crate) fn poll_flush(&self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        // To send nothing tells what became of what was sent before.
        self.poll_until(cx, Direction::Write, |os| {
            Ok(os.send(&[], &[], Wait::Never)?.map(|_| Ready::some(())))
        })
    }

    /// Ends both directions, behind what was written: a pipe has no half of that.
    pub(crate) fn poll_finish(&self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let flushed = match ready!(self.poll_flush(cx)) {
            // The peer has gone first, or it was ended before: there is nobody to tell.
            Err(error) if error.kind() == io::ErrorKind::BrokenPipe => Ok(()),
            flushed => flushed,
        };
        let finished = self.get().finish();
        Poll::Ready(flushed.and(finished))
    }
}

/// A listener whose changes wake tasks.
#[derive(Debug)]
pub(crate) struct Door(Watched<os::Listener>);

impl Door {
    pub(crate) fn new(os: os::Listener) -> Result<Self, AdoptError> {
        let watched = Watched { socket: os, read: Herald::new(), write: Herald::new() };
        Ok(Self(watched))
    }

    pub(crate) const fn get(&self) -> &os::Listener {
        self.0.get()
    }

    pub(crate) fn into_inner(self) -> os::Listener {
        self.0.into_inner()
    }

    pub(crate) fn republish(&mut self) -> io::Result<()> {
        self.0.socket.republish().map(drop)
    }

    /// As [`Watched::until`].
    pub(crate) async fn until<R>(
        &self,
        attempt: impl FnMut(&os::Listener) -> Would<Ready<R>>,
    ) -> io::Result<R> {
        self.0.until(Direction::Read, attempt).await
    }

    /// As [`Watched::poll_until`].
    pub(crate) fn poll_until<R>(
        &self,
        cx: &mut Context<'_>,
        attempt: impl FnMut(&os::Listener) -> Would<Ready<R>>,
    ) -> Poll<io::Result<R>> {
        self.0.poll_until(cx, Direction::Read, attempt)
    }
}
