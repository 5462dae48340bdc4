//! The `snnc` command: arguments in, calls of the library, text and files out.
//!
//! [`arguments`] says what can be asked, [`commands`] answers, a file a subcommand. [`errors`] draws what is wrong with an
//! input, [`progress`] is the bar on a terminal, [`process`] what a command owes its surroundings: standard streams,
//! signals, panics, exit codes. This is the only room that prints.

pub mod arguments;
pub mod commands;
pub mod errors;
pub mod process;
pub mod progress;
