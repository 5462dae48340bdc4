//! Several currents as one: side by side along the channels.

use super::{Current, CurrentSource, LoweringRefusal, SpikeSum};
use crate::layers::LoweringSite;
use crate::passes::collect::KernelWiring;

impl Current {
    /// Joins currents along the channels.
    ///
    /// # Errors
    /// If the host feeds some of them, or all (it computes no concatenation), or one comes through a list of synapses.
    pub fn side_by_side(inputs: Vec<Self>, site: &LoweringSite<'_>) -> Result<Self, LoweringRefusal> {
        let mut joined = SpikeSum { terms: Vec::new(), bias: Vec::new(), bias_by: site.label(), host: None };
        check_feeds(&inputs, site)?;
        for input in inputs {
            let CurrentSource::Spikes(spikes) = input.feed else { continue };
            let first = joined.bias.len();
            for mut term in spikes.terms {
                let KernelWiring::Conv { channels, .. } = &mut term.kernel.wiring else {
                    return Err(LoweringRefusal::here(format!(
                        "joins {}, whose synapses are a list, along channels",
                        term.by
                    )));
                };
                channels.first_output += first;
                joined.terms.push(term);
            }
            joined.bias.extend(spikes.bias);
        }
        Ok(Self::spikes(site.shape, joined))
    }
}

/// All currents come from spikes; a layer that joins others side by side has no form for constant ones.
///
/// # Errors
/// Naming the first constant one.
pub fn check_feeds(inputs: &[Current], site: &LoweringSite<'_>) -> Result<(), LoweringRefusal> {
    let constant = |current: &Current| matches!(current.feed, CurrentSource::Host(_));
    if inputs.iter().all(constant) {
        return Err(LoweringRefusal::here(format!("{} cannot be computed by the host", site.op)).hint(
            "what all its inputs lead to is constant over time: fold it into one convolution of the network's input",
        ));
    }
    let Some(port) = inputs.iter().position(constant) else { return Ok(()) };
    let message = format!("is fed by {}, which is constant over time, and by spikes", site.inputs[port]);
    Err(LoweringRefusal::here(message)
        .hint(
            "an `Add` may read both: write the layer behind as one for each input, each with its part of the weights, \
             and add them",
        ))
}
