//! Where tests meet on every platform, and what they do there.

use std::future::{Future, poll_fn};
use std::pin::pin;
use std::task::Poll;

use ginnel_tokio::Address;

/// An address that nobody else uses, while it lives.
pub(crate) struct Place {
    pub(crate) address: Address,
    #[cfg(unix)]
    _dir: tempfile::TempDir,
}

#[cfg(unix)]
pub(crate) fn place() -> Place {
    let dir = tempfile::tempdir().expect("a directory");
    let address = Address::path(dir.path().join("s")).expect("a short path");
    Place { address, _dir: dir }
}

#[cfg(windows)]
pub(crate) fn place() -> Place {
    use std::process;
    use std::sync::atomic::{AtomicU32, Ordering};

    static PLACES: AtomicU32 = AtomicU32::new(0);
    let number = PLACES.fetch_add(1, Ordering::Relaxed);
    let name = format!(r"\\.\pipe\ginnel-tokio-test-{}-{number}", process::id());
    Place { address: Address::pipe(name).expect("a short name") }
}

/// Polls a future once, and drops it. It was not done.
pub(crate) async fn cancel<T>(future: impl Future<Output = T>) {
    let mut future = pin!(future);
    let pending = poll_fn(|cx| Poll::Ready(future.as_mut().poll(cx).is_pending())).await;
    assert!(pending, "it was done at once");
}
