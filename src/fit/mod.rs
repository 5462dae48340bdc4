//! Which targets hold a model: every one compiled, side by side, with what binds or what stands in the way.
//!
//! Compiles with the compiler's own passes and verifiers, so "fits" means that a verified program was made. Weights are
//! rounded without calibration, which changes their values, not what they take; cores are placed with little effort.
//! Nothing stops at a target's error. Where a target's neurons have no fractional leak, the model is mapped once more
//! as if they had one, so that its limits are named too.

pub mod objectives;
mod text;

use rayon::prelude::*;
use serde::Serialize;
use snnc_compiler::driver::{self, CompileOptions};
use snnc_compiler::frontend::LoadedModel;
use snnc_compiler::ir::program::layer_cores::LayerDemand;
use snnc_compiler::ir::program::usage::Limit;
use snnc_compiler::ir::program::{Program, Slice};
use snnc_compiler::ir::spiking::SpikingIr;
use snnc_compiler::mapping::effort::Effort;
use snnc_compiler::mapping::partition::search::Objective;
use snnc_targets::{Code, Diagnostics, Target};

use crate::progress::Progress;
use crate::warnings::{self, Warning};

/// All targets.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Fit {
    /// Name of the model.
    pub model: String,
    /// One a target, in the order asked for.
    pub targets: Vec<TargetFit>,
}

/// One target.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct TargetFit {
    /// Name of the target.
    pub target: String,
    /// Whether a verified program was made.
    pub fits: bool,
    /// Bits of a weight.
    pub weight_bits: u32,
    /// How it was mapped; without the leak if that is all that stands in the way.
    pub mapping: Option<FittedMapping>,
    /// Why not.
    pub problems: Vec<Warning>,
    /// What may go wrong although it fits.
    pub warnings: Vec<Warning>,
}

/// What a mapping takes.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct FittedMapping {
    /// Cores in use.
    pub cores: usize,
    /// Chips present.
    pub chips: u32,
    /// The limit of which some core uses the largest share.
    pub binding: Binding,
}

/// The use of a limit by the core that uses most of it.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Binding {
    /// Which limit.
    pub limit: String,
    /// Use.
    pub used: u64,
    /// What a core has.
    pub of: u64,
}

impl Binding {
    /// Share of the limit in percent.
    pub fn percent(&self) -> f64 {
        self.used as f64 / self.of.max(1) as f64 * 100.0
    }
}

/// Compiles a model for every target; steps of the progress are targets.
pub fn fit(model: &LoadedModel, targets: &[Target], options: CompileOptions, progress: &dyn Progress) -> Fit {
    let mut options = options;
    options.lower.calibration = Some(0);
    // The question is what holds the model.
    options.search.objective = Objective::Cores;
    // Where cores sit changes no limit.
    options.place.effort = Effort::Fast;
    progress.begin(targets.len() as u64);
    let one = |target| {
        let row = row(model, target, options);
        progress.advance(1);
        row
    };
    let rows = targets.par_iter().map(one).collect();
    Fit { model: model.name.clone(), targets: rows }
}

fn row(model: &LoadedModel, target: &Target, options: CompileOptions) -> TargetFit {
    let mut problems = Vec::new();
    let mut note = |found: &Diagnostics| problems.extend(found.0.iter().map(Warning::from));
    let mut warnings = Vec::new();
    let mapping = match compiled(model, target, options) {
        Ok((mapping, found)) => {
            warnings = found;
            Some(mapping)
        }
        Err(found) => {
            note(&found);
            let leak = target.neuron.decay_bits.get() == 0 && found.codes().contains(&Code::Quantise);
            let without = leak.then(|| compiled(model, &with_leak(target), options));
            without.and_then(|again| again.map_err(|found| note(&found)).ok()).map(|(mapping, _)| mapping)
        }
    };
    TargetFit {
        target: target.name.clone(),
        fits: problems.is_empty(),
        weight_bits: options.lower.weight_bits.unwrap_or(target.synapses.weight_bits.get()),
        mapping,
        problems,
        warnings,
    }
}

/// The target as if its neurons had a fractional leak.
fn with_leak(target: &Target) -> Target {
    let mut target = target.clone();
    target.neuron.decay_bits.0 = 12;
    target
}

fn compiled(
    model: &LoadedModel,
    target: &Target,
    options: CompileOptions,
) -> Result<(FittedMapping, Vec<Warning>), Diagnostics> {
    let ir = driver::lower(model, target, options.lower)?;
    let program = driver::map(&ir, target, options).map_err(|found| model.origin.locate(found))?;
    let uses = if program.target.layer_cores.is_some() {
        layer_core_uses(&ir, &program)
    } else {
        core_uses(&program)
    };
    // The first of equals, so that the answer does not depend on the order of cores.
    let larger = |a: Binding, b: Binding| {
        let (left, right) = (u128::from(a.used) * u128::from(b.of), u128::from(b.used) * u128::from(a.of));
        if right > left { b } else { a }
    };
    let none = Binding { limit: "none".into(), used: 0, of: 1 };
    let binding = uses.into_iter().reduce(larger).unwrap_or(none);
    let mapping = FittedMapping { cores: program.chip_cores().count(), chips: program.chips, binding };
    Ok((mapping, warnings::of(&ir.warnings())))
}

/// Every core's use of every limit.
fn core_uses(program: &Program) -> Vec<Binding> {
    let mut all = Vec::new();
    for limit in Limit::ALL {
        let Some(of) = limit.of(&program.target) else { continue };
        let used = program.chip_cores().map(|(core, _)| program.core_use(core).get(limit)).max().unwrap_or(0);
        all.push(Binding { limit: limit.to_string(), used, of });
    }
    all
}

/// The memories of cores that take one layer each.
fn layer_core_uses(ir: &SpikingIr, program: &Program) -> Vec<Binding> {
    let Some(layers) = &program.target.layer_cores else { return Vec::new() };
    let mut all = Vec::new();
    for (core, &site) in program.sites.iter() {
        let slice: Option<&Slice> = program.cores[core].slices.first().map(|placed| &placed.slice);
        let (Some(slice), Some(has)) = (slice, layers.cores.0.get(site.0 as usize)) else { continue };
        let demand = LayerDemand::new(ir, slice.population);
        let words = [
            ("kernel words", demand.kernel_words, has.kernel_words),
            ("neuron words", demand.neuron_words, has.neuron_words),
        ];
        all.extend(words.map(|(limit, used, of)| Binding { limit: limit.into(), used, of: of.into() }));
    }
    all
}
