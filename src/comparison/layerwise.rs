//! Each layer alone: the float spikes of the layers before it into the chip's arithmetic.
//!
//! Six answers to the same input: the float neuron, the chip's neuron, and the float neuron with one of the chip's
//! properties at a time (rounded weights and biases; the decay's rounding, where there is a leak; the strict
//! comparison; the widths of sum and membrane). The share of spikes that one property alone changes says what a layer
//! departs by. A cause is named only where something departs and that property alone changes an answer. The threshold
//! grid is not among them: a channel's scale *is* its threshold, so a threshold is never rounded.

use rayon::prelude::*;
use serde::Serialize;
use snnc_compiler::frontend::LoadedModel;
use snnc_compiler::ir::spiking::{
    Bias, Connectivity, Population, SparseSynapses, SpikingIr, SpikingModel, Ties, membrane_grid,
};
use snnc_compiler::ir::{NetworkId, PopulationId};
use snnc_compiler::neuron::TrainedNeuron;
use snnc_compiler::reference::Trace;
use snnc_compiler::workload;
use snnc_simulator::counts::Events;
use snnc_simulator::execute::host_input;
use snnc_simulator::neuron::{NeuronRule, NeuronState};
use snnc_targets::Diagnostics;

use snnc_compiler::passes::collect::{Collected, KernelWiring, NeuronLayer, SourceKernel};
use snnc_compiler::passes::pipeline;
use snnc_compiler::weights::FloatArray;

/// What one layer does to float spikes.
#[derive(Debug, Clone, Default, PartialEq, Serialize)]
pub struct LayerCheck {
    /// `network.layer`.
    pub name: String,
    /// Spikes of the float neurons.
    pub spikes: u64,
    /// (Neuron, timestep) pairs whose answer the chip's arithmetic changes.
    pub changed: u64,
    /// Pairs that rounded weights and biases alone change.
    pub by_weights: u64,
    /// Pairs that the rounding of the decay alone changes; null for neurons without a leak.
    pub by_decay: Option<u64>,
    /// Pairs that the strict comparison alone changes, with what the compiler does about it.
    pub by_strictness: u64,
    /// Pairs that the widths of sum and membrane alone change.
    pub by_overflow: u64,
    /// What that is: `inclusive` chips need nothing.
    pub comparison: Option<Ties>,
    /// Chip membranes exactly at the trained threshold.
    pub ties: u64,
    /// Root mean square difference of the membranes before the comparison, in thresholds.
    pub membrane_error: f64,
    #[serde(skip)]
    squares: f64,
    #[serde(skip)]
    pairs: u64,
    /// Whether the host writes its input, so that it has no weights on the chip.
    #[serde(skip)]
    host: bool,
}

impl LayerCheck {
    /// Adds another pass of the same layer.
    pub fn merge(&mut self, other: &Self) {
        self.name.clone_from(&other.name);
        self.host = other.host;
        self.comparison = other.comparison;
        self.spikes += other.spikes;
        self.changed += other.changed;
        self.by_weights += other.by_weights;
        self.by_decay = other.by_decay.map(|more| self.by_decay.unwrap_or(0) + more);
        self.by_strictness += other.by_strictness;
        self.by_overflow += other.by_overflow;
        self.ties += other.ties;
        self.squares += other.squares;
        self.pairs += other.pairs;
        self.membrane_error = (self.squares / self.pairs.max(1) as f64).sqrt();
    }

    /// (Neuron, timestep) pairs checked.
    pub fn answers(&self) -> u64 {
        self.pairs
    }

