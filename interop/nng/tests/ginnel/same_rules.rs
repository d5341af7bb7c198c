//! What comes of bad bytes, and of odd ones: the same as with nng.

use anyhow::Result;
use ginnel_interop_nng::rules::{Transport, judge_all, rules};

use super::page;
use super::victim::victim;

#[test]
fn ginnel_does_what_nng_does() -> Result<()> {
    let mut wrong = Vec::new();
    judge_all(&mut victim, &Transport::ALL, &mut |verdict| {
        if verdict.judged.is_err() {
            wrong.push(verdict.to_string());
        }
        Ok(())
    })?;
    assert!(wrong.is_empty(), "{} are wrong: {wrong:#?}", wrong.len());
    Ok(())
}

/// The tests of nng and of Ginnel hold all of them.
#[test]
fn the_page_has_every_rule() -> Result<()> {
    let mut table = "| End | What comes | What becomes of it |\n|---|---|---|\n".to_owned();
    for rule in rules() {
        table += &format!("| {} | {} | {} |\n", rule.victim.name(), rule.name, rule.outcome);
    }
    page::holds("rules", &table)
}
