use std::process::Command;

#[test]
fn a_demo_without_a_place_says_so() {
    let mut demo = Command::new(env!("CARGO_BIN_EXE_ginnel"));
    let output = demo.arg("demo").env("TMPDIR", "/nonexistent").output().unwrap();
    assert_eq!(output.status.code(), Some(1));
    assert!(String::from_utf8(output.stderr).unwrap().contains("cannot make /nonexistent/ginnel-demo-"));
}