    /// The property that alone changes most answers, if anything departs and one does.
    pub fn cause(&self) -> Option<&'static str> {
        let causes = [
            (self.by_overflow, "overflow"),
            (self.by_weights, if self.host { "bias rounding" } else { "weight rounding" }),
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
    /// Pairs each network of `ir` with the layers it was made from.
    ///
    /// # Errors
    /// Those of the passes.
    pub fn new(model: &LoadedModel, ir: SpikingIr) -> Result<Self, Diagnostics> {
        let workload = workload::of(model);
        let networks = ir.model.networks.values().map(|n| pipeline::neurons(model, &*workload, &n.name));
        let networks = networks.collect::<Result<_, _>>()?;
        Ok(Self { ir, networks })
    }

    /// Checks every firing layer of a network on a float pass, but those whose neurons differ by channel, have a
    /// synaptic current or are refractory, and those that late spikes reach.
    pub fn check(&self, network: NetworkId, input: &[f64], trace: &Trace) -> Vec<(PopulationId, LayerCheck)> {
        let collected = &self.networks[network.0 as usize];
        let populations = self.ir.model.populations_of(network).zip(&collected.layers);
        let checked = |p: &Population, layer: &NeuronLayer| {
            let plain = p.dynamics.current().is_none() && p.dynamics.refractory() == 0;
            let alike = p.dynamics.fires() && !p.dynamics.by_channel() && plain;
            let alike = alike && !p.dynamics.is_port();
            alike && layer.sources.iter().all(|kernel| kernel.delay == 0)
        };
        let firing: Vec<_> = populations.filter(|((_, p), layer)| checked(p, layer)).collect();
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
            .map(|s| match &network.layers[s.source] {
                port if port.kind.is_port() => from_outside(port, input),
                source => trace.spikes(&source.name).unwrap_or_default(),
            })
            .collect();
        for t in 0..network.timesteps {
            let mut sums =
                InputSums { float: vec![0.0; layer.shape.len()], chip: vec![0; layer.shape.len()] };
            for ((source, projection), spikes) in layer.sources.iter().zip(&incoming).zip(&spikes) {
                let Some(spikes) = spikes.get(t) else { continue };
                match &projection.connectivity {
                    Connectivity::Conv(conv) => {
                        let from = network.layers[source.source].shape;
                        sums.add(layer, from, &source.weights, conv, spikes);
                    }
                    Connectivity::Sparse(lists) => sums.add_synapses(source, lists, spikes),
                }
            }
            neurons.step(&sums);
        }
        let (name, comparison) = (self.ir.model.layer_name(id), Some(neurons.ties));
        LayerCheck { name, comparison, host: layer.host.is_some(), ..neurons.done() }
    }
}

/// Spikes `[t, c, h, w]` by timestep.
fn from_outside(port: &NeuronLayer, input: &[f64]) -> Vec<Vec<bool>> {
    let maps = input.chunks_exact(port.shape.len());
    maps.map(|map| map.iter().map(|&value| value != 0.0).collect()).collect()
}

/// Input sums of a timestep, `[h, w, c]`.
struct InputSums {
    float: Vec<f64>,
    chip: Vec<i32>,
}

impl InputSums {
    fn add(
        &mut self,
        to: &NeuronLayer,
        from: snnc_compiler::ir::Shape,
        weights: &FloatArray,
        conv: &snnc_compiler::ir::spiking::Convolution,
        spikes: &[bool],
    ) {
        let (rows, cols) = (&conv.map.rows, &conv.map.cols);
        let channels = &conv.kernel.channels;
        let outputs = channels.outputs;
        for (i, _) in spikes.iter().enumerate().filter(|(_, fired)| **fired) {
            let (c, position) = (i / from.positions(), i % from.positions());
            let joined = channels.targets_of(c);
            if joined.is_empty() {
                continue;
            }
            for (ty, ky) in rows.reach(position / from.width, 0..rows.output) {
                for (tx, kx) in cols.reach(position % from.width, 0..cols.output) {
                    let row = (((c - channels.first_input) * rows.kernel + ky) * cols.kernel + kx) * outputs;
                    let at = (ty * to.shape.width + tx) * to.shape.channels + joined.start;
                    let float =
                        self.float[at..at + outputs].iter_mut().zip(weights.range(row..row + outputs));
                    float.for_each(|(sum, weight)| *sum += weight);
                    let chip = self.chip[at..at + outputs].iter_mut().zip(conv.kernel.row(c, ky, kx));
                    chip.for_each(|(sum, &weight)| *sum += i32::from(weight));
                }
            }
        }
    }
}

impl InputSums {
    /// Spikes through a list of synapses.
    fn add_synapses(&mut self, source: &SourceKernel, lists: &SparseSynapses, spikes: &[bool]) {
        if let KernelWiring::Sparse { sources, targets } = &source.wiring {
            for ((&from, &to), weight) in sources.iter().zip(targets).zip(source.weights.iter()) {
                if spikes[from as usize] {
                    self.float[to as usize] += weight;
                }
            }
        }
        for (i, _) in spikes.iter().enumerate().filter(|(_, fired)| **fired) {
            lists.row(i).for_each(|(to, weight)| self.chip[to as usize] += i32::from(weight));
        }
    }
}

/// The six answers of a layer's neurons; membranes `[h, w, c]` above rest, in thresholds (the chip's in its integers).
struct Neurons<'a> {
    population: &'a Population,
    rule: NeuronRule,
    ties: Ties,
    /// From rest, in thresholds.
    trained: TrainedNeuron,
    /// What the chip keeps of a membrane; None without a leak.
    kept_on_chip: Option<f64>,
    /// Thresholds per unit of current.
    gain: f64,
    shift: u32,
    /// By how much of the threshold the chip's constant input was raised for its strict comparison, one a channel.
    raised: Vec<f64>,
    /// The least membrane that fires, one a channel, in thresholds: less than 1 where a lowered threshold is too low.
    lowered: Vec<f64>,
    /// What the chip compares with, one a channel.
    thresholds: Vec<i32>,
    /// The trained threshold in the chip's integers, one a channel.
    units: Vec<i32>,
    constant: Vec<f64>,
    bias: Vec<i32>,
    float: Vec<f64>,
    weights: Vec<f64>,
    decay: Vec<f64>,
    strictly: Vec<f64>,
    narrow: Vec<f64>,
    chip: Vec<NeuronState>,
    check: LayerCheck,
}

