use snnc_compiler::ir::CoreId;

use super::*;
use crate::counts::SliceFlow;
use crate::noc::fixture::{program, random_pass, random_step, slice_table};
use crate::time::Bottleneck;

fn setup() -> (Program, SliceTable, Noc, Analytic) {
    let program = program();
    let table = slice_table(&program);
    let network = Noc::new(&program, &table);
    let analytic = Analytic::new(&program, &table);
    (program, table, network, analytic)
}

/// Time of one timestep whose packets arrive and are integrated at once.
fn alone(analytic: &Analytic, network: &Noc, step: &StepCounts) -> StepTime {
    let arriving = integrated(&step.events);
    let work = analytic.work(network, step, &arriving, &mut vec![0; network.links().len()]);
    StepTime::new(analytic.busy(&work, &analytic.timing), analytic.barrier_ps)
}

fn empty_step(table: &SliceTable) -> StepCounts {
    StepCounts { events: vec![Events::default(); table.cores.len()], ..StepCounts::default() }
}

#[test]
fn an_idle_timestep_is_a_barrier() {
    let (program, table, network, analytic) = setup();
    // Sites 0 and 2 share a tile; 128 + 3 and 128 + 40 do not, 384 + 90 and 384 + 91 do.
    assert_eq!(tiles_in_use(&program), 5);
    let time = alone(&analytic, &network, &empty_step(&table));
    let barrier = 113_000 + (465_000 - 113_000) * 4 / 31;
    assert_eq!((time.total_ps, time.barrier_ps, time.bound), (barrier, barrier, Bottleneck::Barrier));
}

#[test]
fn a_firing_neuron_can_take_longer() {
    let mut program = program();
    let table = slice_table(&program);
    let network = Noc::new(&program, &table);
    let mut step = empty_step(&table);
    (step.events[0].updates_active, step.events[0].spikes) = (1000, 10);
    let time = |program: &Program| alone(&Analytic::new(program, &table), &network, &step);
    let before = time(&program);
    program.target.timing.neuron_spike = Some(program.target.timing.synaptic_operation.clone());
    let after = time(&program);
    assert_eq!((after.bound, after.total_ps), (Bottleneck::Neuron, before.total_ps + 10 * 3_500));
}

#[test]
fn where_packets_fork_a_core_makes_one_for_a_spike() {
    let mut program = program();
    program.target.topology.routing.0 =
        snnc_targets::schema::RoutingScheme::Multicast { table_entries: None };
    // Longer than a link between chips.
    program.target.timing.axon_out.interval_ns.0 = 17.0;
    let table = slice_table(&program);
    let (network, analytic) = (Noc::new(&program, &table), Analytic::new(&program, &table));
    let mut step = empty_step(&table);
    // Slice 0 sends to three cores, on the first tree; slices 1 and 2 share a core.
    step.events[0].packets_sent = 300_000;
    let flow = |tree, spikes| crate::counts::MulticastFlow {
        tree: snnc_compiler::ir::program::trees::TreeId(tree),
        spikes,
    };
    step.multicast_flows = vec![flow(0, 100_000)];
    let time = alone(&analytic, &network, &step);
    assert_eq!((time.bound, time.total_ps - time.barrier_ps), (Bottleneck::AxonOut, 100_000 * 17_000));
    step.multicast_flows = vec![flow(0, 100_000), flow(1, 60_000), flow(2, 70_000)];
    let time = alone(&analytic, &network, &step);
    assert_eq!((time.bound, time.total_ps - time.barrier_ps), (Bottleneck::AxonOut, 130_000 * 17_000));
}

#[test]
fn each_unit_can_be_the_bottleneck() {
    let (_, table, network, analytic) = setup();
    let busy = |change: &dyn Fn(&mut StepCounts)| {
        let mut step = empty_step(&table);
        change(&mut step);
        let time = alone(&analytic, &network, &step);
        (time.bound, time.total_ps - time.barrier_ps)
    };
    assert_eq!(busy(&|s| s.events[0].synaptic_operations = 100_000), (Bottleneck::Synapse, 350_000_000));
    assert_eq!(
        busy(&|s| (s.events[0].updates_active, s.events[0].updates_inactive) = (1000, 100)),
        (Bottleneck::Neuron, 8_400_000 + 530_000)
    );
    assert_eq!(busy(&|s| s.events[4].packets_received = 1_000_000), (Bottleneck::AxonIn, 1_300_000_000));
    assert_eq!(busy(&|s| s.events[4].packets_sent = 1_000_000), (Bottleneck::AxonOut, 1_700_000_000));
    let flow = |source, target| {
        move |s: &mut StepCounts| {
            s.flows.extend([SliceFlow { source, target: CoreId(target), packets: 1_000_000 }]);
        }
    };
    // Slice 0 and core 1 share a tile: delivery alone. Core 3 is on another chip: the chip link holds it up.
    assert_eq!(busy(&flow(0, 1)), (Bottleneck::Delivery, 290_000_000));
    assert_eq!(busy(&flow(0, 3)), (Bottleneck::Link, 2_900_000_000));
}

