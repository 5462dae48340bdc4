//! Fills the cores' memories: weights, synapse lists, axons, routes.
//!
//! Input: spiking IR and a verified [`Partition`]. Output: the cores of a program, which the driver verifies against
//! the spiking IR once they are placed. Channel groups cut slices first ([`refine`]).

mod convolution;
pub mod refine;
mod sparse;

use std::collections::{BTreeSet, HashMap};

use snnc_targets::entity::EntityMap;

use self::convolution::{ConvProjection, CoreConnection};
use super::Partition;
use crate::ir::program::{AxonDestination, Core, CoreSlice, Slice};
use crate::ir::spiking::{Population, SpikingIr};
use crate::ir::{CoreId, NetworkId, PopulationId};

/// Builds the cores of a verified partition, and the ports behind them; where they sit does not matter here. An axon of
/// the target tells `atoms_max` channels apart.
pub fn build_cores(ir: &SpikingIr, partition: &Partition, atoms_max: Option<u32>) -> EntityMap<CoreId, Core> {
    let mut placed = partition.cores.clone();
    for slices in port_slices(ir, partition, atoms_max) {
        placed.push(slices);
    }
    let mut cores: EntityMap<CoreId, Core> =
        refine::refined(ir, &placed).values().map(|slices| empty_core(slices)).collect();
    let mut routes = PositionRoutes::new(&cores);
    let mut holders: HashMap<PopulationId, Vec<(CoreId, usize)>> = HashMap::new();
    for (id, core) in cores.iter() {
        for (index, placed) in core.slices.iter().enumerate() {
            holders.entry(placed.slice.population).or_default().push((id, index));
        }
    }
    let slices: EntityMap<CoreId, Vec<Slice>> =
        cores.values().map(|core| core.slices.iter().map(|s| s.slice.clone()).collect()).collect();
    for id in cores.keys() {
        for population in populations_on(&cores[id]) {
            for (projection_id, projection) in ir.projections.iter().filter(|(_, p)| p.target == population) {
                let Some(conv) = projection.conv() else { continue };
                let convolution = ConvProjection { id: projection_id, conv, delay: projection.delay };
                let connection = CoreConnection::new(&mut cores[id], population, convolution);
                for &(source, source_index) in holders.get(&projection.source).map_or(&[][..], |all| all) {
                    let slice = &slices[source][source_index];
                    connection.connect(&mut cores[id], slice, |position, axon| {
                        routes.add(source, source_index, position, AxonDestination { core: id, axon });
                    });
                }
            }
        }
    }
    for (id, projection) in ir.projections.iter() {
        if let Some(sparse) = projection.sparse() {
            sparse::connect(&mut cores, &mut routes, ir, id, projection, sparse);
        }
    }
    routes.store(&mut cores);
    cores
}

/// The slices of each port, of the networks that the partition has cores of.
fn port_slices(ir: &SpikingIr, partition: &Partition, atoms_max: Option<u32>) -> Vec<Vec<Slice>> {
    let populations = &ir.model.populations;
    let held = partition.cores.values().flatten().map(|slice| populations[slice.population].network);
    let networks: BTreeSet<NetworkId> = held.collect();
    let ports = ir.model.ports().filter(|(_, p)| networks.contains(&p.network));
    let slices = |(population, p): (PopulationId, &Population)| {
        let [channels, rows, cols] = [p.shape.channels, p.shape.height, p.shape.width].map(|n| n as u32);
        let width = atoms_max.unwrap_or(channels).max(1);
        let starts = (0..channels).step_by(width as usize);
        starts
            .map(|first| Slice {
                population,
                channels: first..(first + width).min(channels),
                rows: 0..rows,
                cols: 0..cols,
            })
            .collect()
    };
    ports.map(slices).collect()
}

fn empty_core(slices: &[Slice]) -> Core {
    let mut first_neuron = 0;
    let mut core = Core::default();
    for slice in slices {
        core.slices.push(CoreSlice {
            slice: slice.clone(),
            first_neuron,
            route_starts: vec![0; slice.positions() as usize + 1],
            destinations: Vec::new(),
        });
        first_neuron += slice.neurons();
    }
    core
}

/// Destinations by position, collected before they are stored end to end.
struct PositionRoutes(EntityMap<CoreId, Vec<Vec<Vec<AxonDestination>>>>);

impl PositionRoutes {
    fn new(cores: &EntityMap<CoreId, Core>) -> Self {
        let positions = |s: &CoreSlice| vec![Vec::new(); s.slice.positions() as usize];
        Self(cores.values().map(|core| core.slices.iter().map(positions).collect()).collect())
    }

    fn add(&mut self, core: CoreId, slice: usize, position: u32, to: AxonDestination) {
        self.0[core][slice][position as usize].push(to);
    }

    fn store(self, cores: &mut EntityMap<CoreId, Core>) {
        for (id, slices) in self.0.iter() {
            for (placed, positions) in cores[id].slices.iter_mut().zip(slices) {
                placed.destinations = positions.concat();
                let mut end = 0;
                for (start, destinations) in placed.route_starts[1..].iter_mut().zip(positions) {
                    end += destinations.len() as u32;
                    *start = end;
                }
            }
        }
    }
}

/// The populations that a core holds, in the order of their first slices.
fn populations_on(core: &Core) -> Vec<PopulationId> {
    let mut all = Vec::new();
    for placed in &core.slices {
        if !all.contains(&placed.slice.population) {
            all.push(placed.slice.population);
        }
    }
    all
}
