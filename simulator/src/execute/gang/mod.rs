//! Gangs: slices that receive the same packets, run as one with their channels side by side.
//!
//! A spike then adds one long row of weights where its packets would add many short ones. Counts and results stay
//! those of the slices one by one ([`super::plain`] is the oracle): every slice of a gang receives each packet, and
//! its synaptic operations are the gang's in units times its own channels.
//!
//! Made once at load from the cores' own memories.

mod run;
mod view;

use snnc_compiler::ir::program::{Program, Run};
use snnc_compiler::ir::spiking::Dynamics;

use super::feeds::{Counted, Feed};
use super::kernels::{List, Weights};
use super::neuron::Update;
use super::slice::local_bias;
use crate::counts::{SliceIndex, SliceTable};
use view::{Shared, UnitFeed, View};

/// Channels of a gang, where a population has as many twice over: long rows for the vector units, short sums that stay
/// in the first-level cache, and work for two threads at least.
const WIDTH: u32 = 128;
/// Channels of a gang of a smaller population.
const WIDTH_MIN: u32 = 64;

/// Slices of one population that run together. Neuron order: position-major, channels of all slices fastest.
#[derive(Debug)]
pub struct Gang {
    /// Its slices.
    pub slices: Vec<SliceIndex>,
    /// First channel of each slice within the gang, and one past the last.
    starts: Vec<usize>,
    /// Channels per position.
    width: usize,
    /// Neurons that a unit of the lists stands for: `width`, or 1.
    unit: usize,
    /// Neurons of each slice that a unit stands for.
    slice_units: Vec<u64>,
    weights: Weights,
    lists: Vec<List>,
    feeds: Vec<UnitFeed>,
    /// By slice: which packets of each feed are counted there; none if all are, the usual case.
    counted: Vec<Option<Vec<Counted>>>,
    /// Threshold of each channel, shifted; never reached by an integrator.
    thresholds: Vec<i32>,
    rule: Update,
    /// Biases that do not change from pass to pass.
    bias: Vec<i32>,
}

/// The gangs of every population, by population index.
pub fn index(program: &Program, table: &SliceTable, feeds: &[Vec<Feed>]) -> Vec<Vec<Gang>> {
    let mut gangs: Vec<Vec<Gang>> = program.model.populations.keys().map(|_| Vec::new()).collect();
    for (population, gangs) in program.model.populations.keys().zip(&mut gangs) {
        let mut groups: Vec<(Shared, Vec<Member>)> = Vec::new();
        for slice in (0..table.len()).filter(|&slice| table.populations[slice] == population) {
            let placed = table.slice(program, slice);
            let View { unit, bases, shared } =
                View::new(&program.cores[table.cores[slice]], placed, &feeds[slice]);
            let whole = unit == placed.slice.atoms();
            let member = Member { slice, unit, bases };
            match groups.iter_mut().find(|(other, _)| whole && *other == shared) {
                Some((_, members)) if members[0].unit == atoms(program, table, members[0].slice) => {
                    members.push(member)
                }
                _ => groups.push((shared, vec![member])),
            }
        }
        for (shared, members) in groups {
            for members in chunks(program, table, members) {
                gangs.push(Gang::new(program, table, feeds, &shared, &members));
            }
        }
    }
    gangs
}

/// A slice of a gang, and where its weights are.
#[derive(Debug)]
struct Member {
    slice: SliceIndex,
    unit: u32,
    bases: Vec<u32>,
}

fn atoms(program: &Program, table: &SliceTable, slice: SliceIndex) -> u32 {
    table.slice(program, slice).slice.atoms()
}

/// Cuts a group into gangs of about [`WIDTH`] channels.
fn chunks(program: &Program, table: &SliceTable, members: Vec<Member>) -> Vec<Vec<Member>> {
    let total: u32 = members.iter().map(|member| atoms(program, table, member.slice)).sum();
    let enough = if total >= 2 * WIDTH { WIDTH } else { WIDTH_MIN };
    let mut chunks: Vec<Vec<Member>> = Vec::new();
    let mut width = enough;
    for member in members {
        if width >= enough {
            chunks.push(Vec::new());
            width = 0;
        }
        width += atoms(program, table, member.slice);
        if let Some(chunk) = chunks.last_mut() {
            chunk.push(member);
        }
    }
    chunks
}

