use super::bounds::Bounds;
use super::error::Malformed;
use super::item::{Item, Items};
use super::keys::{Keys, Mark};

/// Walks through a CBOR message without recursion, and accepts one whole value within the bounds.
///
/// What it allocates grows with what was read, never with what was declared.
pub(super) fn scan(body: &[u8], bounds: Bounds) -> Result<(), Malformed> {
    let mut items = Items::new(body);
    let mut nest = Nest::new(bounds);
    loop {
        let at = items.at();
        let item = items.next()?;
        let empty = nest.begins(item, at, &items)?;
        if empty && nest.ended(&items)? {
            break;
        }
    }
    match items.left() {
        0 => Ok(()),
        count => Err(Malformed::Trailing { count }),
    }
}

/// The arrays, maps and tags around the next item.
#[derive(Debug)]
struct Nest<'a> {
    open: Vec<Open>,
    keys: Keys<&'a [u8]>,
    depth: u8,
    /// Items that are owed to all of them together. Each takes a byte at least.
    owed: usize,
}

#[derive(Debug)]
struct Open {
    /// Items that have not ended: of a map keys and values, so an even number means that a key is next.
    owed: usize,
    map: Option<OpenMap>,
}

#[derive(Debug)]
struct OpenMap {
    keys: Mark,
    /// Where the present key starts.
    key_at: usize,
}

impl<'a> Nest<'a> {
    fn new(bounds: Bounds) -> Self {
        Self { open: Vec::new(), keys: Keys::new(bounds.keys), depth: bounds.depth, owed: 0 }
    }

    /// An item was taken, of which only the header if it holds others; true if it holds none.
    fn begins(&mut self, item: Item<'_>, at: usize, items: &Items<'a>) -> Result<bool, Malformed> {
        self.owed = self.owed.saturating_sub(1);
        let owed = match item {
            Item::Array(len) => self.room(len, at, items)?,
            Item::Map(len) => self.room(len.saturating_mul(2), at, items)?,
            Item::Tag(_) => {
                self.deeper()?;
                1
            }
            _ => return Ok(true),
        };
        let map = if let Item::Map(len) = item {
            self.keys.announce(len)?;
            Some(OpenMap { keys: self.keys.mark(), key_at: items.at() })
        } else {
            None
        };
        if owed > 0 {
            self.owed += owed;
            self.open.push(Open { owed, map });
        }
        Ok(owed == 0)
    }

    /// A declared number of items, if the bytes that nobody else needs could hold them.
    fn room(&self, declared: u64, at: usize, items: &Items<'a>) -> Result<usize, Malformed> {
        self.deeper()?;
        let left = items.left().saturating_sub(self.owed);
        let fits = usize::try_from(declared).ok().filter(|&owed| owed <= left);
        fits.ok_or(Malformed::Length { at, declared, left })
    }

    fn deeper(&self) -> Result<(), Malformed> {
        let depth = self.open.len() + 1;
        if depth > usize::from(self.depth) {
            return Err(Malformed::Depth { depth, max: self.depth });
        }
        Ok(())
    }

    /// An item ended, and with it perhaps those around it; true if nothing is open any more.
    fn ended(&mut self, items: &Items<'a>) -> Result<bool, Malformed> {
        while let Some(open) = self.open.last_mut() {
            open.owed = open.owed.saturating_sub(1);
            if let Some(map) = &mut open.map {
                if open.owed % 2 == 1 {
                    self.keys.push(items.since(map.key_at), map.key_at);
                } else {
                    map.key_at = items.at();
                }
                if open.owed == 0 {
                    self.keys.close(map.keys)?;
                }
            }
            if open.owed > 0 {
                return Ok(false);
            }
            self.open.pop();
        }
        Ok(true)
    }
}

#[cfg(test)]
mod tests;