#[test]
fn links_and_ports_are_busy_for_every_flit_and_axons_for_every_packet() {
    let mut program = program();
    let table = slice_table(&program);
    let network = Noc::new(&program, &table);
    let busy = |program: &Program, change: &dyn Fn(&mut StepCounts)| {
        let mut step = empty_step(&table);
        change(&mut step);
        let time = alone(&Analytic::new(program, &table), &network, &step);
        (time.bound, time.total_ps - time.barrier_ps)
    };
    let flow = |source, target| {
        move |s: &mut StepCounts| {
            s.flows.extend([SliceFlow { source, target: CoreId(target), packets: 1_000_000 }]);
        }
    };
    for flits in [1, 2, 8] {
        program.target.network.as_mut().unwrap().flits_per_packet.0 = flits as u32;
        let analytic = Analytic::new(&program, &table);
        assert_eq!(busy(&program, &flow(0, 1)), (Bottleneck::Delivery, flits * 290_000_000));
        assert_eq!(busy(&program, &flow(0, 3)), (Bottleneck::Link, flits * 2_900_000_000));
        assert_eq!(analytic.busy_link(LinkKind::NorthSouth, 10), flits * 2_900);
        // Decoding takes 1.3 ns a packet, making 1.7 ns: from 6 flits on the port is busier than that.
        let received = busy(&program, &|s| s.events[4].packets_received = 1_000_000);
        assert_eq!(received, (Bottleneck::AxonIn, 1_300_000_000));
        let sent = busy(&program, &|s| s.events[4].packets_sent = 1_000_000);
        let expected = if flits < 6 {
            (Bottleneck::AxonOut, 1_700_000_000)
        } else {
            (Bottleneck::Delivery, flits * 290_000_000)
        };
        assert_eq!(sent, expected);
        let events = Events { packets_sent: 7, packets_received: 5, ..Events::default() };
        assert_eq!(analytic.busy_of(CoreId(0), &events, 7)[2..], [5 * 1_300, 7 * 1_700, flits * 7 * 290]);
    }
    program.target.network = None;
    assert_eq!(busy(&program, &flow(0, 3)), (Bottleneck::Link, 2_900_000_000));
}

#[test]
fn slices_of_one_core_share_its_units_and_cores_do_not() {
    let (_, table, network, analytic) = setup();
    let busy = |slices: &[usize]| {
        let mut step = empty_step(&table);
        slices.iter().for_each(|&s| step.events[s].synaptic_operations = 1_000_000);
        alone(&analytic, &network, &step).busy_ps[0]
    };
    assert_eq!(table.cores[1], table.cores[2]);
    assert_eq!(busy(&[1, 2]), 2 * busy(&[1]));
    assert_eq!(busy(&[0, 1]), busy(&[1]));
}

/// The busiest unit's time is split over the layers on its core; that of a link is no layer's.
#[test]
fn a_timestep_waits_for_the_layers_on_the_busiest_core() {
    let (_, table, network, analytic) = setup();
    let of = |step: &StepCounts| {
        let arriving = integrated(&step.events);
        let work = analytic.work(&network, step, &arriving, &mut vec![0; network.links().len()]);
        let mut times = LayerTimes::new(analytic.populations);
        let busy = analytic.busy(&work, &analytic.timing);
        analytic.bind(&work, &analytic.timing, busy, &mut times);
        times
    };
    let mut step = empty_step(&table);
    assert_eq!(of(&step), LayerTimes::new(analytic.populations));
    // Slices 1 and 2 share a core, slice 0 is on another one; 3.5 ns an operation.
    for (slice, operations) in [(0, 900), (1, 600), (2, 400)] {
        step.events[slice].synaptic_operations = operations;
    }
    let mut expected = LayerTimes::new(analytic.populations);
    for (slice, operations) in [(1, 600), (2, 400)] {
        expected.layers[table.populations[slice].0 as usize].ps += operations * 3_500;
    }
    let first = table.populations[1].0 as usize;
    expected.layers[first].timesteps = 1;
    assert_eq!(of(&step), expected);
    // Busier by itself: 8.4 ns a neuron.
    step.events[0].updates_active = 1_000;
    let alone = of(&step);
    let own = alone.layers[table.populations[0].0 as usize];
    assert_eq!((own.ps, own.timesteps, alone.network.ps), (8_400_000, 1, 0));
    assert_eq!(alone.layers.iter().map(|layer| layer.timesteps).sum::<u64>(), 1);
}

