//! The command as a process: run, sent signals, with standard streams of all kinds.

#![allow(dead_code, reason = "not every test binary uses all of it")]

use std::ffi::OsStr;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::sync::LazyLock;

/// The command with arguments.
pub fn snnc<I: AsRef<OsStr>>(arguments: impl IntoIterator<Item = I>) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_snnc"));
    command.args(arguments).stdin(Stdio::null());
    command
}

/// Standard error of a finished command.
pub fn stderr(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}

/// Runs; succeeds.
pub fn ok(command: &mut Command) -> Output {
    let output = command.output().unwrap();
    assert!(output.status.success(), "{command:?}: {}", stderr(&output));
    output
}

/// Runs; fails with exit code 1, the code of an error, and a word in it.
pub fn fails(command: &mut Command, code: &str, word: &str) {
    let output = command.output().unwrap();
    let text = stderr(&output);
    assert_eq!(output.status.code(), Some(1), "{command:?}: {text}");
    assert!(text.contains(code) && text.contains(word), "{command:?}: {text}");
}

/// Sends a signal, `TERM` for example.
pub fn signal(child: &Child, name: &str) {
    let sent = Command::new("sh").args(["-c", &format!("kill -{name} {}", child.id())]).status().unwrap();
    assert!(sent.success());
}

/// Looks until something holds while a process runs; bounded, so that a fault does not hang the tests.
pub fn wait_for(child: &mut Child, what: &str, holds: impl Fn() -> bool) {
    for _ in 0..60_000 {
        if holds() {
            return;
        }
        if let Some(status) = child.try_wait().unwrap() {
            panic!("{what}: the process has ended, {status}");
        }
        std::thread::sleep(std::time::Duration::from_millis(5));
    }
    panic!("{what}: never");
}

/// Names of the files in a folder, sorted.
pub fn names(folder: &Path) -> Vec<String> {
    let entries = std::fs::read_dir(folder).unwrap();
    let mut names: Vec<_> = entries.map(|e| e.unwrap().file_name().into_string().unwrap()).collect();
    names.sort();
    names
}

/// Name and bytes of every file in a folder.
pub fn contents(folder: &Path) -> Vec<(String, Vec<u8>)> {
    names(folder).into_iter().map(|name| (name.clone(), std::fs::read(folder.join(name)).unwrap())).collect()
}

/// The example, compiled once a test binary.
pub fn program() -> &'static Path {
    static PROGRAM: LazyLock<(tempfile::TempDir, PathBuf)> = LazyLock::new(|| {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("m.snnx");
        ok(snnc([OsStr::new("compile"), super::example().as_os_str(), OsStr::new("-o"), path.as_os_str()])
            .args(["--effort", "fast"]));
        (folder, path)
    });
    &PROGRAM.1
}
