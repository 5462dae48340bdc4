//! Which tiles feed which: by how many axons a slice more of one is felt at the cores of another.

use std::collections::BTreeSet;

use super::super::layer::axons_least;
use super::super::tile::{IncomingKernelUse, PopulationTile};
use super::shares::TileShares;
use crate::ir::PopulationId;
use snnc_targets::schema::AxonSpec;

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