impl Gang {
    fn new(
        program: &Program,
        table: &SliceTable,
        feeds: &[Vec<Feed>],
        shared: &Shared,
        members: &[Member],
    ) -> Self {
        let mut starts = vec![0];
        for member in members {
            starts.push(starts[starts.len() - 1] + atoms(program, table, member.slice) as usize);
        }
        let width = starts[starts.len() - 1];
        let unit: usize = members.iter().map(|m| m.unit as usize).sum();
        let (weights, bases) = weights(program, table, shared, members);
        let lists = shared.lists.iter().map(|list| {
            let neurons = |units: u32| units * unit as u32;
            let in_neurons =
                |r: &Run| Run { target: neurons(r.target), weight: neurons(r.weight), len: neurons(r.len) };
            List {
                weights: bases[list.block],
                stride: neurons(shared.blocks[list.block].taps) as usize,
                runs: list.runs.iter().map(in_neurons).collect(),
                units: list.runs.iter().map(|r| u64::from(r.len)).sum(),
            }
        });
        let population = &program.model.populations[table.populations[members[0].slice]];
        let format = &program.model.neuron;
        let mut gang = Self {
            slices: members.iter().map(|m| m.slice).collect(),
            starts,
            width,
            unit,
            slice_units: members.iter().map(|m| u64::from(m.unit)).collect(),
            weights: Weights::new(weights),
            lists: lists.collect(),
            feeds: shared.feeds.clone(),
            counted: members.iter().map(|m| counted(&feeds[m.slice])).collect(),
            thresholds: vec![i32::MAX; width],
            rule: Update::new(format, population.dynamics.decay(), population.input_shift),
            bias: Vec::new(),
        };
        if let Dynamics::Lif { thresholds, .. } = &population.dynamics {
            let channels = members.iter().flat_map(|m| table.slice(program, m.slice).slice.channels.clone());
            gang.thresholds =
                channels.map(|c| (thresholds[c as usize] << format.threshold_shift) as i32).collect();
        }
        gang.bias = gang.gathered(program, table, None);
        gang
    }

    /// Biases in the gang's neuron order.
    fn gathered(&self, program: &Program, table: &SliceTable, written: Option<&[i32]>) -> Vec<i32> {
        let population = &program.model.populations[table.populations[self.slices[0]]];
        let locals: Vec<Vec<i32>> =
            self.slices.iter().map(|&s| local_bias(table.slice(program, s), population, written)).collect();
        let positions = table.slice(program, self.slices[0]).slice.positions() as usize;
        let mut bias = Vec::with_capacity(positions * self.width);
        for position in 0..positions {
            for (local, span) in locals.iter().zip(self.starts.windows(2)) {
                let atoms = span[1] - span[0];
                bias.extend_from_slice(&local[position * atoms..(position + 1) * atoms]);
            }
        }
        bias
    }
}

/// Which packets of each feed are counted at a slice, unless all are.
fn counted(feeds: &[Feed]) -> Option<Vec<Counted>> {
    let all = feeds.iter().all(|feed| feed.counted == Counted::All);
    (!all).then(|| feeds.iter().map(|feed| feed.counted.clone()).collect())
}

/// Weights of all members side by side, `[block][atom][tap][member channels]`, and the first of each block.
fn weights(
    program: &Program,
    table: &SliceTable,
    shared: &Shared,
    members: &[Member],
) -> (Vec<i16>, Vec<usize>) {
    let mut all = Vec::new();
    let mut bases = Vec::new();
    for (index, block) in shared.blocks.iter().enumerate() {
        bases.push(all.len());
        for row in 0..block.atoms * block.taps {
            for member in members {
                let memory = &program.cores[table.cores[member.slice]].weights;
                let first = (member.bases[index] + row * member.unit) as usize;
                all.extend_from_slice(&memory[first..first + member.unit as usize]);
            }
        }
    }
    (all, bases)
}
