//! One pass: host writes, components in order, host reads. [`super::counting`] counts what happened afterwards.

use std::collections::BTreeMap;

use rayon::prelude::*;
use snnc_compiler::ir::components::PopulationComponent;
use snnc_compiler::ir::spiking::Window;
use snnc_compiler::ir::{NetworkId, PopulationId};

use super::fused::{FusedPart, FusedSlices, WindowResult};
use super::kernels::LANES;
use super::part::{Carry, PassPart};
use super::record::PopulationRecord;
use super::slice::SliceSpike;
use super::spikes::{SpikeBits, StepBitsMut};
use super::{Chip, host_input};
use crate::counts::SliceIndex;
use crate::spike_train::SpikeTrain;

/// Biases that the host wrote, `[c, h, w]` row-major, and how many were clipped.
pub(super) type Written = BTreeMap<PopulationId, (Vec<i32>, u64)>;

/// What a pass is given.
#[derive(Clone, Copy)]
#[allow(missing_debug_implementations, reason = "a train is whatever its author makes of it")]
pub struct PassInput<'i> {
    /// A constant input `[c, h, w]`, for the host to write.
    pub values: &'i [f64],
    /// Spikes, of a network that takes them.
    pub train: Option<&'i dyn SpikeTrain>,
}

/// When spikes arrive: in a timestep of the pass, so many timesteps after they were sent.
#[derive(Debug, Clone, Copy)]
pub(super) struct Arrival {
    pub step: u32,
    pub delay: u32,
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
    /// Values of the read-outs, once all populations have run to the end of their windows.
    pub(super) readouts: Vec<Vec<f64>>,
    /// Which part of the pass this is.
    part: PassPart,
    /// What the part before it left.
    pub(super) before: Carry,
}

impl<'c> ChipPass<'c> {
    /// Runs all populations of a network on its constant input, or on spikes from outside, through a part of the pass.
    /// `before` is what the part before left; nothing before the first.
    pub(super) fn run(
        chip: &'c Chip,
        (network, part): (NetworkId, PassPart),
        input: PassInput<'_>,
        mut before: Carry,
    ) -> Self {
        let populations = chip.fusions.len();
        let written = before.written.take();
        let mut pass = Self {
            chip,
            network,
            written: written.unwrap_or_else(|| write_inputs(chip, network, input.values)),
            records: (0..populations).map(|_| None).collect(),
            fired: vec![Vec::new(); chip.table.len()],
            readouts: Vec::new(),
            part,
            before,
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
        if pass.ends() {
            pass.readouts = pass.read();
        }
        pass
    }

    /// What the next part goes on from.
    pub(super) fn carry(&mut self) -> Carry {
        // From one pass to the next, spikes reach back as far as they arrive behind a window.
        let late = if self.ends() { self.chip.late.iter().copied().max().unwrap_or(0) } else { 0 };
        let history = self.chip.longest_delay.max(late) as usize;
        let last =
            |record: &Option<PopulationRecord>| record.as_ref().map(|record| record.spikes.last(history));
        let states = |record: &mut Option<PopulationRecord>| {
            record.as_mut().map_or(Vec::new(), PopulationRecord::take_states)
        };
        let spikes = self.records.iter().map(last).collect();
        let mut all: Vec<_> = self.records.iter_mut().map(states).collect();
        if self.ends() {
            let readouts = self.chip.program.model.readouts.iter();
            readouts.for_each(|readout| all[readout.population.0 as usize].clear());
        }
        Carry {
            keeps: self.before.keeps,
            threads: Some(self.threads()),
            written: (!self.ends()).then(|| self.written.clone()),
            spikes,
            states: all,
        }
    }
}

/// What the host makes of a network's constant input.
pub(super) fn write_inputs(chip: &Chip, network: NetworkId, input: &[f64]) -> Written {
    let (model, on) = (&chip.program.model, (chip.level, chip.threads(network)));
    let of_network = model.inputs.iter().filter(|host| model.populations[host.population].network == network);
    of_network.map(|host| (host.population, host_input::biases_on(model, host, input, on))).collect()
}

impl ChipPass<'_> {
    /// Timesteps of the pass that this part runs.
    pub(super) fn range(&self) -> std::ops::Range<u32> {
        self.part.start..self.part.end
    }

    /// Whether the pass ends with this part.
    pub(super) fn ends(&self) -> bool {
        self.part.ends
    }

    /// Whether the state after this part is kept: for the next part, or for the next pass.
    pub(super) fn keeps_state(&self) -> bool {
        !self.ends() || self.before.keeps
    }

    /// Threads for which populations are cut: of all parts the same, as state goes from one to the next.
    pub(super) fn threads(&self) -> usize {
        self.before.threads.unwrap_or_else(|| self.chip.threads(self.network))
    }

    /// Items that a parallel region leaves to one thread at least: all, where one thread runs the pass.
    pub(super) fn least(&self) -> usize {
        if self.threads() == 1 { usize::MAX } else { 1 }
    }

    /// Timesteps of this part in which a population is updated.
    pub(super) fn window(&self, population: PopulationId) -> Window {
        let whole = self.chip.program.model.populations[population].window;
        let start = whole.start.max(self.part.start);
        Window { start, steps: whole.end().min(self.part.end).saturating_sub(start) }
    }

