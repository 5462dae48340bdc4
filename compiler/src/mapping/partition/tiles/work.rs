//! Expected work of tiles and cores, timestep by timestep, as the search sees it.
//!
//! Picoseconds that a core's synapse, neuron and axon-in units are busy for an item of the workload
//! ([`snnc_targets::CoreWork`]). Synaptic operations of a tile are those that its source positions are
//! expected to cause; channels of a tile are alike, as all of them read the same spikes; of a kernel whose zeros are
//! skipped they are so on the mean. Long passes are sampled.
//! The timesteps of all networks stand one behind the other, since passes of two networks never run at once.

use std::ops::Range;
use std::sync::Arc;

use snnc_targets::entity::EntityMap;
use snnc_targets::work::decoding_unit;
use snnc_targets::{CoreWork, Timing};

use super::tile::IncomingKernelUse;
use crate::ir::spiking::{SpikingIr, SpikingModel};
use crate::ir::{NetworkId, PopulationId};
use crate::mapping::activity::Activity;

/// Units whose work the search balances: synapse, neuron, axon in. Where the target's receive path is serial, decoding
/// is work of the first.
pub const UNITS: usize = 3;

/// Most timesteps of a pass that are looked at, all phases together; of longer ones as many are taken at even
/// distances.
const STEPS_MAX: u32 = 64;

/// Picoseconds by timestep.
pub type StepTimes = Vec<f32>;

/// A timestep that is looked at.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct WorkStep {
    /// The network whose pass it is of.
    pub network: NetworkId,
    /// Index of the phase of the item.
    phase: usize,
    /// Timestep of the pass.
    pub step: u32,
    /// Timesteps of the pass that it stands for.
    stands_for: f64,
}

/// What work is foreseen with.
#[derive(Debug)]
pub struct WorkModel<'a> {
    model: &'a SpikingModel,
    /// Parts of an item, in which passes are taken to be alike.
    phases: &'a [Activity],
    timing: &'a Timing,
    /// Whether weights of 0 are no work.
    pub skips_zeros: bool,
    /// Timesteps that are looked at, network by network.
    pub steps: Vec<WorkStep>,
    /// Spikes of each population in each of them, and in all those that it stands for.
    spikes: EntityMap<PopulationId, Vec<f64>>,
    /// What a neuron of each population does in each of them.
    neurons: EntityMap<PopulationId, StepTimes>,
}

impl<'a> WorkModel<'a> {
    /// For the passes of some networks, all alike in each of `phases`; the times of a target, and whether it skips
    /// zeros.
    pub fn new(
        model: &'a SpikingModel,
        phases: &'a [Activity],
        (timing, skips_zeros): (&'a Timing, bool),
        networks: &[NetworkId],
    ) -> Self {
        let of = |&network: &NetworkId| {
            let runs = |index: &usize| phases[*index].passes(network) > 0.0;
            let busy: Vec<usize> = (0..phases.len()).filter(runs).collect();
            let pass_steps = model.networks[network].pass_steps;
            let count = pass_steps.clamp(1, (STEPS_MAX / busy.len().max(1) as u32).max(1));
            let stands_for = f64::from(pass_steps.max(1)) / f64::from(count);
            let step = move |i| (u64::from(i) * u64::from(pass_steps) / u64::from(count)) as u32;
            busy.into_iter().flat_map(move |phase| {
                (0..count).map(move |i| WorkStep { network, phase, step: step(i), stands_for })
            })
        };
        let steps: Vec<WorkStep> = networks.iter().flat_map(of).collect();
        let spikes = model.populations.iter().map(|(id, population)| {
            let own = |at: &WorkStep| match at.network == population.network {
                true => phases[at.phase].of(id).total(at.step) * at.stands_for,
                false => 0.0,
            };
            steps.iter().map(own).collect()
        });
        let spikes = spikes.collect();
        let neurons = EntityMap::default();
        let mut work = Self { model, phases, timing, skips_zeros, steps, spikes, neurons };
        work.neurons = model.populations.keys().map(|id| work.neuron_times(id)).collect();
        work
    }

    /// Busy times of expected events, of the units that are balanced.
    fn busy(&self, work: CoreWork<f64>) -> [f32; UNITS] {
        let [synapse, neuron, axon_in, _] = work.busy_ps(self.timing);
        [synapse, neuron, axon_in].map(|ps| ps as f32)
    }

    fn phase(&self, at: &WorkStep) -> &'a Activity {
        &self.phases[at.phase]
    }

    /// Neuron updates and spikes of a neuron in each timestep; its network's passes summed.
    pub fn neuron(&self, population: PopulationId) -> &StepTimes {
        &self.neurons[population]
    }

