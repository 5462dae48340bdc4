//! Which tiles feed which: by how many axons a slice more of one is felt at the cores of another.

use std::collections::BTreeSet;

use super::super::layer::axons_least;
use super::super::tile::{IncomingKernelUse, PopulationTile};
use super::shares::TileShares;
use crate::ir::PopulationId;
use snnc_targets::schema::AxonSpec;
use snnc_targets::{LinkKind, Site, Target, Topology};

/// (tile, source positions of the sender that reach the reader, once for each kernel), by tile.
type Linked = Vec<Vec<(usize, u64)>>;

/// Tiles that feed each other.
#[derive(Debug, Clone)]
pub struct Links {
    /// Tiles that read a tile.
    pub readers: Linked,
    /// Tiles that a tile reads.
    pub senders: Linked,
    /// Input axons of a slice for spikes from outside, whose axons serve as many channels as they can.
    pub outside: Vec<u64>,
}

impl Links {
    /// Between these tiles.
    pub fn new(shares: &[TileShares], axons: &AxonSpec) -> Self {
        let placed: BTreeSet<PopulationId> = shares.iter().map(|share| share.population).collect();
        let outside = |share: &TileShares| {
            let own = share.tile.kernels.iter().filter(|kernel| !placed.contains(&kernel.source));
            own.map(|kernel| kernel.positions() * axons_least(axons, kernel.channels.inputs as u64)).sum()
        };
        let mut links = Self {
            readers: vec![Vec::new(); shares.len()],
            senders: vec![Vec::new(); shares.len()],
            outside: shares.iter().map(outside).collect(),
        };
        for (reader, share) in shares.iter().enumerate() {
            for (sender, from) in shares.iter().enumerate() {
                let positions = reaching(&share.tile, from.population, &from.tile);
                if positions > 0 {
                    links.readers[sender].push((reader, positions));
                    links.senders[reader].push((sender, positions));
                }
            }
        }
        links
    }
}

/// Positions of a tile of a source that reach a tile, once for each kernel.
fn reaching(reader: &PopulationTile, source: PopulationId, sender: &PopulationTile) -> u64 {
    let of = |kernel: &IncomingKernelUse| {
        kernel.rows.sources_in(&sender.rows) * kernel.cols.sources_in(&sender.cols)
    };
    reader.kernels.iter().filter(|kernel| kernel.source == source).map(of).sum()
}

/// Picoseconds that a packet between two cores, on whichever chips, takes of the links between chips if all packets
/// share these evenly; 0 on one chip.
pub fn packet_ps(target: &Target, cores: usize) -> f64 {
    let chips = cores.div_ceil(Topology::new(&target.topology, 1).cores_per_chip() as usize) as u32;
    if chips < 2 {
        return 0.0;
    }
    let topology = Topology::new(&target.topology, chips);
    let per_chip = topology.cores_per_chip();
    let first = |chip: u32| Site(chip * per_chip);
    let mut crossings = 0;
    let mut links = BTreeSet::new();
    for (from, to) in (0..chips).flat_map(|from| (0..chips).map(move |to| (from, to))) {
        let path = topology.path(first(from), first(to));
        crossings += path.filter(|&(_, kind)| kind == LinkKind::Chip).count();
    }
    // Rows and columns of tiles are alike, so each way between two chips is as many links as a chip has tiles along it.
    for from in 0..chips {
        for at in (0..per_chip).step_by(topology.cores_per_tile as usize) {
            let here = Site(from * per_chip + at);
            for to in (0..chips).filter(|&to| to != from) {
                let there = Site(to * per_chip + at);
                let path = topology.path(here, there);
                links.extend(path.filter(|&(_, kind)| kind == LinkKind::Chip).map(|(link, _)| link.0));
            }
        }
    }
    let interval = target.timing().hop(LinkKind::Chip).interval_ps as f64;
    let mean = crossings as f64 / f64::from(chips * chips);
    mean * interval * f64::from(target.flits_per_packet()) / links.len().max(1) as f64
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn half_of_the_packets_of_two_chips_cross_by_a_link_for_each_row_and_way() {
        let target = snnc_targets::registry::load("loihi-like").unwrap();
        let interval = target.timing().hop(LinkKind::Chip).interval_ps as f64;
        assert_eq!(packet_ps(&target, 128), 0.0);
        // Four rows of tiles, both ways.
        assert!((packet_ps(&target, 129) - interval * 0.5 / 8.0).abs() < 1e-9);
        // Three in a row: of nine pairs three stay, four go to a neighbour and two to the chip behind it.
        assert!((packet_ps(&target, 300) - interval * (8.0 / 9.0) / 16.0).abs() < 1e-9);
    }
}
