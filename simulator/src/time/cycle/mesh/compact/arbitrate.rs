//! Step 1 of a cycle: outputs choose among the heads that want them.

use super::node::Node;
use super::{BLOCK, Grant, Grants, NEVER, PORTS, State};

impl State {
    /// Decides for the routers of a block that something happens to; how many links and local outputs are granted.
    #[inline(always)]
    pub(super) fn arbitrate(&mut self, block: usize, now: u64, grants: &mut Grants) -> (usize, usize) {
        let (mut links, mut exits) = (0, 0);
        let mut set = self.events.take(block);
        while set != 0 {
            let router = block * BLOCK + set.trailing_zeros() as usize;
            set &= set - 1;
            let (crossing, leaving) = self.decide(router, now, grants, (links, exits));
            (links, exits) = (crossing, leaving);
        }
        (links, exits)
    }

    /// Grants the outputs of a router, from the one after as many as were granted, so that no output is always served
    /// first.
    #[inline(always)]
    fn decide(
        &mut self,
        index: usize,
        now: u64,
        grants: &mut Grants,
        (mut links, mut exits): (usize, usize),
    ) -> (usize, usize) {
        let (ports, read_interval) = (self.spec.ports() as u32, self.spec.read_interval);
        let node = &mut self.nodes[index];
        node.through |= self.events.take_channels(index);
        let mut available = node.through;
        if read_interval > 1 {
            let (unreadable, later) = node.unreadable(now);
            available &= !unreadable;
            if later != NEVER {
                self.events.enter(index, later, 0);
            }
        }
        let mut asked = 0u64;
        for (port, wants) in node.wants.iter().enumerate() {
            asked |= u64::from(wants & available != 0) << port;
        }
        let mut turn = u32::from(node.turn);
        let mut turned = asked.rotate_right(turn);
        let first_port = turn;
        while turned != 0 {
            let port = (turned.trailing_zeros() + first_port) as usize % PORTS;
            turned &= turned - 1;
            let allowed = node.allowed[port];
            if allowed > now {
                if allowed != NEVER && node.due[port] != allowed {
                    node.due[port] = allowed;
                    self.events.enter(index, allowed, 0);
                }
                continue;
            }
            let wants = node.wants[port];
            let requests = u32::from(wants & available);
            if requests == 0 {
                // Another output reads the same port in this cycle.
                self.events.enter(index, now + read_interval, 0);
                continue;
            }
            // The next request after the one granted last.
            let first = u32::from(node.last[port]) + 1;
            let channel = (requests.rotate_right(first).trailing_zeros() + first) % 32;
            let others = wants & !(1 << channel);
            available &= !(0b11 << (channel & !1));
            node.through &= !(1 << channel);
            node.wants[port] = others;
            node.last[port] = channel as u8;
            turn += 1;
            let free = now + u64::from(node.lines[port].interval);
            node.allowed[port] = free;
            if others & node.through != 0 {
                node.due[port] = free;
                self.events.enter(index, free, 0);
            }
            let grant = Grant((index as u32) << 7 | (port as u32) << 4 | channel);
            grants.links[links % (BLOCK * PORTS)] = grant;
            grants.exits[exits % (BLOCK * PORTS)] = grant;
            let leaves = port >> 2;
            (links, exits) = (links + (leaves ^ 1), exits + leaves);
        }
        node.turn = if turn >= ports { turn - ports } else { turn } as u16;
        (links, exits)
    }
}

impl Node {
    /// Channels through whose ports were read too recently, and when the first may be read.
    #[inline(never)]
    fn unreadable(&self, now: u64) -> (u16, u64) {
        let (mut unreadable, mut later) = (0, NEVER);
        for (port, &readable) in self.readable.iter().enumerate() {
            let channels = 0b11 << (port * 2);
            if self.through & channels != 0 && readable > now {
                unreadable |= channels;
                later = later.min(readable);
            }
        }
        (unreadable, later)
    }
}
