//! The partitioner against plain oracles: brute force on tiny problems, recounting after every kind of change.

use std::sync::atomic::{AtomicU64, Ordering};

use super::anneal::{PartitionAnnealing, anneal};
use super::coarsen::{CoarseningPace, coarsen};
use super::counts::{DensePinCounts, PinCounts, SparsePinCounts};
use super::repair::repair;
use super::state::PartitionState;
use super::sweep::{SharedWeights, sweep};
use super::{Blocks, HypergraphOptions, partition, partition_observed};
use crate::mapping::MappingObserver;
use crate::mapping::effort::Effort;
use crate::mapping::hypergraph::Limits;
use crate::mapping::hypergraph::graph::{BlockId, Hypergraph, Incidence, SharedResource, VertexId};
use crate::mapping::hypergraph::testing::{random_graph, random_with_shared_resource};
use crate::random::SplitMix64;
use snnc_targets::Code;

fn random_blocks(seed: u64, vertices: usize, count: usize) -> Vec<BlockId> {
    let mut random = SplitMix64::stream(seed, 7);
    (0..vertices).map(|_| BlockId(random.below(count) as u32)).collect()
}

/// Every assignment of `count` blocks.
fn optimum(graph: &Hypergraph, limits: &Limits, count: usize) -> Option<u64> {
    let all = count.pow(graph.vertices() as u32);
    let assignments = (0..all).map(|mut code| {
        let blocks: Vec<BlockId> = (0..graph.vertices())
            .map(|_| {
                let block = BlockId((code % count) as u32);
                code /= count;
                block
            })
            .collect();
        blocks
    });
    assignments.filter(|blocks| legal(graph, limits, blocks, count)).map(|blocks| graph.km1(&blocks)).min()
}

fn legal(graph: &Hypergraph, limits: &Limits, blocks: &[BlockId], count: usize) -> bool {
    let (loads, most) = (Limits::loads(graph, blocks, count), limits.all());
    loads.chunks(most.len()).all(|loads| loads.iter().zip(&most).all(|(load, most)| load <= most))
}

#[test]
fn tiny_problems_are_solved_as_well_as_by_brute_force() {
    let (mut ours, mut best) = (0, 0);
    for seed in 0..24 {
        let graph = if seed % 2 == 0 {
            random_graph(seed, 9, 12, 1)
        } else {
            random_with_shared_resource(seed, 9, 12)
        };
        let shared = graph.shared.iter().map(|resource| resource.costs.iter().sum::<u64>() * 4 / 5).collect();
        let total: u64 = graph.vertex_weights.iter().sum();
        let limits = Limits { scalars: vec![total.div_ceil(3) + 1], shared };
        let options = HypergraphOptions { effort: Effort::Fast, seed };
        match (partition(&graph, &limits, Blocks::Exactly(3), options), optimum(&graph, &limits, 3)) {
            (Ok(found), Some(least)) => {
                assert!(legal(&graph, &limits, &found.blocks, 3));
                assert_eq!(found.cost, graph.km1(&found.blocks));
                ours += found.cost;
                best += least;
            }
            (Err(error), least) => {
                assert_eq!((error.code, least), (Code::DoesNotFit, None), "seed {seed}");
            }
            (Ok(_), None) => panic!("a legal partition that brute force does not know"),
        }
    }
    assert!(best > 0 && ours <= best + best / 50, "{ours} {best}");
}

fn counts_stay_right<C: PinCounts>(graph: &Hypergraph, limits: &Limits, seed: u64) -> (Vec<BlockId>, u64) {
    let count = 5;
    let mut random = SplitMix64::stream(seed, 1);
    let blocks = random_blocks(seed, graph.vertices(), count);
    let mut state = PartitionState::<C>::new(graph, limits, count, blocks);
    assert!(state.verify());
    let mut shares = SharedWeights::new(count);
    for _ in 0..200 {
        let vertex = VertexId(random.below(graph.vertices()) as u32);
        let to = BlockId(random.below(count) as u32);
        if to != state.block(vertex) {
            shares.look(&state, vertex);
            let expected = state.cost() as i64 + state.delta(vertex, to);
            assert_eq!(shares.delta(to), state.delta(vertex, to));
            let fits = state.fits(vertex, to);
            state.shift(vertex, to);
            assert_eq!(state.cost() as i64, expected);
            assert_eq!(fits, state.excess_of(to) == 0);
        }
        assert!(state.verify());
    }
    let cost = state.cost();
    let schedule = PartitionAnnealing { proposals: 20_000, start: 0.3, end: 0.01, visits: 0 };
    anneal(&mut state, schedule, &mut random, &());
    assert!(state.verify());
    repair(&mut state, u64::MAX, &mut random);
    assert!(state.verify());
    sweep(&mut state, 4, 1000, &mut random);
    assert!(state.verify());
    assert!(state.excess() == 0 && state.cost() < cost);
    (state.blocks().to_vec(), state.cost())
}

