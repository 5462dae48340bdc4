//! Puts trained spiking networks onto described neuromorphic chips and simulates them, bit by bit, with time and
//! energy.
//!
//! A network goes one way: a [`Model`] is read from its files, compiled for a [`Target`] to a [`Program`], and made
//! ready as a [`Session`], which runs a [`Workload`] and gives an [`Outcome`]; what that cost is its [`Report`]. All of
//! them are owned values that are cheap to share between threads; what is wrong with an input comes back as
//! [`Diagnostics`].
//!
//! ```
//! use snnc::{CompileOptions, Model, Session, SessionOptions};
//!
//! # fn main() -> Result<(), snnc::Diagnostics> {
//! let model = Model::load("examples/feed-forward/model.ron")?;
//! let program = model.compile(&snnc::target("loihi-like")?, &CompileOptions::default())?;
//!
//! // Two pictures of 1 x 12 x 12 pixels, one grey, one dark.
//! let mut pictures = vec![0.5; 144];
//! pictures.extend([-1.0; 144]);
//! let session = Session::new(&program, SessionOptions::default())?;
//! let outcome = session.run(&program.samples("classifier", pictures)?)?;
//!
//! // A read-out of ten classes for each, and what both cost.
//! assert_eq!(outcome.items.iter().map(Vec::len).collect::<Vec<_>>(), [10, 10]);
//! let totals = outcome.report().totals;
//! println!("{} spikes, {:?} s, {} J", totals.spikes, totals.time_s, totals.energy_j);
//! # assert!(totals.spikes > 0 && totals.energy_j > 0.0);
//! # Ok(())
//! # }
//! ```
//!
//! `examples/library.rs` generates a digit in the same way. The rooms, in the order of the data:
//!
//! * [`model`], [`program`]: what is read, what is compiled. [`mapping_files`] and [`profile`] are what a user brings
//!   to the mapping, [`fit`] asks every target whether it holds a model, [`target_table`] shows one.
//! * [`session`], [`outcome`]: running. [`progress`] tells how far it has come, [`trace`] what single packets did,
//!   [`streaming`] writes whole sets of images. [`simulator::workload`] has the workloads, and shows how to write
//!   another.
//! * [`report`]: what a run cost, as data, JSON and text; [`results`]: the folder of a run. [`samples`], [`npy`]
//!   and [`npz`] read and write arrays.
//! * [`float_driver`], [`golden`], [`comparison`], [`reconstruction`]: the float reference, and who is compared with
//!   whom.
//! * [`diagnostics`], [`warnings`]: what is wrong, and what may go wrong, as data.
//! * [`shard`]: a part of a long work, for several processes; [`parts`] puts those of runs and comparisons together.
//! * [`ranks`]: processes that a job system starts together, over MPI with the feature of that name.
//! * [`sweep`]: a model on many chips that differ in a few fields.
//! * [`research`]: the mapper's parts by themselves. [`sana_fe`] describes a mapped network for another simulator.
//!
//! Below lie [`targets`] (chip descriptions), [`compiler`] and [`simulator`]. The `snnc` command, the room `cli` behind
//! the feature of that name, is a thin user of all this; without it nothing here prints or knows a terminal.
//! docs/architecture.md is the map of the code with its invariants and a glossary, README.md lists the commands.

// Standard streams may be closed or full, and these macros panic then: `cli::process::console` writes to them.
#![deny(clippy::print_stdout, clippy::print_stderr)]

#[cfg(feature = "cli")]
pub mod cli;
pub mod comparison;
pub mod diagnostics;
pub mod fit;
pub mod float_driver;
pub mod golden;
pub mod mapping_files;
pub mod model;
pub mod npy;
pub mod npz;
pub mod outcome;
pub mod parts;
pub mod profile;
pub mod program;
pub mod progress;
pub mod ranks;
pub mod reconstruction;
pub mod recording;
pub mod report;
pub mod research;
pub mod results;
pub mod samples;
pub mod sana_fe;
pub mod session;
pub mod shard;
mod spin_pool;
pub mod streaming;
pub mod sweep;
pub mod target_table;
pub mod trace;
pub mod warnings;

/// From models to programs: layer graphs, the spiking IR, mapping.
pub use snnc_compiler as compiler;
/// From programs to spikes, time and energy; the workloads.
pub use snnc_simulator as simulator;
/// Chip descriptions, and what all crates share: diagnostics, typed indices, files.
pub use snnc_targets as targets;

/// Choices of the compiler: rounding, partition, placement.
pub use snnc_compiler::driver::CompileOptions;
/// How closely time is modelled.
pub use snnc_simulator::time::Fidelity;
/// What drives a chip: images by a generation loop, samples, or a course of your own.
pub use snnc_simulator::workload::{Course, Generation, Samples, Workload};
/// Errors and warnings with code, place and hint, and the description of a chip.
pub use snnc_targets::{Code, Diagnostic, Diagnostics, Target};

pub use mapping_files::MappingFiles;
pub use model::Model;
pub use outcome::Outcome;
pub use program::Program;
pub use progress::Progress;
pub use report::Report;
pub use session::{Observer, Session, SessionOptions};

/// A built-in target by its name, or one from a file.
///
/// # Errors
/// [`Code::TargetUnknown`] for a name that is none, or what is wrong with the file.
pub fn target(name_or_path: &str) -> Result<Target, Diagnostics> {
    targets::registry::load(name_or_path)
}
