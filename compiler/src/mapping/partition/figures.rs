//! What a spatial tile of a population costs a core, exactly, without building the core.
//!
//! Rows and columns of a convolution are independent ([`AxisMap`]), so a tile's figures are sums of products of
//! per-axis figures. The program's verifier counts the same things one by one.

use std::collections::{BTreeSet, HashMap};
use std::ops::Range;
use std::rc::Rc;

use snnc_targets::Target;
use snnc_targets::schema::KernelSharing;

use super::layers::{Wire, axons_least};
use crate::ir::program::usage::list_bits;
use crate::ir::{AxisMap, PopulationId};

/// How one axis of a projection falls into one piece of the target.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AxisUse {
    /// `[i]`: source indices below i that reach the piece.
    below: Vec<u32>,
    /// Distinct tap sets.
    variants: u64,
    /// Taps over the distinct sets.
    variant_taps: u64,
    /// Distinct taps.
    taps: u64,
    /// (source, tap) pairs.
    connections: u64,
}

impl AxisUse {
    fn new(axis: &AxisMap, piece: &Range<usize>) -> Self {
        let mut variants = BTreeSet::new();
        let mut taps = BTreeSet::new();
        let mut connections = 0;
        let mut below = vec![0];
        for i in 0..axis.input {
            let reach = axis.reach(i, piece.clone());
            below.push(below[i] + u32::from(!reach.is_empty()));
            let Some(&(first, _)) = reach.first() else { continue };
            connections += reach.len() as u64;
            taps.extend(reach.iter().map(|&(_, k)| k));
            variants.insert(reach.iter().map(|&(t, k)| (t - first, k)).collect::<Vec<_>>());
        }
        Self {
            below,
            variants: variants.len() as u64,
            variant_taps: variants.iter().map(|v| v.len() as u64).sum(),
            taps: taps.len() as u64,
            connections,
        }
    }

    /// Source indices that reach the piece.
    pub fn sources(&self) -> u64 {
        self.below.last().copied().unwrap_or(0).into()
    }

    /// The source indices that reach the piece, if they are neighbours.
    pub fn span(&self) -> Option<Range<u32>> {
        let end = self.below.iter().position(|&n| u64::from(n) == self.sources())? as u32;
        let start = self.below.iter().rposition(|&n| n == 0)? as u32;
        (u64::from(end.saturating_sub(start)) == self.sources()).then_some(start.min(end)..end)
    }

    /// Whether source index `i` reaches the piece.
    pub fn reached_from(&self, i: usize) -> bool {
        self.below[i + 1] > self.below[i]
    }

    /// Whether some source index reaches both pieces.
    fn meets(&self, other: &Self) -> bool {
        (0..self.below.len() - 1).any(|i| self.reached_from(i) && other.reached_from(i))
    }
}

/// One incoming wire of a tile.
#[derive(Debug, Clone)]
pub struct WireUse {
    /// Its source.
    pub source: PopulationId,
    /// Source channels.
    pub inputs: u64,
    /// Rows.
    pub rows: Rc<AxisUse>,
    /// Columns.
    pub cols: Rc<AxisUse>,
}

impl WireUse {
    /// Source positions that reach the tile.
    pub fn positions(&self) -> u64 {
        self.rows.sources() * self.cols.sources()
    }

    /// Synapse lists and synapses of one target channel on a core.
    fn stored(&self, sharing: KernelSharing) -> (u64, u64) {
        let (rows, cols) = (&self.rows, &self.cols);
        let (lists, taps) = match sharing {
            KernelSharing::PerVariant => {
                (rows.variants * cols.variants, rows.variant_taps * cols.variant_taps)
            }
            KernelSharing::Ideal => (self.positions().min(1), rows.taps * cols.taps),
            KernelSharing::Unshared => (self.positions(), rows.connections * cols.connections),
        };
        (lists * self.inputs, taps * self.inputs)
    }
}

/// A box of positions and what it costs.
#[derive(Debug, Clone)]
pub struct Tile {
    /// Rows.
    pub rows: Range<u32>,
    /// Columns.
    pub cols: Range<u32>,
    /// Incoming wires, in the layer's order.
    pub wires: Vec<WireUse>,
    /// Synapse memory whatever the number of channels: headers of lists.
    pub header_bits: u64,
    /// Synapse memory of one channel.
    pub channel_bits: u64,
    /// Input axons if every source's channels stand together.
    pub axons_least: u64,
    /// Expected packets that arrive at a core with some channels of the tile.
    pub packets: f64,
}

impl Tile {
    /// Neurons of an irregular population. What they cost is not here: it depends on each of them.
    pub fn line(cols: Range<u32>) -> Self {
        Self {
            rows: 0..1,
            cols,
            wires: Vec::new(),
            header_bits: 0,
            channel_bits: 0,
            axons_least: 0,
            packets: 0.0,
        }
    }

    /// Positions.
    pub fn positions(&self) -> u64 {
        u64::from(self.rows.end - self.rows.start) * u64::from(self.cols.end - self.cols.start)
    }

    /// Whether one source position reaches both tiles of a population through the same wire.
    pub fn shares_sources(&self, other: &Self) -> bool {
        self.wires.iter().zip(&other.wires).any(|(a, b)| a.rows.meets(&b.rows) && a.cols.meets(&b.cols))
    }
}

/// Tiles and axes, computed once each.
#[derive(Debug, Default)]
pub struct Figures {
    axes: HashMap<(AxisMap, Range<usize>), Rc<AxisUse>>,
}

impl Figures {
    fn axis(&mut self, axis: &AxisMap, piece: &Range<usize>) -> Rc<AxisUse> {
        let new = || Rc::new(AxisUse::new(axis, piece));
        Rc::clone(self.axes.entry((*axis, piece.clone())).or_insert_with(new))
    }

    /// The figures of a tile fed through `wires`.
    pub fn tile(
        &mut self,
        target: &Target,
        wires: &[Wire],
        rows: &Range<usize>,
        cols: &Range<usize>,
    ) -> Tile {
        let mut tile = Tile {
            rows: rows.start as u32..rows.end as u32,
            cols: cols.start as u32..cols.end as u32,
            wires: Vec::with_capacity(wires.len()),
            header_bits: 0,
            channel_bits: 0,
            axons_least: 0,
            packets: 0.0,
        };
        for wire in wires {
            let use_ = WireUse {
                source: wire.source,
                inputs: wire.inputs as u64,
                rows: self.axis(&wire.rows, rows),
                cols: self.axis(&wire.cols, cols),
            };
            let (lists, synapses) = use_.stored(target.synapses.kernel_sharing.get());
            tile.header_bits += list_bits(target, lists, 0);
            tile.channel_bits += list_bits(target, 0, synapses);
            tile.axons_least += use_.positions() * axons_least(&target.axons, use_.inputs);
            tile.packets += use_.positions() as f64 * wire.inputs as f64 * wire.rate;
            tile.wires.push(use_);
        }
        tile
    }
}
