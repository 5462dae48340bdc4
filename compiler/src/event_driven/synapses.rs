//! Lists of synapses: source by source, those that are not zero.

use rayon::prelude::*;

use super::EventSums;
use crate::ir::Shape;
use crate::layers::SparseLinear;
use crate::reference::Map;

/// A list of synapses by source.
#[derive(Debug)]
pub(crate) struct SynapseRows {
    /// By source: where its synapses start; the last entry is their number.
    starts: Vec<usize>,
    /// (target, weight).
    synapses: Vec<(u32, f64)>,
    bias: Vec<f64>,
    outputs: usize,
}

impl SynapseRows {
    /// The synapses of a layer that reads `inputs` neurons. None where the sources of a target do not ascend, since
    /// sums follow the list, and where weights are not finite.
    pub fn new(layer: &SparseLinear, inputs: usize) -> Option<Self> {
        let bias = layer.bias.as_ref().map_or_else(Vec::new, |bias| bias.data.to_vec());
        if !layer.weights.iter().all(|weight| weight.is_finite()) {
            return None;
        }
        let mut last = vec![None; layer.outputs];
        let mut starts = vec![0; inputs + 1];
        for (&source, &target) in layer.sources.iter().zip(&layer.targets) {
            if last[target as usize].replace(source).is_some_and(|before| before >= source) {
                return None;
            }
            starts[source as usize + 1] += 1;
        }
        for source in 0..inputs {
            starts[source + 1] += starts[source];
        }
        let (mut next, mut synapses) = (starts.clone(), vec![(0, 0.0); layer.weights.len()]);
        for ((&source, &target), &weight) in layer.sources.iter().zip(&layer.targets).zip(&layer.weights) {
            let place = &mut next[source as usize];
            synapses[*place] = (target, weight);
            *place += 1;
        }
        Some(Self { starts, synapses, bias, outputs: layer.outputs })
    }

    fn apply(&self, input: &Map) -> Map {
        let mut output = Map::filled(Shape::new(1, 1, self.outputs), 0.0);
        for (source, &value) in input.data.iter().enumerate().filter(|(_, value)| **value != 0.0) {
            for &(target, weight) in &self.synapses[self.starts[source]..self.starts[source + 1]] {
                output.data[target as usize] += value * weight;
            }
        }
        output.data.iter_mut().zip(&self.bias).for_each(|(sum, bias)| *sum += bias);
        output
    }
}

impl EventSums for SynapseRows {
    fn sums(&self, maps: &[Map]) -> Vec<Map> {
        maps.par_iter().map(|map| self.apply(map)).collect()
    }
}
