//! Runs something once for each number of polls after which it is dropped, and counts open files around it.

use std::future::{Future, poll_fn};
use std::pin::pin;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::task::Poll;

static TABLE: Mutex<()> = Mutex::new(());

/// Counts the open files of this process around a test; one at a time may open some.
struct Files {
    before: usize,
    _alone: MutexGuard<'static, ()>,
}

impl Files {
    fn count() -> usize {
        std::fs::read_dir("/dev/fd").expect("it is everywhere").count()
    }

    fn watch() -> Self {
        let alone = TABLE.lock().unwrap_or_else(PoisonError::into_inner);
        Self { before: Self::count(), _alone: alone }
    }

    /// Less than before is what the test before this one has let go of a moment later: then that counts from now on.
    #[track_caller]
    fn check(&mut self, polls: usize) {
        let now = Self::count();
        assert!(now <= self.before, "{now} open files, {} before, dropped after {polls} polls", self.before);
        self.before = now;
    }
}

/// Runs a test once for each number of polls, until what it drops is done before. It says whether that was so.
pub(crate) fn at_every_await(least: usize, mut test: impl AsyncFnMut(usize) -> bool) {
    let mut files = Files::watch();
    for polls in 0..1000 {
        let mut runtime = tokio::runtime::Builder::new_current_thread();
        let runtime = runtime.enable_all().start_paused(true).build().expect("a runtime");
        let done = runtime.block_on(test(polls));
        drop(runtime);
        files.check(polls);
        if done {
            assert!(polls > least, "it waited {polls} times only");
            return;
        }
    }
    panic!("it is never done");
}

/// Lets the reactor see what has happened, and the timers of whatever pauses.
pub(crate) async fn turn() {
    for _ in 0..3 {
        tokio::task::yield_now().await;
    }
}

/// Polls a future so many times at most, moves the other side between, and drops it.
pub(crate) async fn up_to<T>(
    polls: usize,
    future: impl Future<Output = T>,
    mut between: impl FnMut(),
) -> Option<T> {
    let mut future = pin!(future);
    for _ in 0..polls {
        let step = poll_fn(|cx| Poll::Ready(future.as_mut().poll(cx))).await;
        if let Poll::Ready(value) = step {
            return Some(value);
        }
        between();
        turn().await;
    }
    None
}
