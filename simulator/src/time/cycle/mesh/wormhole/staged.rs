//! Allocation in two stages: heads claim a channel behind their output, then ask for the output.
//!
//! The unit of work is a router in one cycle. Both stages decide by the state before that cycle. The wheel's rules hold
//! for routers: one is looked at when a head may take part in its next stage, when a place behind it becomes known to
//! be free, and after every look for the next time at which one of its heads can go on ([`WormholeMesh::go_on`]).
//!
//! A channel's [`super::InputChannel::ready`] is the time at which its head may take part in its next stage: the claim
//! of a packet's first flit, the switch of the others, which need no claim. [`super::WormholeMesh::holders`] has the
//! claims.

use super::allocation::Allocation;
use super::flow_control::FlowControl;
use super::{FREE, NEVER, WormholeMesh};
use crate::time::cycle::mesh::MeshSpec;
use crate::time::cycle::mesh::traffic::MeshTraffic;
use snnc_targets::schema::RouterAllocation;
use snnc_targets::topology::Direction;

/// Most channels of a router, and most ports.
const MOST: usize = 64;

/// Whose turn is next in each arbiter, and from when claims count.
#[derive(Debug, Default)]
pub(super) struct StagedPointers {
    /// By output and virtual channel: when it may be claimed, if it is free; else when its holder may ask for the
    /// output.
    pub from: Vec<u64>,
    /// By output and virtual channel: the input channel whose turn is first.
    heads: Vec<u8>,
    /// By input channel: the output channel whose turn is first.
    channels: Vec<u8>,
    /// By input port: the virtual channel whose turn is first, and the output.
    offers: Vec<(u8, u8)>,
    /// By output: the input port whose turn is first.
    inputs: Vec<u8>,
}

impl StagedPointers {
    /// For `channels` channels of all routers; empty for joint allocation.
    pub fn new(spec: &MeshSpec, channels: usize) -> Self {
        if spec.allocation == RouterAllocation::Joint {
            return Self::default();
        }
        let ports = channels / spec.virtual_channels as usize;
        Self {
            from: vec![0; channels],
            heads: vec![0; channels],
            channels: vec![0; channels],
            offers: vec![(0, 0); ports],
            inputs: vec![0; ports],
        }
    }

    /// Back to cycle 0.
    pub fn reset(&mut self) {
        self.from.fill(0);
        self.heads.fill(0);
        self.channels.fill(0);
        self.offers.fill((0, 0));
        self.inputs.fill(0);
    }
}

impl WormholeMesh {
    /// Both stages of the router whose outputs start at `first`.
    pub(super) fn allocate_stages<S: FlowControl>(
        &mut self,
        first: usize,
        now: u64,
        traffic: &mut impl MeshTraffic,
    ) {
        let (mut grants, mut claims) = ([(0, (0, 0)); MOST], [(0, 0); MOST]);
        let granted = self.match_outputs(first, now, &mut grants);
        let claimed = self.match_channels(first, now, &mut claims);
        for &(port, allocation) in &grants[..granted] {
            self.traverse_switch::<S>(first + port, port, allocation, now, traffic);
        }
        let (vcs, stage) = (self.vcs(), self.spec.read_interval);
        for &(channel, taken) in &claims[..claimed] {
            self.holders[first * vcs + taken] = channel as u8;
            self.staged.from[first * vcs + taken] = now + stage;
        }
        for port in 0..self.spec.ports() {
            let next = self.go_on(first, port, now);
            if next != NEVER {
                self.wheel.enter(first + port, next.max(now + 1));
            }
        }
    }

    /// Switch allocation: outputs and what goes over them.
    fn match_outputs(&mut self, first: usize, now: u64, grants: &mut [(usize, Allocation); MOST]) -> usize {
        let (ports, vcs) = (self.spec.ports(), self.vcs());
        // By input port: the outputs that take it.
        let mut takers = [0_u64; MOST];
        let mut taken = 0_u64;
        for port in 0..ports {
            let output = &self.outputs[first + port];
            if output.requests == 0 || output.allowed > now {
                continue;
            }
            let turn = usize::from(self.staged.inputs[first + port]);
            let chosen =
                (0..ports).map(|i| (turn + i) % ports).find(|&i| self.offer(first, port, i, now).is_some());
            if let Some(input) = chosen {
                takers[input] |= 1 << port;
                taken |= 1 << input;
            }
        }
        let mut granted = 0;
        while taken != 0 {
            let input = taken.trailing_zeros() as usize;
            taken &= taken - 1;
            let turn = usize::from(self.staged.offers[first + input].1);
            let accepted = (0..ports).map(|i| (turn + i) % ports).find(|&o| takers[input] >> o & 1 != 0);
            let Some(port) = accepted else { continue };
            let Some((channel, behind)) = self.offer(first, port, input, now) else { continue };
            self.staged.inputs[first + port] = ((input + 1) % ports) as u8;
            self.staged.offers[first + input] =
                (((channel % vcs + 1) % vcs) as u8, ((port + 1) % ports) as u8);
            grants[granted] = (port, (channel, behind));
            granted += 1;
        }
        granted
    }

