//! From the layer graph to the spiking IR. One pass a file; the order and its reasons are here.
//!
//! 1. [`encoding`]: of an encoder, mixing and nearest code go to the host.
//! 2. [`collect`]: every firing layer and read-out with the float kernels that feed it; what is between them is folded
//!    in. Constant (direct-coded) inputs become stages that the host computes once a pass and writes as biases.
//! 3. [`schedule`]: windows and delays, so that spikes of paths of different length meet.
//! 4. [`quantise`]: integers in the target's widths; thresholds carry each channel's scale.
//!
//! The result is verified by the driver. No pass looks at cores.

pub mod calibrate;
pub mod collect;
pub mod encoding;
pub mod quantise;
pub mod schedule;

use indexmap::IndexMap;
use snnc_targets::entity::EntityMap;
use snnc_targets::{Code, Diagnostic, Diagnostics, Target};

use crate::frontend::LoadedModel;
use crate::frontend::model::PipelineSpec;
use crate::graph::{Graph, Op};
use crate::ir::NetworkId;
use crate::ir::spiking::{Encoding, Generation, Model, Network, NeuronFormat, SpikingIr};
use crate::layers::Input;

/// What each pass is called and does, in order; for documentation.
pub const PASSES: [(&str, &str); 4] = [
    (encoding::NAME, encoding::DESCRIPTION),
    (collect::NAME, collect::DESCRIPTION),
    (schedule::NAME, schedule::DESCRIPTION),
    (quantise::NAME, quantise::DESCRIPTION),
];

/// Choices of the lowering.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct LowerOptions {
    /// Weight bits, at most the target's; `None` for the target's.
    pub weight_bits: Option<u32>,
    /// Denoiser passes that are recorded before rounding; 0 keeps sums of weights instead. `None`: 16 below 8
    /// bits, else 0.
    pub calibration: Option<usize>,
}

/// Passes recorded for coarse weights, if nothing else is asked for.
const COARSE_CALIBRATION: usize = 16;
/// Bits from which on plain rounding is good enough to be the default.
const FINE_BITS: u32 = 8;

/// Lowers the networks that run on the chip: denoiser and decoder of a generating model, else all.
///
/// # Errors
/// [`Code::Unsupported`], [`Code::Quantise`], [`Code::ModelInvalid`] or those of shape inference.
pub fn lower(model: &LoadedModel, target: &Target, options: LowerOptions) -> Result<SpikingIr, Diagnostics> {
    let (mut ir, ids) = lower_networks(model, &on_chip(model), target, options)?;
    ir.model.generation = model.pipeline.as_ref().map(|pipeline| generation(pipeline, &ids));
    Ok(ir)
}

/// Finds what no target's chip could run, in all networks: the passes that know no target.
///
/// # Errors
/// [`Code::Unsupported`], or those of shape inference, each with its line of the model file.
pub fn check(model: &LoadedModel) -> Result<(), Diagnostics> {
    let mut problems = Diagnostics::default();
    for name in on_chip(model) {
        problems.0.extend(neurons(model, name).err().unwrap_or_default().0);
    }
    model.origin.locate(problems).into_result(())
}

/// Networks that run on the chip.
fn on_chip(model: &LoadedModel) -> Vec<&String> {
    match &model.pipeline {
        Some(pipeline) => vec![&pipeline.denoiser, &pipeline.decoder],
        None => model.graphs.keys().collect(),
    }
}

/// A network's neurons, whatever the target.
fn neurons(model: &LoadedModel, name: &String) -> Result<collect::Collected, Diagnostics> {
    let graph = model.graphs.get(name).ok_or_else(|| {
        Diagnostic::new(Code::ModelInvalid, "pipeline", format!("no network is called \"{name}\""))
    })?;
    if model.pipeline.as_ref().is_some_and(|p| p.encoder.as_ref() == Some(name)) {
        return collect::run(&encoding::run(graph)?.0);
    }
    collect::run(graph)
}

