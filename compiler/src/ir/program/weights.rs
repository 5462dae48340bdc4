//! A core's weight memory: a byte a weight where all have 8 bits, else two.
//!
//! Text and files have the weights as a plain list of 16-bit integers, whatever width holds them here.

use std::fmt;
use std::ops::Range;

use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::ir::text::packed;

/// Weights in the narrowest type that holds them.
#[derive(Clone, PartialEq, Eq)]
pub struct WeightMemory(HeldWeights);

/// Weights are wide only if one of them has more than 8 bits, so that equal memories have equal widths.
#[derive(Clone, PartialEq, Eq)]
enum HeldWeights {
    Narrow(Vec<i8>),
    Wide(Vec<i16>),
}

/// Some consecutive weights of a memory.
#[derive(Debug, Clone, Copy)]
pub enum WeightSlice<'w> {
    /// Of a memory of 8-bit weights.
    Narrow(&'w [i8]),
    /// Of a memory with weights of more than 8 bits.
    Wide(&'w [i16]),
}

impl WeightMemory {
    /// Number of weights.
    pub fn len(&self) -> usize {
        match &self.0 {
            HeldWeights::Narrow(weights) => weights.len(),
            HeldWeights::Wide(weights) => weights.len(),
        }
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Whether all weights have 8 bits.
    pub fn is_narrow(&self) -> bool {
        matches!(self.0, HeldWeights::Narrow(_))
    }

    /// The weight at an index.
    ///
    /// # Panics
    /// At or behind the end.
    #[inline]
    pub fn at(&self, index: usize) -> i16 {
        match &self.0 {
            HeldWeights::Narrow(weights) => weights[index].into(),
            HeldWeights::Wide(weights) => weights[index],
        }
    }

    /// Consecutive weights.
    ///
    /// # Panics
    /// If the range leaves the memory.
    #[inline]
    pub fn slice(&self, range: Range<usize>) -> WeightSlice<'_> {
        match &self.0 {
            HeldWeights::Narrow(weights) => WeightSlice::Narrow(&weights[range]),
            HeldWeights::Wide(weights) => WeightSlice::Wide(&weights[range]),
        }
    }

    /// All weights.
    pub fn all(&self) -> WeightSlice<'_> {
        self.slice(0..self.len())
    }

    /// All weights, one by one.
    pub fn iter(&self) -> impl Iterator<Item = i16> + '_ {
        self.all().iter()
    }

    /// Adds a weight at the end.
    #[inline]
    pub fn push(&mut self, weight: i16) {
        match (&mut self.0, i8::try_from(weight)) {
            (HeldWeights::Narrow(weights), Ok(weight)) => weights.push(weight),
            (HeldWeights::Wide(weights), _) => weights.push(weight),
            (HeldWeights::Narrow(_), Err(_)) => self.widened().push(weight),
        }
    }

    /// Adds weights at the end.
    pub fn extend_from_slice(&mut self, weights: &[i16]) {
        match &mut self.0 {
            HeldWeights::Narrow(narrow) if weights.iter().all(|&weight| i8::try_from(weight).is_ok()) => {
                narrow.extend(weights.iter().map(|&weight| weight as i8));
            }
            HeldWeights::Wide(wide) => wide.extend_from_slice(weights),
            HeldWeights::Narrow(_) => self.widened().extend_from_slice(weights),
        }
    }

    /// Has `change` change the weights as a plain list.
    pub fn edit(&mut self, change: impl FnOnce(&mut Vec<i16>)) {
        let mut weights: Vec<i16> = self.iter().collect();
        change(&mut weights);
        *self = weights.into_iter().collect();
    }

    /// Gives up room for more.
    pub fn shrink_to_fit(&mut self) {
        match &mut self.0 {
            HeldWeights::Narrow(weights) => weights.shrink_to_fit(),
            HeldWeights::Wide(weights) => weights.shrink_to_fit(),
        }
    }

    /// The weights in 16 bits from now on.
    fn widened(&mut self) -> &mut Vec<i16> {
        if let HeldWeights::Narrow(weights) = &self.0 {
            self.0 = HeldWeights::Wide(weights.iter().map(|&weight| weight.into()).collect());
        }
        match &mut self.0 {
            HeldWeights::Wide(weights) => weights,
            HeldWeights::Narrow(_) => unreachable!("they were made wide"),
        }
    }
}

