//! What it costs that two vertices change places.

use super::counts::PinCounts;
use super::state::PartitionState;
use crate::mapping::hypergraph::graph::{BlockId, NetId, VertexId};

/// Prices exchanges; holds what the first vertex contributes, by net.
pub struct ExchangePrice {
    stamps: Vec<u32>,
    parts: Vec<i64>,
    tick: u32,
}

impl ExchangePrice {
    /// For so many nets.
    pub fn new(nets: usize) -> Self {
        Self { stamps: vec![0; nets], parts: vec![0; nets], tick: 0 }
    }

    /// Change of cost if `vertex` went to the block `to` of `back`, which came in exchange. Nets that hold both keep
    /// their counts.
    #[inline]
    pub fn delta<C: PinCounts>(
        &mut self,
        state: &PartitionState<'_, C>,
        vertex: VertexId,
        to: BlockId,
        back: VertexId,
    ) -> i64 {
        let from = state.block(vertex);
        let incidence = &state.graph.incidence;
        self.tick = self.tick.wrapping_add(1);
        if self.tick == 0 {
            self.stamps.fill(0);
            self.tick = 1;
        }
        let mut delta = 0;
        for &NetId(e) in incidence.nets_of(vertex) {
            let part = state.part_of_delta(NetId(e), from, to);
            self.parts[e as usize] = part;
            self.stamps[e as usize] = self.tick;
            delta += part;
        }
        for &NetId(e) in incidence.nets_of(back) {
            if self.stamps[e as usize] == self.tick {
                delta -= self.parts[e as usize];
            } else {
                delta += state.part_of_delta(NetId(e), to, from);
            }
        }
        delta
    }
}
