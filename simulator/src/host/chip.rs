//! A chip that answers the generation loop.

use snnc_compiler::ir::NetworkId;
use snnc_targets::Diagnostic;

use super::{Generation, Stepper};
use crate::counts::Grain;
use crate::execute::{Chip, Pass, PassOutcome};

/// Sees the outcome of each pass, in order, and cannot change it.
pub type Observe<'o> = &'o mut (dyn FnMut(&PassOutcome) + Send);

/// Runs the loop's networks on a chip. While the loop goes on with a pass, the one before it is counted and shown.
pub struct ChipStepper<'a> {
    chip: &'a Chip,
    generation: &'a Generation,
    observe: Option<Observe<'a>>,
    grain: Grain,
    /// A pass that is still to be counted.
    before: Option<Pass<'a>>,
}

impl<'a> ChipStepper<'a> {
    /// Nobody looks at the passes, so nothing is counted.
    pub fn unobserved(chip: &'a Chip, generation: &'a Generation) -> Self {
        Self { chip, generation, observe: None, grain: Grain::Pass, before: None }
    }

    /// Does `work` with a stepper whose passes, counted by `grain`, `observe` has all seen when this returns.
    pub fn observed<R>(
        chip: &'a Chip,
        generation: &'a Generation,
        (grain, observe): (Grain, Observe<'a>),
        work: impl FnOnce(&mut Self) -> R,
    ) -> R {
        let mut stepper = Self { observe: Some(observe), grain, ..Self::unobserved(chip, generation) };
        let result = work(&mut stepper);
        let Self { mut observe, before, .. } = stepper;
        show(observe.as_mut(), before, grain);
        result
    }

    /// The first read-out of a pass; verified programs have exactly one for each network of the loop.
    fn pass(&mut self, network: NetworkId, input: &[f64]) -> Result<Vec<f64>, Diagnostic> {
        let (chip, grain) = (self.chip, self.grain);
        let (before, observe) = (self.before.take(), self.observe.as_mut());
        let (pass, ()) = rayon::join(|| chip.start(network, input), || show(observe, before, grain));
        let pass = pass?;
        let readout = pass.readouts()[0].clone();
        self.before = self.observe.is_some().then_some(pass);
        Ok(readout)
    }
}

/// Counts a pass and shows it to who looks.
fn show(observe: Option<&mut Observe>, pass: Option<Pass>, grain: Grain) {
    if let (Some(observe), Some(pass)) = (observe, pass) {
        observe(&pass.count(grain));
    }
}

impl Stepper for ChipStepper<'_> {
    fn denoise(&mut self, tokens: &[u32], t: u32) -> Result<Vec<f64>, Diagnostic> {
        let mut input: Vec<f64> = tokens.iter().map(|&token| f64::from(token)).collect();
        input.resize(tokens.len() * 2, f64::from(t));
        self.pass(self.generation.denoiser, &input)
    }

    fn decode(&mut self, tokens: &[u32]) -> Result<Vec<f64>, Diagnostic> {
        let input: Vec<f64> = tokens.iter().map(|&token| f64::from(token)).collect();
        self.pass(self.generation.decoder, &input)
    }
}
