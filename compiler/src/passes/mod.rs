//! From the layer graph to the spiking IR. One pass a file; the order and its reasons are here.
//!
//! 0. [`linear`]: linear layers become convolutions, so that no later pass knows them.
//! 1. [`fold`]: batch norm into the convolution before it, in f64. First, so that every later pass sees currents.
//!    [`host_tail`]: where the workload says so, what follows the read-outs goes to the host.
//! 2. [`collect`]: every firing layer and read-out with the float kernels that feed it. Constant (direct-coded)
//!    inputs become stages that the host computes once a pass and writes as biases.
//! 3. [`schedule`]: windows and delays, so that spikes of paths of different length meet.
//! 4. [`quantise`]: integers in the target's widths; thresholds carry each channel's scale.
//!
//! The result is verified by the driver. No pass looks at cores.

pub mod calibrate;
pub mod collect;
pub mod fold;
pub mod host_tail;
pub mod linear;
pub mod quantise;
pub mod schedule;

use indexmap::IndexMap;
use snnc_targets::entity::EntityMap;
use snnc_targets::{Code, Diagnostic, Diagnostics, Target};

use crate::frontend::LoadedModel;
use crate::graph::Graph;
use crate::ir::NetworkId;
use crate::ir::spiking::{HostTail, Model, Network, NeuronFormat, SpikingIr};
use crate::workload::{self, Workload};

/// What each pass is called and does, in order; for documentation.
pub const PASSES: [(&str, &str); 6] = [
    (linear::NAME, linear::DESCRIPTION),
    (fold::NAME, fold::DESCRIPTION),
    (host_tail::NAME, host_tail::DESCRIPTION),
    (collect::NAME, collect::DESCRIPTION),
    (schedule::NAME, schedule::DESCRIPTION),
    (quantise::NAME, quantise::DESCRIPTION),
];

/// Choices of the lowering.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct LowerOptions {
    /// Weight bits, at most the target's; `None` for the target's.
    pub weight_bits: Option<u32>,
    /// Passes that the workload records before rounding; 0 keeps sums of weights instead. `None`: 16 below 8
    /// bits, else 0.
    pub calibration: Option<usize>,
}

/// Passes recorded for coarse weights, if nothing else is asked for.
const COARSE_CALIBRATION: usize = 16;
/// Bits from which on plain rounding is good enough to be the default.
const FINE_BITS: u32 = 8;

/// Lowers the networks that a workload runs on the chip.
///
/// # Errors
/// [`Code::Unsupported`], [`Code::Quantise`], [`Code::ModelInvalid`] or those of shape inference.
pub fn lower(
    model: &LoadedModel,
    workload: &dyn Workload,
    target: &Target,
    options: LowerOptions,
) -> Result<SpikingIr, Diagnostics> {
    if !target.neuron.active_windows.get() {
        let message = "its cores update every population in every timestep, which would integrate biases outside the window";
        return Err(Diagnostic::new(Code::Unsupported, format!("target {}", target.name), message)
            .hint("only targets with `active_windows: (true, ...)` are supported")
            .into());
    }
    let mut ir = SpikingIr {
        model: Model {
            name: model.name.clone(),
            neuron: NeuronFormat::new(&target.neuron, weight_bits(target, options)?),
            networks: EntityMap::new(),
            populations: EntityMap::new(),
            inputs: Vec::new(),
            readouts: Vec::new(),
            workload: None,
        },
        projections: EntityMap::new(),
    };
    let mut ids = IndexMap::new();
    let mut problems = Diagnostics::default();
    let mut recorder = workload.recorder(options.passes(ir.model.neuron.weight_bits));
    for name in workload.networks() {
        let folded = match neurons(model, workload, name) {
            Ok(folded) => folded,
            // The networks are independent, so each can say what it lacks.
            Err(found) => {
                problems.0.extend(found.0);
                continue;
            }
        };
        let graph = &model.graphs[name];
        let ranges = workload.input_ranges(graph);
        let recorded = recorder.record(name, &folded);
        match lower_network(&mut ir, graph, &folded, ranges.as_deref(), &recorded, target) {
            Ok(id) => drop(ids.insert(name.to_owned(), id)),
            Err(found) => problems.0.extend(found.0),
        }
    }
    problems.into_result(())?;
    ir.model.workload = workload.spec(&ids);
    Ok(ir)
}

