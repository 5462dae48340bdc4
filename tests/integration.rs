//! The integration tests of library and command, as one program: a file for each subject.
//!
//!     cargo test --release --test integration errors::

#[cfg(feature = "cli")]
mod cli;
mod common;
mod concat_constant;
mod energy_by_constant;
#[cfg(feature = "cli")]
mod errors;
#[cfg(feature = "cli")]
mod feed_forward;
mod feedback;
#[cfg(feature = "cli")]
mod fit;
#[path = "../compiler/tests/folded/mod.rs"]
mod folded;
mod folding;
mod frameworks;
mod golden;
mod groups;
#[cfg(feature = "cli")]
mod interrupted;
mod kept_state;
mod library;
#[cfg(feature = "cli")]
mod limits;
mod loihi_trace;
mod mapping_independence;
mod mapping_snapshots;
mod nir;
mod nir_nodes;
mod numbers;
#[cfg(feature = "cli")]
mod outputs;
#[cfg(feature = "cli")]
mod pages;
#[cfg(feature = "cli")]
mod partition;
#[cfg(feature = "cli")]
mod parts;
mod passes;
#[path = "../compiler/tests/random/mod.rs"]
mod random;
#[cfg(feature = "cli")]
mod ranks;
mod read_outs;
mod refractory;
mod relays;
mod sample_files;
mod sampling;
mod sana_fe;
mod sana_fe_time;
mod sensitivity;
mod sources;
mod streams;
#[cfg(feature = "cli")]
mod supply_chain;
#[cfg(feature = "cli")]
mod sweep;
mod target_numbers;
mod ties;
#[cfg(feature = "parquet")]
mod trace;
#[cfg(feature = "cli")]
mod width;
