//! Figures against BookSim 2 and the clock. Run with
//! `cargo test --release -p snnc-simulator mesh::bench -- --nocapture --include-ignored`.

use std::time::Instant;

use super::tests::{PlannedTraffic, square, uniform};
use super::*;

/// BookSim 2: 8x8 mesh, XY, 2 virtual channels x 8 flits, single-flit packets, uniform traffic, 100,000 cycles.
const BOOKSIM: [(f64, f64); 4] = [(0.001, 26.990), (0.05, 27.088), (0.15, 27.538), (0.30, 29.793)];

/// Mean latency from creation (waiting at the source included).
fn mean_latency(rate: f64, cycles: u32) -> f64 {
    let spec = square(8);
    let packets = uniform(&spec, rate, cycles, 1);
    let mut schedule = PlannedTraffic::new(&spec, &packets);
    MeshSimulation::new(&spec, &Arc::default()).run(&mut schedule);
    let sum: u64 = packets.iter().zip(&schedule.fates).map(|(p, f)| f.1 - p.at).sum();
    sum as f64 / packets.len() as f64
}

#[test]
fn latencies_are_those_of_booksim() {
    for (rate, booksim) in BOOKSIM {
        let cycles = if rate < 0.01 { 100_000 } else { 20_000 };
        let mean = mean_latency(rate, cycles);
        println!("rate {rate}: {mean:.3} cycles, BookSim {booksim}");
        assert!((mean / booksim - 1.0).abs() < 0.03, "rate {rate}: {mean} against {booksim}");
    }
}

#[test]
fn the_accepted_rate_at_overload_is_that_of_booksim() {
    let spec = square(8);
    let packets = uniform(&spec, 1.0, 8_000, 1);
    let mut schedule = PlannedTraffic::new(&spec, &packets);
    MeshSimulation::new(&spec, &Arc::default()).run(&mut schedule);
    let window = 2_000..6_000;
    let accepted = schedule.fates.iter().filter(|f| window.contains(&f.1)).count() as f64 / 64.0 / 4_000.0;
    println!("accepted {accepted:.3} flits/node/cycle, BookSim 0.396");
    assert!((accepted / 0.396 - 1.0).abs() < 0.10, "{accepted}");
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
    for (rate, cycles) in [(0.001, 500_000), (0.05, 20_000), (0.15, 10_000), (0.30, 10_000)] {
        let spec = square(8);
        let mut mesh = MeshSimulation::new(&spec, &Arc::default());
        let runs = (0..50).map(|_| {
            let mut traffic = SteadyTraffic::new(&spec, rate, cycles);
            let start = Instant::now();
            let drained = mesh.run(&mut traffic);
            (start.elapsed().as_secs_f64(), drained, traffic.latency as f64 / traffic.delivered as f64)
        });
        let (seconds, drained, latency) = runs.min_by(|a, b| a.0.total_cmp(&b.0)).unwrap();
        println!(
            "rate {rate}: {:.1} M router-cycles/s, {:.2} M flit-hops/s, mean latency {latency:.2} cycles",
            drained.at as f64 * 64.0 / seconds / 1e6,
            drained.flit_hops as f64 / seconds / 1e6
        );
    }
}
