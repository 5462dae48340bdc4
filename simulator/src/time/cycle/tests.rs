//! Closed forms of cores, and the analytic bound.

use snnc_compiler::ir::program::AxonDestination;

use super::*;
use crate::counts::{Events, StepCounts};
use crate::execute::slice::SliceSpike;
use crate::noc::Noc;
use crate::noc::fixture::{program, slice_table};
use crate::time::{Analytic, Bottleneck};
use snnc_targets::schema::{CorePath, Provenance, RouterAllocation, RoutingScheme, Sourced};
use snnc_targets::topology::{Routing as _, Tile};
use snnc_targets::{Code, Interconnect};

/// From core 0 to another of the fixture, ps.
fn way(program: &Program, core: u32) -> u64 {
    let (topology, timing) = (program.topology(), program.target.timing());
    let [from, to] = [0, core].map(|core| program.sites[snnc_compiler::ir::CoreId(core)]);
    topology.path(from, to).map(|(_, kind)| timing.hop(kind).latency_ps).sum::<u64>() + 2_100
}

/// The fixture with slice 0 (4 neurons of core 0, to cores 1, 2 and 3) firing `spikes` times in timestep 0.
struct Setup {
    program: Program,
    table: SliceTable,
    routes: PacketDestinations,
    counts: PassCounts,
    traces: Vec<SliceTrace>,
}

fn setup(positions: u32, atoms: u32, fired: &[(u32, u32)]) -> Setup {
    let mut program = program();
    let slice = &mut program.cores[snnc_compiler::ir::CoreId(0)].slices[0];
    slice.slice.cols = 0..positions;
    slice.slice.channels = 0..atoms;
    let to = slice.destinations[..3].to_vec();
    slice.route_starts = (0..=positions).map(|p| 3 * p).collect();
    slice.destinations = (0..positions).flat_map(|_| to.clone()).collect();
    let table = slice_table(&program);
    let mut step = StepCounts { events: vec![Events::default(); table.cores.len()], ..StepCounts::default() };
    let spikes = fired.len() as u64;
    let neurons = u64::from(positions * atoms);
    step.events[0] = Events {
        updates_active: spikes.max(neurons / 2),
        updates_inactive: neurons - spikes.max(neurons / 2),
        spikes,
        packets_sent: 3 * spikes,
        ..Events::default()
    };
    for target in [1, 2, 3] {
        let flow = crate::counts::SliceFlow {
            source: 0,
            target: snnc_compiler::ir::CoreId(target),
            packets: spikes,
        };
        step.flows.extend((spikes > 0).then_some(flow));
    }
    let mut traces = vec![SliceTrace::default(); table.cores.len()];
    traces[0].fired = vec![fired.iter().map(|&(position, atom)| SliceSpike { position, atom }).collect()];
    let words = vec![0; table.cores.len()];
    let counts = PassCounts {
        network: snnc_compiler::ir::NetworkId(0),
        start: 0,
        ends: true,
        following: None,
        timesteps: 1,
        host_writes: words.clone(),
        host_reads: words.clone(),
        host_multiply_adds: [words.clone(), words.clone()],
        host_synchronisations: words.clone(),
        cleared: words,
        bias_saturations: 0,
        steps: vec![step],
    };
    Setup { routes: PacketDestinations::new(&program), program, table, counts, traces }
}

/// The setup of [`setup`] on a target whose packets fork.
fn forking(positions: u32, atoms: u32, fired: &[(u32, u32)]) -> Setup {
    let mut setup = setup(positions, atoms, fired);
    setup.program.target.topology.routing.0 = RoutingScheme::Multicast { table_entries: None };
    let tree = snnc_compiler::ir::program::trees::TreeId(0);
    setup.counts.steps[0].multicast_flows =
        vec![crate::counts::MulticastFlow { tree, spikes: fired.len() as u64 }];
    setup
}

