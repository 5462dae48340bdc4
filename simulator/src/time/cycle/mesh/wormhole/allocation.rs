//! Virtual-channel and switch allocation: which head may use an output in one cycle.

use std::ops::Range;

use snnc_targets::topology::{Direction, Routing};

use super::flow_control::FlowControl;
use super::{FREE, NEVER, TAIL, WormholeMesh};
use crate::time::cycle::mesh::traffic::MeshTraffic;

/// An input channel of the router, and the virtual channel that its head takes behind an output.
pub(super) type Allocation = (usize, usize);

impl WormholeMesh {
    /// Allocates an output in cycle `now` if some head can use it.
    #[inline(always)]
    pub(super) fn allocate_output<S: FlowControl>(
        &mut self,
        index: usize,
        now: u64,
        traffic: &mut impl MeshTraffic,
    ) {
        // The output was entered into the wheel for that time when it was raised.
        if self.outputs[index].allowed > now {
            return;
        }
        let port = index & ((1 << self.shift) - 1);
        let mut later = NEVER;
        let chosen = if S::SINGLE {
            self.allocate_switch(index, port, now, &mut later)
        } else {
            self.allocate_virtual_channel(index, port, now, &mut later)
        };
        match chosen {
            Some(allocation) => self.traverse_switch::<S>(index, port, allocation, now, traffic),
            None if later != NEVER => self.wheel.enter(index, later),
            None => {}
        }
    }

    /// Switch allocation for packets of one flit: the next head after the one granted last, and the next free virtual
    /// channel after the one given last.
    #[inline(always)]
    fn allocate_switch(&self, index: usize, port: usize, now: u64, later: &mut u64) -> Option<Allocation> {
        let vcs = self.vcs();
        let output = &self.outputs[index];
        let turn = u32::from(output.last) + 1;
        let mut requests = output.requests.rotate_right(turn);
        while requests != 0 {
            let channel = ((requests.trailing_zeros() + turn) & 63) as usize;
            requests &= requests - 1;
            if self.readable(index - port, channel, now, later) {
                // An output that is allowed has a free place.
                let mut behind = 0;
                if port < Direction::COUNT && vcs > 1 {
                    behind = next(output.last_channel.into(), vcs);
                    while self.credits[index * vcs + behind] > now {
                        behind = next(behind, vcs);
                    }
                }
                return Some((channel, behind));
            }
        }
        None
    }

    /// Virtual-channel allocation and switch allocation for packets of several flits: the first flit takes a virtual
    /// channel that no packet holds, the others follow it. Flits of different packets do not mix at a local port
    /// either.
    #[inline(never)]
    fn allocate_virtual_channel(
        &self,
        index: usize,
        port: usize,
        now: u64,
        later: &mut u64,
    ) -> Option<Allocation> {
        let vcs = self.vcs();
        let output = &self.outputs[index];
        let turn = u32::from(output.last) + 1;
        let mut requests = output.requests.rotate_right(turn);
        let holders = &self.holders[index * vcs..][..vcs];
        while requests != 0 {
            let channel = ((requests.trailing_zeros() + turn) & 63) as usize;
            requests &= requests - 1;
            if !self.readable(index - port, channel, now, later) {
                continue;
            }
            let held = holders.iter().position(|&holder| usize::from(holder) == channel);
            let may_take = |behind: usize| held.map_or(holders[behind] == FREE, |held| held == behind);
            if port >= 4 {
                if may_take(0) {
                    return Some((channel, 0));
                }
                continue;
            }
            let mut behind = usize::from(output.last_channel);
            let legal = self.legal(index, port, channel);
            for _ in 0..vcs {
                behind = next(behind, vcs);
                if !legal.contains(&behind) {
                    continue;
                }
                let open = self.credits[index * vcs + behind];
                if may_take(behind) && open <= now {
                    return Some((channel, behind));
                }
                // Other places are free too early or too late, which does no harm.
                *later = (*later).min(open.max(now + 1));
            }
        }
        None
    }

    /// The virtual channels behind an output that the head of `channel` may take.
    #[inline]
    pub(super) fn legal(&self, index: usize, port: usize, channel: usize) -> Range<usize> {
        let vcs = self.vcs();
        if self.spec.interconnect.channel_classes() == 1 {
            return 0..vcs;
        }
        let head = self.head((index - port) * vcs + channel);
        let to = self.packets[(head.packet & !TAIL) as usize].to;
        self.spec.channels(index >> self.shift, port, to.tile())
    }

    /// Whether a channel's head may be read; notes when, if only its port is in the way.
    #[inline(always)]
    fn readable(&self, first: usize, channel: usize, now: u64, later: &mut u64) -> bool {
        let vcs = self.vcs();
        if self.channels[first * vcs + channel].ready > now {
            return false;
        }
        let readable = self.inputs[first + channel / vcs].readable;
        if readable > now {
            *later = (*later).min(readable);
            return false;
        }
        true
    }
}

/// The virtual channel whose turn is after another's.
#[inline(always)]
fn next(channel: usize, vcs: usize) -> usize {
    if channel + 1 >= vcs { 0 } else { channel + 1 }
}