impl<'a> Neurons<'a> {
    fn new(model: &'a SpikingModel, id: PopulationId, layer: &NeuronLayer, input: &[f64]) -> Self {
        let population = &model.populations[id];
        let neuron =
            layer.kind.trained().expect("read-outs are not checked, and the chip's neurons are all alike");
        let TrainedNeuron { threshold, reset, .. } = neuron;
        let trained: TrainedNeuron = neuron.from_rest(threshold - reset);
        let mantissas = population.dynamics.thresholds();
        let ties = population.rounding.ties.unwrap_or(Ties::Inclusive);
        let lowered = u32::from(ties == Ties::Threshold);
        let above = u32::from(ties == Ties::Above);
        let shifted = |more: u32, less: u32| {
            mantissas.iter().map(|&m| ((m + more - less) << model.neuron.threshold_shift) as i32).collect()
        };
        let n = layer.shape.len();
        let units: Vec<i32> = shifted(lowered, above);
        let leaks = trained.tau.is_some();
        let parts = f64::from(1u32 << model.neuron.decay_bits);
        let raised = match ties {
            Ties::Bias => raised(model, population, &units),
            _ => vec![0.0; units.len()],
        };
        let step = i64::from(lowered << model.neuron.threshold_shift);
        let decay = population.dynamics.decay();
        let grid = membrane_grid(&model.neuron, decay, population.input_shift, &population.bias).min(step);
        let lowered_to = units.iter().map(|&u| 1.0 - (step - grid) as f64 / f64::from(u)).collect();
        let (constant, bias) = constants(model, id, population, layer, input);
        Self {
            population,
            rule: NeuronRule::new(&model.neuron, &population.dynamics, population.input_shift),
            ties,
            trained,
            kept_on_chip: leaks.then(|| 1.0 - f64::from(population.dynamics.decay()) / parts),
            gain: 1.0 / (threshold - reset),
            shift: population.input_shift,
            raised,
            lowered: lowered_to,
            thresholds: shifted(0, 0),
            units,
            constant,
            bias,
            float: vec![0.0; n],
            weights: vec![0.0; n],
            decay: vec![0.0; n],
            strictly: vec![0.0; n],
            narrow: vec![0.0; n],
            chip: vec![NeuronState::default(); n],
            check: LayerCheck { by_decay: leaks.then_some(0), ..LayerCheck::default() },
        }
    }

