//! What asks this process to end, as something to wait for, so that everything is put in order before.

#[cfg(unix)]
mod unix;
#[cfg(unix)]
pub(crate) use unix::Signals;

#[cfg(windows)]
mod windows;
#[cfg(windows)]
pub(crate) use windows::Signals;

/// What ended a wait.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Wake {
    /// What is waited for beside signals is there.
    Ready,
    /// A child may have ended.
    #[cfg(unix)]
    Child,
    /// This signal asks for the end: its number, or of Windows the number of the event.
    Stop(i32),
}