impl Setup {
    fn simulated(&self) -> (SimulatedStep, StepTime) {
        let cycle = Cycle::new(&self.program, &self.table, 1).unwrap();
        let mut mesh = MeshSimulation::new(&cycle.mesh, &cycle.trees);
        let drained = cycle.step(&mut mesh, self.pass(), 0, ()).0;
        let network = Noc::new(&self.program, &self.table);
        let analytic = Analytic::new(&self.program, &self.table);
        let mut time = analytic.pass(&network, &self.routes, &self.counts, &self.traces);
        assert!(drained.time_ps >= time.steps[0].total_ps - time.steps[0].barrier_ps);
        cycle.refine(self.pass(), PassPlace::default(), None, &mut time).unwrap();
        (drained, time.steps[0])
    }

    fn pass(&self) -> PassActivity<'_> {
        PassActivity { table: &self.table, routes: &self.routes, counts: &self.counts, traces: &self.traces }
    }
}

#[test]
fn without_work_a_timestep_is_its_barrier() {
    let mut idle = setup(2, 2, &[]);
    idle.counts.steps[0].events[0] = Events::default();
    let (drained, step) = idle.simulated();
    assert_eq!((drained.time_ps, drained.packets.packets), (0, 0));
    assert_eq!((step.total_ps, step.bound), (step.barrier_ps, Bottleneck::Barrier));
}

#[test]
fn silent_neurons_take_their_updates_and_no_more() {
    let (drained, step) = setup(10, 10, &[]).simulated();
    assert_eq!(drained.time_ps, 50 * 8_400 + 50 * 5_300);
    assert_eq!(step.bound, Bottleneck::Neuron);
}

#[test]
fn a_spike_arrives_after_its_update_and_its_way() {
    // Only the last of 100 neurons fires: it is the last active one. Its third packet goes farthest, after two others.
    let (drained, _) = setup(10, 10, &[(9, 9)]).simulated();
    let updated = 50 * 8_400 + 50 * 5_300;
    let program = program();
    let way = |core: u32| way(&program, core);
    // The fixture makes packets in 1.7 ns and decodes them in 1.3 ns.
    let arrivals = [1, 2, 3].map(|core| updated + u64::from(core - 1) * 1_700 + way(core));
    assert_eq!(drained.time_ps, arrivals.into_iter().max().unwrap() + 1_300);
    let routes = [1, 2, 3].map(way);
    assert_eq!(drained.packets.packets, 3);
    assert_eq!(drained.packets.sum, routes.iter().map(|&w| u128::from(w)).sum::<u128>());
    assert_eq!(drained.packets.longest, routes.into_iter().max().unwrap());
}

/// The fixture has chips of 8 x 4 tiles, two side by side; a packet of one spike takes each joined grid's own way.
#[test]
fn a_packets_time_is_that_of_its_way_however_the_tiles_are_joined() {
    let mut lengths = Vec::new();
    for interconnect in [Interconnect::MeshXy, Interconnect::MeshYx, Interconnect::TorusXy] {
        let mut setup = setup(10, 10, &[(9, 9)]);
        let assumed = Provenance::Assumed("test".into());
        setup.program.target.topology.interconnect = Some(Sourced(interconnect, assumed));
        setup.program.target.topology.chips_max.0 = 2;
        let network = setup.program.target.network.as_mut().unwrap();
        network.virtual_channels.0 = network.virtual_channels.0.max(interconnect.channel_classes());
        setup.program.target.check("test").unwrap();
        // Core 3 to the far corner of the board, where a torus is nearest.
        let topology = setup.program.topology();
        let corner = Tile { x: topology.width() - 1, y: topology.height() - 1 };
        setup.program.sites[snnc_compiler::ir::CoreId(3)] = topology.site_at(corner, 0);
        setup.routes = PacketDestinations::new(&setup.program);
        let (drained, _) = setup.simulated();
        let routes = [1, 2, 3].map(|core| u128::from(way(&setup.program, core)));
        assert_eq!(drained.packets.sum, routes.into_iter().sum::<u128>(), "{interconnect}");
        assert_eq!(drained.zero_load_ps, drained.packets.sum);
        let [from, to] = [0, 3].map(|core| setup.program.sites[snnc_compiler::ir::CoreId(core)]);
        lengths.push(topology.distance(from, to));
    }
    assert!(lengths[0] == lengths[1] && lengths[2] < lengths[0], "{lengths:?}");
}

