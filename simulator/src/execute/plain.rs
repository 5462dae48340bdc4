//! The core-by-core oracle: explicit packets, timestep by timestep, one neuron at a time. Never optimised.
//!
//! It follows the program's routes from the sender's side, where the fast path reads them from the receiver's, and
//! adds one weight at a time. Its neurons ([`step`]) are written from the equations and share no line with
//! [`crate::neuron`]. Both must give the same spikes, membranes and counts.

use snnc_compiler::ir::program::{AxonEntry, Core, CoreSlice, Program};
use snnc_compiler::ir::spiking::{Bias, NeuronFormat, NeuronModel, Reset};
use snnc_compiler::ir::{CoreId, NetworkId};

use super::pass::write_inputs;
use super::slice::local_bias;
use super::{Chip, slice::SliceSpike};
use crate::counts::Events;

/// A packet under way.
#[derive(Debug, Clone, Copy)]
struct OraclePacket {
    core: CoreId,
    axon: u32,
    atom: u32,
    arrives: u32,
}

/// What the oracle saw.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PlainOutcome {
    /// Spikes by slice and timestep of the pass.
    pub fired: Vec<Vec<Vec<SliceSpike>>>,
    /// Membranes after each slice's window, local neuron order.
    pub membranes: Vec<Vec<i32>>,
    /// Synaptic currents likewise; 0 where neurons have none.
    pub currents: Vec<Vec<i32>>,
    /// Refractory timesteps that are left after each slice's window likewise.
    pub refractory: Vec<Vec<u32>>,
    /// Events by timestep of the pass and slice.
    pub events: Vec<Vec<Events>>,
}

/// Runs one pass of a network, packet by packet.
pub fn run(chip: &Chip, network: NetworkId, input: &[f64]) -> PlainOutcome {
    run_observed(chip, network, input, |_, _| ())
}

/// [`run`], and shows the state after each timestep.
pub fn run_observed(
    chip: &Chip,
    network: NetworkId,
    input: &[f64],
    mut observe: impl FnMut(u32, &PlainOutcome),
) -> PlainOutcome {
    let program = &*chip.program;
    let written = write_inputs(chip, network, input);
    let steps = program.model.networks[network].pass_steps;
    let slices = chip.table.len();
    let zeros: Vec<Vec<i32>> =
        (0..slices).map(|i| vec![0; chip.table.slice(program, i).slice.neurons() as usize]).collect();
    let mut state = PlainOutcome {
        fired: vec![vec![Vec::new(); steps as usize]; slices],
        membranes: zeros.clone(),
        refractory: zeros.iter().map(|of_slice| vec![0; of_slice.len()]).collect(),
        currents: zeros,
        events: vec![vec![Events::default(); slices]; steps as usize],
    };
    let mut under_way: Vec<OraclePacket> = Vec::new();
    for step in 0..steps {
        let mut sums: Vec<Vec<i32>> = program.cores.values().map(|c| vec![0; c.neurons() as usize]).collect();
        let (now, later): (Vec<_>, Vec<_>) = under_way.into_iter().partition(|p| p.arrives == step);
        under_way = later;
        for packet in now {
            let core = &program.cores[packet.core];
            let axon = &core.axons[packet.axon as usize];
            for (i, entry) in core.entries(axon).iter().enumerate() {
                let slice = core.lists[entry.list as usize].slice as usize;
                let (skips, sums) = (program.target.skips_zeros(), &mut sums[packet.core.0 as usize]);
                let operations = integrate(core, packet, entry, skips, sums);
                let index = chip.table.starts[packet.core.0 as usize] + slice;
                let events = &mut state.events[step as usize][index];
                // A packet is counted once, at the first slice that it touches.
                events.packets_received += u64::from(i == 0);
                events.synaptic_operations += operations;
            }
        }
        for index in 0..slices {
            enter(program, chip, network, index, step, input, &mut state, &mut under_way);
            let bias = written.get(&chip.table.populations[index]).map(|(values, _)| values.as_slice());
            update(program, chip, network, index, step, &sums, bias, &mut state, &mut under_way);
        }
        observe(step, &state);
    }
    state
}

