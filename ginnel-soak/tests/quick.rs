//! A twentieth of every attack, as a test of every day.

use std::process::Command;

#[test]
fn no_attack_costs_more_than_its_bounds() {
    let output = Command::new(env!("CARGO_BIN_EXE_ginnel-soak")).arg("--quick").output().expect("it starts");
    let text = String::from_utf8_lossy(&output.stdout);
    println!("{text}{}", String::from_utf8_lossy(&output.stderr));
    assert!(output.status.success());
}
