use std::cell::RefCell;

use crate::js::{Call, Failure};

/// Something that JavaScript holds until it is closed or given away.
#[derive(Debug)]
pub(crate) struct Slot<T>(RefCell<Option<T>>);

impl<T: 'static> Slot<T> {
    pub(crate) const fn of(item: T) -> Self {
        Self(RefCell::new(Some(item)))
    }

    /// That of an argument.
    pub(crate) fn at(call: &Call, index: usize) -> Result<&Self, Failure> {
        call.held(index)
    }

    /// Does something with it, unless it was closed.
    pub(crate) fn with<R>(&self, action: impl FnOnce(&mut T) -> R) -> Result<R, Failure> {
        let mut slot = self.0.try_borrow_mut().map_err(|_| Failure::closed())?;
        slot.as_mut().map(action).ok_or_else(Failure::closed)
    }

    /// Takes it out.
    pub(crate) fn take(&self) -> Option<T> {
        self.0.try_borrow_mut().ok()?.take()
    }
}