/// Adds one packet's weights in one slice; the number of synapses, without weights of 0 where the chip skips them.
fn integrate(
    core: &Core,
    packet: OraclePacket,
    entry: &AxonEntry,
    skips_zeros: bool,
    sums: &mut [i32],
) -> u64 {
    let axon = &core.axons[packet.axon as usize];
    let list = &core.lists[entry.list as usize];
    let (row, behind) = list.row(axon.first_atom + packet.atom);
    let mut operations = 0;
    for run in &list.runs {
        for i in 0..run.len {
            let weight = core.weights.at((row + run.weight + i) as usize);
            sums[(entry.target + behind + run.target + i) as usize] += i32::from(weight);
            operations += u64::from(weight != 0 || !skips_zeros);
        }
    }
    operations
}

#[expect(clippy::too_many_arguments, reason = "an oracle keeps its state in the open")]
fn update(
    program: &Program,
    chip: &Chip,
    network: NetworkId,
    index: usize,
    step: u32,
    sums: &[Vec<i32>],
    written: Option<&[i32]>,
    state: &mut PlainOutcome,
    under_way: &mut Vec<OraclePacket>,
) {
    let placed = chip.table.slice(program, index);
    let population = &program.model.populations[placed.slice.population];
    if population.dynamics.is_port() {
        return;
    }
    if population.network != network || !population.window.contains(step) {
        if !program.target.neuron.gated() {
            state.events[step as usize][index].updates_inactive += u64::from(placed.slice.neurons());
        }
        return;
    }
    let format = &program.model.neuron;
    let biases = local_bias(placed, population, written.filter(|_| population.bias == Bias::Host));
    let core = chip.table.cores[index];
    for local in 0..placed.slice.neurons() {
        let (position, atom) = (local / placed.slice.atoms(), local % placed.slice.atoms());
        let sum = sums[core.0 as usize][(placed.first_neuron + local) as usize];
        let (u, v) =
            (&mut state.currents[index][local as usize], &mut state.membranes[index][local as usize]);
        let left = &mut state.refractory[index][local as usize];
        let input = (i64::from(sum) * (1 << population.input_shift), i64::from(biases[local as usize]));
        let channel = (placed.slice.channels.start + atom) as usize;
        let before = (i64::from(*u), *left, i64::from(*v));
        let stepped = self::step(format, &population.dynamics, channel, before, input);
        (*u, *left, *v) = (stepped.current as i32, stepped.refractory, stepped.membrane as i32);
        let events = &mut state.events[step as usize][index];
        events.updates_active += u64::from(stepped.active);
        events.updates_inactive += u64::from(!stepped.active);
        events.accumulator_overflows += u64::from(stepped.overflowed);
        events.state_saturations += u64::from(stepped.clipped);
        if !stepped.fired {
            continue;
        }
        send(program, placed, index, step, SliceSpike { position, atom }, state, under_way);
    }
}

/// A neuron fires: its packets are under way.
fn send(
    program: &Program,
    placed: &CoreSlice,
    index: usize,
    step: u32,
    spike: SliceSpike,
    state: &mut PlainOutcome,
    under_way: &mut Vec<OraclePacket>,
) {
    let events = &mut state.events[step as usize][index];
    events.spikes += 1;
    state.fired[index][step as usize].push(spike);
    for to in placed.routes(spike.position) {
        let delay = program.cores[to.core].axons[to.axon as usize].delay;
        let arrives = step + delay;
        under_way.push(OraclePacket { core: to.core, axon: to.axon, atom: spike.atom, arrives });
        events.packets_sent += 1;
    }
}

