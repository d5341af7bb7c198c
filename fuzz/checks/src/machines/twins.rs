use std::time::{Duration, Instant};

use ginnel_proto::machine::{Input, Machine, Output};

use crate::coin::{Coin, Purse};

/// A value for each of two machines that are told the same.
pub(super) type Twin<T> = (T, T);

/// Two machines that are told the same, and must say the same: time and random numbers are arguments.
pub(super) struct Twins<M: Machine<Fd = Coin>> {
    pub(super) one: M,
    two: M,
    purses: Twin<Purse>,
    now: Instant,
}

/// What both machines said.
pub(super) type Said<M> = Vec<Twin<Output<<M as Machine>::Event, Coin>>>;

impl<M: Machine<Fd = Coin>> Twins<M>
where
    M::Event: PartialEq,
{
    pub(super) fn new(make: impl Fn() -> M) -> Self {
        let now = Instant::now();
        Self { one: make(), two: make(), purses: Twin::default(), now }
    }

    /// One value for each, with descriptors of its own.
    pub(super) fn make<T>(&self, make: impl Fn(&Purse) -> T) -> Twin<T> {
        (make(&self.purses.0), make(&self.purses.1))
    }

    pub(super) fn say(&mut self, input: Twin<Input<M::Command, Coin>>) -> Said<M> {
        let one: Vec<_> = self.one.handle(input.0, self.now).collect();
        let two: Vec<_> = self.two.handle(input.1, self.now).collect();
        assert_eq!(one, two, "the same inputs, the same outputs");
        assert_eq!(self.one.deadline(), self.two.deadline());
        one.into_iter().zip(two).collect()
    }

    /// Takes the same out of both.
    pub(super) fn take<T: PartialEq + std::fmt::Debug>(&mut self, take: impl Fn(&mut M) -> T) -> Twin<T> {
        let both = (take(&mut self.one), take(&mut self.two));
        assert_eq!(both.0, both.1, "the same inputs, the same is there");
        both
    }

    /// Tells both what needs no descriptors.
    pub(super) fn tell(&mut self, input: impl Fn() -> Input<M::Command, Coin>) -> Said<M> {
        self.say((input(), input()))
    }

    /// Time passes: up to the deadline, and often not as far.
    pub(super) fn wait(&mut self, milliseconds: u64) {
        self.now += Duration::from_millis(milliseconds);
    }

    /// If the deadline has come it is told, and then it is another or none.
    pub(super) fn time_out(&mut self, early: bool) -> Said<M> {
        let due = self.one.deadline();
        if let Some(due) = due.filter(|_| !early) {
            self.now = self.now.max(due);
        }
        let said = self.tell(|| Input::Timeout);
        if due.is_some_and(|due| due <= self.now) {
            assert!(self.one.deadline() != due, "a deadline that was told is done with");
        }
        said
    }

    /// Descriptors that somebody holds.
    pub(super) fn alive(&self) -> usize {
        assert_eq!(self.purses.0.alive(), self.purses.1.alive());
        self.purses.0.alive()
    }

    /// Drops both.
    pub(super) fn end(self) {
        let Self { one, two, purses, .. } = self;
        drop((one, two));
        assert_eq!(
            (purses.0.alive(), purses.1.alive()),
            (0, 0),
            "a machine that is dropped closes what it owned"
        );
    }
}
