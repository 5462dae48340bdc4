//! Recorded float activity of a network, for rounding that looks at what a weight does rather than at the weight.
//!
//! Place in the flow: between `collect` and `quantise`, beside both. The workload says what a network is fed
//! ([`crate::workload::Recorder`]); [`float`] evaluates the collected layers and keeps every spike.
//! Refused: nothing. A network whose inputs are not known is not recorded.

mod float;

use snnc_targets::{Code, Diagnostic, Diagnostics, Subject};

use crate::passes::collect::Collected;

pub use float::{ReachTable, RecordedPass, RecordedSpike, run};

/// Name of the pass.
pub const NAME: &str = "record-activity";
/// What it does.
pub const DESCRIPTION: &str =
    "runs networks in floats on inputs that the workload will give them, if that was asked for";

/// Checks that recorded passes have spikes of every layer, all of neurons that exist.
///
/// # Errors
/// [`Code::SpikingIr`] for the first pass that does not.
pub fn verify(network: &Collected, recorded: &[RecordedPass]) -> Result<(), Diagnostics> {
    let fits = |pass: &RecordedPass| {
        let exists = |layer: usize, spike: &RecordedSpike| {
            let shape = network.layers[layer].shape;
            (spike.position as usize) < shape.positions() && (spike.channel as usize) < shape.channels
        };
        let layers = pass.spikes.iter().enumerate();
        pass.spikes.len() == network.layers.len()
            && layers.into_iter().all(|(i, steps)| steps.iter().flatten().all(|spike| exists(i, spike)))
    };
    match recorded.iter().position(|pass| !fits(pass)) {
        Some(pass) => {
            let place = Subject::Network(network.network.clone());
            let message = format!("recorded pass {pass} has spikes of neurons that it has not");
            Err(Diagnostic::new(Code::SpikingIr, place, message).into())
        }
        None => Ok(()),
    }
}
