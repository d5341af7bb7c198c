//! A full table of descriptors, and too many of them under way. The limits are the process's and the user's own, so
//! these tests have a program to themselves. What a full table does differs between systems; this is what Linux does.
#![cfg(target_os = "linux")]
#![expect(
    unsafe_code,
    reason = "a thread becomes another user, which no safe call can do for one thread alone"
)]

use std::fs::File;
use std::os::fd::{AsFd as _, AsRawFd as _, OwnedFd};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use ginnel::*;
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

type Told = Result<(), Box<dyn std::error::Error + Send + Sync>>;

static TABLE: Mutex<()> = Mutex::new(());

/// One test at a time may touch the table.
fn alone() -> MutexGuard<'static, ()> {
    TABLE.lock().unwrap_or_else(PoisonError::into_inner)
}

fn null() -> OwnedFd {
    File::open("/dev/null").expect("it exists").into()
}

fn open_files() -> usize {
    std::fs::read_dir("/proc/self/fd").expect("Linux").count()
}

/// Runs something while only so many descriptors more may be opened.
fn with_room_for<T>(more: u64, run: impl FnOnce() -> T) -> Result<T, std::io::Error> {
    let before = getrlimit(Resource::Nofile);
    let next = null().as_raw_fd() as u64;
    setrlimit(Resource::Nofile, Rlimit { current: Some(next + more), ..before })?;
    let result = run();
    setrlimit(Resource::Nofile, before)?;
    Ok(result)
}

fn pair(wire: Wire) -> Result<(Connection, Connection), std::io::Error> {
    let options = ConnectionOptions::new().wire(wire);
    let (left, right) = Stream::pair()?;
    Ok((Connection::over(left, &options), Connection::over(right, &options)))
}

fn is_lost(error: &Error) -> bool {
    let Error::Io(error) = error else { return false };
    matches!(SocketError::of(error), Some(SocketError::FdsLost { .. }))
}

#[test]
fn what_came_before_lost_descriptors_is_received_and_the_loss_is_named_each_time() -> Told {
    let _alone = alone();
    let before = open_files();
    {
        let (mut left, mut right) = pair(Wire::Native)?;
        left.try_feed("first")?;
        left.try_feed(Message::new("three").with_fds(vec![null(), null(), null()]))?;
        left.try_feed("behind")?;
        left.flush()?;
        let received = with_room_for(1, || [right.recv(), right.recv(), right.recv()])?;
        let [first, second, third] = received;
        assert_eq!(&first?.expect("it came").body[..], b"first");
        assert!(second.as_ref().is_err_and(is_lost), "{second:?}");
        assert!(third.as_ref().is_err_and(is_lost), "the other side is not to blame: {third:?}");
    }
    assert_eq!(open_files(), before);
    Ok(())
}

#[test]
fn lost_descriptors_of_a_raw_chunk_are_no_silent_loss() -> Told {
    let _alone = alone();
    let before = open_files();
    {
        let (mut left, mut right) = pair(Wire::Raw)?;
        left.send(Message::new("three").with_fds(vec![null(), null(), null()]))?;
        let received = with_room_for(1, || right.recv())?;
        assert!(received.as_ref().is_err_and(is_lost), "{received:?}");
    }
    assert_eq!(open_files(), before);
    Ok(())
}

/// Runs something in a thread of an ordinary user: whoever may do everything may also have any number under way.
fn as_nobody<T: Send>(run: impl FnOnce() -> T + Send) -> T {
    thread::scope(|scope| {
        let thread = scope.spawn(|| {
            if rustix::process::geteuid().is_root() {
                // SAFETY: three numbers, no pointers; the bare system call changes this thread only, which ends soon.
                let changed = unsafe { libc::syscall(libc::SYS_setresuid, 65534, 65534, 65534) };
                assert_eq!(changed, 0, "root may become nobody");
            }
            run()
        });
        thread.join().expect("it does not panic")
    })
}

/// Sends descriptors that nobody reads until `left` more of this user may be under way.
fn hoard(left: usize) -> Result<(Stream, Stream), std::io::Error> {
    let (from, to) = Stream::pair()?;
    let null = null();
    let sixteen = [null.as_fd(); 16];
    while from.send_with_fds(b"x", &sixteen).is_ok() {}
    while from.send_with_fds(b"x", &sixteen[..1]).is_ok() {}
    assert_eq!(to.recv_with_fds(&mut [0; 1])?.1.len(), 16);
    for _ in left..16 {
        from.send_with_fds(b"x", &sixteen[..1])?;
    }
    Ok((from, to))
}

fn in_seconds(seconds: u64) -> Option<Instant> {
    Instant::now().checked_add(Duration::from_secs(seconds))
}

#[test]
fn two_who_flood_each_other_do_not_stand_still_when_too_many_descriptors_are_under_way() -> Told {
    let _alone = alone();
    with_room_for(60, || {
        let hoarded = as_nobody(|| hoard(8))?;
        let (left, right) = Connection::pair()?;
        // Each has sent its share before either goes on.
        let barrier = std::sync::Barrier::new(2);
        let flood = |mut end: Connection| {
            end.set_deadline(in_seconds(3));
            for number in 0..10 {
                if number == 4 {
                    barrier.wait();
                }
                end.send(Message::new("x").with_fds(vec![null()]))?;
            }
            for _ in 0..10 {
                assert_eq!(end.recv()?.expect("it came").fds.len(), 1);
            }
            Told::Ok(())
        };
        let (one, other) = thread::scope(|scope| {
            let one = scope.spawn(|| as_nobody(|| flood(left)));
            let other = as_nobody(|| flood(right));
            (one.join().expect("it does not panic"), other)
        });
        drop(hoarded);
        one.and(other)
    })?
}

#[test]
fn receiving_with_descriptors_queued_that_wait_for_others_does_not_spin() -> Told {
    let _alone = alone();
    with_room_for(60, || {
        let load = as_nobody(|| {
            let _hoarded = hoard(0)?;
            let (mut left, _right) = Connection::pair()?;
            left.try_feed(Message::new("x").with_fds(vec![null()]))?;
            left.set_deadline(Instant::now().checked_add(Duration::from_millis(300)));
            let clock = || {
                let now = rustix::time::clock_gettime(rustix::time::ClockId::ThreadCPUTime);
                now.tv_sec as f64 + now.tv_nsec as f64 / 1e9
            };
            let (begun, before) = (Instant::now(), clock());
            left.recv().expect_err("nothing was sent to it");
            Ok::<_, Box<dyn std::error::Error + Send + Sync>>(
                (clock() - before) / begun.elapsed().as_secs_f64(),
            )
        })?;
        assert!(load < 0.2, "a processor was busy for {load:.2} of the wait");
        Ok(())
    })?
}
