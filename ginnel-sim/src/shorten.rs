//! The shortest run that still goes wrong in the same way.

use std::time::{Duration, Instant};

use crate::play::Play;
use crate::run::run_again;

type Spans = Vec<Vec<u32>>;

/// Leaves out steps, then turns decisions into the dullest ones, as long as the same thing goes wrong. Gives up when the
/// time is over.
pub fn shorten((seed, play): (u64, Play), spans: Spans, violation: &str, time: Duration) -> Spans {
    let search = Search { seed, play, kind: kind(violation), end: Instant::now() + time };
    let mut best = spans;
    loop {
        let before = weight(&best);
        best = search.without_steps(best);
        best = search.duller(best);
        if weight(&best) == before || search.is_over() {
            return best;
        }
    }
}

/// How much a run decides: steps first, then decisions that are not the dullest.
fn weight(spans: &Spans) -> (usize, usize) {
    (spans.len(), spans.iter().flatten().filter(|&&choice| choice != 0).count())
}

/// What went wrong, whoever it was.
fn kind(violation: &str) -> String {
    violation.chars().filter(|c| !c.is_ascii_digit()).collect()
}

struct Search {
    seed: u64,
    play: Play,
    kind: String,
    end: Instant,
}

impl Search {
    fn is_over(&self) -> bool {
        Instant::now() >= self.end
    }

    fn fails(&self, spans: &Spans) -> bool {
        let outcome = run_again(spans.clone(), self.play, (self.seed, false));
        outcome.violation.is_some_and(|violation| kind(&violation) == self.kind)
    }

    /// Leaves out many steps at once, then fewer; never the first, which makes the world.
    fn without_steps(&self, mut best: Spans) -> Spans {
        let mut size = best.len() / 2;
        while size > 0 {
            let mut at = 1;
            while at < best.len() && !self.is_over() {
                let mut tried = best.clone();
                tried.drain(at..(at + size).min(best.len()));
                if self.fails(&tried) { best = tried } else { at += size }
            }
            size /= 2;
        }
        best
    }

    fn duller(&self, mut best: Spans) -> Spans {
        for span in 0..best.len() {
            for at in (0..best[span].len()).rev() {
                if self.is_over() {
                    return best;
                }
                if best[span][at] != 0 {
                    let mut tried = best.clone();
                    tried[span][at] = 0;
                    if self.fails(&tried) {
                        best = tried;
                    }
                }
            }
        }
        best
    }
}
