//! What is said and heard among peers.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use anyhow::Result;
use ginnel::{ConnId, Error, LISTENER, Message, Misuse, Neighbour, PeerEvent, PeerHandle, Role, SendError};

use crate::escape;
use crate::events::{Event, Events};
use crate::exit::Exit;
use crate::output::Output;
use crate::run::descriptors::tell_closed;
use crate::speech::Codec;

/// A peer, and whom it knows.
#[derive(Debug)]
pub(super) struct Room {
    peer: PeerHandle,
    events: Events,
    names: Mutex<BTreeMap<ConnId, String>>,
    /// Held while a line is on its way.
    saying: Mutex<()>,
    /// What it was to the others is over, and who listens no concern any more.
    left: AtomicBool,
}

impl Room {
    pub(super) fn new(peer: PeerHandle, events: Events) -> Self {
        Self { peer, events, names: Mutex::default(), saying: Mutex::default(), left: AtomicBool::new(false) }
    }

    /// Shows what happens until nothing can be shown any more.
    pub(super) fn listen(&self, output: &mut Output) -> Result<Exit> {
        loop {
            match self.peer.next()? {
                PeerEvent::Role(_) if self.has_left() => {}
                PeerEvent::Role(role) => self.events.tell(&Event::role(role, self.peer.epoch())),
                PeerEvent::Joined(who) => self.meet(&who),
                PeerEvent::Message(from, message) => self.hear(from, &message, output)?,
                PeerEvent::Request(request) => self.peer.fail(request, "requests are not answered here"),
                PeerEvent::Left(id, why) => {
                    let name = self.name(id);
                    self.names().remove(&id);
                    self.events.tell(&Event::Left { name, message: why.to_string() });
                }
                PeerEvent::Trouble(why) => self.events.tell(&Event::Trouble { message: why.to_string() }),
                PeerEvent::Cancelled(..) => {}
            }
        }
    }

    /// Says a line: to everybody if this one listens, else to whoever does, also if nobody does yet.
    pub(super) fn say(&self, line: Vec<u8>) {
        let _saying = guard(&self.saying);
        if self.peer.role() == Role::Listener {
            return self.say_to_all(&line);
        }
        match self.peer.send(LISTENER, line.clone()) {
            // It has come to listen meanwhile.
            Err(SendError { error: Error::Misuse(Misuse::Oneself), .. }) => self.say_to_all(&line),
            Err(failed) => self.not_delivered(None, &failed, &line),
            Ok(()) => {}
        }
    }

    /// Takes leave of everybody, and waits for what becomes of the line that is on its way.
    pub(super) fn leave(&self, patience: Duration) {
        self.left.store(true, Ordering::Release);
        // Whoever does not end in time is left all the same.
        let _ = self.peer.dispose(patience);
        drop(guard(&self.saying));
    }

    pub(super) fn has_left(&self) -> bool {
        self.left.load(Ordering::Acquire)
    }

    fn say_to_all(&self, line: &[u8]) {
        let all = self.peer.connections();
        if all.is_empty() {
            let message = "nobody else is here".into();
            self.events.tell(&Event::NotDelivered {
                to: Some("everybody".into()),
                told: told(line),
                message,
            });
        }
        self.tell_each(all, line, line);
    }

    /// Waits for nobody: whoever has not read for long does not hear it.
    fn tell_each(&self, all: Vec<ConnId>, body: &[u8], line: &[u8]) {
        for id in all {
            if let Err(failed) = self.peer.try_feed(id, body.to_vec()) {
                self.not_delivered(Some(self.name(id)), &failed, line);
            }
        }
    }

    fn not_delivered(&self, to: Option<String>, failed: &SendError, line: &[u8]) {
        let message = match failed.message {
            Some(_) => failed.error.to_string(),
            None => format!("{}; it may have arrived", failed.error),
        };
        self.events.tell(&Event::NotDelivered { to, told: told(line), message });
    }

    fn meet(&self, who: &Neighbour) {
        let name = match (who.name(), who.pid) {
            ("", Some(pid)) => format!("process {pid}"),
            ("", None) => "somebody".into(),
            (name, _) => escape::one_line(name),
        };
        self.names().insert(who.id, name.clone());
        self.events.tell(&Event::joined(name, who, listens(who.id)));
    }

    fn hear(&self, id: ConnId, message: &Message, output: &mut Output) -> Result<()> {
        tell_closed(message.fds.len(), self.events);
        let neighbour = self.name(id);
        if !listens(id) {
            let others = self.peer.connections().into_iter().filter(|&other| other != id).collect();
            self.tell_each(others, &passed_on(&neighbour, &message.body), &message.body);
        }
        // Only whoever listens may speak for others.
        let passed = told_by(&message.body).filter(|_| listens(id));
        let (from, by, line) = match passed {
            Some((from, line)) => (from, Some(neighbour), line),
            None => (neighbour, None, &message.body[..]),
        };
        // Each line with the name, so that nobody can say what looks like another's words.
        for line in line.split(|&byte| byte == b'\n') {
            output.line(&[from.as_bytes(), b": ", line].concat())?;
        }
        if !self.events.are_few() {
            self.events.tell(&Event::Said { from, by, told: told(line) });
        }
        Ok(())
    }

    fn name(&self, id: ConnId) -> String {
        self.names().get(&id).map_or("somebody".into(), Clone::clone)
    }

    fn names(&self) -> MutexGuard<'_, BTreeMap<ConnId, String>> {
        guard(&self.names)
    }
}

fn guard<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Does, or did, this one listen? Asked by its number: who listens now may be another than when it spoke.
fn listens(id: ConnId) -> bool {
    id < ConnId::FIRST_ACCEPTED
}

fn told(line: &[u8]) -> crate::speech::Told {
    Codec::Raw.told(line)
}

/// What the listener makes of a line for all others. A typed line has no newline, so it is never taken for one of these.
fn passed_on(name: &str, line: &[u8]) -> Vec<u8> {
    [b"\n", name.as_bytes(), b"\n", line].concat()
}

/// Whose line was passed on, and the line.
fn told_by(body: &[u8]) -> Option<(String, &[u8])> {
    let rest = body.strip_prefix(b"\n")?;
    let end = rest.iter().position(|&byte| byte == b'\n')?;
    Some((escape::one_line(&String::from_utf8_lossy(&rest[..end])), &rest[end + 1..]))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_is_passed_on_with_its_speaker_and_nothing_else_is_taken_for_one() {
        assert_eq!(told_by(&passed_on("anna", b"hi\n\nthere")), Some(("anna".into(), &b"hi\n\nthere"[..])));
        assert_eq!(told_by(b"\na\x1bb\n\xff"), Some(("a\\x1bb".into(), &b"\xff"[..])));
        for typed in [&b"hi"[..], b"", b"hi\nthere\n", b"\nhi"] {
            assert_eq!(told_by(typed), None, "{typed:?}");
        }
    }
}