#[test]
fn what_a_torus_cannot_do_is_refused() {
    let mut setup = forking(2, 2, &[(1, 1)]);
    let assumed = Provenance::Assumed("test".into());
    setup.program.target.topology.interconnect = Some(Sourced(Interconnect::TorusXy, assumed));
    setup.program.target.topology.chips_max.0 = 2;
    setup.program.target.network.as_mut().unwrap().virtual_channels.0 = 1;
    let circles = setup.program.target.check("test").unwrap_err();
    assert!(circles.0.iter().any(|problem| problem.message.contains("wait in circles")), "{circles:?}");
    setup.program.target.network.as_mut().unwrap().virtual_channels.0 = 2;
    setup.program.target.check("test").unwrap();
    let refused = Cycle::new(&setup.program, &setup.table, 1).unwrap_err();
    assert_eq!(refused.code, Code::Unsupported);
    assert!(refused.message.contains("TorusXy"), "{refused:?}");
}

/// A flit stays in a router for a stage at least, the time in which a port is read once: 0.29 ns on this target, whose
/// routers take no time beyond the hop's otherwise. Three packets of one spike meet nobody.
#[test]
fn routers_of_two_stages_take_their_time_and_fork_nothing() {
    let staged = |setup: &mut Setup| {
        let assumed = Provenance::Assumed("test".into());
        let network = setup.program.target.network.as_mut().unwrap();
        network.allocation = Some(Sourced(RouterAllocation::Staged, assumed));
    };
    let mut setup = setup(10, 10, &[(9, 9)]);
    let (joint, _) = setup.simulated();
    staged(&mut setup);
    let (in_stages, _) = setup.simulated();
    let topology = setup.program.topology();
    let tile = |core| topology.tile_of(setup.program.sites[snnc_compiler::ir::CoreId(core)]);
    let apart = |to| {
        let (from, to) = (tile(0), tile(to));
        u128::from(from.x.abs_diff(to.x) + from.y.abs_diff(to.y))
    };
    let routers: u128 = [1, 2, 3].map(|core| apart(core) + 1).into_iter().sum();
    assert_eq!(in_stages.packets.sum, joint.packets.sum + 290 * routers);
    let mut setup = forking(2, 2, &[(1, 1)]);
    staged(&mut setup);
    let refused = Cycle::new(&setup.program, &setup.table, 1).unwrap_err();
    assert_eq!(refused.code, Code::Unsupported);
    assert!(refused.message.contains("staged allocation"), "{refused:?}");
}

#[test]
fn a_spike_that_forks_is_made_once_and_late_by_a_read_at_each_fork() {
    let setup = forking(10, 10, &[(9, 9)]);
    let (drained, step) = setup.simulated();
    let updated = 50 * 8_400 + 50 * 5_300;
    // At its own router, east goes before core 1, which shares the tile; where core 2's way turns south, east goes
    // before it. A buffer is read again after the shortest interval, that of a delivery.
    let arrivals =
        [(1, 290), (2, 290), (3, 0)].map(|(core, late)| updated + way(&setup.program, core) + late);
    assert_eq!(drained.time_ps, arrivals.into_iter().max().unwrap() + 1_300);
    assert_eq!(drained.packets.packets, 3);
    let under_way = arrivals.map(|at| u128::from(at - updated));
    assert_eq!(drained.packets.sum, under_way.into_iter().sum::<u128>());
    assert_eq!(drained.packets.sum - drained.zero_load_ps, 2 * 290);
    assert_eq!(step.bound, Bottleneck::Neuron);
}

