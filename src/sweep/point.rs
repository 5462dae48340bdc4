//! Carrying out one point: compile, run, and keep what a row says.

use std::collections::BTreeSet;
use std::time::Instant;

use serde::{Deserialize, Serialize};
use snnc_simulator::workload::{Samples, Workload};
use snnc_targets::{Diagnostic, Diagnostics};

use super::lowered::SharedLowering;
use super::plan::{Choice, GivenSamples, Plan};
use crate::comparison::{self, ComparisonOptions};
use crate::mapping_files::MappingFiles;
use crate::outcome::RunCost;
use crate::program::Program;
use crate::report::data::{EnergyByComponent, Range};
use crate::samples::{self, Classification, SampleChoice};
use crate::session::{Session, SessionOptions};

/// What became of a point.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum PointOutcome {
    /// It ran.
    Done(Box<PointFigures>),
    /// It could not.
    Failed(PointFailure),
}

/// Figures of a point that ran.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PointFigures {
    /// Images or samples that were run.
    pub items: u64,
    /// Cores in use.
    pub cores_used: u64,
    /// Chips with a core in use.
    pub chips_used: u64,
    /// Chips powered.
    pub chips_present: u64,
    /// Synapse memory in use on all cores, bits.
    pub synapse_memory_used_bits: u64,
    /// Area of the chips powered, mm2, where the target says it.
    pub area_mm2: Option<f64>,
    /// Timesteps on the chip.
    pub timesteps: u64,
    /// Spikes.
    pub spikes: u64,
    /// Synaptic operations.
    pub synaptic_operations: u64,
    /// Packets sent.
    pub packets: u64,
    /// Links crossed by packets.
    pub hops: u64,
    /// Simulated seconds; absent without a time.
    pub time_s: Option<f64>,
    /// Joules.
    pub energy_j: f64,
    /// Joules at the lowest and highest energy constants.
    pub energy_range_j: Range,
    /// Joules by component.
    pub energy_by_component_j: EnergyByComponent,
    /// Share of right predictions; absent without labels.
    pub accuracy: Option<f64>,
    /// Mean KL divergence of the logits from those of the float reference, nats; of generating models, if asked for.
    pub kl_nats: Option<f64>,
    /// Share of samples with the float reference's prediction; if asked for.
    pub float_agreement: Option<f64>,
}

/// Why a point did not run: its first error.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PointFailure {
    /// For `snnc explain`.
    pub code: String,
    /// Layer, field or other place.
    pub place: String,
    /// What was found and expected.
    pub reason: String,
    /// What to do about it, if that is known.
    pub remedy: Option<String>,
    /// Further errors of the point.
    pub more: usize,
}

impl From<&Diagnostics> for PointFailure {
    fn from(problems: &Diagnostics) -> Self {
        let (first, rest) = problems.0.split_first().expect("an error has a diagnostic");
        Self {
            code: first.code.to_string(),
            place: first.place.to_string(),
            reason: first.message.clone(),
            remedy: first.hint.clone(),
            more: rest.len(),
        }
    }
}

/// Compiles and runs a point on the threads of whoever calls.
pub(super) fn carry_out(plan: &Plan, lowered: &SharedLowering, index: usize) -> PointOutcome {
    match figures(plan, lowered, &plan.points[index]) {
        Ok(figures) => PointOutcome::Done(Box::new(figures)),
        Err(problems) => PointOutcome::Failed(PointFailure::from(&problems)),
    }
}

