//! Routes of a placed program: separate packets, or multicast trees of their routes and the routers' tables for them.
//! Nothing is chosen here: routes follow from the placement. This module checks that tables hold the trees, and reports
//! what they save. The trees themselves are [`crate::ir::program::trees`]: the simulator needs them too.

use serde::{Deserialize, Serialize};
use snnc_targets::schema::RoutingScheme;
use snnc_targets::{Code, Diagnostic, LinkKind, Subject};

use crate::ir::program::Program;
use crate::ir::program::trees::MulticastTrees;
use crate::mapping::partition::Rates;

/// Use of the routers' tables.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct TableUse {
    /// Multicast trees.
    pub trees: usize,
    /// Routers with entries.
    pub routers: usize,
    /// Mean entries of routers with entries.
    pub mean: f64,
    /// Most entries of a router.
    pub max: u32,
    /// The target's limit; `None` if packets carry what routers need.
    pub of: Option<u32>,
    /// Packets x hops if each destination were sent a packet of its own.
    pub unicast_hops: u64,
}

/// Checks that the routers' tables hold the trees of a placed program.
///
/// # Errors
/// [`Code::DoesNotFit`] with the fullest router.
pub fn check(program: &Program) -> Result<(), Diagnostic> {
    let RoutingScheme::Multicast { table_entries: Some(most) } = program.target.topology.routing.get() else {
        return Ok(());
    };
    let Some((router, used)) = MulticastTrees::of(program).and_then(|trees| trees.overfull(most)) else {
        return Ok(());
    };
    let width = program.topology().width() as usize;
    let place = Subject::RouterAt { column: router % width, row: router / width };
    let message = format!("multicast trees need {used} table entries, {} has {most}", program.target.name);
    Err(Diagnostic::new(Code::DoesNotFit, place, message).hint(
        "a tree takes an entry wherever it starts, turns, forks or ends: use a target with larger tables, or larger \
         cores so that spikes have fewer destinations",
    ))
}

/// Use of the tables; `unicast_hops` is what the report counts for separate packets.
pub(super) fn table_use(program: &Program, trees: &MulticastTrees, unicast_hops: u64) -> TableUse {
    let used: Vec<u32> = trees.table_entries().iter().copied().filter(|&entries| entries > 0).collect();
    let of = match program.target.topology.routing.get() {
        RoutingScheme::Multicast { table_entries } => table_entries,
        RoutingScheme::Unicast => None,
    };
    TableUse {
        trees: trees.all().len(),
        routers: used.len(),
        mean: used.iter().map(|&entries| f64::from(entries)).sum::<f64>() / used.len().max(1) as f64,
        max: used.iter().copied().max().unwrap_or(0),
        of,
        unicast_hops,
    }
}

/// Expected packets on each link, and what follows: each tree is crossed once a spike.
pub(super) struct TreeLoads {
    /// Packets on each link, by link.
    pub links: Vec<u64>,
    /// Crossings of links between chips.
    pub chip_crossings: u64,
    /// No placement of these cores has fewer crossings: a tree reaches each tile by a link of its own.
    pub least_hops: u64,
}

/// Loads of a program's trees, after [`Rates::scale`].
pub(super) fn loads(program: &Program, trees: &MulticastTrees, rates: &Rates) -> TreeLoads {
    let topology = program.topology();
    let per_tile = topology.cores_per_tile as usize;
    let mut loads = TreeLoads { links: vec![0; topology.links()], chip_crossings: 0, least_hops: 0 };
    let placed = program
        .cores
        .iter()
        .flat_map(|(core, content)| content.slices.iter().map(move |slice| (core, slice)));
    for (slice, (core, placed)) in placed.enumerate() {
        let spikes = f64::from(placed.slice.atoms()) * rates.of(placed.slice.population);
        let packets = (spikes * rates.scale()).round() as u64;
        for &tree in trees.positions(slice).iter().flatten() {
            for &(link, kind) in trees.links(tree) {
                loads.links[link.0 as usize] += packets;
                loads.chip_crossings += if kind == LinkKind::Chip { packets } else { 0 };
            }
            let others = trees.tree(tree).destinations.iter().filter(|&&to| to != core).count();
            if program.is_port(core) {
                continue;
            }
            loads.least_hops += packets * others.saturating_sub(per_tile - 1).div_ceil(per_tile) as u64;
        }
    }
    loads
}
