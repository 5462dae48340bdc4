//! Several currents as one: side by side along the channels.

use super::{Current, CurrentSource, LoweringRefusal, SpikeSum};
use crate::layers::LoweringSite;
use crate::passes::collect::KernelWiring;

impl Current {
    /// Joins currents along the channels; one of them may be constant over time, which the host then writes among the
    /// others.
    ///
    /// # Errors
    /// If the host feeds several of them, or all (it computes no concatenation), or one comes through a list of
    /// synapses.
    pub fn side_by_side(inputs: Vec<Self>, site: &LoweringSite<'_>) -> Result<Self, LoweringRefusal> {
        let mut joined = SpikeSum { terms: Vec::new(), bias: Vec::new(), bias_by: site.label(), host: None };
        check_feeds(&inputs, site)?;
        for input in inputs {
            let (first, shape) = (joined.bias.len(), input.shape);
            let (spikes, host) = match input.feed {
                CurrentSource::Host(path) => (None, Some(path)),
                CurrentSource::Spikes(mut spikes) => {
                    let host = spikes.host.take();
                    (Some(spikes), host)
                }
            };
            if let Some(path) = host {
                if joined.host.is_some() {
                    let message =
                        "joins several currents that are constant over time with what comes from spikes";
                    return Err(LoweringRefusal::here(message).hint(
                        "fold them into one layer of the network's input, or put neurons behind one of them",
                    ));
                }
                joined.host = Some(path.among(shape, first, site.shape.channels));
            }
            let Some(spikes) = spikes else {
                joined.bias.resize(first + shape.channels, 0.0);
                continue;
            };
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

/// Some currents come from spikes; a layer that joins currents has no form for constant ones alone.
///
/// # Errors
/// If the host feeds all of them.
pub fn check_feeds(inputs: &[Current], site: &LoweringSite<'_>) -> Result<(), LoweringRefusal> {
    if inputs.iter().any(|current| matches!(current.feed, CurrentSource::Spikes(_))) {
        return Ok(());
    }
    Err(LoweringRefusal::here(format!("{} cannot be computed by the host", site.op)).hint(
        "what all its inputs lead to is constant over time: fold it into one convolution of the network's input",
    ))
}
