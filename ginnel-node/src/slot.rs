use std::cell::RefCell;
use std::rc::Rc;

use crate::js::{Call, Failure};

/// Something that JavaScript holds until it is closed or given away. Whoever has a clone finds the same there, or nothing.
#[derive(Debug)]
pub(crate) struct Slot<T>(Rc<RefCell<Option<T>>>);

impl<T: 'static> Slot<T> {
    pub(crate) fn of(item: T) -> Self {
        Self(Rc::new(RefCell::new(Some(item))))
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

impl<T> Clone for Slot<T> {
    fn clone(&self) -> Self {
        Self(Rc::clone(&self.0))
    }
}
