//! All invariants of the spiking IR, collected.
//!
//! [`verify_model`] checks what program and spiking IR share; [`SpikingIr::verify`] adds the projections. After it,
//! every id, shape, width and window in the value can be relied upon.
//!
//! Checks go in stages, and a stage that finds something is the last: each follows ids and counts in shapes only that
//! the ones before vouch for. The rules, and which code relies on each:
//!
//! * widths of the neuron format. Needed by: every shift by them: quantiser, neuron update, biases.
//! * a population has 1 to 2^28 neurons, and as many thresholds, biases and places in its order as they say. Needed
//!   by: all that counts or indexes neurons.
//! * windows lie in their pass, which has at most 2^23 timesteps and ends with the last window or arrival. Needed by:
//!   counts and spikes by timestep.
//! * sources come before targets, populations of a cycle side by side. Needed by: the order of execution.
//! * host inputs and read-outs name populations, each host-fed one is written once. Needed by: host writes and reads.
//! * inputs of a network have one shape, stages lead from it to the population's. Needed by: the host's convolutions
//!   and look-ups.
//! * a workload's networks exist, its names can be printed, its numbers are finite. Needed by: the drivers
//!   of the program.
//! * a projection's ends exist, its kernel or lists have the size of its ends. Needed by: mapping, fan-in, the
//!   oracle.

// What a number from a file can reach neither wraps nor panics. Indices are what stages vouch for to the next.
#![deny(clippy::cast_possible_truncation, clippy::cast_sign_loss, clippy::expect_used, clippy::unwrap_used)]

mod host;
mod populations;
mod projections;
mod timing;

use snnc_targets::{Code, Diagnostic, Diagnostics, Place, Subject};

pub use self::timing::{arrival_problem, pass_problems};
use super::{Population, SpikingIr, SpikingModel};
use crate::ir::Shape;
use crate::ir::channels::ChannelMap;

/// Further findings are counted, not collected: a file from elsewhere may be wrong everywhere.
const MOST: usize = 50;

/// Collects broken invariants of one value.
struct Checker {
    code: Code,
    found: Diagnostics,
}

impl Checker {
    fn need(&mut self, ok: bool, place: &Place, message: impl FnOnce() -> String) {
        if ok {
            return;
        }
        match self.found.0.len() < MOST {
            true => self.found.push(Diagnostic::new(self.code, place.clone(), message())),
            false => self.found.leave_out(),
        }
    }

    /// What is too large for the simulation, though nothing is broken: a network may ask for it.
    fn unsupported(&mut self, model: &SpikingModel, population: &Population, message: String) {
        if self.found.0.len() == MOST {
            self.found.leave_out();
        } else {
            let network = model.networks.get(population.network).map_or("", |network| network.name.as_str());
            let place = Subject::layer(network, &population.name);
            let found = Diagnostic::new(Code::Unsupported, place, message);
            self.found.push(found.hint("use a smaller map, fewer inputs or narrower weights"));
        }
    }
}

impl SpikingIr {
    /// Checks every invariant.
    ///
    /// # Errors
    /// [`Code::SpikingIr`], one for each broken invariant; [`Code::Unsupported`] for sums beyond 32 bits and maps of
    /// the host that are too large, which a network can have.
    pub fn verify(&self) -> Result<(), Diagnostics> {
        verify_model(&self.model, Code::SpikingIr)?;
        let mut check = Checker { code: Code::SpikingIr, found: Diagnostics::default() };
        for (id, projection) in self.projections.iter() {
            check.projection(&self.model, projection, id);
        }
        if check.found.0.is_empty() {
            check.order(self);
            check.fan_in(self);
        }
        check.found.into_result(())
    }
}

/// Checks the part that spiking IR and program share.
///
/// # Errors
/// `code`, one for each broken invariant; those beyond 50 are counted.
pub fn verify_model(model: &SpikingModel, code: Code) -> Result<(), Diagnostics> {
    let mut check = Checker { code, found: Diagnostics::default() };
    let stages: [fn(&mut Checker, &SpikingModel); 4] = [
        |check, model| check.format(&model.neuron),
        |check, model| {
            check.networks(model);
            check.populations(model);
        },
        Checker::host_ends,
        Checker::host_side,
    ];
    for stage in stages {
        stage(&mut check, model);
        if !check.found.0.is_empty() {
            break;
        }
    }
    check.found.into_result(())
}

/// Whether a shape holds 1 to `most` elements.
fn holds(shape: Shape, most: usize) -> bool {
    let sides = [shape.channels, shape.height, shape.width];
    sides.into_iter().try_fold(1usize, usize::checked_mul).is_some_and(|n| (1..=most).contains(&n))
}

/// Weights of a kernel: one for each tap and pair of channels; `None` beyond all bounds.
fn volume(channels: &ChannelMap, height: usize, width: usize) -> Option<usize> {
    let sides = [channels.groups, channels.inputs, height, width, channels.outputs];
    sides.into_iter().try_fold(1usize, usize::checked_mul)
}

/// Whether groups are not empty and lie within the source and target channels.
fn joins_within(channels: &ChannelMap, sources: usize, targets: usize) -> bool {
    let inside = |first: usize, each: usize, most: usize| {
        let end = channels.groups.checked_mul(each).and_then(|all| all.checked_add(first));
        each >= 1 && end.is_some_and(|end| end <= most)
    };
    channels.groups >= 1
        && inside(channels.first_input, channels.inputs, sources)
        && inside(channels.first_output, channels.outputs, targets)
}
