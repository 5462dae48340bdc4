use snnc_targets::Interconnect;
use snnc_targets::schema::RouterAllocation;

use super::plain::{self, Fate, PlannedPacket};
use super::random::{Accept, any_mesh, cases, loaded, one_flit_mesh, sinks, staged_mesh};

use super::*;
use crate::philox::philox4x32_10;
use proptest::prelude::*;

/// Planned packets as traffic. Packets are tagged with their index.
pub(super) struct PlannedTraffic<'a> {
    pub packets: &'a [PlannedPacket],
    /// By port: its packets still to come, the next one last.
    queues: Vec<Vec<Injection>>,
    pub fates: Vec<Fate>,
    pub accept: fn(usize, u64) -> u64,
    delivered: Vec<u8>,
}

impl<'a> PlannedTraffic<'a> {
    pub fn new(spec: &MeshSpec, packets: &'a [PlannedPacket]) -> Self {
        let (locals, columns) = (spec.locals as usize, spec.columns as usize);
        let mut queues = vec![Vec::new(); spec.routers() * locals];
        for (tag, planned) in packets.iter().enumerate().rev() {
            let router = planned.to / locals;
            let (x, y) = ((router % columns) as u16, (router / columns) as u16);
            let local = (planned.to % locals) as u16;
            queues[planned.from].push(Injection { at: planned.at, x, y, local, tree: None, tag: tag as u64 });
        }
        Self {
            packets,
            queues,
            fates: vec![(0, 0); packets.len()],
            accept: |_, left| left + 1,
            delivered: vec![0; packets.len()],
        }
    }
}

impl MeshTraffic for PlannedTraffic<'_> {
    #[inline]
    fn inject(&mut self, port: usize, free: u64) -> Option<Injection> {
        let mut injection = self.queues[port].pop()?;
        injection.at = injection.at.max(free);
        Some(injection)
    }

    #[inline]
    fn deliver(&mut self, port: usize, packet: &Delivery) -> u64 {
        let i = packet.tag as usize;
        assert_eq!(port, self.packets[i].to);
        self.fates[i] = (packet.injected, packet.arrived);
        self.delivered[i] += 1;
        (self.accept)(i, packet.left)
    }
}

/// One flit a cycle everywhere, small buffers.
pub(super) fn square(side: u32) -> MeshSpec {
    let line = MeshLink { latency: 1, interval: 1, credit: 1, buffer_flits: 8 };
    MeshSpec {
        columns: side,
        rows: side,
        interconnect: Interconnect::MeshXy,
        allocation: RouterAllocation::Joint,
        chip_columns: side,
        chip_rows: side,
        locals: 1,
        virtual_channels: 2,
        flits_per_packet: 1,
        router_latency: 3,
        read_interval: 1,
        east_west: line,
        north_south: line,
        chip: line,
        injection: MeshLink { buffer_flits: 16, ..line },
        delivery: MeshLink { latency: 3, ..line },
    }
}

/// `rate` packets a port and cycle for `cycles` cycles, to uniform destinations (self included).
pub(super) fn uniform(spec: &MeshSpec, rate: f64, cycles: u32, seed: u32) -> Vec<PlannedPacket> {
    let ports = spec.routers() * spec.locals as usize;
    let mut packets = Vec::new();
    let most = (rate * f64::from(u32::MAX)) as u32;
    for cycle in 0..cycles {
        for from in 0..ports {
            let draw = philox4x32_10([cycle, from as u32, 0, 0], [seed, 7]);
            if draw[0] <= most && rate > 0.0 {
                let to = ((u64::from(draw[1]) * ports as u64) >> 32) as usize;
                packets.push(PlannedPacket { from, to, at: u64::from(cycle) });
            }
        }
    }
    packets
}

fn carried(spec: &MeshSpec, packets: &[PlannedPacket]) -> (Vec<Fate>, MeshTotals) {
    let mut schedule = PlannedTraffic::new(spec, packets);
    let drained = MeshSimulation::new(spec, &Arc::default()).run(&mut schedule);
    assert!(schedule.delivered.iter().all(|&n| n == 1), "each packet is delivered once");
    (schedule.fates, drained)
}

