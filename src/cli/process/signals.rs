//! SIGINT, SIGTERM and SIGHUP: one line, temporary files gone, exit code 128 + signal.
//!
//! What a later run can continue stays as it is: it is checked when it is continued, so it may be cut off anywhere.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use signal_hook::consts::{SIGHUP, SIGINT, SIGTERM};
use signal_hook::flag;
use signal_hook::iterator::Signals;
use snnc_targets::output;

use super::console::say;
use crate::cli::{progress, view};

/// What the last line adds, for a run that can be continued.
static ADVICE: Mutex<Option<&'static str>> = Mutex::new(None);

/// Has the last line of a stopped run say how to go on.
pub fn advise(advice: &'static str) {
    *ADVICE.lock().unwrap_or_else(PoisonError::into_inner) = Some(advice);
}

/// Whether the last line is left to another process, that of rank 0.
static SILENT: AtomicBool = AtomicBool::new(false);

/// Has a stopped run end without a line.
pub fn silence() {
    SILENT.store(true, Ordering::SeqCst);
}

/// Listens from here on. A signal that the process was started to ignore (by `nohup`, or in a script's background)
/// stays ignored.
pub fn install() {
    let ignored = ignored(&std::fs::read_to_string("/proc/self/status").unwrap_or_default());
    let wanted = [SIGINT, SIGTERM, SIGHUP].into_iter().filter(|signal| ignored >> (signal - 1) & 1 == 0);
    let wanted: Vec<i32> = wanted.collect();
    // A second one ends the process at once, should removing files take too long.
    let again = Arc::new(AtomicBool::new(false));
    for &signal in &wanted {
        let _ = flag::register_conditional_shutdown(signal, 128 + signal, again.clone());
        let _ = flag::register(signal, again.clone());
    }
    let Ok(mut signals) = Signals::new(&wanted) else { return };
    let listen = move || signals.forever().take(1).for_each(stop);
    let _ = std::thread::Builder::new().name("signals".into()).spawn(listen);
}

/// Ends the process.
fn stop(signal: i32) {
    let _nothing_new_begins = output::abandon();
    progress::clear();
    view::leave();
    let name = match signal {
        SIGINT => "SIGINT",
        SIGTERM => "SIGTERM",
        _ => "SIGHUP",
    };
    let advice = *ADVICE.lock().unwrap_or_else(PoisonError::into_inner);
    let advice = advice.map_or(String::new(), |advice| format!("; {advice}"));
    if !SILENT.load(Ordering::SeqCst) {
        say(&format!("snnc: stopped by {name}{advice}\n"));
    }
    std::process::exit(128 + signal);
}

/// The mask of ignored signals in the text of `/proc/self/status`; bit n - 1 is signal n.
fn ignored(status: &str) -> u64 {
    let mask = status.lines().find_map(|line| line.strip_prefix("SigIgn:"));
    mask.and_then(|mask| u64::from_str_radix(mask.trim(), 16).ok()).unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ignored_signals_are_read() {
        assert_eq!(ignored("Name:\tsnnc\nSigIgn:\t0000000000001001\nSigCgt:\t00\n"), 1 << 12 | 1);
        assert_eq!(ignored("Name:\tsnnc\n"), 0);
    }
}
