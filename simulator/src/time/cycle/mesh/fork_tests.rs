//! Packets that fork, against the oracle and closed forms.

use std::cell::Cell;
use std::collections::BTreeSet;

use proptest::collection::vec;
use proptest::prelude::*;
use proptest::test_runner::TestRunner;

use super::plain::{self, Fate, ForkedPacket, PlannedPacket};
use super::random::{Accept, cases, forked_packets, loaded, one_flit_mesh, sinks};
use super::tests::{PlannedTraffic, square};
use super::*;

/// A schedule of packets that fork as traffic. Packets are tagged with their index.
struct ForkedTraffic<'a> {
    spec: &'a MeshSpec,
    packets: &'a [ForkedPacket],
    /// By port: indices of its packets still to come, the next one last.
    queues: Vec<Vec<usize>>,
    /// By packet and exit; (0, 0) until it was delivered there.
    fates: Vec<Vec<Fate>>,
    accept: fn(usize, u64) -> u64,
    /// Router, direction and packet.
    crossed: Vec<(usize, usize, u64)>,
    /// By packet; none goes without a tree.
    trees: Vec<Option<u32>>,
}

impl<'a> ForkedTraffic<'a> {
    /// Packets to one exit go without a tree if `apart`.
    fn new(spec: &'a MeshSpec, packets: &'a [ForkedPacket], apart: bool) -> (Self, Arc<MeshTrees>) {
        let locals = spec.locals as usize;
        let mut queues = vec![Vec::new(); spec.routers() * locals];
        packets.iter().enumerate().rev().for_each(|(i, packet)| queues[packet.from].push(i));
        let mut grown = MeshTrees::default();
        let mut tree = |packet: &ForkedPacket| {
            let ends = packet.to.iter().map(|to| (to / locals, (to % locals) as u32)).collect();
            (packet.to.len() > 1 || !apart).then(|| grown.add(spec, packet.from / locals, ends))
        };
        let trees = packets.iter().map(&mut tree).collect();
        let fates = packets.iter().map(|packet| vec![(0, 0); packet.to.len()]).collect();
        let accept = |_, left| left + 1;
        (Self { spec, packets, queues, fates, accept, crossed: Vec::new(), trees }, Arc::new(grown))
    }
}

impl MeshTraffic for ForkedTraffic<'_> {
    fn inject(&mut self, port: usize, free: u64) -> Option<Injection> {
        let i = self.queues[port].pop()?;
        let (packet, tree) = (&self.packets[i], self.trees[i]);
        // The tree alone says where a packet with a tree goes.
        let (to, locals) = (if tree.is_none() { packet.to[0] } else { 0 }, self.spec.locals as usize);
        let (x, y) = self.spec.at(to / locals);
        let (x, y, local) = (x as u16, y as u16, (to % locals) as u16);
        Some(Injection { at: packet.at.max(free), x, y, local, tree, tag: i as u64 })
    }

    fn deliver(&mut self, port: usize, packet: &Delivery) -> u64 {
        let i = packet.tag as usize;
        let end = self.packets[i].to.iter().position(|&to| to == port).expect("an exit of the packet");
        assert_eq!(self.fates[i][end], (0, 0), "it is delivered once");
        self.fates[i][end] = (packet.injected, packet.arrived);
        (self.accept)(i, packet.left)
    }

    fn crossed(&mut self, crossing: impl FnOnce() -> Crossing) {
        let Crossing { router, port, tag, .. } = crossing();
        self.crossed.push((router, port, tag));
    }
}

/// Links on the way to some exit, by hand.
fn union(spec: &MeshSpec, packet: &ForkedPacket) -> BTreeSet<(usize, usize)> {
    let locals = spec.locals as usize;
    let mut links = BTreeSet::new();
    for to in &packet.to {
        let mut at = packet.from / locals;
        loop {
            let port = spec.route(spec.tile(at), spec.tile(to / locals), 0);
            let Some(next) = spec.neighbour(at, port).filter(|_| port < 4) else { break };
            links.insert((at, port));
            at = next;
        }
    }
    links
}

