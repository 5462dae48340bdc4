//! Traffic as an undirected weighted graph of cores: a hop costs the same in both directions, so only the sum of the
//! packets between two cores matters to placement.

use crate::mapping::traffic::CoreTraffic;

/// Neighbours and packets of each core, in compressed rows.
#[derive(Debug, Clone)]
pub struct PlacementGraph {
    starts: Vec<usize>,
    /// (other core, packets in both directions), ascending by core.
    edges: Vec<(u32, i64)>,
}

impl PlacementGraph {
    /// The graph of `cores` cores. Packets are divided by two until their sum stays below 2^56; flows to cores
    /// outside are left out.
    pub fn new(cores: usize, traffic: &CoreTraffic) -> Self {
        let total: u128 = traffic.flows.values().map(|&packets| u128::from(packets)).sum();
        let shift = (128 - total.leading_zeros()).saturating_sub(56);
        let mut all = Vec::with_capacity(traffic.flows.len() * 2);
        for (&(from, to), &packets) in &traffic.flows {
            let inside = (from.0 as usize) < cores && (to.0 as usize) < cores && from != to;
            let packets = (packets >> shift) as i64;
            if inside && packets > 0 {
                all.push((from.0, to.0, packets));
                all.push((to.0, from.0, packets));
            }
        }
        all.sort_unstable();
        all.dedup_by(|next, kept| {
            let same = (next.0, next.1) == (kept.0, kept.1);
            kept.2 += if same { next.2 } else { 0 };
            same
        });
        let mut starts = vec![0; cores + 1];
        all.iter().for_each(|edge| starts[edge.0 as usize + 1] += 1);
        (0..cores).for_each(|core| starts[core + 1] += starts[core]);
        Self { starts, edges: all.into_iter().map(|(_, to, packets)| (to, packets)).collect() }
    }

    /// Cores.
    pub fn cores(&self) -> usize {
        self.starts.len() - 1
    }

    /// Neighbours of a core with the packets between them.
    #[inline]
    pub fn of(&self, core: usize) -> &[(u32, i64)] {
        &self.edges[self.starts[core]..self.starts[core + 1]]
    }

    /// Entries of all rows: every pair counts twice.
    pub fn entries(&self) -> usize {
        self.edges.len()
    }

    /// Packets.
    pub fn packets(&self) -> u64 {
        self.edges.iter().map(|&(_, packets)| packets as u64).sum::<u64>() / 2
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ir::CoreId;

    #[test]
    fn both_directions_are_one_edge() {
        let mut traffic = CoreTraffic::default();
        for (from, to, packets) in [(0, 1, 5), (1, 0, 7), (2, 0, 1)] {
            traffic.flows.insert((CoreId(from), CoreId(to)), packets);
        }
        let graph = PlacementGraph::new(3, &traffic);
        assert_eq!(graph.of(0), [(1, 12), (2, 1)]);
        assert_eq!(graph.of(1), [(0, 12)]);
        assert_eq!(graph.of(2), [(0, 1)]);
        assert_eq!(graph.packets(), 13);
    }
}
