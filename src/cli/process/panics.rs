//! A panic is a fault of snnc, never of the input. One hook says so and asks for a report, whichever thread it was.
//!
//! The process then ends with exit code 101, as Rust programs do; temporary files are removed on the way.

use std::backtrace::{Backtrace, BacktraceStatus};
use std::ffi::OsString;
use std::fmt::Write;
use std::panic::PanicHookInfo;
use std::sync::atomic::{AtomicBool, Ordering};

use snnc_targets::diagnostic::{one_line, printable};

use super::console::say;

/// Several threads may panic at once; only the first one prints.
static TOLD: AtomicBool = AtomicBool::new(false);

/// Takes the place of Rust's own message.
pub fn install() {
    std::panic::set_hook(Box::new(|info| {
        if !TOLD.swap(true, Ordering::SeqCst) {
            say(&message(info, std::env::args_os()));
        }
    }));
}

fn message(info: &PanicHookInfo, arguments: impl Iterator<Item = OsString>) -> String {
    let what = info.payload_as_str().unwrap_or("no message");
    let place =
        info.location().map_or(String::new(), |place| format!("\n  --> {}", one_line(&place.to_string())));
    let mut text = format!(
        "snnc {}: internal error: {}{place}\n\
         This is a bug in snnc; files that it had not finished are gone. \
         Please report it with these lines, and with the\ninput if you can.\n  arguments:",
        env!("CARGO_PKG_VERSION"),
        printable(what),
    );
    for argument in arguments {
        // Quoted, with control characters and what is no Unicode escaped.
        let _ = write!(text, " {argument:?}");
    }
    text.push('\n');
    let backtrace = Backtrace::capture();
    match backtrace.status() {
        BacktraceStatus::Captured => {
            let _ = writeln!(text, "{backtrace}");
        }
        _ => text.push_str("  RUST_BACKTRACE=1 in the environment adds where it came from\n"),
    }
    text
}
