//! What happens, told on standard error: as JSON with `--json`, as text with `-v`, and what everybody should know
//! always.

#[cfg(unix)]
#[path = "events/unix.rs"]
mod system;
#[cfg(windows)]
#[path = "events/windows.rs"]
mod system;

use std::fmt;
use std::io::{self, Write};
use std::process::ExitStatus;

use ginnel::{Neighbour, Role};
use serde::Serialize;

use crate::escape;
use crate::plan::Kind;
use crate::speech::Told;

pub(crate) use self::system::Peer;
use self::system::Person;

/// Something that happened.
#[derive(Debug, Serialize)]
#[serde(tag = "event", rename_all = "kebab-case")]
pub(crate) enum Event {
    Listening {
        address: String,
        kind: Kind,
    },
    Connected {
        address: String,
        peer: Peer,
    },
    Accepted {
        peer: Peer,
    },
    Closed {
        unread: bool,
    },
    Sent {
        bytes: usize,
        fds: usize,
    },
    Received {
        bytes: usize,
        fds: usize,
    },
    Message {
        #[serde(flatten)]
        told: Told,
        bytes: usize,
        fds: usize,
    },
    Answered {
        bytes: usize,
    },
    NotAnswered {
        message: String,
    },
    MessageDropped {
        bytes: usize,
    },
    ConnectionLost {
        message: String,
    },
    #[cfg_attr(windows, allow(dead_code, reason = "it happens on Unix"))]
    Descriptor {
        index: usize,
        target: String,
        size: Option<u64>,
    },
    DescriptorsClosed {
        count: usize,
    },
    #[cfg_attr(windows, allow(dead_code, reason = "it happens on Unix"))]
    NotReceived {
        message: String,
    },
    Started {
        pid: u32,
    },
    #[cfg_attr(windows, allow(dead_code, reason = "it happens on Unix"))]
    NotStarted {
        message: String,
    },
    Ended {
        pid: u32,
        status: String,
    },
    /// Who it is among its like now.
    Role {
        role: &'static str,
        epoch: u64,
    },
    Joined {
        name: String,
        #[serde(flatten)]
        who: Person,
        /// It is the one that listens.
        listens: bool,
        data: Option<String>,
    },
    Left {
        name: String,
        message: String,
    },
    Said {
        from: String,
        /// Who passed it on.
        by: Option<String>,
        #[serde(flatten)]
        told: Told,
    },
    NotDelivered {
        /// `None`: whoever listens.
        to: Option<String>,
        #[serde(flatten)]
        told: Told,
        message: String,
    },
    Trouble {
        message: String,
    },
    /// One more is connected, as a pipe of an end of SP.
    Attached {
        pipe: u64,
        /// `None`: not on this machine, or gone already.
        peer: Option<Peer>,
    },
    Detached {
        pipe: u64,
        message: String,
        /// The other side broke a rule.
        #[serde(skip)]
        fault: bool,
    },
    /// Somebody came, and did not become a pipe.
    Rejected {
        message: String,
    },
    DialFailed {
        message: String,
        pause_ms: u128,
    },
    Step {
        number: usize,
        name: &'static str,
        held: bool,
        what: String,
        micros: u128,
    },
    Error {
        code: u8,
        message: String,
    },
}

impl Event {
    pub(crate) fn ended(pid: u32, status: ExitStatus) -> Self {
        Self::Ended { pid, status: status.to_string() }
    }

    pub(crate) fn role(role: Role, epoch: u64) -> Self {
        let role = match role {
            Role::Negotiating => "negotiating",
            Role::Connector => "connector",
            Role::Listener => "listener",
        };
        Self::Role { role, epoch }
    }

    pub(crate) fn joined(name: String, who: &Neighbour, listens: bool) -> Self {
        let data = Some(String::from_utf8_lossy(who.data()).into_owned()).filter(|data| !data.is_empty());
        Self::Joined { name, who: who.into(), listens, data }
    }

    /// Is it told without `-v`?
    fn concerns_everybody(&self) -> bool {
        matches!(
            self,
            Self::Descriptor { .. }
                | Self::DescriptorsClosed { .. }
                | Self::NotReceived { .. }
                | Self::NotStarted { .. }
                | Self::NotAnswered { .. }
                | Self::MessageDropped { .. }
                | Self::ConnectionLost { .. }
                | Self::Role { .. }
                | Self::Joined { .. }
                | Self::Left { .. }
                | Self::NotDelivered { .. }
                | Self::Trouble { .. }
                | Self::Detached { fault: true, .. }
                | Self::Rejected { .. }
                | Self::Error { .. }
        )
    }
}