fn carried(spec: &MeshSpec, packets: &[ForkedPacket]) -> Vec<Vec<Fate>> {
    let (mut traffic, trees) = ForkedTraffic::new(spec, packets, false);
    MeshSimulation::new(spec, &trees).run(&mut traffic);
    traffic.fates
}

/// A mesh with packets that fork.
fn loaded_with_forks() -> impl Strategy<Value = (MeshSpec, Vec<ForkedPacket>)> {
    one_flit_mesh().prop_flat_map(|spec| {
        let packets = forked_packets(&spec, 100);
        (Just(spec), packets)
    })
}

/// Packets to one exit go without a tree if `apart`.
fn check_against_the_oracle(
    spec: &MeshSpec,
    packets: &[ForkedPacket],
    apart: bool,
    accept: Accept,
) -> Result<(), TestCaseError> {
    let wanted = plain::run_forked(spec, packets, &accept);
    let (_, trees) = ForkedTraffic::new(spec, packets, apart);
    let mut mesh = MeshSimulation::new(spec, &trees);
    // A mesh may be used again.
    for again in [false, true] {
        let (mut traffic, _) = ForkedTraffic::new(spec, packets, apart);
        traffic.accept = accept;
        let totals = mesh.run(&mut traffic);
        prop_assert_eq!(&traffic.fates, &wanted, "again {}", again);
        // Every link of a tree is crossed once.
        let crossed: BTreeSet<_> = traffic.crossed.iter().copied().collect();
        let of = |(i, packet): (usize, &ForkedPacket)| {
            union(spec, packet).into_iter().map(move |(router, port)| (router, port, i as u64))
        };
        prop_assert_eq!(&crossed, &packets.iter().enumerate().flat_map(of).collect::<BTreeSet<_>>());
        prop_assert_eq!((crossed.len(), totals.flit_hops), (traffic.crossed.len(), crossed.len() as u64));
    }
    Ok(())
}

#[test]
fn packets_that_fork_meet_the_fates_that_the_oracle_finds() {
    let branches = Cell::new(0);
    let strategy = (loaded_with_forks(), any::<bool>(), sinks());
    TestRunner::new(cases(150))
        .run(&strategy, |((spec, packets), apart, accept)| {
            branches.set(branches.get() + packets.iter().map(|packet| packet.to.len() - 1).sum::<usize>());
            check_against_the_oracle(&spec, &packets, apart, accept)
        })
        .unwrap();
    assert!(branches.get() > 10_000, "{}", branches.get());
}

proptest! {
    #![proptest_config(cases(60))]

    #[test]
    fn a_tree_to_one_end_is_a_packet_without_a_tree((spec, packets) in loaded(one_flit_mesh())) {
        let mut apart = PlannedTraffic::new(&spec, &packets);
        let totals = MeshSimulation::new(&spec, &Arc::default()).run(&mut apart);
        let one = |&PlannedPacket { from, to, at }: &PlannedPacket| ForkedPacket { from, to: vec![to], at };
        let forked: Vec<ForkedPacket> = packets.iter().map(one).collect();
        let (mut traffic, trees) = ForkedTraffic::new(&spec, &forked, false);
        prop_assert_eq!(MeshSimulation::new(&spec, &trees).run(&mut traffic), totals);
        prop_assert_eq!(traffic.fates.concat(), apart.fates);
    }
}

/// In an empty mesh a branch is late by a read for each sibling before it, at each router of its way: their order is
/// that of their ports, as every grant passes the turn on to the next one.
fn late_by(spec: &MeshSpec, from: usize, ends: &[usize], to: usize) -> u64 {
    let (mut at, mut late, mut with) = (from, 0, ends.to_vec());
    let port_to = |at: usize, end: usize| spec.route(spec.tile(at), spec.tile(end / 2), (end % 2) as u32);
    loop {
        let port = port_to(at, to);
        let taken: BTreeSet<usize> = with.iter().map(|&end| port_to(at, end)).collect();
        late += spec.read_interval * taken.range(..port).count() as u64;
        with.retain(|&end| port_to(at, end) == port);
        let Some(next) = spec.neighbour(at, port).filter(|_| port < 4) else { return late };
        at = next;
    }
}

