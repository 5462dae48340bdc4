//! Which output a kernel tap reaches: the arithmetic of convolutions, one axis at a time.
//!
//! Rows and columns of a (transposed) convolution are independent, so everything that counts or expands synapses
//! is a product of two [`AxisMap`]s. All rooms use these two types; none repeats the index arithmetic.

use serde::{Deserialize, Serialize};

/// One axis of a (transposed) convolution.
///
/// Convolution: tap `k` of source `i` reaches `(i + padding - k * dilation) / stride` if that divides.
/// Transposed convolution: it reaches `i * stride - padding + k * dilation`.
/// (PyTorch, `Conv2d` and `ConvTranspose2d`.) A map that holds a part of a larger kernel counts its taps from
/// `first_tap` on: its tap k is tap `first_tap + k` of the formulas.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct AxisMap {
    /// Taps.
    pub kernel: usize,
    /// Number of the first tap; 0 unless the map is a part of a larger kernel.
    pub first_tap: usize,
    /// Stride, at least 1.
    pub stride: usize,
    /// Padding on both sides.
    pub padding: usize,
    /// Dilation, at least 1.
    pub dilation: usize,
    /// Whether the convolution is transposed.
    pub transposed: bool,
    /// Source length.
    pub input: usize,
    /// Target length.
    pub output: usize,
}

impl AxisMap {
    /// Every index to itself: one tap, stride 1.
    pub fn pointwise(length: usize) -> Self {
        Self {
            kernel: 1,
            first_tap: 0,
            stride: 1,
            padding: 0,
            dilation: 1,
            transposed: false,
            input: length,
            output: length,
        }
    }

    /// The target that tap `k` of source `i` reaches, if it lies inside.
    pub fn target(&self, i: usize, k: usize) -> Option<usize> {
        let k = self.first_tap + k;
        let reach = if self.transposed {
            (i * self.stride + k * self.dilation).checked_sub(self.padding)?
        } else {
            let dividend = (i + self.padding).checked_sub(k * self.dilation)?;
            if dividend % self.stride != 0 {
                return None;
            }
            dividend / self.stride
        };
        (reach < self.output).then_some(reach)
    }

    /// Taps of source `i` that reach a target in `targets`, as (target, tap), ascending by target.
    pub fn reach(&self, i: usize, targets: std::ops::Range<usize>) -> Vec<(usize, usize)> {
        let mut taps: Vec<_> = (0..self.kernel)
            .filter_map(|k| self.target(i, k).filter(|t| targets.contains(t)).map(|t| (t, k)))
            .collect();
        taps.sort_unstable();
        taps
    }

    /// Output length of a convolution, or `None` if the kernel does not fit.
    pub fn conv_output(
        input: usize,
        kernel: usize,
        stride: usize,
        padding: usize,
        dilation: usize,
    ) -> Option<usize> {
        let span = dilation.checked_mul(kernel.checked_sub(1)?)?.checked_add(1)?;
        let room = input.checked_add(padding.checked_mul(2)?)?.checked_sub(span)?;
        Some(room.checked_div(stride)? + 1)
    }

    /// Output length of a transposed convolution, or `None` if it would be empty.
    pub fn transposed_output(
        input: usize,
        kernel: usize,
        stride: usize,
        padding: usize,
        dilation: usize,
        output_padding: usize,
    ) -> Option<usize> {
        let grown = input.checked_sub(1)?.checked_mul(stride)?;
        let reach = dilation.checked_mul(kernel.checked_sub(1)?)?.checked_add(1)?;
        let length =
            grown.checked_add(reach)?.checked_add(output_padding)?.checked_sub(padding.checked_mul(2)?)?;
        (length > 0).then_some(length)
    }
}

/// Rows and columns of a (transposed) convolution.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct ConvMap {
    /// Vertical axis.
    pub rows: AxisMap,
    /// Horizontal axis.
    pub cols: AxisMap,
}

impl ConvMap {
    /// Whether some source position reaches a target; not where every tap of every target lies beside the map.
    pub fn joins(&self) -> bool {
        let reaches = |axis: &AxisMap| (0..axis.input).any(|i| !axis.reach(i, 0..axis.output).is_empty());
        reaches(&self.rows) && reaches(&self.cols)
    }

    /// Number of (source position, target position, tap) triples: synapses per input and output channel.
    pub fn connections(&self) -> usize {
        let count =
            |axis: &AxisMap| (0..axis.input).map(|i| axis.reach(i, 0..axis.output).len()).sum::<usize>();
        count(&self.rows) * count(&self.cols)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn axis(
        kernel: usize,
        stride: usize,
        padding: usize,
        transposed: bool,
        input: usize,
        output: usize,
    ) -> AxisMap {
        AxisMap { kernel, first_tap: 0, stride, padding, dilation: 1, transposed, input, output }
    }

    #[test]
    fn convolution_and_its_transpose_connect_the_same_pairs() {
        for stride in 1..4 {
            for padding in 0..2 {
                let output = AxisMap::conv_output(11, 3, stride, padding, 1).unwrap();
                let forward = axis(3, stride, padding, false, 11, output);
                let backward = axis(3, stride, padding, true, output, 11);
                for i in 0..11 {
                    for k in 0..3 {
                        if let Some(o) = forward.target(i, k) {
                            assert_eq!(backward.target(o, k), Some(i));
                        }
                    }
                }
            }
        }
    }

    #[test]
    fn a_3x3_kernel_on_7x7_has_361_connections() {
        let a = axis(3, 1, 1, false, 7, 7);
        assert_eq!(ConvMap { rows: a, cols: a }.connections(), 19 * 19);
        assert_eq!(a.reach(0, 0..7), [(0, 1), (1, 0)]);
        assert_eq!(a.reach(3, 3..4), [(3, 1)]);
    }

    #[test]
    fn output_lengths_follow_pytorch() {
        assert_eq!(AxisMap::conv_output(28, 3, 2, 1, 1), Some(14));
        assert_eq!(AxisMap::transposed_output(14, 3, 2, 1, 1, 1), Some(28));
        assert_eq!(AxisMap::conv_output(2, 5, 1, 0, 1), None);
        assert_eq!(AxisMap::conv_output(usize::MAX, 3, 1, 9, 1), None);
    }
}