/// At each set of times the parts of layers and network are the busiest units' times of the pass.
#[test]
fn parts_of_layers_and_network_are_the_whole_time() {
    let (program, table, network, analytic) = setup();
    let analytic = analytic.at(program.target.at_time_bounds().map(|end| end.timing()).into());
    let routes = PacketDestinations::new(&program);
    // Links that are slow now and then, so that both bind.
    let mut slow = program.target.timing();
    slow.hop_east_west.interval_ps = 20_000_000;
    let mut bound_by_network = 0;
    for seed in 0..20 {
        let counts = random_pass(&program, &table, 0, seed);
        let timing = if seed % 2 == 0 { analytic.timing.clone() } else { slow.clone() };
        let time = Analytic { timing, ..analytic.clone() }.pass(&network, &routes, &counts, &[]);
        let nominal: u128 = time.steps.iter().map(|step| u128::from(step.busiest_ps())).sum();
        let ends = time.busiest_at_other_times_ps.iter().map(|end| end.iter().copied().map(u128::from).sum());
        let expected: Vec<u128> = std::iter::once(nominal).chain(ends).collect();
        let found: Vec<u128> = time
            .layers
            .iter()
            .map(|times| times.network.ps + times.layers.iter().map(|layer| layer.ps).sum::<u128>())
            .collect();
        assert_eq!(found, expected);
        assert_eq!(found.len(), 3);
        let layers = time.layers[0].layers.iter().map(|layer| layer.timesteps).sum::<u64>();
        let waiting = time.steps.iter().filter(|step| step.busiest_ps() > 0).count() as u64;
        assert_eq!(layers + time.layers[0].network.timesteps, waiting);
        bound_by_network += time.layers[0].network.timesteps;
    }
    assert!(bound_by_network > 0);
}

#[test]
fn no_unit_is_busy_longer_than_the_timestep_and_one_fills_it() {
    let (program, table, network, analytic) = setup();
    let (topology, timing) = (program.topology(), program.target.timing());
    for seed in 0..20 {
        let step = random_step(&program, &table, seed);
        let time = alone(&analytic, &network, &step);
        let window = time.total_ps - time.barrier_ps;
        let mut longest = 0;
        let mut links: std::collections::HashMap<_, u64> = Default::default();
        for core in program.cores.keys() {
            let of = |f: &dyn Fn(&Events) -> u64| -> u64 {
                (0..table.cores.len()).filter(|&s| table.cores[s] == core).map(|s| f(&step.events[s])).sum()
            };
            let delivered: u64 = step.flows.iter().filter(|f| f.target == core).map(|f| f.packets).sum();
            for busy in [
                of(&|e| e.synaptic_operations * 3500),
                of(&|e| e.updates_active * 8400 + e.updates_inactive * 5300),
                of(&|e| e.packets_received * 1300),
                of(&|e| e.packets_sent * 1700),
                delivered.max(of(&|e| e.packets_sent)) * 290,
            ] {
                longest = busy.max(longest);
            }
        }
        for flow in &step.flows {
            let (from, to) = (program.sites[table.cores[flow.source as usize]], program.sites[flow.target]);
            for (link, kind) in topology.path(from, to) {
                *links.entry(link).or_default() += flow.packets * timing.hop(kind).interval_ps;
            }
        }
        longest = links.into_values().fold(longest, u64::max);
        assert_eq!(window, longest);
    }
}

#[test]
fn a_pass_adds_host_transfers_and_timesteps() {
    let (program, table, network, analytic) = setup();
    let mut counts = random_pass(&program, &table, 0, 5);
    let routes = PacketDestinations::new(&program);
    let time = analytic.pass(&network, &routes, &counts, &[]);
    assert_eq!((time.host_write_ps, time.host_read_ps), (65_000 + 16 * 2900, 65_000 + 8 * 2900));
    let next = counts.steps.iter().skip(1).map(|next| next.events.clone());
    let shifted = counts.steps.iter().zip(next.chain([empty_step(&table).events])).map(|(step, next)| {
        let mut step = step.clone();
        for (event, next) in step.events.iter_mut().zip(next) {
            event.synaptic_operations = next.synaptic_operations;
            event.packets_received = next.packets_received;
        }
        step
    });
    let steps: u64 = shifted.map(|s| alone(&analytic, &network, &s).total_ps).sum();
    assert_eq!(time.total_ps(), steps + time.host_write_ps + time.host_read_ps);
    // 23 multiply-adds before the pass and 5 after it, and one synchronisation.
    let mut computing = program.clone();
    let mut unit = program.target.timing.host_read.clone();
    (unit.latency_ns.0, unit.interval_ns.0) = (7.0, 0.5);
    computing.target.timing.host_multiply_add = Some(unit.clone());
    (unit.latency_ns.0, unit.interval_ns.0) = (0.0, 40_000.0);
    computing.target.timing.host_synchronisation = Some(unit);
    let slower = Analytic::new(&computing, &table).pass(&network, &routes, &counts, &[]);
    assert_eq!(slower.host_write_ps, time.host_write_ps + 7_000 + 23 * 500);
    assert_eq!(slower.host_read_ps, time.host_read_ps + 7_000 + 5 * 500 + 40_000_000);
    assert_eq!(slower.steps, time.steps);
    counts.host_writes.fill(0);
    counts.host_reads.fill(0);
    assert_eq!(analytic.pass(&network, &routes, &counts, &[]).total_ps(), steps);
}

#[test]
fn absurd_counts_saturate() {
    let (_, table, network, analytic) = setup();
    let mut step = empty_step(&table);
    step.events[0].synaptic_operations = u64::MAX;
    assert_eq!(alone(&analytic, &network, &step).total_ps, u64::MAX);
}
