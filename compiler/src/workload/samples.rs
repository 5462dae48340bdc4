//! Samples from outside, one after the other: every network runs on the chip. Its inputs are not known yet, or some
//! that are like them are given for the rounding.

use indexmap::IndexMap;

use super::{Nothing, Recorder, RecordingObserver, Workload};
use crate::graph::{Graph, Op};
use crate::ir::workload::WorkloadSpec;
use crate::ir::{NetworkId, Shape};
use crate::layers::Input;
use crate::passes::calibrate::{RecordedPass, run};
use crate::passes::collect::Collected;

/// What normalised data lie in.
const RANGE: (f64, f64) = (-1.0, 1.0);

/// A model without a pipeline.
#[derive(Debug, Clone, Copy)]
pub struct Samples<'m> {
    graphs: &'m IndexMap<String, Graph>,
    given: Option<CalibrationSamples<'m>>,
    observer: &'m dyn RecordingObserver,
}

/// Constant inputs such as one of the networks will be fed.
#[derive(Debug, Clone, Copy)]
pub struct CalibrationSamples<'m> {
    /// Name of the network.
    pub network: &'m str,
    /// One sample after the other, `[n, c, h, w]`.
    pub values: &'m [f64],
}

impl<'m> Samples<'m> {
    /// All of a model's networks, on inputs that are not known.
    pub fn new(graphs: &'m IndexMap<String, Graph>) -> Self {
        Self { graphs, given: None, observer: &() }
    }

    /// All of a model's networks; what is recorded of one of them are these inputs, and what its channels are made for
    /// is their range.
    pub fn like(graphs: &'m IndexMap<String, Graph>, given: CalibrationSamples<'m>) -> Self {
        Self { graphs, given: Some(given), observer: &() }
    }

    /// The same; the observer is told of recorded passes.
    #[must_use]
    pub fn observed(self, observer: &'m dyn RecordingObserver) -> Self {
        Self { observer, ..self }
    }
}

impl<'m> CalibrationSamples<'m> {
    /// The samples for a network of that name: none are for another.
    fn of(self, network: &str, shape: Shape) -> impl Iterator<Item = &'m [f64]> {
        let values = if self.network == network { self.values } else { &[] };
        values.chunks_exact(shape.len().max(1))
    }

    /// Least and largest value of a channel; none without samples.
    fn range(self, network: &str, shape: Shape, channel: usize) -> Option<(f64, f64)> {
        let map = channel * shape.positions()..(channel + 1) * shape.positions();
        let values = self.of(network, shape).flat_map(|sample| &sample[map.clone()]);
        values.fold(None, |range, &value| {
            let (low, high) = range.unwrap_or((value, value));
            Some((value.min(low), value.max(high)))
        })
    }
}

/// A network's input.
fn input(network: &Graph) -> Option<&Input> {
    network.net.node_weights().find_map(|layer| match &layer.op {
        Op::Input(input) => Some(input),
        _ => None,
    })
}

/// Shape of a network's input.
fn input_shape(network: &Graph) -> Option<Shape> {
    input(network).map(|input| input.shape)
}

impl Workload for Samples<'_> {
    fn networks(&self) -> Vec<&str> {
        self.graphs.keys().map(String::as_str).collect()
    }

    /// Those of the given samples; else -1 to 1, as normalised data lie. What lies outside is written as far as the
    /// biases reach, clipped and counted beyond.
    fn input_ranges(&self, network: &Graph) -> Option<Vec<(f64, f64)>> {
        let Some(shape) = input_shape(network) else { return Some(Vec::new()) };
        let range = |channel| self.given.and_then(|given| given.range(&network.name, shape, channel));
        Some((0..shape.channels).map(|channel| range(channel).unwrap_or(RANGE)).collect())
    }

    fn recorder(&self, passes: usize) -> Box<dyn Recorder + '_> {
        match self.given {
            Some(given) => {
                Box::new(RecordingSamples { given, graphs: self.graphs, observer: self.observer, passes })
            }
            None => Box::new(Nothing),
        }
    }

    fn observer(&self) -> &dyn RecordingObserver {
        self.observer
    }

    fn unrecorded(&self) -> Option<&'static str> {
        let reason = "there are no inputs to record: the model has no generation loop that gives them, and no samples \
                      are given with --calibrate-input";
        self.given.is_none().then_some(reason)
    }

    /// The sources of the networks whose spikes the host draws; none if there are none.
    fn spec(&self, networks: &IndexMap<String, NetworkId>) -> Option<WorkloadSpec> {
        let mut spec = WorkloadSpec::default();
        for (name, &network) in networks {
            let Some(Input { shape, source: Some(source), .. }) = self.graphs.get(name).and_then(input)
            else {
                continue;
            };
            source.enter(&mut spec, name, (network, shape.channels));
        }
        (!spec.networks.is_empty()).then_some(spec)
    }
}

