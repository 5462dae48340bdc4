//! How a model file names a kind of layer, and how its tensors are fetched and checked.
//!
//! A [`Spec`] is what stands between the brackets of `op: Conv2d(...)`. Checked here is what can be checked without
//! the layer's neighbours: tensor ranks and lengths that contradict each other are `E0006`, parameters out of range
//! `E0010`. Where tensors come from and where fields stand is the frontend's business.

use std::fmt;
use std::ops::RangeInclusive;

use serde::de::{self, SeqAccess, Visitor};
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use snnc_targets::{Code, Diagnostic, Diagnostics, Place, Subject};

use super::LayerKind;
use crate::weights::Tensor;

/// (vertical, horizontal).
pub type AxisPair = (usize, usize);

/// A tensor: (handle of the weight file, name in it).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct TensorRef(pub String, pub String);

/// A number of a layer: one for all channels, or a tensor with one each.
#[derive(Debug, Clone, PartialEq)]
pub enum Parameter {
    /// One for all.
    Number(f64),
    /// A tensor of one value, or of one a channel.
    Tensor(TensorRef),
}

impl Serialize for Parameter {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::Number(number) => number.serialize(serializer),
            Self::Tensor(TensorRef(handle, name)) => (handle, name).serialize(serializer),
        }
    }
}

impl<'de> Deserialize<'de> for Parameter {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(ParameterVisitor)
    }
}

struct ParameterVisitor;

impl<'de> Visitor<'de> for ParameterVisitor {
    type Value = Parameter;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a number or a tensor (handle, name)")
    }

    fn visit_f64<E: de::Error>(self, number: f64) -> Result<Parameter, E> {
        Ok(Parameter::Number(number))
    }

    fn visit_u64<E: de::Error>(self, number: u64) -> Result<Parameter, E> {
        Ok(Parameter::Number(number as f64))
    }

    fn visit_i64<E: de::Error>(self, number: i64) -> Result<Parameter, E> {
        Ok(Parameter::Number(number as f64))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Parameter, A::Error> {
        let mut item = |at| -> Result<String, A::Error> {
            items.next_element()?.ok_or_else(|| de::Error::invalid_length(at, &"(handle, name)"))
        };
        Ok(Parameter::Tensor(TensorRef(item(0)?, item(1)?)))
    }
}

/// A kind of layer as a model file has it; a unit struct is written without brackets.
pub trait Spec {
    /// What it becomes.
    type Layer: LayerKind;

    /// The layer with its tensors; `None` means that something was reported.
    fn layer(&self, file: &mut Resolver<'_>) -> Option<Self::Layer>;
}

/// Where tensors come from.
pub trait TensorSource {
    /// Reads a tensor.
    ///
    /// # Errors
    /// Why not; empty when that was said before.
    fn fetch(&mut self, tensor: &TensorRef) -> Result<Tensor, Diagnostics>;
}

/// Where the parts of one layer stand.
pub trait FieldPlaces {
    /// A field of the layer or of its operation; what should hold it, if it was left out.
    fn field(&self, name: &str) -> Place;

    /// The field of the operation that names a tensor.
    fn tensor(&self, tensor: &TensorRef) -> Place;
}

/// Resolves the operation of one layer.
pub struct Resolver<'a> {
    /// `layer sdid.conv1`.
    pub subject: &'a Subject,
    /// Where the layer and its fields stand.
    pub places: &'a dyn FieldPlaces,
    /// Timesteps of the network.
    pub timesteps: usize,
    /// Where tensors come from.
    pub source: &'a mut dyn TensorSource,
    /// Where problems go.
    pub errors: &'a mut Diagnostics,
}

