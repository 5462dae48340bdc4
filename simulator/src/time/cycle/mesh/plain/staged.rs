//! The oracle of staged allocation: both stages by their definition, decided before anything moves.

use snnc_targets::topology::Direction;

use super::OracleMesh;

impl OracleMesh<'_> {
    /// Switch allocation and channel allocation of a router in one cycle.
    pub(super) fn route_staged(&mut self, router: usize, now: u64, accept: &dyn Fn(usize, u64) -> u64) {
        let grants = self.switch_grants(router, now);
        let claims = self.claims(router, now);
        let (ports, vcs) = (self.spec.ports(), self.spec.virtual_channels as usize);
        for (channel, port, vc) in grants {
            self.outputs[router][port].turn = (channel / vcs + 1) % ports;
            self.offers[router][channel / vcs] = ((channel % vcs + 1) % vcs, (port + 1) % ports);
            self.grant(router, port, channel, vc, now, accept);
        }
        for (channel, port, vc) in claims {
            let head = &mut self.channels[router][channel];
            (head.held, head.claimed, head.turn) = (Some(vc), now, (port * vcs + vc + 1) % (ports * vcs));
            self.outputs[router][port].holders[vc] = Some(channel);
            self.outputs[router][port].heads[vc] = (channel + 1) % (ports * vcs);
        }
    }

    /// Input channel, output and virtual channel behind it of each packet that moves.
    fn switch_grants(&self, router: usize, now: u64) -> Vec<(usize, usize, usize)> {
        let (ports, vcs) = (self.spec.ports(), self.spec.virtual_channels as usize);
        // What input port `i` offers output `o`: the next of its channels that can go there.
        let offer = |i: usize, o: usize| {
            let order = (0..vcs).map(|k| i * vcs + (self.offers[router][i].0 + k) % vcs);
            order.into_iter().find(|&channel| self.can_go(router, channel, o, now))
        };
        // Each output takes one input port.
        let taken: Vec<Option<usize>> = (0..ports)
            .map(|o| {
                let order = (0..ports).map(|k| (self.outputs[router][o].turn + k) % ports);
                order.into_iter().find(|&i| offer(i, o).is_some())
            })
            .collect();
        // Each input port accepts one of the outputs that took it.
        let accepted = |i: usize| {
            let order = (0..ports).map(|k| (self.offers[router][i].1 + k) % ports);
            order.into_iter().find(|&o| taken[o] == Some(i))
        };
        (0..ports)
            .filter_map(|i| {
                let o = accepted(i)?;
                let channel = offer(i, o)?;
                Some((channel, o, self.channels[router][channel].held?))
            })
            .collect()
    }

    /// Whether the head of `channel` has a claim behind `port` and nothing is in its way.
    fn can_go(&self, router: usize, channel: usize, port: usize, now: u64) -> bool {
        let (spec, vcs) = (self.spec, self.spec.virtual_channels as usize);
        let state = &self.channels[router][channel];
        let (Some(head), Some(vc)) = (state.flits.front(), state.held) else { return false };
        let place = spec.neighbour(router, port).filter(|_| port < Direction::COUNT).is_none_or(|next| {
            let places = &self.channels[next][Direction::opposite(port) * vcs + vc].places;
            places.front().is_some_and(|&free| free <= now)
        });
        self.ahead(router, head.packet, head.ends[0]) == port
            && head.ready <= now + spec.read_interval
            && state.claimed + spec.read_interval <= now
            && self.readable[router][channel / vcs] <= now
            && self.outputs[router][port].free <= now
            && place
    }

    /// Input channel, output and virtual channel of each claim.
    fn claims(&self, router: usize, now: u64) -> Vec<(usize, usize, usize)> {
        let (spec, ports) = (self.spec, self.spec.ports());
        let (vcs, stage) = (spec.virtual_channels as usize, spec.read_interval);
        let asks = |channel: usize, port: usize, vc: usize| {
            let state = &self.channels[router][channel];
            let Some(head) = state.flits.front().filter(|_| state.held.is_none()) else { return false };
            let to = self.schedule[head.packet].to[0] / spec.locals as usize;
            self.ahead(router, head.packet, head.ends[0]) == port
                && head.ready <= now + stage
                && spec.channels(router, port, spec.tile(to)).contains(&vc)
        };
        // Each free channel takes one head.
        let taken = |port: usize, vc: usize| {
            let output = &self.outputs[router][port];
            let free = output.holders[vc].is_none() && output.released[vc].is_none_or(|at| at + stage <= now);
            let order = (0..ports * vcs).map(|k| (output.heads[vc] + k) % (ports * vcs));
            order.into_iter().find(|&channel| free && asks(channel, port, vc))
        };
        let taken: Vec<Option<usize>> = (0..ports * vcs).map(|at| taken(at / vcs, at % vcs)).collect();
        // Each head accepts one of the channels that took it.
        (0..ports * vcs)
            .filter_map(|channel| {
                let turn = self.channels[router][channel].turn;
                let mut order = (0..ports * vcs).map(|k| (turn + k) % (ports * vcs));
                let at = order.find(|&at| taken[at] == Some(channel))?;
                Some((channel, at / vcs, at % vcs))
            })
            .collect()
    }
}
