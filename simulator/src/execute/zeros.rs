//! Synaptic operations that a chip leaves out, since its formats do not hold weights of 0.
//!
//! Sums are those of whole kernels, as zeros change none, and their operations are counted by position and not by
//! source channel. So the zeros that spikes meet are counted beside them, spike by spike, and taken off. Only on
//! targets that say so ([`snnc_targets::schema::ZeroWeights`]).

use snnc_compiler::ir::PopulationId;
use snnc_compiler::ir::program::Program;
use snnc_compiler::ir::program::zeros::SkippedZeros;

use super::incoming::{IncomingConnection, TargetSynapses};
use super::pass::{Arrival, ChipPass};
use crate::counts::{SliceIndex, SliceTable};

/// The zeros behind the incoming connections of a program.
#[derive(Debug)]
pub struct ZeroOperations {
    zeros: SkippedZeros,
    /// Incoming connections of each slice that meet zeros.
    connections: Vec<Vec<IncomingConnection>>,
}

impl ZeroOperations {
    /// None where the target stores zeros, or there are none.
    pub fn new(
        program: &Program,
        table: &SliceTable,
        connections: &[Vec<IncomingConnection>],
    ) -> Option<Self> {
        let zeros = SkippedZeros::of(program)?;
        let of_slice = |(slice, connections): (SliceIndex, &Vec<IncomingConnection>)| {
            let meets = |tap: &TargetSynapses| {
                zeros.on(table.cores[slice]).of_list(tap.list).iter().any(|&zeros| zeros > 0)
            };
            let some = connections.iter().filter(|c| c.taps.iter().flatten().any(meets));
            some.cloned().collect()
        };
        let connections = connections.iter().enumerate().map(of_slice).collect();
        Some(Self { zeros, connections })
    }

    /// Slices whose spikes meet zeros.
    pub fn sources(&self) -> impl Iterator<Item = SliceIndex> {
        self.connections.iter().flatten().map(|connection| connection.source)
    }

    /// Zeros that the spikes meet which arrive at a slice in a timestep of the pass.
    pub fn met(&self, pass: &ChipPass, (slice, population): (SliceIndex, PopulationId), step: u32) -> u64 {
        let table = &pass.chip.table;
        let core = table.cores[slice];
        let (zeros, lists) = (self.zeros.on(core), &pass.chip.program.cores[core].lists);
        let of_connection = |connection: &IncomingConnection| {
            let arrival = Arrival { step, delay: connection.delay };
            if pass.of_pass_before(table.populations[connection.source], arrival) {
                return 0;
            }
            let fired = pass.fired(connection.source, population, arrival).iter();
            let met = fired.filter_map(|spike| {
                let tap = connection.taps[spike.position as usize]?;
                let atom = tap.first_atom + spike.atom - lists[tap.list as usize].first_atom;
                Some(u64::from(zeros.of_list(tap.list)[atom as usize]))
            });
            met.sum::<u64>()
        };
        self.connections[slice].iter().map(of_connection).sum()
    }
}
