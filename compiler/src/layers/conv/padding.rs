//! Padding as a model file writes it: numbers, or PyTorch's `"same"`.

use std::fmt;

use serde::de::{self, SeqAccess, Visitor};
use serde::ser::SerializeTuple;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::layers::spec::AxisPair;

/// Padding of a convolution. Which numbers it may have is the operation's business.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Padding {
    /// A number, or several in brackets.
    Numbers(Vec<usize>),
    /// As much as keeps the map's size at stride 1. An odd number has the greater half at the end, as in PyTorch.
    Same,
}

impl Default for Padding {
    fn default() -> Self {
        Self::Numbers(vec![0])
    }
}

impl From<AxisPair> for Padding {
    fn from((rows, columns): AxisPair) -> Self {
        Self::Numbers(vec![rows, columns])
    }
}

impl Padding {
    /// Whether there is none.
    pub(super) fn is_none(&self) -> bool {
        matches!(self, Self::Numbers(numbers) if numbers.iter().all(|&number| number == 0))
    }

    /// Padding before the first and behind the last position of an axis that keeps its length at stride 1.
    pub(super) fn same(kernel: usize, dilation: usize) -> (usize, usize) {
        let all = kernel.saturating_sub(1).saturating_mul(dilation);
        (all / 2, all - all / 2)
    }
}

impl Serialize for Padding {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::Same => serializer.serialize_str("same"),
            Self::Numbers(numbers) if numbers.len() == 1 => numbers[0].serialize(serializer),
            Self::Numbers(numbers) => {
                let mut tuple = serializer.serialize_tuple(numbers.len())?;
                numbers.iter().try_for_each(|number| tuple.serialize_element(number))?;
                tuple.end()
            }
        }
    }
}

impl<'de> Deserialize<'de> for Padding {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(PaddingVisitor)
    }
}

struct PaddingVisitor;

impl<'de> Visitor<'de> for PaddingVisitor {
    type Value = Padding;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("whole numbers or \"same\"")
    }

    fn visit_u64<E: de::Error>(self, number: u64) -> Result<Padding, E> {
        let number = usize::try_from(number);
        number.map(|number| Padding::Numbers(vec![number])).map_err(|_| E::custom("too large a padding"))
    }

    fn visit_i64<E: de::Error>(self, number: i64) -> Result<Padding, E> {
        let whole = u64::try_from(number);
        whole
            .map_err(|_| E::invalid_value(de::Unexpected::Signed(number), &self))
            .and_then(|n| self.visit_u64(n))
    }

    fn visit_str<E: de::Error>(self, text: &str) -> Result<Padding, E> {
        match text {
            "same" => Ok(Padding::Same),
            _ => Err(E::invalid_value(de::Unexpected::Str(text), &self)),
        }
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Padding, A::Error> {
        let mut numbers = Vec::new();
        while let Some(number) = items.next_element()? {
            numbers.push(number);
        }
        Ok(Padding::Numbers(numbers))
    }
}
