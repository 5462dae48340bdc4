//! Numbers of tensors and kernels, each exactly as it was given, in half the memory where that is possible.
//!
//! Trained weights are 32-bit floats, while everything computes in 64 bits. So an array is kept in 32 bits as long as
//! all of its numbers are 32-bit floats, and a number is widened where it is read. The sums and products of folding
//! may need 64.

use std::ops::Range;

/// Numbers in 32 bits if all of them are 32-bit floats, else in 64.
#[derive(Debug, Clone, PartialEq)]
pub enum FloatArray {
    /// Each is exactly a 32-bit float.
    Single(Vec<f32>),
    /// Any.
    Double(Vec<f64>),
}

impl FloatArray {
    /// How many numbers it has.
    pub fn len(&self) -> usize {
        match self {
            Self::Single(values) => values.len(),
            Self::Double(values) => values.len(),
        }
    }

    /// Whether it has none.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The number at an index below [`FloatArray::len`].
    pub fn get(&self, index: usize) -> f64 {
        match self {
            Self::Single(values) => f64::from(values[index]),
            Self::Double(values) => values[index],
        }
    }

    /// All numbers in order.
    pub fn iter(&self) -> FloatIter<'_> {
        match self {
            Self::Single(values) => FloatIter::Single(values.iter()),
            Self::Double(values) => FloatIter::Double(values.iter()),
        }
    }

    /// The numbers at some indices, all below [`FloatArray::len`].
    pub fn range(&self, indices: Range<usize>) -> FloatIter<'_> {
        match self {
            Self::Single(values) => FloatIter::Single(values[indices].iter()),
            Self::Double(values) => FloatIter::Double(values[indices].iter()),
        }
    }

    /// All numbers in order, in 64 bits.
    pub fn to_vec(&self) -> Vec<f64> {
        self.iter().collect()
    }

    /// Appends a number. It makes an array of 64 bits of the others if it is no 32-bit float.
    pub fn push(&mut self, value: f64) {
        match self {
            Self::Single(values) => match narrowed(value) {
                Some(single) => values.push(single),
                None => {
                    let mut wide = self.to_vec();
                    wide.push(value);
                    *self = Self::Double(wide);
                }
            },
            Self::Double(values) => values.push(value),
        }
    }

    /// Makes room for so many more numbers of the present width.
    pub fn reserve_exact(&mut self, more: usize) {
        match self {
            Self::Single(values) => values.reserve_exact(more),
            Self::Double(values) => values.reserve_exact(more),
        }
    }

    /// Changes the numbers in 64 bits, and keeps them in 32 again if that is possible.
    pub fn edit(&mut self, change: impl FnOnce(&mut [f64])) {
        let mut values = self.to_vec();
        change(&mut values);
        *self = values.into();
    }

    /// Whether none of them is infinite or no number.
    pub fn is_finite(&self) -> bool {
        match self {
            Self::Single(values) => values.iter().all(|value| value.is_finite()),
            Self::Double(values) => values.iter().all(|value| value.is_finite()),
        }
    }
}

impl Default for FloatArray {
    fn default() -> Self {
        Self::Single(Vec::new())
    }
}

impl From<Vec<f64>> for FloatArray {
    fn from(values: Vec<f64>) -> Self {
        if values.iter().all(|&value| narrowed(value).is_some()) {
            Self::Single(values.iter().map(|&value| value as f32).collect())
        } else {
            Self::Double(values)
        }
    }
}

impl PartialEq<[f64]> for FloatArray {
    fn eq(&self, other: &[f64]) -> bool {
        self.iter().eq(other.iter().copied())
    }
}

impl<const N: usize> PartialEq<[f64; N]> for FloatArray {
    fn eq(&self, other: &[f64; N]) -> bool {
        *self == other[..]
    }
}

impl PartialEq<Vec<f64>> for FloatArray {
    fn eq(&self, other: &Vec<f64>) -> bool {
        *self == other[..]
    }
}

/// The 32-bit float that is exactly this number.
fn narrowed(value: f64) -> Option<f32> {
    let single = value as f32;
    (f64::from(single).to_bits() == value.to_bits()).then_some(single)
}

/// Numbers of a [`FloatArray`], widened to 64 bits.
#[derive(Debug, Clone)]
pub enum FloatIter<'a> {
    /// Of 32-bit floats.
    Single(std::slice::Iter<'a, f32>),
    /// Of 64-bit floats.
    Double(std::slice::Iter<'a, f64>),
}

impl Iterator for FloatIter<'_> {
    type Item = f64;

    #[inline]
    fn next(&mut self) -> Option<f64> {
        match self {
            Self::Single(values) => values.next().map(|&value| f64::from(value)),
            Self::Double(values) => values.next().copied(),
        }
    }

    #[inline]
    fn size_hint(&self) -> (usize, Option<usize>) {
        match self {
            Self::Single(values) => values.size_hint(),
            Self::Double(values) => values.size_hint(),
        }
    }

    // One loop for each width, so that the width is asked for once and not for every number.
    #[inline]
    fn fold<B, F: FnMut(B, f64) -> B>(self, start: B, mut f: F) -> B {
        match self {
            Self::Single(values) => values.fold(start, |all, &value| f(all, f64::from(value))),
            Self::Double(values) => values.fold(start, |all, &value| f(all, value)),
        }
    }
}

impl ExactSizeIterator for FloatIter<'_> {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_stay_what_they_are_whatever_their_width() {
        let narrow = [0.5, -0.0, f64::from(0.1f32), f64::from(f32::MAX), f64::INFINITY];
        let wide = [0.1, 1e300, f64::from(f32::MAX) * 2.0, f64::from(f32::from_bits(1)) / 2.0];
        let array = FloatArray::from(narrow.to_vec());
        assert!(matches!(array, FloatArray::Single(_)));
        assert!(array.iter().map(f64::to_bits).eq(narrow.map(f64::to_bits)));
        for value in wide {
            let mut pushed = array.clone();
            pushed.push(value);
            let all: Vec<f64> = narrow.into_iter().chain([value]).collect();
            assert!(matches!(pushed, FloatArray::Double(_)), "{value}");
            assert_eq!(pushed, all);
            assert_eq!(FloatArray::from(all), pushed);
        }
    }

    #[test]
    fn what_is_changed_is_kept_in_the_width_that_it_needs() {
        let mut array = FloatArray::from(vec![1.0, 2.0]);
        array.edit(|values| values[1] = 0.1);
        assert!(matches!(array, FloatArray::Double(_)));
        assert_eq!(array, [1.0, 0.1]);
        array.edit(|values| values[1] = 0.25);
        assert_eq!((array.get(1), array.len(), array.is_finite()), (0.25, 2, true));
        assert!(matches!(array, FloatArray::Single(_)));
    }
}
