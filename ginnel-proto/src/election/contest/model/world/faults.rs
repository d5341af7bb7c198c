//! What goes wrong, and what outsiders do.

use super::*;

impl World {
    pub(super) fn killed(&self) -> Vec<(Deed, Self)> {
        let Some(left) = self.budget.kills.checked_sub(1) else { return Vec::new() };
        let runs = |it: &&Person| matches!(it.life, Life::Runs(_));
        let mut processes: Vec<Process> =
            self.people.iter().filter(runs).map(|person| person.process).collect();
        processes.dedup();
        let kill = |process: Process| {
            let mut world = self.clone();
            world.budget.kills = left;
            for i in 0..world.people.len() {
                if world.people[i].process == process {
                    world.kill(i);
                }
            }
            if world.shared.turn == Some(Turn::Thread(process)) {
                world.shared.turn = None;
            }
            (Deed::Killed(process), world)
        };
        processes.into_iter().map(kill).collect()
    }

    fn kill(&mut self, i: usize) {
        self.people[i].haunted = false;
        let Some(it) = self.running(i) else { return };
        let who = Who(i as u32);
        let mut sockets = it.serves.clone();
        sockets.extend(it.spare.into_iter().chain(it.fresh));
        // The one gap, named in `docs/semantics.md`: nobody is left who would put the stranger's file back.
        if it.private == Some(STRANGER) {
            self.shared.stranger_listens = false;
        }
        let lead = self.shared.lead == Some(Lead::Person(who));
        let turn = self.shared.turn == Some(Turn::Person(who));
        self.people[i].life = Life::Dies { lead, turn, sockets };
        self.bury_if_bare(i);
    }

    fn bury_if_bare(&mut self, i: usize) {
        if let Life::Dies { lead: false, turn: false, sockets } = &self.people[i].life
            && sockets.is_empty()
        {
            self.people[i].life = Life::Gone;
        }
    }

    /// A dying process frees a lock or closes a socket, or leaves it to a child, in any order.
    pub(super) fn lets_go(&self, i: usize) -> Vec<(Deed, Self)> {
        let Life::Dies { lead, turn, sockets } = &self.people[i].life else { return Vec::new() };
        let (who, lead, turn) = (Who(i as u32), *lead, *turn);
        let mut all = Vec::new();
        let mut after = |deed: Deed, change: &dyn Fn(&mut Self), life: Life| {
            let mut world = self.changed(change);
            world.people[i].life = life;
            world.bury_if_bare(i);
            all.push((deed, world));
        };
        if lead {
            let freed = if self.sabotage == Sabotage::ChildKeepsLock { Some(Lead::Nobody) } else { None };
            let life = Life::Dies { lead: false, turn, sockets: sockets.clone() };
            after(Deed::LetsGoOfLead(who), &|world| world.shared.lead = freed, life);
        }
        if turn {
            let freed = if self.sabotage == Sabotage::TurnOutlivesHolder { Some(Turn::Nobody) } else { None };
            let life = Life::Dies { lead, turn: false, sockets: sockets.clone() };
            after(Deed::LetsGoOfTurn(who), &|world| world.shared.turn = freed, life);
        }
        for (at, &socket) in sockets.iter().enumerate() {
            let mut rest = sockets.clone();
            rest.remove(at);
            let life = Life::Dies { lead, turn, sockets: rest };
            after(Deed::LetsGoOf(who, socket), &|_| {}, life.clone());
            if self.budget.children > 0 && !self.shared.kept.contains(&socket) {
                let keep = |world: &mut Self| {
                    world.budget.children -= 1;
                    world.shared.kept.push(socket);
                };
                after(Deed::LeavesToChild(who, socket), &keep, life);
            }
        }
        all
    }

    /// What those do who know no lock.
    pub(super) fn outsiders(&self) -> Vec<(Deed, Self)> {
        let mut all = Vec::new();
        let name = self.shared.name;
        if let Some(left) = self.budget.deletions.checked_sub(1)
            && name.is_some_and(|name| name != STRANGER)
        {
            let mut world = self.changed(|world| world.budget.deletions = left);
            world.rename_outside(None);
            all.push((Deed::NameDeleted, world));
        }
        if self.budget.stranger && name.is_none() {
            let mut world = self.changed(|world| world.budget.stranger = false);
            world.shared.stranger_listens = true;
            world.rename_outside(Some(STRANGER));
            all.push((Deed::StrangerListens, world));
        }
        if self.shared.stranger_listens {
            all.push((Deed::StrangerGoes, self.changed(|world| world.shared.stranger_listens = false)));
        }
        all
    }

    fn rename_outside(&mut self, name: Option<Inode>) {
        self.shared.name = name;
        let deaf = self.sabotage == Sabotage::Deaf;
        for person in &mut self.people {
            if let Life::Runs(it) = &mut person.life {
                it.disturbed |= it.watches && !deaf;
            }
        }
    }
}
