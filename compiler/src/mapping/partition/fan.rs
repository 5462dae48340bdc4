//! Axons by position of a population, going out or coming in, with sums over boxes at once.

use std::ops::Range;

use super::figures::AxisUse;
use crate::ir::Shape;

/// Axons by position, row-major, and their two-dimensional prefix sums.
#[derive(Debug, Clone)]
pub struct Fan {
    height: usize,
    width: usize,
    counts: Vec<u32>,
    /// `[height + 1, width + 1]`: sum over the rows above and columns before.
    sums: Vec<u64>,
    /// The same of positions with a destination.
    sending: Vec<u64>,
}

impl Fan {
    /// None yet.
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

    /// Sum over the positions that reach a tile, as of the last [`Fan::finish`].
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

    /// Sum over a box, as of the last [`Fan::finish`].
    pub fn sum(&self, rows: &Range<u32>, cols: &Range<u32>) -> u64 {
        self.over(&self.sums, rows, cols)
    }

    /// Positions of a box that have a destination, as of the last [`Fan::finish`].
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
