//! Packets that fork, cycle by cycle, over mapped random networks: never below the analytic bound, the same with any
//! number of threads, every core of a spike's tree served once, every link of it crossed once.

use crate::common;
use std::collections::BTreeMap;

use crate::common::timing::{self, timed, watched};
use crate::common::{no_overlap, zeros};
use snnc_compiler::ir::program::Program;
use snnc_compiler::ir::program::trees::MulticastTrees;
use snnc_compiler::ir::{CoreId, NetworkId};
use snnc_simulator::charge::Meter;
use snnc_simulator::execute::Chip;
use snnc_simulator::time::cycle::Unit;
use snnc_simulator::time::{Fidelity, Latencies};
use snnc_targets::schema::RoutingScheme;

/// A random network whose packets are slow to make now and then.
fn program(seed: u64, routing: RoutingScheme) -> (Program, Vec<f64>) {
    timing::program(seed, |random, target| {
        target.topology.routing.0 = routing;
        if seed.is_multiple_of(3) {
            zeros::skip(target, 4);
        }
        if random.one_in(3) {
            target.timing.axon_out.interval_ns.0 = 70.0;
        }
    })
}

fn forking(seed: u64) -> (Program, Vec<f64>) {
    program(seed, RoutingScheme::Multicast { table_entries: None })
}

#[test]
fn simulated_time_is_never_below_the_analytic_bound() {
    let (mut longer, mut packets, mut bounded_by_making) = (0, 0, 0);
    for seed in 0..200 {
        let (program, input) = forking(seed);
        let chip = Chip::new(program.clone());
        let outcome = chip.run(NetworkId(0), &input).unwrap();
        let (analytic, bound) = timed(&chip, &outcome, Fidelity::Analytic);
        let (cycle, record) = timed(&chip, &outcome, Fidelity::Cycle { every: 1 });
        for (step, (a, c)) in analytic.steps.iter().zip(&cycle.steps).enumerate() {
            assert!(c.total_ps >= a.total_ps, "seed {seed}, step {step}: {c:?}");
            assert_eq!((c.barrier_ps, c.busy_ps), (a.barrier_ps, a.busy_ps));
            longer += usize::from(c.total_ps > a.total_ps);
            bounded_by_making += usize::from(a.bound == snnc_simulator::time::Bottleneck::AxonOut);
        }
        let trees = MulticastTrees::of(&program).unwrap();
        let forked = outcome.counts.steps.iter().flat_map(|step| &step.multicast_flows);
        let (mut sent, mut delivered) = (0, 0);
        for flow in forked {
            sent += flow.spikes;
            delivered += flow.spikes * trees.tree(flow.tree).destinations.len() as u64;
        }
        let total = record.tally.total();
        assert_eq!(total.time.packets.packets, delivered, "seed {seed}");
        assert_eq!(total.total().departures, sent, "seed {seed}");
        assert_eq!(total.slices, bound.tally.total().slices);
        common::grains::agree(&chip, &input, &outcome);
        packets += delivered;
    }
    assert!(packets > 20_000 && longer > 200, "{packets} packets, {longer} timesteps above the bound");
    assert!(bounded_by_making > 0, "the making of packets decides now and then");
}

