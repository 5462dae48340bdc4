//! What the weights of one timestep may sum to, read from the cores' memories. It equals what
//! [`SpikingIr::sum_ranges`](crate::ir::spiking::SpikingIr::sum_ranges) says of the spiking IR.

use std::collections::{BTreeMap, HashMap};

use rayon::prelude::*;

use super::{Core, InputAxon, Program, SynapseList};
use crate::ir::PopulationId;
use crate::ir::spiking::reach::ValueRange;

/// Sums over the source channels of an axon that belong to one group: how far their targets lie behind those of the
/// first group, and for each run one sum a target.
type Columns = Vec<(u32, Vec<Vec<ValueRange>>)>;

impl Program {
    /// What the weights of one timestep may sum to, before the shift; by population, one a channel. Work grows with the
    /// positions and taps, not with the source channels.
    pub fn sum_ranges(&self) -> HashMap<PopulationId, Vec<ValueRange>> {
        // By core the axons that spikes come by, once for each source position.
        let mut met: Vec<Vec<u32>> = vec![Vec::new(); self.cores.len()];
        for to in self.cores.values().flat_map(|core| &core.slices).flat_map(|slice| &slice.destinations) {
            met[to.core.0 as usize].push(to.axon);
        }
        let cores: Vec<(&Core, Vec<u32>)> = self.cores.values().zip(met).collect();
        let sums: Vec<Vec<ValueRange>> =
            cores.into_par_iter().map(|(core, met)| sums_of(core, &met)).collect();
        self.by_channel(&sums)
    }

    fn by_channel(&self, sums: &[Vec<ValueRange>]) -> HashMap<PopulationId, Vec<ValueRange>> {
        let none = |(id, p): (PopulationId, &crate::ir::spiking::Population)| {
            (id, vec![ValueRange::default(); p.shape.channels])
        };
        let mut ranges: HashMap<_, _> = self.model.populations.iter().map(none).collect();
        for (core, sums) in self.cores.values().zip(sums) {
            for placed in &core.slices {
                let Some(ranges) = ranges.get_mut(&placed.slice.population) else { continue };
                let (first, neurons) = (placed.first_neuron as usize, placed.slice.neurons() as usize);
                let atoms = placed.slice.atoms() as usize;
                for (i, &sum) in sums[first..first + neurons].iter().enumerate() {
                    let channel = placed.slice.channels.start as usize + i % atoms;
                    ranges[channel] = ranges[channel].join(sum);
                }
            }
        }
        ranges
    }
}

/// What the weights of a core may sum to, by neuron, if spikes come by these axons.
fn sums_of(core: &Core, met: &[u32]) -> Vec<ValueRange> {
    let mut sums = vec![ValueRange::default(); core.neurons() as usize];
    let mut known: HashMap<(u32, u32, u32), Columns> = HashMap::new();
    for &axon in met {
        let axon = &core.axons[axon as usize];
        for entry in core.entries(axon) {
            let list = &core.lists[entry.list as usize];
            // Lists of single neurons are many, and each is met once.
            if list.atoms == 1 {
                let (row, behind) = list.row(axon.first_atom);
                for run in &list.runs {
                    let first = (entry.target + behind + run.target) as usize;
                    let at = (row + run.weight) as usize;
                    let weights = core.weights.slice(at..at + run.len as usize).iter();
                    let met = &mut sums[first..];
                    met.iter_mut().zip(weights).for_each(|(sum, weight)| sum.add_weight(weight));
                }
                continue;
            }
            let key = (entry.list, axon.first_atom, axon.atoms);
            let columns = known.entry(key).or_insert_with(|| columns(core, list, axon));
            for (behind, runs) in columns.iter() {
                for (run, ranges) in list.runs.iter().zip(runs) {
                    let first = (entry.target + behind + run.target) as usize;
                    let met = &mut sums[first..first + run.len as usize];
                    met.iter_mut().zip(ranges).for_each(|(sum, &range)| *sum = *sum + range);
                }
            }
        }
    }
    sums
}

fn columns(core: &Core, list: &SynapseList, axon: &InputAxon) -> Columns {
    let mut groups: BTreeMap<u32, Vec<u32>> = BTreeMap::new();
    for source in axon.first_atom..axon.first_atom + axon.atoms {
        let (row, behind) = list.row(source);
        groups.entry(behind).or_default().push(row);
    }
    let sums = |(behind, rows): (u32, Vec<u32>)| {
        let column = |at: u32| {
            let mut range = ValueRange::default();
            rows.iter().for_each(|row| range.add_weight(core.weights.at((row + at) as usize)));
            range
        };
        let runs = list.runs.iter();
        (behind, runs.map(|run| (run.weight..run.weight + run.len).map(column).collect()).collect())
    };
    groups.into_iter().map(sums).collect()
}
