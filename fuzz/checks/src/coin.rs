use std::cell::Cell;
use std::fmt;
use std::rc::Rc;

/// Counts the descriptors of one run.
#[derive(Clone, Debug, Default)]
pub(crate) struct Purse {
    minted: Rc<Cell<u32>>,
    alive: Rc<Cell<usize>>,
}

/// A descriptor that is counted: it has a number, cannot be copied, and its purse knows whether it was dropped.
pub(crate) struct Coin {
    number: u32,
    alive: Rc<Cell<usize>>,
}

impl Purse {
    pub(crate) fn mint(&self) -> Coin {
        let number = self.minted.get();
        self.minted.set(number + 1);
        self.alive.set(self.alive.get() + 1);
        Coin { number, alive: Rc::clone(&self.alive) }
    }

    pub(crate) fn mint_all(&self, count: usize) -> Vec<Coin> {
        (0..count).map(|_| self.mint()).collect()
    }

    /// How many are not dropped yet.
    pub(crate) fn alive(&self) -> usize {
        self.alive.get()
    }
}

impl Coin {
    pub(crate) const fn number(&self) -> u32 {
        self.number
    }
}

impl Drop for Coin {
    fn drop(&mut self) {
        self.alive.set(self.alive.get() - 1);
    }
}

impl PartialEq for Coin {
    fn eq(&self, other: &Self) -> bool {
        self.number == other.number
    }
}

impl Eq for Coin {}

impl fmt::Debug for Coin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Coin({})", self.number)
    }
}
