//! Peers that are processes of their own and are killed one after another, while all of them talk: the same on every
//! system.
#![expect(clippy::unwrap_used, reason = "a test fails by a panic")]

mod support;

use std::io;
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use ginnel::*;
use support::*;

/// Only what hangs takes so long.
const LONG: Duration = Duration::from_secs(60);

/// Questions that had an answer, and questions that came back.
static ANSWERED: AtomicU64 = AtomicU64::new(0);
static BACK: AtomicU64 = AtomicU64::new(0);

/// The process behind [`Part`]; does nothing when the tests run.
#[test]
fn member() {
    let Some(path) = given_place() else { return };
    let (mut peer, driver) = Peer::join(&path).unwrap().shared();
    thread::spawn(|| driver.run());
    let (talking, ordered) = (peer.clone(), peer.clone());
    thread::spawn(move || talk(talking));
    thread::spawn(move || {
        for order in io::stdin().lines() {
            obey(&ordered, &order.unwrap());
        }
    });
    peer.set_deadline(None);
    loop {
        match peer.next().unwrap() {
            PeerEvent::Role(role) => eprintln!("role {role:?}"),
            PeerEvent::Message(_, message) => {
                eprintln!("message {}", String::from_utf8_lossy(&message.body));
            }
            PeerEvent::Request(request) => {
                let answer =
                    format!("{} {}", std::process::id(), String::from_utf8_lossy(&request.message.body));
                peer.reply(request, answer);
            }
            PeerEvent::Trouble(why) => eprintln!("trouble {why}"),
            PeerEvent::Joined(_) | PeerEvent::Left(..) | PeerEvent::Cancelled(..) => {}
        }
    }
}

/// Asks whoever listens, again and again: each question has an answer of its own, or comes back.
fn talk(mut peer: PeerHandle) {
    for number in 0_u64.. {
        peer.set_deadline(Instant::now().checked_add(LONG));
        match peer.call(LISTENER, number.to_string()) {
            Ok(answer) => {
                let text = String::from_utf8_lossy(&answer.body);
                assert_eq!(text.split_once(' ').unwrap().1, number.to_string());
                ANSWERED.fetch_add(1, Ordering::SeqCst);
            }
            Err(failed) => {
                if failed.error.is_timeout() {
                    eprintln!("hangs");
                }
                BACK.fetch_add(1, Ordering::SeqCst);
                // Whoever listens has nobody to ask.
                thread::park_timeout(Duration::from_millis(1));
            }
        }
    }
}

fn obey(peer: &PeerHandle, order: &str) {
    match order.split_once(' ').unwrap_or((order, "")) {
        ("ask", _) => {
            let (answered, back) = (ANSWERED.load(Ordering::SeqCst), BACK.load(Ordering::SeqCst));
            eprintln!("stands {:?} {} {answered} {back}", peer.role(), peer.epoch());
        }
        ("send", text) => match peer.send(LISTENER, text.to_owned()) {
            Ok(()) => eprintln!("sent"),
            Err(failed) => eprintln!("back {failed}"),
        },
        (other, _) => panic!("{other:?}"),
    }
}

/// A member that lives, and whether it has said that it listens.
struct Member {
    part: Part,
    listens: bool,
}

/// Where a member says that it is.
struct Stands {
    role: String,
    epoch: u64,
    answered: u64,
}

impl Member {
    fn start(path: &Place) -> Self {
        Self { part: Part::start("member", path), listens: false }
    }

    /// Reads until it says something that begins so, and notes what it says before; says what follows.
    fn until(&mut self, beginning: &str) -> String {
        loop {
            let line = self.part.line();
            assert!(!line.starts_with("hangs") && !line.contains("panicked"), "{line}");
            if line == "role Listener" {
                self.listens = true;
            } else if line.starts_with("role") {
                assert!(!self.listens, "it has the name for as long as it lives, and says {line}");
            }
            if let Some(rest) = line.strip_prefix(beginning) {
                return rest.trim().to_owned();
            }
        }
    }

    /// Asks where it is.
    fn stands(&mut self) -> Stands {
        self.part.tell("ask");
        let told = self.until("stands");
        let mut words = told.split(' ');
        let role = words.next().unwrap().to_owned();
        let mut number = || words.next().unwrap().parse().unwrap();
        Stands { role, epoch: number(), answered: number() }
    }
}

/// Asks everybody until one listens and the others follow it; says which.
fn settled(members: &mut [Member]) -> usize {
    let begun = Instant::now();
    loop {
        let stands: Vec<Stands> = members.iter_mut().map(Member::stands).collect();
        // Whoever has once said that it listens, and lives, still does.
        assert!(members.iter().filter(|member| member.listens).count() < 2, "there are two leaders");
        let leader = stands.iter().position(|member| member.role == "Listener");
        let followers = stands.iter().filter(|member| member.role == "Connector").count();
        if let Some(leader) = leader
            && followers == members.len() - 1
            && stands.iter().all(|member| member.epoch == stands[leader].epoch)
        {
            return leader;
        }
        assert!(begun.elapsed() < LONG, "nobody leads, or not all follow");
        thread::park_timeout(Duration::from_millis(1));
    }
}

#[test]
fn in_fifty_rounds_of_kills_one_leads_the_others_follow_and_nothing_is_left_behind() {
    let (_dir, path) = place();
    let mut members: Vec<_> = (0..4).map(|_| Member::start(&path)).collect();
    let mut answered = 0;
    let mut epoch = 0;
    for round in 0..50 {
        let leader = settled(&mut members);
        let now = members[leader].stands().epoch;
        assert!(now >= epoch, "the count rises: {now} after {epoch}");
        epoch = now;
        // What is sent when all have met is delivered.
        let follower = (leader + 1) % members.len();
        members[follower].part.tell(&format!("send round {round}"));
        assert_eq!(members[leader].until("message"), format!("round {round}"));
        members[follower].until("sent");
        // Mostly whoever leads, in the middle of all the questions.
        let killed = if round % 5 == 4 { follower } else { leader };
        members[killed].part.kill();
        members[killed] = Member::start(&path);
    }
    let leader = settled(&mut members);
    for (number, member) in members.iter_mut().enumerate() {
        if number != leader {
            // Nobody's questions have come to a standstill.
            let before = member.stands().answered;
            let begun = Instant::now();
            while member.stands().answered == before {
                assert!(begun.elapsed() < LONG, "nothing is answered any more");
            }
            answered += member.stands().answered;
        }
    }
    assert!(answered > 0);
    drop(members);
    let peer = Peer::join(&path).unwrap();
    assert_eq!(peer.role(), Role::Listener);
    peer.dispose(LONG).unwrap();
    assert!(is_free(&path));
}
