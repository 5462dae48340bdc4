//! Every synapse of the spiking IR on exactly one core, exactly once, with its weight and delay.
//!
//! Works entry by entry of the axons. Weights of a list are compared once, whatever the number of axons that share it, so no pass
//! over unrolled synapses is needed: the first entry of a list fixes which tap each relative target means, and all
//! others must agree.

use std::collections::BTreeMap;

use super::Findings;
use crate::ir::program::{AxonEntry, Core, CoreSlice, Program, Slice, SynapseList};
use crate::ir::spiking::{Projection, SpikingIr};
use crate::ir::{CoreId, ProjectionId};

/// (relative target neuron, weight offset, kernel row, kernel column) of one position each.
type Taps = Vec<(u32, u32, usize, usize)>;

impl Findings {
    pub(super) fn synapses(&mut self, program: &Program, ir: &SpikingIr) {
        // Atoms that arrive for each (projection, core, slice) from each source position.
        let mut arrived: BTreeMap<(ProjectionId, CoreId, u32), Vec<u32>> = BTreeMap::new();
        let mut known: Vec<Vec<Option<Taps>>> =
            program.cores.values().map(|c| vec![None; c.lists.len()]).collect();
        for (id, core) in program.cores.iter() {
            for placed in &core.slices {
                self.slice_synapses(program, ir, id, placed, &mut arrived, &mut known);
            }
        }
        for (id, core) in program.cores.iter() {
            for (index, placed) in core.slices.iter().enumerate() {
                self.complete(ir, id, index as u32, &placed.slice, &arrived);
            }
        }
    }

    fn slice_synapses(
        &mut self,
        program: &Program,
        ir: &SpikingIr,
        id: CoreId,
        placed: &CoreSlice,
        arrived: &mut BTreeMap<(ProjectionId, CoreId, u32), Vec<u32>>,
        known: &mut [Vec<Option<Taps>>],
    ) {
        let source = &placed.slice;
        for position in 0..source.positions() {
            let (y, x) = source.coordinates(position);
            let mut seen = Vec::new();
            for to in placed.routes(position) {
                let core = &program.cores[to.core];
                let axon = &core.axons[to.axon as usize];
                let place = || format!("{id} position ({y}, {x}) to {} axon {}", to.core, to.axon);
                for entry in core.entries(axon) {
                    let list = &core.lists[entry.list as usize];
                    let key = (list.projection, to.core, list.slice);
                    let once = !seen.contains(&key);
                    seen.push(key);
                    self.need(once, place, || format!("arrives twice for {}", list.projection));
                    let Some(projection) = ir.projections.get(list.projection) else {
                        self.need(false, place, || format!("{} does not exist", list.projection));
                        continue;
                    };
                    let target = &core.slices[list.slice as usize];
                    let meant = projection.source == source.population
                        && projection.target == target.slice.population
                        && projection.delay == axon.delay
                        && axon.first_atom == source.channels.start
                        && list.atoms as usize == projection.kernel.inputs;
                    if !self.need(meant, place, || {
                        format!("axon does not carry {} as the spiking IR has it", list.projection)
                    }) {
                        continue;
                    }
                    let taps = expected(projection, target, (y, x), entry.target);
                    let memory = &mut known[to.core.0 as usize][entry.list as usize];
                    self.entry_taps(core, projection, list, entry, target, taps, memory, &place);
                    let positions = projection.map.rows.input * projection.map.cols.input;
                    let counts = arrived.entry(key).or_insert_with(|| vec![0; positions]);
                    counts[y as usize * projection.map.cols.input + x as usize] += axon.atoms;
                }
            }
        }
    }

