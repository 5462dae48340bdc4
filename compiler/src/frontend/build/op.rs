//! One layer's operation: fetches its tensors and checks what can be checked without its neighbours.
//!
//! Tensor ranks and lengths that contradict each other are `E0006`, parameters out of range `E0010`. A returned
//! operation is whole; `None` means that something was reported.

use snnc_targets::{Code, Diagnostic, Diagnostics};

use super::conv::ConvSpec;
use super::{LayerPlace, Source};
use crate::frontend::model::{OpSpec, TensorRef};
use crate::graph::Op;
use crate::ir::Shape;
use crate::weights::Tensor;

/// Most elements of an input map: bounds what later rooms allocate.
pub(super) const MOST_ELEMENTS: usize = 1 << 24;

/// Resolves the operation of one layer.
pub(super) struct Resolver<'a> {
    /// Where the layer and its fields stand.
    pub place: LayerPlace<'a>,
    /// Timesteps of the network.
    pub timesteps: usize,
    /// Where tensors come from.
    pub source: &'a mut dyn Source,
    /// Where problems go.
    pub errors: &'a mut Diagnostics,
}

impl Resolver<'_> {
    /// The operation with its tensors.
    pub(super) fn op(&mut self, spec: &OpSpec) -> Option<Op> {
        match spec {
            OpSpec::Input { shape } => self.input(*shape),
            OpSpec::Embedding { table } => Some(Op::Embedding { table: self.table(table)? }),
            OpSpec::Conv2d { .. } => self.conv(&ConvSpec::of(spec)?).map(Op::Conv2d),
            OpSpec::ConvTranspose2d { .. } => self.conv(&ConvSpec::of(spec)?).map(Op::ConvTranspose2d),
            OpSpec::Linear { weight, bias } => self.linear(weight, bias.as_ref()),
            OpSpec::Flatten => Some(Op::Flatten),
            OpSpec::Sparse { sources, targets, weights, bias, outputs } => {
                self.sparse([sources, targets, weights], bias.as_ref(), *outputs).map(Op::Sparse)
            }
            OpSpec::BatchNorm { scale, shift, mean, variance, epsilon } => {
                self.batch_norm([scale, shift, mean, variance], *epsilon)
            }
            OpSpec::Lif { tau, threshold, reset } => self.lif(*tau, *threshold, *reset),
            OpSpec::If { threshold } => self.integrate_and_fire(*threshold),
            OpSpec::Concat => Some(Op::Concat),
            OpSpec::MeanOverTime => Some(Op::MeanOverTime),
            OpSpec::WeightedSum { coefficients } => self.weighted_sum(coefficients),
            OpSpec::Mix { alpha } => self.mix(alpha),
            OpSpec::NearestCode { table } => Some(Op::NearestCode { table: self.table(table)? }),
        }
    }

    fn input(&mut self, (channels, height, width): (usize, usize, usize)) -> Option<Op> {
        let elements = channels.checked_mul(height).and_then(|n| n.checked_mul(width));
        if elements.is_none_or(|n| n == 0 || n > MOST_ELEMENTS) {
            let message = format!(
                "input shape [{channels}, {height}, {width}] has no or over {MOST_ELEMENTS} elements"
            );
            return self.invalid("shape", message, "`shape` is (channels, height, width)");
        }
        Some(Op::Input { shape: Shape::new(channels, height, width) })
    }

    /// A table `[rows, width]`, neither empty.
    fn table(&mut self, tensor: &TensorRef) -> Option<Tensor> {
        let table = self.tensor(tensor)?;
        if table.shape.len() != 2 || table.data.is_empty() {
            return self.wrong_shape(tensor, &table, "[rows, width]");
        }
        Some(table)
    }

    fn batch_norm(&mut self, tensors: [&TensorRef; 4], epsilon: f64) -> Option<Op> {
        let vectors = tensors.map(|tensor| self.vector(tensor, None));
        let [Some(scale), Some(shift), Some(mean), Some(variance)] = vectors else { return None };
        let channels = scale.data.len();
        for (tensor, vector) in tensors.iter().zip([&scale, &shift, &mean, &variance]) {
            if vector.data.len() != channels {
                return self.wrong_shape(
                    tensor,
                    vector,
                    &format!("[{channels}], as many as `{}`", tensors[0].1),
                );
            }
        }
        if !epsilon.is_finite() || epsilon < 0.0 {
            let message = format!("epsilon is {epsilon}, expected 0 or more");
            return self.invalid("epsilon", message, "PyTorch's default is 1e-5");
        }
        if let Some(channel) = variance.data.iter().position(|v| v + epsilon <= 0.0) {
            let found = variance.data[channel];
            let message =
                format!("running variance of channel {channel} is {found}: with epsilon not positive");
            return self.shape_error(tensors[3], message, "is `variance` the tensor `running_var`?");
        }
        Some(Op::BatchNorm { scale, shift, mean, variance, epsilon })
    }

    fn lif(&mut self, tau: f64, threshold: f64, reset: f64) -> Option<Op> {
        if !(tau.is_finite() && tau > 0.0) {
            let message = format!("tau is {tau}, expected a positive number of timesteps");
            return self.invalid("tau", message, "often 2.0; a neuron without leak is `If`");
        }
        if !(threshold.is_finite() && reset.is_finite() && threshold > reset) {
            let message =
                format!("threshold {threshold} and reset {reset}: expected finite, threshold above reset");
            return self.invalid("threshold", message, "a neuron at rest must not fire; often 1.0 and 0.0");
        }
        Some(Op::Lif { tau, threshold, reset })
    }

    fn integrate_and_fire(&mut self, threshold: f64) -> Option<Op> {
        if !(threshold.is_finite() && threshold > 0.0) {
            let message = format!("threshold is {threshold}, expected finite and above 0");
            return self.invalid("threshold", message, "a neuron at rest must not fire; often 1.0");
        }
        Some(Op::If { threshold })
    }

    fn weighted_sum(&mut self, coefficients: &TensorRef) -> Option<Op> {
        let tensor = self.tensor(coefficients)?;
        if tensor.data.len() != self.timesteps || tensor.shape.first() != Some(&self.timesteps) {
            let expected = format!("one coefficient for each of the {} timesteps", self.timesteps);
            return self.wrong_shape(coefficients, &tensor, &expected);
        }
        Some(Op::WeightedSum { coefficients: tensor.data })
    }

    fn mix(&mut self, alpha: &TensorRef) -> Option<Op> {
        let tensor = self.tensor(alpha)?;
        match tensor.data[..] {
            [alpha] => Some(Op::Mix { alpha }),
            _ => self.wrong_shape(alpha, &tensor, "one element"),
        }
    }

    /// A vector that is not empty, of a given length if one is given.
    pub(super) fn vector(&mut self, tensor: &TensorRef, length: Option<usize>) -> Option<Tensor> {
        let vector = self.tensor(tensor)?;
        let legal = vector.shape.len() == 1
            && !vector.data.is_empty()
            && length.is_none_or(|length| length == vector.data.len());
        if !legal {
            let expected = length.map_or_else(|| String::from("[channels]"), |length| format!("[{length}]"));
            return self.wrong_shape(tensor, &vector, &expected);
        }
        Some(vector)
    }

    /// Fetches a tensor; its errors name the layer that asks for it.
    pub(super) fn tensor(&mut self, tensor: &TensorRef) -> Option<Tensor> {
        match self.source.fetch(tensor) {
            Ok(tensor) => Some(tensor),
            Err(found) => {
                let place = self.place.tensor(tensor);
                self.errors.0.extend(found.0.into_iter().map(|mut error| {
                    error.message += &format!(" (asked for by {})", self.place.subject);
                    // What is wrong with a whole file stands where the file is named.
                    if let (None, Some(span)) = (error.place.span(), place.span()) {
                        error.place = match error.place.as_str() == span.source.name {
                            true => place.clone(),
                            false => error.place.at(&span.source, span.range.clone()),
                        };
                    }
                    error
                }));
                None
            }
        }
    }

    pub(super) fn wrong_shape<T>(&mut self, tensor: &TensorRef, found: &Tensor, expected: &str) -> Option<T> {
        let message = format!(
            "tensor `{}` of `{}` has shape {:?}, expected {expected}",
            tensor.1, tensor.0, found.shape
        );
        self.shape_error(tensor, message, "is it the right tensor for this field?")
    }

    pub(super) fn shape_error<T>(&mut self, tensor: &TensorRef, message: String, hint: &str) -> Option<T> {
        self.errors.push(Diagnostic::new(Code::TensorShape, self.place.tensor(tensor), message).hint(hint));
        None
    }

    pub(super) fn invalid<T>(&mut self, field: &str, message: String, hint: &str) -> Option<T> {
        self.errors.push(Diagnostic::new(Code::GraphInvalid, self.place.field(field), message).hint(hint));
        None
    }
}
