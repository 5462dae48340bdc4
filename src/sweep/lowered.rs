//! What rounding makes of the model, once for all points that it is alike for: those whose targets have the same rules
//! of integers and that ask for the same weights. Where points differ in what cores hold, cost or take, that is one
//! spiking IR for each width of weights.
//!
//! The first point that needs one makes it, others wait for it; the last one drops it, so no more of them are in memory
//! than the points at hand need.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, OnceLock};

use snnc_compiler::ir::spiking::SpikingIr;
use snnc_compiler::passes::{LowerOptions, TargetRules};
use snnc_targets::{Diagnostics, Target};

use super::lock;
use super::plan::Plan;

/// All that the integers of a model follow from, beside the model.
type Key = (TargetRules, LowerOptions);
/// An IR, or none where there is none, as soon as somebody has made it.
type Slot = Arc<OnceLock<Option<Arc<SpikingIr>>>>;

fn key(target: &Target, options: LowerOptions) -> Key {
    // Each point's target has a name of its own, which only messages use.
    (TargetRules { name: String::new(), ..target.into() }, options)
}

/// The IRs that points share.
#[derive(Debug)]
pub(super) struct SharedLowering<'p> {
    plan: &'p Plan,
    /// With the points that have not asked yet.
    slots: Mutex<HashMap<Key, (Slot, usize)>>,
}

impl<'p> SharedLowering<'p> {
    /// For the points of these numbers, each of which may ask once.
    pub fn new(plan: &'p Plan, points: &[usize]) -> Self {
        let mut slots: HashMap<Key, (Slot, usize)> = HashMap::new();
        for &index in points {
            let choice = &plan.points[index];
            if let Ok(target) = &plan.targets[choice.target].target {
                slots.entry(key(target, plan.compile_options(choice).lower)).or_default().1 += 1;
            }
        }
        Self { plan, slots: Mutex::new(slots) }
    }

    /// The model in the integers of a point's target.
    ///
    /// # Errors
    /// Those of [`crate::Model::lower`].
    pub fn of(&self, target: &Target, options: LowerOptions) -> Result<Arc<SpikingIr>, Diagnostics> {
        let key = key(target, options);
        let slot = {
            let mut slots = lock(&self.slots);
            let (slot, left) = slots.entry(key.clone()).or_default();
            let slot = slot.clone();
            *left = left.saturating_sub(1);
            if *left == 0 {
                slots.remove(&key);
            }
            slot
        };
        let mut refusal = None;
        let lowered = slot.get_or_init(|| {
            let lowered = self.plan.model.lower(target, options).map(Arc::new);
            lowered.map_err(|refused| refusal = Some(refused)).ok()
        });
        match (lowered, refusal) {
            (Some(ir), _) => Ok(ir.clone()),
            (None, Some(refused)) => Err(refused),
            // Refused to another point: the reason names the target.
            (None, None) => self.plan.model.lower(target, options).map(Arc::new),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::SweepFile;
    use super::*;

    #[test]
    fn points_share_what_rounding_makes_of_targets_with_the_same_rules() {
        let (folder, digits) = (tempfile::tempdir().unwrap(), "examples/digits-cnn");
        let digits = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join(digits);
        let text = format!(
            r#"(format: "snnc.sweep/1", model: "{0}/model.ron", input: "{0}/inputs.npy", weights: [8, 4],
            set: {{"core.neurons": [512, 1024], "neuron.accumulator_bits": [16, 20]}})"#,
            digits.display()
        );
        let path = folder.path().join("sweep.ron");
        std::fs::write(&path, text).unwrap();
        let plan = Plan::new(SweepFile::read(&path).unwrap()).unwrap();
        let all: Vec<usize> = (0..plan.len()).collect();
        let shared = SharedLowering::new(&plan, &all);
        assert_eq!((all.len(), lock(&shared.slots).len()), (8, 4));
        let ir = |index: usize| {
            let choice = &plan.points[index];
            let target = plan.targets[choice.target].target.as_ref().unwrap();
            let options = plan.compile_options(choice).lower;
            let ir = shared.of(target, options).unwrap();
            assert_eq!(*ir, plan.model.lower(target, options).unwrap());
            ir
        };
        let irs: Vec<Arc<SpikingIr>> = all.iter().map(|&index| ir(index)).collect();
        for a in &all {
            for b in &all {
                // Weights vary fastest, then accumulators; neurons of a core are no rule of integers.
                assert_eq!(Arc::ptr_eq(&irs[*a], &irs[*b]), a % 4 == b % 4, "{a} {b}");
            }
        }
        assert!(lock(&shared.slots).is_empty(), "the last point drops what it shares");
    }
}
