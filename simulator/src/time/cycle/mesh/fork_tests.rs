//! Packets that fork, against the oracle and closed forms.

use std::collections::BTreeSet;

use super::plain::{self, Fate, Forked, Planned};
use super::tests::{Schedule, random_spec, square, uniform};
use super::*;
use crate::philox::philox4x32_10;

/// A schedule of packets that fork as traffic. Packets are tagged with their index.
struct Forks<'a> {
    spec: &'a MeshSpec,
    packets: &'a [Forked],
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

impl<'a> Forks<'a> {
    /// Packets to one exit go without a tree if `apart`.
    fn new(spec: &'a MeshSpec, packets: &'a [Forked], apart: bool) -> (Self, Arc<MeshTrees>) {
        let locals = spec.locals as usize;
        let mut queues = vec![Vec::new(); spec.routers() * locals];
        packets.iter().enumerate().rev().for_each(|(i, packet)| queues[packet.from].push(i));
        let mut grown = MeshTrees::default();
        let mut tree = |packet: &Forked| {
            let ends = packet.to.iter().map(|to| (to / locals, (to % locals) as u32)).collect();
            (packet.to.len() > 1 || !apart).then(|| grown.add(spec, packet.from / locals, ends))
        };
        let trees = packets.iter().map(&mut tree).collect();
        let fates = packets.iter().map(|packet| vec![(0, 0); packet.to.len()]).collect();
        let accept = |_, left| left + 1;
        (Self { spec, packets, queues, fates, accept, crossed: Vec::new(), trees }, Arc::new(grown))
    }
}

