//! Partition of a whole network by its hypergraph: for networks with cycles, for small irregular ones at the highest
//! effort, and for any network on demand. By default tiles cut irregular networks too (`tiles/irregular.rs`).
//!
//! The hypergraph partitioner knows sums (neurons, synapses that are not shared) and shared resources (input axons,
//! shared kernels, thresholds). What a core really uses also depends on how boxes fall: lists for each variant of a
//! border, output slots for each destination. So the cores are built and counted; where a limit is exceeded, the limit
//! that the partitioner is given is tightened by as much, and it tries again.

mod limit_shares;
pub(crate) mod problem;

use snnc_targets::entity::EntityMap;
use snnc_targets::{Code, Diagnostic, Diagnostics, Subject, Target};

use self::limit_shares::LimitShares;
use self::problem::problem;
use super::Rates;
use super::search::SearchedPartition;
use crate::ir::program::Core;
use crate::ir::program::usage::{CoreUsage, LimitExceeded, core_use};
use crate::ir::spiking::SpikingIr;
use crate::ir::{CoreId, NetworkId};
use crate::mapping::build_cores;
use crate::mapping::effort::Effort;
use crate::mapping::hypergraph::from_ir::network_graph;
use crate::mapping::hypergraph::{Blocks, HypergraphOptions, partition};
use crate::mapping::traffic::CoreTraffic;

/// How often limits are tightened before the network is refused.
const ATTEMPTS: usize = 10;
/// How many times the least number of blocks is tried, in steps of a quarter, before the network is refused.
const COUNT_GROWTH: usize = 3;
/// Seed of the partitioner: results depend on the network alone.
const SEED: u64 = 1;

/// Partitions a network, `group` channels of a position a vertex.
///
/// # Errors
/// [`Code::DoesNotFit`] with the limit that stayed exceeded, [`Code::Argument`] for a group of 0 channels.
pub fn search_network(
    ir: &SpikingIr,
    target: &Target,
    rates: &Rates,
    network: NetworkId,
    group: usize,
    effort: Effort,
) -> Result<SearchedPartition, Diagnostics> {
    let groups = network_graph(ir, network, group)?;
    let graph = problem(ir, target, rates, &groups)?;
    let mut shares = LimitShares::default();
    let (mut count, mut last) = (0, None);
    for _ in 0..ATTEMPTS {
        let limits = shares.limits(target);
        limits.check(&graph)?;
        count = limits.blocks_at_least(&graph).max(count);
        let (options, first) = (HypergraphOptions { effort, seed: SEED }, count);
        let solution = loop {
            match partition(&graph, &limits, Blocks::Exactly(count), options) {
                Ok(solution) => break solution,
                Err(_) if count < first * COUNT_GROWTH && count < graph.vertices() => count += count / 4 + 1,
                Err(problem) => {
                    let hint = "shared kernels pull channels together and packets pull positions together: where \
                                memory is short, tiles (--partitioner tiles) serve convolutions better";
                    return Err(problem.hint(hint).into());
                }
            }
        };
        let partition = groups.to_partition(ir, &solution.blocks);
        let cores = build_cores(&ir.reordered(&partition.orders), &partition, target.axons.atoms_max());
        if let Some(most) = target.axons.atoms_max() {
            let sending = cores.values().flat_map(|core| &core.slices).filter(|s| !s.destinations.is_empty());
            if let Some(wide) = sending.map(|s| s.slice.atoms()).find(|&atoms| atoms > most) {
                let place = Subject::Network(ir.model.networks[network].name.clone());
                let message = format!(
                    "{wide} channels of a position came together on a core, an axon of {} tells {most} apart",
                    target.name
                );
                let hint = "use tiles (--partitioner tiles)";
                return Err(Diagnostic::new(Code::DoesNotFit, place, message).hint(hint).into());
            }
        }
        // Ports, which stand behind the cores, keep no limit.
        let on_chip = cores.values().take(partition.cores.len());
        let uses: EntityMap<CoreId, CoreUsage> =
            on_chip.map(|core| core_use(core, target, &ir.model)).collect();
        last = shares.tighten(target, &uses);
        if last.is_none() {
            let packets = packets(&cores, rates);
            return Ok(SearchedPartition { partition, uses, packets });
        }
    }
    Err(refusal(ir, target, network, last).into())
}

fn packets(cores: &EntityMap<CoreId, Core>, rates: &Rates) -> f64 {
    CoreTraffic::expected(cores, rates).packets() as f64 / rates.scale()
}

fn refusal(ir: &SpikingIr, target: &Target, network: NetworkId, last: Option<LimitExceeded>) -> Diagnostic {
    let place = Subject::Network(ir.model.networks[network].name.clone());
    let message = match last {
        Some(LimitExceeded { limit, used, most }) => format!(
            "after {ATTEMPTS} attempts a core still uses {used} {limit}, a core of {} has {most}",
            target.name
        ),
        None => format!("no partition of the hypergraph fits cores of {}", target.name),
    };
    Diagnostic::new(Code::DoesNotFit, place, message)
        .hint("use smaller groups of channels (--group), or tiles (--partitioner tiles)")
}
