//! What a peer that runs may do, and what may be done to it.

use super::*;

impl World {
    pub(super) fn acts(&self, i: usize) -> Found {
        let mut all = self.carries_out(i)?;
        all.extend(self.loses(i)?);
        all.extend(self.is_disturbed(i)?);
        all.extend(self.leaves(i)?);
        all.extend(self.stops(i));
        Ok(all)
    }

    /// Tells a contest something, gives its peer the order that follows, and carries out at once what nobody else notices.
    fn tell(&self, i: usize, input: impl FnOnce(&mut Running) -> Option<Order>) -> Result<Self, String> {
        let mut world = self.clone();
        let mut order = input(world.running_mut(i));
        loop {
            let it = world.running_mut(i);
            it.order = order.unwrap_or(it.order);
            if order == Some(Order::Reach) {
                it.connection = None;
            }
            order = match it.order {
                Order::Step(step) if is_private(step) => {
                    let seen = world.step(i, step)?;
                    world.running_mut(i).contest.seen(seen)
                }
                // Reaching can come as late as one likes.
                Order::Pause => it.contest.paused(),
                Order::Fail(_) => {
                    it.connection = None;
                    (it.spare, it.fresh, it.private) = (None, None, None);
                    it.contest.join()
                }
                Order::Left => {
                    world.check_left(i)?;
                    world.people[i].life = Life::Gone;
                    return Ok(world);
                }
                _ => return Ok(world),
            };
        }
    }

    fn carries_out(&self, i: usize) -> Found {
        let who = Who(i as u32);
        match self.running(i).expect("it runs").order {
            Order::Step(Step::AwaitTurn) if self.shared.turn.is_some() => Ok(Vec::new()),
            Order::Step(step) => {
                let mut world = self.clone();
                let seen = world.step(i, step)?;
                Ok(vec![(Deed::Does(who, step, seen), world.tell(i, |it| it.contest.seen(seen))?)])
            }
            Order::Reach | Order::Wait => self.reaches(i),
            Order::Follow => self.is_offered(i),
            Order::Resign => {
                let resigned = |it: &mut Running| {
                    it.serves.clear();
                    it.watches = false;
                    it.contest.resigned()
                };
                Ok(vec![(Deed::Resigns(who), self.tell(i, resigned)?)])
            }
            Order::Lead | Order::Pause | Order::Fail(_) | Order::Left => Ok(Vec::new()),
        }
    }

    fn reaches(&self, i: usize) -> Found {
        let who = Who(i as u32);
        let it = self.running(i).expect("it runs");
        // Without a connection that waits for its greeting, what was reached for is out of date.
        let Some((target, None)) = it.connection else { return self.connects(i) };
        let hears =
            |reached, connection| Ok((Deed::Hears(who, reached), self.reached(i, reached, connection)?));
        let mut all = vec![hears(Reached::Silent, it.connection)];
        if let Some(server) = self.server_of(target) {
            all.push(hears(Reached::Greeted, Some((target, Some(server)))));
        }
        if !self.lives(target) {
            all.push(hears(Reached::Ended, None));
        }
        all.into_iter().collect()
    }

    fn connects(&self, i: usize) -> Found {
        let who = Who(i as u32);
        let it = self.running(i).expect("it runs");
        if it.order == Order::Wait {
            return Ok(vec![(Deed::Hears(who, Reached::Ended), self.reached(i, Reached::Ended, None)?)]);
        }
        let leads = self.shared.lead == Some(Lead::Person(who));
        let target = if leads { it.pinned } else { self.shared.name };
        let blind = leads && self.sabotage == Sabotage::NoLastLook;
        let world = match target {
            None => self.reached(i, Reached::Absent, None)?,
            Some(target) if blind || !self.lives(target) => self.reached(i, Reached::Refused, None)?,
            Some(target) => self.changed(|world| world.running_mut(i).connection = Some((target, None))),
        };
        Ok(vec![(Deed::Connects(who, target), world)])
    }

    fn reached(
        &self,
        i: usize,
        reached: Reached,
        connection: Option<(Inode, Option<Who>)>,
    ) -> Result<Self, String> {
        self.tell(i, |it| {
            it.connection = connection;
            it.contest.reached(reached)
        })
    }

