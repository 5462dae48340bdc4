//! One pass: host writes, components in order, host reads. [`super::counting`] counts what happened afterwards.

use std::collections::BTreeMap;

use rayon::prelude::*;
use snnc_compiler::ir::components::PopulationComponent;
use snnc_compiler::ir::spiking::Window;
use snnc_compiler::ir::{NetworkId, PopulationId};

use super::fused::{FusedPart, FusedSlices, WindowResult};
use super::kernels::LANES;
use super::record::PopulationRecord;
use super::slice::SliceSpike;
use super::{Chip, host_input};
use crate::counts::SliceIndex;
use crate::spike_train::SpikeTrain;

/// Biases that the host wrote, `[c, h, w]` row-major, and how many were clipped.
pub(super) type Written = BTreeMap<PopulationId, (Vec<i32>, u64)>;

/// What a pass is given.
#[derive(Clone, Copy)]
pub(super) struct PassInput<'i> {
    /// A constant input `[c, h, w]`, for the host to write.
    pub values: &'i [f64],
    /// Spikes, of a network that takes them.
    pub train: Option<&'i dyn SpikeTrain>,
}

/// A pass under way: what the populations so far did.
#[derive(Debug)]
pub struct ChipPass<'c> {
    pub(super) chip: &'c Chip,
    pub(super) network: NetworkId,
    pub(super) written: Written,
    /// By population.
    pub(super) records: Vec<Option<PopulationRecord>>,
    /// Spikes of a slice by timestep of its window, for receivers that ask for them.
    pub(super) fired: Vec<Vec<Vec<SliceSpike>>>,
    /// Values of the read-outs, once all populations have run.
    pub(super) readouts: Vec<Vec<f64>>,
}

impl<'c> ChipPass<'c> {
    /// Runs all populations of a network on its constant input, or on spikes from outside.
    pub(super) fn run(chip: &'c Chip, network: NetworkId, input: PassInput<'_>) -> Self {
        let populations = chip.fusions.len();
        let mut pass = Self {
            chip,
            network,
            written: write_inputs(chip, network, input.values),
            records: (0..populations).map(|_| None).collect(),
            fired: vec![Vec::new(); chip.table.len()],
            readouts: Vec::new(),
        };
        let of_network = |component: &&PopulationComponent| {
            chip.program.model.populations[component.populations[0]].network == network
        };
        for component in chip.components.iter().filter(of_network) {
            // Spikes that arrive behind the window are walked timestep by timestep, too.
            let late = component.populations.iter().any(|&id| pass.late(id) > 0);
            let first = component.populations[0];
            match (component.cyclic || late, input.train) {
                (true, _) => pass.recurrent(&component.populations),
                (false, Some(train)) if chip.is_port(first) => pass.port(first, train),
                (false, _) => pass.population(first),
            }
        }
        pass.readouts = pass.read();
        pass
    }
}

pub(super) fn write_inputs(chip: &Chip, network: NetworkId, input: &[f64]) -> Written {
    let model = &chip.program.model;
    let of_network = model.inputs.iter().filter(|i| model.populations[i.population].network == network);
    of_network.map(|host| (host.population, host_input::biases(model, host, input))).collect()
}

