//! What the command owes those around it: standard streams that may be closed or full, signals, panics, exit codes.
//!
//! docs/outputs.md lists the exit codes. Only the command uses these rooms; the library prints nothing and installs
//! nothing.

pub mod console;
pub mod panics;
pub mod signals;

/// Exit code of a run whose reader closed standard output before the end: as if the signal of a closed pipe had ended
/// it.
pub const CLOSED_PIPE: u8 = 128 + 13;
