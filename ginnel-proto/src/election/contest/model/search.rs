//! Visits every state that a system can reach.

use std::collections::{HashMap, VecDeque};
use std::fmt::Debug;

/// Something whose every interleaving is visited.
pub(super) trait System: Sized {
    /// What leads from one state to the next.
    type Deed: Debug;

    /// Everything that may happen next, or what is broken by it.
    fn successors(&self) -> Result<Vec<(Self::Deed, Self)>, String>;

    /// What must hold at every moment.
    fn check(&self) -> Result<(), String>;

    /// Does something go wrong by this? Nothing may depend on that for its good.
    fn is_fault(deed: &Self::Deed) -> bool;

    /// What must hold when nothing happens any more, unless something goes wrong.
    fn check_end(&self) -> Result<(), String>;

    /// Two states with one fingerprint are taken for the same.
    fn fingerprint(&self) -> u64;
}

/// What a search has found.
#[derive(Debug)]
pub(super) struct Seen {
    pub(super) states: usize,
    /// States in which nothing happens any more, unless something goes wrong. They were all healthy.
    pub(super) ends: usize,
}

/// Visits every state. The error says what is broken, and how it came about; a state from which no end can be reached
/// without further faults is broken too.
pub(super) fn explore<S: System>(start: S) -> Result<Seen, String> {
    let mut numbers = HashMap::from([(start.fingerprint(), 0_u32)]);
    let mut trail = Trail(Vec::new());
    let mut edges: Vec<(u32, u32)> = Vec::new();
    let mut ends = Vec::new();
    let mut queue = VecDeque::from([(0_u32, start)]);
    while let Some((at, state)) = queue.pop_front() {
        let successors = state.successors().map_err(|what| trail.to(at, &what))?;
        if successors.iter().all(|(deed, _)| S::is_fault(deed)) {
            state.check_end().map_err(|what| trail.to(at, &what))?;
            ends.push(at);
        }
        for (deed, next) in successors {
            let fresh = numbers.len() as u32;
            let number = *numbers.entry(next.fingerprint()).or_insert(fresh);
            if !S::is_fault(&deed) {
                edges.push((number, at));
            }
            if number == fresh {
                trail.0.push((at, deed));
                next.check().map_err(|what| trail.to(number, &what))?;
                queue.push_back((number, next));
            }
        }
    }
    let seen = Seen { states: numbers.len(), ends: ends.len() };
    match backwards(seen.states, edges, ends).iter().position(|&healthy| !healthy) {
        Some(trap) => Err(trail.to(trap as u32, "no healthy end can be reached any more")),
        None => Ok(seen),
    }
}

/// From where can an end be reached?
fn backwards(states: usize, mut edges: Vec<(u32, u32)>, mut stack: Vec<u32>) -> Vec<bool> {
    edges.sort_unstable();
    let mut healthy = vec![false; states];
    while let Some(at) = stack.pop() {
        if std::mem::replace(&mut healthy[at as usize], true) {
            continue;
        }
        let first = edges.partition_point(|&(to, _)| to < at);
        stack.extend(edges[first..].iter().take_while(|&&(to, _)| to == at).map(|&(_, from)| from));
    }
    healthy
}

/// From where each state but the first was reached, and by what.
struct Trail<D>(Vec<(u32, D)>);

impl<D: Debug> Trail<D> {
    fn to(&self, mut at: u32, what: &str) -> String {
        let mut steps = Vec::new();
        while let Some((from, deed)) = (at as usize).checked_sub(1).map(|before| &self.0[before]) {
            steps.push(format!("\n    {deed:?}"));
            at = *from;
        }
        steps.push(format!("{what}:"));
        steps.reverse();
        steps.concat()
    }
}
