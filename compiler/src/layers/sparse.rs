//! Synapses one by one, from a line of neurons `[1, 1, n]` to a line `[1, 1, outputs]`.

use serde::{Deserialize, Serialize};

use super::current::Current;
use super::flow::per_channel;
use super::{
    Evaluation, LayerFault, LayerKind, LoweringRefusal, LoweringSite, Resolver, SignalType, Spec, TensorRef,
};
use crate::event_driven::{EventSums, SynapseRows};
use crate::ir::Shape;
use crate::reference::{Map, Signal};
use crate::weights::Tensor;

/// Most output neurons.
const OUTPUTS_MAX: usize = 1 << 24;

/// A list of synapses between lines of neurons; entry i of the three lists is one synapse, no pair stands there twice.
#[derive(Debug, Clone, PartialEq)]
pub struct SparseLinear {
    /// Input neuron of each.
    pub sources: Vec<u32>,
    /// Output neuron of each.
    pub targets: Vec<u32>,
    /// Weight of each.
    pub weights: Vec<f64>,
    /// `[outputs]`.
    pub bias: Option<Tensor>,
    /// Output neurons.
    pub outputs: usize,
}

impl LayerKind for SparseLinear {
    fn name(&self) -> &'static str {
        "Sparse"
    }

    fn output(&self, inputs: &[SignalType], _: usize) -> Result<SignalType, LayerFault> {
        let Shape { channels: 1, height: 1, width } = inputs[0].shape else {
            let message = format!("Sparse reads {}, a line of neurons [1, 1, n] expected", inputs[0].shape);
            return Err(LayerFault::shape(message).hint(
                "give it this shape by a `Reshape(shape: (1, 1, n))`, on the chip in front of the neurons",
            ));
        };
        self.check_lists(width)?;
        if let Some(bias) = &self.bias {
            per_channel("bias", bias, self.outputs)?;
        }
        Ok(inputs[0].shaped(Shape::new(1, 1, self.outputs)))
    }

    fn evaluate(&self, inputs: &[&Signal], _: &Evaluation<'_>) -> Result<Signal, LayerFault> {
        Ok(inputs[0].each(|map| self.apply(map)))
    }

    fn event_sums(&self, from: Shape, _: Shape) -> Option<Box<dyn EventSums>> {
        SynapseRows::new(self, from.len()).map(|rows| Box::new(rows) as Box<dyn EventSums>)
    }

    fn has_weights(&self) -> bool {
        true
    }

    fn current(&self, mut inputs: Vec<Current>, site: &LoweringSite<'_>) -> Result<Current, LoweringRefusal> {
        inputs.remove(0).through_synapses(self, site)
    }
}

impl SparseLinear {
    fn check_lists(&self, inputs: usize) -> Result<(), LayerFault> {
        let Self { sources, targets, weights, outputs, .. } = self;
        if sources.len() != targets.len() || sources.len() != weights.len() {
            let (s, t, w) = (sources.len(), targets.len(), weights.len());
            return Err(LayerFault::shape(format!(
                "{s} sources, {t} targets and {w} weights, equal numbers expected"
            )));
        }
        for (name, indices, length) in [("source", sources, inputs), ("target", targets, *outputs)] {
            if let Some(i) = indices.iter().position(|&index| index as usize >= length) {
                let message = format!("{name} {} of synapse {i} is not below {length}", indices[i]);
                return Err(LayerFault::shape(message).hint("neurons are counted from 0"));
            }
        }
        let mut pairs: Vec<(u32, u32)> = sources.iter().copied().zip(targets.iter().copied()).collect();
        pairs.sort_unstable();
        if let Some(pair) = pairs.windows(2).find(|pair| pair[0] == pair[1]) {
            let message = format!("two synapses from source {} to target {}", pair[0].0, pair[0].1);
            return Err(LayerFault::shape(message).hint("add their weights up and list the pair once"));
        }
        Ok(())
    }

    /// Synapse by synapse in the order of the list, then the bias.
    fn apply(&self, input: &Map) -> Map {
        let mut output = Map::filled(Shape::new(1, 1, self.outputs), 0.0);
        for ((&source, &target), weight) in self.sources.iter().zip(&self.targets).zip(&self.weights) {
            output.data[target as usize] += input.data[source as usize] * weight;
        }
        if let Some(bias) = &self.bias {
            output.data.iter_mut().zip(bias.data.iter()).for_each(|(v, b)| *v += b);
        }
        output
    }
}

/// Three vectors of equal length; bias `[outputs]`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SparseSpec {
    /// Input neuron of each.
    pub sources: TensorRef,
    /// Output neuron of each.
    pub targets: TensorRef,
    /// Weight of each.
    pub weights: TensorRef,
    /// `[outputs]`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub bias: Option<TensorRef>,
    /// Output neurons.
    pub outputs: usize,
}

impl Spec for SparseSpec {
    type Layer = SparseLinear;

    fn layer(&self, file: &mut Resolver<'_>) -> Option<SparseLinear> {
        let outputs = self.outputs;
        if !(1..=OUTPUTS_MAX).contains(&outputs) {
            let message = format!("{outputs} outputs, expected 1 to {OUTPUTS_MAX}");
            let hint = "`outputs` is the number of neurons that the synapses lead to";
            return file.invalid("outputs", message, hint);
        }
        let sources = file.vector(&self.sources, None)?;
        let targets = file.vector(&self.targets, Some(sources.data.len()))?;
        let weights = file.vector(&self.weights, Some(sources.data.len()))?;
        let sources = file.indices(&self.sources, &sources)?;
        let targets = file.indices(&self.targets, &targets)?;
        let bias = file.bias(self.bias.as_ref(), outputs)?;
        Some(SparseLinear { sources, targets, weights: weights.data.to_vec(), bias, outputs })
    }
}
