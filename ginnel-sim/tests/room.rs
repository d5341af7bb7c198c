//! What the simulator has found, and takes a kernel that can be told how much to take.
#![expect(clippy::unwrap_used, reason = "a test may panic")]

use std::io::IoSlice;
use std::time::Instant;

use ginnel_os::engine::Net;
use ginnel_os::net::{NetOptions, SocketNet};
use ginnel_os::sys::Sockets;
use ginnel_os::{Connecting, SocketKind, Stream, Wait};
use ginnel_proto::machine::{Action, ConnId, NetEvent, SendId};
use ginnel_proto::{Address, Frame, Kind, Message};
use ginnel_sim::kernel::{Fake, Fd};

/// A server's sockets, and a client that is written byte by byte.
struct Scene {
    net: SocketNet<Fake>,
    id: ConnId,
    client: Stream<Fake>,
}

impl Scene {
    fn new() -> Self {
        let server = Fake::faultless(100);
        let client = server.spawn(100);
        let address = Address::path("/run/s").unwrap();
        let mut net = SocketNet::on(server.clone(), NetOptions::default()).unwrap();
        net.act(Action::Listen(address.clone()), Instant::now());
        let connecting = Connecting::on(client.clone(), SocketKind::Stream, &address, true).unwrap();
        connecting.attempt().unwrap().unwrap();
        let client = Stream::made_on(client, connecting.into_fd());
        let greeting = [&b"GNL\x01\0\0\0\0\0\0\0\x01\x10\0"[..], &[0; 18]].concat();
        let mut scene = Self { net, id: ConnId(0), client };
        scene.say(&greeting);
        while scene.id == ConnId(0) {
            scene.net.turn(Instant::now(), true).unwrap();
            while let Some(report) = scene.net.report() {
                if let NetEvent::Accepted(id, _) = report {
                    scene.id = id;
                }
            }
        }
        scene.hear();
        server.set_send_buffer(scene.net.borrowed(scene.id).unwrap(), FRAME / 2).unwrap();
        scene
    }

    fn say(&self, bytes: &[u8]) {
        assert_eq!(self.client.send(&[IoSlice::new(bytes)], &[], Wait::Never).unwrap(), Some(bytes.len()));
    }

    /// How many bytes have come.
    fn hear(&self) -> usize {
        let mut bytes = [0; 1000];
        self.client.receive(&mut bytes, Wait::Never).unwrap().map_or(0, |chunk| chunk.bytes)
    }

    fn send(&mut self, id: u64) {
        let frame = Frame::new(Kind::Message, Message::new(vec![0; FRAME - 8]));
        self.net.act(Action::Send(self.id, SendId(id), frame), Instant::now());
    }

    /// What is told of one turn: frames that were sent, and room.
    fn turn(&mut self) -> Vec<&'static str> {
        self.net.turn(Instant::now(), true).unwrap();
        let reports = std::iter::from_fn(|| self.net.report());
        reports.map(|report| told(&report)).collect()
    }
}

fn told(report: &NetEvent<Fd>) -> &'static str {
    match report {
        NetEvent::Sent(..) => "sent",
        NetEvent::Room(_) => "room",
        _ => "something else",
    }
}

/// Bytes of one frame, which fill the server's socket.
const FRAME: usize = 108;

#[test]
fn there_is_room_again_though_the_last_that_was_written_was_a_pong() {
    let mut scene = Scene::new();
    scene.send(1);
    assert_eq!(scene.turn(), ["sent", "room"]);
    scene.send(2);
    // A ping: its answer waits behind the second frame.
    scene.say(&[0, 0, 0, 0, 6, 0, 0, 0]);
    assert!(scene.turn().is_empty());
    assert_eq!(scene.hear(), FRAME);
    assert_eq!(scene.turn(), ["sent"]);
    assert_eq!(scene.hear(), FRAME);
    assert_eq!(scene.turn(), ["room"]);
    assert_eq!(scene.hear(), 8, "the pong");
}