#[test]
fn every_core_of_a_tree_is_served_once_and_every_link_crossed_once() {
    let (mut forked, mut repeated) = (0, 0);
    for seed in 0..200 {
        let (program, input) = forking(seed);
        let chip = Chip::new(program.clone());
        let outcome = chip.run(NetworkId(0), &input).unwrap();
        let (record, steps) = watched(&chip, &outcome);
        let (_, unwatched) = timed(&chip, &outcome, Fidelity::Cycle { every: 1 });
        assert_eq!(record, unwatched, "seed {seed}: watching changes nothing");
        let meter = Meter::new(&program, &chip.table, Fidelity::Cycle { every: 1 }).unwrap();
        let cycle = meter.cycle().unwrap();
        let trees = MulticastTrees::of(&program).unwrap();
        let (mut latencies, mut zero_load) = (Latencies::default(), 0);
        for ((_, step), counts) in steps.iter().zip(&outcome.counts.steps) {
            let spikes: u64 = counts.multicast_flows.iter().map(|flow| flow.spikes).sum();
            assert_eq!(step.made.len() as u64, spikes, "seed {seed}");
            let mut served = vec![Vec::new(); step.made.len()];
            for packet in &step.arrived {
                let made = &step.made[packet.number as usize];
                let placed = chip.table.slice(&program, made.slice as usize);
                let axons = placed.routes(made.spike.position).iter().filter(|to| to.core.0 == packet.core);
                let operations = axons.clone().map(|to| {
                    let core = &program.cores[to.core];
                    let axon = &core.axons[to.axon as usize];
                    let source = axon.first_atom + made.spike.atom;
                    let met = |list| zeros::met(core, list, source, program.target.skips_zeros());
                    core.entries(axon).iter().map(|entry| met(&core.lists[entry.list as usize])).sum::<u64>()
                });
                assert_eq!(u64::from(packet.operations), operations.sum::<u64>(), "seed {seed}");
                repeated += usize::from(axons.count() > 1);
                served[packet.number as usize].push(CoreId(packet.core));
                let from = chip.table.cores[made.slice as usize].0;
                let [from, to] = [from, packet.core].map(|core| cycle.tiles()[core as usize]);
                let (latency, least) =
                    (packet.arrived - made.injected, cycle.zero_load_routes().between(from, to));
                assert!(latency >= least, "seed {seed}: {latency} < {least}");
                latencies.add(latency * step.clock_ps);
                zero_load += u128::from(least * step.clock_ps);
            }
            let mut crossed = vec![Vec::new(); step.made.len()];
            for link in &step.crossed {
                crossed[link.number as usize].push(link.router * 4 + link.direction);
            }
            for (made, (served, crossed)) in step.made.iter().zip(served.iter_mut().zip(&mut crossed)) {
                let tree = trees.positions(made.slice as usize)[made.spike.position as usize].unwrap();
                served.sort_unstable();
                crossed.sort_unstable();
                assert_eq!(*served, trees.tree(tree).destinations, "seed {seed}");
                let links = trees.links(tree).iter().map(|(link, _)| link.0);
                assert_eq!(*crossed, links.collect::<Vec<_>>(), "seed {seed}");
                forked += served.len() - 1;
            }
            let work = step.work.iter().filter(|work| !work.stopped);
            no_overlap(work.map(|work| ((work.core, work.unit as u32), work.from, work.until)));
            no_overlap(step.crossed.iter().map(|c| ((c.router, c.direction), c.from, c.until)));
            let made = step.work.iter().filter(|work| work.unit == Unit::AxonOut && !work.stopped);
            assert_eq!(made.count() as u64, spikes, "a spike is made one packet");
        }
        let time = record.tally.total().time;
        assert_eq!((time.packets, time.zero_load_ps), (latencies, zero_load), "seed {seed}");
    }
    assert!(forked > 10_000 && repeated > 50, "{forked} branches, {repeated} deliveries to several axons");
}

/// Where every position sends to one axon, trees are ways, and nothing differs but the name.
#[test]
fn trees_of_single_destinations_take_the_time_of_packets_without_trees() {
    let mut packets = 0;
    for seed in 0..20 {
        let (mut apart, input) = program(seed, RoutingScheme::Unicast);
        for core in apart.cores.values_mut() {
            for slice in &mut core.slices {
                let firsts = slice.route_starts.windows(2).map(|w| (w[0]..w[1]).next());
                let firsts: Vec<Option<u32>> = firsts.collect();
                let kept = firsts.iter().flatten().map(|&first| slice.destinations[first as usize]);
                slice.destinations = kept.collect();
                let mut starts = vec![0];
                for first in &firsts {
                    starts.push(starts[starts.len() - 1] + u32::from(first.is_some()));
                }
                slice.route_starts = starts;
            }
        }
        let mut forked = apart.clone();
        forked.target.topology.routing.0 = RoutingScheme::Multicast { table_entries: None };
        let (apart, forked) = (Chip::new(apart), Chip::new(forked));
        let (one, other) =
            (apart.run(NetworkId(0), &input).unwrap(), forked.run(NetworkId(0), &input).unwrap());
        let cycle = Fidelity::Cycle { every: 1 };
        let (one, other) = (timed(&apart, &one, cycle), timed(&forked, &other, cycle));
        assert_eq!(one.0, other.0, "seed {seed}");
        packets += one.1.tally.total().time.packets.packets;
    }
    assert!(packets > 1_000, "{packets}");
}

#[test]
fn threads_change_no_time_and_no_record() {
    let mut repeated: BTreeMap<u64, usize> = BTreeMap::new();
    for seed in [3, 7] {
        let (program, input) = forking(seed);
        let chip = Chip::new(program.clone());
        let outcome = chip.run(NetworkId(0), &input).unwrap();
        let run = |threads| {
            let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
            pool.install(|| (timed(&chip, &outcome, Fidelity::Cycle { every: 1 }), watched(&chip, &outcome)))
        };
        let one = run(1);
        assert_eq!(one, run(2));
        assert_eq!(one, run(8));
        repeated.insert(seed, one.1.1.iter().map(|(_, step)| step.arrived.len()).sum());
    }
    assert!(repeated.values().all(|&packets| packets > 0), "{repeated:?}");
}