    /// Who greets at this socket.
    fn server_of(&self, socket: Inode) -> Option<Who> {
        let serves =
            |&i: &usize| self.running(i).is_some_and(|it| !it.stopped && it.serves.contains(&socket));
        (0..self.people.len()).find(serves).map(|i| Who(i as u32))
    }

    /// A connection is lost with the service at its other end. Of a dying process it may be the first thing to go.
    fn loses(&self, i: usize) -> Found {
        let connection = self.running(i).expect("it runs").connection;
        let Some((socket, Some(by))) = connection else { return Ok(Vec::new()) };
        if self.running(by.0 as usize).is_some_and(|it| it.serves.contains(&socket)) {
            return Ok(Vec::new());
        }
        let lost = |it: &mut Running| {
            it.connection = None;
            it.contest.lost()
        };
        Ok(vec![(Deed::Loses(Who(i as u32), by), self.tell(i, lost)?)])
    }

    /// A leader without a standby gives one of those who follow a duplicate of its socket.
    fn is_offered(&self, i: usize) -> Found {
        let it = self.running(i).expect("it runs");
        let Some((_, Some(by))) = it.connection else { return Ok(Vec::new()) };
        let leader = self.running(by.0 as usize).filter(|leader| !leader.stopped);
        let socket = leader.and_then(|leader| leader.serves.last().copied());
        let Some(socket) = socket.filter(|&socket| !self.has_heir(socket)) else { return Ok(Vec::new()) };
        if !self.budget.standby || it.spare.is_some() {
            return Ok(Vec::new());
        }
        let offered = |it: &mut Running| {
            it.spare = Some(socket);
            it.contest.offered(socket)
        };
        Ok(vec![(Deed::IsMadeStandby(Who(i as u32)), self.tell(i, offered)?)])
    }

    fn has_heir(&self, socket: Inode) -> bool {
        (0..self.people.len()).any(|i| self.running(i).is_some_and(|it| it.spare == Some(socket)))
    }

    fn is_disturbed(&self, i: usize) -> Found {
        if !self.running(i).expect("it runs").disturbed {
            return Ok(Vec::new());
        }
        let disturbed = |it: &mut Running| {
            it.disturbed = false;
            it.contest.disturbed()
        };
        Ok(vec![(Deed::IsDisturbed(Who(i as u32)), self.tell(i, disturbed)?)])
    }

    fn leaves(&self, i: usize) -> Found {
        let it = self.running(i).expect("it runs");
        let Some(left) = self.budget.leaves.checked_sub(1).filter(|_| !it.leaving) else {
            return Ok(Vec::new());
        };
        let has_heir = it.serves.last().is_some_and(|&socket| self.has_heir(socket));
        let heir = if has_heir { Heir::Standby } else { Heir::Nobody };
        let mut world = self.clone();
        world.budget.leaves = left;
        world.people[i].haunted = it.order == Order::Step(Step::AwaitTurn);
        let leave = |it: &mut Running| {
            it.leaving = true;
            it.contest.leave(heir)
        };
        Ok(vec![(Deed::Leaves(Who(i as u32)), world.tell(i, leave)?)])
    }

    fn stops(&self, i: usize) -> Option<(Deed, Self)> {
        let left = self.budget.stops.checked_sub(1)?;
        let mut world = self.clone();
        world.budget.stops = left;
        world.running_mut(i).stopped = true;
        Some((Deed::Stops(Who(i as u32)), world))
    }

    /// The lock thread gets what nobody waits for any more, and gives it back.
    pub(super) fn haunts(&self, i: usize) -> Option<(Deed, Self)> {
        let person = &self.people[i];
        let thread = Turn::Thread(person.process);
        let mut world = self.clone();
        match self.shared.turn {
            None if person.haunted => {
                world.shared.turn = Some(thread);
                world.people[i].haunted = false;
            }
            Some(turn) if turn == thread && person.life == Life::Gone => world.shared.turn = None,
            _ => return None,
        }
        Some((Deed::LockThread(Who(i as u32)), world))
    }
}

/// Steps that nobody else can notice: they are taken together with the one before.
fn is_private(step: Step) -> bool {
    use Step::*;
    matches!(
        step,
        OpenLock
            | KeepLock
            | CheckLock
            | Sweep
            | Bind
            | Identify
            | Restrict
            | Listen
            | Record
            | RemovePrivate
            | InspectDisplaced
    )
}
