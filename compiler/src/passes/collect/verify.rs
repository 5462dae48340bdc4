//! All invariants of collected neurons.
//!
//! | rule | who relies on it |
//! |---|---|
//! | sources fire, and come before their readers unless their spikes are late | evaluation in one sweep, windows |
//! | a kernel has the geometry of its ends and as many weights as taps and pairs of channels | quantiser, spiking IR |
//! | a list joins lines of neurons, inside both | the same |
//! | a constant one a channel, or one a neuron of the only channel; none where the host writes one | quantiser |
//! | firing layers and read-outs have names of their own | reports, read-outs by name |

use std::collections::HashSet;

use snnc_targets::{Code, Diagnostic, Diagnostics, Subject};

use super::{Collected, KernelWiring, NeuronLayer, SourceKernel};

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
                    let place = Subject::layer(&self.network, &layer.name);
                    found.push(Diagnostic::new(Code::SpikingIr, place, message));
                }
            };
            need(names.insert(&layer.name), "two populations have this name");
            need(layer.constant_fits(), "its constants are neither one a channel nor one a neuron");
            need(
                layer.host.is_none() || layer.bias.iter().all(|&b| b == 0.0),
                "it has constants beside what the host writes",
            );
            need(
                layer.host.is_none() || layer.sources.is_empty() || layer.kind.fires(),
                "a read-out is fed by the host and by spikes",
            );
            for kernel in &layer.sources {
                // Late spikes may come from any layer, its own included.
                let seen = if kernel.delay == 0 { index } else { self.layers.len() };
                let before = self.layers[..seen].get(kernel.source);
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
        self.weights.is_finite()
            && match &self.wiring {
                KernelWiring::Conv { map, channels } => {
                    let (rows, cols) = (&map.rows, &map.cols);
                    [(rows.input, rows.output), (cols.input, cols.output)]
                        == [(from.height, to.height), (from.width, to.width)]
                        && [channels.groups, channels.inputs, channels.outputs].iter().all(|&n| n > 0)
                        && channels.sources().end <= from.channels
                        && channels.targets().end <= to.channels
                        && channels.pairs() * rows.kernel * cols.kernel == self.weights.len()
                }
                KernelWiring::Sparse { sources, targets } => {
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ir::channels::ChannelMap;
    use crate::ir::{AxisMap, ConvMap, Shape};
    use crate::neuron::{NeuronKind, TrainedNeuron};
    use crate::passes::calibrate::{self, RecordedPass, RecordedSpike};

    /// `[2, 1, 1]` fed by the host, then a read-out of one channel.
    fn network() -> Collected {
        let axis = AxisMap::pointwise(1);
        let channels = ChannelMap::dense(2, 1);
        let wiring = KernelWiring::Conv { map: ConvMap { rows: axis, cols: axis }, channels };
        let layer = |name: &str, channels, kind, sources| NeuronLayer {
            name: name.into(),
            shape: Shape::new(channels, 1, 1),
            kind,
            sources,
            bias: vec![0.0; channels],
            host: None,
            relay: None,
        };
        let kernel = SourceKernel { source: 0, delay: 0, wiring, weights: vec![1.0, 2.0].into() };
        let fires = layer("first", 2, NeuronKind::from(TrainedNeuron::integrate_and_fire(1.0)), Vec::new());
        let layers = vec![fires, layer("out", 1, NeuronKind::Mean, vec![kernel])];
        Collected { network: "net".into(), timesteps: 2, layers }
    }

    fn broken(expected: &str, damage: impl FnOnce(&mut Collected)) {
        let mut damaged = network();
        damage(&mut damaged);
        let found = damaged.verify().unwrap_err();
        assert_eq!(found.codes(), [Code::SpikingIr], "{found}");
        assert!(found.to_string().contains(expected), "{found}");
    }

    #[test]
    fn every_rule_finds_what_breaks_it() {
        network().verify().unwrap();
        broken("two populations have this name", |n| n.layers[1].name = "first".into());
        broken("neither one a channel nor one a neuron", |n| n.layers[0].bias.push(0.0));
        let path = || Some(super::super::HostPath { input: Shape::new(1, 1, 1), stages: Vec::new() });
        broken("a read-out is fed by the host and by spikes", |n| n.layers[1].host = path());
        broken("constants beside what the host writes", |n| {
            (n.layers[0].host, n.layers[0].bias[0]) = (path(), 1.0);
        });
        broken("a source does not fire before it", |n| n.layers[1].sources[0].source = 1);
        broken("a source does not fire before it", |n| n.layers[0].kind = NeuronKind::Mean);
        broken("a kernel does not fit its ends", |n| n.layers[1].sources[0].weights.push(1.0));
        broken("a kernel does not fit its ends", |n| {
            n.layers[1].sources[0].weights.edit(|weights| weights[0] = f64::NAN);
        });
        broken("a kernel does not fit its ends", |n| n.layers[0].shape = Shape::new(2, 1, 3));
        let list = |targets| KernelWiring::Sparse { sources: vec![0, 0], targets };
        broken("a kernel does not fit its ends", |n| {
            n.layers[0].shape = Shape::new(1, 1, 1);
            n.layers[0].bias.truncate(1);
            n.layers[1].sources[0].wiring = list(vec![0, 1]);
        });
    }

    #[test]
    fn recordings_hold_spikes_of_neurons_that_exist() {
        let network = network();
        let pass = |channel| {
            let spikes = vec![vec![vec![RecordedSpike { position: 0, channel }]; 2], vec![Vec::new(); 2]];
            RecordedPass { spikes, ..RecordedPass::default() }
        };
        calibrate::verify(&network, &[pass(0), pass(1)]).unwrap();
        for damaged in [pass(2), RecordedPass::default()] {
            let found = calibrate::verify(&network, &[pass(0), damaged]).unwrap_err();
            assert_eq!(found.codes(), [Code::SpikingIr]);
            assert!(found.to_string().contains("recorded pass 1"), "{found}");
        }
    }
}
