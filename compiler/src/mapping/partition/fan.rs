//! How many destination axons each position of a population has, with sums over boxes at once.

use std::ops::Range;

use super::figures::AxisUse;
use crate::ir::Shape;

/// Destination axons by position, row-major, and their two-dimensional prefix sums.
#[derive(Debug, Clone)]
pub struct Fan {
    height: usize,
    width: usize,
    counts: Vec<u32>,
    /// `[height + 1, width + 1]`: sum over the rows above and columns before.
    sums: Vec<u64>,
}

impl Fan {
    /// No destinations yet.
    pub fn new(shape: Shape) -> Self {
        let (height, width) = (shape.height, shape.width);
        Self { height, width, counts: vec![0; height * width], sums: Vec::new() }
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

    /// Brings the sums up to date.
    pub fn finish(&mut self) {
        if !self.sums.is_empty() {
            return;
        }
        let stride = self.width + 1;
        self.sums = vec![0; (self.height + 1) * stride];
        for y in 0..self.height {
            let mut row = 0;
            for x in 0..self.width {
                row += u64::from(self.counts[y * self.width + x]);
                self.sums[(y + 1) * stride + x + 1] = self.sums[y * stride + x + 1] + row;
            }
        }
    }

    /// Sum over a box, as of the last [`Fan::finish`].
    pub fn sum(&self, rows: &Range<u32>, cols: &Range<u32>) -> u64 {
        let at = |y: u32, x: u32| self.sums[y as usize * (self.width + 1) + x as usize];
        at(rows.end, cols.end) + at(rows.start, cols.start)
            - at(rows.start, cols.end)
            - at(rows.end, cols.start)
    }

    /// Sum over all positions.
    pub fn total(&self) -> u64 {
        self.sum(&(0..self.height as u32), &(0..self.width as u32))
    }
}
