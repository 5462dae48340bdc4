use super::fixture::{program, random_step, slice_table};
use super::*;
use crate::counts::MulticastFlow;
use crate::philox::philox4x32_10;
use snnc_targets::schema::RoutingScheme;
use std::collections::BTreeMap;

#[test]
fn hops_are_distances_and_loads_are_walked_paths() {
    let program = program();
    let table = slice_table(&program);
    let network = Noc::new(&program, &table);
    let topology = program.topology();
    for seed in 0..20 {
        let step = random_step(&program, &table, seed);
        let flows = &step.flows;
        let mut by_hand: BTreeMap<u32, u64> = BTreeMap::new();
        let mut distance = 0;
        for flow in flows {
            let (from, to) = (program.sites[table.cores[flow.source as usize]], program.sites[flow.target]);
            distance += flow.packets * u64::from(topology.distance(from, to));
            for (link, _) in topology.path(from, to) {
                *by_hand.entry(link.0).or_default() += flow.packets;
            }
        }
        let mut hops = Hops::default();
        network.sent(std::slice::from_ref(&step), |_, _, of_flow| hops += of_flow);
        assert_eq!(hops.total(), distance);
        let mut loads = vec![0; network.links().len()];
        network.load(&step, &mut loads, &mut vec![0; program.cores.len()]);
        assert_eq!(loads.iter().sum::<u64>(), distance);
        let loaded = network.links().iter().zip(&loads).filter(|(_, load)| **load > 0);
        assert_eq!(loaded.map(|(link, load)| (link.0.0, *load)).collect::<BTreeMap<_, _>>(), by_hand);
    }
}

#[test]
fn flows_in_any_order_find_their_routes() {
    let program = program();
    let table = slice_table(&program);
    let network = Noc::new(&program, &table);
    let mut flows: Vec<SliceFlow> = random_step(&program, &table, 1).flows.iter().collect();
    flows.reverse();
    for (flow, route) in network.follow(&flows) {
        assert_eq!((flow.source as usize, flow.target), (route.source, route.target));
    }
}

#[test]
#[should_panic(expected = "follows a route of the program")]
fn an_invented_flow_is_refused() {
    let program = program();
    let table = slice_table(&program);
    let flow = SliceFlow { source: 0, target: CoreId(0), packets: 1 };
    let network = Noc::new(&program, &table);
    let _ = network.follow(&[flow]).count();
}

/// The fixture with forking packets, and random spikes on its trees.
fn multicast(seed: u32) -> (Program, MulticastTrees, StepCounts) {
    let mut program = program();
    program.target.topology.routing.0 = RoutingScheme::Multicast { table_entries: Some(16) };
    let trees = MulticastTrees::of(&program).expect("the target forks packets");
    let flow = |tree: usize| MulticastFlow {
        tree: TreeId(tree as u32),
        spikes: u64::from(philox4x32_10([tree as u32, 0, 0, 0], [seed, 7])[0] % 9),
    };
    let multicast_flows = (0..trees.all().len()).map(flow).filter(|flow| flow.spikes > 0).collect();
    (program, trees, StepCounts { multicast_flows, ..StepCounts::default() })
}

#[test]
fn trees_cross_each_link_of_the_union_of_their_paths_once_a_spike() {
    let mut shared = 0;
    for seed in 0..20 {
        let (program, trees, step) = multicast(seed);
        let table = slice_table(&program);
        let (network, topology) = (Noc::new(&program, &table), program.topology());
        let mut by_hand: BTreeMap<u32, u64> = BTreeMap::new();
        let mut apart = 0;
        for flow in &step.multicast_flows {
            let tree = trees.tree(flow.tree);
            let from = program.sites[table.cores[tree.slice]];
            let mut union = std::collections::BTreeSet::new();
            for &to in &tree.destinations {
                union.extend(topology.path(from, program.sites[to]).map(|(link, _)| link.0));
                apart += flow.spikes * u64::from(topology.distance(from, program.sites[to]));
            }
            union.into_iter().for_each(|link| *by_hand.entry(link).or_default() += flow.spikes);
        }
        let mut loads = vec![0; network.links().len()];
        network.load(&step, &mut loads, &mut vec![0; program.cores.len()]);
        let loaded = network.links().iter().zip(&loads).filter(|(_, load)| **load > 0);
        assert_eq!(loaded.map(|(link, load)| (link.0.0, *load)).collect::<BTreeMap<_, _>>(), by_hand);
        let mut hops = Hops::default();
        network.sent(std::slice::from_ref(&step), |_, _, of_tree| hops += of_tree);
        assert_eq!(hops.total(), loads.iter().sum::<u64>());
        assert!(hops.total() <= apart);
        shared += apart - hops.total();
    }
    assert!(shared > 0, "some destinations share a way");
}

#[test]
fn a_tree_to_one_destination_is_its_path() {
    let (mut program, ..) = multicast(0);
    for core in program.cores.values_mut() {
        for slice in &mut core.slices {
            let first = slice.destinations.first().copied();
            let positions = slice.route_starts.len() as u32;
            slice.destinations = first.into_iter().collect();
            slice.route_starts = (0..positions).map(|p| p.min(u32::from(first.is_some()))).collect();
        }
    }
    let table = slice_table(&program);
    let trees = MulticastTrees::of(&program).expect("the target forks packets");
    let forking = Noc::new(&program, &table);
    program.target.topology.routing.0 = RoutingScheme::Unicast;
    let plain = Noc::new(&program, &table);
    assert_eq!(trees.all().len(), plain.routes().len());
    for (id, route) in plain.routes().iter().enumerate() {
        let forked = MulticastFlow { tree: TreeId(id as u32), spikes: 3 };
        let flow = SliceFlow { source: route.source as u32, target: route.target, packets: 3 };
        let flows = [flow].into_iter().collect();
        let step = StepCounts { multicast_flows: vec![forked], flows, ..StepCounts::default() };
        let hops = |network: &Noc| {
            let mut all: BTreeMap<usize, Hops> = BTreeMap::new();
            network
                .sent(std::slice::from_ref(&step), |slice, _, hops| *all.entry(slice).or_default() += hops);
            all
        };
        assert_eq!(hops(&forking), hops(&plain));
    }
}
