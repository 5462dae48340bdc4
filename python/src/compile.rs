//! Options of the compiler as Python gives them: words and numbers of the command line.

use std::path::PathBuf;

use pyo3::prelude::*;
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
    partition_network: Option<String>,
    placement: Option<PathBuf>,
}

impl Options {
    /// As the library takes them.
    ///
    /// # Errors
    /// An argument error for a word or number that is none of the option's.
    pub fn read(self) -> Result<(CompileOptions, MappingFiles), Diagnostic> {
        if let Some(passes) = self.passes.filter(|&passes| passes > PASSES_MAX) {
            let message = format!("{passes} passes, expected 0 to {PASSES_MAX}");
            return Err(argument("passes", message, "they stay in memory"));
        }
        let mut options = CompileOptions::default();
        options.lower.weight_bits = self.weights;
        options.lower.calibration = self.passes;
        options.lower.no_relays = !self.relays;
        options.lower.feedback_chip = match self.feedback.as_str() {
            "model" => false,
            "chip" => true,
            other => return Err(word("feedback", other, "model or chip")),
        };
        let effort = self.effort.parse().map_err(|message: String| {
            argument("effort", message, "budgets are counted in steps, never in seconds")
        })?;
        let named = Objective::ALL.into_iter().find(|objective| objective.name() == self.objective);
        let objective = named.ok_or_else(|| {
            word("objective", &self.objective, &Objective::ALL.map(Objective::name).join(", "))
        })?;
        for (option, most) in [("cores", self.cores), ("chips", self.chips)] {
            if most == Some(0) {
                return Err(argument(option, "0, expected 1 or more", "leave it out for no bound"));
            }
        }
        let method = match self.partitioner.as_str() {
            "auto" => Method::Auto,
            "tiles" => Method::Tiles,
            "hypergraph" => Method::Hypergraph { group: self.group },
            other => return Err(word("partitioner", other, "auto, tiles or hypergraph")),
        };
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
            network: self.partition_network,
            group: self.group,
            placement: self.placement,
            ..MappingFiles::default()
        };
        Ok((options, files))
    }
}

fn word(option: &str, found: &str, expected: &str) -> Diagnostic {
    argument(option, format!("found \"{found}\", expected {expected}"), "see `help(snnc.compile)`")
}
