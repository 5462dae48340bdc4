//! What a user brings to the mapping, mostly in files: recorded rates, another author's partition, another author's
//! placement.
//!
//! All goes through the verifiers that the compiler's own mappings go through; what is wrong is told of the file. The
//! partition is a file of ours (`.ron`), or the blocks that a partitioner gave for an exported hypergraph.

use std::path::{Path, PathBuf};

use snnc_compiler::driver::MappingInputs;
use snnc_compiler::ir::NetworkId;
use snnc_compiler::ir::spiking::{SpikingIr, SpikingModel};
use snnc_compiler::mapping::Partition;
use snnc_compiler::mapping::hypergraph::from_ir::network_graph;
use snnc_compiler::mapping::hypergraph::{BlockId, hgr};
use snnc_compiler::mapping::interchange::MappingFile;
use snnc_compiler::mapping::interchange::partition::PartitionFile;
use snnc_compiler::mapping::interchange::placement::PlacementFile;
use snnc_compiler::mapping::partition::Rates;
use snnc_compiler::mapping::partition::search::{SearchOptions, search_some};
use snnc_targets::{Code, Diagnostic, Diagnostics, Subject, Target, input};

use crate::profile;

/// What errors call a partition and a placement that were given as texts or arrays.
const PARTITION: &str = "partition";
const PLACEMENT: &str = "placement";

/// Files that say something about the mapping; none of them need be there.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MappingFiles {
    /// Rates of spikes: a report.json, or its folder.
    pub profile: Option<PathBuf>,
    /// Rates of spikes: the text of a report.json, instead of its file.
    pub report: Option<String>,
    /// Which neurons share a core.
    pub partition: Option<PathBuf>,
    /// Which neurons share a core: the text of a partition file, instead of its file.
    pub partition_text: Option<String>,
    /// Which neurons share a core: the block of each vertex of a network's hypergraph, instead of a file of them.
    pub blocks: Option<Vec<BlockId>>,
    /// The network that the blocks of a partition are of; without one, the one that [`network_named`] chooses.
    pub network: Option<String>,
    /// Channels of a position that made a vertex of the hypergraph that the blocks are of.
    pub group: usize,
    /// Where the cores sit.
    pub placement: Option<PathBuf>,
    /// Where the cores sit: the text of a placement file, instead of its file.
    pub placement_text: Option<String>,
}

impl Default for MappingFiles {
    /// None.
    fn default() -> Self {
        Self {
            profile: None,
            report: None,
            partition: None,
            partition_text: None,
            blocks: None,
            network: None,
            group: 16,
            placement: None,
            placement_text: None,
        }
    }
}

impl MappingFiles {
    /// Every file that is read.
    pub fn paths(&self) -> impl Iterator<Item = PathBuf> {
        let profile = self.profile.as_deref().map(profile::file_of);
        profile.into_iter().chain([self.partition.clone(), self.placement.clone()].into_iter().flatten())
    }

    /// Reads and verifies the files. Networks whose partition is not given are searched by `search`.
    ///
    /// # Errors
    /// What is wrong with a file.
    pub fn read(
        &self,
        ir: &SpikingIr,
        target: &Target,
        search: SearchOptions,
    ) -> Result<MappingInputs, Diagnostics> {
        let mut inputs = MappingInputs::default();
        if let Some(path) = &self.profile {
            inputs.rates = profile::read(path, &ir.model)?;
        } else if let Some(text) = &self.report {
            inputs.rates = profile::rates(text, "profile", &ir.model)?;
        }
        if let Some(partition) = self.partition(ir, target, (&inputs.rates, search))? {
            partition.verify(ir).map_err(|problems| self.in_partition(problems))?;
            inputs.partition = Some(partition);
        }
        let placement = match (&self.placement, &self.placement_text) {
            (Some(path), _) => Some((PlacementFile::read(path)?, path.as_path())),
            (None, Some(text)) => Some((PlacementFile::from_text(text, PLACEMENT)?, Path::new(PLACEMENT))),
            (None, None) => None,
        };
        if let Some((placement, named)) = placement {
            let placement = placement.resolve(target).map_err(|problems| in_file(named, problems))?;
            inputs.placement = Some(placement);
        }
        Ok(inputs)
    }

