//! The `snnc` command.

use std::process::ExitCode;
use std::sync::atomic::{AtomicBool, Ordering};

use snnc::cli::process::console;

/// Whether the process was started without a standard output.
static NO_STDOUT: AtomicBool = AtomicBool::new(false);

/// Looks before Rust's runtime does, which opens `/dev/null` in the place of a missing stream.
#[ctor::ctor(unsafe)]
fn look_for_stdout() {
    use std::os::fd::AsFd;
    NO_STDOUT.store(std::io::stdout().as_fd().try_clone_to_owned().is_err(), Ordering::SeqCst);
}

fn main() -> ExitCode {
    if NO_STDOUT.load(Ordering::SeqCst) {
        console::missing();
    }
    snnc::cli::run(std::env::args_os().collect())
}
