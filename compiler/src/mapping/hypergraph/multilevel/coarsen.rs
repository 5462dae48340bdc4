//! Coarsening: vertices that share heavy nets become one vertex of the next level.
//!
//! Rating of a pair: the weight / (pins - 1) of the nets they share, as a part of that of all nets of either (a
//! weighted Jaccard index). Twins, vertices with the same neighbourhood, rate nearly 1; nothing needs to know where
//! they come from.

use super::contract::contract;
use crate::mapping::hypergraph::graph::{BlockId, Hypergraph, NetId, VertexId};
use crate::random::SplitMix64;

/// A coarser problem, and where each vertex went.
pub struct CoarseLevel {
    /// The coarser problem.
    pub graph: Hypergraph,
    /// By finer vertex.
    pub clusters: Vec<VertexId>,
}

/// Larger nets say little about a pair and cost the square of their size: only so many of their pins are rated.
const RATED_PINS: usize = 512;

/// One level of clustering: clusters weigh at most `caps` (one a scalar resource), a shared resource of a cluster at
/// most `shared_caps`. With `within`, only vertices of one block join. `None` if hardly anything joins.
pub fn coarsen(
    graph: &Hypergraph,
    caps: &[u64],
    shared_caps: &[u64],
    within: Option<&[BlockId]>,
    pace: CoarseningPace,
    random: &mut SplitMix64,
) -> Option<CoarseLevel> {
    let mut clustering = Clustering::new(graph);
    let mut order: Vec<VertexId> = graph.incidence.all_vertices().collect();
    random.shuffle(&mut order);
    let mut joins = 0;
    let (enough, scouts) = match pace {
        CoarseningPace::Careful => (graph.vertices().div_ceil(10), 0),
        CoarseningPace::Fast => (graph.vertices() / 4, SCOUTS.min(order.len() / 8)),
    };
    let scouts = &order[..scouts];
    let skipped = clustering.vain(scouts, caps, shared_caps, within, random);
    // Where all are strangers, clusters say nothing, and each level of them would cost as much as the finest.
    if graph.incidence.pins() > HUGE_PINS && skipped >= STRANGERS {
        return None;
    }
    for &similarity in &SIMILARITIES[skipped..] {
        for &vertex in &order {
            if clustering.joined[vertex.0 as usize] {
                continue;
            }
            clustering.rate(vertex, within, random);
            if let Some((_, partner)) = clustering.best(vertex, similarity, caps, shared_caps) {
                clustering.join(vertex, partner);
                joins += 1;
            }
        }
        if joins >= enough {
            break;
        }
    }
    let (clusters, count) = clustering.number();
    (joins * 20 >= graph.vertices())
        .then(|| CoarseLevel { graph: contract(graph, &clusters, count), clusters })
}

/// Least similarity of a pair, tried in turn until a tenth of the vertices joined: twins first, and what resembles
/// nothing stays small and fills gaps later.
const SIMILARITIES: [f64; 4] = [0.5, 0.2, 0.05, 0.0];

/// Problems with more pins are not coarsened if hardly any vertex resembles another as the similarity with this index
/// says: networks that are wired at random.
const STRANGERS: usize = 2;
/// Pins beyond which a problem is huge.
pub const HUGE_PINS: usize = 1 << 22;

/// How much of a problem a level takes away.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CoarseningPace {
    /// A tenth, those that resemble each other most: many levels.
    Careful,
    /// A quarter, for large problems, where each pass is dear: a few vertices are asked first which similarities would
    /// be tried in vain.
    Fast,
}

/// Vertices asked at most.
const SCOUTS: usize = 512;

/// How much sharing a net adds to the rating of a pair of its pins.
fn share(graph: &Hypergraph, net: NetId) -> f64 {
    match graph.incidence.pins_of(net).len() {
        0 | 1 => 0.0,
        pins => graph.net_weight(net) as f64 / (pins - 1) as f64,
    }
}

struct Clustering<'a> {
    graph: &'a Hypergraph,
    /// By vertex: the vertex that stands for its cluster.
    leaders: Vec<VertexId>,
    joined: Vec<bool>,
    weights: Vec<u64>,
    /// By leader and shared resource: items of the cluster, ascending.
    items: Vec<Vec<Vec<NetId>>>,
    /// By net: what sharing it says.
    shares: Vec<f64>,
    /// By vertex, for the vertex being rated; minus infinity if it is no leader.
    scores: Vec<f64>,
    /// By vertex: the score it would have with a twin.
    totals: Vec<f64>,
    rated: Vec<VertexId>,
}

impl<'a> Clustering<'a> {
    fn new(graph: &'a Hypergraph) -> Self {
        let all: Vec<VertexId> = graph.incidence.all_vertices().collect();
        let shares: Vec<f64> = graph.incidence.all_nets().map(|net| share(graph, net)).collect();
        let total = |&v: &VertexId| graph.incidence.nets_of(v).iter().map(|net| shares[net.0 as usize]).sum();
        let items = graph.shared.iter().map(|c| all.iter().map(|&v| c.items.nets_of(v).to_vec()).collect());
        Self {
            graph,
            joined: vec![false; all.len()],
            weights: graph.vertex_weights.clone(),
            items: items.collect(),
            scores: vec![0.0; all.len()],
            totals: all.iter().map(total).collect(),
            rated: Vec::new(),
            leaders: all,
            shares,
        }
    }

