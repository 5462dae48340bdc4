//! From the layer graph to the spiking IR. Their order, and the reasons for it, stand in [`pipeline`].
//!
//! `split-host-tail` is [`host_tail`], `collect-neurons` [`collect`], `accept-feedback` [`feedback`],
//! `insert-constants` [`constants`], `insert-relays` [`relays`], `record-activity` [`calibrate`]; the others bear the
//! names of their modules.

pub mod calibrate;
pub mod collect;
pub mod constants;
pub mod feedback;
pub mod host_tail;
pub mod pipeline;
pub mod quantise;
pub mod relays;
pub mod schedule;
mod target_rules;

use snnc_targets::{Code, Diagnostic, Diagnostics, Subject};

use crate::frontend::LoadedModel;
use crate::workload;
pub use target_rules::TargetRules;

/// Choices of the lowering.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash)]
pub struct LowerOptions {
    /// Weight bits, at most the target's; `None` for the target's.
    pub weight_bits: Option<u32>,
    /// Passes that the workload records before rounding; 0 keeps sums of weights instead. `None`: 16 below 8
    /// bits, else 0.
    pub calibration: Option<usize>,
    /// Whether spikes that wait longer than the target's delays are refused; else relay neurons repeat them.
    pub no_relays: bool,
    /// Whether loops that are shorter in the network than on the chip are run with the chip's delays; else they are
    /// refused.
    pub feedback_chip: bool,
}

/// Passes recorded for coarse weights, if nothing else is asked for.
const COARSE_CALIBRATION: usize = 16;
/// Bits from which on plain rounding is good enough to be the default.
const FINE_BITS: u32 = 8;

/// Finds what no target's chip could run, in all networks: the passes that know no target.
///
/// # Errors
/// [`Code::Unsupported`], or those of shape inference, each with its line of the model file.
pub fn check(model: &LoadedModel) -> Result<(), Diagnostics> {
    let workload = workload::of(model);
    let mut problems = Diagnostics::default();
    for name in workload.networks() {
        problems.0.extend(pipeline::neurons(model, &*workload, name).err().unwrap_or_default().0);
    }
    model.origin.locate(problems).into_result(())
}

impl LowerOptions {
    /// Recorded passes for weights of so many bits.
    pub fn passes(&self, weight_bits: u32) -> usize {
        let default = if weight_bits < FINE_BITS { COARSE_CALIBRATION } else { 0 };
        self.calibration.unwrap_or(default)
    }
}

/// The target's weight bits, or fewer if asked for.
fn weight_bits(target: &TargetRules, options: LowerOptions) -> Result<u32, Diagnostic> {
    let most = target.weight_bits;
    match options.weight_bits {
        Some(bits) if !(1..=most).contains(&bits) => {
            let message = format!("the weights of {} have 1 to {most} bits", target.name);
            Err(Diagnostic::new(Code::Argument, Subject::value("--weights", bits), message))
        }
        bits => Ok(bits.unwrap_or(most)),
    }
}

/// [`Code::Unsupported`] for a layer.
pub(crate) fn unsupported(graph: &str, layer: &str, message: impl Into<String>) -> Diagnostic {
    Diagnostic::new(Code::Unsupported, Subject::layer(graph, layer), message)
        .hint("the float reference runs this network; the chip cannot yet")
}