#[test]
fn incremental_counts_equal_those_from_scratch_dense_and_sparse() {
    for seed in 0..6 {
        for graph in [random_graph(seed, 60, 80, 2), random_with_shared_resource(seed, 60, 80)] {
            let heaviest =
                |r: usize| graph.vertex_weights.iter().skip(r).step_by(graph.resources).sum::<u64>();
            let scalars = (0..graph.resources).map(|r| heaviest(r) / 4).collect();
            let shared = graph.shared.iter().map(|resource| resource.costs.iter().sum()).collect();
            let limits = Limits { scalars, shared };
            let dense = counts_stay_right::<DensePinCounts>(&graph, &limits, seed);
            assert_eq!(dense, counts_stay_right::<SparsePinCounts>(&graph, &limits, seed));
        }
    }
}

/// Steps that are expected, and steps that are done.
#[derive(Default)]
struct Steps(AtomicU64, AtomicU64);

impl MappingObserver for Steps {
    fn stage(&self, _: &'static str, _: &'static str) {}

    fn expect(&self, steps: u64) {
        self.0.fetch_add(steps, Ordering::Relaxed);
    }

    fn skip(&self, steps: u64) {
        self.0.fetch_sub(steps, Ordering::Relaxed);
    }

    fn advance(&self, steps: u64) {
        self.1.fetch_add(steps, Ordering::Relaxed);
    }
}

#[test]
fn all_expected_steps_are_done_in_the_end_and_change_nothing() {
    let graph = random_graph(7, 400, 600, 1);
    let limits = Limits::scalar(graph.vertex_weights.iter().sum::<u64>() / 4 + 40);
    for (effort, blocks) in [(Effort::Default, Blocks::Exactly(5)), (Effort::Best, Blocks::Fewest)] {
        let (steps, options) = (Steps::default(), HypergraphOptions { effort, seed: 1 });
        let found = partition_observed(&graph, &limits, blocks, options, &steps).unwrap();
        assert_eq!(found, partition(&graph, &limits, blocks, options).unwrap());
        let (expected, done) = (steps.0.into_inner(), steps.1.into_inner());
        assert!(expected == done && done > 100_000, "{expected} expected, {done} done");
    }
}

#[test]
fn annealing_never_worsens_a_legal_partition() {
    let graph = random_graph(3, 80, 120, 1);
    let limits = Limits::scalar(graph.vertex_weights.iter().sum::<u64>() / 4 + 4);
    let first = partition(&graph, &limits, Blocks::Exactly(5), HypergraphOptions::default()).unwrap();
    let mut state = PartitionState::<DensePinCounts>::new(&graph, &limits, 5, first.blocks);
    anneal(
        &mut state,
        PartitionAnnealing { proposals: 128, start: 5.0, end: 1.0, visits: 0 },
        &mut SplitMix64::stream(1, 1),
        &(),
    );
    assert!(state.excess() == 0 && state.cost() <= first.cost && state.verify());
}

#[test]
fn coarsening_keeps_the_cost_of_every_partition() {
    for seed in 0..10 {
        let graph = random_with_shared_resource(seed, 80, 60);
        let within = (seed % 2 == 1).then(|| random_blocks(seed, 80, 3));
        let pace = if seed % 4 < 2 { CoarseningPace::Careful } else { CoarseningPace::Fast };
        let random = &mut SplitMix64::stream(seed, 0);
        let level = coarsen(&graph, &[6], &[u64::MAX], within.as_deref(), pace, random).unwrap();
        assert!(level.graph.vertices() < graph.vertices());
        assert!(level.graph.vertex_weights.iter().all(|&weight| weight <= 6));
        let coarse = random_blocks(seed + 50, level.graph.vertices(), 4);
        let fine: Vec<BlockId> = level.clusters.iter().map(|c| coarse[c.0 as usize]).collect();
        assert_eq!(level.graph.km1(&coarse), graph.km1(&fine));
        assert_eq!(Limits::loads(&level.graph, &coarse, 4), Limits::loads(&graph, &fine, 4));
        if let Some(within) = within {
            for (a, first) in level.clusters.iter().enumerate() {
                for (b, second) in level.clusters.iter().enumerate() {
                    assert!(first != second || within[a] == within[b]);
                }
            }
        }
    }
}