fn figures(plan: &Plan, lowered: &SharedLowering, choice: &Choice) -> Result<PointFigures, Diagnostics> {
    let target = plan.targets[choice.target].target.as_ref().map_err(Clone::clone)?;
    let options = plan.compile_options(choice);
    let lowered = (lowered.of(target, options.lower)?, Instant::now());
    let program = plan.model.map_lowered(lowered, target, &options, &MappingFiles::default(), &())?;
    let running = SessionOptions { fidelity: plan.file.timing, ..SessionOptions::default() };
    let session = Session::new(&program, running)?;
    let passes = options.lower.passes(program.mapped().model.neuron.weight_bits) as u64;
    let (cost, quality) = match &plan.model.loaded().pipeline {
        Some(_) => images(plan, choice, (&program, passes), &session)?,
        None => fed(plan, choice, &program, &session)?,
    };
    let (mapped, t) = (program.mapped(), &cost.totals);
    let cores = || mapped.chip_cores().map(|(core, _)| core);
    let topology = mapped.topology();
    let chips: BTreeSet<u32> = cores().map(|core| topology.chip_of(mapped.sites[core])).collect();
    Ok(PointFigures {
        items: t.images.or(t.samples).unwrap_or(0),
        cores_used: cores().count() as u64,
        chips_used: chips.len() as u64,
        chips_present: topology.chips.into(),
        synapse_memory_used_bits: cores().map(|core| mapped.core_use(core).synapse_bits).sum(),
        area_mm2: mapped.target.area(topology.chips).and_then(|area| area.total_mm2),
        timesteps: t.timesteps,
        spikes: t.spikes,
        synaptic_operations: t.synaptic_operations,
        packets: t.packets,
        hops: t.hops,
        time_s: t.time_s,
        energy_j: t.energy_j,
        energy_range_j: cost.energy_range_j,
        energy_by_component_j: cost.energy_by_component_j,
        accuracy: quality.accuracy,
        kl_nats: quality.kl_nats,
        float_agreement: quality.float_agreement,
    })
}

/// Against labels and the float reference.
#[derive(Debug, Default)]
struct PointQuality {
    accuracy: Option<f64>,
    kl_nats: Option<f64>,
    float_agreement: Option<f64>,
}

fn images(
    plan: &Plan,
    choice: &Choice,
    (program, calibration_passes): (&Program, u64),
    session: &Session,
) -> Result<(RunCost, PointQuality), Diagnostics> {
    let (seed, images) = (plan.file.seed.unwrap_or(1), choice.items.unwrap_or(1));
    let cost = session.run(&program.generation(seed, images)?)?.cost();
    let mut quality = PointQuality::default();
    if plan.file.verify {
        let compared = ComparisonOptions { images, seed, calibration_passes };
        quality.kl_nats = Some(comparison::compare(&plan.model, program, compared, &())?.logits.kl);
    }
    Ok((cost, quality))
}

fn fed(
    plan: &Plan,
    choice: &Choice,
    program: &Program,
    session: &Session,
) -> Result<(RunCost, PointQuality), Diagnostics> {
    let (file, model) = (&plan.file, &program.mapped().model);
    let network = samples::network(model, file.network.as_deref())?;
    let asked =
        SampleChoice { path: file.input.as_deref(), dt: file.dt, most: choice.items, seed: file.seed };
    let (fed, labels) = match &plan.given {
        Some(GivenSamples { values, labels }) => {
            let fed = samples::of_values(model, network, values.clone(), asked)?;
            let labels =
                labels.as_ref().map(|labels| labels[..labels.len().min(fed.len() as usize)].to_vec());
            (fed, labels)
        }
        None => {
            let (fed, _) = samples::read(model, network, asked)?;
            let labels = file.labels.as_deref().map(|path| -> Result<Vec<usize>, Diagnostic> {
                let (_, readout) = Samples::shapes(model, network)?;
                samples::input::labels(path, fed.len() as usize, readout.len())
            });
            (fed, labels.transpose()?)
        }
    };
    let made = session.run(&fed)?;
    let cost = made.cost();
    let accuracy = |labels| Classification::new(&made.items, labels).accuracy();
    let mut quality = PointQuality { accuracy: labels.as_deref().map(accuracy), ..PointQuality::default() };
    if file.verify {
        let compared = comparison::compare_samples(&plan.model, program, &fed, labels.as_deref(), &())?;
        quality.float_agreement = Some(compared.predictions.agreement);
    }
    Ok((cost, quality))
}
