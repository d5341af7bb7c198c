//! Control data as Linux lays it out on 64 bits. cmsg(3)

use std::mem::MaybeUninit;

/// Bytes of a header: length, level, kind.
const HEADER: usize = 16;

/// `SCM_TIMESTAMPNS`
const STAMP: i32 = libc::SO_TIMESTAMPNS;

/// The descriptors that somebody sends.
pub(super) fn rights(mut control: &[u8]) -> Vec<i32> {
    let mut numbers = Vec::new();
    while let Some((length, level, kind)) = header(control) {
        let data = control.get(HEADER..length).unwrap_or_default();
        if (level, kind) == (libc::SOL_SOCKET, libc::SCM_RIGHTS) {
            numbers.extend(data.chunks_exact(4).map(number));
        }
        control = control.get(length.next_multiple_of(8)..).unwrap_or_default();
    }
    numbers
}

fn header(control: &[u8]) -> Option<(usize, i32, i32)> {
    let length = usize::from_ne_bytes(control.get(..8)?.try_into().ok()?);
    if length < HEADER || length > control.len() {
        return None;
    }
    Some((length, number(&control[8..12]), number(&control[12..16])))
}

fn number(four: &[u8]) -> i32 {
    four.try_into().map_or(-1, i32::from_ne_bytes)
}

/// Control data on its way to a reader, who has lent room for it.
#[derive(Debug)]
pub(super) struct Room<'a> {
    room: &'a mut [MaybeUninit<u8>],
    pub(super) used: usize,
    pub(super) cut: bool,
}

impl<'a> Room<'a> {
    pub(super) const fn new(room: &'a mut [MaybeUninit<u8>]) -> Self {
        Self { room, used: 0, cut: false }
    }

    /// A time, of which nobody reads more than that it is there.
    pub(super) fn stamp(&mut self) {
        self.put(STAMP, &[0; 16]);
    }

    /// How many descriptors fit; the padding of the last counts as room.
    pub(super) fn fits(&self) -> usize {
        (self.room.len() - self.used).saturating_sub(HEADER) / 4
    }

    pub(super) fn rights(&mut self, numbers: &[i32]) {
        if !numbers.is_empty() {
            let data: Vec<u8> = numbers.iter().flat_map(|number| number.to_ne_bytes()).collect();
            self.put(libc::SCM_RIGHTS, &data);
        }
    }

    fn put(&mut self, kind: i32, data: &[u8]) {
        let left = self.room.len() - self.used;
        if left < HEADER {
            self.cut = true;
            return;
        }
        let length = (HEADER + data.len()).min(left);
        self.cut |= length < HEADER + data.len();
        let mut message = length.to_ne_bytes().to_vec();
        message.extend(libc::SOL_SOCKET.to_ne_bytes());
        message.extend(kind.to_ne_bytes());
        message.extend(&data[..length - HEADER]);
        message.resize((HEADER + data.len()).next_multiple_of(8).min(left), 0);
        for (place, byte) in self.room[self.used..].iter_mut().zip(&message) {
            place.write(*byte);
        }
        self.used += message.len();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_written_is_read_again_and_padding_is_room() {
        let mut bytes = [MaybeUninit::uninit(); 24];
        let mut room = Room::new(&mut bytes);
        assert_eq!(room.fits(), 2);
        room.rights(&[7, 8]);
        assert_eq!((room.used, room.cut), (24, false));
        assert_eq!(room.fits(), 0);
        room.stamp();
        assert!(room.cut);
    }
}