/// Lowers encoder and decoder of a model whose pipeline has an encoder; with what the host makes of the read-outs.
///
/// # Errors
/// As [`lower`]; [`Code::ModelInvalid`] without an encoder.
pub fn lower_codec(
    model: &LoadedModel,
    target: &Target,
    options: LowerOptions,
) -> Result<(SpikingIr, Encoding), Diagnostics> {
    let named = model.pipeline.as_ref().and_then(|p| Some((p.encoder.as_ref()?, &p.decoder)));
    let Some((encoder, decoder)) = named else {
        let message = "the pipeline names no encoder, so there is nothing to reconstruct with";
        return Err(Diagnostic::new(Code::ModelInvalid, format!("model {}", model.name), message)
            .hint("add `encoder: Some(\"...\")` to the pipeline")
            .into());
    };
    let (ir, ids) = lower_networks(model, &[encoder, decoder], target, options)?;
    let tail = encoding::run(&model.graphs[encoder])?.1;
    let resolved = tail.and_then(|tail| tail.resolve(&ir.model, ids[encoder]));
    let encoding =
        resolved.ok_or_else(|| unsupported(encoder, encoder, "an encoder must end in a nearest code"))?;
    Ok((ir, encoding))
}

fn lower_networks(
    model: &LoadedModel,
    names: &[&String],
    target: &Target,
    options: LowerOptions,
) -> Result<(SpikingIr, IndexMap<String, NetworkId>), Diagnostics> {
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
            generation: None,
        },
        projections: EntityMap::new(),
    };
    let mut ids = IndexMap::new();
    let mut problems = Diagnostics::default();
    let mut finished = Vec::new();
    let passes = options.passes(ir.model.neuron.weight_bits);
    for &name in names {
        let folded = match neurons(model, name) {
            Ok(folded) => folded,
            // The networks are independent, so each can say what it lacks.
            Err(found) => {
                problems.0.extend(found.0);
                continue;
            }
        };
        let graph = &model.graphs[name];
        let ranges = match &model.pipeline {
            Some(pipeline) => input_ranges(pipeline, name),
            None => Some(plain_ranges(graph)),
        };
        let recorded = record(model.pipeline.as_ref(), name, &folded, passes, &mut finished);
        match lower_network(&mut ir, graph, &folded, ranges.as_deref(), &recorded, target) {
            Ok(id) => drop(ids.insert(name.clone(), id)),
            Err(found) => problems.0.extend(found.0),
        }
    }
    problems.into_result((ir, ids))
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

/// Records a network of the generation loop; the denoiser leaves finished grids for the decoder.
fn record(
    pipeline: Option<&PipelineSpec>,
    name: &str,
    network: &collect::Collected,
    passes: usize,
    finished: &mut Vec<Vec<f64>>,
) -> Vec<calibrate::Pass> {
    let Some(pipeline) = pipeline.filter(|_| passes > 0) else { return Vec::new() };
    if name == pipeline.denoiser {
        let (recorded, grids) = calibrate::denoiser(network, pipeline, passes);
        *finished = grids;
        recorded
    } else if name == pipeline.decoder {
        calibrate::decoder(network, finished)
    } else {
        Vec::new()
    }
}

/// Value ranges of a network's input channels, as the generation loop feeds them.
fn input_ranges(pipeline: &PipelineSpec, network: &str) -> Option<Vec<(f64, f64)>> {
    let tokens = (0.0, pipeline.mask as f64);
    if network == pipeline.denoiser {
        Some(vec![tokens, (1.0, pipeline.iterations as f64)])
    } else if network == pipeline.decoder {
        Some(vec![tokens])
    } else if Some(network) == pipeline.encoder.as_deref() {
        // Pixels / 255 - 0.5; as many channels as the picture may have.
        Some(vec![(-0.5, 0.5); 4])
    } else {
        None
    }
}

/// Value ranges of the input channels of a network that no pipeline feeds: -1 to 1, as normalised data is. What lies
/// outside is written as far as the biases reach, clipped and counted beyond.
fn plain_ranges(graph: &Graph) -> Vec<(f64, f64)> {
    let channels = graph.net.node_weights().find_map(|layer| match layer.op {
        Op::Input(Input { shape }) => Some(shape.channels),
        _ => None,
    });
    vec![(-1.0, 1.0); channels.unwrap_or(0)]
}

fn generation(pipeline: &PipelineSpec, ids: &IndexMap<String, NetworkId>) -> Generation {
    Generation {
        rows: pipeline.latent.0,
        columns: pipeline.latent.1,
        mask: pipeline.mask,
        iterations: pipeline.iterations,
        temperature: pipeline.temperature,
        denoiser: ids[&pipeline.denoiser],
        decoder: ids[&pipeline.decoder],
    }
}

/// [`Code::Unsupported`] for a layer.
fn unsupported(graph: &str, layer: &str, message: impl Into<String>) -> Diagnostic {
    Diagnostic::new(Code::Unsupported, format!("layer {graph}.{layer}"), message)
        .hint("the float reference runs this network; the chip cannot yet")
}
