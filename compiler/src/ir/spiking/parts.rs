//! Cutting a kernel into parts: one projection becomes several, each with some rows and columns of taps.
//!
//! The sum over the parts is the projection itself, so spikes and synaptic operations stay what they were; what
//! changes is how often a spike is sent. A spike then takes one axon for each part that it reaches, and a chip that
//! stores one synapse list for each cut of the kernel's border stores fewer of them: of a 3 x 3 kernel over a whole
//! map 49 taps in one part, 28 in two parts of its rows, 21 in three.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::ops::Range;

use serde::{Deserialize, Serialize};
use snnc_targets::entity::EntityMap;

use super::{Connectivity, Convolution, Kernel, Projection, SpikingIr};
use crate::ir::{AxisMap, ConvMap, ProjectionId};

/// In how many near-equal parts the taps of a kernel are cut along each axis; 1 leaves them whole.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Parts {
    /// Parts of the kernel's rows.
    pub rows: usize,
    /// Parts of the kernel's columns.
    pub cols: usize,
}

impl Parts {
    /// The kernel as it is.
    pub const WHOLE: Self = Self { rows: 1, cols: 1 };

    /// Whether a kernel of `height` x `width` taps has that many rows and columns, and is cut at all.
    pub fn fit(self, height: usize, width: usize) -> bool {
        (1..=height).contains(&self.rows) && (1..=width).contains(&self.cols) && self != Self::WHOLE
    }
}

/// The projections to cut; the others stay whole.
pub type KernelParts = BTreeMap<ProjectionId, Parts>;

/// The maps that hold `count` near-equal parts of an axis' taps.
pub fn axis_parts(axis: &AxisMap, count: usize) -> Vec<(Range<usize>, AxisMap)> {
    let taps = axis.kernel;
    let part = |i: usize| i * taps / count..(i + 1) * taps / count;
    let map = |r: &Range<usize>| AxisMap { kernel: r.len(), first_tap: axis.first_tap + r.start, ..*axis };
    (0..count).map(|i| (part(i), map(&part(i)))).collect()
}

impl SpikingIr {
    /// The same networks with the named kernels cut. Projections keep their order; the parts of one stand together.
    pub fn with_parts(&self, parts: &KernelParts) -> Cow<'_, Self> {
        if parts.is_empty() {
            return Cow::Borrowed(self);
        }
        let mut projections = EntityMap::new();
        for (id, projection) in self.projections.iter() {
            match parts.get(&id).zip(projection.conv()) {
                Some((&cut, conv)) => cut_projection(projection, conv, cut).into_iter().for_each(|part| {
                    projections.push(part);
                }),
                None => {
                    projections.push(projection.clone());
                }
            }
        }
        Cow::Owned(Self { model: self.model.clone(), projections })
    }
}

fn cut_projection(projection: &Projection, conv: &Convolution, parts: Parts) -> Vec<Projection> {
    let mut cut = Vec::with_capacity(parts.rows * parts.cols);
    for (kys, rows) in axis_parts(&conv.map.rows, parts.rows) {
        for (kxs, cols) in axis_parts(&conv.map.cols, parts.cols) {
            let kernel = cut_kernel(&conv.kernel, &kys, &kxs);
            let map = ConvMap { rows, cols };
            let connectivity = Connectivity::Conv(Convolution { map, kernel });
            cut.push(Projection { connectivity, ..*projection });
        }
    }
    cut
}

fn cut_kernel(kernel: &Kernel, kys: &Range<usize>, kxs: &Range<usize>) -> Kernel {
    let mut weights = Vec::with_capacity(
        kernel.channels.groups * kernel.channels.inputs * kys.len() * kxs.len() * kernel.channels.outputs,
    );
    for c in kernel.channels.sources() {
        for ky in kys.clone() {
            for kx in kxs.clone() {
                weights.extend_from_slice(kernel.row(c, ky, kx));
            }
        }
    }
    Kernel { height: kys.len(), width: kxs.len(), weights, ..*kernel }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_parts_of_an_axis_reach_what_the_axis_reaches() {
        for transposed in [false, true] {
            for (kernel, stride, padding, dilation) in [(3, 1, 1, 1), (5, 2, 2, 1), (4, 3, 0, 2)] {
                let input = 9;
                let output = if transposed {
                    AxisMap::transposed_output(input, kernel, stride, padding, dilation, 0)
                } else {
                    AxisMap::conv_output(input, kernel, stride, padding, dilation)
                };
                let output = output.unwrap();
                let axis =
                    AxisMap { kernel, first_tap: 0, stride, padding, dilation, transposed, input, output };
                for count in 1..=kernel {
                    for i in 0..input {
                        let mut found: Vec<_> = axis_parts(&axis, count)
                            .iter()
                            .flat_map(|(taps, part)| {
                                let reach = part.reach(i, 0..output);
                                reach.into_iter().map(|(t, k)| (t, k + taps.start)).collect::<Vec<_>>()
                            })
                            .collect();
                        found.sort_unstable();
                        assert_eq!(found, axis.reach(i, 0..output));
                    }
                }
            }
        }
    }
}
