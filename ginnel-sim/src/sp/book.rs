//! What all ends of one run know, compared with each other.

use std::collections::{BTreeMap, BTreeSet};

use ginnel_proto::PeerFault;
use ginnel_proto::machine::ConnId;
use ginnel_proto::sp::{Gone, Protocol, SpFault};

use super::letter::Letter;
use super::witness::Track;
use crate::kernel::{Fake, Fd, Pid, SockId, World};
use crate::scene::Scene;

/// What all ends of one run know.
#[derive(Debug)]
pub(crate) struct Book {
    letters: u64,
    /// By the socket at which it is read.
    ways: BTreeMap<SockId, Way>,
    /// What was written over pipes that came and went before their sockets were looked for.
    fleeting: BTreeMap<(Pid, ConnId), Vec<Option<Letter>>>,
    ends: Vec<(Fake, Protocol)>,
    /// Connections that were made for a process, and that it has not taken.
    handed: BTreeMap<Pid, Vec<Fd>>,
    /// The first lie that was told to this socket, and whether all of it was.
    lies: BTreeMap<SockId, (PeerFault, bool)>,
    strange: BTreeSet<SockId>,
    strays: bool,
    largest: usize,
    tally: BTreeMap<&'static str, u64>,
}

/// One direction of a connection.
#[derive(Debug, Default)]
struct Way {
    written: Option<Written>,
    heard: Option<Heard>,
}

#[derive(Debug)]
struct Written {
    letters: Vec<Option<Letter>>,
    /// How many of them the kernel has.
    sent: usize,
    /// It has closed the pipe, and the link has gone on by itself; or it has died.
    unseen: bool,
}

#[derive(Debug)]
struct Heard {
    letters: Vec<Option<Letter>>,
    ended: Option<Gone>,
    attached: bool,
    dead: bool,
}

impl Default for Book {
    fn default() -> Self {
        Self {
            letters: 0,
            ways: BTreeMap::new(),
            fleeting: BTreeMap::new(),
            ends: Vec::new(),
            handed: BTreeMap::new(),
            lies: BTreeMap::new(),
            strange: BTreeSet::new(),
            strays: false,
            largest: 1 << 30,
            tally: BTreeMap::new(),
        }
    }
}

impl Book {
    pub(crate) const fn next_letter(&mut self) -> Letter {
        self.letters += 1;
        Letter(self.letters)
    }

    pub(crate) fn tally(&mut self, what: &'static str) {
        *self.tally.entry(what).or_default() += 1;
    }

