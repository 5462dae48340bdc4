//! From the layer graph to the spiking IR. One pass a file; the order and its reasons are here.
//!
//! 1. [`fold`]: batch norm into the convolution before it, in f64. First, so that every later pass sees currents.
//! 2. [`collect`]: every firing layer and read-out with the float kernels that feed it. Constant (direct-coded)
//!    inputs become stages that the host computes once a pass and writes as biases.
//! 3. [`schedule`]: windows and delays, so that spikes of paths of different length meet.
//! 4. [`quantise`]: integers in the target's widths; thresholds carry each channel's scale.
//!
//! The result is verified by the driver. No pass looks at cores.

pub mod collect;
pub mod fold;
pub mod quantise;
pub mod schedule;

use indexmap::IndexMap;
use snnc_targets::entity::EntityMap;
use snnc_targets::{Code, Diagnostic, Diagnostics, Target};

use crate::frontend::LoadedModel;
use crate::frontend::model::PipelineSpec;
use crate::graph::Graph;
use crate::ir::NetworkId;
use crate::ir::spiking::{Generation, Model, Network, NeuronFormat, SpikingIr};

/// What each pass is called and does, in order; for `--help` and documentation.
pub const PASSES: [(&str, &str); 4] = [
    (fold::NAME, fold::DESCRIPTION),
    (collect::NAME, collect::DESCRIPTION),
    (schedule::NAME, schedule::DESCRIPTION),
    (quantise::NAME, quantise::DESCRIPTION),
];

/// Lowers the networks that run on the chip: denoiser and decoder of a generating model, else all.
///
/// # Errors
/// [`Code::Unsupported`], [`Code::Quantise`], [`Code::ModelInvalid`] or those of shape inference.
pub fn lower(model: &LoadedModel, target: &Target) -> Result<SpikingIr, Diagnostics> {
    let names: Vec<&String> = match &model.pipeline {
        Some(pipeline) => vec![&pipeline.denoiser, &pipeline.decoder],
        None => model.graphs.keys().collect(),
    };
    if !target.neuron.active_windows.get() {
        let message = "its cores update every population in every timestep, which would integrate biases outside the window";
        return Err(Diagnostic::new(Code::Unsupported, format!("target {}", target.name), message)
            .hint("only targets with `active_windows: (true, ...)` are supported")
            .into());
    }
    let mut ir = SpikingIr {
        model: Model {
            name: model.name.clone(),
            neuron: NeuronFormat::new(&target.neuron, target.synapses.weight_bits.get()),
            networks: EntityMap::new(),
            populations: EntityMap::new(),
            inputs: Vec::new(),
            readouts: Vec::new(),
            generation: None,
        },
        projections: EntityMap::new(),
    };
    let mut ids = IndexMap::new();
    for name in names {
        let graph = model.graphs.get(name).ok_or_else(|| {
            Diagnostic::new(Code::ModelInvalid, "pipeline", format!("no network is called \"{name}\""))
        })?;
        let ranges = model.pipeline.as_ref().and_then(|pipeline| input_ranges(pipeline, name));
        ids.insert(name.clone(), lower_network(&mut ir, graph, ranges.as_deref(), target)?);
    }
    ir.model.generation = model.pipeline.as_ref().map(|pipeline| generation(pipeline, &ids));
    Ok(ir)
}

fn lower_network(
    ir: &mut SpikingIr,
    graph: &Graph,
    ranges: Option<&[(f64, f64)]>,
    target: &Target,
) -> Result<NetworkId, Diagnostics> {
    let folded = fold::run(graph)?;
    let collected = collect::run(&folded)?;
    let schedule = schedule::run(&collected, target.synapses.delay_max.get())?;
    let network = ir.model.networks.push(Network {
        name: graph.name.clone(),
        timesteps: graph.timesteps as u32,
        pass_steps: schedule.pass_steps,
    });
    quantise::run(ir, network, &collected, &schedule, ranges, target)?;
    Ok(network)
}

/// Value ranges of a network's input channels, as the generation loop feeds them.
fn input_ranges(pipeline: &PipelineSpec, network: &str) -> Option<Vec<(f64, f64)>> {
    let tokens = (0.0, pipeline.mask as f64);
    if network == pipeline.denoiser {
        Some(vec![tokens, (1.0, pipeline.iterations as f64)])
    } else if network == pipeline.decoder {
        Some(vec![tokens])
    } else {
        None
    }
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
