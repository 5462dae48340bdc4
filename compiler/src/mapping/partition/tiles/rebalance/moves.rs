//! Moves of channels between cores, with what they change elsewhere: a slice more is a destination more for all that
//! feed it, and other axons for all that it feeds.

use super::shares::SharedOut;

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
    /// Makes moves of different tiles; unmakes them and says so if a core or its thresholds stand in the way.
    pub fn try_moves(&mut self, moves: &[Move]) -> bool {
        let holders: Vec<_> = moves.iter().map(|one| self.shares[one.share].holders.clone()).collect();
        moves.iter().for_each(|&one| self.shift(one));
        if self.used.iter().all(|used| self.fits(used)) && self.within_profiles(moves) {
            return true;
        }
        moves.iter().rev().for_each(|one| self.shift(one.back()));
        // In the order in which they held their channels.
        for (one, holders) in moves.iter().zip(holders) {
            self.shares[one.share].holders = holders;
        }
        false
    }

    fn shift(&mut self, Move { share, from, to, channels }: Move) {
        let (had, has) = (self.channels(share, from), self.channels(share, to));
        let before = [had, has].map(|n| self.axons_of(n));
        let after = [had - channels, has + channels].map(|n| self.axons_of(n));
        self.used[from] = self.gives(share, from, &self.used[from], channels);
        self.used[to] = self.own_use(&self.used[to], share, to, channels.into());
        let comes = has == 0;
        let goes = had == channels;
        let holders = &mut self.shares[share].holders;
        let at = holders.iter().position(|&(core, _)| core == from).expect("the giver holds channels");
        holders[at].1 -= channels;
        match holders.iter_mut().find(|(core, _)| *core == to) {
            Some(held) => held.1 += channels,
            None => holders.insert(at + 1, (to, channels)),
        }
        holders.retain(|&(_, channels)| channels > 0);
        if comes {
            self.of_core[to].push(share);
        }
        if goes {
            self.of_core[from].retain(|&other| other != share);
        }
        let axons: i64 = after.iter().sum::<i64>() - before.iter().sum::<i64>();
        if axons != 0 {
            self.more_source_axons(share, axons);
        }
        let slices = i64::from(comes) - i64::from(goes);
        if slices != 0 {
            self.more_destinations(share, slices);
        }
    }

    /// Input axons that so many channels of a position take elsewhere.
    fn axons_of(&self, channels: u32) -> i64 {
        if channels == 0 { 0 } else { self.capacity.axons.input_axons(channels).into() }
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
