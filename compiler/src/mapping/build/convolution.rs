//! Memories of convolutions: the taps of a kernel are stored once a core, and synapse lists are runs into them.
//!
//! Within a kernel row the taps are stored in the order of their targets, so that the channels of neighbouring
//! positions form long runs.

use std::collections::HashMap;
use std::ops::Range;

use crate::ir::channels::common;
use crate::ir::program::{AxonEntry, Core, CoreSlice, InputAxon, Slice, SynapseList, SynapseRun};
use crate::ir::spiking::Convolution;
use crate::ir::{AxisMap, PopulationId, ProjectionId};

/// (target relative to the first, tap): one way in which a source index reaches a slice along one axis.
type AxisVariant = Vec<(usize, usize)>;

/// A projection by a convolution.
#[derive(Clone, Copy)]
pub(super) struct ConvProjection<'a> {
    pub id: ProjectionId,
    pub conv: &'a Convolution,
    pub delay: u32,
}

/// One projection into all slices of a population on one core: a source position takes one axon, whatever the number
/// of slices that it reaches.
pub(super) struct CoreConnection<'a> {
    delay: u32,
    slices: Vec<SliceConnection<'a>>,
}

impl<'a> CoreConnection<'a> {
    /// Adds the weights and synapse lists of the projection to the core.
    pub fn new(core: &mut Core, population: PopulationId, projection: ConvProjection<'a>) -> Self {
        let own = |&index: &usize| core.slices[index].slice.population == population;
        let indices: Vec<usize> = (0..core.slices.len()).filter(own).collect();
        let slices =
            indices.into_iter().filter_map(|index| SliceConnection::new(core, index, projection)).collect();
        Self { delay: projection.delay, slices }
    }

    /// Adds an axon for every position of a source slice that reaches the core, and reports (position, axon).
    pub fn connect(&self, core: &mut Core, source: &Slice, mut route: impl FnMut(u32, u32)) {
        let near: Vec<&SliceConnection> = self.slices.iter().filter(|slice| slice.meets(source)).collect();
        for position in 0..if near.is_empty() { 0 } else { source.positions() } {
            let (y, x) = source.coordinates(position);
            let first_entry = core.entries.len() as u32;
            core.entries.extend(near.iter().filter_map(|slice| slice.entry(y as usize, x as usize)));
            let entries = core.entries.len() as u32 - first_entry;
            if entries == 0 {
                continue;
            }
            let axon = core.axons.len() as u32;
            core.axons.push(InputAxon {
                first_atom: source.channels.start,
                atoms: source.atoms(),
                delay: self.delay,
                first_entry,
                entries,
            });
            route(position, axon);
        }
    }
}

/// The weights and lists of one projection into one slice of a core.
struct SliceConnection<'a> {
    projection: ConvProjection<'a>,
    slice: usize,
    /// For each source row / column: first target and variant.
    rows: Vec<Option<(usize, usize)>>,
    cols: Vec<Option<(usize, usize)>>,
    row_variants: Vec<AxisVariant>,
    col_variants: Vec<AxisVariant>,
    /// Weight offset of tap (ky, kx) within a source channel.
    tap_offset: HashMap<(usize, usize), u32>,
    first_weight: u32,
    atom_stride: u32,
    /// Source channels that reach the slice, and how many of them have the same targets.
    sources: Range<u32>,
    group: u32,
    /// Target channels of a source channel, and of them the first within the slice.
    row: u32,
    first_channel: u32,
    /// Index of the list of row variant 0 and column variant 0; row variants slowest.
    first_list: u32,
    /// Neurons per position, columns, first neuron of the slice.
    atoms: u32,
    width: u32,
    first_neuron: u32,
    /// First row and column of the slice.
    corner: (usize, usize),
}

