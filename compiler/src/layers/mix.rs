//! `(1 - alpha)` x port 0 + `alpha` x port 1, of two read-outs; the host computes it.

use serde::{Deserialize, Serialize};

use super::{Arity, Evaluation, LayerFault, LayerKind, Resolver, SignalKind, SignalType, Spec, TensorRef};
use crate::reference::{Map, Signal};

/// Two read-outs weighed against each other.
#[derive(Debug, Clone, PartialEq)]
pub struct Mix {
    /// Weight of port 1.
    pub alpha: f64,
}

impl LayerKind for Mix {
    fn name(&self) -> &'static str {
        "Mix"
    }

    fn arity() -> Arity {
        Arity::Exactly(2)
    }

    fn output(&self, inputs: &[SignalType], _: usize) -> Result<SignalType, LayerFault> {
        let (first, second) = (inputs[0], inputs[1]);
        if first.kind != SignalKind::Final || second.kind != SignalKind::Final {
            let (a, b) = (first.kind, second.kind);
            return Err(LayerFault::shape(format!(
                "Mix reads signals that are {a} and {b}, two read-outs expected"
            )));
        }
        if first.shape != second.shape {
            let message = format!("Mix reads {} and {}, equal shapes expected", first.shape, second.shape);
            return Err(LayerFault::shape(message));
        }
        Ok(first)
    }

    fn evaluate(&self, inputs: &[&Signal], _: &Evaluation<'_>) -> Result<Signal, LayerFault> {
        let (first, second) = (inputs[0].only(), inputs[1].only());
        let pairs = first.data.iter().zip(&second.data);
        let mixed = pairs.map(|(a, b)| (1.0 - self.alpha) * a + self.alpha * b).collect();
        Ok(Signal::Final(Map::new(first.shape(), mixed)))
    }
}

/// A one-element tensor.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct MixSpec {
    /// Weight of port 1.
    pub alpha: TensorRef,
}

impl Spec for MixSpec {
    type Layer = Mix;

    fn layer(&self, file: &mut Resolver<'_>) -> Option<Mix> {
        let tensor = file.tensor(&self.alpha)?;
        match tensor.data.len() {
            1 => Some(Mix { alpha: tensor.data.get(0) }),
            _ => file.wrong_shape(&self.alpha, &tensor, "one element"),
        }
    }
}
