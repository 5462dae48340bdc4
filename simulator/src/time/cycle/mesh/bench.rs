//! Figures against BookSim 2 and the clock. Run with
//! `cargo test --release -p snnc-simulator mesh::bench -- --nocapture --include-ignored`.

use std::time::Instant;

use snnc_targets::schema::RouterAllocation;

use super::plain::PlannedPacket;
use super::tests::{PlannedTraffic, square, uniform};
use super::*;
use crate::philox::philox4x32_10;

/// The mesh of BookSim's figures: 8x8, XY, buffers of 8 flits. Its routers are those of staged allocation.
fn booksim(allocation: RouterAllocation, virtual_channels: u32, flits_per_packet: u32) -> MeshSpec {
    MeshSpec { allocation, virtual_channels, flits_per_packet, ..square(8) }
}

/// A pattern of traffic on 64 nodes, as BookSim 2 defines it: the destination of a node, and a draw below 1.
type Pattern = (&'static str, fn(usize, f64) -> usize);

const UNIFORM: Pattern = ("uniform", |_, draw| (draw * 64.0) as usize);
const TRANSPOSE: Pattern = ("transpose", |node, _| node % 8 * 8 + node / 8);
const BIT_COMPLEMENT: Pattern = ("bit complement", |node, _| 63 - node);
const TORNADO: Pattern = ("tornado", |node, _| (node / 8 + 3) % 8 * 8 + (node % 8 + 3) % 8);
const SHUFFLE: Pattern = ("shuffle", |node, _| node << 1 & 63 | node >> 5);
/// Four nodes are four times as likely as each of the others.
const HOTSPOT: Pattern = ("hotspot", |_, draw| {
    const HOT: [usize; 4] = [9, 27, 44, 54];
    let place = (draw * 76.0) as usize;
    if place < 64 { place } else { HOT[(place - 64) / 3] }
});
const NEIGHBOR: Pattern = ("neighbor", |node, _| (node / 8 + 1) % 8 * 8 + (node + 1) % 8);

/// Packets of a pattern; `rate` in flits a node and cycle.
fn packets(spec: &MeshSpec, pattern: Pattern, rate: f64, cycles: u32) -> Vec<PlannedPacket> {
    let drawn = uniform(spec, rate / f64::from(spec.flits_per_packet), cycles, 1);
    let mut draws = 0_u32;
    let mut draw = || {
        draws += 1;
        f64::from(philox4x32_10([draws, 0, 0, 0], [3, 5])[0]) / 2_f64.powi(32)
    };
    drawn.into_iter().map(|packet| PlannedPacket { to: pattern.1(packet.from, draw()), ..packet }).collect()
}

/// Mean of the latencies from creation (waiting at the source included), and of those in an empty mesh.
fn mean_latency(spec: &MeshSpec, packets: &[PlannedPacket]) -> (f64, f64) {
    let mut schedule = PlannedTraffic::new(spec, packets);
    MeshSimulation::new(spec, &Arc::default()).run(&mut schedule);
    let (n, body) = (packets.len() as f64, u64::from(spec.flits_per_packet - 1));
    let sum: u64 = packets.iter().zip(&schedule.fates).map(|(p, f)| f.1 - p.at).sum();
    let empty: u64 = packets.iter().map(|p| spec.zero_load(p.from, p.to) + body).sum();
    (sum as f64 / n, empty as f64 / n)
}

/// Flits a node and cycle that arrive while every node offers one in every cycle, and how fairly nodes are served:
/// Jain's index of what arrives from each, (sum)^2 / (n sum of squares), 1 if all are served alike.
fn accepted(spec: &MeshSpec, pattern: Pattern) -> (f64, f64) {
    let packets = packets(spec, pattern, 1.0, 8_000);
    let mut schedule = PlannedTraffic::new(spec, &packets);
    MeshSimulation::new(spec, &Arc::default()).run(&mut schedule);
    let mut from = [0.0_f64; 64];
    let arrived = packets.iter().zip(&schedule.fates).filter(|(_, f)| (2_000..6_000).contains(&f.1));
    arrived.for_each(|(packet, _)| from[packet.from] += 1.0);
    let (sum, squares) = from.iter().fold((0.0, 0.0), |(sum, squares), n| (sum + n, squares + n * n));
    (sum * f64::from(spec.flits_per_packet) / 64.0 / 4_000.0, sum * sum / (64.0 * squares))
}

/// Rates and what was measured at them.
type Rates = &'static [(f64, f64)];

/// Mean latencies of BookSim 2 by rate: two virtual channels, packets of one flit or of four.
const LATENCIES: [(Pattern, u32, Rates); 8] = [
    (UNIFORM, 1, &[(0.01, 27.07), (0.10, 27.29), (0.20, 27.91), (0.30, 29.82), (0.38, 38.2)]),
    (TRANSPOSE, 1, &[(0.01, 26.91), (0.05, 27.14), (0.10, 27.57)]),
    (BIT_COMPLEMENT, 1, &[(0.05, 38.20), (0.10, 38.63), (0.15, 39.46), (0.20, 42.39)]),
    (TORNADO, 1, &[(0.05, 36.15), (0.10, 36.45), (0.15, 37.00), (0.20, 38.41)]),
    (SHUFFLE, 1, &[(0.05, 22.09), (0.10, 22.25), (0.15, 22.66), (0.20, 24.58)]),
    (HOTSPOT, 1, &[(0.01, 26.69), (0.05, 26.88), (0.10, 27.08), (0.15, 27.40), (0.20, 28.22)]),
    (NEIGHBOR, 1, &[(0.05, 20.03), (0.20, 20.01)]),
    (UNIFORM, 4, &[(0.01, 30.09), (0.05, 30.63), (0.10, 31.34), (0.15, 32.39), (0.20, 33.80)]),
];

#[test]
fn waits_are_those_of_booksim() {
    for (pattern, flits, rates) in LATENCIES {
        let spec = booksim(RouterAllocation::Staged, 2, flits);
        for &(rate, theirs) in rates {
            let cycles = if rate < 0.02 { 40_000 } else { 12_000 };
            let (mean, empty) = mean_latency(&spec, &packets(&spec, pattern, rate, cycles));
            let (wait, their_wait) = (mean - empty, theirs - empty);
            println!(
                "{}, {flits} flits, rate {rate}: {mean:.2} cycles, BookSim {theirs}; wait {wait:.2} and \
                 {their_wait:.2}",
                pattern.0
            );
            // Of the wait a twelfth, and of the latency what the draw of destinations moves.
            let tolerance = their_wait.max(0.0) / 12.0 + 0.004 * theirs;
            assert!((mean - theirs).abs() < tolerance, "{}, rate {rate}: {mean} against {theirs}", pattern.0);
        }
    }
}

/// Flits a node and cycle that BookSim 2 accepts at an offered load of 1.
const ACCEPTED: [(Pattern, u32, u32, f64); 16] = [
    (UNIFORM, 2, 1, 0.386),
    (TRANSPOSE, 2, 1, 0.344),
    (BIT_COMPLEMENT, 2, 1, 0.125),
    (TORNADO, 2, 1, 0.148),
    (SHUFFLE, 2, 1, 0.340),
    (HOTSPOT, 2, 1, 0.233),
    (NEIGHBOR, 2, 1, 1.0),
    (UNIFORM, 2, 4, 0.380),
    (UNIFORM, 1, 1, 0.191),
    (TRANSPOSE, 1, 1, 0.172),
    (BIT_COMPLEMENT, 1, 1, 0.0625),
    (TORNADO, 1, 1, 0.076),
    (SHUFFLE, 1, 1, 0.174),
    (HOTSPOT, 1, 1, 0.118),
    (NEIGHBOR, 1, 1, 0.5),
    (UNIFORM, 1, 4, 0.262),
];

/// Jain's index of what BookSim 2 accepts of each node at an offered load of 1.
const FAIRNESS: [(&str, f64); 2] = [("uniform", 0.858), ("transpose", 0.524)];

#[test]
fn overload_is_accepted_as_by_booksim() {
    for (pattern, channels, flits, theirs) in ACCEPTED {
        let (ours, fair) = accepted(&booksim(RouterAllocation::Staged, channels, flits), pattern);
        println!(
            "{}, {channels} channels, {flits} flits: {ours:.4} ({fair:.3} fair), BookSim {theirs}",
            pattern.0
        );
        assert!((ours / theirs - 1.0).abs() < 0.04, "{}: {ours} against {theirs}", pattern.0);
        if let Some((_, theirs)) = FAIRNESS.iter().find(|(name, _)| *name == pattern.0 && flits == 1) {
            assert!((fair / theirs - 1.0).abs() < 0.02, "{}: {fair} fair against {theirs}", pattern.0);
        }
    }
}

/// The tables of docs/cycle-time.md.
#[test]
#[ignore = "prints"]
fn tables_of_both_allocations() {
    println!("| pattern | rate | wait, `Staged` | BookSim 2 | wait, `Joint` |");
    println!("|---|---|---|---|---|");
    for (pattern, flits, rates) in LATENCIES {
        for &(rate, theirs) in rates {
            let cycles = if rate < 0.02 { 40_000 } else { 12_000 };
            let [(staged, empty), (joint, _)] =
                [RouterAllocation::Staged, RouterAllocation::Joint].map(|allocation| {
                    let spec = booksim(allocation, 2, flits);
                    mean_latency(&spec, &packets(&spec, pattern, rate, cycles))
                });
            let name =
                if flits == 1 { pattern.0.to_owned() } else { format!("{}, {flits} flits", pattern.0) };
            let [staged, theirs, joint] = [staged, theirs, joint].map(|mean| mean - empty);
            println!("| {name} | {rate} | {staged:.2} | {theirs:.2} | {joint:.2} |");
        }
    }
    println!(
        "\n| accepted at an offered load of 1 | `Staged` | BookSim 2 | `Joint` | Jain's index: `Staged` | `Joint` |"
    );
    println!("|---|---|---|---|---|---|");
    for (pattern, channels, flits, theirs) in ACCEPTED {
        let [staged, joint] = [RouterAllocation::Staged, RouterAllocation::Joint]
            .map(|allocation| accepted(&booksim(allocation, channels, flits), pattern));
        let shape = format!("{}, channels: {channels}, flits: {flits}", pattern.0);
        let [(staged, fair), (joint, joint_fair)] = [staged, joint];
        println!("| {shape} | {staged:.3} | {theirs} | {joint:.3} | {fair:.3} | {joint_fair:.3} |");
    }
}

/// Uniform traffic that costs next to nothing by itself: ports walk round one small table of packets that were drawn
/// beforehand, each from a place of its own.
struct SteadyTraffic {
    /// Cycles since the packet before, and destination.
    table: Vec<(u16, u16)>,
    /// By port: next entry, and when the packet before was made.
    ports: Vec<(u32, u64)>,
    columns: u16,
    until: u64,
    delivered: u64,
    latency: u64,
}

impl SteadyTraffic {
    fn new(spec: &MeshSpec, rate: f64, until: u32) -> Self {
        let ports = spec.routers();
        let mut before = vec![0; ports];
        let packets = uniform(spec, rate, (1.2 * f64::from(1 << 12) / rate / ports as f64) as u32, 1);
        let table: Vec<_> = packets
            .iter()
            .map(|p| ((p.at - std::mem::replace(&mut before[p.from], p.at)) as u16, p.to as u16))
            .take(1 << 12)
            .collect();
        Self {
            ports: (0..ports as u32).map(|port| (port * 61, 0)).collect(),
            table,
            columns: spec.columns as u16,
            until: until.into(),
            delivered: 0,
            latency: 0,
        }
    }
}

impl MeshTraffic for SteadyTraffic {
    #[inline]
    fn inject(&mut self, port: usize, free: u64) -> Option<Injection> {
        let (next, made) = &mut self.ports[port];
        let (gap, to) = self.table[*next as usize % (1 << 12)];
        *next += 1;
        *made += u64::from(gap);
        let (x, y) = (to % self.columns, to / self.columns);
        (*made < self.until).then_some(Injection {
            at: free.max(*made),
            x,
            y,
            local: 0,
            tree: None,
            tag: *made,
        })
    }

    #[inline]
    fn deliver(&mut self, _port: usize, packet: &Delivery) -> u64 {
        self.delivered += 1;
        self.latency += packet.arrived - packet.tag;
        packet.left + 1
    }
}

/// The fastest of several runs, as other work on the machine only slows.
#[test]
#[ignore = "measures"]
fn throughput() {
    for allocation in [RouterAllocation::Staged, RouterAllocation::Joint] {
        for (rate, cycles) in [(0.001, 500_000), (0.05, 20_000), (0.15, 10_000), (0.30, 10_000)] {
            let spec = booksim(allocation, 2, 1);
            let mut mesh = MeshSimulation::new(&spec, &Arc::default());
            let runs = (0..50).map(|_| {
                let mut traffic = SteadyTraffic::new(&spec, rate, cycles);
                let start = Instant::now();
                let drained = mesh.run(&mut traffic);
                (start.elapsed().as_secs_f64(), drained, traffic.latency as f64 / traffic.delivered as f64)
            });
            let (seconds, drained, latency) = runs.min_by(|a, b| a.0.total_cmp(&b.0)).unwrap();
            println!(
                "{allocation:?}, rate {rate}: {:.1} M router-cycles/s, {:.2} M flit-hops/s, mean latency \
                 {latency:.3} cycles",
                drained.at as f64 * 64.0 / seconds / 1e6,
                drained.flit_hops as f64 / seconds / 1e6
            );
        }
    }
}