impl fmt::Display for Event {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Listening { address, kind } => write!(f, "listening at {address} ({kind})"),
            Self::Connected { address, peer } => write!(f, "connected to {address}: {peer}"),
            Self::Accepted { peer } => write!(f, "accepted {peer}"),
            Self::Closed { unread: false } => f.write_str("the peer has ended"),
            Self::Closed { unread: true } => f.write_str("the peer has ended without reading everything"),
            Self::Sent { bytes, fds } => write!(f, "sent {bytes} bytes and {fds} descriptors"),
            Self::Received { bytes, fds } => write!(f, "received {bytes} bytes and {fds} descriptors"),
            Self::Message { bytes, fds, .. } => {
                write!(f, "received a message of {bytes} bytes and {fds} descriptors")
            }
            Self::Answered { bytes } => write!(f, "answered a request with {bytes} bytes"),
            Self::NotAnswered { message } => write!(f, "a request failed: {message}"),
            Self::MessageDropped { bytes } => {
                write!(f, "a message of {bytes} bytes was dropped: requests are answered here")
            }
            Self::ConnectionLost { message } => write!(f, "a connection was lost: {message}"),
            Self::Descriptor { index, target, size: None } => write!(f, "descriptor {index}: {target}"),
            Self::Descriptor { index, target, size: Some(size) } => {
                write!(f, "descriptor {index}: {target}, {size} bytes")
            }
            Self::DescriptorsClosed { count } => {
                write!(f, "{count} descriptors came and were closed: `ginnel recv` takes them")
            }
            Self::NotReceived { message } => write!(f, "a packet was lost: {message}"),
            Self::Started { pid } => write!(f, "command {pid} started"),
            Self::NotStarted { message } => write!(f, "cannot start the command: {message}"),
            Self::Ended { pid, status } => write!(f, "command {pid} ended: {status}"),
            Self::Role { role: "listener", epoch } => {
                write!(f, "this one listens now{}", system::which(*epoch))
            }
            Self::Role { role: "connector", .. } => f.write_str("connected to whoever listens"),
            Self::Role { .. } => f.write_str("looking for whoever listens"),
            Self::Joined { name, who, listens, data } => {
                let does = if *listens { "listens" } else { "joined" };
                write!(f, "{name} {does} ({who})")?;
                data.as_ref().map_or(Ok(()), |data| write!(f, ": {data}"))
            }
            Self::Left { name, message } => write!(f, "{name} left: {message}"),
            Self::Said { from, by: None, .. } => write!(f, "heard {from}"),
            Self::Said { from, by: Some(by), .. } => write!(f, "heard {from} by {by}"),
            Self::NotDelivered { to, told, message } => {
                let to = to.as_deref().unwrap_or("whoever listens");
                write!(f, "not delivered to {to}: {message}: {told}")
            }
            Self::Trouble { message } => write!(f, "cannot take part for now: {message}"),
            Self::Attached { pipe, peer: Some(peer) } => write!(f, "pipe {pipe} to {peer}"),
            Self::Attached { pipe, peer: None } => write!(f, "pipe {pipe} to somebody out of sight"),
            Self::Detached { pipe, message, .. } => write!(f, "pipe {pipe} is gone: {message}"),
            Self::Rejected { message } => write!(f, "somebody came, and does not fit: {message}"),
            Self::DialFailed { message, pause_ms } => {
                write!(f, "cannot connect: {message}; again in {pause_ms} ms at the latest")
            }
            Self::Step { number, name, held, .. } => {
                write!(f, "step {number} ({name}) {}", if *held { "held" } else { "failed" })
            }
            Self::Error { message, .. } => f.write_str(message),
        }
    }
}

/// What may be out of sight.
fn shown<T: ToString>(what: Option<T>) -> String {
    what.map_or("?".into(), |what| what.to_string())
}

/// Tells events in the form that was asked for.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Events(Form);

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Form {
    Quiet,
    Text,
    Json,
}

impl Events {
    pub(crate) fn new(json: bool, verbose: bool) -> Self {
        Self(match (json, verbose) {
            (true, _) => Form::Json,
            (false, true) => Form::Text,
            (false, false) => Form::Quiet,
        })
    }

    /// Was `--json` given?
    pub(crate) fn are_json(self) -> bool {
        self.0 == Form::Json
    }

    /// Was neither `--json` nor `-v` given?
    pub(crate) fn are_few(self) -> bool {
        self.0 == Form::Quiet
    }

    /// Writes one line, in one piece. That nobody reads standard error any more is no failure.
    pub(crate) fn tell(self, event: &Event) {
        if let Some(line) = self.line(event) {
            let _ = io::stderr().write_all(line.as_bytes());
        }
    }

    fn line(self, event: &Event) -> Option<String> {
        match self.0 {
            Form::Json => Some(json_line(event)),
            Form::Quiet if !event.concerns_everybody() => None,
            Form::Quiet | Form::Text => Some(format!("ginnel: {}\n", escape::one_line(&event.to_string()))),
        }
    }
}

/// One line of JSON.
pub(crate) fn json_line(value: &impl Serialize) -> String {
    let text = serde_json::to_string(value).expect("numbers, texts and lists have a JSON form");
    escape::json(&text) + "\n"
}

#[cfg(test)]
mod tests {
    use super::*;

    fn descriptor(target: &str) -> Event {
        Event::Descriptor { index: 0, target: target.into(), size: Some(5) }
    }

    #[test]
    fn json_is_one_line_of_one_object() {
        let table = [
            (
                Event::Listening { address: "/a".into(), kind: Kind::SeqPacket },
                r#"{"event":"listening","address":"/a","kind":"seqpacket"}"#,
            ),
            (descriptor("/a\n\u{9b}"), r#"{"event":"descriptor","index":0,"target":"/a\n\u009b","size":5}"#),
            (Event::DescriptorsClosed { count: 2 }, r#"{"event":"descriptors-closed","count":2}"#),
        ];
        for (event, line) in table {
            assert_eq!(Events::new(true, false).line(&event), Some(format!("{line}\n")));
        }
    }

    #[test]
    fn text_is_one_line_and_mostly_asked_for() {
        let quiet = Events::new(false, false);
        assert_eq!(quiet.line(&Event::Closed { unread: false }), None);
        assert_eq!(
            quiet.line(&descriptor("/a\nb")).as_deref(),
            Some("ginnel: descriptor 0: /a\\x0ab, 5 bytes\n")
        );
        let verbose = Events::new(false, true);
        assert_eq!(verbose.line(&Event::Started { pid: 7 }).as_deref(), Some("ginnel: command 7 started\n"));
    }
}
