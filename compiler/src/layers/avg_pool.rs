//! Mean over a window of each channel (PyTorch's `AvgPool2d`, `count_include_pad` true, `ceil_mode` false): padding
//! counts as zeros, and rows and columns that fill no window are left out.
//!
//! On the chip the window is folded into the kernel before or behind it; alone it is a kernel of every channel with
//! itself.

use serde::{Deserialize, Serialize};

use super::current::Current;
use super::spec::{Pair, is_zero, optional_pair};
use super::{Evaluation, Fault, Flow, LayerKind, Refusal, Resolver, Site, Spec};
use crate::ir::{AxisMap, ConvMap, Shape};
use crate::reference::{Map, Signal};

/// Longest side of a window, and largest stride.
const MOST: usize = 1024;

/// Mean over a window.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct AvgPool2d {
    /// Rows and columns of the window.
    pub kernel: Pair,
    /// Step of the window; as long as the window if left out.
    #[serde(default, skip_serializing_if = "Option::is_none", with = "optional_pair")]
    pub stride: Option<Pair>,
    /// Zeros on both sides, at most half a window.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub padding: Pair,
}

impl LayerKind for AvgPool2d {
    fn name(&self) -> &'static str {
        "AvgPool2d"
    }

    fn output(&self, inputs: &[Flow], _: usize) -> Result<Flow, Fault> {
        self.window().output(inputs[0])
    }

    fn evaluate(&self, inputs: &[&Signal], run: &Evaluation<'_>) -> Result<Signal, Fault> {
        let positions = self.window().positions() as f64;
        Ok(inputs[0].each(|map| {
            let mut mean = self.window().sums(map, run.shape);
            mean.data.iter_mut().for_each(|v| *v /= positions);
            mean
        }))
    }

    fn current(&self, inputs: Vec<Current>, site: &Site<'_>) -> Result<Current, Refusal> {
        self.window().current(inputs, site, 1.0 / self.window().positions() as f64)
    }
}

impl AvgPool2d {
    fn window(&self) -> Window {
        Window { kernel: self.kernel, stride: self.stride.unwrap_or(self.kernel), padding: self.padding }
    }
}

impl Spec for AvgPool2d {
    type Layer = Self;

    fn layer(&self, file: &mut Resolver<'_>) -> Option<Self> {
        self.window().check(file)?;
        Some(self.clone())
    }
}

/// A window that goes over each channel alone; pairs are (vertical, horizontal).
pub(super) struct Window {
    /// Rows and columns.
    pub kernel: Pair,
    /// Step.
    pub stride: Pair,
    /// Zeros on both sides.
    pub padding: Pair,
}

impl Window {
    /// Positions that it covers.
    pub fn positions(&self) -> usize {
        self.kernel.0 * self.kernel.1
    }

    /// Whether its numbers are in range.
    pub fn check(&self, file: &mut Resolver<'_>) -> Option<()> {
        let kernel = file.pair("kernel", self.kernel, 1..=MOST);
        let stride = file.pair("stride", self.stride, 1..=MOST);
        kernel.and(stride)?;
        if self.padding.0 > self.kernel.0 / 2 || self.padding.1 > self.kernel.1 / 2 {
            let message = format!("padding {:?} is over half of the kernel {:?}", self.padding, self.kernel);
            return file.invalid("padding", message, "PyTorch allows padding up to kernel / 2");
        }
        Some(())
    }

    /// Shape rule: the map of window positions.
    pub fn output(&self, input: Flow) -> Result<Flow, Fault> {
        let Shape { channels, height, width } = input.shape;
        let axis = |length, pick: fn(Pair) -> usize| {
            AxisMap::conv_output(length, pick(self.kernel), pick(self.stride), pick(self.padding), 1)
        };
        match (axis(height, |pair| pair.0), axis(width, |pair| pair.1)) {
            (Some(height), Some(width)) => Ok(input.shaped(Shape::new(channels, height, width))),
            _ => {
                let (rows, columns) = self.kernel;
                Err(Fault::shape(format!("a {rows}x{columns} window on {} gives no output map", input.shape))
                    .hint("check kernel, stride, padding and the input's height and width"))
            }
        }
    }

    /// Calls `f(output element, input element)` for all that each position of the window covers, row by row.
    pub fn each(&self, from: Shape, output: Shape, mut f: impl FnMut(usize, usize)) {
        for c in 0..output.channels {
            for (y, x) in output.places() {
                for (ky, kx) in Shape::new(1, self.kernel.0, self.kernel.1).places() {
                    let row =
                        (y * self.stride.0 + ky).checked_sub(self.padding.0).filter(|&row| row < from.height);
                    let column =
                        (x * self.stride.1 + kx).checked_sub(self.padding.1).filter(|&x| x < from.width);
                    if let (Some(row), Some(column)) = (row, column) {
                        f(output.at(c, y, x), from.at(c, row, column));
                    }
                }
            }
        }
    }

    /// Reference: sum of what each position of the window covers.
    pub fn sums(&self, input: &Map, output: Shape) -> Map {
        let mut sums = Map::filled(output, 0.0);
        self.each(input.shape(), output, |to, from| sums.data[to] += input.data[from]);
        sums
    }

    /// Lowering: every position of the window with the same factor.
    pub fn current(
        &self,
        mut inputs: Vec<Current>,
        site: &Site<'_>,
        factor: f64,
    ) -> Result<Current, Refusal> {
        let current = inputs.remove(0);
        let axis = |pick: fn(Pair) -> usize, input, output| AxisMap {
            kernel: pick(self.kernel),
            stride: pick(self.stride),
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
