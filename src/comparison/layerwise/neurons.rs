//! The six answers of a layer's neurons to the same input.
//!
//! Membranes and currents are counted from rest, in thresholds of their channel; the chip's stay in its integers. A
//! current is that of the trained neuron, before what `tau` takes off it, but where the chip's own integers join it:
//! there it is what it adds to the membrane.

use snnc_compiler::ir::PopulationId;
use snnc_compiler::ir::spiking::{Bias, Population, SpikingModel, SynapticCurrent, Ties, membrane_grid};
use snnc_compiler::neuron::{TrainedNeuron, TrainedState};
use snnc_compiler::passes::collect::NeuronLayer;
use snnc_simulator::counts::Events;
use snnc_simulator::execute::host_input;
use snnc_simulator::neuron::{NeuronRule, NeuronState};

use super::LayerCheck;
use super::input_sums::InputSums;

/// A channel's trained neuron, and what the chip makes of it.
struct Channel {
    /// From rest, in thresholds.
    trained: TrainedNeuron,
    /// Thresholds per unit of current.
    gain: f64,
    /// What the chip keeps of a membrane in a step; None without a leak.
    membrane_kept: Option<f64>,
    /// What the chip keeps of a synaptic current in a step, and its width; None without one.
    current: Option<(f64, SynapticCurrent)>,
    /// By how much of the threshold the chip's constant input was raised for its strict comparison.
    raised: f64,
    /// The least membrane that fires, in thresholds: less than 1 where a lowered threshold is too low.
    least: f64,
    /// What the chip compares with.
    threshold: i32,
    /// The trained threshold in the chip's integers.
    whole: i32,
}

/// States of one neuron, a kind of answer each.
#[derive(Default, Clone)]
struct NeuronAnswers {
    float: TrainedState,
    weights: TrainedState,
    decay: TrainedState,
    strictly: TrainedState,
    narrow: TrainedState,
    chip: NeuronState,
}

/// The six answers of all neurons of a layer, `[h, w, c]`.
pub(super) struct Neurons<'a> {
    population: &'a Population,
    rule: NeuronRule,
    ties: Ties,
    channels: Vec<Channel>,
    constant: Vec<f64>,
    bias: Vec<i32>,
    neurons: Vec<NeuronAnswers>,
    check: LayerCheck,
}

impl<'a> Neurons<'a> {
    /// The neurons of a layer that fires, before the first timestep of a pass with this input.
    pub fn new(model: &'a SpikingModel, id: PopulationId, layer: &NeuronLayer, input: &[f64]) -> Self {
        let population = &model.populations[id];
        let channels: Vec<Channel> = (0..layer.shape.channels)
            .map(|channel| Channel::new(model, population, layer, channel))
            .collect();
        let (constant, bias) = constants(model, id, population, layer, input);
        let leaks = channels.iter().any(|one| one.membrane_kept.is_some() || one.current.is_some());
        Self {
            population,
            rule: NeuronRule::new(&model.neuron, &population.dynamics, population.input_shift),
            ties: population.rounding.ties.unwrap_or(Ties::Inclusive),
            channels,
            constant,
            bias,
            neurons: vec![NeuronAnswers::default(); layer.shape.len()],
            check: LayerCheck { by_decay: leaks.then_some(0), ..LayerCheck::default() },
        }
    }

    /// How the layer handles membranes at the threshold.
    pub fn ties(&self) -> Ties {
        self.ties
    }

    /// A timestep.
    pub fn step(&mut self, sums: &InputSums) {
        for i in 0..self.neurons.len() {
            self.neuron(i, sums.float[i], sums.chip[i]);
        }
    }

