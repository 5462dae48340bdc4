//! One slice through its window: the inner loops.

use snnc_compiler::ir::program::{Core, CoreSlice};
use snnc_compiler::ir::spiking::{Bias, Dynamics, Model, Population};

use super::feeds::Feed;
use super::neuron::Update;
use crate::counts::Events;

/// A neuron of a slice that fired.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Spike {
    /// Position within the slice, row-major.
    pub position: u32,
    /// Channel within the slice.
    pub atom: u32,
}

/// What a slice did in a pass, by timestep of its window.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct SliceTrace {
    /// Spikes, ascending.
    pub fired: Vec<Vec<Spike>>,
    /// Events.
    pub events: Vec<Events>,
    /// Packets that arrived by each feed.
    pub arrived: Vec<Vec<u64>>,
    /// Membranes after the window, local neuron order.
    pub membranes: Vec<i32>,
}

/// Everything that a slice's run reads.
pub struct SliceRun<'a> {
    /// Its core's memories.
    pub core: &'a Core,
    /// Its neurons.
    pub placed: &'a CoreSlice,
    /// Its population.
    pub population: &'a Population,
    /// Widths.
    pub model: &'a Model,
    /// What arrives.
    pub feeds: &'a [Feed],
    /// Bias of each neuron, local order.
    pub bias: Vec<i32>,
}

impl SliceRun<'_> {
    /// Runs the window. `fired` gives the spikes of a source slice in a timestep of the pass.
    pub fn run<'f>(&self, fired: &dyn Fn(usize, u32) -> &'f [Spike]) -> SliceTrace {
        let neurons = self.placed.slice.neurons() as usize;
        let mut trace = SliceTrace { membranes: vec![0; neurons], ..SliceTrace::default() };
        let mut sums = vec![0i32; neurons];
        let window = self.population.window;
        for step in window.start..window.end() {
            let mut events = Events::default();
            sums.fill(0);
            let arrived = self
                .feeds
                .iter()
                .map(|feed| match step.checked_sub(feed.delay) {
                    Some(sent) => self.accumulate(feed, fired(feed.source, sent), &mut sums, &mut events),
                    None => 0,
                })
                .collect();
            let spikes = self.update(&mut trace.membranes, &sums, &mut events);
            events.spikes = spikes.len() as u64;
            events.packets_sent = spikes.iter().map(|s| self.placed.routes(s.position).len() as u64).sum();
            trace.fired.push(spikes);
            trace.events.push(events);
            trace.arrived.push(arrived);
        }
        trace
    }

    /// Adds the weights of all spikes of one feed; the number of packets.
    fn accumulate(&self, feed: &Feed, spikes: &[Spike], sums: &mut [i32], events: &mut Events) -> u64 {
        let mut packets = 0;
        let mut operations = 0u64;
        for spike in spikes {
            let Some(axon) = feed.axons[spike.position as usize] else { continue };
            packets += 1;
            let axon = &self.core.axons[axon as usize];
            let list = &self.core.lists[axon.list as usize];
            let row = list.weights as usize + ((axon.first_atom + spike.atom) * list.atom_stride) as usize;
            let first = (axon.target - self.placed.first_neuron) as usize;
            for run in &list.runs {
                let length = run.len as usize;
                let weights = &self.core.weights[row + run.weight as usize..][..length];
                let targets = &mut sums[first + run.target as usize..][..length];
                for (sum, &weight) in targets.iter_mut().zip(weights) {
                    *sum += i32::from(weight);
                }
                operations += u64::from(run.len);
            }
        }
        events.packets_received += packets;
        events.synaptic_operations += operations;
        packets
    }

    /// Updates all neurons; the spikes, ascending.
    fn update(&self, membranes: &mut [i32], sums: &[i32], events: &mut Events) -> Vec<Spike> {
        let rule =
            Update::new(&self.model.neuron, self.population.dynamics.decay(), self.population.input_shift);
        let channels = self.placed.slice.channels.start as usize..self.placed.slice.channels.end as usize;
        let atoms = channels.len();
        let mut spikes = Vec::new();
        for ((v, &sum), &bias) in membranes.iter_mut().zip(sums).zip(&self.bias) {
            *v = rule.integrate(*v, sum, bias, events);
        }
        if let Dynamics::Lif { thresholds, .. } = &self.population.dynamics {
            let thresholds = &thresholds[channels];
            let shift = self.model.neuron.threshold_shift;
            for (position, row) in membranes.chunks_exact_mut(atoms).enumerate() {
                for (atom, (v, &threshold)) in row.iter_mut().zip(thresholds).enumerate() {
                    if rule.fires(*v, (threshold << shift) as i32) {
                        *v = 0;
                        spikes.push(Spike { position: position as u32, atom: atom as u32 });
                    }
                }
            }
        }
        spikes
    }
}

/// Biases of a slice in local neuron order; `written` are the host's, `[c, h, w]` row-major.
pub fn local_bias(placed: &CoreSlice, population: &Population, written: Option<&[i32]>) -> Vec<i32> {
    let slice = &placed.slice;
    let mut all = Vec::with_capacity(slice.neurons() as usize);
    for position in 0..slice.positions() {
        let (y, x) = slice.coordinates(position);
        for c in slice.channels.clone() {
            all.push(match (&population.bias, written) {
                (Bias::Zero, _) | (Bias::Host, None) => 0,
                (Bias::Channel(values), _) => values[c as usize],
                (Bias::Host, Some(values)) => values[population.shape.at(c as usize, y as usize, x as usize)],
            });
        }
    }
    all
}
