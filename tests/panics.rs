//! A panic asks for a report, in whatever thread it happens and whatever standard error is. This binary has no test
//! harness: it is
//! its own subject, started again with arguments.

use std::fs::File;
use std::process::{Command, Output, Stdio};

use rayon::prelude::*;

fn main() {
    match std::env::args().nth(1).as_deref() {
        Some("main") => subject(|| panic!("on purpose \u{1b}[31m")),
        Some("worker") => subject(|| {
            (0..1000u32).into_par_iter().for_each(|i| assert!(i == 1000, "task fails on purpose"));
        }),
        _ => test(),
    }
}

/// What the command installs, then a fault.
fn subject(fault: impl FnOnce()) {
    snnc::cli::process::panics::install();
    fault();
}

fn test() {
    let start = |subject: &str, stderr: Stdio| -> Output {
        let mut command = Command::new(std::env::current_exe().unwrap());
        command.args([subject, "model \u{7}.ron"]).stderr(stderr).env_remove("RUST_BACKTRACE");
        command.output().unwrap()
    };
    for (subject, message) in [("main", "on purpose \u{241b}[31m"), ("worker", "task fails on purpose")] {
        let output = start(subject, Stdio::piped());
        let text = String::from_utf8(output.stderr).unwrap();
        assert_eq!(output.status.code(), Some(101), "{text}");
        let version = format!("snnc {}: internal error: {message}\n", env!("CARGO_PKG_VERSION"));
        assert!(text.starts_with(&version), "{text}");
        assert!(text.contains("tests/panics.rs:") && text.contains("report"), "{text}");
        assert!(text.contains(&format!("\"{subject}\" \"model \\u{{7}}.ron\"")), "{text}");
        assert_eq!(text.matches("internal error").count(), 1, "{text}");
        assert!(!text.contains(['\u{1b}', '\u{7}']), "{text}");
        let full = File::options().write(true).open("/dev/full").unwrap();
        assert_eq!(start(subject, full.into()).status.code(), Some(101));
        let (_, closed) = std::io::pipe().unwrap();
        assert_eq!(start(subject, closed.into()).status.code(), Some(101));
    }
    println!("panics: ok");
}
