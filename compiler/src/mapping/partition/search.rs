//! One tiling a population, chosen jointly under all limits: beam search from the outputs to the inputs.
//!
//! A population's tiling sets the output axons of its sources, so targets come first. A state is a choice for all
//! populations seen so far; the `beam` states with the fewest cores, then packets, go on. Deterministic: candidates
//! are ordered and ties keep their order.

use std::collections::BTreeMap;

use snnc_targets::{Code, Diagnostic, Diagnostics, Target};

use super::Partition;
use super::cost::{AxisFigures, own_use};
use super::tiling::{Tiling, useful_counts};
use crate::ir::program::usage::Limit;
use crate::ir::spiking::{Population, Projection, SpikingIr};
use crate::ir::{NetworkId, PopulationId};

/// How hard to search.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SearchOptions {
    /// States kept after each population.
    pub beam: usize,
    /// Channel counts kept for each spatial tiling, fewest cores first.
    pub channel_counts: usize,
    /// Fewer neurons a core than the target allows: other legal mappings of the same network.
    pub neurons_max: Option<u32>,
}

impl Default for SearchOptions {
    fn default() -> Self {
        Self { beam: 256, channel_counts: 3, neurons_max: None }
    }
}

/// A partial choice.
#[derive(Debug, Clone, Default)]
struct State {
    tilings: BTreeMap<PopulationId, Tiling>,
    input_axons: BTreeMap<PopulationId, u64>,
    cores: u64,
    packets: u64,
}

/// The joint limit that refused the most promising choice of a population.
#[derive(Debug, Clone, Copy)]
struct Refusal {
    limit: Limit,
    used: u64,
    most: u64,
}

/// Searches a partition of every network.
///
/// # Errors
/// [`Code::DoesNotFit`] with layer, limit, use and a remedy.
pub fn search(ir: &SpikingIr, target: &Target, options: SearchOptions) -> Result<Partition, Diagnostics> {
    let mut partition = Partition::default();
    for network in ir.model.networks.keys() {
        fan_in_fits(ir, target, network)?;
        // The quick search leaves out many narrow tiles; they are tried before the model is refused.
        let wide = SearchOptions { beam: options.beam * 4, channel_counts: usize::MAX, ..options };
        let found = search_network(ir, target, options, network)
            .or_else(|_| search_network(ir, target, wide, network))?;
        for (population, tiling) in found {
            for slice in tiling.slices(population, ir.model.populations[population].shape) {
                partition.cores.push(vec![slice]);
            }
        }
    }
    Ok(partition)
}

/// A neuron's input axons must fit one core, however its layer is cut.
fn fan_in_fits(ir: &SpikingIr, target: &Target, network: NetworkId) -> Result<(), Diagnostics> {
    let mut figures = AxisFigures::default();
    let whole = Tiling { channels: 1, rows: 1, cols: 1 };
    let most = u64::from(target.core.input_axons.get());
    let mut problems = Diagnostics::default();
    for (id, population) in ir.model.populations_of(network) {
        let shape = population.shape;
        let finest = Tiling { channels: shape.channels, rows: shape.height, cols: shape.width };
        let incoming = ir.projections.values().filter(|p| p.target == id);
        let used: u64 = incoming.map(|p| figures.input_axons(target, p, whole, finest)).sum();
        if used > most {
            let place = format!("layer {}", ir.model.layer_name(id));
            let message =
                format!("a single neuron needs {used} input axons, a core of {} has {most}", target.name);
            problems.push(Diagnostic::new(Code::DoesNotFit, place, message).hint(remedy(Limit::InputAxons)));
        }
    }
    problems.into_result(())
}

fn search_network(
    ir: &SpikingIr,
    target: &Target,
    options: SearchOptions,
    network: NetworkId,
) -> Result<BTreeMap<PopulationId, Tiling>, Diagnostics> {
    let mut figures = AxisFigures::default();
    let mut states = vec![State::default()];
    let mut order: Vec<_> = ir.model.populations_of(network).collect();
    order.reverse();
    for (id, population) in order {
        let candidates = candidates(ir, target, options, id, population)?;
        let mut refused: Option<Refusal> = None;
        let mut next = Vec::new();
        for state in &states {
            for &tiling in &candidates {
                match extend(ir, target, &mut figures, state, id, tiling) {
                    Ok(state) => next.push(state),
                    Err(refusal) => {
                        let better = refused.is_none_or(|r| refusal.used * r.most < r.used * refusal.most);
                        refused = if better { Some(refusal) } else { refused };
                    }
                }
            }
        }
        next.sort_by_key(|state| (state.cores, state.packets));
        next.truncate(options.beam);
        if let (true, Some(refusal)) = (next.is_empty(), refused) {
            return Err(joint_error(ir, target, id, refusal).into());
        }
        states = next;
    }
    // Every population had a candidate, so a state is left.
    Ok(states.into_iter().next().map(|state| state.tilings).unwrap_or_default())
}

