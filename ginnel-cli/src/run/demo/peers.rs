//! The step about peers: five processes at one address talk, and whoever listens is killed, three times.

use std::collections::{BTreeMap, BTreeSet};
use std::ffi::OsStr;
use std::thread;
use std::time::Duration;

use anyhow::{Context, Result, bail, ensure};
use ginnel::codec::{Cbor, Codec as _};
use ginnel::{ConnId, Server};

use super::part::TALK;
use super::stage::{Part, Stage};
use super::system::nanos;
use super::talker::{Fate, Ledger, Stand, Word, direction};

pub(super) fn peers(stage: &Stage) -> Result<String> {
    let address = stage.address("peers");
    let mut troop = Troop::gather(stage, &address)?;
    let mut lines = Vec::new();
    for _ in 0..KILLS {
        thread::sleep(TALK_TIME);
        lines.push(troop.kill_listener()?);
    }
    thread::sleep(TALK_TIME);
    let Count { delivered, returned, ended } = Count::of(&troop.ledgers()?)?;
    let all = delivered + returned;
    let headline = format!("{TALKERS} at one address, whoever listened killed {KILLS} times");
    lines.insert(0, headline);
    lines.push(format!("{all} messages: {delivered} delivered, {returned} returned, 0 lost"));
    lines.push(format!("{ended} more were under way over connections that ended"));
    Ok(lines.join("\n"))
}

/// The talkers, directed from here.
struct Troop {
    server: Server,
    parts: BTreeMap<u32, Part>,
    stands: BTreeMap<u32, (Stand, u64)>,
    lines: BTreeMap<u32, ConnId>,
    began: u64,
}

impl Troop {
    fn gather(stage: &Stage, address: &OsStr) -> Result<Self> {
        let began = nanos();
        let mut server = Server::listen(direction(address))?;
        server.set_deadline(Some(stage.deadline()));
        let mut parts = BTreeMap::new();
        for _ in 0..TALKERS {
            let part = stage.start(TALK, address)?;
            parts.insert(part.pid(), part);
        }
        let (stands, lines) = Default::default();
        let mut troop = Self { server, parts, stands, lines, began };
        troop.stand_since(0)?;
        Ok(troop)
    }

    /// The next word of one of them.
    fn word(&mut self) -> Result<Word> {
        let (id, message) =
            self.server.recv().with_context(|| format!("no word, where they stand: {:?}", self.stands))?;
        let word = Cbor::new().decode(&message.body)?;
        if let Word::Stands { pid, stand, nanos } = word {
            self.lines.insert(pid, id);
            self.stands.insert(pid, (stand, nanos));
        }
        Ok(word)
    }

    /// Waits until all who live have found their place after this moment: who listens, and when all others followed.
    fn stand_since(&mut self, since: u64) -> Result<(u32, Vec<u64>)> {
        let stands = |it: Option<&(Stand, u64)>| {
            it.filter(|(stand, at)| *stand != Stand::Alone && *at > since).copied()
        };
        while !self.parts.keys().all(|pid| stands(self.stands.get(pid)).is_some()) {
            self.word()?;
        }
        let found: Vec<_> =
            self.parts.keys().filter_map(|pid| stands(self.stands.get(pid)).map(|it| (*pid, it))).collect();
        let listeners: Vec<_> = found.iter().filter(|(_, (stand, _))| *stand == Stand::Listens).collect();
        ensure!(listeners.len() == 1, "{} listen at one address", listeners.len());
        let listener = listeners[0];
        let mut times = vec![listener.1.1 - since];
        times.extend(found.iter().filter(|it| it.0 != listener.0).map(|(_, (_, at))| at - since));
        times[1..].sort_unstable();
        Ok((listener.0, times))
    }

    fn listener(&self) -> Result<u32> {
        let listens = self.stands.iter().find(|(_, (stand, _))| *stand == Stand::Listens);
        listens.map(|(pid, _)| *pid).context("nobody listens")
    }

