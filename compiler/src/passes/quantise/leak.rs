//! Layers whose membranes lose a fraction of themselves, on neurons that cannot do that.
//!
//! Some chips leak by a constant or not at all ([`snnc_targets::schema::NeuronSpec::decay_bits`] is 0). A constant leak
//! instead of a fraction would be another network, so such layers are refused, all of them at once.

use snnc_targets::{Code, Diagnostic, Diagnostics, Subject};

use crate::passes::TargetRules;
use crate::passes::collect::{Collected, NeuronKind};

/// Refuses every layer that needs a fractional leak if the target has none.
///
/// # Errors
/// [`Code::Quantise`], one for each layer.
pub fn check(network: &Collected, target: &TargetRules) -> Result<(), Diagnostics> {
    let mut problems = Diagnostics::default();
    let layers = network.layers.iter().filter(|_| target.neuron.decay_bits.get() == 0);
    for layer in layers {
        let Some(found) = leak(&layer.kind) else { continue };
        let message = format!("{found}; neurons of {} have no leak that is a fraction of it", target.name);
        problems.push(
            Diagnostic::new(Code::Quantise, Subject::layer(&network.network, &layer.name), message).hint(
                "train it with integrate-and-fire neurons, or choose a target with `decay_bits` above 0",
            ),
        );
    }
    problems.into_result(())
}

/// What a membrane loses, in words, if it loses a fraction of itself.
fn leak(kind: &NeuronKind) -> Option<String> {
    match kind {
        NeuronKind::Firing { neurons } => {
            let tau = neurons.iter().find_map(|neuron| neuron.tau)?;
            Some(format!("tau {tau}: the membrane loses 1/{tau} of itself a step"))
        }
        NeuronKind::Mean | NeuronKind::Sum | NeuronKind::Port => None,
        NeuronKind::Weighted { coefficients } => match coefficients.as_slice() {
            [.., before, last] if before != last => {
                Some(format!("the read-out keeps {:.4} of itself a step", before / last))
            }
            _ => None,
        },
    }
}
