//! What kyneta 1.8 was seen to write.

use super::*;

/// The frames of a kind, whole.
fn captured(fragments: bool) -> Vec<Vec<u8>> {
    let lines = include_str!("../../../tests/vectors/kyneta-1.8.txt").lines();
    let named = lines.filter(|line| !line.starts_with('#')).filter_map(|line| line.split_once('\t'));
    let wanted = named.filter(|(name, _)| name.starts_with("fragment") == fragments);
    wanted.map(|(_, hex)| bytes_of(hex)).collect()
}

fn bytes_of(hex: &str) -> Vec<u8> {
    hex.as_bytes()
        .chunks(2)
        .map(|two| u8::from_str_radix(str::from_utf8(two).unwrap(), 16).unwrap())
        .collect()
}

fn read(chunks: &[&[u8]]) -> Result<Vec<Frame<u32>>, PeerFault> {
    let mut far = Link::new(&options(Wire::Kyneta));
    let mut frames = Vec::new();
    for chunk in chunks {
        far.received(chunk, Vec::new());
        while let Some(frame) = far.poll_frame()? {
            frames.push(frame);
        }
    }
    Ok(frames)
}

#[test]
fn captured_frames_are_read_and_written_byte_for_byte() {
    let captured = captured(false);
    assert_eq!(captured.len(), 13);
    for frame in captured {
        let read = read(&[&frame]).unwrap();
        assert_eq!(read.len(), 1);
        assert_eq!(read[0].message.body, frame[6..]);
        let mut near = Link::new(&options(Wire::Kyneta));
        push_all(&mut near, read);
        assert_eq!(near.transmit().unwrap().slices().concat_all(), frame);
    }
}

#[test]
fn fragments_are_put_together_in_any_order_and_at_any_cut() {
    let fragments = captured(true);
    let whole = captured(false).into_iter().find(|frame| frame[6..].len() == 21).unwrap();
    for order in [[0, 1], [1, 0]] {
        let all = [&fragments[order[0]][..], &fragments[order[1]]].concat();
        for cut in 0..all.len() {
            let frames = read(&[&all[..cut], &all[cut..]]).unwrap();
            assert_eq!(frames.len(), 1);
            assert_eq!(frames[0].message.body, whole[6..]);
        }
    }
}

/// Fragment `index` of `total`, of a frame of `size` bytes.
fn fragment(frame: u16, (index, total): (u16, u16), size: u32, chunk: &[u8]) -> Vec<u8> {
    let mut bytes = vec![2, 1];
    bytes.extend((chunk.len() as u32).to_be_bytes());
    bytes.extend(frame.to_be_bytes());
    bytes.extend(index.to_be_bytes());
    bytes.extend(total.to_be_bytes());
    bytes.extend(size.to_be_bytes());
    bytes.extend(chunk);
    bytes
}

#[test]
fn fragments_that_contradict_each_other_are_a_fault() {
    let first = fragment(1, (0, 2), 4, b"ab");
    let table = [
        fragment(1, (1, 3), 4, b"cd"),
        fragment(1, (1, 2), 5, b"cd"),
        fragment(1, (0, 2), 4, b"cd"),
        fragment(1, (1, 2), 4, b"c"),
        fragment(1, (1, 2), 4, b"cde"),
        fragment(1, (2, 2), 4, b"cd"),
        fragment(1, (1, 2), 1, b"cd"),
        fragment(1, (0, 0), 4, b""),
        fragment(1, (0, u16::MAX), 4, b""),
    ];
    for second in table {
        assert_eq!(read(&[&first, &second]), Err(PeerFault::Fragments), "{second:?}");
    }
}

#[test]
fn frames_in_pieces_are_bounded_in_number_and_bytes() {
    let pieces: Vec<u8> = (0..40).flat_map(|frame| fragment(frame, (0, 2), 4, b"ab")).collect();
    assert_eq!(read(&[&pieces]), Err(PeerFault::Fragments));
    let limit = limits::MESSAGE;
    let half = vec![0; limit / 2 + 1];
    let two: Vec<u8> = (0..2).flat_map(|frame| fragment(frame, (0, 2), limit as u32, &half)).collect();
    assert_eq!(read(&[&two]), Err(PeerFault::Fragments));
    let size = limit as u32 + 1;
    let fault = PeerFault::TooLong { length: size.into(), limit: limit as u64 };
    assert_eq!(read(&[&fragment(1, (0, 2), size, b"a")]), Err(fault));
}

#[test]
fn what_kyneta_skips_is_skipped() {
    let mut bytes = vec![1, 0, 0, 0, 0, 2, 9, 9];
    bytes.extend([2, 7, 0, 0, 0, 1, 9]);
    bytes.extend([2, 0, 0, 0, 0, 0]);
    bytes.extend([2, 0, 0, 0, 0, 1, 42]);
    let frames = read(&[&bytes]).unwrap();
    assert_eq!(frames, [Message::new(vec![42]).into()]);
}
