//! Partitions that no search would find: random boxes on random cores.

use snnc_compiler::driver::assemble;
use snnc_compiler::ir::program::{Program, Slice};
use snnc_compiler::ir::spiking::parts::Parts;
use snnc_compiler::ir::spiking::{Convolution, SpikingIr};
use snnc_compiler::mapping::effort::Effort;
use snnc_compiler::mapping::partition::Partition;
use snnc_compiler::mapping::place::{PlaceOptions, place};
use snnc_targets::Target;

use super::common::Random;

/// Cuts `0..length` at random.
fn cuts(random: &mut Random, length: usize) -> Vec<std::ops::Range<u32>> {
    let mut ranges = Vec::new();
    let mut start = 0;
    while start < length {
        let end = random.value(start + 1, length.min(start + 4));
        ranges.push(start as u32..end as u32);
        start = end;
    }
    ranges
}

/// Uneven boxes, several to a core, in random order, kernels cut at random: what no search of ours would make.
fn wild_partition(random: &mut Random, ir: &SpikingIr, neurons_max: u32) -> Partition {
    let mut slices = Vec::new();
    for (population, p) in ir.model.populations.iter().filter(|(_, p)| !p.dynamics.is_port()) {
        for channels in cuts(random, p.shape.channels) {
            for rows in cuts(random, p.shape.height) {
                for cols in cuts(random, p.shape.width) {
                    slices.push(Slice { population, channels: channels.clone(), rows: rows.clone(), cols });
                }
            }
        }
    }
    for i in (1..slices.len()).rev() {
        slices.swap(i, random.value(0, i));
    }
    let mut partition = Partition::default();
    let mut core: Vec<Slice> = Vec::new();
    for slice in slices {
        let used: u32 = core.iter().map(Slice::neurons).sum();
        if !core.is_empty() && (used + slice.neurons() > neurons_max || random.value_one_in(4)) {
            partition.cores.push(std::mem::take(&mut core));
        }
        core.push(slice);
    }
    partition.cores.push(core);
    for (id, projection) in ir.projections.iter() {
        let Some(Convolution { kernel, .. }) = projection.conv() else { continue };
        let parts = Parts { rows: random.between(1, kernel.height), cols: random.between(1, kernel.width) };
        if parts.fit(kernel.height, kernel.width) && random.one_in(2) {
            partition.kernel_parts.insert(id, parts);
        }
    }
    partition
}

/// Uneven boxes of every population, dealt out to a few cores: several slices of one population on each, which a
/// source position often reaches together.
pub fn scattered_partition(random: &mut Random, ir: &SpikingIr) -> Partition {
    let slices = wild_partition(random, ir, u32::MAX).cores.values().flatten().cloned().collect::<Vec<_>>();
    let mut cores = vec![Vec::new(); random.between(2, 5)];
    for slice in slices {
        let core = random.value(0, cores.len() - 1);
        cores[core].push(slice);
    }
    cores.retain(|core| !core.is_empty());
    Partition { cores: cores.into(), ..Partition::default() }
}

/// A network in a random order, neurons of irregular populations and channels of maps, scattered over cores.
pub fn shuffled(random: &mut Random, ir: &SpikingIr) -> Partition {
    let mut partition = scattered_partition(random, ir);
    reorder(random, ir, &mut partition);
    partition
}

/// Numbers whatever populations can be numbered anew at random.
fn reorder(random: &mut Random, ir: &SpikingIr, partition: &mut Partition) {
    for (id, population) in ir.model.populations.iter() {
        let shape = population.shape;
        let count = if shape.channels == 1 { shape.len() } else { shape.channels };
        let mut order: Vec<u32> = (0..count as u32).collect();
        (1..order.len()).rev().for_each(|i| order.swap(i, random.value(0, i)));
        if ir.order_problem(id, &order).is_none() {
            partition.orders.insert(id, order);
        }
    }
}

pub fn wild(random: &mut Random, ir: &SpikingIr, target: &Target) -> Program {
    let mut partition = wild_partition(random, ir, target.core.neurons.get());
    if random.one_in(2) {
        reorder(random, ir, &mut partition);
    }
    assembled(random.next(), ir, target, &partition)
}

pub fn assembled(seed: u64, ir: &SpikingIr, target: &Target, partition: &Partition) -> Program {
    let options = PlaceOptions { seed, effort: Effort::Fast };
    assemble(ir, target, partition, |traffic| Ok(place(partition.cores.len(), traffic, target, options)?))
        .unwrap()
}
