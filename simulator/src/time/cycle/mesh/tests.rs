use snnc_targets::Interconnect;

use super::plain::{self, Fate, Planned};
use snnc_targets::topology::Routing as _;

use super::*;
use crate::philox::philox4x32_10;

/// A schedule as traffic. Packets are tagged with their index.
pub(super) struct Schedule<'a> {
    pub packets: &'a [Planned],
    /// By port: its packets still to come, the next one last.
    queues: Vec<Vec<Injection>>,
    pub fates: Vec<Fate>,
    pub accept: fn(usize, u64) -> u64,
    delivered: Vec<u8>,
}

impl<'a> Schedule<'a> {
    pub fn new(spec: &MeshSpec, packets: &'a [Planned]) -> Self {
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

impl Traffic for Schedule<'_> {
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
    let line = Line { latency: 1, interval: 1, credit: 1, buffer_flits: 8 };
    MeshSpec {
        columns: side,
        rows: side,
        interconnect: Interconnect::MeshXy,
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
        injection: Line { buffer_flits: 16, ..line },
        delivery: Line { latency: 3, ..line },
    }
}

/// `rate` packets a port and cycle for `cycles` cycles, to uniform destinations (self included).
pub(super) fn uniform(spec: &MeshSpec, rate: f64, cycles: u32, seed: u32) -> Vec<Planned> {
    let ports = spec.routers() * spec.locals as usize;
    let mut packets = Vec::new();
    let most = (rate * f64::from(u32::MAX)) as u32;
    for cycle in 0..cycles {
        for from in 0..ports {
            let draw = philox4x32_10([cycle, from as u32, 0, 0], [seed, 7]);
            if draw[0] <= most && rate > 0.0 {
                let to = ((u64::from(draw[1]) * ports as u64) >> 32) as usize;
                packets.push(Planned { from, to, at: u64::from(cycle) });
            }
        }
    }
    packets
}

fn carried(spec: &MeshSpec, packets: &[Planned]) -> (Vec<Fate>, Drained) {
    let mut schedule = Schedule::new(spec, packets);
    let drained = Mesh::new(spec, &Arc::default()).run(&mut schedule);
    assert!(schedule.delivered.iter().all(|&n| n == 1), "each packet is delivered once");
    (schedule.fates, drained)
}

/// Meshes of all shapes, chips, channels, packet lengths, latencies and intervals.
pub(super) fn random_spec(seed: u32) -> MeshSpec {
    let mut n = 0;
    let mut draw = |low: u32, high: u32| {
        n += 1;
        low + philox4x32_10([n, 0, 0, 0], [seed, 3])[0] % (high - low + 1)
    };
    let mut line = |slow: u32| Line {
        latency: draw(1, 7 * slow).into(),
        interval: draw(1, 3 * slow).into(),
        credit: draw(1, 4).into(),
        buffer_flits: draw(1, 5) as u16,
    };
    let [east_west, north_south, chip, injection, delivery] = [1, 1, 40, 1, 2].map(&mut line);
    MeshSpec {
        columns: draw(1, 5),
        rows: draw(1, 5),
        interconnect: Interconnect::MeshXy,
        chip_columns: draw(2, 3),
        chip_rows: draw(2, 3),
        locals: draw(1, 4),
        virtual_channels: draw(1, 3),
        flits_per_packet: if seed.is_multiple_of(2) { 1 } else { draw(1, 4) },
        router_latency: draw(0, 3).into(),
        read_interval: draw(1, 2).into(),
        east_west,
        north_south,
        chip,
        injection,
        delivery,
    }
}

/// One of the ways in which routers can be joined, with the virtual channels that it needs.
fn joined(seed: u32) -> MeshSpec {
    let mut spec = random_spec(seed);
    spec.interconnect =
        [Interconnect::MeshXy, Interconnect::MeshYx, Interconnect::TorusXy][seed as usize / 2 % 3];
    spec.virtual_channels = spec.virtual_channels.max(spec.interconnect.channel_classes());
    spec
}

#[test]
fn it_is_the_oracle_packet_by_packet() {
    for seed in 0..180 {
        let spec = joined(seed);
        let rate = [0.01, 0.1, 0.5, 1.0][seed as usize % 4];
        let packets = uniform(&spec, rate, 60, seed);
        let accept: fn(usize, u64) -> u64 =
            if seed % 3 == 0 { |_, left| left } else { |packet, left| left + packet as u64 % 9 };
        let wanted = plain::run(&spec, &packets, &accept);
        for mut mesh in [Mesh::new(&spec, &Arc::default()), Mesh::general(&spec)] {
            // A mesh may be used again.
            for again in [false, true] {
                let mut schedule = Schedule::new(&spec, &packets);
                schedule.accept = accept;
                mesh.run(&mut schedule);
                assert_eq!(schedule.fates, wanted, "seed {seed}, again {again}: {spec:?}");
            }
        }
    }
}

/// One or two channels and packets of one flit, as the single and the compact mesh want them, in all sizes; too large
/// for the oracle.
#[test]
fn the_single_and_the_compact_mesh_are_the_general_one() {
    for seed in 0..90 {
        let mut spec = random_spec(2 * seed);
        (spec.virtual_channels, spec.flits_per_packet) = (1 + seed % 2, 1);
        (spec.columns, spec.rows) = (1 + seed % 13, 1 + seed % 11);
        spec.locals = 1 + seed / 2 % 4;
        // Links much slower than the clock make long pages of the calendar. 5 has no factor in common with the periods
        // above, so both meshes and all numbers of locals get them.
        if seed % 5 == 2 {
            for line in [&mut spec.east_west, &mut spec.north_south, &mut spec.injection] {
                (line.latency, line.interval) = (29 * line.latency, 29 * line.interval);
            }
        }
        // Some times lie beyond the wheel of events, or the calendar.
        let stretch = [1, 1, 300][seed as usize % 3];
        let mut packets = uniform(&spec, [0.02, 0.2, 0.7][seed as usize / 3 % 3], 40, seed);
        packets.iter_mut().for_each(|packet| packet.at *= stretch);
        let accept: fn(usize, u64) -> u64 = match seed / 2 % 3 {
            0 => |_, left| left,
            1 => |packet, left| left + packet as u64 % 7 * 50,
            _ => |packet, left| left + packet as u64 % 5 * 9_000,
        };
        let mut general = Schedule::new(&spec, &packets);
        general.accept = accept;
        let drained = Mesh::general(&spec).run(&mut general);
        let mut mesh = Mesh::new(&spec, &Arc::default());
        assert_eq!(matches!(mesh.0, Engine::Single(_)), spec.virtual_channels == 1);
        assert_eq!(matches!(mesh.0, Engine::Compact(_)), spec.virtual_channels == 2);
        // A mesh may be used again.
        for _ in 0..2 {
            let mut schedule = Schedule::new(&spec, &packets);
            schedule.accept = accept;
            assert_eq!(mesh.run(&mut schedule), drained, "seed {seed}: {spec:?}");
            assert_eq!(schedule.fates, general.fates, "seed {seed}: {spec:?}");
        }
    }
}

#[test]
fn zero_load_latency_is_the_sum_of_the_way() {
    let spec = square(8);
    for (from, to, hops) in [(0, 0, 0), (0, 1, 1), (0, 63, 14), (63, 0, 14), (12, 33, 6)] {
        let (fates, _) = carried(&spec, &[Planned { from, to, at: 5 }]);
        assert_eq!(fates, [(5, 5 + 4 * (hops + 1) + 2)]);
        assert_eq!(spec.zero_load(from, to), 4 * (hops + 1) + 2);
    }
}

#[test]
fn a_torus_is_nearer_than_a_mesh() {
    let spec = MeshSpec { interconnect: Interconnect::TorusXy, ..square(8) };
    for (from, to, hops) in [(0, 0, 0), (0, 7, 1), (0, 63, 2), (9, 54, 6), (0, 36, 8)] {
        let (fates, _) = carried(&spec, &[Planned { from, to, at: 5 }]);
        assert_eq!(fates, [(5, 5 + 4 * (hops + 1) + 2)], "{from} to {to}");
        assert_eq!(spec.zero_load(from, to), 4 * (hops + 1) + 2);
    }
}

/// Every router of a ring of n sends to that k further on. A link then carries the packets of k routers, one a cycle, so
/// each of them sends one packet in k cycles: the ring's throughput by hand (Dally and Towles, "Principles and Practices of
/// Interconnection Networks", section 3.3).
#[test]
fn a_ring_carries_as_much_as_its_links() {
    for (routers, ahead) in [(8usize, 1usize), (8, 2), (9, 4), (8, 4)] {
        let mut spec = MeshSpec { interconnect: Interconnect::TorusXy, ..square(routers as u32) };
        (spec.rows, spec.chip_rows, spec.virtual_channels) = (1, 1, 4);
        // Buffers that hold what is on the way round.
        spec.east_west.buffer_flits = 64;
        let each = 300;
        let every = |cycles: u64| -> Vec<Planned> {
            let of = |n| {
                (0..routers).map(move |from| Planned { from, to: (from + ahead) % routers, at: n * cycles })
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
    spec.east_west = Line { latency: 5, interval: 3, credit: 1, buffer_flits: 8 };
    let packets = vec![Planned { from: 0, to: 1, at: 0 }; 100];
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
    spec.east_west = Line { latency: 5, interval: 1, credit: 4, buffer_flits: 2 };
    let packets = vec![Planned { from: 0, to: 1, at: 0 }; 40];
    let (fates, _) = carried(&spec, &packets);
    // A place comes back after link, router and credit: 5 + 3 + 4 cycles for two packets.
    assert_eq!(fates[39].1 - fates[1].1, 38 / 2 * 12);
}

#[test]
fn a_hot_spot_is_limited_by_its_ejection_port() {
    let mut spec = square(4);
    spec.delivery.interval = 2;
    let packets: Vec<Planned> =
        (0..50).flat_map(|at| (0..16).map(move |from| Planned { from, to: 5, at })).collect();
    let (fates, _) = carried(&spec, &packets);
    let last = fates.iter().map(|f| f.1).max().unwrap();
    let first = fates.iter().map(|f| f.1).min().unwrap();
    assert_eq!(last - first, 2 * (packets.len() as u64 - 1));
}

#[test]
fn every_packet_arrives_once_and_not_before_its_zero_load_latency() {
    for seed in 0..40 {
        let spec = random_spec(seed);
        let packets = uniform(&spec, 0.3, 200, seed);
        let (fates, _) = carried(&spec, &packets);
        let body = u64::from(spec.flits_per_packet - 1);
        for (packet, (injected, arrived)) in packets.iter().zip(fates) {
            let locals = spec.locals as usize;
            assert!(injected >= packet.at);
            assert!(arrived >= injected + body + spec.zero_load(packet.from / locals, packet.to / locals));
        }
    }
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
