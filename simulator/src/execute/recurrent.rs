//! Populations of a cycle: timestep by timestep, all together.
//!
//! In each timestep the parts of all their fused slices run in parallel on the spikes sent before it; a spike acts a
//! timestep later at least, so no part waits for another within one. Then their spikes are written into the records
//! that the next timestep reads.

use rayon::prelude::*;
use snnc_compiler::ir::PopulationId;

use super::fused::{StepwisePart, WindowResult};
use super::pass::ChipPass;
use super::spikes::StepBitsMut;

impl ChipPass<'_> {
    /// Runs the populations of a cycle through all of their windows.
    pub(super) fn recurrent(&mut self, populations: &[PopulationId]) {
        let chip = self.chip;
        for &id in populations {
            let mut record = self.new_record(id);
            let level = chip.indexed[id.0 as usize].then_some(chip.level);
            (0..record.history()).for_each(|step| record.spikes.append(step, level, |_| ()));
            for slice in chip.slices_of(id).filter(|&slice| chip.listed[slice]) {
                let spikes = |step| record.spikes.of_slice(&chip.slices[slice], step);
                self.fired[slice] = (0..record.history()).map(spikes).collect();
            }
            self.records[id.0 as usize] = Some(record);
        }
        let biases: Vec<_> = populations.iter().map(|&id| self.biases(id)).collect();
        let threads = self.threads();
        let mut parts: Vec<StepwisePart> = Vec::new();
        for (&id, biases) in populations.iter().zip(&biases) {
            let fusions = &chip.fusions[id.0 as usize];
            let window = (self.window(id).steps as usize, chip.watches(id));
            let mut index = 0;
            for (fused, bias) in fusions.iter().zip(biases) {
                for part in fused.parts(threads, fusions.len() - 1) {
                    let before = (bias.as_deref(), self.state(id, index));
                    parts.push(StepwisePart::new(fused, id, part, before, window));
                    index += 1;
                }
            }
        }
        let windows = || populations.iter().map(|&id| self.window(id));
        let first = windows().map(|window| window.start).min().unwrap_or(0);
        let end = windows().map(|window| window.end()).max().unwrap_or(0);
        for now in first..end {
            let pass = &*self;
            let running = parts.par_iter_mut().with_min_len(pass.least());
            running
                .filter(|part| pass.window(part.population).contains(now))
                .for_each(|part| part.step(pass, now));
            self.send_all(populations, now, &parts);
        }
        let pass = &*self;
        parts.par_iter_mut().with_min_len(pass.least()).for_each(|part| part.finish(pass));
        for &id in populations {
            let fusions = &chip.fusions[id.0 as usize];
            let mut of_group: Vec<Vec<WindowResult>> = fusions.iter().map(|_| Vec::new()).collect();
            for part in parts.extract_if(.., |part| part.population == id) {
                let own = fusions.iter().position(|fused| std::ptr::eq(fused, part.fused));
                of_group[own.expect("a part is of fused slices of its population")].push(part.done);
            }
            if let Some(record) = &mut self.records[id.0 as usize] {
                record.keep(of_group);
            }
        }
    }

    /// Writes the spikes of a timestep into the records of the populations that are updated in it; those of other
    /// ranks' neurons come from them.
    fn send_all(&mut self, populations: &[PopulationId], now: u32, parts: &[StepwisePart]) {
        let chip = self.chip;
        let running: Vec<PopulationId> =
            populations.iter().copied().filter(|&id| self.window(id).contains(now)).collect();
        let shape = |id: PopulationId| chip.program.model.populations[id].shape;
        let deposit = |id: PopulationId, step: usize, words: &mut StepBitsMut| {
            let own = parts.iter().filter(|part| part.population == id);
            own.for_each(|part| part.done.deposit_spikes(part.fused, shape(id).channels, step, words));
        };
        let step = |id: PopulationId, pass: &Self| (now - pass.window(id).start) as usize;
        let Some(share) = &chip.share else {
            for id in running {
                let step = step(id, self);
                self.send(id, step, |words| deposit(id, step, words));
            }
            return;
        };
        let own = |&id: &PopulationId| {
            share.own_spikes((id, shape(id), chip.level), |words| deposit(id, step(id, self), words))
        };
        let fired = share.joined(&running.iter().map(own).collect::<Vec<_>>());
        for (id, fired) in running.into_iter().zip(fired) {
            let step = step(id, self);
            self.send(id, step, |words| fired.iter().for_each(|&bit| words.add(bit as usize, 1)));
        }
    }

    /// Has `write` enter the spikes of a population's own timestep `step` into its record, and keeps those that
    /// receivers ask for slice by slice.
    fn send(&mut self, id: PopulationId, step: usize, write: impl FnOnce(&mut StepBitsMut)) {
        let chip = self.chip;
        let Some(record) = &mut self.records[id.0 as usize] else { return };
        let at = record.history() + step;
        record.spikes.append(at, chip.indexed[id.0 as usize].then_some(chip.level), write);
        for slice in chip.slices_of(id).filter(|&slice| chip.listed[slice]) {
            self.fired[slice].push(record.spikes.of_slice(&chip.slices[slice], at));
        }
    }
}