/// Finds what no target's chip could run, in all networks: the passes that know no target.
///
/// # Errors
/// [`Code::Unsupported`], or those of shape inference, each with its line of the model file.
pub fn check(model: &LoadedModel) -> Result<(), Diagnostics> {
    let workload = workload::of(model);
    let mut problems = Diagnostics::default();
    for name in workload.networks() {
        problems.0.extend(neurons(model, &*workload, name).err().unwrap_or_default().0);
    }
    model.origin.locate(problems).into_result(())
}

/// A network's neurons, whatever the target.
fn neurons(
    model: &LoadedModel,
    workload: &dyn Workload,
    name: &str,
) -> Result<collect::Collected, Diagnostics> {
    let graph = model.graphs.get(name).ok_or_else(|| {
        Diagnostic::new(Code::ModelInvalid, "pipeline", format!("no network is called \"{name}\""))
    })?;
    let mut folded = fold::run(&linear::run(graph)?)?;
    if workload.has_host_tail(name) {
        folded = host_tail::run(&folded)?.0;
    }
    collect::run(&folded)
}

/// What the host computes behind the read-outs of a lowered network.
///
/// # Errors
/// [`Code::Unsupported`] for a network without such a tail.
pub fn tail(model: &LoadedModel, name: &str, ir: &SpikingIr) -> Result<HostTail, Diagnostics> {
    let tail = host_tail::run(&model.graphs[name])?.1;
    let network = ir.model.networks.iter().find(|(_, network)| network.name == name);
    let resolved = tail.zip(network).and_then(|(tail, (id, _))| tail.resolve(&ir.model, id));
    Ok(resolved.ok_or_else(|| unsupported(name, name, "its last layer must be a nearest code"))?)
}

fn lower_network(
    ir: &mut SpikingIr,
    graph: &Graph,
    collected: &collect::Collected,
    ranges: Option<&[(f64, f64)]>,
    recorded: &[calibrate::Pass],
    target: &Target,
) -> Result<NetworkId, Diagnostics> {
    let schedule = schedule::run(collected, target.synapses.delay_max.get())?;
    let network = ir.model.networks.push(Network {
        name: graph.name.clone(),
        timesteps: graph.timesteps as u32,
        pass_steps: schedule.pass_steps,
    });
    quantise::run(ir, network, collected, &schedule, ranges, recorded, target)?;
    Ok(network)
}

impl LowerOptions {
    /// Recorded passes for weights of so many bits.
    pub fn passes(&self, weight_bits: u32) -> usize {
        let default = if weight_bits < FINE_BITS { COARSE_CALIBRATION } else { 0 };
        self.calibration.unwrap_or(default)
    }
}

/// The target's weight bits, or fewer if asked for.
fn weight_bits(target: &Target, options: LowerOptions) -> Result<u32, Diagnostic> {
    let most = target.synapses.weight_bits.get();
    match options.weight_bits {
        Some(bits) if !(1..=most).contains(&bits) => {
            let message = format!("the weights of {} have 1 to {most} bits", target.name);
            Err(Diagnostic::new(Code::Argument, format!("--weights {bits}"), message))
        }
        bits => Ok(bits.unwrap_or(most)),
    }
}

/// [`Code::Unsupported`] for a layer.
fn unsupported(graph: &str, layer: &str, message: impl Into<String>) -> Diagnostic {
    Diagnostic::new(Code::Unsupported, format!("layer {graph}.{layer}"), message)
        .hint("the float reference runs this network; the chip cannot yet")
}