impl Traffic for Forks<'_> {
    fn inject(&mut self, port: usize, free: u64) -> Option<Injection> {
        let i = self.queues[port].pop()?;
        let (packet, tree) = (&self.packets[i], self.trees[i]);
        // Where a packet with a tree goes is its tree's affair.
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

/// Packets of [`uniform`] to up to so many ports, now and then to all.
fn random_trees(spec: &MeshSpec, rate: f64, cycles: u32, seed: u32, most: u32) -> Vec<Forked> {
    let ports = (spec.routers() * spec.locals as usize) as u32;
    let forked = |(i, &Planned { from, to, at }): (usize, &Planned)| {
        let draw = |n: u32| philox4x32_10([i as u32, n, 1, 0], [seed, 11])[0];
        let more = if draw(0).is_multiple_of(16) { 4 * ports } else { draw(1) % most };
        let mut ends: Vec<usize> = (0..more).map(|n| (draw(2 + n) % ports) as usize).collect();
        ends.push(to);
        ends.sort_unstable();
        ends.dedup();
        Forked { from, to: ends, at }
    };
    uniform(spec, rate, cycles, seed).iter().enumerate().map(forked).collect()
}

/// Links on the way to some exit, by hand.
fn union(spec: &MeshSpec, packet: &Forked) -> BTreeSet<(usize, usize)> {
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

fn carried(spec: &MeshSpec, packets: &[Forked]) -> Vec<Vec<Fate>> {
    let (mut traffic, trees) = Forks::new(spec, packets, false);
    Mesh::new(spec, &trees).run(&mut traffic);
    traffic.fates
}

#[test]
fn they_meet_the_same_fates_as_in_the_oracle() {
    let mut branches = 0;
    for seed in 0..150 {
        let spec = random_spec(2 * seed);
        let rate = [0.01, 0.1, 0.5, 1.0][seed as usize % 4];
        let most = [1, 3, 9][seed as usize / 4 % 3];
        let packets = random_trees(&spec, rate, 40, seed, most);
        let accept: fn(usize, u64) -> u64 =
            if seed % 3 == 0 { |_, left| left } else { |packet, left| left + packet as u64 % 9 };
        let wanted = plain::run_forked(&spec, &packets, &accept);
        let (_, trees) = Forks::new(&spec, &packets, seed % 2 == 0);
        let mut mesh = Mesh::new(&spec, &trees);
        // A mesh may be used again.
        for again in [false, true] {
            let (mut traffic, _) = Forks::new(&spec, &packets, seed % 2 == 0);
            traffic.accept = accept;
            let drained = mesh.run(&mut traffic);
            assert_eq!(traffic.fates, wanted, "seed {seed}, again {again}: {spec:?}");
            // Every link of a tree is crossed once.
            let crossed: BTreeSet<_> = traffic.crossed.iter().copied().collect();
            let of = |(i, packet): (usize, &Forked)| {
                union(&spec, packet).into_iter().map(move |(router, port)| (router, port, i as u64))
            };
            assert_eq!(crossed, packets.iter().enumerate().flat_map(of).collect(), "seed {seed}");
            assert_eq!((crossed.len(), drained.flit_hops), (traffic.crossed.len(), crossed.len() as u64));
        }
        branches += wanted.iter().map(|fates| fates.len() - 1).sum::<usize>();
    }
    assert!(branches > 50_000, "{branches}");
}

/// The same packets with and without trees, on the general and on the compact mesh.
#[test]
fn a_tree_to_one_end_is_a_packet_without_a_tree() {
    for seed in 0..60 {
        let mut spec = random_spec(2 * seed);
        if seed % 2 == 0 {
            spec.virtual_channels = 2;
        }
        let packets = uniform(&spec, [0.05, 0.4, 1.0][seed as usize % 3], 60, seed);
        let mut apart = Schedule::new(&spec, &packets);
        let drained = Mesh::new(&spec, &Arc::default()).run(&mut apart);
        let one = |&Planned { from, to, at }: &Planned| Forked { from, to: vec![to], at };
        let forked: Vec<Forked> = packets.iter().map(one).collect();
        let (mut traffic, trees) = Forks::new(&spec, &forked, false);
        assert_eq!(Mesh::new(&spec, &trees).run(&mut traffic), drained, "seed {seed}: {spec:?}");
        assert_eq!(traffic.fates.concat(), apart.fates, "seed {seed}: {spec:?}");
    }
}

/// In an empty mesh a branch is late by a read for each sibling before it, at each router of its way: their order is
/// that of their ports, as every grant passes the turn on to the next one.
#[test]
fn at_a_fork_branches_leave_one_read_after_another() {
    for read in [1, 2, 5] {
        let mut spec = square(7);
        (spec.locals, spec.read_interval, spec.virtual_channels) = (2, read, 1 + read as u32 % 3);
        let from = 24;
        for seed in 0..40 {
            let packets = random_trees(&spec, 0.01, 1, seed, 20);
            let mut ends: Vec<usize> = packets.into_iter().flat_map(|packet| packet.to).collect();
            ends.sort_unstable();
            ends.dedup();
            let packet = Forked { from: 2 * from, to: ends, at: 3 };
            let fates = carried(&spec, std::slice::from_ref(&packet));
            // Ports that the tree takes at a router on the way to `to`.
            let ports = |at: usize, entered: &dyn Fn(usize) -> bool| -> BTreeSet<usize> {
                let on = packet.to.iter().filter(|&&end| entered(end));
                on.map(|end| spec.route(spec.tile(at), spec.tile(end / 2), (end % 2) as u32)).collect()
            };
            for (&to, &(injected, arrived)) in packet.to.iter().zip(&fates[0]) {
                let (mut at, mut late, mut with) = (from, 0, packet.to.clone());
                loop {
                    let port = spec.route(spec.tile(at), spec.tile(to / 2), (to % 2) as u32);
                    let taken = ports(at, &|end| with.contains(&end));
                    late += read * taken.range(..port).count() as u64;
                    with.retain(|end| {
                        spec.route(spec.tile(at), spec.tile(end / 2), (end % 2) as u32) == port
                    });
                    let Some(next) = spec.neighbour(at, port).filter(|_| port < 4) else { break };
                    at = next;
                }
                assert_eq!((injected, arrived), (3, 3 + spec.zero_load(from, to / 2) + late), "to {to}");
            }
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
        Forked { from: 3, to: vec![3], at: 0 },
        Forked { from: 3, to: vec![3, 4, 6], at: 1 },
        Forked { from: 3, to: vec![5], at: 2 },
    ];
    let (mut traffic, trees) = Forks::new(&spec, &packets, false);
    traffic.accept = |packet, left| if packet == 0 { left + 100 } else { left + 1 };
    Mesh::new(&spec, &trees).run(&mut traffic);
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
        let packets: Vec<Forked> = from.map(|(from, at)| Forked { from, to: all.clone(), at }).collect();
        let fates = carried(&spec, &packets);
        let last = fates.iter().flatten().map(|fate| fate.1).max().unwrap();
        // Every port is given every packet, one a cycle.
        assert!(last >= packets.len() as u64, "{last}");
        assert!(fates.iter().flatten().all(|fate| fate.1 > fate.0));
    }
}
