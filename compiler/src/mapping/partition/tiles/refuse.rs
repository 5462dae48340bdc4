//! Why a layer does not fit, in words: layer, limit, use, remedy.

use std::ops::Range;

use snnc_targets::schema::{OutputAxonKind, WeightStorage};
use snnc_targets::{Code, Diagnostic, Diagnostics, Place, Target};

use super::axons::TileOutput;
use super::capacity::CoreCapacity;
use super::filled::FilledCores;
use super::layer::PartitionLayer;
use super::open_core::OpenCore;
use super::tile::{PopulationTile, TileCache};
use crate::ir::program::usage::{Limit, LimitExceeded};
use crate::ir::spiking::SpikingIr;

/// A neuron's input axons must fit one core, however its layer is cut.
///
/// # Errors
/// [`Code::DoesNotFit`], one for each layer.
pub fn fan_in(
    ir: &SpikingIr,
    target: &Target,
    capacity: &CoreCapacity,
    layers: &[PartitionLayer],
) -> Result<(), Diagnostics> {
    let mut problems = Diagnostics::default();
    // A layer without kernels takes no axon, or is irregular and looked at elsewhere.
    for layer in layers.iter().filter(|layer| !layer.cuts[0].1.is_empty()) {
        let least = |tile: PopulationTile| {
            channels(layer).map(move |one| tile.axons_least(&target.axons, &one)).max()
        };
        let used = positions(layer, target).filter_map(least).max().unwrap_or(0);
        if used > capacity.most.input_axons {
            let planes = match target.axons.planes() {
                1 => String::new(),
                planes => {
                    format!(" ({planes} bits of weight for each of {} sources)", used / u64::from(planes))
                }
            };
            let message = format!(
                "a single neuron needs {used} input axons{planes}, a core of {} has {}",
                target.name, capacity.most.input_axons
            );
            problems.push(
                Diagnostic::new(Code::DoesNotFit, place(ir, layer), message)
                    .hint(remedy(target, Limit::InputAxons)),
            );
        }
    }
    problems.into_result(())
}

/// The layer whatever the others do: what a single neuron of it uses of the limit that it exceeds.
pub fn own(
    ir: &SpikingIr,
    target: &Target,
    capacity: &CoreCapacity,
    layer: &PartitionLayer,
    fill: Option<&FilledCores>,
) -> Diagnostic {
    let mut problem = None;
    for tile in positions(layer, target) {
        let output = fill.map_or(TileOutput::silent(1), |fill| fill.output(capacity.axons, layer.id, &tile));
        for one in channels(layer) {
            let alone = || OpenCore::default().exceeds(capacity, layer, &tile, &output, &one);
            problem = problem.or_else(alone);
        }
    }
    match problem {
        Some(LimitExceeded { limit, used, most }) => {
            let message = format!(
                "a single neuron of this layer uses {used} {limit}, a core of {} has {most}",
                target.name
            );
            Diagnostic::new(Code::DoesNotFit, place(ir, layer), message).hint(remedy(target, limit))
        }
        None => {
            let message = format!("no tiling of {} fits a core of {}", layer.population.shape, target.name);
            Diagnostic::new(Code::DoesNotFit, place(ir, layer), message)
                .hint("split the layer's channels, or choose a target with larger cores")
        }
    }
}

/// Every plan breaks a limit of cores that already hold the layer's targets.
pub fn joint(ir: &SpikingIr, target: &Target, layer: &PartitionLayer, refusal: LimitExceeded) -> Diagnostic {
    let LimitExceeded { limit, used, most } = refusal;
    let message = format!(
        "every tiling tried exceeds the {limit} of {}: the best uses {used}, a core has {most}",
        target.name
    );
    Diagnostic::new(Code::DoesNotFit, place(ir, layer), message).hint(remedy(target, limit))
}

/// Channels to look at alone: one where all are alike, else each.
fn channels(layer: &PartitionLayer) -> impl Iterator<Item = Range<u32>> + use<> {
    let count = if layer.alike() { 1 } else { layer.channels() };
    (0..count).map(|c| c..c + 1)
}

/// The layer's positions as tiles of their own, kernels whole.
fn positions<'a>(layer: &'a PartitionLayer, target: &'a Target) -> impl Iterator<Item = PopulationTile> + 'a {
    let mut figures = TileCache::default();
    let shape = layer.population.shape;
    let all = (0..shape.height).flat_map(move |y| (0..shape.width).map(move |x| (y, x)));
    all.map(move |(y, x)| figures.tile(target, &layer.cuts[0].1, &(y..y + 1), &(x..x + 1)))
}

pub(super) fn place(ir: &SpikingIr, layer: &PartitionLayer) -> Place {
    ir.model.layer_place(layer.id)
}

pub(super) fn remedy(target: &Target, limit: Limit) -> &'static str {
    let copies = target.axons.output.get() == OutputAxonKind::NeuronCopies;
    let narrower = target.synapses.weight_storage.get() != WeightStorage::Fixed;
    match limit {
        Limit::InputAxons if target.axons.planes() > 1 => {
            "use fewer source channels, a smaller kernel or narrower weights (--weights); neurons for partial sums \
             would pass a threshold and change the result, so the fan-in is not split"
        }
        Limit::Neurons | Limit::OutputAxons if copies => {
            "use fewer target channels or narrower weights (--weights): a neuron has one target axon, so it is copied \
             for every further one"
        }
        Limit::Neurons if target.core.fan_in_merge.is_some() && narrower => {
            "use fewer source channels, a smaller kernel or narrower weights (--weights): fan-in is extended by \
             merging a core's neurons, and narrower weights leave more of them"
        }
        Limit::Neurons if target.core.fan_in_merge.is_some() => {
            "use fewer source channels or a smaller kernel: fan-in is extended by merging a core's neurons"
        }
        Limit::SynapseMemory if narrower => {
            "use fewer input channels, a smaller kernel or narrower weights (--weights)"
        }
        Limit::SynapseMemory => {
            "use fewer input channels or a smaller kernel; narrower weights take as much (weight_storage: Fixed)"
        }
        Limit::InputAxons => "use fewer source channels, a smaller kernel, or a target with population axons",
        Limit::OutputAxons => "use fewer target channels, or a target with population axons or larger cores",
        Limit::ThresholdProfiles => "use one threshold for more channels (fewer threshold profiles)",
        Limit::Neurons => "choose a target with larger cores",
    }
}