/// Layers of twins: `groups` vertices at each of 12 positions on a line, nets to the three positions next in line.
fn layered(groups: usize) -> Hypergraph {
    let (layers, positions) = (3, 12);
    let vertex = |l: usize, g: usize, p: usize| VertexId(((l * groups + g) * positions + p) as u32);
    let (mut starts, mut pins) = (vec![0], Vec::new());
    for l in 0..layers - 1 {
        for (g, p) in (0..groups).flat_map(|g| (0..positions).map(move |p| (g, p))) {
            pins.push(vertex(l, g, p));
            for q in p.saturating_sub(1)..(p + 2).min(positions) {
                pins.extend((0..groups).map(|g| vertex(l + 1, g, q)));
            }
            starts.push(pins.len());
        }
    }
    let vertices = layers * groups * positions;
    let incidence = Incidence::new(vertices, &starts, pins).unwrap();
    let nets = incidence.nets();
    Hypergraph::new(incidence, vec![1; nets], vec![1; vertices], 1, Vec::new()).unwrap()
}

#[test]
fn twins_join_before_neighbours() {
    let graph = layered(4);
    let level =
        coarsen(&graph, &[2], &[], None, CoarseningPace::Careful, &mut SplitMix64::stream(5, 0)).unwrap();
    for (v, cluster) in level.clusters.iter().enumerate() {
        for (u, other) in level.clusters.iter().enumerate() {
            // Layers 1 and 2 have incoming nets: there, joined vertices are of one position and layer.
            if cluster == other && v >= 48 {
                assert_eq!((v % 12, v / 48), (u % 12, u / 48));
            }
        }
    }
}

#[test]
fn full_blocks_are_packed_exactly() {
    let graph = layered(4);
    // 144 vertices in 12 blocks of 12: no room at all.
    let found = partition(&graph, &Limits::scalar(12), Blocks::Fewest, HypergraphOptions::default()).unwrap();
    assert_eq!(found.count, 12);
    assert!(legal(&graph, &Limits::scalar(12), &found.blocks, 12));
    // A column of all layers at each position would cost 2 for nets inside, 1 for those at the ends: 176.
    assert!(found.cost <= 176, "{}", found.cost);
}

/// Vertices on a ring, each with a net to the next `reach`.
fn ring(vertices: usize, reach: usize) -> Hypergraph {
    let net = |v: usize| (v..=v + reach).map(move |u| VertexId((u % vertices) as u32));
    let starts: Vec<usize> = (0..=vertices).map(|v| v * (reach + 1)).collect();
    let incidence = Incidence::new(vertices, &starts, (0..vertices).flat_map(net).collect()).unwrap();
    Hypergraph::new(incidence, vec![1; vertices], vec![1; vertices], 1, Vec::new()).unwrap()
}

#[test]
fn repair_spreads_one_crowded_block_over_many() {
    let (vertices, count) = (2_000, 100);
    let mut graph = ring(vertices, 3);
    let starts: Vec<usize> = (0..=vertices).collect();
    let items = Incidence::new(vertices, &starts, graph.incidence.all_vertices().collect()).unwrap();
    for limits in [Limits::scalar(20), Limits { scalars: vec![60], shared: vec![60] }] {
        if !limits.shared.is_empty() {
            graph.shared = vec![SharedResource { items: items.clone(), costs: vec![3; vertices] }];
        }
        let mut state =
            PartitionState::<SparsePinCounts>::new(&graph, &limits, count, vec![BlockId(0); vertices]);
        assert!(state.excess() > 0);
        repair(&mut state, u64::MAX, &mut SplitMix64::stream(1, 1));
        assert!(state.verify() && legal(&graph, &limits, state.blocks(), count));
        let mut stopped =
            PartitionState::<SparsePinCounts>::new(&graph, &limits, count, vec![BlockId(0); vertices]);
        repair(&mut stopped, 0, &mut SplitMix64::stream(1, 1));
        assert_eq!(stopped.blocks(), vec![BlockId(0); vertices]);
    }
}

#[test]
fn large_problems_are_packed_tightly_and_well() {
    let graph = ring(9_000, 4);
    let options = HypergraphOptions { effort: Effort::Fast, seed: 1 };
    let found = partition(&graph, &Limits::scalar(100), Blocks::Fewest, options).unwrap();
    assert_eq!((found.count, found.cost), (90, graph.km1(&found.blocks)));
    assert!(legal(&graph, &Limits::scalar(100), &found.blocks, 90));
    // Arcs of 100 vertices would cost 4 nets cut at each end: 360.
    assert!(found.cost < 5 * 360, "{}", found.cost);
}

