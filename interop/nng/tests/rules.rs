//! The table of the rules, against the real nng.

use std::time::Duration;

use anyhow::Result;
use ginnel_interop_nng::nng_ends::NngVictim;
use ginnel_interop_nng::rules::{Cut, Outcome, Rule, Transport, Victim, judge, judge_all, rules};

#[test]
fn nng_does_what_the_table_says() -> Result<()> {
    let mut wrong = Vec::new();
    judge_all(&mut nng, &Transport::ALL, &mut |verdict| {
        if verdict.judged.is_err() {
            wrong.push(verdict.to_string());
        }
        Ok(())
    })?;
    assert!(wrong.is_empty(), "{wrong:#?}");
    Ok(())
}

#[test]
fn a_table_that_says_something_else_does_not_hold() -> Result<()> {
    for (name, claimed) in [
        ("pair1: hop count 8", Outcome::Dropped),
        ("pair1: hop count 8", Outcome::Delivered(&[b"ho"])),
        ("pair1: hop count 8", Outcome::Delivered(&[b"hi", b"hi"])),
        ("pair1: hop count 9", Outcome::Delivered(&[b"hi"])),
        ("pair1: hop count 256", Outcome::Dropped),
        ("pull: an empty message", Outcome::Dropped),
        ("pub: a message", Outcome::Dropped),
        ("sub: a message that nobody wants", Outcome::Delivered(&[b"ba"])),
        ("req: a second answer", Outcome::Delivered(&[b"b"])),
        ("surveyor: a second answer", Outcome::Delivered(&[b"a"])),
        ("rep: a question through a device", Outcome::Answered(b"q", b"\x80\0\0\x2a")),
        ("rep: a question", Outcome::Dropped),
        ("respondent: 3 bytes", Outcome::Dropped),
    ] {
        let rule = rules().find(|rule| rule.to_string() == name).expect("a rule of the table");
        let wrong = Rule { outcome: claimed, ..rule };
        let mut victim = NngVictim::with_patience(&wrong, Transport::Socket, SHORT)?;
        let judged = judge(&wrong, Transport::Socket, Cut::Whole, &mut victim);
        assert!(judged.is_err(), "{name}: {claimed:?}");
    }
    Ok(())
}

fn nng(rule: &Rule, transport: Transport) -> Result<Box<dyn Victim>> {
    Ok(Box::new(NngVictim::new(rule, transport)?))
}

/// Here waits do come to their end.
const SHORT: Duration = Duration::from_millis(200);
