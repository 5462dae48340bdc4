//! Step 1 of a cycle: outputs choose among the heads that want them.

use super::events::Events;
use super::grants::{Counts, Grant, Grants, Picks};
use super::lanes::Lanes;
use super::node::Rest;
use super::pace::Pace;
use super::{BLOCK, NEVER, PORTS, State};

impl State<'_> {
    /// Decides for some routers of a block; how much is granted.
    #[inline(always)]
    pub(super) fn decide_some<P: Pace>(
        &mut self,
        block: usize,
        mut set: u64,
        now: u64,
        grants: &mut Grants,
    ) -> Counts {
        let mut granted = Counts::default();
        while set != 0 {
            let lane = set.trailing_zeros() as usize;
            set &= set - 1;
            granted = self.decide::<P>(block, lane, now, grants, granted);
        }
        granted
    }

    /// Grants the outputs of all routers of a block, in a mesh where every output is free again in the next cycle.
    #[inline(always)]
    pub(super) fn decide_all(&mut self, block: usize, set: u64, now: u64, picks: &mut Picks) {
        let ports = self.spec.ports();
        let lanes = &mut self.blocks[block].lanes;
        self.events.take_all_channels(block, &mut lanes.through);
        if lanes.shut != 0 {
            lanes.reopen(now);
            let mut shut = set & lanes.shut;
            while shut != 0 {
                let lane = shut.trailing_zeros() as usize;
                shut &= shut - 1;
                let router = block * BLOCK + lane;
                come_back(lanes, lane, &mut self.rests[router], router, now, self.events);
            }
        }
        let again = if ports == 5 {
            lanes.choose::<5>(ports as u16, picks)
        } else {
            lanes.choose::<PORTS>(ports as u16, picks)
        };
        if again != 0 {
            self.events.look(block, now + 1, again);
        }
    }

    /// Grants the outputs of a router, from the one after as many as were granted, so that no output is always served
    /// first.
    #[inline(always)]
    fn decide<P: Pace>(
        &mut self,
        block: usize,
        lane: usize,
        now: u64,
        grants: &mut Grants,
        mut granted: Counts,
    ) -> Counts {
        let index = block * BLOCK + lane;
        let mut heads = self.heads::<P>(index, now);
        let lanes = &self.blocks[block].lanes;
        let asked = lanes.asked(lane, heads.readable);
        let first = u32::from(lanes.turn[lane]);
        let (mut turn, mut turned) = (first, (asked | asked << PORTS) >> first & 0xFF);
        while turned != 0 {
            let port = (turned.trailing_zeros() + first) as usize % PORTS;
            turned &= turned - 1;
            if let Some(channel) = self.output::<P>(index, port, now, &mut heads) {
                turn += 1;
                granted = grants.enter(Grant::new(index, port, channel), granted);
            }
        }
        let (ports, lanes) = (self.spec.ports() as u32, &mut self.blocks[block].lanes);
        lanes.through[lane] = heads.through;
        lanes.turn[lane] = if turn >= ports { turn - ports } else { turn } as u16;
        granted
    }

    /// The heads of a router by which it decides.
    #[inline(always)]
    fn heads<P: Pace>(&mut self, index: usize, now: u64) -> Heads {
        let lanes = &self.blocks[index / BLOCK].lanes;
        let through = lanes.through[index % BLOCK] | self.events.take_channels(index);
        let mut readable = through;
        if !P::STEADY && self.spec.read_interval > 1 {
            let (unreadable, later) = self.rests[index].unreadable(through, now);
            readable &= !unreadable;
            if later != NEVER {
                self.events.enter(index, later, 0);
            }
        }
        Heads { through, readable }
    }

    /// The channel to which an output with requests is granted; looks again later if it cannot be, or if others wait.
    #[inline(always)]
    fn output<P: Pace>(&mut self, index: usize, port: usize, now: u64, heads: &mut Heads) -> Option<u32> {
        let (lane, rest) = (index % BLOCK, &mut self.rests[index]);
        let lanes = &mut self.blocks[index / BLOCK].lanes;
        let allowed = lanes.allowed[port][lane];
        if allowed > now {
            if allowed != NEVER && rest.due[port] != allowed {
                rest.due[port] = allowed;
                self.events.enter(index, allowed, 0);
            }
            return None;
        }
        let wants = lanes.wants[port][lane];
        let requests = wants & heads.readable;
        if requests == 0 {
            // Another output reads the same port in this cycle.
            let readable = now + if P::STEADY { 1 } else { self.spec.read_interval };
            self.events.enter(index, readable, 0);
            return None;
        }
        let channel = lanes.next(port, lane, requests);
        heads.readable &= !(0b11 << (channel & !1));
        heads.through &= !(1 << channel);
        let others = wants & !(1 << channel);
        lanes.wants[port][lane] = others;
        if others & heads.through != 0 {
            let free = now + if P::STEADY { 1 } else { u64::from(rest.interval[port]) };
            rest.due[port] = free;
            self.events.enter(index, free, 0);
        }
        Some(channel)
    }
}

/// Looks at a router again when its outputs with requests may be granted.
#[inline(never)]
fn come_back(lanes: &Lanes, lane: usize, rest: &mut Rest, router: usize, now: u64, events: &mut Events) {
    for (port, due) in rest.due.iter_mut().enumerate() {
        let allowed = lanes.allowed[port][lane];
        let asked = lanes.wants[port][lane] & lanes.through[lane] != 0;
        if asked && allowed > now && allowed != NEVER && *due != allowed {
            *due = allowed;
            events.enter(router, allowed, 0);
        }
    }
}

/// A router's heads, a bit a channel.
struct Heads {
    /// Those that are through it.
    through: u16,
    /// Those of them whose ports may still be read in this cycle.
    readable: u16,
}

impl Lanes {
    /// The outputs that some channels of a router want.
    #[inline(always)]
    fn asked(&self, lane: usize, channels: u16) -> u32 {
        let wants = |port: usize| u32::from(self.wants[port][lane] & channels != 0) << port;
        (0..PORTS).map(wants).sum()
    }

    /// The next of some requests of an output after the one that was granted last.
    #[inline(always)]
    fn next(&mut self, port: usize, lane: usize, requests: u16) -> u32 {
        let later = requests & self.after[port][lane];
        let channel = if later != 0 { later } else { requests }.trailing_zeros();
        self.after[port][lane] = (!1u32 << channel) as u16;
        channel
    }
}
