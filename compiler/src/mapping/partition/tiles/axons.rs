//! Axons by position of a population, going out or coming in, with sums over boxes at once.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::Range;
use std::sync::Arc;

use snnc_targets::schema::{AxonSpec, OutputAxonKind};

use super::tile::{AxisUse, PopulationTile};
use crate::ir::Shape;

/// Destination axons of a population: those of all channels, and those of some where kernels have groups.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OutgoingAxons {
    shape: Shape,
    /// Axons in slices that all channels reach.
    pub all: AxonCounts,
    /// Axons in slices that only some channels reach, by the first of those and one past the last.
    some: BTreeMap<(u32, u32), AxonCounts>,
    /// Channels from which on other slices are reached: slices of the population are cut there.
    pub cuts: Arc<BTreeSet<u32>>,
}

impl OutgoingAxons {
    /// Of a population that no placed layer reads yet.
    pub fn new(shape: Shape) -> Self {
        Self { shape, all: AxonCounts::new(shape), some: BTreeMap::new(), cuts: Arc::default() }
    }

    /// One axon more at every position that reaches a tile, for some channels.
    pub fn add(&mut self, channels: &Range<u32>, rows: &AxisUse, cols: &AxisUse) {
        if channels.is_empty() {
            return;
        }
        if *channels == (0..self.shape.channels as u32) {
            return self.all.add(rows, cols, 1);
        }
        let new = || AxonCounts::new(self.shape);
        self.some.entry((channels.start, channels.end)).or_insert_with(new).add(rows, cols, 1);
    }

    /// Channels of a range reach a slice that others do not.
    pub fn cut_around(&mut self, channels: &Range<u32>) {
        let inside = |&cut: &u32| cut > 0 && cut < self.shape.channels as u32;
        let cuts: Vec<u32> = [channels.start, channels.end].into_iter().filter(inside).collect();
        Arc::make_mut(&mut self.cuts).extend(cuts);
    }

    /// Brings the sums up to date.
    pub fn finish(&mut self) {
        self.all.finish();
        self.some.values_mut().for_each(AxonCounts::finish);
    }

    /// Sum over all positions, each axon once whatever the channels that it is for.
    pub fn total(&self) -> u64 {
        self.all.total() + self.some.values().map(AxonCounts::total).sum::<u64>()
    }

    /// What a tile of the population sends.
    pub fn output(&self, axons: &AxonSpec, tile: &PopulationTile) -> TileOutput {
        let fan_out = self.all.sum(&tile.rows, &tile.cols);
        let copies = axons.output.get() == OutputAxonKind::NeuronCopies;
        let mut output = TileOutput {
            fan_out,
            neurons: tile.positions(),
            parts: Vec::new(),
            cuts: Arc::clone(&self.cuts),
        };
        if copies {
            let silent = tile.positions() - self.all.sending(&tile.rows, &tile.cols);
            output.neurons = fan_out * u64::from(axons.planes()) + silent;
        }
        if !self.cuts.is_empty() {
            let mut start = 0;
            for end in self.cuts.iter().copied().chain([self.shape.channels as u32]) {
                output.parts.push(self.part(start..end, axons, tile));
                start = end;
            }
        }
        output
    }

    /// What a tile sends of channels that all reach the same slices.
    fn part(&self, channels: Range<u32>, axons: &AxonSpec, tile: &PopulationTile) -> ChannelOutput {
        let own =
            |(range, _): &(&(u32, u32), &AxonCounts)| range.0 <= channels.start && channels.end <= range.1;
        let outgoing: Vec<&AxonCounts> =
            self.some.iter().filter(own).map(|(_, fan_out)| fan_out).chain([&self.all]).collect();
        let fan_out = outgoing.iter().map(|fan_out| fan_out.sum(&tile.rows, &tile.cols)).sum();
        let neurons = match axons.output.get() {
            OutputAxonKind::NeuronCopies => {
                let at =
                    |y: u32, x: u32| outgoing.iter().map(|fan_out| fan_out.at_position(y, x)).sum::<u32>();
                let positions = tile.rows.clone().flat_map(|y| tile.cols.clone().map(move |x| (y, x)));
                positions.map(|(y, x)| u64::from(axons.copies(at(y, x)))).sum()
            }
            OutputAxonKind::Discrete | OutputAxonKind::Population { .. } => tile.positions(),
        };
        ChannelOutput { channels, fan_out, neurons }
    }
}

/// What a tile sends, and what that takes.
#[derive(Debug, Clone)]
pub struct TileOutput {
    /// Destination axons summed over its positions, of every channel.
    fan_out: u64,
    /// Neurons of a core that one channel of it takes, copies included.
    neurons: u64,
    /// Axons and neurons where channels differ, ascending over all channels; empty if all channels are alike.
    parts: Vec<ChannelOutput>,
    /// [`OutgoingAxons::cuts`] of the layer.
    cuts: Arc<BTreeSet<u32>>,
}

/// Channels that send alike.
#[derive(Debug, Clone)]
struct ChannelOutput {
    channels: Range<u32>,
    fan_out: u64,
    neurons: u64,
}

impl TileOutput {
    /// What a tile sends that no layer reads, or whose targets are left out of account.
    pub fn silent(positions: u64) -> Self {
        Self { fan_out: 0, neurons: positions, parts: Vec::new(), cuts: Arc::default() }
    }

    /// Whether channels differ in what they send.
    pub fn differs(&self) -> bool {
        !self.parts.is_empty()
    }

