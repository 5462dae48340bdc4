//! The spiking IR's own interpreter: populations and projections, no cores, no packets. Never optimised.
//!
//! What any mapping must reproduce: spikes, membranes and the number of synaptic operations. Neurons are numbered as
//! in the IR given, whatever its populations' orders say. Their arithmetic ([`stepped`]) is written from the
//! equations, in 128 bits, and shares no line with [`crate::neuron`].

use std::collections::BTreeMap;

use snnc_compiler::ir::spiking::{
    Bias, Connectivity, NeuronFormat, NeuronModel, Population, Reset, SpikingIr, SpikingModel,
};
use snnc_compiler::ir::{NetworkId, PopulationId};

use super::host_input;
use crate::counts::Events;

/// Spikes and sums of one population.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct PopulationTrace {
    /// One flag a neuron, `[c, h, w]` row-major, for each timestep of the window.
    pub spikes: Vec<Vec<bool>>,
    /// Membranes after the window.
    pub membranes: Vec<i32>,
    /// Synaptic currents after the window; 0 where neurons have none.
    pub currents: Vec<i32>,
    /// Refractory timesteps that are left after the window.
    pub refractory: Vec<i32>,
    /// Synaptic operations, updates, spikes, overflows; packets stay 0.
    pub events: Events,
    /// Of the synaptic operations those with weights of 0, which some chips leave out.
    pub zero_operations: u64,
}

/// Runs one pass of a network, timestep by timestep: what is sent before a timestep is all that acts in it. Spikes that
/// arrive after a window meet their synapses and nothing else.
pub fn run(ir: &SpikingIr, network: NetworkId, input: &[f64]) -> BTreeMap<PopulationId, PopulationTrace> {
    run_observed(ir, network, input, |_, _| ())
}

/// [`run`], and shows the state of all populations after each timestep.
pub fn run_observed(
    ir: &SpikingIr,
    network: NetworkId,
    input: &[f64],
    mut observe: impl FnMut(u32, &BTreeMap<PopulationId, PopulationTrace>),
) -> BTreeMap<PopulationId, PopulationTrace> {
    let own: Vec<(PopulationId, &Population)> = ir.model.populations_of(network).collect();
    let new = |population: &Population| {
        let zeros = vec![0; population.shape.len()];
        PopulationTrace {
            membranes: zeros.clone(),
            currents: zeros.clone(),
            refractory: zeros,
            ..Default::default()
        }
    };
    let mut traces: BTreeMap<_, _> = own.iter().map(|&(id, population)| (id, new(population))).collect();
    let biases: Vec<_> =
        own.iter().map(|&(id, population)| biases(&ir.model, id, population, input)).collect();
    for step in 0..ir.model.networks[network].pass_steps {
        for (&(id, population), bias) in own.iter().zip(&biases) {
            let (mut events, mut zeros) = (Events::default(), 0);
            let sums = sums(ir, id, step, &traces, (&mut events, &mut zeros));
            let trace = traces.get_mut(&id).expect("every population has a trace");
            trace.events += events;
            trace.zero_operations += zeros;
            if population.window.contains(step) && population.dynamics.is_port() {
                let first = (step - population.window.start) as usize * population.shape.len();
                let spikes = input[first..first + population.shape.len()].iter().map(|&value| value == 1.0);
                trace.spikes.push(spikes.collect());
                trace.events.spikes +=
                    input[first..first + population.shape.len()].iter().sum::<f64>() as u64;
            } else if population.window.contains(step) {
                let spikes = update(&ir.model, population, &sums, bias, trace);
                trace.spikes.push(spikes);
            }
        }
        observe(step, &traces);
    }
    traces
}

fn biases(model: &SpikingModel, id: PopulationId, population: &Population, input: &[f64]) -> Vec<i32> {
    let neurons = 0..population.shape.len();
    match &population.bias {
        Bias::Zero => vec![0; neurons.len()],
        Bias::Channel(values) => neurons.map(|i| values[i / population.shape.positions()]).collect(),
        Bias::Neuron(values) => values.clone(),
        Bias::Host => {
            let host = model.inputs.iter().find(|i| i.population == id);
            host_input::biases(model, host.expect("a host-biased population has a host input"), input).0
        }
    }
}

