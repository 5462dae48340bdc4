//! Properties of the search on seeded random traffic.

use snnc_targets::{Site, Topology};

use super::board::Board;
use super::graph::PlacementGraph;
use super::state::PlacementState;
use super::{HopCosts, PlaceOptions, arrange, bisect, curve};
use crate::ir::CoreId;
use crate::mapping::effort::Effort;
use crate::mapping::traffic::CoreTraffic;
use crate::random::SplitMix64;

const COSTS: HopCosts = HopCosts { east_west: 3, north_south: 4, chip: 800 };

fn two_chips() -> Topology {
    Topology {
        mesh_columns: 4,
        mesh_rows: 3,
        cores_per_tile: 2,
        chip_columns: 2,
        chips: 2,
        interconnect: snnc_targets::Interconnect::MeshXy,
        input_port: None,
    }
}

/// Cores on a ring of layers, each sending to some of the next, in an order that says nothing.
fn layered(cores: u32, seed: u64) -> CoreTraffic {
    let mut random = SplitMix64::new(seed);
    let mut names: Vec<u32> = (0..cores).collect();
    (1..names.len()).rev().for_each(|i| names.swap(i, random.below_u32(i as u32 + 1) as usize));
    let mut traffic = CoreTraffic::default();
    for core in 0..cores {
        for step in 3..7 {
            let pair = (CoreId(names[core as usize]), CoreId(names[((core + step) % cores) as usize]));
            traffic.flows.insert(pair, u64::from(random.below_u32(90)) + 10);
        }
    }
    traffic
}

/// Packets x hop cost, walked link by link.
fn walked(traffic: &CoreTraffic, topology: &Topology, sites: &[Site]) -> i64 {
    let of = |kind| match kind {
        snnc_targets::LinkKind::EastWest => COSTS.east_west,
        snnc_targets::LinkKind::NorthSouth => COSTS.north_south,
        snnc_targets::LinkKind::Chip => COSTS.chip,
    };
    let way = |from: CoreId, to: CoreId| -> u64 {
        topology.path(sites[from.0 as usize], sites[to.0 as usize]).map(|(_, kind)| of(kind)).sum()
    };
    traffic.flows.iter().map(|(&(from, to), packets)| (packets * way(from, to)) as i64).sum()
}

fn distinct(sites: &[Site]) -> bool {
    let mut sorted = sites.to_vec();
    sorted.sort_unstable();
    sorted.dedup();
    sorted.len() == sites.len()
}

#[test]
fn changes_add_up_to_the_cost_from_scratch() {
    let topology = two_chips();
    for (cores, seed) in [(40, 1), (48, 2)] {
        let traffic = layered(cores, seed);
        let graph = PlacementGraph::new(cores as usize, &traffic);
        let board = Board::new(&topology, COSTS, graph.packets());
        let mut state = PlacementState::new(&graph, &board, curve::sites(&topology, cores as usize));
        let mut random = SplitMix64::new(seed);
        let mut cost = state.cost();
        for _ in 0..300 {
            let (core, site) = (random.below_u32(cores) as usize, Site(random.below_u32(topology.sites())));
            let Some(delta) = state.delta(core, site) else { continue };
            state.exchange(core, site);
            cost += delta;
            assert_eq!(cost, walked(&traffic, &topology, state.sites()));
            assert_eq!(cost, state.cost());
        }
        assert!(distinct(state.sites()));
    }
}

#[test]
fn no_effort_is_worse_than_its_start_and_none_repeats_differently() {
    let topology = two_chips();
    for seed in 0..4 {
        let traffic = layered(40, seed);
        let graph = PlacementGraph::new(40, &traffic);
        let board = Board::new(&topology, COSTS, graph.packets());
        let start = [curve::sites(&topology, 40), bisect::sites(&graph, &board)]
            .map(|sites| walked(&traffic, &topology, &sites));
        for effort in [Effort::Fast, Effort::Default] {
            let options = PlaceOptions { seed, effort };
            let sites = arrange(40, &traffic, &topology, COSTS, options);
            assert!(distinct(&sites));
            let cost = walked(&traffic, &topology, &sites);
            assert!(start.iter().all(|&start| cost <= start), "{effort}: {cost} after {start:?}");
            assert!(effort != Effort::Fast || sites == arrange(40, &traffic, &topology, COSTS, options));
        }
    }
}

#[test]
fn more_effort_gives_no_worse_medians() {
    let topology = Topology {
        mesh_columns: 7,
        mesh_rows: 6,
        cores_per_tile: 1,
        chip_columns: 1,
        chips: 1,
        interconnect: snnc_targets::Interconnect::MeshXy,
        input_port: None,
    };
    let traffic = layered(42, 9);
    let median = |effort| {
        let cost = |seed| {
            walked(
                &traffic,
                &topology,
                &arrange(42, &traffic, &topology, COSTS, PlaceOptions { seed, effort }),
            )
        };
        let mut costs: Vec<i64> = (0..3).map(cost).collect();
        costs.sort_unstable();
        costs[1]
    };
    let [fast, default, best] = Effort::ALL.map(median);
    assert!(best <= default && default <= fast, "{best} {default} {fast}");
}

#[test]
fn windows_on_large_boards_still_find_a_ring() {
    // 1,600 cores on a ring: along a curve every hop would be one or two.
    let topology = Topology {
        mesh_columns: 40,
        mesh_rows: 40,
        cores_per_tile: 1,
        chip_columns: 1,
        chips: 1,
        interconnect: snnc_targets::Interconnect::MeshXy,
        input_port: None,
    };
    let mut traffic = CoreTraffic::default();
    (0..1600).for_each(|i| {
        traffic.flows.insert((CoreId(i * 7 % 1600), CoreId((i + 1) * 7 % 1600)), 1);
    });
    let options = PlaceOptions { seed: 1, effort: Effort::Fast };
    let sites = arrange(1600, &traffic, &topology, HopCosts::UNIT, options);
    let hops: u32 =
        traffic.flows.keys().map(|(a, b)| topology.distance(sites[a.0 as usize], sites[b.0 as usize])).sum();
    assert!(distinct(&sites) && hops < 2 * 1600, "{hops}");
}

#[test]
fn no_traffic_and_no_cores_are_placed() {
    let topology = two_chips();
    assert!(arrange(0, &CoreTraffic::default(), &topology, COSTS, PlaceOptions::default()).is_empty());
    assert!(distinct(&arrange(48, &CoreTraffic::default(), &topology, COSTS, PlaceOptions::default())));
}
