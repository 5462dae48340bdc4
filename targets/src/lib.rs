//! Chip descriptions: the crate below all others.
//!
//! A target is data ([`Target`], read from `targets/*.ron`): limits of a core, number formats, topology, timing and
//! energy constants, each with its [`Provenance`]. Nothing here knows a chip by name, a network or a mapping.
//! It also holds what every crate shares: [`Diagnostic`]s (coded errors with
//! place and hint), typed indices ([`mod@entity`], [`ids`]), bounded reading of files ([`input`]), atomic file
//! output ([`output`]) and tables of text ([`text_table`], [`text_width`]).

// What there is to say, the command says.
#![cfg_attr(not(test), deny(clippy::print_stdout, clippy::print_stderr))]

pub mod axons;
pub mod composed;
pub mod derived;
pub mod diagnostic;
pub mod energy;
pub mod entity;
pub mod file_kind;
pub mod ids;
pub mod input;
pub mod layer_cores;
pub mod names;
pub mod near;
pub mod numbers;
pub mod output;
pub mod ranges;
pub mod registry;
pub mod resolved;
pub mod ron_text;
pub mod ron_tree;
pub mod scaling;
pub mod schema;
pub mod text_table;
pub mod text_width;
pub mod time_constants;
pub mod time_ranges;
pub mod topology;
pub mod work;

pub use diagnostic::{
    Code, CorePart, Diagnostic, Diagnostics, MapAxis, NamedPart, Place, Severity, Source, Subject, printable,
};
pub use energy::{Energy, EnergyComponent, EnergyEvent, EventMap, StaticPower};
pub use resolved::Timing;
pub use schema::{Provenance, Sourced, Target};
pub use topology::{Interconnect, Link, LinkKind, Site, Topology};
pub use work::CoreWork;
