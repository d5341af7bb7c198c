//! How others decide who listens, as far as their system calls go. The search must find what is wrong with that, or it would
//! prove nothing about us.

use super::alike::plain;
use super::search::System;

#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub(super) enum Way {
    /// nng: bind; if the name is taken and nobody answers there, unlink it and bind again.
    ProbeUnlinkBind,
    /// kyneta: if there is a socket and nobody answers, unlink it, then bind.
    StatUnlinkBind,
    /// libwayland: under `flock` of a lock file unlink, bind; the lock file is unlinked in the end.
    Flock {
        /// Is the file that was locked compared with the one that is named? libwayland does not.
        compares: bool,
    },
}

/// Several starters on one path. Each has one socket, called as itself, so that a name is the number of a starter.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub(super) struct Others {
    way: Way,
    name: Option<usize>,
    lock_file: Option<u8>,
    lock_files: u8,
    people: Vec<Person>,
}

#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
struct Person {
    at: At,
    opened: Option<u8>,
    locked: bool,
}

/// The next system call.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub(super) enum At {
    Connect,
    Stat,
    Probe,
    OpenLock,
    Lock,
    CompareLock,
    Unlink,
    Bind,
    Listen,
    /// It listens.
    Leads,
    /// It has unlinked its socket.
    Stopping,
    Follows(usize),
    Gone,
}

impl Others {
    pub(super) fn new(way: Way, people: usize) -> Self {
        let person = Person { at: At::Connect, opened: None, locked: false };
        Self { way, name: None, lock_file: None, lock_files: 0, people: vec![person; people] }
    }

    fn is_led_by(&self, i: usize) -> bool {
        self.people[i].at == At::Leads
    }

    /// Carries out the next call of a starter.
    fn act(&mut self, i: usize) -> Result<(), String> {
        let answers = self.name.filter(|&name| self.is_led_by(name));
        let is_flock = matches!(self.way, Way::Flock { .. });
        self.people[i].at = match (self.people[i].at, answers) {
            (At::Connect | At::Probe, Some(leader)) => At::Follows(leader),
            (At::Connect, None) => match self.way {
                Way::ProbeUnlinkBind => At::Bind,
                Way::StatUnlinkBind => At::Stat,
                Way::Flock { .. } => At::OpenLock,
            },
            (At::Stat, _) => self.name.map_or(At::Bind, |_| At::Unlink),
            (At::Probe, None) => At::Unlink,
            (At::OpenLock, _) => self.open_lock(i),
            (At::Lock, _) => self.lock(i),
            (At::CompareLock, _) if self.people[i].opened == self.lock_file => At::Unlink,
            (At::CompareLock, _) => self.close_lock(i),
            (At::Unlink, _) => self.unlink(i)?,
            (At::Bind, _) if self.name.is_none() => {
                self.name = Some(i);
                At::Listen
            }
            (At::Bind, _) if self.way == Way::ProbeUnlinkBind => At::Probe,
            (At::Bind, _) if is_flock => self.close_lock(i),
            (At::Bind, _) => At::Connect,
            (At::Listen, _) => At::Leads,
            (At::Leads, _) if is_flock => {
                self.name = None;
                At::Stopping
            }
            (At::Stopping, _) => {
                self.lock_file = None;
                let _ = self.close_lock(i);
                At::Gone
            }
            (At::Follows(leader), _) if !self.is_led_by(leader) => At::Connect,
            (at, _) => at,
        };
        Ok(())
    }

    fn open_lock(&mut self, i: usize) -> At {
        if self.lock_file.is_none() {
            self.lock_files += 1;
            self.lock_file = Some(self.lock_files);
        }
        self.people[i].opened = self.lock_file;
        At::Lock
    }

    fn lock(&mut self, i: usize) -> At {
        let opened = self.people[i].opened;
        if self.people.iter().any(|it| it.locked && it.opened == opened) {
            return self.close_lock(i);
        }
        self.people[i].locked = true;
        if self.way == (Way::Flock { compares: true }) { At::CompareLock } else { At::Unlink }
    }

    fn close_lock(&mut self, i: usize) -> At {
        (self.people[i].opened, self.people[i].locked) = (None, false);
        At::Connect
    }

    fn unlink(&mut self, i: usize) -> Result<At, String> {
        match self.name.take() {
            Some(j) if j != i && matches!(self.people[j].at, At::Listen | At::Leads) => {
                Err(format!("{i} removes the name of a live socket"))
            }
            _ => Ok(At::Bind),
        }
    }
}

impl System for Others {
    type Deed = (usize, At);

    fn successors(&self) -> Result<Vec<(Self::Deed, Self)>, String> {
        let mut all = Vec::new();
        for (i, person) in self.people.iter().enumerate() {
            let mut next = self.clone();
            next.act(i)?;
            if next != *self {
                all.push(((i, person.at), next));
            }
        }
        Ok(all)
    }

    fn check(&self) -> Result<(), String> {
        let leaders: Vec<_> = (0..self.people.len()).filter(|&i| self.is_led_by(i)).collect();
        match leaders[..] {
            [] => Ok(()),
            [leader] if self.name == Some(leader) => Ok(()),
            [leader] => Err(format!("{leader} leads and cannot be reached")),
            _ => Err(format!("{leaders:?} lead")),
        }
    }

    fn is_fault(_: &Self::Deed) -> bool {
        false
    }

    fn check_end(&self) -> Result<(), String> {
        let is_well = |it: &Person| matches!(it.at, At::Leads | At::Follows(_) | At::Gone);
        if self.people.iter().all(is_well) { Ok(()) } else { Err("somebody is left over".into()) }
    }

    fn fingerprint(&self) -> u64 {
        plain(self)
    }
}
