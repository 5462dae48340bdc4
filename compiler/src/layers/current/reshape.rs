//! Currents whose elements were given another shape.
//!
//! The change is only noted, and the reader undoes it if it can. In front of neurons it must be made: what a kernel
//! over a whole map gives to `[n, 1, 1]` may as well go to a line `[1, 1, n]`, by a transposed kernel whose stride is
//! n, so that each source position has n taps of its own.

use super::{Current, CurrentSource, Flattened, LoweringRefusal, Term};
use crate::ir::channels::ChannelMap;
use crate::ir::{AxisMap, ConvMap, Shape};
use crate::layers::LoweringSite;
use crate::passes::collect::KernelWiring;
use crate::weights::FloatArray;

/// Most taps along one axis of the spiking IR.
const TAPS_MOST: usize = 1 << 16;

impl Current {
    /// The same elements in the shape of the layer that is being lowered.
    #[must_use]
    pub fn reshaped(self, site: &LoweringSite<'_>) -> Self {
        let whole = self.flattened.map_or(self.shape, |flattened| flattened.shape);
        let flattened = Flattened { shape: whole, by: site.name.to_owned(), op: site.op };
        let flattened = (whole != site.shape).then_some(flattened);
        Self { shape: site.shape, feed: self.feed, flattened }
    }

    /// The current in the shape that it says it has, for layers that do not read elements in whatever shape.
    ///
    /// # Errors
    /// If its kernels cannot lead to that shape.
    pub fn in_its_shape(mut self) -> Result<Self, LoweringRefusal> {
        let Some(flattened) = self.flattened.take() else { return Ok(self) };
        let lines = match &self.feed {
            CurrentSource::Spikes(spikes) if Shape::new(1, 1, flattened.shape.channels) == self.shape => {
                spikes.terms.iter().map(|term| term.to_line(self.shape.width)).collect::<Option<Vec<_>>>()
            }
            _ => None,
        };
        let (Some(lines), CurrentSource::Spikes(mut spikes)) = (lines, self.feed) else {
            let message = format!("only `Linear` may read a `{}`", flattened.op);
            let refusal = LoweringRefusal::of(&flattened.by, message);
            return Err(match flattened.op {
                "Reshape" => refusal.hint(
                    "put it behind the neurons and a `Linear` behind it; in front of neurons only what a `Linear` \
                     gives can become a line (1, 1, n)",
                ),
                _ => refusal,
            });
        };
        spikes.terms = lines;
        Ok(Self::spikes(self.shape, spikes))
    }
}

impl Term {
    /// The kernel over a whole map that leads to a line of `targets` neurons in place of as many channels; none if it
    /// is no such kernel.
    fn to_line(&self, targets: usize) -> Option<Self> {
        let KernelWiring::Conv { map: ConvMap { rows, cols }, channels } = &self.kernel.wiring else {
            return None;
        };
        let whole = (rows.output, cols.output, channels.groups) == (1, 1, 1);
        let taps = cols.input.checked_mul(targets).filter(|&taps| taps <= TAPS_MOST)?;
        if !whole || channels.targets() != (0..targets) {
            return None;
        }
        // The only tap of each source column.
        let taps_of = |x: usize| cols.reach(x, 0..1).first().map(|&(_, tap)| tap);
        let columns: Vec<usize> = (0..cols.input).map(taps_of).collect::<Option<_>>()?;
        let line = AxisMap {
            kernel: taps,
            stride: targets,
            padding: taps - targets,
            transposed: true,
            output: targets,
            ..AxisMap::pointwise(cols.input)
        };
        let mut weights = FloatArray::default();
        weights.reserve_exact(channels.inputs * rows.kernel * taps);
        for row in 0..channels.inputs * rows.kernel {
            for tap in columns.iter().rev() {
                let first = (row * cols.kernel + tap) * targets;
                self.kernel.weights.range(first..first + targets).for_each(|weight| weights.push(weight));
            }
        }
        let mut term = self.clone();
        let channels = ChannelMap { outputs: 1, ..*channels };
        term.kernel.wiring = KernelWiring::Conv { map: ConvMap { rows: *rows, cols: line }, channels };
        term.kernel.weights = weights;
        Some(term)
    }
}
