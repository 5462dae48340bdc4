//! Runs the stages in order and verifies after each: a stage cannot forget.

mod assemble;

use std::borrow::Cow;

use snnc_targets::{Code, Diagnostic, Diagnostics, Subject, Target};

use crate::frontend::LoadedModel;
use crate::ir::program::Program;
use crate::ir::spiking::{HostTail, SpikingIr, SpikingModel};
use crate::mapping::estimate::{Estimate, estimate};
use crate::mapping::observer::SeveralPieces;
use crate::mapping::partition::Rates;
use crate::mapping::partition::balance;
use crate::mapping::partition::search::{Objective, SearchOptions, candidates, cuts_cost};
use crate::mapping::place::PlaceOptions;
use crate::mapping::report::MappingReport;
use crate::mapping::traffic::CoreTraffic;
use crate::mapping::{Activity, MappingObserver, Partition, Placement, partition, place};
use crate::passes::pipeline::Lowered;
use crate::passes::{self, LowerOptions, pipeline};
use crate::workload::{self, Reconstruction, Workload};

pub use self::assemble::{assemble, partition_of, placement_of};
use self::assemble::{assemble_for_rates, has_neurons};

/// Choices of the compiler; the defaults are what `snnc compile` uses.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct CompileOptions {
    /// Rounding.
    pub lower: LowerOptions,
    /// Partition search.
    pub search: SearchOptions,
    /// Placement.
    pub place: PlaceOptions,
}

impl CompileOptions {
    /// The mapping on fewest cores, which is made soonest.
    pub fn fewest_cores() -> Self {
        Self { search: SearchOptions::default(), ..Self::default() }
    }
}

impl Default for CompileOptions {
    /// The fastest mapping on as few chips as hold the model.
    fn default() -> Self {
        let search = SearchOptions { objective: Objective::Time, ..SearchOptions::default() };
        Self { lower: LowerOptions::default(), search, place: PlaceOptions::default() }
    }
}

/// Lowers a model for a target, to be driven as its pipeline says or by samples.
///
/// # Errors
/// What the passes refuse, or what their verifiers find; [`Code::Argument`] if a calibration was asked
/// for that changes no integer.
pub fn lower(model: &LoadedModel, target: &Target, options: LowerOptions) -> Result<SpikingIr, Diagnostics> {
    lower_for(model, &*workload::of(model), target, options)
}

/// Lowers a model for a target and a workload.
///
/// # Errors
/// Those of [`lower`].
pub fn lower_for(
    model: &LoadedModel,
    workload: &dyn Workload,
    target: &Target,
    options: LowerOptions,
) -> Result<SpikingIr, Diagnostics> {
    Ok(lowered(model, workload, target, options)?.ir)
}

/// Lowers a model, and refuses recorded passes that change nothing.
fn lowered(
    model: &LoadedModel,
    workload: &dyn Workload,
    target: &Target,
    options: LowerOptions,
) -> Result<Lowered, Diagnostics> {
    let located = |problems| model.origin.locate(problems);
    let lowered = pipeline::lower(model, workload, target, options).map_err(located)?;
    let ir = &lowered.ir;
    if let Some(plain) = without_calibration(options)
        && pipeline::lower(model, workload, target, plain)?.ir == *ir
    {
        let bits = ir.model.neuron.weight_bits;
        let reason = workload.unrecorded().map_or_else(
            || format!("at {bits} bits all weights and biases are those of rounding without recorded inputs"),
            str::to_owned,
        );
        return Err(idle_calibration(options, &reason).into());
    }
    Ok(lowered)
}

/// What a pass makes of a model on its way to a target, for people.
///
/// # Errors
/// [`Code::Argument`] if no pass has this name; what the passes up to it refuse.
pub fn emit_after(
    model: &LoadedModel,
    target: &Target,
    options: LowerOptions,
    pass: &str,
) -> Result<String, Diagnostics> {
    emit_after_for(model, &*workload::of(model), target, options, pass)
}

/// What a pass makes of a model that a workload drives, for people.
///
/// # Errors
/// Those of [`emit_after`].
pub fn emit_after_for(
    model: &LoadedModel,
    workload: &dyn Workload,
    target: &Target,
    options: LowerOptions,
    pass: &str,
) -> Result<String, Diagnostics> {
    let text = pipeline::emit_after(pass, model, workload, target, options);
    text.map_err(|problems| model.origin.locate(problems))
}

/// The choices without the recorded passes that were asked for; `None` if none were.
fn without_calibration(options: LowerOptions) -> Option<LowerOptions> {
    let asked = options.calibration.is_some_and(|passes| passes > 0);
    asked.then_some(LowerOptions { calibration: Some(0), ..options })
}

/// Recorded passes that change no integer.
fn idle_calibration(options: LowerOptions, reason: &str) -> Diagnostic {
    let place = Subject::value("--calibrate", options.calibration.unwrap_or(0));
    Diagnostic::new(Code::Argument, place, format!("would change nothing: {reason}"))
        .hint("leave it out: weights are rounded alike either way")
}