impl Resolver<'_> {
    /// Fetches a tensor; its errors name the layer that asks for it.
    pub fn tensor(&mut self, tensor: &TensorRef) -> Option<Tensor> {
        match self.source.fetch(tensor) {
            Ok(tensor) => Some(tensor),
            Err(found) => {
                let place = self.places.tensor(tensor);
                self.errors.0.extend(found.0.into_iter().map(|mut error| {
                    error.message += &format!(" (asked for by {})", self.subject);
                    // What is wrong with a whole file stands where the file is named.
                    if let (None, Some(span)) = (error.place.span(), place.span()) {
                        let whole = error.place == Place::file(&span.source.name);
                        error.place = match whole {
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

    /// A vector that is not empty, of a given length if one is given.
    pub fn vector(&mut self, tensor: &TensorRef, length: Option<usize>) -> Option<Tensor> {
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

    /// A vector of that length; `Some(None)` if there is none.
    pub fn bias(&mut self, bias: Option<&TensorRef>, outputs: usize) -> Option<Option<Tensor>> {
        match bias {
            Some(bias) => Some(Some(self.vector(bias, Some(outputs))?)),
            None => Some(None),
        }
    }

    /// One number, or one a channel, all finite.
    pub fn parameter(&mut self, field: &str, parameter: &Parameter) -> Option<Vec<f64>> {
        let (tensor, found) = match parameter {
            Parameter::Number(number) => (None, Tensor::new(vec![1], vec![*number])),
            Parameter::Tensor(tensor) => (Some(tensor), self.tensor(tensor)?),
        };
        if let Some(wrong) = found.data.iter().find(|value| !value.is_finite()) {
            return self.invalid(
                field,
                format!("{field} is {wrong}, expected finite"),
                "is it the right one?",
            );
        }
        match (tensor, found.data.len(), found.shape.len()) {
            (Some(tensor), 0, _) => self.wrong_shape(tensor, &found, "[] or [channels]"),
            (Some(tensor), 2.., rank) if rank != 1 => self.wrong_shape(tensor, &found, "[] or [channels]"),
            _ => Some(found.data.to_vec()),
        }
    }

    /// A table `[rows, width]`, neither empty.
    pub fn table(&mut self, tensor: &TensorRef) -> Option<Tensor> {
        let table = self.tensor(tensor)?;
        if table.shape.len() != 2 || table.data.is_empty() {
            return self.wrong_shape(tensor, &table, "[rows, width]");
        }
        Some(table)
    }

    /// Neuron numbers.
    pub fn indices(&mut self, name: &TensorRef, tensor: &Tensor) -> Option<Vec<u32>> {
        let whole = |v: f64| (v >= 0.0 && v <= f64::from(u32::MAX) && v.fract() == 0.0).then_some(v as u32);
        let indices: Option<Vec<u32>> = tensor.data.iter().map(whole).collect();
        if indices.is_none() {
            let wrong = tensor.data.iter().position(|v| whole(v).is_none()).unwrap_or(0);
            let message = format!(
                "entry {wrong} of `{}` of `{}` is {}, a neuron number expected",
                name.1,
                name.0,
                tensor.data.get(wrong)
            );
            return self.shape_error(name, message, "neurons are counted from 0");
        }
        indices
    }

    /// A pair of numbers in a range.
    pub fn pair(
        &mut self,
        name: &str,
        (rows, columns): AxisPair,
        range: RangeInclusive<usize>,
    ) -> Option<()> {
        if [rows, columns].iter().all(|value| range.contains(value)) {
            return Some(());
        }
        let (least, most) = (range.start(), range.end());
        let message = format!("{name} is ({rows}, {columns}), expected {least} to {most}");
        self.invalid(name, message, "pairs are (vertical, horizontal)")
    }

    /// Refuses a tensor of another shape.
    pub fn wrong_shape<T>(&mut self, tensor: &TensorRef, found: &Tensor, expected: &str) -> Option<T> {
        let message = format!(
            "tensor `{}` of `{}` has shape {:?}, expected {expected}",
            tensor.1, tensor.0, found.shape
        );
        self.shape_error(tensor, message, "is it the right tensor for this field?")
    }

    /// Refuses a tensor.
    pub fn shape_error<T>(&mut self, tensor: &TensorRef, message: String, hint: &str) -> Option<T> {
        self.errors.push(Diagnostic::new(Code::TensorShape, self.places.tensor(tensor), message).hint(hint));
        None
    }

    /// Refuses a field.
    pub fn invalid<T>(&mut self, field: &str, message: String, hint: &str) -> Option<T> {
        self.errors.push(Diagnostic::new(Code::GraphInvalid, self.places.field(field), message).hint(hint));
        None
    }
}

/// A field that may be left out: written as it is, without `Some(...)`.
macro_rules! optional {
    ($name:ident: $value:ty) => {
        pub(super) mod $name {
            use serde::{Deserialize, Deserializer, Serialize, Serializer};

            pub fn serialize<S: Serializer>(
                value: &Option<$value>,
                serializer: S,
            ) -> Result<S::Ok, S::Error> {
                match value {
                    Some(value) => value.serialize(serializer),
                    None => serializer.serialize_none(),
                }
            }

            pub fn deserialize<'de, D: Deserializer<'de>>(
                deserializer: D,
            ) -> Result<Option<$value>, D::Error> {
                <$value>::deserialize(deserializer).map(Some)
            }
        }
    };
}

optional!(optional_pair: super::AxisPair);
optional!(optional_shape: (usize, usize, usize));
optional!(optional_parameter: super::Parameter);
optional!(optional_tensor: super::TensorRef);
pub(super) use optional;

pub(super) fn is_one(pair: &AxisPair) -> bool {
    *pair == (1, 1)
}

pub(super) fn is_zero(pair: &AxisPair) -> bool {
    *pair == (0, 0)
}

pub(super) fn is_single(groups: &usize) -> bool {
    *groups == 1
}

pub(super) fn one() -> AxisPair {
    (1, 1)
}

pub(super) fn single() -> usize {
    1
}
