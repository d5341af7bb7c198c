//! What must hold.

use super::*;

impl World {
    /// At every moment at most one serves, and if it leads it can be reached, unless somebody from outside meddles with the
    /// name. A live stranger keeps its name, but for the blink of an eye in which a mistaken exchange is undone.
    pub(super) fn check_now(&self) -> Result<(), String> {
        let serves = |&i: &usize| self.running(i).is_some_and(|it| !it.serves.is_empty());
        let serving: Vec<_> = (0..self.people.len()).filter(serves).collect();
        if serving.len() > 1 {
            return Err(format!("{serving:?} serve"));
        }
        let name = self.shared.name;
        if let [leader] = serving[..]
            && self.running(leader).is_some_and(|it| it.contest.is_leading())
            && name.is_some_and(|name| name != STRANGER)
            && !self.is_reachable(leader)
        {
            return Err(format!("{leader} leads and cannot be reached"));
        }
        let aside = |i: usize| self.running(i).is_some_and(|it| it.private == Some(STRANGER));
        let has_name = name == Some(STRANGER) || (0..self.people.len()).any(aside);
        if self.shared.stranger_listens && !has_name {
            return Err("a live stranger has lost its name".into());
        }
        Ok(())
    }

    /// When nothing happens any more, one leads and all others follow, or nobody is left.
    pub(super) fn check_last(&self) -> Result<(), String> {
        if self.shared.turn.is_some() {
            return Err("the election byte is held for ever".into());
        }
        let running: Vec<_> = (0..self.people.len()).filter(|&i| self.running(i).is_some()).collect();
        let leads = |&i: &usize| self.running(i).is_some_and(|it| it.order == Order::Lead);
        let Some(leader) = running.iter().copied().find(leads) else {
            return if running.is_empty() { self.check_empty() } else { Err("nobody leads".into()) };
        };
        if !self.is_reachable(leader) {
            return Err(format!("{leader} leads and cannot be reached for ever"));
        }
        for i in running {
            let it = self.running(i).expect("it runs");
            let by = it.connection.and_then(|(_, by)| by);
            if i != leader && (it.order != Order::Follow || by != Some(Who(leader as u32))) {
                return Err(format!("{i} does not follow {leader}"));
            }
            if it.private.is_some() {
                return Err(format!("{i} has left a private name"));
            }
        }
        Ok(())
    }

    fn check_empty(&self) -> Result<(), String> {
        if self.shared.lead.is_some() { Err("byte 0 is held for ever".into()) } else { Ok(()) }
    }

    /// Whoever leaves has given back what it held.
    pub(super) fn check_left(&self, i: usize) -> Result<(), String> {
        let who = Who(i as u32);
        let it = self.running(i).expect("it runs");
        let holds =
            self.shared.lead == Some(Lead::Person(who)) || self.shared.turn == Some(Turn::Person(who));
        if holds || it.spare.is_some() || it.private.is_some() {
            return Err(format!("{i} has left and keeps what it held"));
        }
        Ok(())
    }

    fn is_reachable(&self, leader: usize) -> bool {
        self.running(leader).is_some_and(|it| self.shared.name == it.serves.last().copied())
    }
}