    fn kill_listener(&mut self) -> Result<String> {
        let dead = self.listener()?;
        let part = self.parts.remove(&dead).context("somebody else listens")?;
        self.stands.remove(&dead);
        let at = nanos();
        part.kill()?;
        let (next, times) = self.stand_since(at)?;
        let followed: Vec<_> = times[1..].iter().map(|&time| millis(time)).collect();
        let (at, heir) = (millis(at - self.began), millis(times[0]));
        Ok(format!(
            "{at:>6} ms: {dead} killed; {next} listens after {heir}, others follow after {} ms",
            followed.join(", ")
        ))
    }

    /// Lets all end, and gathers what they have written down.
    fn ledgers(&mut self) -> Result<Vec<Ledger>> {
        let left = u8::try_from(self.parts.len())?;
        for pid in self.parts.keys() {
            self.server.send(self.lines[pid], vec![left])?;
        }
        let mut ledgers = Vec::new();
        while ledgers.len() < self.parts.len() {
            if let Word::Ledger(ledger) = self.word()? {
                ledgers.push(ledger);
            }
        }
        Ok(ledgers)
    }
}

/// What became of what those said who are left.
#[derive(Debug, PartialEq, Eq, Default)]
struct Count {
    delivered: usize,
    returned: usize,
    /// The kernel had it when the connection ended, and no answer came: whether it was read nobody knows.
    ended: usize,
}

impl Count {
    /// Fails if a message is not accounted for, or arrived twice.
    fn of(ledgers: &[Ledger]) -> Result<Self> {
        let all = ledgers.iter().flat_map(|ledger| &ledger.heard);
        let mut heard = BTreeSet::new();
        for message in all {
            ensure!(heard.insert(*message), "{message:?} arrived twice");
        }
        let mut count = Self::default();
        for Ledger { pid, said, answered, .. } in ledgers {
            let answered: BTreeSet<_> = answered.iter().collect();
            for (number, fate) in said {
                let arrived = heard.contains(&(*pid, *number)) || answered.contains(number);
                match fate {
                    Fate::Returned => {
                        ensure!(!arrived, "message {number} of {pid} came back, and arrived too");
                        count.returned += 1;
                    }
                    Fate::Sent | Fate::Left if arrived => count.delivered += 1,
                    Fate::Sent => bail!("message {number} of {pid} is lost"),
                    Fate::Left => count.ended += 1,
                }
            }
        }
        ensure!(count.delivered > 0, "nothing was delivered");
        Ok(count)
    }
}

/// In milliseconds, to a tenth.
fn millis(nanos: u64) -> String {
    format!("{}.{}", nanos / 1_000_000, nanos / 100_000 % 10)
}

const TALKERS: usize = 5;
const KILLS: usize = 3;

/// For how long they talk before the next is killed.
const TALK_TIME: Duration = Duration::from_millis(40);

#[cfg(test)]
mod tests {
    use super::*;

    fn ledger(pid: u32, said: Vec<(u64, Fate)>, heard: &[(u32, u64)], answered: &[u64]) -> Ledger {
        Ledger { pid, said, heard: heard.to_vec(), answered: answered.to_vec() }
    }

    #[test]
    fn every_message_is_delivered_or_returned_or_its_connection_has_ended() {
        let said = vec![(1, Fate::Sent), (2, Fate::Left), (3, Fate::Returned), (4, Fate::Left)];
        let ledgers = [ledger(7, said, &[], &[4]), ledger(8, vec![], &[(7, 1), (9, 1)], &[])];
        assert_eq!(Count::of(&ledgers).unwrap(), Count { delivered: 2, returned: 1, ended: 1 });
    }

    #[test]
    fn a_message_that_is_nowhere_is_lost_and_one_that_is_twice_too_many() {
        let table = [
            (Fate::Sent, &[][..], "message 1 of 7 is lost"),
            (Fate::Returned, &[(7, 1)], "message 1 of 7 came back, and arrived too"),
            (Fate::Sent, &[(7, 1), (7, 1)], "(7, 1) arrived twice"),
        ];
        for (fate, heard, what) in table {
            let ledgers = [ledger(7, vec![(1, fate)], &[], &[]), ledger(8, vec![], heard, &[])];
            assert_eq!(Count::of(&ledgers).unwrap_err().to_string(), what);
        }
    }
}
