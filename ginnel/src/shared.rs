use std::fmt;
use std::io;
use std::sync::Arc;

use ginnel_os::driven::Driven;
use ginnel_os::shared::Shared;

use crate::driver;

/// What moves something that many use. Nothing moves unless it [`run`](Self::run)s; dropped, every call on a handle
/// fails with [`Reason::NotDriven`](crate::Reason::NotDriven).
#[must_use = "nothing moves unless it runs"]
pub struct Driver {
    driven: Box<dyn Drive + Send>,
}

impl Driver {
    pub(crate) fn of<D: Driven + Send + 'static>(shared: Arc<Shared<D>>) -> Self {
        Self { driven: Box::new(Driving { shared }) }
    }

    /// Moves it, on this thread, until the last handle is dropped; then it takes leave of whoever is connected.
    ///
    /// # Errors
    /// The poller's. Every call on a handle fails from then on.
    pub fn run(self) -> io::Result<()> {
        self.driven.run()
    }
}

impl fmt::Debug for Driver {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Driver").finish_non_exhaustive()
    }
}

trait Drive {
    fn run(&self) -> io::Result<()>;
}

struct Driving<D: Driven> {
    shared: Arc<Shared<D>>,
}

impl<D: Driven> Drive for Driving<D> {
    fn run(&self) -> io::Result<()> {
        driver::run(&self.shared)
    }
}

impl<D: Driven> Drop for Driving<D> {
    fn drop(&mut self) {
        self.shared.end();
    }
}