proptest! {
    #![proptest_config(cases(120))]

    #[test]
    fn at_a_fork_branches_leave_one_read_after_another(
        read in prop_oneof![Just(1_u64), Just(2), Just(5)],
        ends in vec(0..98_usize, 1..=40),
    ) {
        let mut spec = square(7);
        (spec.locals, spec.read_interval, spec.virtual_channels) = (2, read, 1 + read as u32 % 3);
        let from = 24;
        let ends: Vec<usize> = ends.into_iter().collect::<BTreeSet<_>>().into_iter().collect();
        let packet = ForkedPacket { from: 2 * from, to: ends, at: 3 };
        let fates = carried(&spec, std::slice::from_ref(&packet));
        for (&to, &fate) in packet.to.iter().zip(&fates[0]) {
            let late = late_by(&spec, from, &packet.to, to);
            prop_assert_eq!(fate, (3, 3 + spec.zero_load(from, to / 2) + late), "to {}", to);
        }
    }
}

#[test]
fn a_blocked_branch_holds_its_place_and_not_its_siblings() {
    // One place: the packet behind waits until the last branch has left.
    let mut spec = square(3);
    (spec.virtual_channels, spec.injection.buffer_flits) = (1, 1);
    // The first packet keeps the local port of router 3 for 100 cycles.
    let packets = [
        ForkedPacket { from: 3, to: vec![3], at: 0 },
        ForkedPacket { from: 3, to: vec![3, 4, 6], at: 1 },
        ForkedPacket { from: 3, to: vec![5], at: 2 },
    ];
    let (mut traffic, trees) = ForkedTraffic::new(&spec, &packets, false);
    traffic.accept = |packet, left| if packet == 0 { left + 100 } else { left + 1 };
    MeshSimulation::new(&spec, &trees).run(&mut traffic);
    let [first, forked, behind] = &traffic.fates[..] else { panic!("three packets") };
    let left = first[0].1 - spec.delivery.latency;
    assert_eq!(left, 3);
    // Injected when the place is free, one credit later; through the router after 3 cycles.
    let free = left + 1;
    // The first grant has passed the turn beyond port east, so south is served before it.
    assert_eq!(forked[2], (free, free + spec.zero_load(3, 6)));
    assert_eq!(forked[1], (free, free + spec.zero_load(3, 4) + 1));
    assert_eq!(forked[0], (free, left + 100 + spec.delivery.latency));
    assert_eq!(behind[0].0, left + 100 + 1);
}

#[test]
fn broadcasts_of_everybody_drain_from_the_smallest_buffers() {
    for (side, vcs) in [(2, 1), (4, 1), (6, 2), (9, 3)] {
        let mut spec = square(side);
        spec.virtual_channels = vcs;
        for line in [&mut spec.east_west, &mut spec.north_south, &mut spec.chip, &mut spec.injection] {
            line.buffer_flits = 1;
        }
        let all: Vec<usize> = (0..spec.routers()).collect();
        let from = (0..8).flat_map(|at| all.iter().map(move |&from| (from, at)));
        let packets: Vec<ForkedPacket> =
            from.map(|(from, at)| ForkedPacket { from, to: all.clone(), at }).collect();
        let fates = carried(&spec, &packets);
        let last = fates.iter().flatten().map(|fate| fate.1).max().unwrap();
        // Every port is given every packet, one a cycle.
        assert!(last >= packets.len() as u64, "{last}");
        assert!(fates.iter().flatten().all(|fate| fate.1 > fate.0));
    }
}
