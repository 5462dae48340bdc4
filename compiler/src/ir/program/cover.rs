//! What any mapping must satisfy before its memories are built: boxes inside their populations, every neuron once, one
//! site a core. Used by the program's verifier and by those of a partition and a placement from elsewhere.

use snnc_targets::{NamedPart, Place};
use std::collections::BTreeMap;
use std::ops::Range;

use bitvec::vec::BitVec;
use snnc_targets::entity::EntityMap;
use snnc_targets::{Site, Target, Topology};

use super::Slice;
use crate::ir::CoreId;
use crate::ir::spiking::SpikingModel;

/// Which neurons were seen on some core: one flag a neuron, by population.
pub struct NeuronCover(Vec<BitVec>);

impl NeuronCover {
    /// No neuron is marked yet. Takes a bit of memory for each neuron.
    pub fn new(model: &SpikingModel) -> Self {
        Self(model.populations.values().map(|p| BitVec::repeat(false, p.shape.len())).collect())
    }

    /// Marks all spikes from outside, which are on no core.
    pub fn mark_ports(&mut self, model: &SpikingModel) {
        model.ports().for_each(|(id, _)| self.0[id.0 as usize].fill(true));
    }

    /// Marks a slice's neurons; how many were marked before, or why the slice is no box of its population.
    ///
    /// # Errors
    /// A message, to which the caller adds the core.
    pub fn mark(&mut self, model: &SpikingModel, slice: &Slice) -> Result<usize, String> {
        let missing = || format!("{} does not exist", slice.population);
        let shape = model.populations.get(slice.population).ok_or_else(missing)?.shape;
        let inside = |range: &Range<u32>, len: usize| range.start < range.end && range.end as usize <= len;
        if !inside(&slice.channels, shape.channels)
            || !inside(&slice.rows, shape.height)
            || !inside(&slice.cols, shape.width)
        {
            return Err(format!("slice {slice:?} is empty or lies outside {shape}"));
        }
        let seen = &mut self.0[slice.population.0 as usize];
        let mut doubled = 0;
        for c in slice.channels.clone() {
            for y in slice.rows.clone() {
                let row = shape.at(c as usize, y as usize, 0);
                let span = &mut seen[row + slice.cols.start as usize..row + slice.cols.end as usize];
                doubled += span.count_ones();
                span.fill(true);
            }
        }
        Ok(doubled)
    }

    /// Neurons not seen: (layer, how many of how many).
    pub fn missing(&self, model: &SpikingModel) -> Vec<(Place, String)> {
        let lacks = |(population, seen): (_, &BitVec)| {
            let missing = seen.count_zeros();
            let place = model.layer_place(population);
            (missing > 0).then(|| (place, format!("{missing} of {} neurons are on no core", seen.len())))
        };
        model.populations.keys().zip(&self.0).filter_map(lacks).collect()
    }
}

/// What is wrong with a placement of `cores` cores: (place, message).
pub fn site_problems(
    sites: &EntityMap<CoreId, Site>,
    chips: u32,
    cores: usize,
    target: &Target,
) -> Vec<(Place, String)> {
    let most = target.topology.chips_max.get();
    if !(1..=most).contains(&chips) {
        return vec![(
            NamedPart::Placement.into(),
            format!("{chips} chips, {} has 1 to {most}", target.name),
        )];
    }
    let mut problems = Vec::new();
    if sites.len() != cores {
        problems.push((NamedPart::Placement.into(), format!("{} sites for {cores} cores", sites.len())));
    }
    let board = Topology::new(&target.topology, chips).sites();
    let mut taken = BTreeMap::new();
    for (core, &site) in sites.iter() {
        if site.0 >= board {
            problems.push((core.into(), format!("{site} is outside the board of {board} sites")));
        }
        if let Some(other) = taken.insert(site, core) {
            problems.push((core.into(), format!("{site} already holds {other}")));
        }
    }
    problems
}
