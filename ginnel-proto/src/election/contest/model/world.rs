//! What is shared by the peers of a path, and who they are.

use super::super::{Contest, Heir, Order, Reached};
use crate::election::{Inode, Seen, Step};

/// A socket. Each person numbers its own.
pub(super) type Id = u8;

/// A socket that lay at the path dead from the start, unknown to any lock file.
const OLD: Id = 250;
/// The socket of somebody who knows no lock.
const STRANGER: Id = 251;

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
    /// Strangers who listen where there is no name.
    pub(super) strangers: u8,
    pub(super) standby: bool,
}

impl Budget {
    pub(super) const NONE: Self =
        Self { kills: 0, children: 0, stops: 0, leaves: 0, deletions: 0, strangers: 0, standby: true };
}

#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub(super) struct World {
    pub(super) budget: Budget,
    name: Option<Id>,
    record: [Option<Id>; 2],
    lead: Option<u8>,
    turn: Option<Turn>,
    /// Sockets that a forked child keeps.
    kept: Vec<Id>,
    pub(super) people: Vec<Person>,
}

/// Who holds the election byte.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
enum Turn {
    Person(u8),
    /// The lock thread of a process in which nobody waits any more.
    Nobody(u8),
}

#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub(super) struct Person {
    process: u8,
    pub(super) life: Life,
    /// How many sockets it has made.
    made: u8,
    /// In its process the lock thread still waits for a peer that has left.
    haunted: bool,
    /// It has done something. Of several who have not, all alike, the first goes first.
    begun: bool,
}

#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub(super) enum Life {
    Runs(Box<Running>),
    /// Killed, and holding this still.
    Dies {
        lead: bool,
        turn: bool,
        sockets: Vec<Id>,
    },
    Gone,
}

#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub(super) struct Running {
    pub(super) contest: Contest,
    pub(super) order: Order,
    stopped: bool,
    leaving: bool,
    /// What was looked at.
    pinned: Option<Id>,
    /// What stands at its private name.
    private: Option<Id>,
    /// The socket it makes.
    fresh: Option<Id>,
    /// The duplicate it was given.
    spare: Option<Id>,
    /// What it listens on, the newest last.
    serves: Vec<Id>,
    /// What it is connected to, and who has greeted there.
    connection: Option<(Id, Option<u8>)>,
}

pub(super) type Found = Result<Vec<(String, World)>, String>;

const fn inode(id: Id) -> Inode {
    Inode { device: 1, number: id as u64 }
}

const fn id(inode: Inode) -> Id {
    inode.number as Id
}