    fn neuron_times(&self, population: PopulationId) -> StepTimes {
        let p = &self.model.populations[population];
        let each = |(at, spikes): (&WorkStep, &f64)| {
            let spikes = spikes / p.shape.len().max(1) as f64;
            let phase = self.phase(at);
            let updated = at.network == p.network && phase.of(population).active(at.step);
            let updates_active = if updated { phase.passes(p.network) * at.stands_for } else { 0.0 };
            self.busy(CoreWork { updates_active, spikes, ..CoreWork::default() })[1]
        };
        self.steps.iter().zip(&self.spikes[population]).map(each).collect()
    }

    /// Spikes of a neuron of a population in each timestep.
    pub fn rates(&self, population: PopulationId) -> Vec<f64> {
        let neurons = self.model.populations[population].shape.len().max(1) as f64;
        self.spikes[population].iter().map(|spikes| spikes / neurons).collect()
    }

    /// Busy times of so many synaptic operations, and of so many arriving packets, whichever unit decodes them.
    pub fn arriving(&self, synaptic_operations: f64, packets_in: f64) -> (f32, f32) {
        let [synapse, ..] = self.busy(CoreWork { synaptic_operations, ..CoreWork::default() });
        let decoding = self.busy(CoreWork { packets_in, ..CoreWork::default() });
        (synapse, decoding[self.decoding_unit()])
    }

    /// The unit that decodes packets.
    pub fn decoding_unit(&self) -> usize {
        decoding_unit(self.timing)
    }

    /// Picoseconds of a whole population, whichever cores hold it: the most of its synapses and its updates, timesteps
    /// summed.
    pub fn population(&self, ir: &SpikingIr, population: PopulationId) -> f64 {
        let neurons = self.model.populations[population].shape.len() as f64;
        let mut synapse = vec![0.0; self.steps.len()];
        for p in ir.projections.values().filter(|p| p.target == population) {
            let (rates, synapses) = (self.rates(p.source), p.stored_synapses(self.skips_zeros) as f64);
            for (sum, rate) in synapse.iter_mut().zip(rates) {
                *sum += f64::from(self.arriving(rate * synapses, 0.0).0);
            }
        }
        let updates = self.neuron(population).iter().map(|&ps| f64::from(ps) * neurons);
        synapse.iter().zip(updates).map(|(&synapse, update)| synapse.max(update)).sum()
    }

    /// The work of a tile of a population that is fed through `kernels`.
    pub fn tile(&self, population: PopulationId, positions: u64, kernels: &[IncomingKernelUse]) -> TileWork {
        let none = || vec![0.0; self.steps.len()];
        let own = self.model.populations[population].network;
        let first = self.steps.iter().position(|at| at.network == own).unwrap_or(0);
        let count = self.steps.iter().filter(|at| at.network == own).count();
        let mut work = TileWork {
            channel: [none(), self.neuron(population).clone(), none()],
            slice_axon_in: none(),
            decoding_unit: self.decoding_unit(),
            steps: first..first + count,
        };
        work.channel[1].iter_mut().for_each(|ps| *ps *= positions as f32);
        for kernel in kernels {
            self.add_kernel(&mut work, kernel);
        }
        work
    }

    /// Adds what a channel of a tile sends, to `fan_out` axons from all of its positions together. Only where updates
    /// wait for packets to be made: else that is a unit of its own, which is not balanced.
    pub fn add_sending(&self, work: &mut TileWork, population: PopulationId, fan_out: f64) {
        for (ps, rate) in work.channel[1].iter_mut().zip(self.rates(population)) {
            *ps += self.busy(CoreWork { packets_out: rate * fan_out, ..CoreWork::default() })[1];
        }
    }

    fn add_kernel(&self, work: &mut TileWork, kernel: &IncomingKernelUse) {
        let (shape, network) = {
            let source = &self.model.populations[kernel.source];
            (source.shape, source.network)
        };
        // Of a group of channels, only those of its source channels count.
        let share = kernel.channels.inputs as f64 / shape.channels.max(1) as f64;
        let density = kernel.density();
        let reaching = kernel.reaching();
        for (i, at) in self.steps.iter().enumerate() {
            let &WorkStep { network: running, step, stands_for, .. } = at;
            let source = self.phase(at).of(kernel.source);
            if running != network || !source.active(step) {
                continue;
            }
            let (operations, packets) = match source.recorded(step) {
                Some(spikes) => reached_by(spikes, shape.width, &reaching),
                None => {
                    let each = f64::from(source.at(step, 0));
                    (each * kernel.connections() as f64, each * kernel.positions() as f64)
                }
            };
            let (synapse, axon_in) =
                self.arriving(operations * density * share * stands_for, packets * share * stands_for);
            work.channel[0][i] += synapse;
            if kernel.joins_all {
                work.slice_axon_in[i] += axon_in;
            } else {
                work.channel[work.decoding_unit][i] += axon_in / kernel.channels.outputs.max(1) as f32;
            }
        }
    }
}