impl<'a> SliceConnection<'a> {
    /// `None` if no channel of the slice takes part.
    fn new(core: &mut Core, slice: usize, projection: ConvProjection<'a>) -> Option<Self> {
        let Convolution { map, kernel } = projection.conv;
        let CoreSlice { slice: box_, first_neuron, .. } = core.slices[slice].clone();
        let (rows, row_variants) = variants(&map.rows, box_.rows.start as usize..box_.rows.end as usize);
        let (cols, col_variants) = variants(&map.cols, box_.cols.start as usize..box_.cols.end as usize);
        let own = box_.channels.start as usize..box_.channels.end as usize;
        let reached = common(&own, &kernel.channels.targets());
        let sources = kernel.channels.sources_of(&reached);
        if reached.is_empty() {
            return None;
        }
        let row = common(&reached, &kernel.channels.targets_of(sources.start)).len();
        let kys = tap_order(&map.rows, &row_variants);
        let kxs = tap_order(&map.cols, &col_variants);
        let taps: Vec<(usize, usize)> =
            kys.iter().flat_map(|&ky| kxs.iter().map(move |&kx| (ky, kx))).collect();
        let first_weight = core.weights.len() as u32;
        for c in sources.clone() {
            let joined = kernel.channels.targets_of(c);
            let held = common(&joined, &reached);
            for &(ky, kx) in &taps {
                let weights = kernel.row(c, ky, kx);
                core.weights.extend_from_slice(&weights[held.start - joined.start..held.end - joined.start]);
            }
        }
        let offset = |(i, &tap): (usize, &(usize, usize))| (tap, (i * row) as u32);
        let connection = Self {
            projection,
            slice,
            rows,
            cols,
            row_variants,
            col_variants,
            tap_offset: taps.iter().enumerate().map(offset).collect(),
            first_weight,
            atom_stride: (taps.len() * row) as u32,
            sources: sources.start as u32..sources.end as u32,
            group: kernel.channels.inputs as u32,
            row: row as u32,
            first_channel: (reached.start - own.start) as u32,
            first_list: core.lists.len() as u32,
            atoms: box_.atoms(),
            width: box_.cols.end - box_.cols.start,
            first_neuron,
            corner: (box_.rows.start as usize, box_.cols.start as usize),
        };
        for row in &connection.row_variants {
            core.lists.extend(connection.col_variants.iter().map(|col| connection.list(row, col)));
        }
        Some(connection)
    }

    /// Whether some position of a source slice may reach the slice.
    fn meets(&self, source: &Slice) -> bool {
        let any = |reach: &[Option<(usize, usize)>], range: &Range<u32>| {
            reach[range.start as usize..range.end as usize].iter().any(Option::is_some)
        };
        // All channels of a slice reach another, or none does.
        self.sources.contains(&source.channels.start)
            && any(&self.rows, &source.rows)
            && any(&self.cols, &source.cols)
    }

    /// What source position `(y, x)` touches.
    fn entry(&self, y: usize, x: usize) -> Option<AxonEntry> {
        let ((ty, row), (tx, col)) = (self.rows[y]?, self.cols[x]?);
        let list = self.first_list + (row * self.col_variants.len() + col) as u32;
        let position = (ty - self.corner.0) as u32 * self.width + (tx - self.corner.1) as u32;
        Some(AxonEntry { list, target: self.first_neuron + position * self.atoms + self.first_channel })
    }

    /// The list of a row variant and a column variant.
    fn list(&self, row: &AxisVariant, col: &AxisVariant) -> SynapseList {
        let (atoms, len) = (self.atoms, self.row);
        let mut runs: Vec<SynapseRun> = Vec::new();
        for &(ty, ky) in row {
            for &(tx, kx) in col {
                let target = (ty as u32 * self.width + tx as u32) * atoms;
                let weight = self.tap_offset[&(ky, kx)];
                match runs.last_mut() {
                    Some(run) if run.target + run.len == target && run.weight + run.len == weight => {
                        run.len += len
                    }
                    _ => runs.push(SynapseRun { target, weight, len }),
                }
            }
        }
        SynapseList {
            projection: self.projection.id,
            slice: self.slice as u32,
            weights: self.first_weight,
            first_atom: self.sources.start,
            atoms: self.sources.end - self.sources.start,
            atom_stride: self.atom_stride,
            group: self.group,
            shift: if self.sources.len() > self.group as usize { self.row } else { 0 },
            runs: runs.into(),
        }
    }
}

/// For each source index its first target and variant (`None`: it does not reach), and the distinct variants.
fn variants(
    axis: &AxisMap,
    targets: std::ops::Range<usize>,
) -> (Vec<Option<(usize, usize)>>, Vec<AxisVariant>) {
    let mut distinct: Vec<AxisVariant> = Vec::new();
    let sources = (0..axis.input)
        .map(|i| {
            let reach = axis.reach(i, targets.clone());
            let &(first, _) = reach.first()?;
            let variant: AxisVariant = reach.iter().map(|&(t, k)| (t - first, k)).collect();
            let index = distinct.iter().position(|v| *v == variant).unwrap_or_else(|| {
                distinct.push(variant);
                distinct.len() - 1
            });
            Some((first, index))
        })
        .collect();
    (sources, distinct)
}

/// Taps in use, ordered so that those which one source index uses together are neighbours in target order.
fn tap_order(axis: &AxisMap, variants: &[AxisVariant]) -> Vec<usize> {
    let mut taps: Vec<usize> = variants.iter().flatten().map(|&(_, k)| k).collect();
    let phase = |k: usize| if axis.transposed { 0 } else { k * axis.dilation % axis.stride };
    let ascending = |k: usize| if axis.transposed { k } else { usize::MAX - k };
    taps.sort_unstable_by_key(|&k| (phase(k), ascending(k)));
    taps.dedup();
    taps
}
