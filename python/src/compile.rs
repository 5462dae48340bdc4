//! Options of the compiler as Python gives them: words and numbers of the command line.

use std::path::PathBuf;

use pyo3::prelude::*;
use snnc::compiler::mapping::effort::Effort;
use snnc::compiler::mapping::hypergraph::BlockId;
use snnc::compiler::mapping::partition::search::{Method, Objective, SearchOptions};
use snnc::compiler::mapping::place::PlaceOptions;
use snnc::{CompileOptions, Diagnostic, MappingFiles};

use crate::errors::argument;

/// Most recorded passes: they stay in memory.
const PASSES_MAX: usize = 1024;

/// The keyword arguments of `snnc.compile`.
#[derive(FromPyObject)]
#[pyo3(from_item_all)]
pub struct Options {
    weights: Option<u32>,
    passes: Option<usize>,
    objective: String,
    cores: Option<u32>,
    chips: Option<u32>,
    relays: bool,
    feedback: String,
    partitioner: String,
    group: usize,
    effort: String,
    mapping_seed: u64,
    profile: Option<String>,
    partition: Option<PathBuf>,
    partition_text: Option<String>,
    blocks: Option<Vec<u32>>,
    partition_network: Option<String>,
    placement: Option<PathBuf>,
    placement_text: Option<String>,
}

impl Options {
    /// As the library takes them.
    ///
    /// # Errors
    /// An argument error for a word or number that is none of the option's.
    pub fn read(self) -> Result<(CompileOptions, MappingFiles), Diagnostic> {
        let mut options = CompileOptions::default();
        options.lower.weight_bits = self.weights;
        options.lower.calibration = passes(self.passes)?;
        options.lower.no_relays = !self.relays;
        options.lower.feedback_chip = feedback_chip(&self.feedback)?;
        let effort = effort(&self.effort)?;
        let objective = objective(&self.objective)?;
        for (option, most) in [("cores", self.cores), ("chips", self.chips)] {
            if most == Some(0) {
                return Err(argument(option, "0, expected 1 or more", "leave it out for no bound"));
            }
        }
        let method = method(&self.partitioner, self.group)?;
        options.search = SearchOptions {
            objective,
            method,
            effort,
            cores_max: self.cores,
            chips: self.chips,
            ..SearchOptions::default()
        };
        options.place = PlaceOptions { seed: self.mapping_seed, effort };
        let files = MappingFiles {
            report: self.profile,
            partition: self.partition,
            partition_text: self.partition_text,
            blocks: self.blocks.map(|blocks| blocks.into_iter().map(BlockId).collect()),
            network: self.partition_network,
            group: self.group,
            placement: self.placement,
            placement_text: self.placement_text,
            ..MappingFiles::default()
        };
        Ok((options, files))
    }
}

/// How hard to search.
///
/// # Errors
/// An argument error.
pub fn effort(word: &str) -> Result<Effort, Diagnostic> {
    word.parse().map_err(|message: String| {
        argument("effort", message, "budgets are counted in steps, never in seconds")
    })
}

/// What the partition makes small.
///
/// # Errors
/// An argument error.
pub fn objective(found: &str) -> Result<Objective, Diagnostic> {
    let named = Objective::ALL.into_iter().find(|objective| objective.name() == found);
    named.ok_or_else(|| word("objective", found, &Objective::ALL.map(Objective::name).join(", ")))
}

/// How networks are cut.
///
/// # Errors
/// An argument error.
pub fn method(found: &str, group: usize) -> Result<Method, Diagnostic> {
    match found {
        "auto" => Ok(Method::Auto),
        "tiles" => Ok(Method::Tiles),
        "hypergraph" => Ok(Method::Hypergraph { group }),
        other => Err(word("partitioner", other, "auto, tiles or hypergraph")),
    }
}

/// Whether the chip's delays hold in short loops.
fn feedback_chip(found: &str) -> Result<bool, Diagnostic> {
    match found {
        "model" => Ok(false),
        "chip" => Ok(true),
        other => Err(word("feedback", other, "model or chip")),
    }
}

/// Options of the rounding alone, for what does not depend on the mapping.
#[derive(FromPyObject)]
#[pyo3(from_item_all)]
pub struct Rounding {
    weights: Option<u32>,
    passes: Option<usize>,
    relays: bool,
    feedback: String,
}

impl Rounding {
    /// As the library takes them, with the mapping that is made soonest.
    ///
    /// # Errors
    /// An argument error for a word or number that is none of the option's.
    pub fn read(self) -> Result<CompileOptions, Diagnostic> {
        let mut options = CompileOptions::fewest_cores();
        options.lower.weight_bits = self.weights;
        options.lower.calibration = passes(self.passes)?;
        options.lower.no_relays = !self.relays;
        options.lower.feedback_chip = feedback_chip(&self.feedback)?;
        Ok(options)
    }
}

/// A number of recorded passes.
///
/// # Errors
/// An argument error for more than can be held.
pub fn passes(found: Option<usize>) -> Result<Option<usize>, Diagnostic> {
    match found.filter(|&passes| passes > PASSES_MAX) {
        None => Ok(found),
        Some(passes) => {
            let message = format!("{passes} passes, expected 0 to {PASSES_MAX}");
            Err(argument("passes", message, "they stay in memory"))
        }
    }
}

fn word(option: &str, found: &str, expected: &str) -> Diagnostic {
    argument(option, format!("found \"{found}\", expected {expected}"), "see `help(snnc.compile)`")
}
