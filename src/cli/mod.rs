//! The `snnc` command: arguments in, calls of the library, text and files out.
//!
//! [`arguments`] holds the options, [`commands`] has a file for each subcommand. [`errors`] draws what is wrong with an
//! input, [`progress`] is the bar on a terminal, [`process`] handles standard streams, signals, panics and exit codes.
//! This is the only room that prints.

pub mod arguments;
pub mod commands;
pub mod errors;
pub mod process;
pub mod progress;
