//! Large messages that arrive in parts, more of them than are let in at once.

use ginnel_proto::machine::Action;

use super::*;
use crate::engine::Net;

/// One who writes a large message, as far as it is taken.
struct Writer {
    stream: UnixStream,
    rest: Vec<u8>,
}

impl Writer {
    fn new(path: &Path, body: usize) -> Self {
        let stream = UnixStream::connect(path).unwrap();
        stream.set_nonblocking(true).unwrap();
        Self { stream, rest: [greeting(), frame(1, &vec![7; body])].concat() }
    }

    /// `false`: no more is taken for now.
    fn write(&mut self) -> bool {
        let Ok(count) = self.stream.write(&self.rest) else { return false };
        self.rest.drain(..count);
        count > 0
    }
}

/// Lets everybody write and the net turn until nothing moves. How many messages of which lengths came.
fn exhaust(net: &mut SocketNet, writers: &mut [Writer]) -> Vec<usize> {
    let mut came = Vec::new();
    loop {
        let wrote = writers.iter_mut().fold(false, |wrote, writer| writer.write() | wrote);
        let turned = net.turn(Instant::now(), true).unwrap();
        while let Some(report) = net.report() {
            if let NetEvent::Received(_, frame) = report {
                came.push(frame.message.body.len());
            }
        }
        if !wrote && !turned {
            return came;
        }
    }
}

const LARGE: usize = 2 << 20;
const BOUND: usize = 1 << 20;

#[test]
fn parts_of_large_messages_share_a_bound_small_ones_pass_them_and_all_arrive_in_turn() {
    let (_dir, path) = place();
    let mut net = SocketNet::new(NetOptions { parts: BOUND, ..NetOptions::default() }).unwrap();
    net.act(Action::Listen(Address::path(&path).unwrap()), Instant::now());
    let mut writers: Vec<_> = (0..6).map(|_| Writer::new(&path, LARGE)).collect();
    // All but the last bytes of each.
    let ends: Vec<_> = writers.iter_mut().map(|writer| writer.rest.split_off(LARGE)).collect();
    assert!(exhaust(&mut net, &mut writers).is_empty());
    let held = net.parts();
    assert!(held > BOUND && held < BOUND + LARGE + (1 << 20), "{held} bytes are held, 12 MiB are offered");

    writers.push(Writer::new(&path, 100));
    assert_eq!(exhaust(&mut net, &mut writers), [100], "a small one need not wait");

    for (writer, end) in writers.iter_mut().zip(ends) {
        writer.rest.extend(end);
    }
    assert_eq!(exhaust(&mut net, &mut writers), [LARGE; 6]);
    assert_eq!(net.parts(), 0);
}

#[test]
fn whoever_holds_up_large_messages_is_cut_and_the_next_goes_on() {
    let (_dir, path) = place();
    let patience = Patience { progress: Some(Duration::from_millis(50)), ..Patience::default() };
    let mut net = SocketNet::new(NetOptions { parts: 0, patience, ..NetOptions::default() }).unwrap();
    net.act(Action::Listen(Address::path(&path).unwrap()), Instant::now());
    let mut stuck = [Writer::new(&path, LARGE)];
    stuck[0].rest.truncate(100_000);
    assert!(exhaust(&mut net, &mut stuck).is_empty());
    let mut next = [Writer::new(&path, LARGE)];
    let mut came = exhaust(&mut net, &mut next);
    assert!(came.is_empty(), "somebody else's turn");
    while came.is_empty() {
        net.wait(net.deadline()).unwrap();
        came = exhaust(&mut net, &mut next);
    }
    assert_eq!(came, [LARGE]);
    assert_eq!(net.connections(), 1, "who was stuck is gone");
}