    pub(crate) const fn counts(&self) -> &BTreeMap<&'static str, u64> {
        &self.tally
    }

    /// The largest message that anybody takes.
    pub(crate) const fn largest(&self) -> usize {
        self.largest
    }

    pub(crate) const fn set_largest(&mut self, bytes: usize) {
        self.largest = bytes;
    }

    /// A process with an end; a stray goes together with nobody.
    pub(crate) fn enters(&mut self, fake: &Fake, end: Protocol, stray: bool) {
        self.strays |= stray;
        self.ends.push((fake.clone(), end));
    }

    pub(crate) fn exits(&mut self, pid: Pid) {
        self.ends.retain(|(fake, _)| fake.pid() != pid);
        self.handed.remove(&pid);
    }

    /// Another process with such an end.
    pub(crate) fn partner(&self, own: Pid, end: Protocol, scene: &Scene) -> Option<Fake> {
        let mut others: Vec<_> =
            self.ends.iter().filter(|(fake, other)| fake.pid() != own && *other == end).collect();
        if others.is_empty() { None } else { Some(others.swap_remove(scene.index(others.len())).0.clone()) }
    }

    /// Any process with an end, and which.
    pub(crate) fn anybody(&self, scene: &Scene) -> Option<(Fake, Protocol)> {
        if self.ends.is_empty() { None } else { self.ends.get(scene.index(self.ends.len())).cloned() }
    }

    pub(crate) fn hand(&mut self, pid: Pid, fd: Fd) {
        self.handed.entry(pid).or_default().push(fd);
    }

    pub(crate) fn take_handed(&mut self, pid: Pid) -> Vec<Fd> {
        self.handed.remove(&pid).unwrap_or_default()
    }

    /// One end of this connection keeps no rules.
    pub(crate) fn strange(&mut self, ours: SockId, theirs: SockId) {
        self.strange.extend([ours, theirs]);
    }

    pub(crate) const fn has_strays(&self) -> bool {
        self.strays
    }

    pub(crate) fn has_liars(&self) -> bool {
        !self.strange.is_empty()
    }

    /// This may be noticed at this socket: some of it is said.
    pub(crate) fn lies(&mut self, at: SockId, fault: PeerFault) {
        self.lies.entry(at).or_insert((fault, false));
    }

    /// And this must be: all of it was said.
    pub(crate) fn lied(&mut self, at: SockId) {
        if let Some((_, all)) = self.lies.get_mut(&at) {
            *all = true;
        }
    }

    /// What one end knows of a pipe.
    pub(crate) fn knows(&mut self, pipe: (Pid, ConnId), track: &Track, dead: bool) {
        let Some((ours, theirs)) = track.ends else {
            self.fleeting.insert(pipe, track.written.clone());
            return;
        };
        let unseen = dead || matches!(track.ended, Some(Gone::Here | Gone::Fault(PeerFault::Sp(_))));
        let written = Written { letters: track.written.clone(), sent: track.sent, unseen };
        self.ways.entry(theirs).or_default().written = Some(written);
        let (ended, attached) = (track.ended, track.attached);
        let heard = Heard { letters: track.heard.clone(), ended, attached, dead };
        self.ways.entry(ours).or_default().heard = Some(heard);
    }

    /// Now that all is quiet: has everything arrived that must?
    pub(crate) fn check(&self, world: &World) -> Result<(), String> {
        for (&at, way) in &self.ways {
            if self.strange.contains(&at) {
                self.check_blame(at, way)?;
                continue;
            }
            match (&way.written, &way.heard) {
                (Some(written), Some(heard)) => check_way(at, written, heard, world)?,
                (Some(written), None) if written.sent > 0 && world.is_open(at) => {
                    return Err(format!("{} were sent to {at:?}, and nobody reads there", written.sent));
                }
                (None, Some(heard)) if !self.may_be_fleeting(&heard.letters) => {
                    return Err(format!("at {at:?} something was heard, and nobody knows who wrote it"));
                }
                _ => {}
            }
        }
        self.check_once()
    }

    fn may_be_fleeting(&self, heard: &[Option<Letter>]) -> bool {
        heard.is_empty() || self.fleeting.values().any(|written| written.starts_with(heard))
    }

    /// Whoever keeps no rules is blamed for what was said, and for nothing else.
    fn check_blame(&self, at: SockId, way: &Way) -> Result<(), String> {
        let Some(heard) = &way.heard else { return Ok(()) };
        let lie = self.lies.get(&at);
        match (heard.ended, lie) {
            (Some(Gone::Fault(PeerFault::Sp(fault))), _) if is_of_header(fault) => Ok(()),
            (Some(Gone::Fault(fault @ (PeerFault::Sp(_) | PeerFault::TooLong { .. }))), lie)
                if lie.is_none_or(|lie| lie.0 != fault) =>
            {
                Err(format!("one at {at:?} was blamed for {fault}, and said {lie:?}"))
            }
            (Some(Gone::There), Some((lie, true))) => {
                Err(format!("one at {at:?} has gone, and nobody has noticed: {lie}"))
            }
            _ => Ok(()),
        }
    }

    /// No letter that is for one arrives anywhere a second time.
    fn check_once(&self) -> Result<(), String> {
        let for_one = |end: Protocol| matches!(end, Protocol::Push | Protocol::Pair0 | Protocol::Pair1);
        if !self.ends.iter().any(|&(_, end)| for_one(end)) {
            return Ok(());
        }
        let mut seen = BTreeSet::new();
        let heard = self.ways.values().filter_map(|way| way.heard.as_ref());
        for letter in heard.flat_map(|heard| &heard.letters).flatten() {
            if !seen.insert(letter) {
                return Err(format!("{letter:?} has arrived twice"));
            }
        }
        Ok(())
    }
}

/// The witness has looked at each of these.
const fn is_of_header(fault: SpFault) -> bool {
    matches!(fault, SpFault::ShortHeader { .. } | SpFault::Hops { .. } | SpFault::SpokenTo)
}

/// What was heard is what was written, in its order; and all that the kernel had, unless its reader has ended it.
fn check_way(at: SockId, written: &Written, heard: &Heard, world: &World) -> Result<(), String> {
    let Written { letters, sent, unseen } = written;
    if !letters.starts_with(&heard.letters) {
        return Err(format!("at {at:?} {:?} was heard, and {letters:?} was written", heard.letters));
    }
    let count = heard.letters.len();
    if count > *sent && !unseen {
        return Err(format!("at {at:?} {count} were heard, and {sent} were sent"));
    }
    let must_hear = match heard.ended {
        _ if heard.dead => false,
        // One that is open still must have become a pipe, now that all is quiet.
        None => heard.attached || world.is_open(at),
        Some(Gone::There | Gone::Errno(libc::ECONNRESET | libc::EPIPE)) => heard.attached,
        Some(_) => false,
    };
    if must_hear && count < *sent {
        return Err(format!("{sent} were sent to {at:?}, and {count} have arrived: {:?}", heard.ended));
    }
    Ok(())
}