    /// What an input port offers an output: the next of its channels that can go over it now.
    fn offer(&self, first: usize, port: usize, input: usize, now: u64) -> Option<Allocation> {
        let vcs = self.vcs();
        if self.inputs[first + input].readable > now {
            return None;
        }
        let turn = usize::from(self.staged.offers[first + input].0);
        (0..vcs).map(|i| input * vcs + (turn + i) % vcs).find_map(|channel| {
            let wanted = self.outputs[first + port].requests >> channel & 1 != 0;
            let behind = wanted.then(|| self.claimed(first + port, channel)).flatten()?;
            (self.passes(first, port, channel, behind) <= now).then_some((channel, behind))
        })
    }

    /// When a head that has claimed `behind` may go, as far as its channel and the one behind say.
    fn passes(&self, first: usize, port: usize, channel: usize, behind: usize) -> u64 {
        let (vcs, at) = (self.vcs(), (first + port) * self.vcs() + behind);
        let place = if port < Direction::COUNT { self.credits[at] } else { 0 };
        self.channels[first * vcs + channel].ready.max(place).max(self.staged.from[at])
    }

    /// Channel allocation: heads and the channels that they claim, counted from the router's first.
    fn match_channels(&mut self, first: usize, now: u64, claims: &mut [(usize, usize); MOST]) -> usize {
        let (ports, vcs) = (self.spec.ports(), self.vcs());
        let channels = ports * vcs;
        // By head: the channels that take it.
        let mut takers = [0_u64; MOST];
        let mut heads = 0_u64;
        for port in 0..ports {
            let requests = self.outputs[first + port].requests;
            if requests == 0 {
                continue;
            }
            for behind in 0..vcs {
                let at = (first + port) * vcs + behind;
                if self.holders[at] != FREE || self.staged.from[at] > now {
                    continue;
                }
                let turn = usize::from(self.staged.heads[at]);
                let chosen = (0..channels).map(|i| (turn + i) % channels).find(|&channel| {
                    requests >> channel & 1 != 0
                        && self.channels[first * vcs + channel].ready <= now
                        && self.claimed(first + port, channel).is_none()
                        && self.legal(first + port, port, channel).contains(&behind)
                });
                if let Some(head) = chosen {
                    takers[head] |= 1 << (port * vcs + behind);
                    heads |= 1 << head;
                }
            }
        }
        let mut claimed = 0;
        while heads != 0 {
            let head = heads.trailing_zeros() as usize;
            heads &= heads - 1;
            let turn = usize::from(self.staged.channels[first * vcs + head]);
            let accepted = (0..channels).map(|i| (turn + i) % channels).find(|&c| takers[head] >> c & 1 != 0);
            let Some(taken) = accepted else { continue };
            self.staged.heads[first * vcs + taken] = ((head + 1) % channels) as u8;
            self.staged.channels[first * vcs + head] = ((taken + 1) % channels) as u8;
            claims[claimed] = (head, taken);
            claimed += 1;
        }
        claimed
    }

    /// The virtual channel behind an output that the packet in `channel` has claimed.
    pub(super) fn claimed(&self, index: usize, channel: usize) -> Option<usize> {
        let vcs = self.vcs();
        self.holders[index * vcs..][..vcs].iter().position(|&holder| usize::from(holder) == channel)
    }

    /// When some head that wants an output can take part in its next stage.
    fn go_on(&self, first: usize, port: usize, now: u64) -> u64 {
        let (vcs, output) = (self.vcs(), &self.outputs[first + port]);
        let mut requests = output.requests;
        let mut next = NEVER;
        while requests != 0 && next > now {
            let channel = requests.trailing_zeros() as usize;
            requests &= requests - 1;
            let readable = self.inputs[first + channel / vcs].readable;
            next = next.min(match self.claimed(first + port, channel) {
                Some(behind) => self.passes(first, port, channel, behind).max(output.allowed).max(readable),
                None => {
                    let legal = self.legal(first + port, port, channel);
                    let free = |behind: usize| {
                        let at = (first + port) * vcs + behind;
                        (self.holders[at] == FREE).then_some(self.staged.from[at])
                    };
                    let soonest = legal.filter_map(free).min().unwrap_or(NEVER);
                    self.channels[first * vcs + channel].ready.max(soonest)
                }
            });
        }
        next
    }
}
