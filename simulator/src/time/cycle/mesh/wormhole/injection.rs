//! Packets enter: a local buffer asks for the next one as soon as a place is known to become free.

use snnc_targets::topology::Direction;

use super::flow_control::FlowControl;
use super::{BufferedFlit, NEVER, TAIL, WormholeMesh};
use crate::time::cycle::mesh::traffic::{Injection, MeshTraffic};
use crate::time::cycle::mesh::{MeshDestination, PacketInFlight};

impl WormholeMesh {
    /// Fills the local buffer of a port as far as places are known to be free.
    pub(super) fn fill_injection_buffer<S: FlowControl>(
        &mut self,
        entrance: usize,
        traffic: &mut impl MeshTraffic,
    ) {
        let (router, port) = self.entrance_at(entrance);
        let vcs = self.vcs();
        let index = (router << self.shift) + port;
        loop {
            let state = self.entrances[entrance];
            let fresh = S::SINGLE || state.left == 0;
            // Packets take the virtual channels in turn.
            let turn = if fresh { state.entered } else { state.entered.wrapping_sub(1) };
            let channel = index * vcs + turn as usize % vcs;
            let free = self.next_place(channel);
            if free == NEVER {
                return;
            }
            let soonest = if state.entered > 0 { state.last + self.spec.injection.interval } else { 0 };
            let (mut at, mut tree) = (free.max(soonest), None);
            if fresh {
                let Some(injection) = traffic.inject(entrance, at) else { return };
                (at, tree) = (injection.at, injection.tree);
                self.begin(entrance, &injection);
            }
            let state = &mut self.entrances[entrance];
            state.last = at;
            state.left -= 1;
            let mark = if state.left == 0 { TAIL } else { 0 };
            let slot = state.packet;
            let here = self.spec.at(router);
            let mut port = self.compute_route(self.packets[slot as usize].to, (here.0 as u16, here.1 as u16));
            if S::FORKS {
                port = self.forks.enter(slot, tree, port);
            }
            let flit = BufferedFlit { time: at + self.spec.router_latency, packet: slot | mark, port };
            self.push::<S>(router << self.shift, channel, flit);
        }
    }

    /// Router and port of a local port.
    #[inline(always)]
    fn entrance_at(&self, entrance: usize) -> (usize, usize) {
        let locals = self.spec.locals as usize;
        if locals == 1 {
            (entrance, Direction::COUNT)
        } else {
            (entrance / locals, Direction::COUNT + entrance % locals)
        }
    }

    /// Enters a packet into the table.
    #[inline(always)]
    fn begin(&mut self, entrance: usize, injection: &Injection) {
        let &Injection { at, x, y, local, tag, .. } = injection;
        let packet = PacketInFlight { injected: at, tag, to: MeshDestination { x, y, local } };
        let slot = self.unused.pop().unwrap_or(self.packets.len() as u32);
        if slot as usize == self.packets.len() {
            self.packets.push(packet);
        } else {
            self.packets[slot as usize] = packet;
        }
        let state = &mut self.entrances[entrance];
        state.entered = state.entered.wrapping_add(1);
        state.left = self.spec.flits_per_packet;
        state.packet = slot;
    }
}
