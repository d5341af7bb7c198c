//! Requests and answers by number, against a table.

use std::collections::{BTreeMap, BTreeSet};

use ginnel_proto::{Answer, CallId, Calls, Message};

use crate::coin::{Coin, Purse};
use crate::script::Script;

/// Any order of questions, answers and cancellations: each question is answered once or not at all, no number is used
/// twice, and an answer that nobody takes is dropped with its descriptors.
pub fn calls(data: &[u8]) {
    let purse = Purse::default();
    let mut table = Table::default();
    let mut calls = Calls::default();
    let mut script = Script::new(data);
    while !script.is_over() {
        let (what, id) = (script.byte() % 9, CallId(script.number() % 16));
        table.step(&mut calls, what, id, &purse);
        let held: usize = table.ours.values().flatten().copied().sum();
        assert_eq!(purse.alive(), held, "what waits is held, and nothing else");
    }
    drop(calls);
    assert_eq!(purse.alive(), 0);
}

/// What must be so.
#[derive(Default)]
struct Table {
    last: u64,
    /// Whether the answer has come, and with how many descriptors.
    ours: BTreeMap<CallId, Option<usize>>,
    theirs: BTreeSet<CallId>,
}

impl Table {
    fn step(&mut self, calls: &mut Calls<Coin>, what: u8, id: CallId, purse: &Purse) {
        match what {
            0 | 1 if calls.admit().is_ok() => {
                self.last += 1;
                assert_eq!(calls.upcoming(), CallId(self.last));
                assert_eq!(calls.ask(), CallId(self.last), "numbers rise");
                self.ours.insert(CallId(self.last), None);
            }
            2 | 3 => {
                let count = (id.0 % 3) as usize;
                let answer = Answer::Response(Message::new("it").with_fds(purse.mint_all(count)));
                let waits = self.ours.get(&id) == Some(&None);
                assert_eq!(calls.answered(id, answer), waits);
                if waits {
                    self.ours.insert(id, Some(count));
                }
            }
            4 => {
                let expected = self.ours.get(&id).copied().flatten();
                let taken = calls.take(id).map(|answer| answer.into_message().fds.len());
                assert_eq!(taken, expected);
                if taken.is_some() {
                    self.ours.remove(&id);
                }
            }
            5 => assert_eq!(calls.forget(id), self.ours.remove(&id) == Some(None)),
            6 => {
                let room = self.theirs.len() + (id.0 as usize) * 100 < ginnel_proto::limits::CALLS;
                let fits = room && !self.theirs.contains(&id);
                assert_eq!(calls.asked(id, id.0 as usize * 100).is_ok(), fits);
                if fits {
                    self.theirs.insert(id);
                }
            }
            7 => {
                assert_eq!(calls.waits(id), self.theirs.contains(&id));
                assert_eq!(calls.settle(id), self.theirs.remove(&id));
            }
            _ => {
                let lost: Vec<CallId> = self.ours.keys().copied().filter(|&ours| ours > id).collect();
                self.ours.retain(|&ours, _| ours <= id);
                self.theirs.clear();
                assert_eq!(calls.end(|ours| ours <= id), lost);
            }
        }
    }
}
