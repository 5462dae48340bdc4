//! What simulating packets costs beside executing the network, by counts alone: which timing model a run takes that is
//! not told one must not depend on the machine.
//!
//! The execution's work is its synaptic operations. The simulation's is crossings: each packet is made, delivered, and
//! goes over links. One crossing takes as long as some [`OPERATIONS_PER_CROSSING`] operations.

use snnc_compiler::ir::program::Program;
use snnc_compiler::ir::program::zeros::SkippedZeros;

use super::Fidelity;

/// Synaptic operations in the time of one crossing: the example of a denoiser on `loihi-like` takes 0.5 s for 4.58e9
/// operations, and 3.4 s more for 1/8 of its 472e6 crossings (docs/cycle-time.md, mesh engines).
pub const OPERATIONS_PER_CROSSING: u64 = 600;

/// One timestep of so many is simulated where nothing else is asked for.
pub const DEFAULT_EVERY: u32 = 16;

/// Work of an execution, and of simulating all its packets.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct SimulationEffort {
    /// Synaptic operations.
    pub operations: u128,
    /// Packets made, packets delivered and links crossed.
    pub crossings: u128,
}

impl SimulationEffort {
    /// Of so many packets, which cross so many links.
    pub fn new(operations: u128, packets: u128, hops: u128) -> Self {
        Self { operations, crossings: 2 * packets + hops }
    }

    /// Of a program whose neurons all fire once.
    pub fn of_program(program: &Program) -> Self {
        let topology = program.topology();
        let (mut operations, mut packets, mut hops) = (0, 0, 0);
        let zeros = SkippedZeros::of(program);
        for (id, core) in program.cores.iter() {
            let from = topology.tile_of(program.sites[id]);
            for placed in &core.slices {
                let atoms = u128::from(placed.slice.atoms());
                for to in &placed.destinations {
                    let target = &program.cores[to.core];
                    // Without an axon (programs of tests) a packet meets no synapse.
                    let entries = target.axons.get(to.axon as usize).map(|axon| target.entries(axon));
                    let lists = entries.into_iter().flatten().map(|entry| &target.lists[entry.list as usize]);
                    operations += atoms * lists.map(|list| u128::from(list.synapses())).sum::<u128>();
                    if let (Some(zeros), Some(axon)) = (&zeros, target.axons.get(to.axon as usize)) {
                        operations -= u128::from(zeros.on(to.core).met_by_all(target, axon));
                    }
                    packets += atoms;
                    hops += atoms * u128::from(topology.hops(from, topology.tile_of(program.sites[to.core])));
                }
            }
        }
        Self::new(operations, packets, hops)
    }

    /// Work of simulating one timestep of `every`, as a multiple of the execution's.
    pub fn relative(&self, every: u32) -> f64 {
        let simulated = self.crossings as f64 * OPERATIONS_PER_CROSSING as f64 / f64::from(every);
        simulated / (self.operations as f64).max(1.0)
    }
}

impl Fidelity {
    /// How time is modelled where nobody says it: one timestep of [`DEFAULT_EVERY`] packet by packet if that is less
    /// work than the execution and the target describes its network, else by the formula.
    pub fn by_effort(program: &Program) -> Self {
        let sampled = Self::Cycle { every: DEFAULT_EVERY };
        let pays = SimulationEffort::of_program(program).relative(DEFAULT_EVERY) < 1.0;
        let table = crate::counts::SliceTable::new(program);
        let possible = || super::Cycle::new(program, &table, DEFAULT_EVERY).is_ok();
        if pays && possible() { sampled } else { Self::Analytic }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::noc::fixture::program;

    #[test]
    fn work_is_counted_by_packets_links_and_operations() {
        // 10 packets over 30 links: 50 crossings x 600 operations against 3,000, for one timestep of 16.
        let effort = SimulationEffort::new(3_000, 10, 30);
        assert_eq!(effort.crossings, 50);
        assert!((effort.relative(1) - 10.0).abs() < 1e-12 && (effort.relative(16) - 0.625).abs() < 1e-12);
    }

    #[test]
    fn packets_that_meet_no_synapse_are_not_worth_simulating() {
        let program = program();
        let effort = SimulationEffort::of_program(&program);
        assert_eq!(effort.operations, 0);
        // Each position of a routed slice sends to its cores: counted anew from the routes.
        let mut crossings = 0;
        let topology = program.topology();
        for (id, core) in program.cores.iter() {
            for placed in &core.slices {
                for position in 0..placed.slice.positions() {
                    for to in placed.routes(position) {
                        let way = topology.path(program.sites[id], program.sites[to.core]).count() as u128;
                        crossings += u128::from(placed.slice.atoms()) * (2 + way);
                    }
                }
            }
        }
        assert!(crossings > 100);
        assert_eq!(effort.crossings, crossings);
        assert_eq!(Fidelity::by_effort(&program), Fidelity::Analytic);
    }
}
