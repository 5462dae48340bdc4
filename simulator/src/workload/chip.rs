//! A chip that answers passes. Long ones run in parts, which are counted and shown one by one.

use snnc_compiler::ir::NetworkId;
use snnc_targets::Diagnostic;

use super::Driver;
use crate::counts::Grain;
use crate::execute::{Carry, Chip, ChipPass, PassInput, PassOutcome};
use crate::spike_train::SpikeTrain;

/// Sees the outcome of each pass, in order, and cannot change it.
pub type Observe<'o> = &'o mut (dyn FnMut(&PassOutcome) + Send);

/// Runs passes on a chip. While one runs, the one before it is counted and shown.
pub struct ChipDriver<'a> {
    chip: &'a Chip,
    observe: Option<Observe<'a>>,
    grain: Grain,
    /// A pass that is still to be counted, or a part of one.
    before: Option<ChipPass<'a>>,
    shown: CountedSoFar,
    /// What passes leave to the next ones, if state is kept.
    kept: Option<&'a mut Carry>,
}

/// What is kept from one part of a pass to the next while it is counted.
#[derive(Default)]
struct CountedSoFar {
    /// Packets that are received in later parts.
    pending: Vec<u64>,
    /// A part that is counted and waits for the events of the timestep after it.
    waiting: Option<PassOutcome>,
}

impl<'a> ChipDriver<'a> {
    /// A driver whose passes are not counted.
    pub fn unobserved(chip: &'a Chip) -> Self {
        Self {
            chip,
            observe: None,
            grain: Grain::Pass,
            before: None,
            shown: CountedSoFar::default(),
            kept: None,
        }
    }

    /// Does `work` with a driver whose passes, counted by `grain`, `observe` has all seen when this returns.
    pub fn observed<R>(
        chip: &'a Chip,
        (grain, observe): (Grain, Observe<'a>),
        work: impl FnOnce(&mut Self) -> R,
    ) -> R {
        Self::keeping(chip, None, (grain, observe), work)
    }

    /// As [`ChipDriver::observed`]; with `kept`, its passes, all of one network, go on from what the passes before them
    /// left there, and leave their own state.
    pub fn keeping<R>(
        chip: &'a Chip,
        kept: Option<&'a mut Carry>,
        (grain, observe): (Grain, Observe<'a>),
        work: impl FnOnce(&mut Self) -> R,
    ) -> R {
        let mut driver = Self { observe: Some(observe), grain, kept, ..Self::unobserved(chip) };
        let result = work(&mut driver);
        let Self { mut observe, before, mut shown, .. } = driver;
        shown.show(observe.as_mut(), before, grain);
        result
    }
}

impl Driver for ChipDriver<'_> {
    fn pass(&mut self, network: NetworkId, input: &[f64]) -> Result<Vec<Vec<f64>>, Diagnostic> {
        self.run(network, PassInput { values: input, train: None })
    }

    fn pass_train(
        &mut self,
        network: NetworkId,
        train: &dyn SpikeTrain,
    ) -> Result<Vec<Vec<f64>>, Diagnostic> {
        self.run(network, PassInput { values: &[], train: Some(train) })
    }
}

impl ChipDriver<'_> {
    /// Runs a pass part by part, and shows each while the next one runs.
    fn run(&mut self, network: NetworkId, input: PassInput<'_>) -> Result<Vec<Vec<f64>>, Diagnostic> {
        let (chip, grain) = (self.chip, self.grain);
        let Self { before: waiting, observe, shown, kept, .. } = self;
        chip.run_parts(network, (input, kept.as_deref_mut()), &mut |part| {
            let (before, observer) = (waiting.take(), observe.as_mut());
            let show = || shown.show(observer, before, grain);
            // Ranks exchange in one order, so they count a pass before they run the next one.
            let (pass, ()) = if chip.is_shared() {
                show();
                (part(), ())
            } else if chip.runs_on_one_thread(network) {
                (part(), show())
            } else {
                rayon::join(part, show)
            };
            let readouts = pass.readouts().to_vec();
            *waiting = observe.is_some().then_some(pass);
            readouts
        })
    }
}

impl CountedSoFar {
    /// Counts a pass or a part of one, and shows what is complete to the observer.
    fn show(&mut self, observe: Option<&mut Observe>, pass: Option<ChipPass>, grain: Grain) {
        let (Some(observe), Some(pass)) = (observe, pass) else { return };
        let counted = pass.count_after(grain, &mut self.pending);
        if let Some(mut waiting) = self.waiting.take() {
            waiting.counts.following = counted.counts.steps.first().map(|step| step.events.clone());
            observe(&waiting);
        }
        if counted.counts.ends {
            observe(&counted);
        } else {
            self.waiting = Some(counted);
        }
    }
}
