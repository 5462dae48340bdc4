//! What goes from layer to layer: a map's shape and how it goes with time; and what shape rules refuse.

use std::fmt;

use snnc_targets::{Code, Diagnostic, Place};

use crate::ir::Shape;
use crate::weights::Tensor;

/// Most elements of a layer's output, timesteps included.
pub const ELEMENTS_MAX: usize = 1 << 28;

/// How a layer's output goes with time.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum SignalKind {
    /// The same map in every timestep.
    Constant,
    /// One map a timestep.
    Series,
    /// One map after the last timestep: a read-out, or what is computed from read-outs.
    Final,
}

impl fmt::Display for SignalKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Constant => "constant over time",
            Self::Series => "one map a timestep",
            Self::Final => "one map after the last timestep",
        })
    }
}

/// Shape and kind of a layer's output.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SignalType {
    /// `[c, h, w]`.
    pub shape: Shape,
    /// How it goes with time.
    pub kind: SignalKind,
}

impl SignalType {
    /// A signal of another shape that goes with time as this one does.
    pub fn shaped(self, shape: Shape) -> Self {
        Self { shape, ..self }
    }

    /// Refuses empty maps and maps beyond [`ELEMENTS_MAX`].
    ///
    /// # Errors
    /// [`Code::LayerShape`].
    pub fn bounded(self, timesteps: usize) -> Result<Self, LayerFault> {
        let Shape { channels, height, width } = self.shape;
        let steps = if self.kind == SignalKind::Series { timesteps } else { 1 };
        let elements = [height, width, steps].iter().try_fold(channels, |product, &n| product.checked_mul(n));
        match elements {
            Some(0) if steps > 0 => Err(LayerFault::shape(format!("the output {} is empty", self.shape))),
            Some(n) if n <= ELEMENTS_MAX => Ok(self),
            _ => Err(LayerFault::shape(format!(
                "the output {} over {steps} timesteps is too large: at most {ELEMENTS_MAX} elements expected",
                self.shape
            ))),
        }
    }
}

/// What a layer refuses; it does not know which layer of a network it is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LayerFault {
    code: Code,
    message: String,
    hint: Option<&'static str>,
}

impl LayerFault {
    /// A map or tensor that does not fit: [`Code::LayerShape`].
    pub fn shape(message: impl Into<String>) -> Self {
        Self { code: Code::LayerShape, message: message.into(), hint: None }
    }

    /// A value that a run was given: [`Code::Argument`].
    pub fn argument(message: impl Into<String>) -> Self {
        Self { code: Code::Argument, ..Self::shape(message) }
    }

    /// A wrong number of inputs: [`Code::GraphInvalid`].
    pub fn arity(message: impl Into<String>) -> Self {
        Self { code: Code::GraphInvalid, ..Self::shape(message) }
    }

    /// Adds a remedy.
    #[must_use]
    pub fn hint(mut self, hint: &'static str) -> Self {
        self.hint = Some(hint);
        self
    }

    /// The diagnostic of the layer at `place`.
    pub fn at(self, place: impl Into<Place>) -> Diagnostic {
        let new = Diagnostic::new(self.code, place, self.message);
        match self.hint {
            Some(hint) => new.hint(hint),
            None => new,
        }
    }
}

/// How many inputs a kind of layer reads.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Arity {
    /// So many.
    Exactly(usize),
    /// So many or more.
    AtLeast(usize),
}

impl Arity {
    /// Whether a layer may have so many inputs.
    pub fn admits(self, inputs: usize) -> bool {
        match self {
            Self::Exactly(n) => inputs == n,
            Self::AtLeast(n) => inputs >= n,
        }
    }
}

impl fmt::Display for Arity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let word =
            |n: usize| ["none", "one", "two"].get(n).map_or_else(|| n.to_string(), |&word| word.into());
        match *self {
            Self::Exactly(n) => f.write_str(&word(n)),
            Self::AtLeast(n) => write!(f, "{} or more", word(n)),
        }
    }
}

/// A tensor of one value a channel.
pub(super) fn per_channel(name: &str, tensor: &Tensor, channels: usize) -> Result<(), LayerFault> {
    if tensor.shape[..] == [channels] {
        Ok(())
    } else {
        Err(LayerFault::shape(format!("{name} has shape {:?}, [{channels}] expected", tensor.shape)))
    }
}

/// One value for all channels, or one each.
pub(super) fn one_or_each(name: &str, values: &[f64], channels: usize) -> Result<(), LayerFault> {
    match values.len() {
        1 => Ok(()),
        found if found == channels => Ok(()),
        found => Err(LayerFault::shape(format!(
            "{name} has {found} values, 1 or {channels} expected: one a channel"
        ))),
    }
}

/// The value of a channel, of one for all or one each.
pub(super) fn of_channel(values: &[f64], channel: usize) -> f64 {
    values[if values.len() == 1 { 0 } else { channel }]
}

/// Sides of a `[rows, width]` table.
pub(super) fn table_sides(table: &Tensor) -> Result<(usize, usize), LayerFault> {
    match table.shape[..] {
        [rows, width] if rows > 0 && width > 0 => Ok((rows, width)),
        _ => Err(LayerFault::shape(format!("table has shape {:?}, [rows, width] expected", table.shape))),
    }
}

/// Output of neurons that fire.
pub(super) fn firing(name: &str, input: SignalType) -> Result<SignalType, LayerFault> {
    if input.kind == SignalKind::Final {
        let message =
            format!("{name} reads a signal that is {}, one that has timesteps expected", input.kind);
        return Err(LayerFault::shape(message).hint("neurons cannot follow a read-out within the same pass"));
    }
    Ok(SignalType { kind: SignalKind::Series, ..input })
}

/// Output of a read-out.
pub(super) fn read_out(name: &str, input: SignalType) -> Result<SignalType, LayerFault> {
    if input.kind == SignalKind::Series {
        return Ok(SignalType { kind: SignalKind::Final, ..input });
    }
    let message = format!("{name} reads a signal that is {}, one map a timestep expected", input.kind);
    Err(LayerFault::shape(message)
        .hint("put spiking neurons (`Lif`, `If`) between the network's input and its read-out"))
}

/// How the joined signals of several inputs go with time: a series if one of them is.
pub(super) fn joined_kind(
    name: &str,
    verb: &str,
    kinds: impl IntoIterator<Item = SignalKind>,
) -> Result<SignalKind, LayerFault> {
    let mut kinds = kinds.into_iter();
    let first = kinds.next().unwrap_or(SignalKind::Constant);
    kinds.try_fold(first, |joined, next| match (joined, next) {
        (a, b) if a == b => Ok(a),
        (SignalKind::Final, _) | (_, SignalKind::Final) => Err(LayerFault::shape(format!(
            "{name} {verb} a read-out with a signal that has timesteps, one sort expected"
        ))),
        _ => Ok(SignalKind::Series),
    })
}
