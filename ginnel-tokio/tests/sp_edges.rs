//! Ends of SP among tasks.
#![cfg(unix)]

use std::io::{Read, Write};
use std::os::unix::net::UnixStream;
use std::sync::mpsc;
use std::time::Duration;

use ginnel_tokio::sp::{Event, Pair1, Pub};

/// Long enough for anything that happens at all.
const PATIENCE: Duration = Duration::from_secs(20);

#[test]
fn whoever_sends_without_end_lets_other_tasks_have_their_turn() {
    let (tell, told) = mpsc::channel();
    std::thread::spawn(move || {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(async {
            let mut publisher = Pub::new().unwrap();
            let endless = async {
                loop {
                    publisher.send("x").await.unwrap();
                }
            };
            let _: Result<(), _> = tokio::time::timeout(Duration::from_millis(50), endless).await;
        });
        tell.send(()).unwrap();
    });
    told.recv_timeout(PATIENCE).expect("the timeout has its turn");
}

#[tokio::test]
async fn a_socket_that_is_dead_already_is_told_of() {
    let (pair, driver) = Pair1::new().unwrap().shared();
    tokio::spawn(driver);
    for _ in 0..10 {
        let (near, far) = UnixStream::pair().unwrap();
        drop(far);
        let id = pair.adopt(near).unwrap();
        let told = tokio::time::timeout(PATIENCE, pair.next_event()).await.expect("it is told").unwrap();
        assert!(matches!(told, Event::Rejected(other, _) if other == id));
    }
}

#[tokio::test]
async fn the_driver_ends_with_the_last_handle_though_a_silent_one_was_adopted() {
    let (near, mut far) = UnixStream::pair().unwrap();
    let (pair, driver) = Pair1::new().unwrap().shared();
    let driving = tokio::spawn(driver);
    pair.adopt(near).unwrap();
    drop(pair);
    // Not only after the greeting's deadline.
    let ended = tokio::time::timeout(Duration::from_secs(5), driving).await;
    ended.expect("it ends").unwrap().unwrap();
    let mut said = Vec::new();
    far.read_to_end(&mut said).unwrap();
    assert!(said.is_empty() || said == b"\0SP\0\0\x11\0\0");
    assert!(far.write_all(b"too late").is_err());
}
