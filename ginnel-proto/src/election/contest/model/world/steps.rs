//! What the steps of a contest do to the world.

use super::*;

impl World {
    /// Carries out a step of a person.
    pub(super) fn step(&mut self, i: usize, step: Step) -> Result<Seen, String> {
        let who = Who(i as u32);
        Ok(match step {
            Step::OpenLock | Step::CheckLock | Step::Sweep | Step::Restrict | Step::Listen => Seen::Done,
            Step::TryLock | Step::KeepLock => self.take_lead(who, step),
            Step::SeekLeader => self.seek_leader(i),
            Step::AwaitTurn => {
                self.shared.turn = Some(Turn::Person(who));
                Seen::Done
            }
            Step::EndTurn | Step::Unlock => {
                self.release(who, step);
                Seen::Done
            }
            Step::Inspect => self.inspect(i),
            Step::Bind => {
                self.people[i].made += 1;
                let number = FIRST * (i as u64 + 1) + self.people[i].made;
                let socket = Some(Inode { device: 0, number });
                let it = self.running_mut(i);
                (it.private, it.fresh) = (socket, socket);
                Seen::Done
            }
            Step::Identify => found(self.running_mut(i).private),
            Step::InspectDisplaced => self.inspect_displaced(i),
            Step::Record => self.record(i),
            Step::Recall => self.recall(i),
            Step::Publish | Step::Exchange | Step::Withdraw => self.rename(i, step)?,
            Step::RemovePrivate => self.remove_private(i)?,
            Step::Stand(socket) if self.shared.name == Some(socket) => Seen::Done,
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
                it.watches = true;
                Seen::Done
            }
            Step::BindName | Step::Probe | Step::Own | Step::Released | Step::Refuse(_) => {
                return Err(format!("{step:?} is no step of a contest"));
            }
        })
    }

    fn take_lead(&mut self, who: Who, step: Step) -> Seen {
        let is_mine = step == Step::KeepLock && self.shared.lead == Some(Lead::Person(who));
        if !is_mine && self.shared.lead.is_some() && self.sabotage != Sabotage::NoLock {
            return Seen::Held;
        }
        self.shared.lead = Some(Lead::Person(who));
        Seen::Done
    }

    fn seek_leader(&self, i: usize) -> Seen {
        let there = self.running(i).and_then(|it| it.connection).map(|(socket, _)| socket);
        let listens =
            |leader: &Running, socket| leader.serves.contains(&socket) || leader.fresh == Some(socket);
        let leads_there = |Who(leader)| {
            self.running(leader as usize).is_some_and(|it| there.is_some_and(|there| listens(it, there)))
        };
        match self.shared.lead {
            None => Seen::Done,
            Some(_) if self.sabotage == Sabotage::SeeksAnyLeader => Seen::Held,
            Some(Lead::Person(leader)) if leads_there(leader) => Seen::Held,
            Some(_) => Seen::Moved,
        }
    }

    fn release(&mut self, who: Who, step: Step) {
        if self.shared.turn == Some(Turn::Person(who)) {
            self.shared.turn = None;
        }
        if step == Step::Unlock && self.shared.lead == Some(Lead::Person(who)) {
            self.shared.lead = None;
        }
    }

    fn inspect(&mut self, i: usize) -> Seen {
        let (name, sabotage) = (self.shared.name, self.sabotage);
        let it = self.running_mut(i);
        it.pinned = name;
        let inherited = |socket: &Inode| socket.number / FIRST != i as u64 + 1;
        let taken_over = it.serves.last().copied().filter(inherited).or(it.spare);
        let trusts = sabotage == Sabotage::StandbyDoesNotLook && taken_over.is_some();
        found(if trusts { taken_over } else { name })
    }

    fn inspect_displaced(&mut self, i: usize) -> Seen {
        let sabotage = self.sabotage;
        let it = self.running_mut(i);
        found(if sabotage == Sabotage::DisplacedUnseen { it.pinned } else { it.private })
    }

    /// What stands at the name, if it is known, and what is put there.
    fn record(&mut self, i: usize) -> Seen {
        let it = self.running(i).expect("it runs");
        let there = it.pinned.filter(|&it| self.shared.record.contains(&Some(it)));
        self.shared.record = [there, it.fresh];
        Seen::Recorded(1)
    }

    fn recall(&mut self, i: usize) -> Seen {
        let pinned = self.running_mut(i).pinned;
        let is_known = pinned.is_some() && self.shared.record.contains(&pinned);
        if is_known || self.sabotage == Sabotage::RecallsEverything { Seen::Done } else { Seen::Foreign }
    }

    fn rename(&mut self, i: usize, step: Step) -> Result<Seen, String> {
        let name = self.shared.name;
        let it = self.running_mut(i);
        match step {
            Step::Publish if name.is_some() => return Ok(Seen::Exists),
            Step::Publish => self.shared.name = it.private.take(),
            _ if name.is_none() => return Ok(Seen::Absent),
            Step::Exchange => self.shared.name = std::mem::replace(&mut it.private, name),
            _ => {
                it.private = name;
                self.shared.name = None;
            }
        }
        if let Some(displaced) = name
            && self.is_served_by_others(i, displaced)
        {
            return Err(format!("{i} removes the name of a live leader"));
        }
        Ok(Seen::Done)
    }

    fn is_served_by_others(&self, i: usize, socket: Inode) -> bool {
        let serves = |j: usize| self.running(j).is_some_and(|it| it.serves.contains(&socket));
        (0..self.people.len()).any(|j| j != i && serves(j))
    }

    fn remove_private(&mut self, i: usize) -> Result<Seen, String> {
        let stranger_listens = self.shared.stranger_listens;
        let it = self.running_mut(i);
        let removed = it.private.take();
        match removed {
            None => return Err(format!("{i} removes a private name that is not there")),
            Some(STRANGER) if stranger_listens => return Err(format!("{i} removes the stranger's file")),
            Some(_) => it.fresh = it.fresh.filter(|&fresh| removed != Some(fresh)),
        }
        Ok(Seen::Done)
    }
}

fn found(socket: Option<Inode>) -> Seen {
    socket.map_or(Seen::Absent, Seen::Found)
}