/// Spikes `[t, c, h, w]` from outside enter, slice by slice.
#[expect(clippy::too_many_arguments, reason = "an oracle keeps its state in the open")]
fn enter(
    program: &Program,
    chip: &Chip,
    network: NetworkId,
    index: usize,
    step: u32,
    input: &[f64],
    state: &mut PlainOutcome,
    under_way: &mut Vec<OraclePacket>,
) {
    let placed = chip.table.slice(program, index);
    let population = &program.model.populations[placed.slice.population];
    let (shape, window) = (population.shape, population.window);
    if population.network != network || !window.contains(step) || !population.dynamics.is_port() {
        return;
    }
    let first = (step - window.start) as usize * shape.len();
    for position in 0..placed.slice.positions() {
        let (y, x) = placed.slice.coordinates(position);
        for atom in 0..placed.slice.atoms() {
            let channel = (placed.slice.channels.start + atom) as usize;
            if input[first + shape.at(channel, y as usize, x as usize)] == 1.0 {
                send(program, placed, index, step, SliceSpike { position, atom }, state, under_way);
            }
        }
    }
}

/// What a timestep made of a neuron.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Stepped {
    pub(crate) current: i64,
    pub(crate) refractory: u32,
    pub(crate) membrane: i64,
    pub(crate) fired: bool,
    pub(crate) active: bool,
    pub(crate) overflowed: bool,
    pub(crate) clipped: bool,
}

/// One timestep of a neuron with current `u`, so many refractory timesteps left and membrane `v`, whose shifted sum and
/// bias are given. Rounding toward zero is that of integer division.
pub(crate) fn step(
    format: &NeuronFormat,
    neurons: &NeuronModel,
    channel: usize,
    (u, left, v): (i64, u32, i64),
    (sum, bias): (i64, i64),
) -> Stepped {
    let one = 1i64 << format.decay_bits;
    let held = held(sum, format.accumulator_bits, format.wrap);
    let mut overflowed = held != sum;
    let (mut current, mut driving) = (0, held + bias);
    if let (Some(own), true) = (neurons.current_of(channel), neurons.bias_joins_current()) {
        let kept = u * (one - i64::from(own.decay_offset) - i64::from(own.decay)) / one;
        current = self::held(kept + driving, own.bits, own.wrap);
        overflowed |= current != kept + driving;
        driving = current;
    } else if let Some(own) = neurons.current() {
        let wanted = u * (one - i64::from(own.decay_offset) - i64::from(own.decay)) / one + held;
        current = self::held(wanted, own.bits, own.wrap);
        driving = self::held(current + bias, own.bits, own.wrap);
        overflowed |= current != wanted || (driving != current + bias && left == 0);
    }
    let active = [u, i64::from(left), v, sum, bias] != [0; 5];
    if let Some(refractory) = left.checked_sub(1) {
        let (membrane, fired, clipped) = (v, false, false);
        return Stepped { current, refractory, membrane, fired, active, overflowed, clipped };
    }
    let next = v * (one - i64::from(neurons.decay_of(channel))) / one + driving;
    let next = neurons.floor().map_or(next, |floor| next.max(i64::from(floor)));
    let mut membrane = self::held(next, format.state_bits, false);
    let clipped = membrane != next;
    let threshold = neurons.thresholds().get(channel).map(|&t| i64::from(t) * (1 << format.threshold_shift));
    let fired = threshold.is_some_and(|t| membrane > t || (membrane == t && !format.strict));
    if let (true, Some(threshold), Some(reset)) = (fired, threshold, neurons.reset()) {
        let amount = match neurons {
            NeuronModel::ByChannel { subtracted, .. } => subtracted.get(channel).map_or(0, |&a| i64::from(a)),
            _ => threshold,
        };
        membrane = if reset == Reset::Zero { 0 } else { membrane - amount };
    }
    let refractory = if fired { neurons.refractory() } else { 0 };
    Stepped { current, refractory, membrane, fired, active, overflowed, clipped }
}

/// The nearest value of a signed width, or the one that is equal modulo its range.
fn held(value: i64, bits: u32, wrap: bool) -> i64 {
    let range = 1i64 << bits;
    let (least, most) = (-range / 2, range / 2 - 1);
    if wrap { (value - least).rem_euclid(range) + least } else { value.max(least).min(most) }
}