/// Sums of spikes, position by position, over those that reach a tile: with the synapses of each on one target channel,
/// and plain.
fn reached_by(spikes: &[f32], width: usize, [rows, cols]: &[Vec<(usize, u32)>; 2]) -> (f64, f64) {
    let (mut synapses, mut plain) = (0.0, 0.0);
    for &(y, row_taps) in rows {
        let spikes = &spikes[y * width..(y + 1) * width];
        for &(x, col_taps) in cols {
            let value = f64::from(spikes[x]);
            synapses += value * f64::from(row_taps * col_taps);
            plain += value;
        }
    }
    (synapses, plain)
}

/// Work of a tile, by timestep.
#[derive(Debug, Clone, Default)]
pub struct TileWork {
    /// Of one channel, by unit.
    pub channel: [StepTimes; UNITS],
    /// Decoding of packets for a slice, whatever its channels.
    pub slice_axon_in: StepTimes,
    /// The unit that decodes.
    pub decoding_unit: usize,
    /// Timesteps of its network's passes: in the others it does nothing.
    pub steps: Range<usize>,
}

/// Work of a core, by unit and timestep. Empty where work is not looked at.
#[derive(Debug, Clone, Default)]
pub struct CoreLoad {
    units: [StepTimes; UNITS],
}

impl CoreLoad {
    /// Most channels of a tile that keep every unit within `most` picoseconds in every timestep.
    pub fn channels_within(&self, most: &[f32], tile: &TileWork) -> u32 {
        let mut channels = u32::MAX;
        for (unit, each) in tile.channel.iter().enumerate() {
            for i in tile.steps.clone() {
                let (each, most) = (each[i], most[i]);
                let fixed = if unit == tile.decoding_unit { tile.slice_axon_in[i] } else { 0.0 };
                let left = most - self.at(unit, i) - fixed;
                if left < 0.0 && each + fixed > 0.0 {
                    return 0;
                }
                if each > 0.0 {
                    // As `u32` it saturates.
                    channels = channels.min((left / each) as u32);
                }
            }
        }
        channels
    }

    /// Whether more work of the first two units stays within `most` picoseconds in every timestep.
    pub fn allows(&self, most: &[f32], more: &Self) -> bool {
        let within = |unit: usize| {
            most.iter().enumerate().all(|(i, &most)| {
                let more = more.at(unit, i);
                more == 0.0 || self.at(unit, i) + more <= most
            })
        };
        (0..UNITS).all(within)
    }

    /// Its busy times as a share of these, timesteps weighed alike.
    pub fn share_of(&self, most: &[f32]) -> f64 {
        let busy: f32 = (0..most.len()).map(|step| self.busiest(step)).sum();
        f64::from(busy / most.iter().sum::<f32>().max(f32::MIN_POSITIVE))
    }

    fn at(&self, unit: usize, step: usize) -> f32 {
        self.units[unit].get(step).copied().unwrap_or(0.0)
    }

    /// Adds channels of a tile.
    pub fn add_tile(&mut self, tile: &TileWork, channels: u32) {
        for (unit, each) in tile.channel.iter().enumerate() {
            self.add(unit, each, channels as f32);
        }
        self.add(tile.decoding_unit, &tile.slice_axon_in, 1.0);
    }

    /// Adds `times` the picoseconds of each timestep to a unit.
    pub fn add(&mut self, unit: usize, each: &[f32], times: f32) {
        let own = &mut self.units[unit];
        own.resize(own.len().max(each.len()), 0.0);
        own.iter_mut().zip(each).for_each(|(sum, each)| *sum += each * times);
    }

    /// Adds another load.
    pub fn add_load(&mut self, other: &Self) {
        for (unit, each) in other.units.iter().enumerate() {
            self.add(unit, each, 1.0);
        }
    }

    /// Picoseconds of the busiest unit in a timestep.
    pub fn busiest(&self, step: usize) -> f32 {
        (0..UNITS).map(|unit| self.at(unit, step)).fold(0.0, f32::max)
    }
}

/// Most picoseconds that a unit of a core may be busy in each timestep.
#[derive(Debug, Clone)]
pub struct WorkLimit(pub Arc<[f32]>);