    /// How many similarities to leave out, because fewer than a quarter of the `scouts` have a partner so similar.
    fn vain(
        &mut self,
        scouts: &[VertexId],
        caps: &[u64],
        shared_caps: &[u64],
        within: Option<&[BlockId]>,
        random: &mut SplitMix64,
    ) -> usize {
        let mut partners = [0; SIMILARITIES.len()];
        for &scout in scouts {
            self.rate(scout, within, random);
            if let Some((score, _)) = self.best(scout, 0.0, caps, shared_caps) {
                for (count, _) in partners.iter_mut().zip(SIMILARITIES).filter(|(_, least)| score > *least) {
                    *count += 1;
                }
            }
        }
        let last = SIMILARITIES.len() - 1;
        partners[..last].iter().take_while(|&&count| count * 4 < scouts.len()).count()
    }

    /// Scores of the clusters around a vertex.
    fn rate(&mut self, vertex: VertexId, within: Option<&[BlockId]>, random: &mut SplitMix64) {
        let home = within.map(|blocks| blocks[vertex.0 as usize]);
        for &net in self.graph.incidence.nets_of(vertex) {
            let pins = self.graph.incidence.pins_of(net);
            let score = self.shares[net.0 as usize];
            if score == 0.0 {
                continue;
            }
            let window = if pins.len() <= RATED_PINS { pins } else { window(pins, random) };
            for &pin in window {
                if within.map(|blocks| blocks[pin.0 as usize]) != home {
                    continue;
                }
                let sum = &mut self.scores[pin.0 as usize];
                if *sum == 0.0 {
                    self.rated.push(pin);
                }
                *sum += score;
            }
        }
    }

    /// The best cluster that has room and its score, lighter ones first among equals; clears the scores.
    fn best(
        &mut self,
        vertex: VertexId,
        similarity: f64,
        caps: &[u64],
        shared_caps: &[u64],
    ) -> Option<(f64, VertexId)> {
        let mut best: Option<(f64, VertexId)> = None;
        let rated = std::mem::take(&mut self.rated);
        for &leader in &rated {
            let shared = self.scores[leader.0 as usize];
            let all = self.totals[vertex.0 as usize] + self.totals[leader.0 as usize] - shared;
            let score = shared / all.max(shared);
            let better = best.is_none_or(|(most, other)| {
                score > most || score == most && (self.weight(leader), leader) < (self.weight(other), other)
            });
            if leader != vertex
                && score > similarity
                && better
                && self.has_room(vertex, leader, caps, shared_caps)
            {
                best = Some((score, leader));
            }
        }
        for leader in &rated {
            self.scores[leader.0 as usize] = 0.0;
        }
        self.rated = rated;
        self.rated.clear();
        best
    }

    fn weight(&self, leader: VertexId) -> &[u64] {
        let first = leader.0 as usize * self.graph.resources;
        &self.weights[first..first + self.graph.resources]
    }

    fn has_room(&self, vertex: VertexId, leader: VertexId, caps: &[u64], shared_caps: &[u64]) -> bool {
        let sums = self.weight(vertex).iter().zip(self.weight(leader)).map(|(a, b)| a + b);
        let union = |c: usize| {
            let cost = |item: &NetId| self.graph.shared[c].costs[item.0 as usize];
            let (ours, theirs) = (&self.items[c][vertex.0 as usize], &self.items[c][leader.0 as usize]);
            let new = ours.iter().filter(|item| theirs.binary_search(item).is_err());
            theirs.iter().map(cost).sum::<u64>() + new.map(cost).sum::<u64>()
        };
        sums.zip(caps).all(|(sum, &cap)| sum <= cap)
            && shared_caps.iter().enumerate().all(|(c, &cap)| union(c) <= cap)
    }

    fn join(&mut self, vertex: VertexId, leader: VertexId) {
        self.leaders[vertex.0 as usize] = leader;
        // A cluster is judged by its leader, whose nets are counted once: no sum lifts this score.
        self.scores[vertex.0 as usize] = f64::NEG_INFINITY;
        self.joined[vertex.0 as usize] = true;
        // The leader stays where it is, or a later visit would tear its cluster apart.
        self.joined[leader.0 as usize] = true;
        for r in 0..self.graph.resources {
            let weight = self.weights[vertex.0 as usize * self.graph.resources + r];
            self.weights[leader.0 as usize * self.graph.resources + r] += weight;
        }
        for rows in &mut self.items {
            let ours = std::mem::take(&mut rows[vertex.0 as usize]);
            let theirs = &mut rows[leader.0 as usize];
            theirs.extend(ours);
            theirs.sort_unstable();
            theirs.dedup();
        }
    }

    /// Clusters by vertex, numbered in the order of their leaders.
    fn number(&self) -> (Vec<VertexId>, usize) {
        let mut numbers = vec![VertexId(0); self.leaders.len()];
        let mut count = 0;
        for (v, leader) in self.leaders.iter().enumerate() {
            if leader.0 as usize == v {
                numbers[v] = VertexId(count as u32);
                count += 1;
            }
        }
        (self.leaders.iter().map(|leader| numbers[leader.0 as usize]).collect(), count)
    }
}

/// `RATED_PINS` consecutive pins from a random place on.
fn window<'p>(pins: &'p [VertexId], random: &mut SplitMix64) -> &'p [VertexId] {
    let first = random.below(pins.len() - RATED_PINS + 1);
    &pins[first..first + RATED_PINS]
}