    /// Where slices of the layer are cut, as channels send to others from there on.
    pub fn cuts(&self) -> &BTreeSet<u32> {
        &self.cuts
    }

    /// Whether some channel sends.
    pub fn sends(&self) -> bool {
        self.fan_out > 0 || self.parts.iter().any(|part| part.fan_out > 0)
    }

    /// Neurons of a core that some channels take.
    pub fn neurons(&self, channels: &Range<u32>) -> u64 {
        if self.parts.is_empty() {
            return self.neurons * u64::from(channels.end - channels.start);
        }
        let common = |part: &ChannelOutput| {
            u64::from(
                part.channels.end.min(channels.end).saturating_sub(part.channels.start.max(channels.start)),
            )
        };
        self.parts.iter().map(|part| common(part) * part.neurons).sum()
    }

    /// Output slots that some channels take in slices of these pieces, none of which holds channels that differ.
    pub fn slots(&self, axons: &AxonSpec, pieces: &[Range<u32>]) -> u64 {
        let of = |piece: &Range<u32>| {
            let at = self.parts.partition_point(|part| part.channels.end <= piece.start);
            let fan_out = self.parts.get(at).map_or(self.fan_out, |part| part.fan_out);
            fan_out * u64::from(axons.output_slots(piece.end - piece.start))
        };
        pieces.iter().map(of).sum()
    }
}

/// Axons by position, row-major, and their two-dimensional prefix sums.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AxonCounts {
    height: usize,
    width: usize,
    counts: Vec<u32>,
    /// `[height + 1, width + 1]`: sum over the rows above and columns before.
    sums: Vec<u64>,
    /// Prefix sums of the positions that have a destination, in the layout of `sums`.
    sending: Vec<u64>,
}

impl AxonCounts {
    /// No axon at any position yet.
    pub fn new(shape: Shape) -> Self {
        let (height, width) = (shape.height, shape.width);
        Self { height, width, counts: vec![0; height * width], sums: Vec::new(), sending: Vec::new() }
    }

    /// `axons` more at every position that reaches a tile.
    pub fn add(&mut self, rows: &AxisUse, cols: &AxisUse, axons: u32) {
        self.sums.clear();
        for y in (0..self.height).filter(|&y| rows.reached_from(y)) {
            for x in (0..self.width).filter(|&x| cols.reached_from(x)) {
                self.counts[y * self.width + x] += axons;
            }
        }
    }

    /// `axons` more at position (0, x) of a population of one row.
    pub fn add_at(&mut self, x: usize, axons: u32) {
        self.sums.clear();
        self.counts[x] += axons;
    }

    /// Destination axons of position (0, x) of a population of one row.
    pub fn at(&self, x: usize) -> u64 {
        self.counts[x].into()
    }

    /// Destination axons of a position.
    fn at_position(&self, y: u32, x: u32) -> u32 {
        self.counts[y as usize * self.width + x as usize]
    }

    /// `axons` more at every position of a box.
    pub fn add_box(&mut self, rows: &Range<u32>, cols: &Range<u32>, axons: u32) {
        self.sums.clear();
        for y in rows.clone() {
            let row = y as usize * self.width;
            for count in &mut self.counts[row + cols.start as usize..row + cols.end as usize] {
                *count += axons;
            }
        }
    }

    /// Sum over the positions that reach a tile, as of the last [`AxonCounts::finish`].
    pub fn sum_reached(&self, rows: &AxisUse, cols: &AxisUse) -> u64 {
        if let (Some(rows), Some(cols)) = (rows.span(), cols.span()) {
            return self.sum(&rows, &cols);
        }
        let mut sum = 0;
        for y in (0..self.height).filter(|&y| rows.reached_from(y)) {
            let row = &self.counts[y * self.width..(y + 1) * self.width];
            sum += (0..self.width).filter(|&x| cols.reached_from(x)).map(|x| u64::from(row[x])).sum::<u64>();
        }
        sum
    }

    /// Brings the sums up to date.
    pub fn finish(&mut self) {
        if !self.sums.is_empty() {
            return;
        }
        let stride = self.width + 1;
        self.sums = vec![0; (self.height + 1) * stride];
        self.sending = self.sums.clone();
        for y in 0..self.height {
            let (mut row, mut sending) = (0, 0);
            for x in 0..self.width {
                let count = self.counts[y * self.width + x];
                row += u64::from(count);
                sending += u64::from(count.min(1));
                let (above, here) = (y * stride + x + 1, (y + 1) * stride + x + 1);
                self.sums[here] = self.sums[above] + row;
                self.sending[here] = self.sending[above] + sending;
            }
        }
    }

    /// Sum over a box, as of the last [`AxonCounts::finish`].
    pub fn sum(&self, rows: &Range<u32>, cols: &Range<u32>) -> u64 {
        self.over(&self.sums, rows, cols)
    }

    /// Positions of a box that have a destination, as of the last [`AxonCounts::finish`].
    pub fn sending(&self, rows: &Range<u32>, cols: &Range<u32>) -> u64 {
        self.over(&self.sending, rows, cols)
    }

    fn over(&self, sums: &[u64], rows: &Range<u32>, cols: &Range<u32>) -> u64 {
        let at = |y: u32, x: u32| sums[y as usize * (self.width + 1) + x as usize];
        at(rows.end, cols.end) + at(rows.start, cols.start)
            - at(rows.start, cols.end)
            - at(rows.end, cols.start)
    }

    /// Sum over all positions.
    pub fn total(&self) -> u64 {
        self.sum(&(0..self.height as u32), &(0..self.width as u32))
    }
}
