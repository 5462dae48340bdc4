//! `Linear` and `Sparse` layers: their tensors, as far as they can be checked without the map that the layer reads.
//!
//! Tensors of wrong rank, length or type are `E0006`. Whether neuron numbers lie inside, and that no pair of neurons
//! stands twice, is said by shape inference.

use super::op::{MOST_ELEMENTS, Resolver};
use crate::frontend::model::TensorRef;
use crate::graph::{Op, Synapses};
use crate::weights::Tensor;

impl Resolver<'_> {
    /// Weight `[out, in]`, neither empty, and bias `[out]`.
    pub(super) fn linear(&mut self, weight: &TensorRef, bias: Option<&TensorRef>) -> Option<Op> {
        let tensor = self.tensor(weight)?;
        if tensor.shape.len() != 2 || tensor.data.is_empty() {
            return self.wrong_shape(weight, &tensor, "[out, in]");
        }
        let bias = self.bias(bias, tensor.shape[0])?;
        Some(Op::Linear { weight: tensor, bias })
    }

    /// Vectors of equal length: sources, targets, weights.
    pub(super) fn sparse(
        &mut self,
        lists: [&TensorRef; 3],
        bias: Option<&TensorRef>,
        outputs: usize,
    ) -> Option<Synapses> {
        if !(1..=MOST_ELEMENTS).contains(&outputs) {
            let message = format!("{outputs} outputs, expected 1 to {MOST_ELEMENTS}");
            return self.invalid(
                "outputs",
                message,
                "`outputs` is the number of neurons that the synapses lead to",
            );
        }
        let sources = self.vector(lists[0], None)?;
        let targets = self.vector(lists[1], Some(sources.data.len()))?;
        let weights = self.vector(lists[2], Some(sources.data.len()))?;
        let (sources, targets) = (self.indices(lists[0], &sources)?, self.indices(lists[1], &targets)?);
        let bias = self.bias(bias, outputs)?;
        Some(Synapses { sources, targets, weights: weights.data, bias, outputs })
    }

    /// `Some(None)` if there is none.
    fn bias(&mut self, bias: Option<&TensorRef>, outputs: usize) -> Option<Option<Tensor>> {
        match bias {
            Some(bias) => Some(Some(self.vector(bias, Some(outputs))?)),
            None => Some(None),
        }
    }

    /// Neuron numbers.
    fn indices(&mut self, name: &TensorRef, tensor: &Tensor) -> Option<Vec<u32>> {
        let whole = |v: f64| (v >= 0.0 && v <= f64::from(u32::MAX) && v.fract() == 0.0).then_some(v as u32);
        let indices: Option<Vec<u32>> = tensor.data.iter().map(|&v| whole(v)).collect();
        if indices.is_none() {
            let wrong = tensor.data.iter().position(|&v| whole(v).is_none()).unwrap_or(0);
            let message = format!(
                "entry {wrong} of `{}` of `{}` is {}, a neuron number expected",
                name.1, name.0, tensor.data[wrong]
            );
            return self.shape_error(name, message, "neurons are counted from 0");
        }
        indices
    }
}
