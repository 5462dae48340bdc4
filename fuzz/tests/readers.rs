//! Every reader accepts a seed of its own, and its first executions find nothing.

use std::process::Command;

fn fuzz(arguments: &[&str]) -> String {
    let output = Command::new(env!("CARGO_BIN_EXE_snnc-fuzz")).args(arguments).output().unwrap();
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    let (said, problems) = (text(&output.stdout), text(&output.stderr));
    assert!(output.status.success(), "{arguments:?}: {said}{problems}");
    said
}

#[test]
fn seeds_are_accepted_and_damaged() {
    let readers = fuzz(&["--list"]);
    assert_eq!(readers.lines().count(), 22);
    for reader in readers.lines() {
        let said = fuzz(&[reader, "1"]);
        let executions: u64 = said.split_ascii_whitespace().nth(1).unwrap().parse().unwrap();
        assert!(executions > 0 && said.contains(" 0 findings"), "{said}");
    }
}
