//! A chip that answers the generation loop.

use snnc_compiler::ir::spiking::Generation;

use super::Stepper;
use crate::execute::{Chip, PassOutcome};

/// Runs the loop's networks on a chip and shows every pass to an observer.
pub struct ChipStepper<'a> {
    chip: &'a Chip<'a>,
    generation: &'a Generation,
    observe: &'a mut dyn FnMut(&PassOutcome),
}

impl<'a> ChipStepper<'a> {
    /// `observe` sees the outcome of each pass; it cannot change it.
    pub fn new(
        chip: &'a Chip<'a>,
        generation: &'a Generation,
        observe: &'a mut dyn FnMut(&PassOutcome),
    ) -> Self {
        Self { chip, generation, observe }
    }

    /// The first read-out of a pass; verified programs have exactly one for each network of the loop.
    fn pass(&mut self, network: snnc_compiler::ir::NetworkId, input: &[f64]) -> Vec<f64> {
        let mut outcome = self.chip.run(network, input);
        (self.observe)(&outcome);
        outcome.readouts.swap_remove(0)
    }
}

impl Stepper for ChipStepper<'_> {
    fn denoise(&mut self, tokens: &[u32], t: u32) -> Vec<f64> {
        let mut input: Vec<f64> = tokens.iter().map(|&token| f64::from(token)).collect();
        input.resize(tokens.len() * 2, f64::from(t));
        self.pass(self.generation.denoiser, &input)
    }

    fn decode(&mut self, tokens: &[u32]) -> Vec<f64> {
        let input: Vec<f64> = tokens.iter().map(|&token| f64::from(token)).collect();
        self.pass(self.generation.decoder, &input)
    }
}
