//! Fills the cores' memories: weights, synapse lists, axons, routes.
//!
//! Input: spiking IR and a verified [`Partition`]. Output: the cores of a program, which the driver verifies against
//! the spiking IR once they are placed. Within a kernel row the taps are stored in the order of their targets, so
//! that the channels of neighbouring positions form long runs.

use std::collections::HashMap;

use snnc_targets::entity::EntityMap;

use super::Partition;
use crate::ir::program::{Core, CoreSlice, Destination, InputAxon, Run, Slice, SynapseList};
use crate::ir::spiking::{Projection, SpikingIr};
use crate::ir::{AxisMap, CoreId, PopulationId, ProjectionId};

/// (target relative to the first, tap): one way in which a source index reaches a slice along one axis.
type AxisVariant = Vec<(usize, usize)>;

/// Builds the cores of a verified partition; where they sit does not matter here.
pub fn build_cores(ir: &SpikingIr, partition: &Partition) -> EntityMap<CoreId, Core> {
    let mut cores: EntityMap<CoreId, Core> =
        partition.cores.values().map(|slices| empty_core(slices)).collect();
    let mut routes = Routes::new(&cores);
    let mut holders: HashMap<PopulationId, Vec<(CoreId, usize)>> = HashMap::new();
    for (id, core) in cores.iter() {
        for (index, placed) in core.slices.iter().enumerate() {
            holders.entry(placed.slice.population).or_default().push((id, index));
        }
    }
    let slices: EntityMap<CoreId, Vec<Slice>> =
        cores.values().map(|core| core.slices.iter().map(|s| s.slice.clone()).collect()).collect();
    for id in cores.keys() {
        for index in 0..cores[id].slices.len() {
            for (projection_id, projection) in ir.projections.iter() {
                if projection.target != cores[id].slices[index].slice.population {
                    continue;
                }
                let mut wiring = Wiring::new(&mut cores[id], index, projection_id, projection);
                for &(source, source_index) in holders.get(&projection.source).map_or(&[][..], |all| all) {
                    wiring.connect(&slices[source][source_index], |position, axon| {
                        routes.add(source, source_index, position, Destination { core: id, axon });
                    });
                }
            }
        }
    }
    routes.store(&mut cores);
    cores
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
struct Routes(EntityMap<CoreId, Vec<Vec<Vec<Destination>>>>);

impl Routes {
    fn new(cores: &EntityMap<CoreId, Core>) -> Self {
        let positions = |s: &CoreSlice| vec![Vec::new(); s.slice.positions() as usize];
        Self(cores.values().map(|core| core.slices.iter().map(positions).collect()).collect())
    }

    fn add(&mut self, core: CoreId, slice: usize, position: u32, to: Destination) {
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

/// The weights, lists and axons of one projection into one slice of one core.
struct Wiring<'a> {
    core: &'a mut Core,
    slice: usize,
    projection_id: ProjectionId,
    projection: &'a Projection,
    /// For each source row / column: first target and variant.
    rows: Vec<Option<(usize, usize)>>,
    cols: Vec<Option<(usize, usize)>>,
    row_variants: Vec<AxisVariant>,
    col_variants: Vec<AxisVariant>,
    /// Weight offset of tap (ky, kx) within a source channel.
    tap_offset: HashMap<(usize, usize), u32>,
    first_weight: u32,
    atom_stride: u32,
    lists: HashMap<(usize, usize), u32>,
}

impl<'a> Wiring<'a> {
    fn new(
        core: &'a mut Core,
        slice: usize,
        projection_id: ProjectionId,
        projection: &'a Projection,
    ) -> Self {
        let box_ = core.slices[slice].slice.clone();
        let (rows, row_variants) =
            variants(&projection.map.rows, box_.rows.start as usize..box_.rows.end as usize);
        let (cols, col_variants) =
            variants(&projection.map.cols, box_.cols.start as usize..box_.cols.end as usize);
        let kys = tap_order(&projection.map.rows, &row_variants);
        let kxs = tap_order(&projection.map.cols, &col_variants);
        let channels = box_.channels.start as usize..box_.channels.end as usize;
        let first_weight = core.weights.len() as u32;
        let mut tap_offset = HashMap::new();
        for &ky in &kys {
            for &kx in &kxs {
                tap_offset.insert((ky, kx), (tap_offset.len() * channels.len()) as u32);
            }
        }
        for c in 0..projection.kernel.inputs {
            for &ky in &kys {
                for &kx in &kxs {
                    core.weights.extend_from_slice(&projection.kernel.row(c, ky, kx)[channels.clone()]);
                }
            }
        }
        let atom_stride = (kys.len() * kxs.len() * channels.len()) as u32;
        Self {
            core,
            slice,
            projection_id,
            projection,
            rows,
            cols,
            row_variants,
            col_variants,
            tap_offset,
            first_weight,
            atom_stride,
            lists: HashMap::new(),
        }
    }

    /// Adds an axon for every position of a source slice that reaches this slice, and reports (position, axon).
    fn connect(&mut self, source: &Slice, mut route: impl FnMut(u32, u32)) {
        for position in 0..source.positions() {
            let (y, x) = source.coordinates(position);
            let (Some((ty, row)), Some((tx, col))) = (self.rows[y as usize], self.cols[x as usize]) else {
                continue;
            };
            let list = self.list(row, col);
            let placed = &self.core.slices[self.slice];
            let first = placed
                .slice
                .position(ty as u32, tx as u32)
                .expect("a variant's first target is in the slice");
            let axon = self.core.axons.len() as u32;
            self.core.axons.push(InputAxon {
                list,
                first_atom: source.channels.start,
                atoms: source.atoms(),
                target: placed.first_neuron + first * placed.slice.atoms(),
                delay: self.projection.delay,
            });
            route(position, axon);
        }
    }

    /// The list of a row variant and a column variant, made on first use.
    fn list(&mut self, row: usize, col: usize) -> u32 {
        if let Some(&list) = self.lists.get(&(row, col)) {
            return list;
        }
        let slice = &self.core.slices[self.slice].slice;
        let (atoms, width) = (slice.atoms(), slice.cols.end - slice.cols.start);
        let mut runs: Vec<Run> = Vec::new();
        for &(ty, ky) in &self.row_variants[row] {
            for &(tx, kx) in &self.col_variants[col] {
                let target = (ty as u32 * width + tx as u32) * atoms;
                let weight = self.tap_offset[&(ky, kx)];
                match runs.last_mut() {
                    Some(run) if run.target + run.len == target && run.weight + run.len == weight => {
                        run.len += atoms
                    }
                    _ => runs.push(Run { target, weight, len: atoms }),
                }
            }
        }
        let list = self.core.lists.len() as u32;
        self.core.lists.push(SynapseList {
            projection: self.projection_id,
            slice: self.slice as u32,
            weights: self.first_weight,
            atoms: self.projection.kernel.inputs as u32,
            atom_stride: self.atom_stride,
            runs,
        });
        self.lists.insert((row, col), list);
        list
    }
}

/// For each source index its first target and variant (`None`: it does not reach), and the distinct variants.
fn variants(
    axis: &AxisMap,
    targets: std::ops::Range<usize>,
) -> (Vec<Option<(usize, usize)>>, Vec<AxisVariant>) {
    let mut distinct: Vec<AxisVariant> = Vec::new();
    let sources = (0..axis.input)
        .map(|i| {
            let reach = axis.reach(i, targets.clone());
            let &(first, _) = reach.first()?;
            let variant: AxisVariant = reach.iter().map(|&(t, k)| (t - first, k)).collect();
            let index = distinct.iter().position(|v| *v == variant).unwrap_or_else(|| {
                distinct.push(variant);
                distinct.len() - 1
            });
            Some((first, index))
        })
        .collect();
    (sources, distinct)
}

/// Taps in use, ordered so that those which one source index uses together are neighbours in target order.
fn tap_order(axis: &AxisMap, variants: &[AxisVariant]) -> Vec<usize> {
    let mut taps: Vec<usize> = variants.iter().flatten().map(|&(_, k)| k).collect();
    let phase = |k: usize| if axis.transposed { 0 } else { k * axis.dilation % axis.stride };
    let ascending = |k: usize| if axis.transposed { k } else { usize::MAX - k };
    taps.sort_unstable_by_key(|&k| (phase(k), ascending(k)));
    taps.dedup();
    taps
}