    /// Timesteps after its window in which spikes still arrive at a population.
    pub(super) fn late(&self, population: PopulationId) -> u32 {
        if self.ends() { self.chip.late[population.0 as usize] } else { 0 }
    }

    /// A record that begins with the spikes of the parts before that are still read.
    pub(super) fn new_record(&self, population: PopulationId) -> PopulationRecord {
        let (shape, steps) =
            (self.chip.program.model.populations[population].shape, self.window(population).steps);
        match self.before.spikes.get(population.0 as usize).and_then(Option::as_ref) {
            Some(before) => PopulationRecord::after(shape, before, steps as usize),
            None => PopulationRecord::after(shape, &SpikeBits::new(shape, 0), steps as usize),
        }
    }

    /// State in which the parts of a population's fused slices begin; empty if it is 0.
    pub(super) fn state(&self, population: PopulationId, part: usize) -> &[[i32; LANES]] {
        let states = self.before.states.get(population.0 as usize);
        states.and_then(|states| states.get(part)).map_or(&[], Vec::as_slice)
    }

    /// What an earlier population did, or one of the same cycle so far.
    pub(super) fn record(&self, population: PopulationId) -> &PopulationRecord {
        let record = self.records[population.0 as usize].as_ref();
        record.expect("sources come before their targets")
    }

    /// The timestep of a source's record that a delay brings to timestep `step` of the pass, if any. Spikes of the pass
    /// before this one, where state is kept, reach none but targets that such spikes come to behind their windows.
    pub(super) fn sent(&self, source: PopulationId, target: PopulationId, arrival: Arrival) -> Option<usize> {
        let window = self.window(source);
        let history = self.records[source.0 as usize].as_ref().map_or(0, PopulationRecord::history) as i64;
        let sent = i64::from(arrival.step) - i64::from(arrival.delay);
        if sent >= i64::from(window.end()) || (self.of_pass_before(source, arrival) && !self.is_late(target))
        {
            return None;
        }
        usize::try_from(sent + history - i64::from(window.start)).ok()
    }

    /// Whether what arrives was sent before this pass, by the one whose state it was given: it was counted there.
    pub(super) fn of_pass_before(&self, source: PopulationId, arrival: Arrival) -> bool {
        self.before.keeps && {
            let start = self.chip.program.model.populations[source].window.start;
            arrival.step < start + arrival.delay
        }
    }

    /// Whether spikes arrive at a population behind its window.
    fn is_late(&self, population: PopulationId) -> bool {
        self.chip.late[population.0 as usize] > 0
    }

    /// Spikes of a slice that a delay brings to a timestep; only of slices marked in [`Chip::listed`].
    pub(super) fn fired(&self, source: SliceIndex, target: PopulationId, arrival: Arrival) -> &[SliceSpike] {
        let sent = self.sent(self.chip.table.populations[source], target, arrival);
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
        let (threads, keep) = (self.threads(), self.keeps_state());
        let parts: Vec<(usize, FusedPart)> = fusions
            .iter()
            .enumerate()
            .flat_map(|(g, fused)| {
                fused.parts(threads, fusions.len() - 1).into_iter().map(move |part| (g, part))
            })
            .collect();
        let run = |(index, (g, part)): (usize, &(usize, FusedPart))| {
            let state = (self.state(id, index), keep);
            fusions[*g].run(self, id, (biases[*g].as_deref(), state), part)
        };
        let done: Vec<WindowResult> =
            parts.par_iter().enumerate().with_min_len(self.least()).map(run).collect();
        let mut record = self.new_record(id);
        let history = record.history();
        let shape = chip.program.model.populations[id].shape;
        let each = || parts.iter().zip(&done).map(|((g, _), done)| (&fusions[*g], done));
        let deposit = |step: usize, words: &mut StepBitsMut| {
            each().for_each(|(fused, done)| done.deposit_spikes(fused, shape.channels, step, words));
        };
        let own = 0..self.window(id).steps as usize;
        // Of all ranks, if there are several.
        let fired = chip.share.as_ref().map(|share| {
            let own = own
                .clone()
                .map(|step| share.own_spikes((id, shape, chip.level), |words| deposit(step, words)));
            share.joined(&own.collect::<Vec<_>>())
        });
        let own = own.map(|step| match &fired {
            Some(fired) => fired[step].len(),
            None => done.iter().map(|done| done.spikes(step)).sum(),
        });
        let spikes: Vec<usize> = (0..history).map(|step| record.spikes.count(step)).chain(own).collect();
        let index = chip.indexed[id.0 as usize].then_some((chip.level, spikes.as_slice()));
        record.spikes.write(threads, index, |step, words| match (step.checked_sub(history), &fired) {
            (None, _) => {}
            (Some(step), None) => deposit(step, words),
            (Some(step), Some(fired)) => fired[step].iter().for_each(|&bit| words.add(bit as usize, 1)),
        });
        for slice in chip.slices_of(id).filter(|&slice| chip.listed[slice]) {
            self.fired[slice] = record.fired_with_history(&chip.slices[slice]);
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
                let fusions = &self.chip.fusions[readout.population.0 as usize];
                let mut membranes = self.record(readout.population).membranes(fusions);
                if let Some(share) = &self.chip.share {
                    share.membranes(readout.population, &mut membranes);
                }
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
