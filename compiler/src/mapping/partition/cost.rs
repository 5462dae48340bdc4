//! What a tiling costs, exactly, without building a core.
//!
//! Rows and columns of a convolution are independent ([`AxisMap`]), so the worst tile's use of a limit is a sum of
//! products of per-axis figures. The program's verifier counts the same things one by one.

use std::collections::{BTreeSet, HashMap};
use std::ops::Range;

use snnc_targets::Target;
use snnc_targets::schema::KernelSharing;

use super::tiling::{Tiling, pieces};
use crate::ir::AxisMap;
use crate::ir::program::usage::{CoreUse, list_bits};
use crate::ir::spiking::{Dynamics, Population, Projection};

/// How one axis of a projection falls into one piece of the target.
#[derive(Debug, Clone, Copy, Default)]
struct AxisUse {
    /// Source indices that reach the piece.
    sources: u64,
    /// Distinct tap sets.
    variants: u64,
    /// Taps over the distinct sets.
    variant_taps: u64,
    /// Distinct taps.
    taps: u64,
    /// (source, tap) pairs.
    connections: u64,
}

fn axis_use(axis: &AxisMap, piece: &Range<usize>) -> AxisUse {
    let mut variants = BTreeSet::new();
    let mut taps = BTreeSet::new();
    let mut use_ = AxisUse::default();
    for i in 0..axis.input {
        let reach = axis.reach(i, piece.clone());
        let Some(&(first, _)) = reach.first() else { continue };
        use_.sources += 1;
        use_.connections += reach.len() as u64;
        taps.extend(reach.iter().map(|&(_, k)| k));
        variants.insert(reach.iter().map(|&(t, k)| (t - first, k)).collect::<Vec<_>>());
    }
    use_.variants = variants.len() as u64;
    use_.variant_taps = variants.iter().map(|v| v.len() as u64).sum();
    use_.taps = taps.len() as u64;
    use_
}

/// Synapse memory of a projection on a tile with `channels` target channels, in bits.
fn memory(target: &Target, projection: &Projection, rows: AxisUse, cols: AxisUse, channels: u64) -> u64 {
    let inputs = projection.kernel.inputs as u64;
    let (lists, taps) = match target.synapses.kernel_sharing.get() {
        KernelSharing::PerVariant => (rows.variants * cols.variants, rows.variant_taps * cols.variant_taps),
        KernelSharing::Ideal => (1, rows.taps * cols.taps),
        KernelSharing::Unshared => (rows.sources * cols.sources, rows.connections * cols.connections),
    };
    list_bits(target, lists * inputs, taps * inputs * channels)
}

/// Largest use over all tiles of neurons, synapse memory and threshold profiles: what does not depend on other
/// populations' tilings.
pub fn own_use(
    target: &Target,
    population: &Population,
    incoming: &[&Projection],
    tiling: Tiling,
) -> CoreUse {
    let shape = population.shape;
    let channel_pieces = pieces(shape.channels, tiling.channels);
    let widest = channel_pieces.iter().map(Range::len).max().unwrap_or(0) as u64;
    let rows = pieces(shape.height, tiling.rows);
    let cols = pieces(shape.width, tiling.cols);
    let row_uses: Vec<Vec<AxisUse>> =
        incoming.iter().map(|p| rows.iter().map(|r| axis_use(&p.map.rows, r)).collect()).collect();
    let col_uses: Vec<Vec<AxisUse>> =
        incoming.iter().map(|p| cols.iter().map(|c| axis_use(&p.map.cols, c)).collect()).collect();
    let mut use_ = CoreUse::default();
    for (r, rows) in rows.iter().enumerate() {
        for (c, cols) in cols.iter().enumerate() {
            let bits = incoming
                .iter()
                .enumerate()
                .map(|(p, projection)| memory(target, projection, row_uses[p][r], col_uses[p][c], widest));
            use_.synapse_bits = use_.synapse_bits.max(bits.sum());
            use_.neurons = use_.neurons.max((rows.len() * cols.len()) as u64 * widest);
        }
    }
    if let Dynamics::Lif { thresholds, .. } = &population.dynamics {
        let distinct =
            |piece: &Range<usize>| thresholds[piece.clone()].iter().collect::<BTreeSet<_>>().len() as u64;
        use_.threshold_profiles = channel_pieces.iter().map(distinct).max().unwrap_or(0);
    }
    use_
}

/// Per-axis figures of projections, computed once each.
#[derive(Debug, Default)]
pub struct AxisFigures {
    sources: HashMap<(AxisMap, usize), u64>,
    fans: HashMap<(AxisMap, usize, usize), u64>,
}

impl AxisFigures {
    /// Source indices that reach the worst of `count` target pieces.
    fn worst_sources(&mut self, axis: &AxisMap, count: usize) -> u64 {
        *self.sources.entry((*axis, count)).or_insert_with(|| {
            pieces(axis.output, count).iter().map(|piece| axis_use(axis, piece).sources).max().unwrap_or(0)
        })
    }

    /// (source index, target piece) pairs of the worst of `own` source pieces.
    fn worst_fans(&mut self, axis: &AxisMap, own: usize, count: usize) -> u64 {
        *self.fans.entry((*axis, own, count)).or_insert_with(|| {
            let fans = fans(axis, count);
            pieces(axis.input, own).iter().map(|piece| fans[piece.clone()].iter().sum()).max().unwrap_or(0)
        })
    }

    /// Input axons that a projection spends on its worst target tile, given its source's tiling.
    pub fn input_axons(
        &mut self,
        target: &Target,
        projection: &Projection,
        source: Tiling,
        tiling: Tiling,
    ) -> u64 {
        let per_position: u64 = pieces(projection.kernel.inputs, source.channels)
            .iter()
            .map(|piece| u64::from(target.axons.input_axons(piece.len() as u32)))
            .sum();
        self.worst_sources(&projection.map.rows, tiling.rows)
            * self.worst_sources(&projection.map.cols, tiling.cols)
            * per_position
    }

    /// Output axon slots that a projection spends on its worst source tile.
    pub fn output_axons(
        &mut self,
        target: &Target,
        projection: &Projection,
        source: Tiling,
        tiling: Tiling,
    ) -> u64 {
        let widest = projection.kernel.inputs.div_ceil(source.channels) as u32;
        self.worst_fans(&projection.map.rows, source.rows, tiling.rows)
            * self.worst_fans(&projection.map.cols, source.cols, tiling.cols)
            * tiling.channels as u64
            * u64::from(target.axons.output_slots(widest))
    }

    /// Packets of a projection when every source neuron fires once.
    pub fn packets(&mut self, projection: &Projection, tiling: Tiling) -> u64 {
        self.worst_fans(&projection.map.rows, 1, tiling.rows)
            * self.worst_fans(&projection.map.cols, 1, tiling.cols)
            * (tiling.channels * projection.kernel.inputs) as u64
    }
}

/// For each source index, how many pieces of the target it reaches.
fn fans(axis: &AxisMap, count: usize) -> Vec<u64> {
    let targets = pieces(axis.output, count);
    (0..axis.input)
        .map(|i| targets.iter().filter(|piece| !axis.reach(i, (*piece).clone()).is_empty()).count() as u64)
        .collect()
}
