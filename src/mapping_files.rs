//! What a user brings to the mapping, mostly in files: recorded rates, another author's partition, another author's placement.
//!
//! All goes through the verifiers that the compiler's own mappings go through; what is wrong is told of the file. The
//! partition is a file of ours (`.ron`), or the blocks that a partitioner gave for an exported hypergraph.

use std::path::{Path, PathBuf};

use snnc_compiler::driver::MappingInputs;
use snnc_compiler::ir::NetworkId;
use snnc_compiler::ir::spiking::{SpikingIr, SpikingModel};
use snnc_compiler::mapping::Partition;
use snnc_compiler::mapping::hypergraph::from_ir::network_graph;
use snnc_compiler::mapping::hypergraph::hgr;
use snnc_compiler::mapping::interchange::MappingFile;
use snnc_compiler::mapping::interchange::partition::PartitionFile;
use snnc_compiler::mapping::interchange::placement::PlacementFile;
use snnc_compiler::mapping::partition::Rates;
use snnc_compiler::mapping::partition::search::{SearchOptions, search_some};
use snnc_targets::{Code, Diagnostic, Diagnostics, Subject, Target, input};

use crate::profile;

/// Files that say something about the mapping; none of them need be there.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MappingFiles {
    /// Rates of spikes: a report.json, or its folder.
    pub profile: Option<PathBuf>,
    /// Rates of spikes: the text of a report.json, instead of its file.
    pub report: Option<String>,
    /// Which neurons share a core.
    pub partition: Option<PathBuf>,
    /// The network that the blocks of a partition are of; without one, the one that [`network_named`] chooses.
    pub network: Option<String>,
    /// Channels of a position that made a vertex of the hypergraph that the blocks are of.
    pub group: usize,
    /// Where the cores sit.
    pub placement: Option<PathBuf>,
}

impl Default for MappingFiles {
    /// None.
    fn default() -> Self {
        Self { profile: None, report: None, partition: None, network: None, group: 16, placement: None }
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
        if let Some(path) = &self.partition {
            let ron = path.extension().is_some_and(|extension| extension == "ron");
            if let (true, Some(name)) = (ron, &self.network) {
                let message = "a partition file names its layers; only blocks are of one network";
                return Err(Diagnostic::new(
                    Code::Argument,
                    Subject::value("--partition-network", name),
                    message,
                )
                .hint("leave it out")
                .into());
            }
            let partition = if ron {
                PartitionFile::read(path)?.resolve(ir).map_err(|problems| in_file(path, problems))?
            } else {
                self.of_blocks(path, ir, target, (&inputs.rates, search))?
            };
            partition.verify(ir).map_err(|problems| in_file(path, problems))?;
            inputs.partition = Some(partition);
        }
        if let Some(path) = &self.placement {
            let placement = PlacementFile::read(path)?.resolve(target);
            inputs.placement = Some(placement.map_err(|problems| in_file(path, problems))?);
        }
        Ok(inputs)
    }

    /// A partition from the blocks of one network's hypergraph; other networks are searched.
    fn of_blocks(
        &self,
        path: &Path,
        ir: &SpikingIr,
        target: &Target,
        (rates, search): (&Rates, SearchOptions),
    ) -> Result<Partition, Diagnostics> {
        // What narrower weights take is the target's to say.
        let target = &target.for_weight_bits(ir.model.neuron.weight_bits);
        let network = network_named(&ir.model, "--partition-network", self.network.as_deref())?;
        let graph = network_graph(ir, network, self.group)?;
        let text = input::GRAPH.read_text(path)?;
        let vertices = graph.groups.len();
        let blocks =
            hgr::parse_blocks(&text, &path.display().to_string(), vertices, vertices).map_err(|problem| {
                problem.hint(
                    "a hand-written partition must be named .ron; --group and --partition-network must be those of \
                     `snnc export`",
                )
            })?;
        let mut partition = graph.to_partition(ir, &blocks);
        let others = ir.model.networks.keys().filter(|&other| other != network);
        partition.extend(search_some(ir, target, rates, search, others)?.partition);
        Ok(partition)
    }

    /// What is wrong with the cores of a program, told of the file that put neurons onto them: not the compiler's fault
    /// then, but the file's.
    pub fn blame(&self, mut problems: Diagnostics) -> Diagnostics {
        if self.partition.is_some() || self.placement.is_some() {
            for problem in problems.0.iter_mut().filter(|problem| problem.code == Code::ProgramInvalid) {
                problem.code = Code::MappingInvalid;
            }
        }
        match &self.partition {
            Some(path) => in_file(path, problems),
            None => problems,
        }
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
