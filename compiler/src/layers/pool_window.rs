//! A window that goes over each channel alone: what the pools share.

use serde::{Deserialize, Serialize};

use super::current::Current;
use super::spec::{AxisPair, is_zero, optional_pair};
use super::{LayerFault, LoweringRefusal, LoweringSite, Resolver, SignalType};
use crate::ir::{AxisMap, ConvMap, Shape};
use crate::reference::Map;

/// Longest side of a window, and largest stride.
const MOST: usize = 1024;

/// A window over each channel, as a model file writes it; pairs are (vertical, horizontal).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PoolWindow {
    /// Rows and columns of the window.
    pub kernel: AxisPair,
    /// Step of the window; as long as the window if left out.
    #[serde(default, skip_serializing_if = "Option::is_none", with = "optional_pair")]
    pub stride: Option<AxisPair>,
    /// Zeros on both sides, at most half a window.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub padding: AxisPair,
}

impl PoolWindow {
    /// Step of the window.
    pub(super) fn stride(&self) -> AxisPair {
        self.stride.unwrap_or(self.kernel)
    }

    /// Positions that it covers.
    pub(super) fn positions(&self) -> usize {
        self.kernel.0 * self.kernel.1
    }

    /// Whether its numbers are in range.
    pub(super) fn check(&self, file: &mut Resolver<'_>) -> Option<()> {
        let kernel = file.pair("kernel", self.kernel, 1..=MOST);
        let stride = file.pair("stride", self.stride(), 1..=MOST);
        kernel.and(stride)?;
        if self.padding.0 > self.kernel.0 / 2 || self.padding.1 > self.kernel.1 / 2 {
            let message = format!("padding {:?} is over half of the kernel {:?}", self.padding, self.kernel);
            return file.invalid("padding", message, "PyTorch allows padding up to kernel / 2");
        }
        Some(())
    }

    /// Shape rule: the map of window positions.
    pub(super) fn output(&self, input: SignalType) -> Result<SignalType, LayerFault> {
        let Shape { channels, height, width } = input.shape;
        let axis = |length, pick: fn(AxisPair) -> usize| {
            AxisMap::conv_output(length, pick(self.kernel), pick(self.stride()), pick(self.padding), 1)
        };
        match (axis(height, |pair| pair.0), axis(width, |pair| pair.1)) {
            (Some(height), Some(width)) => Ok(input.shaped(Shape::new(channels, height, width))),
            _ => {
                let (rows, columns) = self.kernel;
                Err(LayerFault::shape(format!(
                    "a {rows}x{columns} window on {} gives no output map",
                    input.shape
                ))
                .hint("check kernel, stride, padding and the input's height and width"))
            }
        }
    }

    /// Calls `f(output element, input element)` for all that each position of the window covers, row by row.
    pub(super) fn each(&self, from: Shape, output: Shape, mut f: impl FnMut(usize, usize)) {
        let stride = self.stride();
        for c in 0..output.channels {
            for (y, x) in output.places() {
                for (ky, kx) in Shape::new(1, self.kernel.0, self.kernel.1).places() {
                    let row =
                        (y * stride.0 + ky).checked_sub(self.padding.0).filter(|&row| row < from.height);
                    let column = (x * stride.1 + kx).checked_sub(self.padding.1).filter(|&x| x < from.width);
                    if let (Some(row), Some(column)) = (row, column) {
                        f(output.at(c, y, x), from.at(c, row, column));
                    }
                }
            }
        }
    }

    /// Reference: sum of what each position of the window covers.
    pub(super) fn sums(&self, input: &Map, output: Shape) -> Map {
        let mut sums = Map::filled(output, 0.0);
        self.each(input.shape(), output, |to, from| sums.data[to] += input.data[from]);
        sums
    }

    /// Lowering: every position of the window with the same factor.
    pub(super) fn current(
        &self,
        mut inputs: Vec<Current>,
        site: &LoweringSite<'_>,
        factor: f64,
    ) -> Result<Current, LoweringRefusal> {
        let current = inputs.remove(0);
        let axis = |pick: fn(AxisPair) -> usize, input, output| AxisMap {
            kernel: pick(self.kernel),
            stride: pick(self.stride()),
            padding: pick(self.padding),
            output,
            ..AxisMap::pointwise(input)
        };
        let map = ConvMap {
            rows: axis(|pair| pair.0, current.shape.height, site.shape.height),
            cols: axis(|pair| pair.1, current.shape.width, site.shape.width),
        };
        current.windowed(&map, &vec![factor; self.positions()], site)
    }
}
