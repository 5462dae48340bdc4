//! The core-by-core oracle: explicit packets, timestep by timestep, one neuron at a time. Never optimised.
//!
//! It follows the program's routes from the sender's side, where the fast path reads them from the receiver's, and
//! adds one weight at a time. Both must give the same spikes, membranes and counts.

use snnc_compiler::ir::program::{AxonEntry, Core, Program};
use snnc_compiler::ir::spiking::{Bias, Dynamics};
use snnc_compiler::ir::{CoreId, NetworkId};

use super::neuron::Update;
use super::pass::write_inputs;
use super::slice::local_bias;
use super::{Chip, slice::Spike};
use crate::counts::Events;

/// A packet under way.
#[derive(Debug, Clone, Copy)]
struct Packet {
    core: CoreId,
    axon: u32,
    atom: u32,
    arrives: u32,
}

/// What the oracle saw.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PlainOutcome {
    /// Spikes by slice and timestep of the pass.
    pub fired: Vec<Vec<Vec<Spike>>>,
    /// Membranes after each slice's window, local neuron order.
    pub membranes: Vec<Vec<i32>>,
    /// Events by timestep of the pass and slice.
    pub events: Vec<Vec<Events>>,
}

/// Runs one pass of a network, packet by packet.
pub fn run(chip: &Chip, network: NetworkId, input: &[f64]) -> PlainOutcome {
    let program = &*chip.program;
    let written = write_inputs(chip, network, input);
    let steps = program.model.networks[network].pass_steps;
    let slices = chip.table.len();
    let mut state = PlainOutcome {
        fired: vec![vec![Vec::new(); steps as usize]; slices],
        membranes: (0..slices)
            .map(|i| vec![0; chip.table.slice(program, i).slice.neurons() as usize])
            .collect(),
        events: vec![vec![Events::default(); slices]; steps as usize],
    };
    let mut under_way: Vec<Packet> = Vec::new();
    for step in 0..steps {
        let mut sums: Vec<Vec<i32>> = program.cores.values().map(|c| vec![0; c.neurons() as usize]).collect();
        let (now, later): (Vec<_>, Vec<_>) = under_way.into_iter().partition(|p| p.arrives == step);
        under_way = later;
        for packet in now {
            let core = &program.cores[packet.core];
            let axon = &core.axons[packet.axon as usize];
            for (i, entry) in core.entries(axon).iter().enumerate() {
                let slice = core.lists[entry.list as usize].slice as usize;
                let operations = integrate(core, packet, entry, &mut sums[packet.core.0 as usize]);
                let index = chip.table.starts[packet.core.0 as usize] + slice;
                let events = &mut state.events[step as usize][index];
                // A packet is counted once, at the first slice that it touches.
                events.packets_received += u64::from(i == 0);
                events.synaptic_operations += operations;
            }
        }
        for index in 0..slices {
            let bias = written.get(&chip.table.populations[index]).map(|(values, _)| values.as_slice());
            update(program, chip, network, index, step, &sums, bias, &mut state, &mut under_way);
        }
    }
    state
}

/// Adds one packet's weights in one slice; the number of synapses.
fn integrate(core: &Core, packet: Packet, entry: &AxonEntry, sums: &mut [i32]) -> u64 {
    let axon = &core.axons[packet.axon as usize];
    let list = &core.lists[entry.list as usize];
    let (row, behind) = list.row(axon.first_atom + packet.atom);
    let mut operations = 0;
    for run in &list.runs {
        for i in 0..run.len {
            let weight = core.weights[(row + run.weight + i) as usize];
            sums[(entry.target + behind + run.target + i) as usize] += i32::from(weight);
            operations += 1;
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
    under_way: &mut Vec<Packet>,
) {
    let placed = chip.table.slice(program, index);
    let population = &program.model.populations[placed.slice.population];
    if population.network != network || !population.window.contains(step) {
        return;
    }
    let rule = Update::new(&program.model.neuron, population.dynamics.decay(), population.input_shift);
    let biases = local_bias(placed, population, written.filter(|_| population.bias == Bias::Host));
    let core = chip.table.cores[index];
    let events = &mut state.events[step as usize][index];
    for local in 0..placed.slice.neurons() {
        let (position, atom) = (local / placed.slice.atoms(), local % placed.slice.atoms());
        let v = &mut state.membranes[index][local as usize];
        let sum = sums[core.0 as usize][(placed.first_neuron + local) as usize];
        *v = rule.integrate(*v, sum, biases[local as usize], events);
        let Dynamics::Lif { thresholds, .. } = &population.dynamics else { continue };
        let threshold = thresholds[(placed.slice.channels.start + atom) as usize];
        if !rule.fires(*v, (threshold << program.model.neuron.threshold_shift) as i32) {
            continue;
        }
        *v = 0;
        events.spikes += 1;
        state.fired[index][step as usize].push(Spike { position, atom });
        for to in placed.routes(position) {
            let delay = program.cores[to.core].axons[to.axon as usize].delay;
            under_way.push(Packet { core: to.core, axon: to.axon, atom, arrives: step + delay });
            events.packets_sent += 1;
        }
    }
}
