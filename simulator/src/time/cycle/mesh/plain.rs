//! The oracle: every router in every cycle, queues as queues, credits as times in a queue. Never optimised.
//!
//! A flit carries the ends that it still has to serve; a grant takes those of one output out of it. So forks need no
//! tree here, and a packet to one end is the case in which nothing stays behind.

use std::collections::VecDeque;

use snnc_targets::schema::RouterAllocation;
use snnc_targets::topology::Direction;

use super::MeshSpec;

mod staged;

/// A packet of a schedule, and what became of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PlannedPacket {
    /// Entrance: `router * locals + local`.
    pub from: usize,
    /// Exit: `router * locals + local`.
    pub to: usize,
    /// Earliest cycle.
    pub at: u64,
}

/// A packet to several exits; of one flit, unless it has one exit only.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ForkedPacket {
    /// Entrance, as [`PlannedPacket::from`].
    pub from: usize,
    /// Exits, as [`PlannedPacket::to`].
    pub to: Vec<usize>,
    /// Earliest cycle.
    pub at: u64,
}

/// Cycle of injection and of arrival.
pub type Fate = (u64, u64);

#[derive(Debug, Clone)]
struct OracleFlit {
    packet: usize,
    /// Places of its exits in [`ForkedPacket::to`] that it has still to serve.
    ends: Vec<usize>,
    tail: bool,
    ready: u64,
}

#[derive(Debug, Clone, Default)]
struct OracleChannel {
    flits: VecDeque<OracleFlit>,
    /// When each free place may be used.
    places: VecDeque<u64>,
    /// Virtual channel behind the output: once the head of the packet has left, or once it has claimed one.
    held: Option<usize>,
    /// When it was claimed; of staged allocation only.
    claimed: u64,
    /// The output channel whose turn it is to be accepted; of staged allocation only.
    turn: usize,
}

#[derive(Debug, Clone, Default)]
struct OracleOutput {
    free: u64,
    last: Option<usize>,
    last_channel: Option<usize>,
    holders: Vec<Option<usize>>,
    /// By virtual channel: when a tail went over it last, and the head whose turn it is; of staged allocation only.
    released: Vec<Option<u64>>,
    heads: Vec<usize>,
    /// The input port whose turn it is; of staged allocation only.
    turn: usize,
}

struct OracleMesh<'a> {
    spec: &'a MeshSpec,
    schedule: &'a [ForkedPacket],
    channels: Vec<Vec<OracleChannel>>,
    outputs: Vec<Vec<OracleOutput>>,
    readable: Vec<Vec<u64>>,
    grants: Vec<usize>,
    /// By router and input port: the virtual channel and the output whose turn it is; of staged allocation only.
    offers: Vec<Vec<(usize, usize)>>,
    /// By packet and exit.
    fates: Vec<Vec<Fate>>,
    arrived: usize,
}

/// Carries a schedule, ordered by time for each port; `accept(packet, left)` is when the sink takes the next one.
pub fn run(spec: &MeshSpec, schedule: &[PlannedPacket], accept: &dyn Fn(usize, u64) -> u64) -> Vec<Fate> {
    let one = |&PlannedPacket { from, to, at }: &PlannedPacket| ForkedPacket { from, to: vec![to], at };
    let schedule: Vec<ForkedPacket> = schedule.iter().map(one).collect();
    run_forked(spec, &schedule, accept).into_iter().map(|fates| fates[0]).collect()
}