    #[expect(clippy::too_many_arguments, reason = "one comparison with all its parties")]
    fn entry_taps(
        &mut self,
        core: &Core,
        projection: &Projection,
        list: &SynapseList,
        entry: &AxonEntry,
        target: &CoreSlice,
        taps: Option<Vec<(u32, usize, usize)>>,
        memory: &mut Option<Taps>,
        place: &dyn Fn() -> String,
    ) {
        let atoms = target.slice.atoms();
        let stored = stored(list, atoms);
        let pairs = taps.zip(stored).filter(|(taps, stored)| {
            taps.len() == stored.len() && taps.iter().zip(stored).all(|(t, s)| t.0 == s.0)
        });
        let Some((taps, stored)) = pairs else {
            self.need(false, place, || {
                format!("targets from neuron {} differ from those of {}", entry.target, list.projection)
            });
            return;
        };
        let taps: Taps = taps.iter().zip(&stored).map(|(t, s)| (t.0, s.1, t.1, t.2)).collect();
        match memory {
            Some(known) => {
                self.need(*known == taps, place, || "shares a list that means other taps".into());
            }
            None => {
                let right = taps.iter().all(|tap| weights_match(core, projection, list, &target.slice, tap));
                self.need(right, place, || format!("weights differ from those of {}", list.projection));
                *memory = Some(taps);
            }
        }
    }

    fn complete(
        &mut self,
        ir: &SpikingIr,
        id: CoreId,
        index: u32,
        slice: &Slice,
        arrived: &BTreeMap<(ProjectionId, CoreId, u32), Vec<u32>>,
    ) {
        for (projection_id, projection) in ir.projections.iter().filter(|(_, p)| p.target == slice.population)
        {
            let counts = arrived.get(&(projection_id, id, index));
            let map = &projection.map;
            for y in 0..map.rows.input {
                let rows = map.rows.reach(y, slice.rows.start as usize..slice.rows.end as usize).len();
                for x in 0..map.cols.input {
                    let cols = map.cols.reach(x, slice.cols.start as usize..slice.cols.end as usize).len();
                    let expected = if rows * cols > 0 { projection.kernel.inputs as u32 } else { 0 };
                    let found = counts.map_or(0, |counts| counts[y * map.cols.input + x]);
                    self.need(found == expected, || format!("{id} slice {index}, {projection_id}"), || {
                        format!("position ({y}, {x}) arrives with {found} source channels, expected {expected}")
                    });
                }
            }
        }
    }
}

/// Target positions and taps that a source position must reach in a slice, relative to `base`; ascending.
/// `None` if a target lies before `base`.
fn expected(
    projection: &Projection,
    target: &CoreSlice,
    (y, x): (u32, u32),
    base: u32,
) -> Option<Vec<(u32, usize, usize)>> {
    let slice = &target.slice;
    let rows = projection.map.rows.reach(y as usize, slice.rows.start as usize..slice.rows.end as usize);
    let cols = projection.map.cols.reach(x as usize, slice.cols.start as usize..slice.cols.end as usize);
    let mut taps = Vec::with_capacity(rows.len() * cols.len());
    for &(ty, ky) in &rows {
        for &(tx, kx) in &cols {
            let position = slice.position(ty as u32, tx as u32)?;
            let neuron = target.first_neuron + position * slice.atoms();
            taps.push((neuron.checked_sub(base)?, ky, kx));
        }
    }
    Some(taps)
}

/// (relative target, weight offset) of each position a list touches, or `None` if a run cuts a position.
fn stored(list: &SynapseList, atoms: u32) -> Option<Vec<(u32, u32)>> {
    let mut all = Vec::new();
    for run in &list.runs {
        if run.len % atoms != 0 {
            return None;
        }
        all.extend((0..run.len / atoms).map(|i| (run.target + i * atoms, run.weight + i * atoms)));
    }
    Some(all)
}

/// Whether the weights of one tap equal the kernel's, for every source channel.
fn weights_match(
    core: &Core,
    projection: &Projection,
    list: &SynapseList,
    slice: &Slice,
    &(_, weight, ky, kx): &(u32, u32, usize, usize),
) -> bool {
    let channels = slice.channels.start as usize..slice.channels.end as usize;
    (0..projection.kernel.inputs).all(|c| {
        let start = list.weights as usize + c * list.atom_stride as usize + weight as usize;
        core.weights[start..start + channels.len()] == projection.kernel.row(c, ky, kx)[channels.clone()]
    })
}