impl ChipPass<'_> {
    /// Timesteps in which a population is updated.
    pub(super) fn window(&self, population: PopulationId) -> Window {
        self.chip.program.model.populations[population].window
    }

    /// Timesteps after its window in which spikes still arrive at a population.
    pub(super) fn late(&self, population: PopulationId) -> u32 {
        self.chip.late[population.0 as usize]
    }

    /// What an earlier population did, or one of the same cycle so far.
    pub(super) fn record(&self, population: PopulationId) -> &PopulationRecord {
        let record = self.records[population.0 as usize].as_ref();
        record.expect("sources come before their targets")
    }

    /// The timestep of a population's window that a delay brings to timestep `step` of the pass, if any.
    pub(super) fn sent(&self, population: PopulationId, step: u32, delay: u32) -> Option<usize> {
        let window = self.window(population);
        let sent = step.checked_sub(delay).filter(|&sent| window.contains(sent))?;
        Some((sent - window.start) as usize)
    }

    /// Spikes of a slice that a delay brings to timestep `step`; only of slices marked in [`Chip::listed`].
    pub(super) fn fired(&self, source: SliceIndex, step: u32, delay: u32) -> &[SliceSpike] {
        let sent = self.sent(self.chip.table.populations[source], step, delay);
        sent.map_or(&[], |sent| &self.fired[source][sent])
    }

    /// Biases that the host wrote for a population, by fused slices and slot.
    pub(super) fn biases(&self, id: PopulationId) -> Vec<Option<Vec<[i32; LANES]>>> {
        let chip = self.chip;
        let written = self.written.get(&id).map(|(values, _)| values.as_slice());
        let of = |fused: &FusedSlices| {
            written.map(|values| fused.biases(&chip.program, &chip.table, Some(values)))
        };
        chip.fusions[id.0 as usize].iter().map(of).collect()
    }

    /// Runs a population: its fused slices' parts in parallel, each of which writes only its own state.
    fn population(&mut self, id: PopulationId) {
        let chip = self.chip;
        let fusions = &chip.fusions[id.0 as usize];
        let biases = self.biases(id);
        let threads = rayon::current_num_threads();
        let parts: Vec<(usize, FusedPart)> = fusions
            .iter()
            .enumerate()
            .flat_map(|(g, fused)| {
                fused.parts(threads, fusions.len() - 1).into_iter().map(move |part| (g, part))
            })
            .collect();
        let run = |(g, part): &(usize, FusedPart)| fusions[*g].run(self, id, biases[*g].as_deref(), part);
        let done: Vec<WindowResult> = parts.par_iter().map(run).collect();
        let mut record = PopulationRecord::new(&chip.program.model.populations[id]);
        let channels = chip.program.model.populations[id].shape.channels;
        let each = || parts.iter().zip(&done).map(|((g, _), done)| (&fusions[*g], done));
        let spikes: Vec<usize> = (0..self.window(id).steps as usize)
            .map(|step| done.iter().map(|done| done.spikes(step)).sum())
            .collect();
        let index = chip.indexed[id.0 as usize].then_some((chip.level, spikes.as_slice()));
        record.spikes.write(index, |step, words| {
            each().for_each(|(fused, done)| done.deposit_spikes(fused, channels, step, words));
        });
        for &slice in fusions.iter().flat_map(|fused| &fused.slices).filter(|&&slice| chip.listed[slice]) {
            self.fired[slice] = record.fired(&chip.slices[slice]);
        }
        let mut of_group: Vec<Vec<WindowResult>> = fusions.iter().map(|_| Vec::new()).collect();
        parts.iter().zip(done).for_each(|(&(g, _), done)| of_group[g].push(done));
        record.keep(of_group);
        self.records[id.0 as usize] = Some(record);
    }

    /// Values of the network's read-outs, `[c, h, w]` row-major each, in the order of [`Model::readouts`].
    ///
    /// [`Model::readouts`]: snnc_compiler::ir::spiking::SpikingModel::readouts
    pub fn readouts(&self) -> &[Vec<f64>] {
        &self.readouts
    }

    /// Membranes of the read-outs, scaled.
    fn read(&self) -> Vec<Vec<f64>> {
        let model = &self.chip.program.model;
        let own = |population| model.populations[population].network == self.network;
        let of_network = model.readouts.iter().filter(|readout| own(readout.population));
        of_network
            .map(|readout| {
                let population = &model.populations[readout.population];
                let shape = population.shape;
                let mut values = vec![0.0; shape.len()];
                let membranes = self
                    .record(readout.population)
                    .membranes(&self.chip.fusions[readout.population.0 as usize]);
                for (i, v) in membranes.into_iter().enumerate() {
                    let (position, c) = (i / shape.channels, i % shape.channels);
                    let neuron = c * shape.positions() + position;
                    values[population.outside(neuron)] = f64::from(v) * readout.scale[c] + readout.offset[c];
                }
                values
            })
            .collect()
    }
}
