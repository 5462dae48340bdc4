//! What drives a chip: inputs that go in before a pass, read-outs that come back after it.
//!
//! A [`Workload`] has items (images to generate, samples to classify); each is a [`Course`] of passes, told one by
//! one what came out. A [`Driver`] answers the passes: the chip ([`ChipDriver`]), or anything else that takes an
//! input and gives read-outs, so that a course cannot tell which driver answers. [`Generation`] is
//! Spiking-Diffusion's loop, [`Samples`] gives constant inputs; others are written outside, against the same traits:
//!
//! ```
//! use snnc_compiler::ir::NetworkId;
//! use snnc_simulator::workload::{Course, Driver, Workload, drive};
//! use snnc_targets::Diagnostic;
//!
//! /// Feeds a network its own read-out a few times over.
//! struct Feedback {
//!     start: Vec<f64>,
//!     rounds: u64,
//! }
//!
//! struct Round {
//!     left: u64,
//!     values: Vec<f64>,
//! }
//!
//! impl Workload for Feedback {
//!     type Item = Vec<f64>;
//!
//!     fn len(&self) -> u64 {
//!         1
//!     }
//!
//!     fn passes(&self) -> u64 {
//!         self.rounds
//!     }
//!
//!     fn begin(&self, _: u64) -> impl Course<Item = Vec<f64>> {
//!         Round { left: self.rounds, values: self.start.clone() }
//!     }
//! }
//!
//! impl Course for Round {
//!     type Item = Vec<f64>;
//!
//!     fn input(&mut self) -> Option<(NetworkId, &[f64])> {
//!         (self.left > 0).then_some((NetworkId(0), &self.values))
//!     }
//!
//!     fn answer(&mut self, readouts: &[Vec<f64>]) -> Result<(), Diagnostic> {
//!         self.left -= 1;
//!         self.values.clone_from(&readouts[0]);
//!         Ok(())
//!     }
//!
//!     fn finish(self) -> Vec<f64> {
//!         self.values
//!     }
//! }
//!
//! /// Stands in for a chip: halves what it is given.
//! struct Half;
//!
//! impl Driver for Half {
//!     fn pass(&mut self, _: NetworkId, input: &[f64]) -> Result<Vec<Vec<f64>>, Diagnostic> {
//!         Ok(vec![input.iter().map(|x| x / 2.0).collect()])
//!     }
//! }
//!
//! let feedback = Feedback { start: vec![8.0, 4.0], rounds: 3 };
//! assert_eq!(drive(feedback.begin(0), &mut Half, &mut || ())?, [1.0, 0.5]);
//! # Ok::<(), Diagnostic>(())
//! ```
//!
//! This module does no IO.

mod chip;
mod draws;
pub mod generation;
mod samples;
pub mod sources;

use snnc_compiler::ir::NetworkId;
use snnc_targets::Diagnostic;

pub use chip::{ChipDriver, Observe};
pub use generation::Generation;
pub use samples::Samples;

use crate::spike_train::SpikeTrain;

/// Items that are independent of each other: an item depends on its number alone, not on the others or on threads.
pub trait Workload: Sync {
    /// What an item gives in the end.
    type Item: Send;

    /// What reports call an item.
    fn item_name(&self) -> &'static str {
        "item"
    }

    /// Number of items.
    fn len(&self) -> u64;

    /// Whether there is none.
    fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Most passes of an item.
    fn passes(&self) -> u64;

    /// Seed of what is drawn for the items; 0 where nothing is. It also chooses the timesteps that sampled timing
    /// simulates.
    fn seed(&self) -> u64 {
        0
    }

    /// Begins item `index`, which is less than [`Workload::len`].
    fn begin(&self, index: u64) -> impl Course<Item = Self::Item>;
}

/// The passes of one item.
pub trait Course {
    /// What the passes lead to.
    type Item;

    /// The network and the constant input `[c, h, w]` of the next pass, until it is answered; none at the end.
    fn input(&mut self) -> Option<(NetworkId, &[f64])>;

    /// The network and the input spikes of the next pass, if that is given spikes; [`Course::input`] is not asked then.
    fn train(&self) -> Option<(NetworkId, &dyn SpikeTrain)> {
        None
    }

    /// What came out of that pass: the values of the network's read-outs, `[c, h, w]` each.
    ///
    /// # Errors
    /// If the course cannot go on with these read-outs.
    fn answer(&mut self, readouts: &[Vec<f64>]) -> Result<(), Diagnostic>;

    /// The item, after the last answer.
    fn finish(self) -> Self::Item;
}

/// Answers passes.
pub trait Driver {
    /// The read-outs `[c, h, w]` of a network on its constant input `[c, h, w]`; all state is cleared before.
    ///
    /// # Errors
    /// If the network does not take such an input.
    fn pass(&mut self, network: NetworkId, input: &[f64]) -> Result<Vec<Vec<f64>>, Diagnostic>;

    /// The same of a network that takes spikes.
    ///
    /// # Errors
    /// As [`Driver::pass`].
    fn pass_train(
        &mut self,
        network: NetworkId,
        train: &dyn SpikeTrain,
    ) -> Result<Vec<Vec<f64>>, Diagnostic> {
        self.pass(network, &train.values())
    }
}

/// Lets a driver answer a course to its end; `done` is told after each pass.
///
/// # Errors
/// Those of the driver and of the course.
pub fn drive<C: Course, D: Driver + ?Sized>(
    mut course: C,
    driver: &mut D,
    done: &mut dyn FnMut(),
) -> Result<C::Item, Diagnostic> {
    loop {
        let readouts = if let Some((network, train)) = course.train() {
            driver.pass_train(network, train)?
        } else if let Some((network, input)) = course.input() {
            driver.pass(network, input)?
        } else {
            break;
        };
        course.answer(&readouts)?;
        done();
    }
    Ok(course.finish())
}
