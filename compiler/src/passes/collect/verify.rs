//! All invariants of collected neurons.
//!
//! | rule | who relies on it |
//! |---|---|
//! | sources come before their readers, and fire | evaluation in one sweep, windows |
//! | a kernel has the geometry of its ends and as many weights as taps and pairs of channels | quantiser, spiking IR |
//! | a list joins lines of neurons, inside both | the same |
//! | a constant one a channel, or one a neuron of the only channel; none where the host writes one | quantiser |
//! | firing layers and read-outs have names of their own | reports, read-outs by name |

use std::collections::HashSet;

use snnc_targets::{Code, Diagnostic, Diagnostics};

use super::{Collected, NeuronLayer, SourceKernel, Wiring};

impl Collected {
    /// Checks every invariant.
    ///
    /// # Errors
    /// [`Code::SpikingIr`] for each that is broken.
    pub fn verify(&self) -> Result<(), Diagnostics> {
        let mut found = Diagnostics::default();
        let mut names = HashSet::new();
        for (index, layer) in self.layers.iter().enumerate() {
            let mut need = |ok: bool, message: &str| {
                if !ok {
                    let place = format!("layer {}.{}", self.network, layer.name);
                    found.push(Diagnostic::new(Code::SpikingIr, place, message));
                }
            };
            need(names.insert(&layer.name), "two populations have this name");
            need(layer.constant_fits(), "its constants are neither one a channel nor one a neuron");
            need(
                layer.host.is_none() || (layer.sources.is_empty() && layer.bias.iter().all(|&b| b == 0.0)),
                "it is fed by the host and by something else",
            );
            for kernel in &layer.sources {
                let before = self.layers[..index].get(kernel.source);
                need(before.is_some_and(|source| source.kind.fires()), "a source does not fire before it");
                if let Some(source) = before {
                    need(kernel.fits(source, layer), "a kernel does not fit its ends");
                }
            }
        }
        found.into_result(())
    }
}

impl NeuronLayer {
    fn constant_fits(&self) -> bool {
        let (bias, shape) = (&self.bias, self.shape);
        let one_a_neuron = shape.channels == 1 && bias.len() == shape.len();
        (bias.len() == shape.channels || one_a_neuron) && bias.iter().all(|b| b.is_finite())
    }
}

impl SourceKernel {
    fn fits(&self, source: &NeuronLayer, target: &NeuronLayer) -> bool {
        let (from, to) = (source.shape, target.shape);
        let finite = self.weights.iter().all(|weight| weight.is_finite());
        finite
            && match &self.wiring {
                Wiring::Conv { map, channels } => {
                    let (rows, cols) = (&map.rows, &map.cols);
                    [(rows.input, rows.output), (cols.input, cols.output)]
                        == [(from.height, to.height), (from.width, to.width)]
                        && [channels.groups, channels.inputs, channels.outputs].iter().all(|&n| n > 0)
                        && channels.sources().end <= from.channels
                        && channels.targets().end <= to.channels
                        && channels.pairs() * rows.kernel * cols.kernel == self.weights.len()
                }
                Wiring::Sparse { sources, targets } => {
                    let line = |shape: crate::ir::Shape| (shape.channels, shape.height) == (1, 1);
                    let inside = |ends: &[u32], n: usize| ends.iter().all(|&end| (end as usize) < n);
                    (line(from) && line(to))
                        && (sources.len(), targets.len()) == (self.weights.len(), self.weights.len())
                        && inside(sources, from.width)
                        && inside(targets, to.width)
                }
            }
    }
}