    fn step(&mut self, sums: &InputSums) {
        let channels = self.population.shape.channels;
        let mut events = Events::default();
        for i in 0..self.float.len() {
            let (threshold, whole) = (self.thresholds[i % channels], self.units[i % channels]);
            let unit = f64::from(whole);
            let exact = (sums.float[i] + self.constant[i]) * self.gain;
            let rounded =
                (f64::from(sums.chip[i]) * f64::from(1u32 << self.shift) + f64::from(self.bias[i])) / unit;
            let trained = self.trained;
            let one = |v: f64| trained.fires(v);
            let float = fire(&trained, &mut self.float[i], |v| trained.charge(v, exact), one);
            let weights = fire(&trained, &mut self.weights[i], |v| trained.charge(v, 0.0) + rounded, one);
            let decay = self.kept_on_chip.map(|kept| {
                let grid = |v: f64| (v * kept * unit).trunc() / unit + trained.charge(0.0, exact);
                fire(&trained, &mut self.decay[i], grid, one)
            });
            let (raised, lowered) = (self.raised[i % channels], self.lowered[i % channels]);
            let over = |v: f64| match self.ties {
                Ties::Bias | Ties::Strict | Ties::Above => v > 1.0,
                Ties::Inclusive | Ties::Threshold | Ties::Written => v >= lowered,
            };
            let strictly = fire(&trained, &mut self.strictly[i], |v| trained.charge(v, exact) + raised, over);
            let fixed = self.rule.fixed();
            let lost = fixed.lost_to_accumulator(sums.chip[i]) as f64 / unit;
            let (least, most) = (f64::from(-fixed.state_max() - 1), f64::from(fixed.state_max()));
            let clipped = |v: f64| (trained.charge(v, exact) - lost).clamp(least / unit, most / unit);
            let narrow = fire(&trained, &mut self.narrow[i], clipped, one);
            let v =
                self.rule.integrate(&mut self.chip[i], [sums.chip[i], self.bias[i], threshold], &mut events);
            let chip = self.rule.fire(&mut self.chip[i], threshold);
            let check = &mut self.check;
            check.spikes += u64::from(float.1);
            check.changed += u64::from(float.1 != chip);
            check.by_weights += u64::from(float.1 != weights.1);
            if let (Some(count), Some(decay)) = (&mut check.by_decay, decay) {
                *count += u64::from(float.1 != decay.1);
            }
            check.by_strictness += u64::from(float.1 != strictly.1);
            check.by_overflow += u64::from(float.1 != narrow.1);
            check.ties += u64::from(v == whole);
            check.squares += (float.0 - f64::from(v) / unit).powi(2);
            check.pairs += 1;
        }
    }

    fn done(self) -> LayerCheck {
        let mut check = LayerCheck::default();
        check.merge(&self.check);
        check
    }
}

/// How far the stored constant input of each channel lies above the next lower that the format holds, in thresholds.
fn raised(model: &SpikingModel, population: &Population, units: &[i32]) -> Vec<f64> {
    let step = |value: i32| {
        let lower = model.neuron.above(-value).map_or(value, |above| -above);
        f64::from(value - lower)
    };
    let largest = |values: &[i32]| values.iter().map(|&value| step(value)).fold(0.0, f64::max);
    let steps: Vec<f64> = match &population.bias {
        Bias::Channel(values) => values.iter().map(|&value| step(value)).collect(),
        Bias::Neuron(values) => values.chunks(population.shape.positions().max(1)).map(largest).collect(),
        Bias::Zero | Bias::Host => vec![0.0; units.len()],
    };
    steps.iter().zip(units).map(|(step, &unit)| step / f64::from(unit)).collect()
}

/// Updates a membrane; what it was before the comparison and whether it fired.
fn fire(
    neuron: &TrainedNeuron,
    v: &mut f64,
    update: impl Fn(f64) -> f64,
    over: impl Fn(f64) -> bool,
) -> (f64, bool) {
    let next = update(*v);
    let fired = over(next);
    *v = if fired { neuron.after_spike(next) } else { next };
    (next, fired)
}

/// Constant current and chip bias of each neuron, `[h, w, c]`.
fn constants(
    model: &SpikingModel,
    id: PopulationId,
    population: &Population,
    layer: &NeuronLayer,
    input: &[f64],
) -> (Vec<f64>, Vec<i32>) {
    let (channels, positions) = (population.shape.channels, population.shape.positions());
    let indices = || (0..population.shape.len()).map(|i| (i % channels, i / channels));
    let host = model.inputs.iter().find(|host| host.population == id);
    if let Some(host) = host {
        let (current, (bias, _)) = (host.current(input), host_input::biases(model, host, input));
        let at = |(c, position)| c * positions + position;
        return (indices().map(|i| current[at(i)]).collect(), indices().map(|i| bias[at(i)]).collect());
    }
    // One a channel, or one a neuron of the only channel.
    let current = |(c, position)| layer.bias[if layer.bias.len() == channels { c } else { position }];
    let bias = |(c, position): (usize, usize)| match &population.bias {
        Bias::Channel(values) => values[c],
        Bias::Neuron(values) => values[c * positions + position],
        Bias::Zero | Bias::Host => 0,
    };
    (indices().map(current).collect(), indices().map(bias).collect())
}
