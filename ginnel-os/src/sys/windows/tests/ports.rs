//! Many sockets watched at once, and wakers of other loops.

use super::*;
use crate::sys::windows::port::{Port, Waitable};
use crate::sys::{Direction, Poller, Ready};
use std::sync::Arc;
use std::sync::atomic::AtomicUsize;
use std::task::{Wake, Waker};
use std::thread;
use std::time::Duration;

fn look(port: &mut Port) -> Vec<Ready> {
    let mut ready = Vec::new();
    port.look(&mut ready).expect("looked");
    ready
}

fn wait(port: &mut Port) -> Vec<Ready> {
    port.wait(None).expect("waited");
    look(port)
}

const READ: Directions = Directions::READ;

#[test]
fn what_is_left_undone_is_told_again() -> io::Result<()> {
    let mut port = Port::new();
    let (a, b) = Socket::pair(SocketKind::Stream, true)?;
    port.add(&a, 7, READ)?;
    assert_eq!(look(&mut port), []);
    send_all(&b, b"xy")?;
    let told = [Ready { token: 7, directions: READ }];
    assert_eq!(wait(&mut port), told);
    assert_eq!(look(&mut port), told);
    receive(&a, 1)?;
    assert_eq!(wait(&mut port), told);
    receive(&a, 1)?;
    assert_eq!(look(&mut port), []);
    drop(b);
    assert_eq!(wait(&mut port), told, "the end can be read");
    assert_eq!(look(&mut port), told);
    port.remove(&a);
    assert_eq!(look(&mut port), []);
    Ok(())
}

#[test]
fn room_to_write_is_told_as_long_as_somebody_wants_to_know() -> io::Result<()> {
    let mut port = Port::new();
    let (a, b) = Socket::pair(SocketKind::Stream, true)?;
    port.add(&a, 1, Directions::BOTH)?;
    let told = [Ready { token: 1, directions: Directions::WRITE }];
    assert_eq!(wait(&mut port), told);
    assert_eq!(look(&mut port), told);
    let mut taken = 0;
    while let Some(sent) = a.send(&[IoSlice::new(&[0; 50_000])])? {
        taken += sent;
    }
    assert_eq!(look(&mut port), []);
    while taken > 0 {
        taken -= receive(&b, 1 << 16)?.expect("not the end").1;
    }
    assert_eq!(wait(&mut port), told);
    port.change(&a, 1, READ)?;
    assert_eq!(look(&mut port), []);
    Ok(())
}

#[test]
fn a_listener_is_ready_when_somebody_has_come() -> io::Result<()> {
    let mut port = Port::new();
    let name = name();
    let listener = listener(SocketKind::Stream, &name);
    port.add(&listener, 3, READ)?;
    assert_eq!(look(&mut port), []);
    let _client = connect(SocketKind::Stream, &name)?;
    assert_eq!(wait(&mut port), [Ready { token: 3, directions: READ }]);
    accept(&listener);
    assert_eq!(look(&mut port), []);
    Ok(())
}

#[test]
fn somebody_else_ends_a_wait() -> io::Result<()> {
    let mut port = Port::new();
    let (waker, waitable) = (port.waker(), port.shared_descriptor());
    thread::scope(|scope| {
        scope.spawn(move || waitable.wait(None));
        waker.wake().expect("woken");
    });
    assert!(port.has_found());
    assert!(port.look(&mut Vec::new())?, "a wake is something");
    assert!(!port.has_found());
    port.wait(Some(Duration::from_millis(1)))?;
    assert!(!port.look(&mut Vec::new())?);
    Ok(())
}

#[test]
fn a_finished_socket_can_be_read_to_its_end() -> io::Result<()> {
    let mut port = Port::new();
    let (a, _b) = Socket::pair(SocketKind::Stream, true)?;
    port.add(&a, 5, READ)?;
    assert_eq!(look(&mut port), []);
    a.finish();
    assert_eq!(wait(&mut port), [Ready { token: 5, directions: READ }]);
    port.remove(&a);
    assert_eq!(look(&mut port), []);
    Ok(())
}

#[derive(Default)]
struct Count(AtomicUsize, std::sync::Condvar, std::sync::Mutex<()>);

impl Wake for Count {
    fn wake(self: Arc<Self>) {
        let _guard = self.2.lock();
        self.0.fetch_add(1, Ordering::SeqCst);
        self.1.notify_all();
    }
}

impl Count {
    fn wait(&self) {
        let guard = self.2.lock().expect("not poisoned");
        let woken = self.1.wait_while(guard, |()| self.0.load(Ordering::SeqCst) == 0);
        drop(woken.expect("not poisoned"));
        self.0.store(0, Ordering::SeqCst);
    }
}

#[test]
fn a_waker_of_another_loop_is_woken() -> io::Result<()> {
    let count = Arc::new(Count::default());
    let waker = Waker::from(Arc::clone(&count));
    let (a, b) = Socket::pair(SocketKind::Stream, true)?;
    assert!(a.poll_ready(Direction::Write, &waker));
    assert!(!a.poll_ready(Direction::Read, &waker));
    send_all(&b, b"x")?;
    count.wait();
    assert!(a.poll_ready(Direction::Read, &waker));
    assert_eq!(receive(&a, 1)?, Some((b"x".to_vec(), 1)));
    assert!(!a.poll_ready(Direction::Read, &waker));
    drop(b);
    count.wait();
    assert!(a.poll_ready(Direction::Read, &waker));
    Ok(())
}

#[test]
fn an_engine_in_another_loop_wakes_it() -> io::Result<()> {
    let count = Arc::new(Count::default());
    let mut port = Port::new();
    port.shared_descriptor().in_loop(Waker::from(Arc::clone(&count)));
    let (a, b) = Socket::pair(SocketKind::Stream, true)?;
    port.add(&a, 9, READ)?;
    count.wait();
    assert_eq!(look(&mut port), []);
    send_all(&b, b"x")?;
    count.wait();
    assert_eq!(look(&mut port), [Ready { token: 9, directions: READ }]);
    port.waker().wake()?;
    count.wait();
    Ok(())
}

/// Its last copy ends a task, and what belonged to that.
struct Last(Arc<Socket>, Waitable);

impl Wake for Last {
    fn wake(self: Arc<Self>) {}
}

impl Drop for Last {
    fn drop(&mut self) {
        self.0.finish();
        self.1.in_loop(Waker::noop().clone());
    }
}

#[test]
fn a_waker_that_is_replaced_takes_with_it_what_it_likes() -> io::Result<()> {
    let port = Port::new();
    let (a, b) = Socket::pair(SocketKind::Stream, true)?;
    port.add(&a, 1, READ)?;
    let ends = [a, b].map(Arc::new);
    let last = |end: usize| Waker::from(Arc::new(Last(Arc::clone(&ends[end]), port.shared_descriptor())));
    assert!(!ends[0].poll_ready(Direction::Read, &last(0)));
    ends[0].poll_ready(Direction::Read, Waker::noop());
    port.shared_descriptor().in_loop(last(1));
    port.shared_descriptor().in_loop(Waker::noop().clone());
    port.shared_descriptor().in_loop(last(1));
    assert!(port.shared_descriptor().poll(&std::task::Context::from_waker(Waker::noop())));
    Ok(())
}
