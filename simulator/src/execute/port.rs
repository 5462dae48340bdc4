//! Spikes from outside: they are in a population's record before anything runs, and enter the mesh at the port.

use snnc_compiler::ir::spiking::Population;
use snnc_compiler::ir::{NetworkId, PopulationId};
use snnc_targets::{Code, Diagnostic, Subject};

use super::Chip;
use super::pass::ChipPass;
use crate::spike_train::SpikeTrain;

impl Chip {
    /// Whether a population is spikes from outside.
    pub(super) fn is_port(&self, population: PopulationId) -> bool {
        self.program.model.populations[population].dynamics.is_port()
    }

    /// Whether a network takes such a train.
    pub(super) fn check_train(&self, network: NetworkId, train: &dyn SpikeTrain) -> Result<(), Diagnostic> {
        let model = &self.program.model;
        let Some(of) = model.networks.get(network) else {
            let message = format!("the program has {} networks", model.networks.len());
            return Err(Diagnostic::new(Code::Argument, Subject::IrNetwork(network, None), message));
        };
        let expected = model.port_of(network).map(|(_, port)| (port.shape, port.window.steps));
        let (shape, steps) = (train.shape(), train.steps());
        if expected == Some((shape, steps)) {
            return Ok(());
        }
        let expected = expected.map_or("no spikes".into(), |(shape, steps)| format!("{steps} of {shape}"));
        let message = format!("{steps} timesteps of spikes {shape} found, {expected} expected");
        Err(Diagnostic::new(Code::LayerShape, Subject::Network(of.name.clone()), message))
    }

    /// Whether `input` are spikes of every timestep of a port, `[t, c, h, w]` of 0 and 1.
    pub(super) fn check_spikes(
        &self,
        network: NetworkId,
        port: &Population,
        input: &[f64],
    ) -> Result<(), Diagnostic> {
        let place = || Subject::Network(self.program.model.networks[network].name.clone());
        let (shape, steps) = (port.shape, port.window.steps as usize);
        if input.len() != steps * shape.len() {
            let message = format!(
                "{} input values found, {} expected: {steps} timesteps of {shape}",
                input.len(),
                steps * shape.len()
            );
            return Err(Diagnostic::new(Code::LayerShape, place(), message));
        }
        let Some(at) = input.iter().position(|&value| value != 0.0 && value != 1.0) else { return Ok(()) };
        let (step, value) = (at / shape.len(), input[at]);
        let message = format!("the input holds {value} in timestep {step}, spikes are 0 or 1");
        Err(Diagnostic::new(Code::Argument, place(), message))
    }
}

impl ChipPass<'_> {
    /// Enters the spikes of a port into its record.
    pub(super) fn port(&mut self, id: PopulationId, train: &dyn SpikeTrain) {
        let chip = self.chip;
        let population = &chip.program.model.populations[id];
        let (shape, level) = (population.shape, chip.indexed[id.0 as usize].then_some(chip.level));
        let mut record = self.new_record(id);
        let (width, own, history) = (shape.channels, self.window(id), record.history());
        (0..history).for_each(|step| record.spikes.append(step, level, |_| ()));
        for (step, now) in (history..).zip(own.start..own.end()) {
            record.spikes.append(step, level, |words| {
                let sent = now - population.window.start;
                if width == 1 {
                    return train.each_word(sent, &mut |first, bits| words.add(first, bits));
                }
                train.each(sent, &mut |neuron| {
                    let (channel, position) = (neuron / shape.positions(), neuron % shape.positions());
                    words.add(position * width + channel, 1);
                });
            });
        }
        let slices = 0..chip.table.len();
        for slice in slices.filter(|&slice| chip.table.populations[slice] == id && chip.listed[slice]) {
            self.fired[slice] = record.fired_with_history(&chip.slices[slice]);
        }
        self.records[id.0 as usize] = Some(record);
    }
}
