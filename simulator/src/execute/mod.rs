//! Executes a program from its cores' own memories, in the target's integers.
//!
//! A pass goes population by population: sources come before targets, so all spikes that reach a slice are known
//! before it runs its window ([`pass`]). Within a slice, per timestep: packets -> axon -> synapse list ->
//! accumulators -> neurons -> spikes. Slices that receive the same packets run as one [`gang`]. Gangs of one
//! population run in parallel; every gang writes only its own state, so threads cannot change a result.
//!
//! Oracles, plain and never optimised: [`plain`] moves explicit packets between cores, timestep by timestep, and
//! [`oracle`] interprets the spiking IR without any core.

pub mod feeds;
pub mod gang;
pub mod host_input;
pub mod kernels;
pub mod neuron;
pub mod oracle;
pub mod pass;
pub mod plain;
pub mod slice;

use snnc_compiler::ir::program::Program;
use snnc_compiler::ir::program::trees::Trees;
use snnc_compiler::ir::spiking::Population;
use snnc_compiler::ir::{NetworkId, PopulationId};

use crate::counts::{PassCounts, SliceTable};
use feeds::{Feed, Receiver};
use gang::Gang;
use slice::SliceTrace;

/// A program ready to run.
#[derive(Debug)]
pub struct Chip<'a> {
    /// The program, verified.
    pub program: &'a Program,
    /// Numbering of its slices.
    pub table: SliceTable,
    /// What arrives at each slice.
    feeds: Vec<Vec<Feed>>,
    /// What each slice reaches.
    receivers: Vec<Vec<Receiver>>,
    /// How its slices run, by population.
    gangs: Vec<Vec<Gang>>,
    /// Multicast trees, if the target has them.
    trees: Option<Trees>,
}

/// What a pass gave.
#[derive(Debug, Clone)]
pub struct PassOutcome {
    /// Values of the network's read-outs, `[c, h, w]` row-major each, in the order of [`Model::readouts`].
    ///
    /// [`Model::readouts`]: snnc_compiler::ir::spiking::Model::readouts
    pub readouts: Vec<Vec<f64>>,
    /// Event counts.
    pub counts: PassCounts,
    /// Spikes by slice (empty for slices of other networks).
    pub traces: Vec<SliceTrace>,
}

impl<'a> Chip<'a> {
    /// Indexes a verified program.
    pub fn new(program: &'a Program) -> Self {
        let table = SliceTable::new(program);
        let feeds = feeds::index(program, &table);
        let gangs = gang::index(program, &table, &feeds);
        let receivers = feeds::receivers(&table, &feeds);
        Self { program, table, feeds, receivers, gangs, trees: Trees::of(program) }
    }

    /// Runs one pass of a network on its constant input, `[c, h, w]` row-major.
    pub fn run(&self, network: NetworkId, input: &[f64]) -> PassOutcome {
        pass::run(self, network, input)
    }

    /// Spikes of a population in a pass: one flag a neuron, `[c, h, w]` row-major as the outside numbers them, for each timestep of its window.
    pub fn spikes(&self, outcome: &PassOutcome, population: PopulationId) -> Vec<Vec<bool>> {
        let from = &self.program.model.populations[population];
        let Population { shape, window, .. } = from;
        let mut spikes = vec![vec![false; shape.len()]; window.steps as usize];
        for (index, trace) in outcome.traces.iter().enumerate() {
            if self.table.populations[index] != population {
                continue;
            }
            let slice = self.table.slice(self.program, index);
            for (step, fired) in trace.fired.iter().enumerate() {
                for spike in fired {
                    let (y, x) = slice.slice.coordinates(spike.position);
                    let channel = slice.slice.channels.start + spike.atom;
                    let neuron = shape.at(channel as usize, y as usize, x as usize);
                    spikes[step][from.outside(neuron)] = true;
                }
            }
        }
        spikes
    }
}