impl<'w> WeightSlice<'w> {
    /// The weights in order.
    #[inline]
    pub fn iter(self) -> impl Iterator<Item = i16> + 'w {
        // One of the two is empty.
        let (narrow, wide): (&[i8], &[i16]) = match self {
            Self::Narrow(weights) => (weights, &[]),
            Self::Wide(weights) => (&[], weights),
        };
        narrow.iter().map(|&weight| weight.into()).chain(wide.iter().copied())
    }

    /// Copies the weights to as many places.
    ///
    /// # Panics
    /// If there are more or fewer places.
    #[inline]
    pub fn copy_to(self, places: &mut [i16]) {
        match self {
            Self::Narrow(weights) => {
                assert_eq!(weights.len(), places.len(), "a place for each weight");
                places.iter_mut().zip(weights).for_each(|(place, &weight)| *place = weight.into());
            }
            Self::Wide(weights) => places.copy_from_slice(weights),
        }
    }

    /// How many are 0.
    pub fn zeros(self) -> usize {
        match self {
            Self::Narrow(weights) => weights.iter().filter(|&&weight| weight == 0).count(),
            Self::Wide(weights) => weights.iter().filter(|&&weight| weight == 0).count(),
        }
    }
}

impl Default for WeightMemory {
    fn default() -> Self {
        Self(HeldWeights::Narrow(Vec::new()))
    }
}

impl FromIterator<i16> for WeightMemory {
    fn from_iter<I: IntoIterator<Item = i16>>(weights: I) -> Self {
        let mut memory = Self::default();
        weights.into_iter().for_each(|weight| memory.push(weight));
        memory
    }
}

impl fmt::Debug for WeightMemory {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.iter()).finish()
    }
}

impl Serialize for WeightMemory {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        packed::serialize_all(self.iter(), serializer)
    }
}

impl<'de> Deserialize<'de> for WeightMemory {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        packed::collect(deserializer)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Values at and beyond the ends of 8 bits, in any order, come back from text, bytes, edits and slices.
    #[test]
    fn any_weights_come_back_from_the_narrowest_width() {
        let lists: [&[i16]; 5] =
            [&[], &[-128, 127, 0], &[5, 128, -1], &[-129, 3], &[i16::MIN, i16::MAX, 0, 7]];
        for weights in lists {
            let narrow = weights.iter().all(|weight| (-128..=127).contains(weight));
            let memory: WeightMemory = weights.iter().copied().collect();
            assert_eq!(memory.is_narrow(), narrow);
            assert_eq!(memory.iter().collect::<Vec<_>>(), weights);
            assert!((0..weights.len()).all(|i| memory.at(i) == weights[i]));
            let mut extended = WeightMemory::default();
            extended.extend_from_slice(&weights[..weights.len() / 2]);
            extended.extend_from_slice(&weights[weights.len() / 2..]);
            assert_eq!(extended, memory);
            let bytes = postcard::to_allocvec(&memory).unwrap();
            assert_eq!(bytes, postcard::to_allocvec(weights).unwrap());
            assert_eq!(postcard::from_bytes::<WeightMemory>(&bytes).unwrap(), memory);
            let text = ron::to_string(&memory).unwrap();
            assert_eq!(ron::from_str::<WeightMemory>(&text).unwrap(), memory);
            let zeros = weights.iter().filter(|&&weight| weight == 0).count();
            assert_eq!(memory.slice(0..weights.len()).zeros(), zeros);
        }
        let mut memory: WeightMemory = [300, 4].into_iter().collect();
        memory.edit(|weights| weights[0] = 1);
        assert!(memory.is_narrow() && memory.iter().eq([1, 4]));
    }
}
