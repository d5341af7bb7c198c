use std::collections::BTreeSet;

use super::*;

#[test]
fn the_fake_kernel_answers_as_the_real_one_does() {
    let mut differences = Vec::new();
    let rules = rules::<FakeBench>();
    for rule in &rules {
        let directory = tempfile::tempdir().unwrap();
        let real = real::run_elsewhere(rule.name, directory.path());
        if real == ["unsupported"] {
            println!("{} needs a younger kernel", rule.name);
            continue;
        }
        let fake = rule.run(&FakeBench::new());
        if real != rule.sees || fake != rule.sees {
            let Rule { name, says, sees, .. } = rule;
            differences.push(format!("{name}: {says}\n  rule {sees:?}\n  real {real:?}\n  fake {fake:?}"));
        }
    }
    println!("{} rules", rules.len());
    assert!(
        differences.is_empty(),
        "{} of {} rules:\n{}",
        differences.len(),
        rules.len(),
        differences.join("\n")
    );
}

#[test]
fn every_rule_has_a_name_of_its_own() {
    let names: BTreeSet<_> = list().into_iter().map(|(name, _)| name).collect();
    assert_eq!(names.len(), list().len());
}

/// It passes at once unless it was started for a script.
#[test]
fn a_process_for_one_script() {
    real::be_a_child();
}
