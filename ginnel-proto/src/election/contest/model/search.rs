//! Visits every world that can be reached.

use std::collections::{HashMap, VecDeque};
use std::hash::{DefaultHasher, Hash, Hasher};

use super::world::World;

/// What a search has found.
#[derive(Debug)]
pub(super) struct Seen {
    pub(super) states: usize,
    pub(super) transitions: usize,
    /// States in which nothing happens any more. They were all healthy.
    pub(super) ends: usize,
    /// States from which no such end can be reached.
    pub(super) traps: usize,
    /// How to get into one.
    pub(super) trap: String,
}

/// Visits every world; what is broken, and how it came about.
pub(super) fn explore(start: World) -> Result<Seen, String> {
    let mut numbers = HashMap::from([(fingerprint(&start), 0_u32)]);
    let mut came_from: Vec<(u32, String)> = vec![(0, String::new())];
    let mut edges: Vec<(u32, u32)> = Vec::new();
    let mut ends = Vec::new();
    let mut queue = VecDeque::from([(0_u32, start)]);
    while let Some((at, world)) = queue.pop_front() {
        let successors = world.successors().map_err(|what| format!("{what}:{}", trace(&came_from, at)))?;
        if successors.is_empty() {
            world.check_end().map_err(|what| format!("{what}:{}\n{world:#?}", trace(&came_from, at)))?;
            ends.push(at);
        }
        for (what, next) in successors {
            let fresh = numbers.len() as u32;
            let number = *numbers.entry(fingerprint(&next)).or_insert(fresh);
            edges.push((number, at));
            if number == fresh {
                came_from.push((at, what));
                next.check().map_err(|broken| format!("{broken}:{}", trace(&came_from, number)))?;
                queue.push_back((number, next));
            }
        }
    }
    let (states, transitions) = (numbers.len(), edges.len());
    let healthy = backwards(states, edges, &ends);
    let traps: Vec<_> = (0..states).filter(|&at| !healthy[at]).collect();
    let trap = traps.first().map(|&at| trace(&came_from, at as u32)).unwrap_or_default();
    Ok(Seen { states, transitions, ends: ends.len(), traps: traps.len(), trap })
}

/// Two halves, so that no two of millions of worlds are taken for one another.
fn fingerprint(world: &World) -> (u64, u64) {
    let (mut one, mut two) = (DefaultHasher::new(), DefaultHasher::new());
    two.write_u8(1);
    world.hash(&mut one);
    world.hash(&mut two);
    (one.finish(), two.finish())
}

/// From where can an end be reached?
fn backwards(states: usize, mut edges: Vec<(u32, u32)>, ends: &[u32]) -> Vec<bool> {
    edges.sort_unstable();
    let mut healthy = vec![false; states];
    let mut stack = ends.to_vec();
    while let Some(at) = stack.pop() {
        if std::mem::replace(&mut healthy[at as usize], true) {
            continue;
        }
        let first = edges.partition_point(|&(to, _)| to < at);
        stack.extend(edges[first..].iter().take_while(|&&(to, _)| to == at).map(|&(_, from)| from));
    }
    healthy
}

fn trace(came_from: &[(u32, String)], mut at: u32) -> String {
    let mut steps = Vec::new();
    while at != 0 {
        let (from, what) = &came_from[at as usize];
        steps.push(what.as_str());
        at = *from;
    }
    steps.reverse();
    steps.iter().map(|step| format!("\n    {step}")).collect()
}
