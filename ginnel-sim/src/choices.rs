//! Every decision of a run, drawn from its seed, and written down so that it can be drawn again.

use fastrand::Rng;

/// Decisions, in spans: one for the making of the world, then one for each step.
///
/// Nought is always the dullest answer: no fault, the first in line, as much as there is. A run that is shortened has
/// spans left out and decisions turned to nought.
#[derive(Debug)]
pub struct Choices {
    source: Source,
    /// What was decided, span by span.
    spans: Vec<Vec<u32>>,
}

#[derive(Debug)]
enum Source {
    Fresh(Rng),
    Again { spans: Vec<Vec<u32>>, at: usize },
}

impl Choices {
    /// New decisions.
    pub fn fresh(seed: u64) -> Self {
        Self { source: Source::Fresh(Rng::with_seed(seed)), spans: vec![Vec::new()] }
    }

    /// The same decisions again; those that are missing are nought.
    pub fn again(spans: Vec<Vec<u32>>) -> Self {
        Self { source: Source::Again { spans, at: 0 }, spans: vec![Vec::new()] }
    }

    /// What was decided.
    pub fn into_spans(self) -> Vec<Vec<u32>> {
        self.spans
    }

    /// Begins the next span. `false`: there is none.
    pub fn next_span(&mut self) -> bool {
        if let Source::Again { spans, .. } = &self.source
            && self.spans.len() >= spans.len()
        {
            return false;
        }
        if let Source::Again { at, .. } = &mut self.source {
            *at = 0;
        }
        self.spans.push(Vec::new());
        true
    }

    /// One of so many.
    pub fn below(&mut self, count: u32) -> u32 {
        if count <= 1 {
            return 0;
        }
        let span = self.spans.len() - 1;
        let value = match &mut self.source {
            Source::Fresh(random) => random.u32(..count),
            Source::Again { spans, at } => {
                *at += 1;
                spans.get(span).and_then(|span| span.get(*at - 1)).copied().unwrap_or(0) % count
            }
        };
        self.spans[span].push(value);
        value
    }

    /// An index into something of this length.
    pub fn index(&mut self, length: usize) -> usize {
        self.below(u32::try_from(length).unwrap_or(u32::MAX)) as usize
    }

    /// One of these.
    pub fn pick<T: Copy>(&mut self, from: &[T]) -> T {
        from[self.index(from.len())]
    }

    /// Yes, so many times in a thousand.
    pub fn chance(&mut self, in_a_thousand: u32) -> bool {
        in_a_thousand > 0 && self.below(1000) >= 1000 - in_a_thousand.min(999)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_written_down_is_decided_again() {
        let draw = |choices: &mut Choices| {
            let mut drawn = vec![choices.below(1000), choices.below(7)];
            while drawn.len() < 10 && choices.next_span() {
                drawn.push(choices.below(50));
            }
            drawn
        };
        let mut fresh = Choices::fresh(9);
        let first = draw(&mut fresh);
        let mut again = Choices::again(fresh.into_spans());
        assert_eq!(draw(&mut again), first);
    }

    #[test]
    fn what_is_missing_is_nought_and_no_chance() {
        let mut choices = Choices::again(vec![vec![]]);
        assert_eq!(choices.below(9), 0);
        assert!(!choices.chance(999));
        assert!(!choices.next_span());
        assert_eq!(Choices::again(Vec::new()).below(9), 0);
    }
}
