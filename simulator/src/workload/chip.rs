//! A chip that answers passes.

use snnc_compiler::ir::NetworkId;
use snnc_targets::Diagnostic;

use super::Driver;
use crate::counts::Grain;
use crate::execute::{Chip, ChipPass, PassOutcome};
use crate::spike_train::SpikeTrain;

/// Sees the outcome of each pass, in order, and cannot change it.
pub type Observe<'o> = &'o mut (dyn FnMut(&PassOutcome) + Send);

/// Runs passes on a chip. While one runs, the one before it is counted and shown.
pub struct ChipDriver<'a> {
    chip: &'a Chip,
    observe: Option<Observe<'a>>,
    grain: Grain,
    /// A pass that is still to be counted.
    before: Option<ChipPass<'a>>,
}

impl<'a> ChipDriver<'a> {
    /// A driver whose passes are not counted.
    pub fn unobserved(chip: &'a Chip) -> Self {
        Self { chip, observe: None, grain: Grain::Pass, before: None }
    }

    /// Does `work` with a driver whose passes, counted by `grain`, `observe` has all seen when this returns.
    pub fn observed<R>(
        chip: &'a Chip,
        (grain, observe): (Grain, Observe<'a>),
        work: impl FnOnce(&mut Self) -> R,
    ) -> R {
        let mut driver = Self { observe: Some(observe), grain, ..Self::unobserved(chip) };
        let result = work(&mut driver);
        let Self { mut observe, before, .. } = driver;
        show(observe.as_mut(), before, grain);
        result
    }
}

impl Driver for ChipDriver<'_> {
    fn pass(&mut self, network: NetworkId, input: &[f64]) -> Result<Vec<Vec<f64>>, Diagnostic> {
        self.run(|chip| chip.start(network, input))
    }

    fn pass_train(
        &mut self,
        network: NetworkId,
        train: &dyn SpikeTrain,
    ) -> Result<Vec<Vec<f64>>, Diagnostic> {
        self.run(|chip| chip.start_train(network, train))
    }
}

impl<'a> ChipDriver<'a> {
    /// Runs a pass, and shows the one before it meanwhile.
    fn run(
        &mut self,
        start: impl FnOnce(&'a Chip) -> Result<ChipPass<'a>, Diagnostic> + Send,
    ) -> Result<Vec<Vec<f64>>, Diagnostic> {
        let (chip, grain) = (self.chip, self.grain);
        let (before, observe) = (self.before.take(), self.observe.as_mut());
        let (pass, ()) = rayon::join(|| start(chip), || show(observe, before, grain));
        let pass = pass?;
        let readouts = pass.readouts().to_vec();
        self.before = self.observe.is_some().then_some(pass);
        Ok(readouts)
    }
}

/// Counts a pass and shows it to the observer.
fn show(observe: Option<&mut Observe>, pass: Option<ChipPass>, grain: Grain) {
    if let (Some(observe), Some(pass)) = (observe, pass) {
        observe(&pass.count(grain));
    }
}