proptest! {
    #![proptest_config(cases(120))]

    #[test]
    fn every_packet_meets_the_fate_that_the_oracle_finds((spec, packets) in loaded(any_mesh()), accept in sinks()) {
        let wanted = plain::run(&spec, &packets, &accept);
        for mut mesh in [MeshSimulation::new(&spec, &Arc::default()), MeshSimulation::wormhole(&spec)] {
            // A mesh may be used again.
            for again in [false, true] {
                let mut traffic = PlannedTraffic::new(&spec, &packets);
                traffic.accept = accept;
                mesh.run(&mut traffic);
                prop_assert_eq!(&traffic.fates, &wanted, "again {}", again);
            }
        }
    }

    #[test]
    fn in_two_stages_every_packet_meets_the_fate_that_the_oracle_finds(
        (spec, packets) in loaded(staged_mesh()),
        accept in sinks(),
    ) {
        let wanted = plain::run(&spec, &packets, &accept);
        let mut mesh = MeshSimulation::new(&spec, &Arc::default());
        for again in [false, true] {
            let mut traffic = PlannedTraffic::new(&spec, &packets);
            traffic.accept = accept;
            mesh.run(&mut traffic);
            prop_assert_eq!(&traffic.fates, &wanted, "again {}", again);
        }
    }

    #[test]
    fn every_packet_arrives_once_and_not_before_its_zero_load_latency(
        (spec, packets) in loaded(prop_oneof![any_mesh(), staged_mesh()]),
    ) {
        let (fates, _) = carried(&spec, &packets);
        let body = u64::from(spec.flits_per_packet - 1);
        for (packet, (injected, arrived)) in packets.iter().zip(fates) {
            let locals = spec.locals as usize;
            prop_assert!(injected >= packet.at);
            let least = spec.zero_load(packet.from / locals, packet.to / locals);
            prop_assert!(arrived >= injected + body + least);
        }
    }
}

/// Meshes of one virtual channel up to 13 x 11 routers, too large for the oracle; some with links that are slow
/// compared with the clock, which makes long pages of the calendar.
fn large_single_channel_mesh() -> impl Strategy<Value = MeshSpec> {
    (one_flit_mesh(), 1..=13_u32, 1..=11_u32, prop_oneof![4 => Just(1), 1 => Just(29_u64)]).prop_map(
        |(mut spec, columns, rows, slow)| {
            (spec.columns, spec.rows, spec.virtual_channels) = (columns, rows, 1);
            for link in [&mut spec.east_west, &mut spec.north_south, &mut spec.injection] {
                (link.latency, link.interval) = (slow * link.latency, slow * link.interval);
            }
            spec
        },
    )
}

/// Sinks that make packets wait beyond the calendar, too.
fn slow_sinks() -> impl Strategy<Value = Accept> {
    let slow: Accept = |packet, left| left + packet as u64 % 7 * 50;
    let slowest: Accept = |packet, left| left + packet as u64 % 5 * 9_000;
    prop_oneof![sinks(), Just(slow), Just(slowest)]
}

proptest! {
    #![proptest_config(cases(90))]

    #[test]
    fn both_engines_give_every_packet_the_same_fate(
        (spec, mut packets) in loaded(large_single_channel_mesh()),
        stretch in prop_oneof![2 => Just(1), 1 => Just(300_u64)],
        accept in slow_sinks(),
    ) {
        packets.iter_mut().for_each(|packet| packet.at *= stretch);
        let mut wormhole = PlannedTraffic::new(&spec, &packets);
        wormhole.accept = accept;
        let totals = MeshSimulation::wormhole(&spec).run(&mut wormhole);
        let mut mesh = MeshSimulation::new(&spec, &Arc::default());
        prop_assert!(matches!(mesh.0, Engine::SingleChannel(_)));
        // A mesh may be used again.
        for _ in 0..2 {
            let mut traffic = PlannedTraffic::new(&spec, &packets);
            traffic.accept = accept;
            prop_assert_eq!(mesh.run(&mut traffic), totals);
            prop_assert_eq!(&traffic.fates, &wormhole.fates);
        }
    }
}

#[test]
fn zero_load_latency_is_the_sum_of_the_way() {
    let spec = square(8);
    for (from, to, hops) in [(0, 0, 0), (0, 1, 1), (0, 63, 14), (63, 0, 14), (12, 33, 6)] {
        let (fates, _) = carried(&spec, &[PlannedPacket { from, to, at: 5 }]);
        assert_eq!(fates, [(5, 5 + 4 * (hops + 1) + 2)]);
        assert_eq!(spec.zero_load(from, to), 4 * (hops + 1) + 2);
    }
}

#[test]
fn a_torus_is_nearer_than_a_mesh() {
    let spec = MeshSpec { interconnect: Interconnect::TorusXy, ..square(8) };
    for (from, to, hops) in [(0, 0, 0), (0, 7, 1), (0, 63, 2), (9, 54, 6), (0, 36, 8)] {
        let (fates, _) = carried(&spec, &[PlannedPacket { from, to, at: 5 }]);
        assert_eq!(fates, [(5, 5 + 4 * (hops + 1) + 2)], "{from} to {to}");
        assert_eq!(spec.zero_load(from, to), 4 * (hops + 1) + 2);
    }
}