/// Carries a schedule of packets that fork, ordered by time for each port; their fates by packet and exit.
pub fn run_forked(
    spec: &MeshSpec,
    schedule: &[ForkedPacket],
    accept: &dyn Fn(usize, u64) -> u64,
) -> Vec<Vec<Fate>> {
    let (ports, vcs) = (spec.ports(), spec.virtual_channels as usize);
    let mut plain = OracleMesh {
        spec,
        schedule,
        channels: vec![vec![OracleChannel::default(); ports * vcs]; spec.routers()],
        outputs: vec![
            vec![
                OracleOutput {
                    holders: vec![None; vcs],
                    released: vec![None; vcs],
                    heads: vec![0; vcs],
                    ..OracleOutput::default()
                };
                ports
            ];
            spec.routers()
        ],
        offers: vec![vec![(0, 0); ports]; spec.routers()],
        readable: vec![vec![0; ports]; spec.routers()],
        grants: vec![0; spec.routers()],
        fates: schedule.iter().map(|packet| vec![(0, 0); packet.to.len()]).collect(),
        arrived: 0,
    };
    for router in 0..spec.routers() {
        for port in 0..ports {
            let depth = match (port, spec.neighbour(router, port)) {
                (0..4, Some(before)) => spec.line(before, router, port).buffer_flits,
                (0..4, None) => 0,
                _ => spec.injection.buffer_flits,
            };
            for vc in 0..vcs {
                plain.channels[router][port * vcs + vc].places = vec![0; depth as usize].into();
            }
        }
    }
    let mut waiting: Vec<VecDeque<usize>> = vec![VecDeque::new(); spec.routers() * spec.locals as usize];
    for (i, planned) in schedule.iter().enumerate() {
        waiting[planned.from].push_back(i);
    }
    let mut entering = vec![(0, 0, None); waiting.len()];
    let mut now = 0;
    while plain.arrived < schedule.iter().map(|packet| packet.to.len()).sum() {
        for (port, queue) in waiting.iter_mut().enumerate() {
            plain.enter(port, queue, &mut entering[port], now);
        }
        for router in 0..spec.routers() {
            match spec.allocation {
                RouterAllocation::Joint => plain.route(router, now, accept),
                RouterAllocation::Staged => plain.route_staged(router, now, accept),
            }
        }
        now += 1;
        assert!(now < 50_000_000, "the oracle drains");
    }
    plain.fates
}