    /// The partition that is given, if one is.
    fn partition(
        &self,
        ir: &SpikingIr,
        target: &Target,
        search: (&Rates, SearchOptions),
    ) -> Result<Option<Partition>, Diagnostics> {
        let ron = |path: &PathBuf| path.extension().is_some_and(|extension| extension == "ron");
        let file = match (&self.partition, &self.partition_text) {
            (Some(path), _) if ron(path) => Some(PartitionFile::read(path)?),
            (None, Some(text)) => Some(PartitionFile::from_text(text, PARTITION)?),
            _ => None,
        };
        if let Some(file) = file {
            if let Some(name) = &self.network {
                let message = "a partition file names its layers; only blocks are of one network";
                let place = Subject::value("--partition-network", name);
                return Err(Diagnostic::new(Code::Argument, place, message).hint("leave it out").into());
            }
            return file.resolve(ir).map(Some).map_err(|problems| self.in_partition(problems));
        }
        if self.partition.is_none() && self.blocks.is_none() {
            return Ok(None);
        }
        self.of_blocks(ir, target, search).map(Some)
    }

    /// A partition from the blocks of one network's hypergraph; other networks are searched.
    fn of_blocks(
        &self,
        ir: &SpikingIr,
        target: &Target,
        (rates, search): (&Rates, SearchOptions),
    ) -> Result<Partition, Diagnostics> {
        // What narrower weights take is the target's to say.
        let target = &target.for_weight_bits(ir.model.neuron.weight_bits);
        let network = network_named(&ir.model, "--partition-network", self.network.as_deref())?;
        let graph = network_graph(ir, network, self.group)?;
        let blocks = self.read_blocks(graph.groups.len())?;
        let mut partition = graph.to_partition(ir, &blocks);
        let others = ir.model.networks.keys().filter(|&other| other != network);
        partition.extend(search_some(ir, target, rates, search, others)?.partition);
        Ok(partition)
    }

    /// The block of each of so many vertices.
    fn read_blocks(&self, vertices: usize) -> Result<Vec<BlockId>, Diagnostic> {
        let Some(path) = &self.partition else {
            let blocks = self.blocks.clone().unwrap_or_default();
            let beyond = blocks.iter().find(|block| block.0 as usize >= vertices);
            if blocks.len() == vertices && beyond.is_none() {
                return Ok(blocks);
            }
            let found = match beyond {
                Some(block) => format!("block {}", block.0),
                None => format!("{} blocks", blocks.len()),
            };
            let message = format!(
                "found {found}, expected one of 0 to {} for each of {vertices} vertices",
                vertices - 1
            );
            return Err(Diagnostic::new(Code::Argument, Subject::argument(PARTITION), message)
                .hint("group and network must be those of the hypergraph that was partitioned"));
        };
        let text = input::GRAPH.read_text(path)?;
        hgr::parse_blocks(&text, &path.display().to_string(), vertices, vertices).map_err(|problem| {
            problem.hint(
                "a hand-written partition must be named .ron; --group and --partition-network must be those of \
                 `snnc export`",
            )
        })
    }

    /// Problems of the partition, told of what gave it.
    fn in_partition(&self, problems: Diagnostics) -> Diagnostics {
        in_file(self.partition.as_deref().unwrap_or(Path::new(PARTITION)), problems)
    }

    /// Whether a partition is given.
    fn has_partition(&self) -> bool {
        self.partition.is_some() || self.partition_text.is_some() || self.blocks.is_some()
    }

    /// What is wrong with the cores of a program, told of the file that put neurons onto them: not the compiler's fault
    /// then, but the file's.
    pub fn blame(&self, mut problems: Diagnostics) -> Diagnostics {
        if self.has_partition() || self.placement.is_some() || self.placement_text.is_some() {
            for problem in problems.0.iter_mut().filter(|problem| problem.code == Code::ProgramInvalid) {
                problem.code = Code::MappingInvalid;
            }
        }
        if self.has_partition() { self.in_partition(problems) } else { problems }
    }
}

/// Problems with cores, projections and layers that a file names: its place comes first.
fn in_file(path: &Path, mut problems: Diagnostics) -> Diagnostics {
    for problem in problems.0.iter_mut().filter(|problem| problem.place.path() != Some(path)) {
        problem.place = problem.place.clone().within(path);
    }
    problems
}

/// The network of that name; without one the first. `option` is what names it, for errors.
///
/// # Errors
/// [`Code::Argument`] if there is none.
pub fn network_named(
    model: &SpikingModel,
    option: &str,
    name: Option<&str>,
) -> Result<NetworkId, Diagnostic> {
    let Some(name) = name else {
        return Ok(NetworkId(0));
    };
    let found = model.networks.iter().find(|(_, network)| network.name == name).map(|(id, _)| id);
    found.ok_or_else(|| {
        let names: Vec<_> = model.networks.values().map(|network| network.name.as_str()).collect();
        Diagnostic::new(Code::Argument, Subject::value(option, name), "there is no such network on the chip")
            .hint(format!("one of {}", names.join(", ")))
    })
}
