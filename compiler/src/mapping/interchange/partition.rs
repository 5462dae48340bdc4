//! Partition files: what each core holds, by layer names.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use snnc_targets::{Code, Diagnostic, Diagnostics, NamedPart, Subject};

use super::MappingFile;
use crate::ir::PopulationId;
use crate::ir::program::Slice;
use crate::ir::spiking::SpikingIr;
use crate::ir::spiking::parts::Parts;
use crate::mapping::Partition;

/// Format string of partition files.
pub const FORMAT: &str = "snnc.partition/1";

/// A partition by layer names.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PartitionFile {
    /// Always [`FORMAT`].
    pub format: String,
    /// Kernels that are cut into parts, each with an axon of its own.
    #[serde(default)]
    pub kernel_parts: Vec<CutKernel>,
    /// Irregular layers whose neurons, and others whose channels, are numbered anew: for each new number the layer's
    /// own; boxes count in new ones.
    #[serde(default)]
    pub orders: Vec<(String, Vec<u32>)>,
    /// What each core holds.
    pub cores: Vec<Vec<SliceEntry>>,
}

/// The projections between two layers (several where a concatenation cuts channel groups), and in how many parts their
/// kernels are cut.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CutKernel {
    /// Source, `network.layer`.
    pub from: String,
    /// Target, `network.layer`.
    pub to: String,
    /// Parts of the kernel's rows.
    pub rows: usize,
    /// Parts of the kernel's columns.
    pub cols: usize,
}

/// A box of a layer's neurons; ranges are (first, one past the last).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename = "Slice")]
pub struct SliceEntry {
    /// `network.layer`.
    pub layer: String,
    /// Channels.
    pub channels: (u32, u32),
    /// Rows.
    pub rows: (u32, u32),
    /// Columns.
    pub cols: (u32, u32),
}

impl MappingFile for PartitionFile {
    const FORMAT: &str = FORMAT;
    const COMMENT: &str = "partition: what each core holds; ranges are (first, one past the last)";

    fn format(&self) -> &str {
        &self.format
    }
}

impl PartitionFile {
    /// A partition with the names of its model.
    pub fn new(ir: &SpikingIr, partition: &Partition) -> Self {
        let name = |id| ir.model.layer_name(id);
        let cut = |(&id, parts): (_, &Parts)| {
            let projection = &ir.projections[id];
            CutKernel {
                from: name(projection.source),
                to: name(projection.target),
                rows: parts.rows,
                cols: parts.cols,
            }
        };
        let piece = |slice: &Slice| SliceEntry {
            layer: name(slice.population),
            channels: (slice.channels.start, slice.channels.end),
            rows: (slice.rows.start, slice.rows.end),
            cols: (slice.cols.start, slice.cols.end),
        };
        Self {
            format: FORMAT.into(),
            orders: partition.orders.iter().map(|(&id, order)| (name(id), order.clone())).collect(),
            kernel_parts: distinct(partition.kernel_parts.iter().map(cut)),
            cores: partition.cores.values().map(|slices| slices.iter().map(piece).collect()).collect(),
        }
    }

    /// The partition of a model; its neurons are not checked yet ([`Partition::verify`]).
    ///
    /// # Errors
    /// [`Code::MappingInvalid`], one for each name that the model does not have.
    pub fn resolve(&self, ir: &SpikingIr) -> Result<Partition, Diagnostics> {
        let ids: BTreeMap<String, PopulationId> =
            ir.model.populations.keys().map(|id| (ir.model.layer_name(id), id)).collect();
        let mut unknown: BTreeMap<&str, Subject> = BTreeMap::new();
        let mut find = |name, subject: Subject| {
            let id = ids.get::<str>(name).copied();
            if id.is_none() {
                unknown.entry(name).or_insert(subject);
            }
            id
        };
        let mut partition = Partition::default();
        for (core, boxes) in self.cores.iter().enumerate() {
            let mut slices = Vec::with_capacity(boxes.len());
            for piece in boxes {
                let Some(population) = find(&piece.layer, Subject::CoreOfFile(core)) else { continue };
                let range = |(first, end): (u32, u32)| first..end;
                slices.push(Slice {
                    population,
                    channels: range(piece.channels),
                    rows: range(piece.rows),
                    cols: range(piece.cols),
                });
            }
            partition.cores.push(slices);
        }
        for (layer, order) in &self.orders {
            if let Some(id) = find(layer, Subject::Part(NamedPart::Orders)) {
                partition.orders.insert(id, order.clone());
            }
        }
        let mut unconnected = Vec::new();
        for cut in &self.kernel_parts {
            let ends = {
                let here = Subject::Part(NamedPart::KernelParts);
                (find(&cut.from, here.clone()), find(&cut.to, here))
            };
            let (Some(from), Some(to)) = ends else { continue };
            let own = ir.projections.iter().filter(|(_, p)| (p.source, p.target) == (from, to));
            let found: Vec<_> = own.map(|(id, _)| id).collect();
            if found.is_empty() {
                unconnected.push(format!("no projection from {} to {}", cut.from, cut.to));
            }
            let parts = Parts { rows: cut.rows, cols: cut.cols };
            let before = found.into_iter().filter_map(|id| partition.kernel_parts.insert(id, parts));
            if before.count() > 0 {
                unconnected.push(format!("{} to {} is cut twice", cut.from, cut.to));
            }
        }
        let known = ids.keys().cloned().collect::<Vec<_>>().join(", ");
        let mut problems = Diagnostics::default();
        for (name, place) in unknown {
            let message = format!("the model has no layer `{name}`");
            let problem = Diagnostic::new(Code::MappingInvalid, place, message);
            problems.push(problem.hint(format!("layers: {known}")));
        }
        for message in unconnected {
            problems.push(Diagnostic::new(Code::MappingInvalid, NamedPart::KernelParts, message));
        }
        problems.into_result(partition)
    }
}

/// The cuts without repetitions, in the order in which they first come.
fn distinct(cuts: impl Iterator<Item = CutKernel>) -> Vec<CutKernel> {
    let mut all: Vec<CutKernel> = Vec::new();
    for cut in cuts {
        if !all.contains(&cut) {
            all.push(cut);
        }
    }
    all
}