#[test]
fn a_bound_on_blocks_counts_covers_and_stays_a_bound() {
    for seed in 0..12 {
        let graph = random_with_shared_resource(seed, 9, 12);
        let costs = graph.shared[0].costs.iter().sum::<u64>();
        let limits = Limits { scalars: vec![u64::from(u32::MAX)], shared: vec![(costs / 2).max(10)] };
        if limits.check(&graph).is_ok() {
            let fewest = (1..=3).find(|&count| optimum(&graph, &limits, count).is_some());
            assert!(fewest.is_none_or(|fewest| limits.blocks_at_least(&graph) <= fewest), "seed {seed}");
        }
    }
    let items = Incidence::new(3, &[0, 1, 2, 3], vec![VertexId(0), VertexId(1), VertexId(2)]).unwrap();
    let mut graph = ring(3, 1);
    graph.shared = vec![SharedResource { items, costs: vec![5; 3] }];
    assert_eq!(Limits { scalars: vec![3], shared: vec![5] }.blocks_at_least(&graph), 3);
}

#[test]
fn a_result_depends_on_the_seed_alone() {
    let graph = random_graph(11, 400, 500, 1);
    let limits = Limits::scalar(60);
    let solve = |threads| {
        let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
        let options = HypergraphOptions { effort: Effort::Fast, seed: 4 };
        pool.install(|| partition(&graph, &limits, Blocks::Fewest, options).unwrap())
    };
    assert_eq!(solve(1), solve(3));
}

#[test]
fn what_cannot_be_partitioned_is_refused() {
    let graph = random_graph(1, 30, 30, 1);
    let refused = |limits: Limits, blocks| {
        partition(&graph, &limits, blocks, HypergraphOptions::default()).unwrap_err()
    };
    assert_eq!(refused(Limits::scalar(2), Blocks::Fewest).code, Code::DoesNotFit);
    assert_eq!(refused(Limits::scalar(9), Blocks::Exactly(2)).code, Code::DoesNotFit);
    assert_eq!(refused(Limits::scalar(9), Blocks::Exactly(0)).code, Code::DoesNotFit);
    assert_eq!(refused(Limits::scalar(9), Blocks::Exactly(usize::MAX)).code, Code::DoesNotFit);
    let two = Limits { scalars: vec![9, 9], shared: Vec::new() };
    assert_eq!(refused(two, Blocks::Fewest).code, Code::HypergraphInvalid);
    // Three vertices that need one item each, and blocks that have room for one item.
    let incidence = Incidence::new(3, &[0, 3], vec![VertexId(0), VertexId(1), VertexId(2)]).unwrap();
    let items = Incidence::new(3, &[0, 1, 2, 3], vec![VertexId(0), VertexId(1), VertexId(2)]).unwrap();
    let shared = vec![SharedResource { items, costs: vec![5; 3] }];
    let graph = Hypergraph::new(incidence, vec![1], vec![1; 3], 1, shared).unwrap();
    let limits = Limits { scalars: vec![3], shared: vec![5] };
    let found = partition(&graph, &limits, Blocks::Fewest, HypergraphOptions::default()).unwrap();
    assert_eq!((found.count, found.cost), (3, 2));
    assert!(partition(&graph, &limits, Blocks::Exactly(2), HypergraphOptions::default()).is_err());
}

#[test]
fn malformed_hypergraphs_are_refused() {
    assert!(Incidence::new(2, &[0, 1], vec![VertexId(2)]).is_err());
    let incidence = || Incidence::new(2, &[0, 2], vec![VertexId(1), VertexId(0)]).unwrap();
    assert!(Hypergraph::new(incidence(), vec![], vec![1; 2], 1, vec![]).is_err());
    assert!(Hypergraph::new(incidence(), vec![1], vec![1; 3], 1, vec![]).is_err());
    assert!(Hypergraph::new(incidence(), vec![u64::MAX / 2], vec![1; 2], 1, vec![]).is_err());
    assert!(Hypergraph::new(incidence(), vec![1], vec![u64::MAX; 2], 1, vec![]).is_err());
    let empty = Hypergraph::new(Incidence::new(0, &[0], vec![]).unwrap(), vec![], vec![], 1, vec![]).unwrap();
    let found = partition(&empty, &Limits::scalar(1), Blocks::Fewest, HypergraphOptions::default()).unwrap();
    assert!(found.blocks.is_empty() && found.cost == 0);
}
