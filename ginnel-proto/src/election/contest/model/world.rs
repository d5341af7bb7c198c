//! What is shared by the peers of a path, and who they are.

use std::hash::{DefaultHasher, Hash, Hasher};

use super::super::{Contest, Heir, Order, Reached};
use super::alike::{Alike, FIRST, Process, Who};
use super::search::System;
use crate::election::{Inode, Seen, Step};

mod acts;
mod checks;
mod faults;
mod steps;

/// A socket that lay at the path dead from the start, unknown to any lock file.
const OLD: Inode = Inode { device: 0, number: 1 };
/// The socket of somebody who knows no lock.
const STRANGER: Inode = Inode { device: 0, number: 2 };

/// What may go wrong, and how often.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub(super) struct Budget {
    pub(super) kills: u8,
    /// Processes that fork a child which keeps every socket.
    pub(super) children: u8,
    /// Processes that stop for a while.
    pub(super) stops: u8,
    /// Peers that leave.
    pub(super) leaves: u8,
    /// Deletions of the name.
    pub(super) deletions: u8,
    /// Does a stranger listen where there is no name, and go away some day?
    pub(super) stranger: bool,
    pub(super) standby: bool,
}

impl Budget {
    pub(super) const NONE: Self =
        Self { kills: 0, children: 0, stops: 0, leaves: 0, deletions: 0, stranger: false, standby: true };
}

/// A mistake that somebody could make who carries the orders out.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub(super) enum Sabotage {
    None,
    /// Whoever holds byte 0 is taken for the one at the other end.
    SeeksAnyLeader,
    /// Byte 0 is granted to everybody.
    NoLock,
    /// Byte 0 outlives its holder in a forked child, as other kinds of lock do.
    ChildKeepsLock,
    /// The election byte outlives its holder.
    TurnOutlivesHolder,
    /// A standby takes it for granted that its socket still stands at the path.
    StandbyDoesNotLook,
    /// Whoever has byte 0 does not connect once more, and believes that nobody is there.
    NoLastLook,
    /// Every socket is taken for one that peers have published.
    RecallsEverything,
    /// What came out of an exchange is taken for what was expected.
    DisplacedUnseen,
    /// A leader is not told that its name was deleted.
    Deaf,
}

/// What happened, and to whom.
#[derive(Clone, Copy, Debug)]
#[expect(dead_code, reason = "it is read by printing it")]
pub(super) enum Deed {
    Does(Who, Step, Seen),
    Connects(Who, Option<Inode>),
    Hears(Who, Reached),
    Loses(Who, Who),
    IsMadeStandby(Who),
    IsDisturbed(Who),
    Resigns(Who),
    Leaves(Who),
    Stops(Who),
    GoesOn(Who),
    Killed(Process),
    LetsGoOfLead(Who),
    LetsGoOfTurn(Who),
    LetsGoOf(Who, Inode),
    LeavesToChild(Who, Inode),
    LockThread(Who),
    NameDeleted,
    StrangerListens,
    StrangerGoes,
}

#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) struct World {
    budget: Budget,
    sabotage: Sabotage,
    shared: Shared,
    people: Vec<Person>,
}

#[derive(Clone, PartialEq, Eq, Hash, Debug)]
struct Shared {
    name: Option<Inode>,
    record: [Option<Inode>; 2],
    lead: Option<Lead>,
    turn: Option<Turn>,
    /// Sockets that a forked child keeps.
    kept: Vec<Inode>,
    stranger_listens: bool,
}

/// Who holds byte 0.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
enum Lead {
    Person(Who),
    /// Only after a sabotage.
    Nobody,
}

/// Who holds the election byte.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
enum Turn {
    Person(Who),
    /// The lock thread of a process in which nobody waits any more.
    Thread(Process),
    /// Only after a sabotage.
    Nobody,
}

#[derive(Clone, PartialEq, Eq, Debug)]
struct Person {
    process: Process,
    life: Life,
    /// In its process the lock thread still waits for a peer that has left.
    haunted: bool,
    /// How many sockets it has made. That only names the next, so it is not hashed.
    made: u64,
}

impl Hash for Person {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.process.hash(state);
        self.life.hash(state);
        self.haunted.hash(state);
    }
}

#[derive(Clone, PartialEq, Eq, Hash, Debug)]
enum Life {
    Runs(Box<Running>),
    /// Killed, and holding this still.
    Dies {
        lead: bool,
        turn: bool,
        sockets: Vec<Inode>,
    },
    Gone,
}

#[derive(Clone, PartialEq, Eq, Hash, Debug)]
struct Running {
    contest: Contest,
    order: Order,
    stopped: bool,
    leaving: bool,
    /// It is told what happens to the name.
    watches: bool,
    /// Something has happened to the name, which it will be told.
    disturbed: bool,
    /// What was looked at.
    pinned: Option<Inode>,
    /// What stands at its private name.
    private: Option<Inode>,
    /// The socket it makes.
    fresh: Option<Inode>,
    /// The duplicate it was given.
    spare: Option<Inode>,
    /// What it listens on, the newest last.
    serves: Vec<Inode>,
    /// What it is connected to, and who has greeted there.
    connection: Option<(Inode, Option<Who>)>,
}

