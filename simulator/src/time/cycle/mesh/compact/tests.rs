//! Meshes in which everything takes a cycle, whose blocks of routers are decided together.

use std::sync::Arc;

use super::super::plain;
use super::super::tests::{Schedule, random_spec, uniform};
use super::super::{Crossing, Delivery, Engine, Injection, Mesh, MeshSpec, Traffic};
use super::Compact;
use super::run::Level;
use crate::philox::philox4x32_10;

/// Of any size, number of ports, latencies, credits and buffers. What is chosen by `seed` below has a period of 8.
fn steady(seed: u32) -> MeshSpec {
    let mut spec = random_spec(2 * seed);
    (spec.virtual_channels, spec.flits_per_packet, spec.read_interval) = (2, 1, 1);
    for line in [&mut spec.east_west, &mut spec.north_south, &mut spec.chip, &mut spec.delivery] {
        line.interval = 1;
    }
    if (seed / 4).is_multiple_of(2) {
        // Senders know of places at once, so that flits are counted anew.
        for line in [&mut spec.east_west, &mut spec.north_south] {
            line.credit = 1;
        }
    }
    spec.locals = 1 + seed % 4;
    spec
}

fn compact(spec: &MeshSpec) -> Mesh {
    let mesh = Mesh::new(spec, &Arc::default());
    assert!(matches!(&mesh.0, Engine::Compact(mesh) if mesh.steady));
    mesh
}

/// Sinks that take a packet in every cycle, and sinks that do not.
fn accept(seed: u32) -> fn(usize, u64) -> u64 {
    [|_, left| left, |packet, left| left + packet as u64 % 4, |packet, left| left + packet as u64 % 7 * 50]
        [seed as usize % 3]
}

#[test]
fn steady_meshes_are_the_oracle_packet_by_packet() {
    for seed in 0..60 {
        let mut spec = steady(seed);
        (spec.columns, spec.rows) = (3 + seed / 8 % 4, 2 + seed % 5);
        let packets = uniform(&spec, [0.1, 0.4, 1.0][seed as usize % 3], 40, seed);
        let wanted = plain::run(&spec, &packets, &accept(seed / 3));
        let mut mesh = compact(&spec);
        // A mesh may be used again.
        for again in [false, true] {
            let mut schedule = Schedule::new(&spec, &packets);
            schedule.accept = accept(seed / 3);
            mesh.run(&mut schedule);
            assert_eq!(schedule.fates, wanted, "seed {seed}, again {again}: {spec:?}");
        }
    }
}

/// Too large for the oracle: several blocks of routers, busy and idle at times.
#[test]
fn steady_meshes_are_the_general_one() {
    for seed in 0..60 {
        let mut spec = steady(seed);
        (spec.columns, spec.rows) = (1 + seed % 17, 1 + seed % 13);
        let mut packets = uniform(&spec, [0.02, 0.2, 0.7][seed as usize / 3 % 3], 60, seed);
        // Bursts with pauses, some of them beyond the wheel of events.
        let pause = [0, 40, 3000][seed as usize / 2 % 3];
        packets.iter_mut().for_each(|packet| packet.at += packet.at / 16 * pause);
        let mut general = Schedule::new(&spec, &packets);
        general.accept = accept(seed);
        let drained = Mesh::general(&spec).run(&mut general);
        let mut schedule = Schedule::new(&spec, &packets);
        schedule.accept = accept(seed);
        assert_eq!(compact(&spec).run(&mut schedule), drained, "seed {seed}: {spec:?}");
        assert_eq!(schedule.fates, general.fates, "seed {seed}: {spec:?}");
    }
}

/// What a mesh asks and tells, and what it is answered.
#[derive(Debug, PartialEq)]
enum Call {
    Inject(usize, u64, Option<Injection>),
    Deliver(usize, Delivery, u64),
    Crossed(Crossing),
}

/// A schedule, and all calls of it in order.
struct Recorded<'a> {
    schedule: Schedule<'a>,
    calls: Vec<Call>,
}

impl Traffic for Recorded<'_> {
    fn inject(&mut self, port: usize, free: u64) -> Option<Injection> {
        let injection = self.schedule.inject(port, free);
        self.calls.push(Call::Inject(port, free, injection));
        injection
    }

    fn deliver(&mut self, port: usize, packet: &Delivery) -> u64 {
        let next = self.schedule.deliver(port, packet);
        self.calls.push(Call::Deliver(port, *packet, next));
        next
    }

    fn crossed(&mut self, crossing: impl FnOnce() -> Crossing) {
        self.calls.push(Call::Crossed(crossing()));
    }
}

/// In what they do, and in the order in which they tell of it.
#[test]
fn all_instruction_sets_agree() {
    // Every combination of ports, credits, paces and rates once.
    for seed in 0..48 {
        let (mut spec, steady) = (steady(seed), seed % 3 > 0);
        (spec.columns, spec.rows) = (6 + seed % 5, 7 + seed % 3);
        spec.east_west.interval += u64::from(!steady);
        let packets = uniform(&spec, [0.1, 0.5][seed as usize / 8 % 2], 50, seed);
        let mut mesh = Compact::new(&spec);
        assert_eq!(mesh.steady, steady);
        let mut run = |level| {
            let mut schedule = Schedule::new(&spec, &packets);
            schedule.accept = accept(seed / 3);
            let mut recorded = Recorded { schedule, calls: Vec::new() };
            let drained = mesh.run_at(level, &mut recorded);
            (drained, recorded.schedule.fates, recorded.calls)
        };
        let wanted = run(Level::Portable);
        assert!(wanted.2.len() > packets.len());
        for &level in Level::ALL.iter().filter(|level| level.exists()) {
            // Not assert_eq, whose message would be all calls.
            assert!(run(level) == wanted, "seed {seed}, {level:?}");
        }
    }
}

/// Long enough for the counts of flits, words of 16 bits, to start again at 0.
#[test]
fn counts_of_flits_may_overflow() {
    for credit in [1, 3] {
        let mut spec = steady(0);
        (spec.columns, spec.rows, spec.locals) = (3, 1, 1);
        spec.east_west.credit = credit;
        let draw = |cycle| !philox4x32_10([cycle, 0, 0, 0], [1, 5])[0].is_multiple_of(3);
        let packets: Vec<plain::Planned> = (0..150_000)
            .filter(|&cycle| draw(cycle))
            .map(|cycle| plain::Planned { from: 0, to: 2, at: u64::from(cycle) })
            .collect();
        assert!(packets.len() > 2 << 15);
        let (mut general, mut schedule) = (Schedule::new(&spec, &packets), Schedule::new(&spec, &packets));
        assert_eq!(compact(&spec).run(&mut schedule), Mesh::general(&spec).run(&mut general));
        assert_eq!(schedule.fates, general.fates);
    }
}
