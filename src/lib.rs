//! The library behind the `snnc` command: what needs compiler and simulator at once.
//!
//! [`cli`] is the command. [`generation`] makes images on the simulated chip
//! ([`streaming`]: whole sets of them; `awake` for few), [`report`] writes what they cost, and [`trace`]
//! what single packets did. [`float_stepper`] lets the float reference answer the generation loop in the
//! chip's stead, [`golden`] compares it with recorded traces, [`comparison`] compares the chip with it,
//! [`reconstruction`] does so for encoder and decoder. [`fit`] asks every target whether it holds a model.
//! [`profile`] takes rates of spikes from an earlier report. [`diagnostics`] says as JSON what is wrong with an input,
//! [`warnings`] what may go wrong before it does.

// Standard streams may be closed or full, and these macros panic then: `cli::process::console` writes to them.
#![deny(clippy::print_stdout, clippy::print_stderr)]

mod awake;
#[cfg(feature = "cli")]
pub mod cli;
pub mod comparison;
pub mod diagnostics;
pub mod fit;
pub mod float_stepper;
pub mod generation;
pub mod golden;
pub mod profile;
pub mod reconstruction;
pub mod report;
pub mod streaming;
pub mod trace;
pub mod warnings;