/// Every router of a ring of n sends to that k further on. A link then carries the packets of k routers, one a cycle,
/// so each of them sends one packet in k cycles: the ring's throughput by hand (Dally and Towles, "Principles and
/// Practices of Interconnection Networks", section 3.3).
#[test]
fn a_ring_carries_as_much_as_its_links() {
    for (routers, ahead) in [(8usize, 1usize), (8, 2), (9, 4), (8, 4)] {
        let mut spec = MeshSpec { interconnect: Interconnect::TorusXy, ..square(routers as u32) };
        (spec.rows, spec.chip_rows, spec.virtual_channels) = (1, 1, 4);
        // Buffers that hold what is on the way round.
        spec.east_west.buffer_flits = 64;
        let each = 300;
        let every = |cycles: u64| -> Vec<PlannedPacket> {
            let of = |n| {
                (0..routers).map(move |from| PlannedPacket {
                    from,
                    to: (from + ahead) % routers,
                    at: n * cycles,
                })
            };
            (0..each).flat_map(of).collect()
        };
        // As fast as they can: no faster than the links.
        let (_, drained) = carried(&spec, &every(1));
        assert_eq!(drained.flit_hops, each * (routers * ahead) as u64);
        let least = each * ahead as u64;
        assert!(drained.at >= least, "{} {least}", drained.at);
        // Links busy half of the time: what is offered arrives, the last packet soon after it was sent.
        let (_, drained) = carried(&spec, &every(2 * ahead as u64));
        let last = (each - 1) * 2 * ahead as u64 + spec.zero_load(0, ahead);
        assert!(
            (last..last + 4 * routers as u64).contains(&drained.at),
            "{routers} {ahead}: {last} {}",
            drained.at
        );
    }
}

#[test]
fn an_overloaded_torus_drains() {
    for (side, flits, vcs, depth) in [(2, 1, 2, 1), (3, 2, 2, 1), (4, 4, 2, 1), (5, 1, 3, 1), (8, 3, 2, 2)] {
        let mut spec = MeshSpec { interconnect: Interconnect::TorusXy, ..square(side) };
        (spec.flits_per_packet, spec.virtual_channels) = (flits, vcs);
        for line in [&mut spec.east_west, &mut spec.north_south, &mut spec.injection] {
            line.buffer_flits = depth;
        }
        for seed in 0..4 {
            carried(&spec, &uniform(&spec, 1.0, 40, seed));
        }
    }
}

#[test]
fn back_to_back_packets_pass_a_link_one_an_interval() {
    let mut spec = square(2);
    spec.east_west = MeshLink { latency: 5, interval: 3, credit: 1, buffer_flits: 8 };
    let packets = vec![PlannedPacket { from: 0, to: 1, at: 0 }; 100];
    let (fates, drained) = carried(&spec, &packets);
    let mut arrivals: Vec<u64> = fates.iter().map(|f| f.1).collect();
    arrivals.sort_unstable();
    let first = spec.zero_load(0, 1);
    assert_eq!(arrivals, (0..100).map(|i| first + 3 * i).collect::<Vec<_>>());
    assert_eq!(drained.flit_hops, 100);
}

#[test]
fn a_link_with_too_few_places_waits_for_its_credits() {
    let mut spec = square(2);
    spec.virtual_channels = 1;
    spec.east_west = MeshLink { latency: 5, interval: 1, credit: 4, buffer_flits: 2 };
    let packets = vec![PlannedPacket { from: 0, to: 1, at: 0 }; 40];
    let (fates, _) = carried(&spec, &packets);
    // A place comes back after link, router and credit: 5 + 3 + 4 cycles for two packets.
    assert_eq!(fates[39].1 - fates[1].1, 38 / 2 * 12);
}

#[test]
fn a_hot_spot_is_limited_by_its_ejection_port() {
    let mut spec = square(4);
    spec.delivery.interval = 2;
    let packets: Vec<PlannedPacket> =
        (0..50).flat_map(|at| (0..16).map(move |from| PlannedPacket { from, to: 5, at })).collect();
    let (fates, _) = carried(&spec, &packets);
    let last = fates.iter().map(|f| f.1).max().unwrap();
    let first = fates.iter().map(|f| f.1).min().unwrap();
    assert_eq!(last - first, 2 * (packets.len() as u64 - 1));
}

#[test]
fn overload_drains_on_meshes_of_any_size() {
    for (side, flits, vcs, depth) in
        [(1, 1, 1, 1), (2, 3, 1, 1), (3, 2, 2, 1), (8, 4, 1, 2), (16, 1, 1, 1), (32, 2, 2, 2), (64, 1, 1, 2)]
    {
        let mut spec = square(side);
        (spec.flits_per_packet, spec.virtual_channels) = (flits, vcs);
        for line in [&mut spec.east_west, &mut spec.north_south, &mut spec.injection] {
            line.buffer_flits = depth;
        }
        let packets = uniform(&spec, 1.0, 12, side);
        carried(&spec, &packets);
    }
}