/// Weights of all spikes that arrive at a population in a timestep.
fn sums(
    ir: &SpikingIr,
    id: PopulationId,
    step: u32,
    traces: &BTreeMap<PopulationId, PopulationTrace>,
    (events, zeros): (&mut Events, &mut u64),
) -> Vec<i32> {
    let shape = ir.model.populations[id].shape;
    let mut sums = vec![0i32; shape.len()];
    for projection in ir.projections.values().filter(|p| p.target == id) {
        let source = &ir.model.populations[projection.source];
        let Some(sent) = step.checked_sub(projection.delay).filter(|&s| source.window.contains(s)) else {
            continue;
        };
        let spikes = &traces[&projection.source].spikes[(sent - source.window.start) as usize];
        let conv = match &projection.connectivity {
            Connectivity::Conv(conv) => conv,
            Connectivity::Sparse(sparse) => {
                for (i, _) in spikes.iter().enumerate().filter(|(_, fired)| **fired) {
                    for (target, weight) in sparse.row(i) {
                        sums[target as usize] += i32::from(weight);
                        events.synaptic_operations += 1;
                        *zeros += u64::from(weight == 0);
                    }
                }
                continue;
            }
        };
        for (i, _) in spikes.iter().enumerate().filter(|(_, fired)| **fired) {
            let (c, position) = (i / source.shape.positions(), i % source.shape.positions());
            let (y, x) = (position / source.shape.width, position % source.shape.width);
            let joined = conv.kernel.channels.targets_of(c);
            if joined.is_empty() {
                continue;
            }
            for ky in 0..conv.kernel.height {
                for kx in 0..conv.kernel.width {
                    let (rows, cols) = (&conv.map.rows, &conv.map.cols);
                    let (Some(ty), Some(tx)) = (rows.target(y, ky), cols.target(x, kx)) else { continue };
                    for (o, &weight) in joined.clone().zip(conv.kernel.row(c, ky, kx)) {
                        sums[shape.at(o, ty, tx)] += i32::from(weight);
                        events.synaptic_operations += 1;
                        *zeros += u64::from(weight == 0);
                    }
                }
            }
        }
    }
    sums
}

fn update(
    model: &SpikingModel,
    population: &Population,
    sums: &[i32],
    bias: &[i32],
    trace: &mut PopulationTrace,
) -> Vec<bool> {
    let mut spikes = vec![false; sums.len()];
    for (i, spike) in spikes.iter_mut().enumerate() {
        let before = [trace.currents[i], trace.refractory[i], trace.membranes[i]];
        let channel = i / population.shape.positions();
        let numbers = (&model.neuron, &population.dynamics, population.input_shift);
        let (after, fired) = stepped(numbers, channel, before, [sums[i], bias[i]], &mut trace.events);
        [trace.currents[i], trace.refractory[i], trace.membranes[i]] = after;
        *spike = fired;
        trace.events.spikes += u64::from(fired);
    }
    spikes
}

/// One timestep of a neuron with the given current, refractory timesteps left and membrane: those after it, and whether
/// the neuron fired.
pub(crate) fn stepped(
    (format, neurons, shift): (&NeuronFormat, &NeuronModel, u32),
    channel: usize,
    [u, left, v]: [i32; 3],
    [sum, bias]: [i32; 2],
    events: &mut Events,
) -> ([i32; 3], bool) {
    if (u, left, v, sum, bias) == (0, 0, 0, 0, 0) {
        events.updates_inactive += 1;
    } else {
        events.updates_active += 1;
    }
    let whole = 1i128 << format.decay_bits;
    let input = i128::from(sum) << shift;
    let (mut drive, mut lost) = (into(input, format.accumulator_bits, format.wrap), false);
    lost |= drive != input;
    let mut current = 0;
    if let (Some(own), true) = (neurons.current_of(channel), neurons.bias_joins_current()) {
        let kept = toward_zero(i128::from(u), whole - i128::from(own.decay + own.decay_offset), whole);
        let sum = kept + drive + i128::from(bias);
        current = into(sum, own.bits, own.wrap);
        drive = current;
        lost |= current != sum;
    } else if let Some(own) = neurons.current() {
        let sum = toward_zero(i128::from(u), whole - i128::from(own.decay + own.decay_offset), whole) + drive;
        current = into(sum, own.bits, own.wrap);
        drive = into(current + i128::from(bias), own.bits, own.wrap);
        lost |= current != sum || (left == 0 && drive != current + i128::from(bias));
    } else {
        drive += i128::from(bias);
    }
    events.accumulator_overflows += u64::from(lost);
    if left > 0 {
        return ([current as i32, left - 1, v], false);
    }
    let mut exact = toward_zero(i128::from(v), whole - i128::from(neurons.decay_of(channel)), whole) + drive;
    if let Some(floor) = neurons.floor().filter(|&floor| exact < i128::from(floor)) {
        exact = floor.into();
    }
    let mut membrane = into(exact, format.state_bits, false);
    events.state_saturations += u64::from(membrane != exact);
    let mut fired = false;
    if neurons.fires() {
        let threshold = i128::from(neurons.thresholds()[channel]) << format.threshold_shift;
        fired = if format.strict { threshold < membrane } else { threshold <= membrane };
        if fired {
            membrane = match neurons.reset() {
                Some(Reset::Subtract) => match neurons {
                    NeuronModel::ByChannel { subtracted, .. } => membrane - i128::from(subtracted[channel]),
                    _ => membrane - threshold,
                },
                _ => 0,
            };
        }
    }
    let left = if fired { neurons.refractory() as i32 } else { 0 };
    ([current as i32, left, membrane as i32], fired)
}

/// `value` x `part` / `whole`; what is beyond the last integer towards 0 is dropped.
fn toward_zero(value: i128, part: i128, whole: i128) -> i128 {
    let product = value * part;
    let floor = product.div_euclid(whole);
    floor + i128::from(product < 0 && floor * whole != product)
}

/// A value in a signed width: beyond its ends it goes on at the other one, or stays there.
fn into(value: i128, bits: u32, wrap: bool) -> i128 {
    let half = 1i128 << (bits - 1);
    match wrap {
        true => value - (value + half).div_euclid(2 * half) * 2 * half,
        false if value < -half => -half,
        false if value >= half => half - 1,
        false => value,
    }
}
