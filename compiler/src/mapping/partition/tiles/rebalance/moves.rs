//! Moves of channels between cores, with what they change elsewhere: a slice more is a destination more for all that feed
//! it, and other axons for all that it feeds.

use std::rc::Rc;

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

impl SharedOut<'_> {
    /// Makes moves; unmakes them and says so if another core or the thresholds stand in the way.
    pub fn try_moves(&mut self, moves: &[Move]) -> bool {
        let backup = (self.shares.clone(), self.of_core.clone(), self.used.clone());
        let axons = self.source_axons.clone();
        for &one in moves {
            self.shift(one);
        }
        let touched: Vec<usize> = moves.iter().map(|m| m.share).collect();
        if self.used.iter().all(|used| self.fits(used)) && self.within_profiles(&touched) {
            return true;
        }
        (self.shares, self.of_core, self.used) = backup;
        self.source_axons = axons;
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
        let (population, tile) = (self.shares[share].population, Rc::clone(&self.shares[share].tile));
        if let Some(counts) = self.source_axons.get_mut(&population) {
            for y in tile.rows.clone() {
                for x in tile.cols.clone() {
                    let count = &mut counts.counts[y as usize * counts.width + x as usize];
                    *count = (i64::from(*count) + axons) as u32;
                }
            }
        }
        for reader in &self.shares {
            let kernels = reader.tile.kernels.iter().filter(|kernel| kernel.source == population);
            let reached: i64 = kernels
                .map(|kernel| {
                    let rows = tile.rows.clone().filter(|&y| kernel.rows.reached_from(y as usize)).count();
                    let cols = tile.cols.clone().filter(|&x| kernel.cols.reached_from(x as usize)).count();
                    (rows * cols) as i64
                })
                .sum();
            if reached != 0 {
                for &(core, _) in &reader.holders {
                    let used = &mut self.used[core].input_axons;
                    *used = used.saturating_add_signed(reached * axons);
                }
            }
        }
    }

    /// Sources of a tile send to `slices` more slices of it.
    fn more_destinations(&mut self, share: usize, slices: i64) {
        let tile = Rc::clone(&self.shares[share].tile);
        for sender in &mut self.shares {
            let kernels = tile.kernels.iter().filter(|kernel| kernel.source == sender.population);
            let reaching: u64 = kernels
                .map(|kernel| {
                    let (rows, cols) = (&sender.tile.rows, &sender.tile.cols);
                    let rows = rows.clone().filter(|&y| kernel.rows.reached_from(y as usize)).count();
                    let cols = cols.clone().filter(|&x| kernel.cols.reached_from(x as usize)).count();
                    (rows * cols) as u64
                })
                .sum();
            if reaching == 0 {
                continue;
            }
            let change = reaching as i64 * slices;
            sender.fan_out = sender.fan_out.saturating_add_signed(change);
            for &(core, channels) in &sender.holders {
                let slots = i64::from(self.capacity.axons.output_slots(channels));
                let used = &mut self.used[core].output_axons;
                *used = used.saturating_add_signed(change * slots);
            }
        }
    }
}
