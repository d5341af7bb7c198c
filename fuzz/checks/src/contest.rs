//! Contests that are told anything.

use ginnel_proto::election::{Contest, Heir, Inode, Order, Reached, Seen, Step};

use crate::election::{Paper, sighting};
use crate::script::Script;

struct Watcher {
    contest: Contest,
    /// It is told the same, and must say the same.
    twin: Contest,
    /// What is to be done now.
    order: Option<Order>,
    paper: Paper,
    has_turn: bool,
}

/// Answers that fit or do not, in any order: a contest leads only with the lock in hand, touches the path under it only,
/// orders nothing else while a step is under way, holds nothing when it is out, and leaves if it is asked to.
pub fn contest(data: &[u8]) {
    let mut script = Script::new(data);
    let (contest, twin) = (Contest::new(), Contest::new());
    let mut watcher = Watcher { contest, twin, order: None, paper: Paper::new(), has_turn: false };
    watcher.tell(Contest::join);
    for _ in 0..MOST_STEPS {
        if script.is_over() {
            break;
        }
        match script.byte() % 16 {
            0 => watcher.anything(&mut script),
            1 => watcher.tell(Contest::disturbed),
            2 => watcher.tell(Contest::lost),
            3 => {
                let socket = Inode { device: 1, number: script.number() % 4 };
                watcher.tell(move |contest| contest.offered(socket));
            }
            4 if script.byte() > 200 => watcher.tell(|contest| contest.leave(Heir::Nobody)),
            5 => watcher.tell(Contest::join),
            _ => watcher.answer(&mut script),
        }
    }
    watcher.leave(&mut script);
}

impl Watcher {
    /// Tells both, and takes the order.
    fn tell(&mut self, what: impl Fn(&mut Contest) -> Option<Order>) {
        let order = what(&mut self.contest);
        assert_eq!(what(&mut self.twin), order, "the same inputs, the same orders");
        let Some(order) = order else { return };
        let under_way = matches!(self.order, Some(Order::Step(step)) if step != Step::AwaitTurn);
        assert!(!under_way, "{order:?} comes while {:?} is under way", self.order);
        self.order = Some(order);
        match order {
            Order::Lead => {
                assert!(self.paper.locked && self.contest.is_leading(), "only who has the lock leads")
            }
            Order::Follow => assert!(!self.paper.locked && !self.has_turn, "who follows holds nothing"),
            Order::Left | Order::Fail(_) => {
                assert!(!self.paper.locked && !self.has_turn, "who is out holds nothing");
                assert!(self.contest.is_out());
            }
            _ => {}
        }
    }

    /// Answers what was ordered.
    fn answer(&mut self, script: &mut Script<'_>) {
        match self.order.take() {
            Some(Order::Step(step)) => {
                let seen = likely(script, step);
                self.paper.note(step, seen, self.contest.socket());
                match (step, seen) {
                    (Step::AwaitTurn, Seen::Done) => self.has_turn = true,
                    (Step::EndTurn | Step::Unlock, _) => self.has_turn = false,
                    _ => {}
                }
                self.tell(move |contest| contest.seen(seen));
            }
            Some(Order::Reach | Order::Wait) => {
                let (reached, looked) = (self.reached(script), self.contest.has_looked());
                if looked && reached == Reached::Refused {
                    self.paper.note(Step::Probe, Seen::Refused, None);
                }
                self.tell(move |contest| contest.reached(reached));
            }
            Some(Order::Pause) => self.tell(Contest::paused),
            Some(Order::Resign) => self.tell(Contest::resigned),
            Some(Order::Follow | Order::Lead | Order::Fail(_) | Order::Left) | None => {}
        }
    }

    fn reached(&self, script: &mut Script<'_>) -> Reached {
        use Reached::{Absent, Busy, Ended, Failed, Greeted, Refused, Silent};
        script.choose([Greeted, Absent, Refused, Silent, Ended, Busy, Failed, Absent])
    }

    /// Something that nobody has asked for, unless it would be an answer.
    fn anything(&mut self, script: &mut Script<'_>) {
        let (seen, reached) = (sighting(script, Step::Own), self.reached(script));
        match (script.byte() % 4, self.order) {
            (0, order) if !matches!(order, Some(Order::Step(_))) => {
                self.tell(move |contest| contest.seen(seen))
            }
            (1, order) if !matches!(order, Some(Order::Reach | Order::Wait)) => {
                self.tell(move |contest| contest.reached(reached));
            }
            (2, order) if order != Some(Order::Pause) => self.tell(Contest::paused),
            (3, order) if order != Some(Order::Resign) => self.tell(Contest::resigned),
            _ => {}
        }
    }

    /// Whatever it is in the middle of, it comes to its end.
    fn leave(mut self, script: &mut Script<'_>) {
        self.tell(|contest| contest.leave(Heir::Standby));
        for _ in 0..MOST_STEPS {
            if self.order == Some(Order::Left) {
                return;
            }
            self.answer(script);
        }
        panic!("it does not leave: {:?}", self.contest);
    }
}

/// What is seen where little goes wrong, and sometimes anything.
pub(crate) fn likely(script: &mut Script<'_>, step: Step) -> Seen {
    let inode = |number| Inode { device: 1, number };
    if script.byte() >= 200 {
        return sighting(script, step);
    }
    match step {
        Step::Inspect => {
            script.choose([Seen::Found(inode(3)), Seen::Found(inode(3)), Seen::Absent, Seen::Found(inode(1))])
        }
        Step::Identify => Seen::Found(inode(3)),
        Step::InspectDisplaced => Seen::Found(inode(1)),
        Step::SeekLeader => script.choose([Seen::Done, Seen::Held, Seen::Moved]),
        Step::Record => Seen::Recorded(1),
        _ => Seen::Done,
    }
}

/// More than any path that changes under our hands takes: 16 rounds of at most 12 steps.
const MOST_STEPS: usize = 400;