impl OracleMesh<'_> {
    /// `state`: packets entered, flits left of the last one, its last flit's cycle.
    fn enter(
        &mut self,
        port: usize,
        queue: &mut VecDeque<usize>,
        state: &mut (usize, u32, Option<u64>),
        now: u64,
    ) {
        let Some(&packet) = queue.front() else { return };
        let (locals, vcs) = (self.spec.locals as usize, self.spec.virtual_channels as usize);
        let (router, input) = (port / locals, 4 + port % locals);
        let fresh = state.1 == 0;
        let turn = if fresh { state.0 } else { state.0 - 1 };
        let channel = &mut self.channels[router][input * vcs + turn % vcs];
        let soon = state.2.is_none_or(|last| now >= last + self.spec.injection.interval);
        let placed = channel.places.front().is_some_and(|&free| free <= now);
        if !soon || !placed || (fresh && self.schedule[packet].at > now) {
            return;
        }
        if fresh {
            *state = (state.0 + 1, self.spec.flits_per_packet, None);
            self.fates[packet].iter_mut().for_each(|fate| fate.0 = now);
        }
        state.1 -= 1;
        state.2 = Some(now);
        channel.places.pop_front();
        let ends = (0..self.schedule[packet].to.len()).collect();
        let ready = now + self.spec.router_latency;
        channel.flits.push_back(OracleFlit { packet, ends, tail: state.1 == 0, ready });
        if state.1 == 0 {
            queue.pop_front();
        }
    }

    fn route(&mut self, router: usize, now: u64, accept: &dyn Fn(usize, u64) -> u64) {
        let (ports, vcs) = (self.spec.ports(), self.spec.virtual_channels as usize);
        let start = self.grants[router] % ports;
        for i in 0..ports {
            let port = (start + i) % ports;
            if self.outputs[router][port].free > now {
                continue;
            }
            let last = self.outputs[router][port].last;
            let order = (0..ports * vcs).map(|i| last.map_or(i, |last| (last + 1 + i) % (ports * vcs)));
            let chosen = order.clone().find_map(|c| Some((c, self.place(router, port, c, now)?)));
            if let Some((channel, vc)) = chosen {
                self.grant(router, port, channel, vc, now, accept);
            }
        }
    }

    /// The virtual channel behind `port` that the head of `channel` could take now.
    fn place(&self, router: usize, port: usize, channel: usize, now: u64) -> Option<usize> {
        let vcs = self.spec.virtual_channels as usize;
        let state = &self.channels[router][channel];
        let head = state.flits.front().filter(|head| head.ready <= now)?;
        let wanted = head.ends.iter().any(|&end| self.ahead(router, head.packet, end) == port);
        if !wanted || self.readable[router][channel / vcs] > now {
            return None;
        }
        let output = &self.outputs[router][port];
        if port >= 4 {
            return output.holders[0].is_none_or(|holder| holder == channel).then_some(0);
        }
        let next = self.spec.neighbour(router, port)?;
        let free = |vc: usize| {
            let behind = &self.channels[next][Direction::opposite(port) * vcs + vc];
            behind.places.front().is_some_and(|&free| free <= now)
        };
        match state.held {
            Some(vc) => free(vc).then_some(vc),
            None => {
                let from = output.last_channel.map_or(0, |last| last + 1);
                let to = self.schedule[head.packet].to[head.ends[0]] / self.spec.locals as usize;
                let legal = self.spec.channels(router, port, self.spec.tile(to));
                (0..vcs)
                    .map(|i| (from + i) % vcs)
                    .find(|vc| legal.contains(vc) && output.holders[*vc].is_none() && free(*vc))
            }
        }
    }

    /// The output that leads to an exit of a packet.
    fn ahead(&self, router: usize, packet: usize, end: usize) -> usize {
        let (to, locals) = (self.schedule[packet].to[end], self.spec.locals as usize);
        self.spec.route(self.spec.tile(router), self.spec.tile(to / locals), (to % locals) as u32)
    }

    /// Takes out of a channel's head what goes over an output; the head leaves its place with the last of it.
    fn read(&mut self, router: usize, port: usize, channel: usize) -> Option<(OracleFlit, bool)> {
        let mut head = self.channels[router][channel].flits.pop_front()?;
        let (over, stay): (Vec<usize>, Vec<usize>) =
            head.ends.iter().partition(|&&end| self.ahead(router, head.packet, end) == port);
        let flit = OracleFlit { ends: over, ..head.clone() };
        let last = stay.is_empty();
        if !last {
            head.ends = stay;
            self.channels[router][channel].flits.push_front(head);
        }
        Some((flit, last))
    }

    fn grant(
        &mut self,
        router: usize,
        port: usize,
        channel: usize,
        vc: usize,
        now: u64,
        accept: &dyn Fn(usize, u64) -> u64,
    ) {
        let vcs = self.spec.virtual_channels as usize;
        let Some((flit, last)) = self.read(router, port, channel) else { return };
        self.grants[router] += 1;
        let input = channel / vcs;
        self.readable[router][input] = now + self.spec.read_interval;
        let credit = match self.spec.neighbour(router, input).filter(|_| input < Direction::COUNT) {
            Some(before) => self.spec.line(before, router, input).credit,
            None => self.spec.injection.credit,
        };
        if last {
            self.channels[router][channel].places.push_back(now + credit);
        }
        self.channels[router][channel].held = (!flit.tail).then_some(vc);
        let output = &mut self.outputs[router][port];
        (output.last, output.last_channel) = (Some(channel), Some(vc));
        output.holders[vc] = (!flit.tail).then_some(channel);
        if flit.tail {
            output.released[vc] = Some(now);
        }
        if port < Direction::COUNT {
            let Some(next) = self.spec.neighbour(router, port) else { return };
            let line = self.spec.line(router, next, port);
            output.free = now + line.interval;
            let behind = &mut self.channels[next][Direction::opposite(port) * vcs + vc];
            behind.places.pop_front();
            behind
                .flits
                .push_back(OracleFlit { ready: now + line.latency + self.spec.router_latency, ..flit });
        } else {
            output.free = now + self.spec.delivery.interval;
            if flit.tail {
                output.free = output.free.max(accept(flit.packet, now));
                for end in flit.ends {
                    self.fates[flit.packet][end].1 = now + self.spec.delivery.latency;
                    self.arrived += 1;
                }
            }
        }
    }
}