type Found = Result<Vec<(Deed, World)>, String>;

impl World {
    pub(super) fn new(processes: &[u16], budget: Budget) -> Self {
        let mut contest = Contest::new();
        let order = contest.join().expect("it begins");
        let running = Box::new(Running {
            contest,
            order,
            stopped: false,
            leaving: false,
            watches: false,
            disturbed: false,
            pinned: None,
            private: None,
            fresh: None,
            spare: None,
            serves: Vec::new(),
            connection: None,
        });
        let person = |&process: &u16| {
            let life = Life::Runs(running.clone());
            Person { process: Process(process), life, haunted: false, made: 0 }
        };
        let people = processes.iter().map(person).collect();
        let shared = Shared {
            name: Some(OLD),
            record: [None, None],
            lead: None,
            turn: None,
            kept: Vec::new(),
            stranger_listens: false,
        };
        Self { budget, sabotage: Sabotage::None, shared, people }
    }

    pub(super) fn with(self, sabotage: Sabotage) -> Self {
        Self { sabotage, ..self }
    }

    fn running(&self, i: usize) -> Option<&Running> {
        match &self.people[i].life {
            Life::Runs(running) => Some(running),
            _ => None,
        }
    }

    fn running_mut(&mut self, i: usize) -> &mut Running {
        match &mut self.people[i].life {
            Life::Runs(running) => running,
            other => panic!("{other:?} runs no more"),
        }
    }

    fn changed(&self, change: impl FnOnce(&mut Self)) -> Self {
        let mut world = self.clone();
        change(&mut world);
        world
    }

    /// Does a socket take connections?
    fn lives(&self, socket: Inode) -> bool {
        let holds = |person: &Person| match &person.life {
            Life::Runs(it) => {
                it.serves.contains(&socket) || it.spare == Some(socket) || it.fresh == Some(socket)
            }
            Life::Dies { sockets, .. } => sockets.contains(&socket),
            Life::Gone => false,
        };
        let is_strange = socket == STRANGER && self.shared.stranger_listens;
        is_strange || self.shared.kept.contains(&socket) || self.people.iter().any(holds)
    }

    /// The hash of the world with everybody called what it is.
    pub(super) fn as_it_is(&self) -> u64 {
        let mut hasher = DefaultHasher::new();
        (self.budget, &self.shared, &self.people).hash(&mut hasher);
        hasher.finish()
    }

    /// The hash of the world with its people in this order, whatever they and their sockets are called.
    pub(super) fn in_order(&self, order: &[usize]) -> u64 {
        let mut names = vec![0; order.len()];
        for (rank, &i) in order.iter().enumerate() {
            names[i] = rank as u8;
        }
        let mut hasher = Alike::new(&names);
        self.budget.hash(&mut hasher);
        self.shared.hash(&mut hasher);
        order.iter().for_each(|&i| self.people[i].hash(&mut hasher));
        hasher.finish()
    }

    /// How the world looks to one peer, whatever everybody is called.
    fn seen_by(&self, i: usize) -> u64 {
        let mut names = vec![1; self.people.len()];
        names[i] = 0;
        let mut hasher = Alike::new(&names);
        self.shared.hash(&mut hasher);
        self.people[i].hash(&mut hasher);
        hasher.finish()
    }
}

impl System for World {
    type Deed = Deed;

    fn successors(&self) -> Found {
        let mut all = Vec::new();
        for i in 0..self.people.len() {
            match &self.people[i].life {
                Life::Runs(it) if it.stopped => {
                    let goes_on = self.changed(|world| world.running_mut(i).stopped = false);
                    all.push((Deed::GoesOn(Who(i as u32)), goes_on));
                }
                Life::Runs(_) => all.extend(self.acts(i)?),
                Life::Dies { .. } => all.extend(self.lets_go(i)),
                Life::Gone => {}
            }
            all.extend(self.haunts(i));
        }
        all.extend(self.killed());
        all.extend(self.outsiders());
        Ok(all)
    }

    fn check(&self) -> Result<(), String> {
        self.check_now()
    }

    /// A stranger who has come goes some day, and who has stopped goes on.
    fn is_fault(deed: &Deed) -> bool {
        use Deed::*;
        matches!(deed, Killed(_) | LeavesToChild(..) | Stops(_) | Leaves(_) | NameDeleted | StrangerListens)
    }

    fn check_end(&self) -> Result<(), String> {
        self.check_last()
    }

    /// Peers are put into an order that does not depend on what they are called. Where it leaves two of them equal, a
    /// world may be visited in both orders, which costs time and nothing else.
    fn fingerprint(&self) -> u64 {
        let seen: Vec<u64> = (0..self.people.len()).map(|i| self.seen_by(i)).collect();
        let mut order: Vec<usize> = (0..self.people.len()).collect();
        order.sort_unstable_by_key(|&i| (seen[i], i));
        self.in_order(&order)
    }
}