/// What a user brings to the mapping: expected rates, and a partition or placement that is searched for where it is
/// missing.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct MappingInputs {
    /// Expected spikes.
    pub rates: Rates,
    /// When and where they are expected, if a run was recorded; else rates are spread evenly.
    pub activity: Option<Activity>,
    /// Another author's partition.
    pub partition: Option<Partition>,
    /// Another author's placement.
    pub placement: Option<Placement>,
}

impl MappingInputs {
    /// When and where spikes are expected.
    pub fn activity(&self, model: &SpikingModel) -> Cow<'_, Activity> {
        match &self.activity {
            Some(activity) => Cow::Borrowed(activity),
            None => Cow::Owned(Activity::even(model, &self.rates)),
        }
    }

    /// Expected spikes of a neuron: those given, else those of a recorded run.
    pub fn rates(&self, model: &SpikingModel) -> Rates {
        match &self.activity {
            Some(activity) if self.rates.is_uniform() => activity.rates(model),
            _ => self.rates.clone(),
        }
    }
}

/// Maps a spiking IR: partition, cores, placement.
///
/// # Errors
/// [`snnc_targets::Code::DoesNotFit`], or what a verifier finds.
pub fn map(ir: &SpikingIr, target: &Target, options: CompileOptions) -> Result<Program, Diagnostics> {
    map_with(ir, target, options, &MappingInputs::default())
}

/// Maps a spiking IR with rates, a partition or a placement that the user brings.
///
/// # Errors
/// [`snnc_targets::Code::DoesNotFit`], or what a verifier finds.
pub fn map_with(
    ir: &SpikingIr,
    target: &Target,
    options: CompileOptions,
    inputs: &MappingInputs,
) -> Result<Program, Diagnostics> {
    Ok(map_estimated(ir, target, options, inputs)?.0)
}

/// Partitions that are compared where the objective needs the placed cores.
const BUDGETS: usize = 6;

/// Maps as [`map_with`] does, and says what the mapping is expected to take.
///
/// # Errors
/// Those of [`map_with`].
pub fn map_estimated(
    ir: &SpikingIr,
    target: &Target,
    options: CompileOptions,
    inputs: &MappingInputs,
) -> Result<(Program, Option<Estimate>), Diagnostics> {
    map_observed(ir, target, options, inputs, &())
}

/// As [`map_estimated`]; the observer is told how far the mapping has come.
///
/// # Errors
/// Those of [`map_with`].
pub fn map_observed(
    ir: &SpikingIr,
    target: &Target,
    options: CompileOptions,
    inputs: &MappingInputs,
    observer: &dyn MappingObserver,
) -> Result<(Program, Option<Estimate>), Diagnostics> {
    let mut all = map_all(ir, target, options, inputs, BUDGETS, observer)?;
    let objective = options.search.objective;
    let known = |estimate: &Option<Estimate>, value: fn(&Estimate) -> f64| {
        estimate.as_ref().map_or(f64::INFINITY, value)
    };
    let key = |(program, estimate): &(Program, Option<Estimate>)| match objective {
        Objective::Time => known(estimate, |estimate| estimate.time_s),
        Objective::Energy => known(estimate, |estimate| estimate.energy_j),
        Objective::Edp => known(estimate, Estimate::edp_js),
        Objective::Cores => program.chip_cores().count() as f64,
        Objective::Packets => {
            CoreTraffic::expected(&program.cores, &inputs.rates(&ir.model)).packets() as f64
        }
        Objective::Traffic => crate::mapping::report::packet_hops(program, &inputs.rates(&ir.model)),
    };
    // The first of equals, which has the fewest cores.
    let best = (0..all.len()).min_by(|&a, &b| key(&all[a]).total_cmp(&key(&all[b]))).unwrap_or(0);
    Ok(all.swap_remove(best))
}

/// The objective of a mapping, and what is not searched for it, in sentences.
pub fn objective_of(
    ir: &SpikingIr,
    target: &Target,
    search: SearchOptions,
    inputs: &MappingInputs,
) -> (Objective, Vec<String>) {
    let exceptions = if inputs.partition.is_some() {
        vec!["the partition was given".into()]
    } else if target.layer_cores.is_some() {
        vec!["the cores of the chip hold a layer each, which leaves no choice".into()]
    } else {
        partition::search::exceptions(ir, search)
    };
    (search.objective, exceptions)
}