impl World {
    pub(super) fn new(processes: &[u8], budget: Budget) -> Self {
        let person = |&process: &u8| {
            let mut contest = Contest::new();
            let order = contest.join().expect("it begins");
            let running = Running {
                contest,
                order,
                stopped: false,
                leaving: false,
                pinned: None,
                private: None,
                fresh: None,
                spare: None,
                serves: Vec::new(),
                connection: None,
            };
            Person { process, life: Life::Runs(Box::new(running)), made: 0, haunted: false, begun: false }
        };
        let people = processes.iter().map(person).collect();
        Self {
            budget,
            name: Some(OLD),
            record: [None, None],
            lead: None,
            turn: None,
            kept: Vec::new(),
            people,
        }
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

    /// Does a socket take connections?
    fn lives(&self, id: Id) -> bool {
        let holds = |person: &Person| match &person.life {
            Life::Runs(it) => it.serves.contains(&id) || it.spare == Some(id) || it.fresh == Some(id),
            Life::Dies { sockets, .. } => sockets.contains(&id),
            Life::Gone => false,
        };
        id == STRANGER || self.kept.contains(&id) || self.people.iter().any(holds)
    }

    /// Everything that may happen next.
    pub(super) fn successors(&self) -> Found {
        let mut all = Vec::new();
        for i in 0..self.people.len() {
            match &self.people[i].life {
                Life::Runs(_) if self.waits_for_others_to_begin(i) => continue,
                Life::Runs(it) if it.stopped => {
                    all.push((format!("{i} goes on"), self.with(i, |it| it.stopped = false)))
                }
                Life::Runs(_) => {
                    all.extend(self.acts(i)?);
                    all.extend(self.leaves(i)?);
                    all.extend(self.stops(i));
                }
                Life::Dies { .. } => all.extend(self.lets_go(i)),
                Life::Gone => {}
            }
            all.extend(self.haunts(i));
        }
        all.extend(self.killed());
        all.extend(self.disturbed()?);
        Ok(all)
    }

    fn waits_for_others_to_begin(&self, i: usize) -> bool {
        let is_alike =
            |j: usize| self.people.iter().filter(|it| it.process == self.people[j].process).count() == 1;
        let one_before = i.checked_sub(1).filter(|&before| is_alike(before) && is_alike(i));
        !self.people[i].begun && one_before.is_some_and(|before| !self.people[before].begun)
    }

    fn with(&self, i: usize, change: impl FnOnce(&mut Running)) -> Self {
        let mut world = self.clone();
        change(world.running_mut(i));
        world
    }

    /// Gives a person its next order, and carries out at once what only itself can notice.
    fn told(mut self, i: usize, order: Option<Order>) -> Result<Self, String> {
        self.people[i].begun = true;
        if let Some(order) = order {
            self.running_mut(i).order = order;
        }
        loop {
            let it = self.running_mut(i);
            let next = match it.order {
                Order::Step(step) if is_private(step) => {
                    let seen = self.step(i, step)?;
                    self.running_mut(i).contest.seen(seen)
                }
                // Reaching can come as late as one likes.
                Order::Pause => it.contest.paused(),
                Order::Resign => {
                    it.serves.clear();
                    it.contest.resigned()
                }
                Order::Fail(_) => {
                    it.connection = None;
                    (it.spare, it.fresh, it.private) = (None, None, None);
                    it.contest.join()
                }
                Order::Left => {
                    self.bury(i);
                    return Ok(self);
                }
                _ => return Ok(self),
            };
            if let Some(order) = next {
                self.running_mut(i).order = order;
            }
        }
    }

    /// What a person may do.
    fn acts(&self, i: usize) -> Found {
        let it = self.running(i).expect("it runs");
        let mut all = Vec::new();
        match it.order {
            Order::Step(Step::AwaitTurn) if self.turn.is_some() => {}
            Order::Step(step) => {
                let mut world = self.clone();
                let seen = world.step(i, step)?;
                let order = world.running_mut(i).contest.seen(seen);
                all.push((format!("{i} {step:?}: {seen:?}"), world.told(i, order)?));
            }
            Order::Reach | Order::Wait => all.extend(self.reaches(i)?),
            Order::Follow => all.extend(self.offered(i)?),
            Order::Lead => all.extend(self.looks(i)?),
            Order::Pause | Order::Resign | Order::Fail(_) | Order::Left => {}
        }
        all.extend(self.loses(i)?);
        Ok(all)
    }

    fn reaches(&self, i: usize) -> Found {
        let it = self.running(i).expect("it runs");
        let (target, greeted) = match it.connection {
            Some((target, None)) => (target, self.server_of(target)),
            // It is greeted already, or there is none: what was reached for is out of date.
            _ => return self.connects(i),
        };
        let mut all = vec![(format!("{i} hears nothing"), self.reached(i, Reached::Silent)?)];
        if let Some(server) = greeted {
            let world = self.with(i, |it| it.connection = Some((target, Some(server))));
            all.push((format!("{i} is greeted by {server}"), world.reached(i, Reached::Greeted)?));
        }
        if !self.lives(target) {
            let world = self.with(i, |it| it.connection = None);
            all.push((format!("{i} is cut off"), world.reached(i, Reached::Ended)?));
        }
        Ok(all)
    }

    fn connects(&self, i: usize) -> Found {
        let it = self.running(i).expect("it runs");
        if it.order == Order::Wait {
            return Ok(vec![(format!("{i} was cut off"), self.reached(i, Reached::Ended)?)]);
        }
        let target = if self.lead == Some(i as u8) { it.pinned } else { self.name };
        let world = match target {
            None => self.reached(i, Reached::Absent)?,
            Some(target) if !self.lives(target) => self.reached(i, Reached::Refused)?,
            Some(target) => self.with(i, |it| it.connection = Some((target, None))),
        };
        Ok(vec![(format!("{i} connects to {target:?}"), world)])
    }

    fn reached(&self, i: usize, reached: Reached) -> Result<Self, String> {
        let mut world = self.clone();
        let order = world.running_mut(i).contest.reached(reached);
        if order == Some(Order::Reach) {
            world.running_mut(i).connection = None;
        }
        world.told(i, order)
    }

    /// Who greets at this socket.
    fn server_of(&self, id: Id) -> Option<u8> {
        let serves = |person: &Person| match &person.life {
            Life::Runs(it) => !it.stopped && it.serves.contains(&id),
            _ => false,
        };
        self.people.iter().position(serves).map(|i| i as u8)
    }

    /// Is it still there? A connection of a dying process may be the first thing to go.
    fn is_served(&self, by: u8) -> bool {
        self.running(by as usize).is_some_and(|it| !it.serves.is_empty())
    }

    fn loses(&self, i: usize) -> Found {
        let it = self.running(i).expect("it runs");
        match it.connection {
            Some((_, Some(by))) if !self.is_served(by) => {
                let mut world = self.with(i, |it| it.connection = None);
                let order = world.running_mut(i).contest.lost();
                Ok(vec![(format!("{i} loses {by}"), world.told(i, order)?)])
            }
            _ => Ok(Vec::new()),
        }
    }

    /// A leader without a standby gives one of those who follow a duplicate of its socket.
    fn offered(&self, i: usize) -> Found {
        let it = self.running(i).expect("it runs");
        let Some((_, Some(by))) = it.connection else { return Ok(Vec::new()) };
        let leader = self.running(by as usize).filter(|leader| !leader.stopped);
        let Some(socket) = leader.and_then(|leader| leader.serves.last().copied()) else {
            return Ok(Vec::new());
        };
        if !self.budget.standby || self.has_heir(socket) || it.spare.is_some() {
            return Ok(Vec::new());
        }
        let mut world = self.with(i, |it| it.spare = Some(socket));
        let order = world.running_mut(i).contest.offered(inode(socket));
        Ok(vec![(format!("{i} is made standby"), world.told(i, order)?)])
    }

    fn has_heir(&self, socket: Id) -> bool {
        (0..self.people.len()).any(|i| self.running(i).is_some_and(|it| it.spare == Some(socket)))
    }

    /// Whoever leads and is told that its name is gone.
    fn looks(&self, i: usize) -> Found {
        let it = self.running(i).expect("it runs");
        if self.name == it.serves.last().copied() {
            return Ok(Vec::new());
        }
        let mut world = self.clone();
        let order = world.running_mut(i).contest.disturbed();
        Ok(vec![(format!("{i} misses its name"), world.told(i, order)?)])
    }

    fn leaves(&self, i: usize) -> Found {
        let it = self.running(i).expect("it runs");
        let Some(left) = self.budget.leaves.checked_sub(1).filter(|_| !it.leaving) else {
            return Ok(Vec::new());
        };
        let mut world = self.clone();
        world.budget.leaves = left;
        let heir = it.serves.last().is_some_and(|&socket| self.has_heir(socket));
        world.people[i].haunted = it.order == Order::Step(Step::AwaitTurn);
        let it = world.running_mut(i);
        it.leaving = true;
        let order = it.contest.leave(if heir { Heir::Standby } else { Heir::Nobody });
        Ok(vec![(format!("{i} leaves"), world.told(i, order)?)])
    }

    fn stops(&self, i: usize) -> Option<(String, Self)> {
        let mut world = self.clone();
        world.budget.stops = self.budget.stops.checked_sub(1)?;
        world.running_mut(i).stopped = true;
        world.people[i].begun = true;
        Some((format!("{i} stops"), world))
    }

    /// The lock thread gets what nobody waits for any more, and gives it back.
    fn haunts(&self, i: usize) -> Option<(String, Self)> {
        let mut world = self.clone();
        let nobody = Turn::Nobody(self.people[i].process);
        match self.turn {
            None if self.people[i].haunted => {
                world.turn = Some(nobody);
                world.people[i].haunted = false;
            }
            Some(turn) if turn == nobody && self.people[i].life == Life::Gone => world.turn = None,
            _ => return None,
        }
        Some((format!("the lock thread of {i}"), world))
    }

    fn killed(&self) -> Vec<(String, Self)> {
        let Some(left) = self.budget.kills.checked_sub(1) else { return Vec::new() };
        let mut processes: Vec<u8> =
            self.people.iter().filter(|it| matches!(it.life, Life::Runs(_))).map(|it| it.process).collect();
        processes.dedup();
        let kill = |process: u8| {
            let mut world = self.clone();
            world.budget.kills = left;
            for i in 0..world.people.len() {
                if world.people[i].process == process {
                    world.kill(i);
                }
            }
            if world.turn == Some(Turn::Nobody(process)) {
                world.turn = None;
            }
            (format!("process {process} is killed"), world)
        };
        processes.into_iter().map(kill).collect()
    }

    fn kill(&mut self, i: usize) {
        self.people[i].haunted = false;
        let Some(it) = self.running(i) else { return };
        let mut sockets = it.serves.clone();
        sockets.extend(it.spare.into_iter().chain(it.fresh));
        let (lead, turn) = (self.lead == Some(i as u8), self.turn == Some(Turn::Person(i as u8)));
        self.people[i].life = Life::Dies { lead, turn, sockets };
        self.people[i].begun = true;
        self.bury_if_bare(i);
    }

    fn bury(&mut self, i: usize) {
        (self.people[i].life, self.people[i].made) = (Life::Gone, 0);
    }

    fn bury_if_bare(&mut self, i: usize) {
        if let Life::Dies { lead: false, turn: false, sockets } = &self.people[i].life
            && sockets.is_empty()
        {
            self.bury(i);
        }
    }

    /// A dying process frees a lock or closes a socket, or leaves it to a child.
    fn lets_go(&self, i: usize) -> Vec<(String, Self)> {
        let Life::Dies { lead, turn, sockets } = &self.people[i].life else { return Vec::new() };
        let mut all = Vec::new();
        let mut after = |what: &str, change: &dyn Fn(&mut Self), life: Life| {
            let mut world = self.clone();
            change(&mut world);
            world.people[i].life = life;
            world.bury_if_bare(i);
            all.push((format!("{i} lets go of {what}"), world));
        };
        let (lead, turn) = (*lead, *turn);
        if lead {
            after(
                "byte 0",
                &|world| world.lead = None,
                Life::Dies { lead: false, turn, sockets: sockets.clone() },
            );
        }
        if turn {
            after(
                "byte 1",
                &|world| world.turn = None,
                Life::Dies { lead, turn: false, sockets: sockets.clone() },
            );
        }
        for (at, &socket) in sockets.iter().enumerate() {
            let mut rest = sockets.clone();
            rest.remove(at);
            let life = Life::Dies { lead, turn, sockets: rest };
            after("a socket", &|_| {}, life.clone());
            if self.budget.children > 0 && !self.kept.contains(&socket) {
                let keep = |world: &mut Self| {
                    world.budget.children -= 1;
                    world.kept.push(socket);
                };
                after("a socket that its child keeps", &keep, life);
            }
        }
        all
    }

    fn disturbed(&self) -> Found {
        let mut all = Vec::new();
        if let (Some(left), Some(_)) = (self.budget.deletions.checked_sub(1), self.name) {
            let mut world = self.clone();
            (world.budget.deletions, world.name) = (left, None);
            all.push(("somebody deletes the name".into(), world));
        }
        if let (Some(left), None) = (self.budget.strangers.checked_sub(1), self.name) {
            let mut world = self.clone();
            (world.budget.strangers, world.name) = (left, Some(STRANGER));
            all.push(("a stranger listens".into(), world));
        }
        Ok(all)
    }

    /// Carries out a step of a person.
    fn step(&mut self, i: usize, step: Step) -> Result<Seen, String> {
        let me = i as u8;
        let found = |id: Option<Id>| id.map_or(Seen::Absent, |id| Seen::Found(inode(id)));
        Ok(match step {
            Step::OpenLock | Step::CheckLock | Step::Sweep | Step::Restrict | Step::Listen => Seen::Done,
            Step::KeepLock if self.lead == Some(me) => Seen::Done,
            Step::TryLock if self.lead.is_none() => {
                self.lead = Some(me);
                Seen::Done
            }
            Step::KeepLock | Step::TryLock => Seen::Held,
            Step::SeekLeader => {
                if self.lead.is_some() {
                    Seen::Held
                } else {
                    Seen::Done
                }
            }
            Step::AwaitTurn => {
                self.turn = Some(Turn::Person(me));
                Seen::Done
            }
            Step::EndTurn | Step::Unlock => {
                self.release(me, step);
                Seen::Done
            }
            Step::Inspect => {
                let name = self.name;
                self.running_mut(i).pinned = name;
                found(name)
            }
            Step::Bind => {
                self.people[i].made += 1;
                let id = me * 16 + self.people[i].made;
                let it = self.running_mut(i);
                (it.private, it.fresh) = (Some(id), Some(id));
                Seen::Done
            }
            Step::Identify | Step::InspectDisplaced => found(self.running_mut(i).private),
            Step::Record => self.record(i),
            Step::Recall => {
                let known = self.running_mut(i).pinned.is_some_and(|it| self.record.contains(&Some(it)));
                if known { Seen::Done } else { Seen::Foreign }
            }
            Step::Publish | Step::Exchange | Step::Withdraw => self.rename(i, step)?,
            Step::RemovePrivate => {
                let removed = self.running_mut(i).private.take();
                self.check_removed(i, removed)?;
                let it = self.running_mut(i);
                it.fresh = it.fresh.filter(|&fresh| removed != Some(fresh));
                Seen::Done
            }
            Step::Stand(socket) if self.name == Some(id(socket)) => {
                self.running_mut(i).pinned = self.name;
                Seen::Done
            }
            Step::Stand(_) => Seen::Moved,
            Step::StandDown => {
                self.running_mut(i).spare = None;
                Seen::Done
            }
            Step::TakeOver => {
                let it = self.running_mut(i);
                it.fresh = it.spare.take();
                Seen::Done
            }
            Step::Watch => {
                let it = self.running_mut(i);
                it.serves.extend(it.fresh.take());
                Seen::Done
            }
            Step::BindName | Step::Probe | Step::Own | Step::Released | Step::Refuse(_) => {
                return Err(format!("{step:?} is no step of a contest"));
            }
        })
    }

    fn release(&mut self, me: u8, step: Step) {
        if self.turn == Some(Turn::Person(me)) {
            self.turn = None;
        }
        if step == Step::Unlock && self.lead == Some(me) {
            self.lead = None;
        }
    }

    /// What stands at the name, if it is known, and what is put there.
    fn record(&mut self, i: usize) -> Seen {
        let it = self.running(i).expect("it runs");
        let there = it.pinned.filter(|&it| self.record.contains(&Some(it)));
        self.record = [there, it.fresh];
        Seen::Recorded(1)
    }

    fn rename(&mut self, i: usize, step: Step) -> Result<Seen, String> {
        let name = self.name;
        let it = self.running_mut(i);
        match step {
            Step::Publish if name.is_some() => return Ok(Seen::Exists),
            Step::Publish => self.name = it.private.take(),
            _ if name.is_none() => return Ok(Seen::Absent),
            Step::Exchange => {
                let private = std::mem::replace(&mut it.private, name);
                self.name = private;
            }
            _ => {
                it.private = name;
                self.name = None;
            }
        }
        if let Some(displaced) = name
            && self.server_of_others(i, displaced)
        {
            return Err(format!("{i} removes the name of a live leader"));
        }
        Ok(Seen::Done)
    }

    fn server_of_others(&self, i: usize, id: Id) -> bool {
        let serves = |j: usize| self.running(j).is_some_and(|it| it.serves.contains(&id));
        (0..self.people.len()).any(|j| j != i && serves(j))
    }

    fn check_removed(&self, i: usize, removed: Option<Id>) -> Result<(), String> {
        match removed {
            None => Err(format!("{i} removes a private name that is not there")),
            Some(STRANGER) => Err(format!("{i} removes the stranger's file")),
            Some(_) => Ok(()),
        }
    }

    /// What must hold at every moment.
    pub(super) fn check(&self) -> Result<(), String> {
        let leaders: Vec<_> = (0..self.people.len())
            .filter(|&i| self.running(i).is_some_and(|it| it.contest.is_leading()))
            .collect();
        if leaders.len() > 1 {
            return Err(format!("{leaders:?} lead"));
        }
        if let [leader] = leaders[..] {
            let it = self.running(leader).expect("it runs");
            let reachable = self.name == it.serves.last().copied();
            if !reachable && self.budget.deletions == 0 && !self.was_disturbed() {
                return Err(format!("{leader} leads and cannot be reached"));
            }
        }
        Ok(())
    }

    /// Somebody meddles with the name.
    fn was_disturbed(&self) -> bool {
        self.name == Some(STRANGER) || self.name.is_none()
    }

    /// What must hold when nothing happens any more.
    pub(super) fn check_end(&self) -> Result<(), String> {
        let running: Vec<_> = (0..self.people.len()).filter(|&i| self.running(i).is_some()).collect();
        let leads =
            |&i: &usize| self.running(i).is_some_and(|it| it.order == Order::Lead && it.contest.is_leading());
        let leader = running.iter().copied().find(leads);
        let Some(leader) = leader else {
            return if running.is_empty() { Ok(()) } else { Err("nobody leads".into()) };
        };
        if self.turn.is_some() {
            return Err("the election byte is held for ever".into());
        }
        for i in running {
            let it = self.running(i).expect("it runs");
            let follows =
                it.order == Order::Follow && it.connection.is_some_and(|(_, by)| by == Some(leader as u8));
            if i != leader && !follows {
                return Err(format!("{i} does not follow {leader}"));
            }
            if it.private.is_some() {
                return Err(format!("{i} has left a private name"));
            }
        }
        Ok(())
    }
}

/// Steps that nobody else can notice: they are taken together with the one before.
fn is_private(step: Step) -> bool {
    use Step::*;
    matches!(
        step,
        OpenLock
            | CheckLock
            | Sweep
            | Bind
            | Identify
            | Restrict
            | Listen
            | Record
            | Watch
            | RemovePrivate
            | InspectDisplaced
    )
}