#[test]
fn packets_that_fork_leave_three_times_as_fast_as_three() {
    let all: Vec<(u32, u32)> = (0..10).flat_map(|p| (0..10).map(move |a| (p, a))).collect();
    let slow = |mut setup: Setup| {
        setup.program.target.timing.axon_out.interval_ns.0 = 20.0;
        setup.simulated()
    };
    let (apart, forked) = (slow(setup(10, 10, &all)), slow(forking(10, 10, &all)));
    assert_eq!((apart.1.bound, forked.1.bound), (Bottleneck::AxonOut, Bottleneck::AxonOut));
    assert_eq!(forked.0.packets.packets, 300);
    // The last packet has been made after 100 intervals, and is under way a while.
    let made = 8_400 + 99 * 20_000;
    assert!(forked.0.time_ps >= made && forked.0.time_ps < made + 200_000, "{}", forked.0.time_ps);
    assert!(apart.0.time_ps > 8_400 + 299 * 20_000);
}

#[test]
fn a_core_of_two_axons_takes_a_packet_twice() {
    let mut twice = forking(10, 1, &(0..10).map(|p| (p, 0)).collect::<Vec<_>>());
    let slice = &mut twice.program.cores[snnc_compiler::ir::CoreId(0)].slices[0];
    let mut to = slice.destinations[0];
    slice.destinations = (0..10)
        .flat_map(|_| {
            to.axon = 1;
            [AxonDestination { axon: 0, ..to }, to]
        })
        .collect();
    slice.route_starts = (0..=10).map(|p| 2 * p).collect();
    twice.routes = PacketDestinations::new(&twice.program);
    let flows = &mut twice.counts.steps[0].flows;
    *flows = flows.iter().take(1).collect();
    twice.program.target.timing.axon_in.interval_ns.0 = 50.0;
    let (drained, _) = twice.simulated();
    assert_eq!(drained.packets.packets, 10, "it is delivered once");
    // The first packet arrives, and then ten are decoded twice.
    assert_eq!(drained.time_ps, 8_400 + way(&twice.program, 1) + 20 * 50_000);
    // A slow port instead of a slow decoder delays it as much.
    twice.program.target.timing.axon_in.interval_ns.0 = 0.0;
    twice.program.target.timing.tile_delivery.interval_ns.0 = 50.0;
    let left = 8_400 + way(&twice.program, 1) - 2_100;
    assert_eq!(twice.simulated().0.time_ps, left + 20 * 50_000);
}

#[test]
fn a_firing_neuron_can_take_longer_than_a_silent_one() {
    let mut last = setup(10, 10, &[(9, 9)]);
    let before = last.simulated().0.time_ps;
    let mut unit = last.program.target.timing.synaptic_operation.clone();
    (unit.latency_ns.0, unit.interval_ns.0) = (30.0, 30.0);
    last.program.target.timing.neuron_spike = Some(unit);
    assert_eq!(last.simulated().0.time_ps, before + 30_000);
    // 100 spikes, one after another: each holds up the next, as in the analytic bound.
    let all: Vec<(u32, u32)> = (0..10).flat_map(|p| (0..10).map(move |a| (p, a))).collect();
    let mut many = setup(10, 10, &all);
    let before = many.simulated().0.time_ps;
    many.program.target.timing.neuron_spike = last.program.target.timing.neuron_spike.clone();
    let (after, step) = many.simulated();
    assert_eq!((after.time_ps, step.bound), (before + 100 * 30_000, Bottleneck::Neuron));
}

#[test]
fn n_spikes_of_one_core_leave_as_fast_as_packets_are_made_or_neurons_updated() {
    let all: Vec<(u32, u32)> = (0..10).flat_map(|p| (0..10).map(move |a| (p, a))).collect();
    let mut many = setup(10, 10, &all);
    // Updates of 8.4 ns against packets of 3 x 1.7 ns: neurons decide.
    let (fast, step) = many.simulated();
    let tail = fast.time_ps - 100 * 8_400;
    assert_eq!((fast.packets.packets, step.bound), (300, Bottleneck::Neuron));
    // Packets of 3 x 10 ns: their making decides, and stops the neuron unit.
    many.program.target.timing.axon_out.interval_ns.0 = 10.0;
    let (slow, step) = many.simulated();
    assert_eq!(step.bound, Bottleneck::AxonOut);
    let last_made = 8_400 + 299 * 10_000;
    assert!(
        slow.time_ps >= last_made + tail - 3 * 1_700 && slow.time_ps < last_made + 200_000,
        "{}",
        slow.time_ps
    );
}