/// Maps on several shares of the cores at hand, fewest cores first: one for each of `budgets` where work is balanced.
/// The time of an objective that is about time alone is known before cores are placed, so there is one mapping then.
/// The observer is told how far the mapping has come.
///
/// # Errors
/// Those of [`map_with`].
pub fn map_all(
    ir: &SpikingIr,
    target: &Target,
    options: CompileOptions,
    inputs: &MappingInputs,
    budgets: usize,
    observer: &dyn MappingObserver,
) -> Result<Vec<(Program, Option<Estimate>)>, Diagnostics> {
    // What narrower weights take is the target's to say.
    has_neurons(ir, target)?;
    let target = &target.for_weight_bits(ir.model.neuron.weight_bits);
    let (rates, activity) = (inputs.rates(&ir.model), inputs.activity(&ir.model));
    let search = options.search;
    let networks = || ir.model.networks.keys();
    let (partitions, sites) = match (&inputs.partition, &target.layer_cores) {
        (Some(partition), _) => (vec![partition.clone()], None),
        (None, Some(layers)) => {
            let (partition, placement) = partition::layer_cores::assign(ir, target, layers)?;
            (vec![partition], Some(placement))
        }
        (None, None) => {
            let budgets = if search.objective == Objective::Time { 1 } else { budgets };
            let found = candidates(ir, target, (&rates, &activity), search, networks(), budgets, observer)?;
            let mut all: Vec<Partition> = found.into_iter().map(|found| found.partition).collect();
            let mut more = Vec::new();
            if matches!(search.objective, Objective::Energy | Objective::Edp | Objective::Traffic) {
                // Fewer packets may be worth more than even work.
                more.push((SearchOptions { objective: Objective::Packets, ..search }, 1));
            }
            if search.objective.balances() && cuts_cost(ir, target) {
                // A cut kernel has a spike sent once more for each part, which must pay for itself.
                let whole = |(search, budgets)| (SearchOptions { whole_kernels: true, ..search }, budgets);
                more.extend(more.clone().into_iter().map(whole));
                more.push(whole((search, budgets)));
            }
            for (search, budgets) in more {
                let found =
                    candidates(ir, target, (&rates, &activity), search, networks(), budgets, observer);
                all.extend(found.into_iter().flatten().map(|found| found.partition));
            }
            (all, None)
        }
    };
    let placing = SeveralPieces::new(partitions.len(), observer);
    let place = |traffic: &CoreTraffic, cores: usize| match inputs.placement.clone().or(sites.clone()) {
        Some(placement) => Ok(placement),
        None => Ok(place::place_observed(cores, traffic, target, options.place, &placing)?),
    };
    let mut all = Vec::new();
    observer.stage("placing", "moves");
    for partition in &partitions {
        let cores = partition.cores.len();
        let at_hand = balance::cores_at_hand(target, search, cores)?;
        let program = assemble_for_rates(ir, target, partition, &rates, |traffic| place(traffic, cores))?;
        if let Some(chips) = search.chips.filter(|&chips| chips < program.chips && inputs.placement.is_some())
        {
            let message = format!("the placement has {} chips, {chips} may be used", program.chips);
            return Err(Diagnostic::new(Code::DoesNotFit, Subject::argument("--chips"), message).into());
        }
        let estimate = estimate(&program, &activity, at_hand);
        all.push((program, estimate));
    }
    Ok(all)
}

/// Lowers and maps, with the mapping report.
///
/// # Errors
/// Those of [`lower`] and [`map`].
pub fn compile(
    model: &LoadedModel,
    target: &Target,
    options: CompileOptions,
) -> Result<(SpikingIr, Program, MappingReport), Diagnostics> {
    let ir = lower(model, target, options.lower)?;
    let inputs = MappingInputs::default();
    let (program, estimate) =
        map_estimated(&ir, target, options, &inputs).map_err(|problems| model.origin.locate(problems))?;
    let report = MappingReport::new(&ir, &program, &Rates::default())
        .with_estimate(objective_of(&ir, target, options.search, &inputs), estimate);
    Ok((ir, program, report))
}

/// Lowers and maps encoder and decoder, with what the host makes of the encoder's read-outs.
///
/// # Errors
/// Those of [`lower`] and [`map`]; [`Code::ModelInvalid`] without an encoder.
pub fn compile_reconstruction(
    model: &LoadedModel,
    target: &Target,
    options: CompileOptions,
) -> Result<(Program, HostTail), Diagnostics> {
    compile_reconstruction_observed(model, target, options, &())
}

/// As [`compile_reconstruction`]; the observer is told how far the mapping has come.
///
/// # Errors
/// Those of [`compile_reconstruction`].
pub fn compile_reconstruction_observed(
    model: &LoadedModel,
    target: &Target,
    options: CompileOptions,
    observer: &dyn MappingObserver,
) -> Result<(Program, HostTail), Diagnostics> {
    let located = |problems| model.origin.locate(problems);
    let workload = Reconstruction::new(model)?;
    let Lowered { ir, mut host_tails } = lowered(model, &workload, target, options.lower)?;
    let encoder = workload.encoder();
    let without_tail =
        || located(passes::unsupported(encoder, encoder, "its last layer must be a nearest code").into());
    let tail = host_tails.pop().ok_or_else(without_tail)?;
    let mapped = map_observed(&ir, target, options, &MappingInputs::default(), observer);
    Ok((mapped.map_err(located)?.0, tail))
}