/// Records the first of the given samples.
struct RecordingSamples<'m> {
    given: CalibrationSamples<'m>,
    graphs: &'m IndexMap<String, Graph>,
    observer: &'m dyn RecordingObserver,
    passes: usize,
}

impl Recorder for RecordingSamples<'_> {
    fn record(&mut self, network: &str, collected: &Collected) -> Vec<RecordedPass> {
        let Some(shape) = self.graphs.get(network).and_then(input_shape) else { return Vec::new() };
        let samples: Vec<&[f64]> = self.given.of(network, shape).take(self.passes).collect();
        if !samples.is_empty() {
            self.observer.begin(samples.len());
        }
        let one = |sample: &[f64]| {
            let pass = run(collected, sample);
            self.observer.recorded();
            pass
        };
        samples.into_iter().map(one).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::graph::Builder;
    use crate::layers::{Conv, Lif, MeanOverTime};
    use crate::passes::collect;
    use crate::reference::Interpreter;
    use crate::weights::Tensor;

    #[test]
    fn ranges_and_recorded_spikes_are_those_of_the_given_samples() {
        let conv = Conv::new(Tensor::new(vec![3, 2, 1, 1], vec![0.5, 1.0, -1.0, 0.25, 0.75, 0.75]));
        let input = Op::from(Input::constant(Shape::new(2, 1, 2)));
        let ops = vec![input, conv.into(), Op::Lif(Lif::new(2.0, 1.0, 0.0)), MeanOverTime.into()];
        let net = |name: &str| Builder::chain(name, 4, ops.clone()).finish().unwrap();
        let graphs: IndexMap<String, Graph> =
            ["a", "b"].into_iter().map(|name| (name.to_owned(), net(name))).collect();
        let samples = [[4.0, 1.0, -3.0, 2.0], [0.0, 5.0, 2.5, 2.5], [9.0, 0.0, 0.0, 0.0]].concat();
        let workload = Samples::like(&graphs, CalibrationSamples { network: "a", values: &samples });
        assert_eq!(workload.input_ranges(&graphs["a"]), Some(vec![(0.0, 9.0), (-3.0, 2.5)]));
        assert_eq!(workload.input_ranges(&graphs["b"]), Some(vec![RANGE; 2]));
        assert_eq!((workload.unrecorded(), Samples::new(&graphs).unrecorded().is_some()), (None, true));
        let collected = collect::run(&graphs["a"]).unwrap();
        let recorded = workload.recorder(2).record("a", &collected);
        assert_eq!(recorded.len(), 2);
        assert_eq!(workload.recorder(8).record("a", &collected).len(), 3);
        assert!(workload.recorder(8).record("b", &collect::run(&graphs["b"]).unwrap()).is_empty());
        let interpreter = Interpreter::new(&graphs["a"]).unwrap();
        for (pass, sample) in recorded.iter().zip(samples.chunks(4)) {
            let trace = interpreter.pass(sample).unwrap();
            let fired = trace.spikes("l2").unwrap().into_iter().flatten().filter(|&fired| fired).count();
            assert_eq!(pass.spikes[0].iter().map(Vec::len).sum::<usize>(), fired);
            assert!(fired > 0);
        }
    }
}