/// On a serial path times add up: a neuron waits until the packets of the spike before it are made, in whatever order
/// neurons fire.
#[test]
fn a_core_that_sends_serially_makes_packets_between_its_updates() {
    let all: Vec<(u32, u32)> = (0..10).flat_map(|p| (0..10).map(move |a| (p, a))).collect();
    for fired in [&all[..], &all[..50], &all[50..], &all[99..]] {
        let mut some = setup(10, 10, fired);
        // The farthest packet leaves last; one that goes nowhere else is there at once.
        let last_way = some.simulated().0.packets.longest;
        let timing = &mut some.program.target.timing;
        timing.axon_out.interval_ns.0 = 10.0;
        timing.axon_out.latency_ns.0 = 0.0;
        timing.send_path = serial();
        let events = some.counts.steps[0].events[0];
        let updates = 8_400 * events.updates_active + 5_300 * events.updates_inactive;
        let busy = updates + 3 * 10_000 * events.spikes;
        let (drained, step) = some.simulated();
        assert_eq!((step.bound, step.busiest_ps()), (Bottleneck::Neuron, busy));
        assert!((busy..busy + last_way + 10_000).contains(&drained.time_ps), "{} of {busy}", drained.time_ps);
        // Its packets never wait for a queue, and the neuron unit is not stopped by one.
        assert_eq!(drained.neurons_stopped_ps, 0);
    }
}

fn serial() -> Option<Sourced<CorePath>> {
    Some(Sourced(CorePath::Serial, Provenance::Assumed("a test".into())))
}

#[test]
fn a_sampled_run_stands_for_all() {
    let fired = [(1, 1), (3, 0), (9, 9)];
    let mut run = setup(10, 10, &fired);
    let step = run.counts.steps[0].clone();
    (run.counts.timesteps, run.counts.steps) = (64, vec![step; 64]);
    run.traces[0].fired = vec![run.traces[0].fired[0].clone(); 64];
    let network = Noc::new(&run.program, &run.table);
    let analytic = Analytic::new(&run.program, &run.table);
    let total = |every| {
        let mut time = analytic.pass(&network, &run.routes, &run.counts, &run.traces);
        let cycle = Cycle::new(&run.program, &run.table, every).unwrap();
        cycle.refine(run.pass(), PassPlace { image: 5, ..PassPlace::default() }, None, &mut time).unwrap();
        (time.total_ps(), time.sampled.unwrap())
    };
    let (full, all) = total(1);
    let (estimate, some) = total(16);
    assert_eq!((all.simulated, some.simulated, some.timesteps), (64, 4, 64));
    // All timesteps are alike, so the estimate is exact and knows it.
    assert_eq!((full, some.half_width_ps()), (estimate, Some(0.0)));
}

#[test]
fn a_target_without_a_network_is_refused() {
    let mut program = program();
    program.target.network = None;
    let refused = Cycle::new(&program, &slice_table(&program), 1).unwrap_err();
    assert_eq!(refused.code, Code::Unsupported);
}

#[test]
fn times_that_could_overflow_are_refused() {
    let mut program = program();
    program.target.topology.chips_max.0 = 2;
    program.target.timing.clock_ns.0 = 0.001;
    program.target.timing.synaptic_operation.interval_ns.0 = 1e9;
    program.target.timing.ranges.clear();
    program.target.check("test").unwrap();
    let refused = Cycle::new(&program, &slice_table(&program), 1).unwrap_err();
    assert_eq!(refused.code, Code::Unsupported);
}
