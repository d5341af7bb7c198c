//! Elections that are shown anything.

use ginnel_proto::election::{Election, Inode, Seen, Step, Way};

use crate::script::Script;

/// What stands at the private name, as far as the steps have told.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Private {
    /// Nothing.
    Empty,
    /// The socket that was bound there.
    Mine,
    /// What was at the path before: anybody's.
    Unknown,
    /// A socket that was seen to be dead, or our own.
    Known,
}

/// The paper on which is noted what the steps have done.
pub(crate) struct Paper {
    private: Private,
    pub(crate) locked: bool,
    known: Vec<Inode>,
    inspected: Option<Inode>,
}

struct Watcher {
    election: Election,
    /// A peer of the same inputs, which must say the same.
    twin: Election,
    paper: Paper,
}

/// Any sightings, in any order: an election comes to an end, removes nothing that may be somebody else's, owns only
/// what it has locked, and gives the lock back.
pub fn election(data: &[u8]) {
    let mut script = Script::new(data);
    let way = script.choose([Way::Rename, Way::Bind]);
    let ((election, step), (twin, _)) = (Election::claim(way), Election::claim(way));
    let mut watcher = Watcher { election, twin, paper: Paper::new() };
    watcher.follow(step, &mut script);
    while !script.is_over() {
        let (step, twin) = if script.flag() {
            (watcher.election.release(), watcher.twin.release())
        } else {
            (watcher.election.republish(), watcher.twin.republish())
        };
        assert_eq!(step, twin);
        watcher.follow(step, &mut script);
    }
}

impl Watcher {
    /// Goes on until the election has come to an end.
    fn follow(&mut self, mut step: Step, script: &mut Script<'_>) {
        for _ in 0..MOST_STEPS {
            if matches!(step, Step::Own | Step::Released | Step::Refuse(_)) {
                return self.check_end(step);
            }
            let seen = sighting(script, step);
            self.paper.note(step, seen, self.election.owned());
            let next = self.election.next(seen);
            assert_eq!(self.twin.next(seen), next, "the same sightings, the same steps");
            step = next;
        }
        panic!("it goes round for ever");
    }

    fn check_end(&self, step: Step) {
        let owns = self.election.owned().is_some();
        match step {
            Step::Own => assert!(owns && self.paper.locked, "only what is locked is owned"),
            Step::Released => assert!(!owns && !self.paper.locked, "the lock is given back"),
            _ => assert_eq!(owns, self.paper.locked, "a refusal gives the lock back, or keeps what there is"),
        }
    }
}

impl Paper {
    pub(crate) const fn new() -> Self {
        Self { private: Private::Empty, locked: false, known: Vec::new(), inspected: None }
    }

    /// Notes what a step has done. `owned`: the socket that is ours.
    pub(crate) fn note(&mut self, step: Step, seen: Seen, owned: Option<Inode>) {
        match (step, seen) {
            (Step::TryLock, Seen::Done) => self.locked = true,
            (Step::Unlock, _) => self.locked = false,
            (Step::Bind, Seen::Done) => self.private = Private::Mine,
            (Step::Inspect, Seen::Found(there)) => self.inspected = Some(there),
            (Step::Probe, Seen::Refused) | (Step::Recall, Seen::Done) => self.known.extend(self.inspected),
            (Step::Identify, Seen::Found(mine)) => self.known.push(mine),
            (Step::Publish, Seen::Done) => self.private = Private::Empty,
            (Step::Exchange, Seen::Done) => {
                self.private = if self.private == Private::Mine { Private::Unknown } else { Private::Mine };
            }
            (Step::Withdraw, Seen::Done) => {
                // Somebody who withdraws has inspected before, and owns what was there or has seen it dead.
                self.known.extend(owned.or(self.inspected));
                self.private = Private::Unknown;
            }
            (Step::InspectDisplaced, Seen::Found(there)) if self.known.contains(&there) => {
                self.private = Private::Known;
            }
            (Step::RemovePrivate, _) => {
                assert!(
                    matches!(self.private, Private::Mine | Private::Known),
                    "{:?} is removed",
                    self.private
                );
                self.private = Private::Empty;
            }
            _ => {}
        }
        let changes = matches!(step, Step::Publish | Step::Exchange | Step::Withdraw | Step::BindName);
        assert!(!changes || self.locked, "the path is touched under the lock only");
    }
}

/// More than any path that changes under our hands takes: 16 rounds of at most 12 steps.
const MOST_STEPS: usize = 200;

pub(crate) fn sighting(script: &mut Script<'_>, step: Step) -> Seen {
    let byte = script.byte();
    let inode = Inode { device: 1, number: u64::from(byte >> 4) % 4 };
    let found = Seen::Found(inode);
    let all = [
        Seen::Done,
        found,
        Seen::Absent,
        Seen::Refused,
        Seen::Exists,
        Seen::Held,
        Seen::Moved,
        Seen::Foreign,
        Seen::Answered,
        Seen::Failed,
    ];
    match all[usize::from(byte & 0xf) % all.len()] {
        Seen::Done if step == Step::Record => Seen::Recorded(u64::from(byte >> 4)),
        seen => seen,
    }
}
