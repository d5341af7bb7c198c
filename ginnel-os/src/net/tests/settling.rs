//! A kernel that has what was written a little later than the call, as Windows does.

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

use super::*;
use crate::sys::double::{Double, Meddle};

/// So many looks, from the next write on, find that a write is under way still.
#[derive(Clone, Default, Debug)]
struct Later(Arc<AtomicU32>);

impl Meddle for Later {
    fn is_settled(&self) -> bool {
        let left = self.0.fetch_update(Ordering::Relaxed, Ordering::Relaxed, |looks| looks.checked_sub(1));
        left.is_err()
    }
}

#[test]
fn what_settles_between_any_two_looks_is_told_as_sent() {
    for looks in 0..8 {
        let (_dir, path) = place();
        let listener = UnixListener::bind(&path).unwrap();
        let kernel = Later::default();
        let net = SocketNet::on(Double(kernel.clone()), NetOptions::default()).unwrap();
        let options = ClientOptions { base: Duration::from_millis(1), ..ClientOptions::default() };
        let client = Client::<OwnedFd>::new(Address::path(&path).unwrap(), options);
        let mut engine = Engine::new(client, net);
        engine.command(Command::Connect, Instant::now());
        engine.turn(Instant::now(), true).unwrap();
        let mut peer = greet(listener.accept().unwrap().0);
        while !matches!(engine.poll_event(), Some(Event::Status(Status::Connected))) {
            engine.turn(Instant::now(), true).unwrap();
        }
        kernel.0.store(looks, Ordering::Relaxed);
        engine.command(Command::Send(Message::from("m")), Instant::now());
        for _ in 0..20 {
            engine.turn(Instant::now(), true).unwrap();
        }
        assert_eq!(engine.machine().unsent().messages, 0, "after {looks} looks");
        assert_eq!(read_frame(&mut peer).1, b"m");
    }
}