/// Tilings of a population that respect the limits which do not depend on other populations.
fn candidates(
    ir: &SpikingIr,
    target: &Target,
    options: SearchOptions,
    id: PopulationId,
    population: &Population,
) -> Result<Vec<Tiling>, Diagnostics> {
    let incoming = incoming(ir, id);
    let shape = population.shape;
    let neurons_max = u64::from(target.core.neurons.get().min(options.neurons_max.unwrap_or(u32::MAX)));
    let atoms_max = target.axons.atoms_max().map_or(usize::MAX, |most| most as usize);
    let mut all = Vec::new();
    for &rows in &useful_counts(shape.height) {
        for &cols in &useful_counts(shape.width) {
            let mut kept = 0;
            for &channels in &useful_counts(shape.channels) {
                let tiling = Tiling { channels, rows, cols };
                let widest = shape.channels.div_ceil(channels);
                let most = widest * shape.height.div_ceil(rows) * shape.width.div_ceil(cols);
                if most as u64 > neurons_max || widest > atoms_max {
                    continue;
                }
                if own_use(target, population, &incoming, tiling).exceeded(target).next().is_none() {
                    all.push(tiling);
                    kept += 1;
                }
                if kept == options.channel_counts {
                    break;
                }
            }
        }
    }
    if all.is_empty() { Err(own_error(ir, target, id, population, &incoming).into()) } else { Ok(all) }
}

fn incoming(ir: &SpikingIr, id: PopulationId) -> Vec<&Projection> {
    ir.projections.values().filter(|p| p.target == id).collect()
}

/// A state with one more population, or the limit that forbids it.
fn extend(
    ir: &SpikingIr,
    target: &Target,
    figures: &mut AxisFigures,
    state: &State,
    id: PopulationId,
    tiling: Tiling,
) -> Result<State, Refusal> {
    let mut outputs = 0;
    let mut packets = state.packets;
    let mut arriving = Vec::new();
    for projection in ir.projections.values().filter(|p| p.source == id) {
        let to = state.tilings[&projection.target];
        outputs += figures.output_axons(target, projection, tiling, to);
        packets += figures.packets(projection, to);
        arriving.push((projection.target, figures.input_axons(target, projection, tiling, to)));
    }
    let within = |limit: Limit, used: u64| match limit.of(target) {
        Some(most) if used > most => Err(Refusal { limit, used, most }),
        _ => Ok(()),
    };
    within(Limit::OutputAxons, outputs)?;
    let mut input_axons = state.input_axons.clone();
    for (population, axons) in arriving {
        let sum = input_axons.entry(population).or_default();
        *sum += axons;
        within(Limit::InputAxons, *sum)?;
    }
    let mut tilings = state.tilings.clone();
    tilings.insert(id, tiling);
    Ok(State { tilings, input_axons, cores: state.cores + tiling.cores() as u64, packets })
}

fn own_error(
    ir: &SpikingIr,
    target: &Target,
    id: PopulationId,
    population: &Population,
    incoming: &[&Projection],
) -> Diagnostic {
    let shape = population.shape;
    let finest = Tiling { channels: shape.channels, rows: shape.height, cols: shape.width };
    let use_ = own_use(target, population, incoming, finest);
    let place = format!("layer {}", ir.model.layer_name(id));
    match use_.exceeded(target).next() {
        Some((limit, used, most)) => Diagnostic::new(
            Code::DoesNotFit,
            place,
            format!(
                "a single neuron of this layer uses {used} {limit}, a core of {} has {most}",
                target.name
            ),
        )
        .hint(remedy(limit)),
        None => Diagnostic::new(
            Code::DoesNotFit,
            place,
            format!("no tiling of {shape} fits a core of {}", target.name),
        )
        .hint("split the layer's channels, or choose a target with larger cores"),
    }
}

fn joint_error(ir: &SpikingIr, target: &Target, id: PopulationId, refusal: Refusal) -> Diagnostic {
    let Refusal { limit, used, most } = refusal;
    let message = format!(
        "every tiling tried exceeds the {limit} of {}: the best uses {used}, a core has {most}",
        target.name
    );
    Diagnostic::new(Code::DoesNotFit, format!("layer {}", ir.model.layer_name(id)), message)
        .hint(remedy(limit))
}

fn remedy(limit: Limit) -> &'static str {
    match limit {
        Limit::SynapseMemory => "use fewer input channels, a smaller kernel or narrower weights",
        Limit::InputAxons => "use fewer source channels, a smaller kernel, or a target with population axons",
        Limit::OutputAxons => "use fewer target channels, or a target with population axons or larger cores",
        Limit::ThresholdProfiles => "use one threshold for more channels (fewer threshold profiles)",
        Limit::Neurons => "choose a target with larger cores",
    }
}