    fn neuron(&mut self, i: usize, float_sum: f64, chip_sum: i32) {
        let index = i % self.channels.len();
        let channel = &self.channels[index];
        let (trained, unit) = (&channel.trained, f64::from(channel.whole));
        let exact = (float_sum + self.constant[i]) * channel.gain;
        let shifted = f64::from(chip_sum) * f64::from(1u32 << self.population.input_shift);
        let written = (shifted + f64::from(self.bias[i])) / unit;
        let fixed = self.rule.fixed();
        let lost = fixed.lost_to_accumulator(chip_sum) as f64 / unit;
        let own = &mut self.neurons[i];
        let one = |v: f64| trained.fires(v);

        let float = update(trained, &mut own.float, (exact, |v, x| trained.charge(v, x)), one);
        let adds = |v, x| trained.charge(v, 0.0) + x;
        let weights = update(trained, &mut own.weights, (written, adds), one);
        let decay = channel.leaks().then(|| channel.rounded_decays(&mut own.decay, exact));
        let over = |v: f64| match self.ties {
            Ties::Bias | Ties::Strict | Ties::Above => v > 1.0,
            Ties::Inclusive | Ties::Threshold | Ties::Written => v >= channel.least,
        };
        let joins_current = self.population.dynamics.bias_joins_current();
        let (early, late) = if joins_current { (channel.raised, 0.0) } else { (0.0, channel.raised) };
        let driving = (exact + early / trained.gain(), |v, x| trained.charge(v, x) + late);
        let strictly = update(trained, &mut own.strictly, driving, over);
        let state_max = f64::from(fixed.state_max());
        let narrow = channel.narrow(&mut own.narrow, exact - lost / trained.gain(), state_max);

        let lane = self.rule.lane(index, channel.threshold);
        let v = self.rule.integrate(&mut own.chip, [chip_sum, self.bias[i], lane], &mut Events::default());
        let chip = self.rule.fire(&mut own.chip, lane);
        let check = &mut self.check;
        check.spikes += u64::from(float.1);
        check.changed += u64::from(float.1 != chip);
        check.by_weights += u64::from(float.1 != weights.1);
        if let (Some(count), Some(decay)) = (&mut check.by_decay, decay) {
            *count += u64::from(float.1 != decay);
        }
        check.by_strictness += u64::from(float.1 != strictly.1);
        check.by_overflow += u64::from(float.1 != narrow);
        check.ties += u64::from(v == channel.whole);
        check.sums.squares += (float.0 - f64::from(v) / unit).powi(2);
        check.sums.pairs += 1;
    }

    /// What was counted.
    pub fn done(self) -> LayerCheck {
        let mut check = LayerCheck::default();
        check.merge(&self.check);
        check
    }
}

impl Channel {
    fn new(model: &SpikingModel, population: &Population, layer: &NeuronLayer, channel: usize) -> Self {
        let (format, dynamics) = (&model.neuron, &population.dynamics);
        let neuron = layer.kind.of_channel(channel).expect("only layers that fire are checked");
        let distance = neuron.threshold - neuron.reset;
        let ties = population.rounding.ties.unwrap_or(Ties::Inclusive);
        let lowered = u32::from(ties == Ties::Threshold);
        let above = u32::from(ties == Ties::Above);
        let mantissa = dynamics.thresholds()[channel];
        let whole = ((mantissa + lowered - above) << format.threshold_shift) as i32;
        let decay = dynamics.decay_of(channel);
        let parts = f64::from(1u32 << format.decay_bits);
        let current = dynamics.current_of(channel).map(|own| (own.kept(format) as f64 / parts, *own));
        // A current that loses part of itself has any integer.
        let grid = match current {
            Some(_) => 1,
            None => membrane_grid(format, decay, population.input_shift, &population.bias),
        };
        let step = i64::from(lowered << format.threshold_shift);
        Self {
            trained: neuron.from_rest(distance),
            gain: 1.0 / distance,
            membrane_kept: neuron.tau.map(|_| 1.0 - f64::from(decay) / parts),
            current,
            raised: if ties == Ties::Bias {
                raised(model, population, channel) / f64::from(whole)
            } else {
                0.0
            },
            least: 1.0 - (step - grid.min(step)) as f64 / f64::from(whole),
            threshold: (mantissa << format.threshold_shift) as i32,
            whole,
        }
    }

