//! Each layer alone: the float spikes of the layers before it into the chip's arithmetic.
//!
//! Six answers to the same input: the float neuron, the chip's neuron, and the float neuron with one of the chip's
//! properties at a time (rounded weights and biases; rounding of decays, where membrane or current leak; the strict
//! comparison; the widths of sum, current and membrane). The share of spikes that one property alone changes says what
//! a layer departs by. A cause is named only where something departs and that property alone changes an answer. The
//! threshold grid is not among them: a channel's scale *is* its threshold, so a threshold is never rounded.

mod input_sums;
mod neurons;

use rayon::prelude::*;
use serde::{Deserialize, Serialize};
use snnc_compiler::frontend::LoadedModel;
use snnc_compiler::ir::spiking::{SpikingIr, Ties};
use snnc_compiler::ir::{NetworkId, PopulationId};
use snnc_compiler::passes::collect::{Collected, NeuronLayer};
use snnc_compiler::passes::pipeline;
use snnc_compiler::reference::Trace;
use snnc_compiler::workload;
use snnc_targets::{Diagnostics, Target};

use input_sums::{InputSums, from_outside};
use neurons::Neurons;

/// What one layer does to float spikes.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct LayerCheck {
    /// `network.layer`.
    pub name: String,
    /// Spikes of the float neurons.
    pub spikes: u64,
    /// (Neuron, timestep) pairs whose answer the chip's arithmetic changes.
    pub changed: u64,
    /// Pairs that rounded weights and biases alone change.
    pub by_weights: u64,
    /// Pairs that the rounding of decays alone changes; null for neurons without a leak.
    pub by_decay: Option<u64>,
    /// Pairs that the strict comparison alone changes, with what the compiler does about it.
    pub by_strictness: u64,
    /// Pairs that the widths of sum, current and membrane alone change.
    pub by_overflow: u64,
    /// What that is: `inclusive` chips need nothing.
    pub comparison: Option<Ties>,
    /// Chip membranes exactly at the trained threshold.
    pub ties: u64,
    /// Root mean square difference of the membranes before the comparison, in thresholds.
    pub membrane_error: f64,
    #[serde(skip)]
    sums: CheckSums,
}

/// What a check keeps so that others can be added to it.
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize, Deserialize)]
struct CheckSums {
    /// Of the membranes' differences, in thresholds.
    squares: f64,
    pairs: u64,
    /// Whether the host writes its input, so that it has no weights on the chip.
    host: bool,
}

/// Checks with their sums, which reports leave out.
pub(super) mod whole_checks {
    use std::collections::BTreeMap;

    use serde::{Deserialize, Deserializer, Serializer};
    use snnc_compiler::ir::PopulationId;

    use super::{CheckSums, LayerCheck};

    type Checks = BTreeMap<PopulationId, LayerCheck>;

    pub(crate) fn serialize<S: Serializer>(checks: &Checks, to: S) -> Result<S::Ok, S::Error> {
        to.collect_seq(checks.iter().map(|(id, check)| (id, check, check.sums)))
    }

    pub(crate) fn deserialize<'de, D: Deserializer<'de>>(from: D) -> Result<Checks, D::Error> {
        let checks = Vec::<(PopulationId, LayerCheck, CheckSums)>::deserialize(from)?;
        Ok(checks.into_iter().map(|(id, check, sums)| (id, LayerCheck { sums, ..check })).collect())
    }
}

impl LayerCheck {
    /// Adds another pass of the same layer.
    pub fn merge(&mut self, other: &Self) {
        self.name.clone_from(&other.name);
        self.sums.host = other.sums.host;
        self.comparison = other.comparison;
        self.spikes += other.spikes;
        self.changed += other.changed;
        self.by_weights += other.by_weights;
        self.by_decay = other.by_decay.map(|more| self.by_decay.unwrap_or(0) + more);
        self.by_strictness += other.by_strictness;
        self.by_overflow += other.by_overflow;
        self.ties += other.ties;
        self.sums.squares += other.sums.squares;
        self.sums.pairs += other.sums.pairs;
        self.membrane_error = (self.sums.squares / self.sums.pairs.max(1) as f64).sqrt();
    }

    /// (Neuron, timestep) pairs checked.
    pub fn answers(&self) -> u64 {
        self.sums.pairs
    }

    /// The property that alone changes most answers, if anything departs and one does.
    pub fn cause(&self) -> Option<&'static str> {
        let causes = [
            (self.by_overflow, "overflow"),
            (self.by_weights, if self.sums.host { "bias rounding" } else { "weight rounding" }),
            (self.by_decay.unwrap_or(0), "decay rounding"),
            (self.by_strictness, "the strict comparison"),
        ];
        let most = causes.into_iter().rev().max_by_key(|(count, _)| *count);
        most.filter(|(count, _)| self.changed > 0 && *count > 0).map(|(_, name)| name)
    }
}

/// The networks of a program with their float layers.
pub struct Layerwise {
    ir: SpikingIr,
    networks: Vec<Collected>,
}

impl Layerwise {
    /// Pairs each network of `ir` with the layers it was made from on a target.
    ///
    /// # Errors
    /// Those of the passes.
    pub fn new(model: &LoadedModel, ir: SpikingIr, target: &Target) -> Result<Self, Diagnostics> {
        let workload = workload::of(model);
        let networks =
            ir.model.networks.values().map(|n| pipeline::neurons_on(model, &*workload, &n.name, target));
        let networks = networks.collect::<Result<_, _>>()?;
        Ok(Self { ir, networks })
    }

    /// Checks every layer of neurons that fire on a float pass.
    pub fn check(&self, network: NetworkId, input: &[f64], trace: &Trace) -> Vec<(PopulationId, LayerCheck)> {
        let collected = &self.networks[network.0 as usize];
        let populations = self.ir.model.populations_of(network).zip(&collected.layers);
        let firing: Vec<_> = populations.filter(|(_, layer)| !layer.kind.neurons().is_empty()).collect();
        firing
            .into_par_iter()
            .map(|((id, _), layer)| (id, self.layer(id, collected, layer, input, trace)))
            .collect()
    }

    fn layer(
        &self,
        id: PopulationId,
        network: &Collected,
        layer: &NeuronLayer,
        input: &[f64],
        trace: &Trace,
    ) -> LayerCheck {
        let mut neurons = Neurons::new(&self.ir.model, id, layer, input);
        let incoming: Vec<_> = self.ir.projections.values().filter(|p| p.target == id).collect();
        let spikes: Vec<Vec<Vec<bool>>> = (layer.sources.iter())
            .map(|s| match network.relayed(s.source) {
                port if port.kind.is_port() => from_outside(port, input),
                // What stands for a constant fires in every timestep, and the float network does not have it.
                always if always.is_constant() => vec![vec![true; always.shape.len()]; network.timesteps],
                source => trace.spikes(&source.name).unwrap_or_default(),
            })
            .collect();
        for t in 0..network.timesteps {
            let mut sums = InputSums::none(layer.shape.len());
            for ((source, projection), spikes) in layer.sources.iter().zip(&incoming).zip(&spikes) {
                let sent = t.checked_sub(source.delay as usize);
                let Some(spikes) = sent.and_then(|sent| spikes.get(sent)) else { continue };
                let shapes = (network.layers[source.source].shape, layer.shape);
                sums.add(shapes, source, &projection.connectivity, spikes);
            }
            neurons.step(&sums);
        }
        let (name, comparison) = (self.ir.model.layer_name(id), Some(neurons.ties()));
        let mut check = LayerCheck { name, comparison, ..neurons.done() };
        check.sums.host = layer.host.is_some();
        check
    }
}
