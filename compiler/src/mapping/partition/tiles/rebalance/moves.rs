//! Moves of channels between cores, with what they change elsewhere: a slice more is a destination more for all that
//! feed it, and other axons for all that it feeds.

use super::shares::{HeldChannels, SharedOut};

/// Channels of a tile that go from one core to another.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Move {
    /// Index of the tile.
    pub share: usize,
    /// From this core.
    pub from: usize,
    /// To this core.
    pub to: usize,
    /// Channels.
    pub channels: u32,
}

impl Move {
    fn back(self) -> Self {
        Self { from: self.to, to: self.from, ..self }
    }
}

impl SharedOut<'_> {
    /// Makes moves of different tiles; unmakes them and says so if some core or its thresholds stand in the way.
    pub fn try_moves(&mut self, moves: &[Move]) -> bool {
        let mut before = std::mem::take(&mut self.before);
        for (one, before) in moves.iter().zip(&mut before) {
            before.clone_from(&self.shares[one.share].holders);
        }
        moves.iter().for_each(|&one| self.shift(one));
        let done = moves.iter().all(|one| self.keeps_limits(one))
            && moves.iter().zip(&before).all(|(one, before)| self.within_profiles(one, before));
        if !done {
            moves.iter().rev().for_each(|one| self.shift(one.back()));
            // In the order in which they held their channels.
            for (one, before) in moves.iter().zip(&before) {
                self.shares[one.share].holders.clone_from(before);
            }
        }
        self.before = before;
        done
    }

    /// Whether the cores that a move touches keep their limits: its two, the input axons of those that read the tile,
    /// and the output slots of those that feed it.
    fn keeps_limits(&self, one: &Move) -> bool {
        let most = &self.capacity.most;
        let holders = |&(share, _): &(usize, u64)| self.shares[share].holders.iter().map(|&(core, _)| core);
        self.fits(&self.used[one.from])
            && self.fits(&self.used[one.to])
            && self.links.readers[one.share]
                .iter()
                .flat_map(holders)
                .all(|core| self.used[core].input_axons <= most.input_axons)
            && self.links.senders[one.share]
                .iter()
                .flat_map(holders)
                .all(|core| self.used[core].output_axons <= most.output_axons)
    }

    fn shift(&mut self, Move { share, from, to, channels }: Move) {
        let (had, has) = (self.channels(share, from), self.channels(share, to));
        let axons =
            |channels: u32| if channels == 0 { 0 } else { self.capacity.axons.input_axons(channels).into() };
        let before: i64 = axons(had) + axons(has);
        let after: i64 = axons(had - channels) + axons(has + channels);
        self.used[from] = self.with(&self.used[from], share, had, had - channels);
        self.used[to] = self.with(&self.used[to], share, has, has + channels);
        let (comes, goes) = (has == 0, had == channels);
        let holders = &mut self.shares[share].holders;
        let at = holders.iter().position(|&(core, _)| core == from).expect("the giver holds channels");
        holders[at].1 -= channels;
        match holders.iter_mut().find(|(core, _)| *core == to) {
            Some(held) => held.1 += channels,
            None => holders.insert(at + 1, (to, channels)),
        }
        holders.retain(|&(_, channels)| channels > 0);
        self.hold(from, share, had - channels);
        self.hold(to, share, has + channels);
        if after != before {
            self.more_source_axons(share, after - before);
        }
        let slices = i64::from(comes) - i64::from(goes);
        if slices != 0 {
            self.more_destinations(share, slices);
        }
    }

    /// Enters that a core has so many channels of a tile.
    fn hold(&mut self, core: usize, share: usize, channels: u32) {
        let own = &mut self.of_core[core];
        match own.iter().position(|held| held.share == share) {
            Some(at) if channels == 0 => {
                own.remove(at);
            }
            Some(at) => own[at].channels = channels,
            None => own.push(HeldChannels { share, channels }),
        }
    }

    /// Positions of a tile take `axons` more on every core that reads them.
    fn more_source_axons(&mut self, share: usize, axons: i64) {
        for &(reader, positions) in &self.links.readers[share] {
            let change = positions as i64 * axons;
            self.slice_axons[reader] = self.slice_axons[reader].saturating_add_signed(change);
            for &(core, _) in &self.shares[reader].holders {
                let used = &mut self.used[core].input_axons;
                *used = used.saturating_add_signed(change);
            }
        }
    }

    /// Sources of a tile send to `slices` more slices of it.
    fn more_destinations(&mut self, share: usize, slices: i64) {
        for &(sender, positions) in &self.links.senders[share] {
            let change = positions as i64 * slices;
            let sender = &mut self.shares[sender];
            sender.fan_out = sender.fan_out.saturating_add_signed(change);
            for &(core, channels) in &sender.holders {
                let slots = i64::from(self.capacity.axons.output_slots(channels));
                let used = &mut self.used[core].output_axons;
                *used = used.saturating_add_signed(change * slots);
            }
        }
    }
}