    /// Whether the chip rounds what is left of a membrane or a current.
    fn leaks(&self) -> bool {
        self.membrane_kept.is_some() || self.current.is_some()
    }

    /// The float neuron with the chip's decays, whose remainders are rounded toward zero; whether it fired.
    fn rounded_decays(&self, state: &mut TrainedState, input: f64) -> bool {
        let unit = f64::from(self.whole);
        let left =
            |value: f64, kept: Option<f64>| kept.map_or(value, |kept| (value * kept * unit).trunc() / unit);
        let added = self.trained.charge(0.0, input);
        state.i = match self.current {
            Some((kept, _)) => left(state.i, Some(kept)) + added,
            None => added,
        };
        let charge = |v, i| left(v, self.membrane_kept) + i;
        settle(&self.trained, state, charge, |v| self.trained.fires(v)).1
    }

    /// The float neuron whose current and membrane have the chip's widths; whether it fired.
    fn narrow(&self, state: &mut TrainedState, input: f64, state_max: f64) -> bool {
        let unit = f64::from(self.whole);
        state.i = self.trained.gather(state.i, input);
        if let Some((_, width)) = &self.current {
            let scale = self.trained.gain() * unit;
            state.i = held(width, state.i * scale).map_or(state.i, |held| held / scale);
        }
        let (least, most) = ((-state_max - 1.0) / unit, state_max / unit);
        let charge = |v, i| self.trained.charge(v, i).clamp(least, most);
        settle(&self.trained, state, charge, |v| self.trained.fires(v)).1
    }
}

/// What a width makes of a value that it does not hold.
fn held(width: &SynapticCurrent, value: f64) -> Option<f64> {
    let half = 2f64.powi(width.bits as i32 - 1);
    let outside = !(-half..half).contains(&value);
    outside.then(|| match width.wrap {
        true => value - 2.0 * half * ((value + half) / (2.0 * half)).floor(),
        false => value.clamp(-half, half - 1.0),
    })
}

/// Updates a state: the input joins the current, and that the membrane as `charge` says; what the membrane was before
/// the comparison, and whether it fired.
fn update(
    neuron: &TrainedNeuron,
    state: &mut TrainedState,
    (input, charge): (f64, impl Fn(f64, f64) -> f64),
    over: impl Fn(f64) -> bool,
) -> (f64, bool) {
    state.i = neuron.gather(state.i, input);
    settle(neuron, state, charge, over)
}

/// A membrane's step, unless the neuron is refractory; what it was before the comparison, and whether it fired.
fn settle(
    neuron: &TrainedNeuron,
    state: &mut TrainedState,
    charge: impl Fn(f64, f64) -> f64,
    over: impl Fn(f64) -> bool,
) -> (f64, bool) {
    if state.left > 0 {
        state.left -= 1;
        return (state.v, false);
    }
    let v = charge(state.v, state.i);
    let fired = over(v);
    (state.v, state.left) = if fired { (neuron.after_spike(v), neuron.refractory) } else { (v, 0) };
    (v, fired)
}

/// How far a channel's stored constant input lies above the next lower that the format holds, in the chip's integers:
/// the most of its neurons.
fn raised(model: &SpikingModel, population: &Population, channel: usize) -> f64 {
    let step = |&value: &i32| {
        let lower = model.neuron.above(-value).map_or(value, |above| -above);
        f64::from(value - lower)
    };
    match &population.bias {
        Bias::Channel(values) => step(&values[channel]),
        Bias::Neuron(values) => {
            let positions = population.shape.positions();
            let own = &values[channel * positions..(channel + 1) * positions];
            own.iter().map(step).fold(0.0, f64::max)
        }
        Bias::Zero | Bias::Host => 0.0,
    }
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
