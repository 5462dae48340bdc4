//! Shapes of maps: `[channels, height, width]`, stored row-major (width fastest) wherever a map is flat.

use std::fmt;

use serde::{Deserialize, Serialize};

/// `[channels, height, width]`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Shape {
    /// Channels.
    pub channels: usize,
    /// Rows.
    pub height: usize,
    /// Columns.
    pub width: usize,
}

impl Shape {
    /// `[channels, height, width]`.
    pub const fn new(channels: usize, height: usize, width: usize) -> Self {
        Self { channels, height, width }
    }

    /// Number of elements.
    pub const fn len(self) -> usize {
        self.channels * self.height * self.width
    }

    /// Whether there is no element.
    pub const fn is_empty(self) -> bool {
        self.len() == 0
    }

    /// Positions of one channel: height x width.
    pub const fn positions(self) -> usize {
        self.height * self.width
    }

    /// (row, column) of every position, row-major.
    pub fn places(self) -> impl Iterator<Item = (usize, usize)> {
        (0..self.positions()).map(move |position| (position / self.width, position % self.width))
    }

    /// Flat index of `[c, y, x]`.
    pub const fn at(self, c: usize, y: usize, x: usize) -> usize {
        (c * self.height + y) * self.width + x
    }
}

impl fmt::Display for Shape {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "[{}, {}, {}]", self.channels, self.height, self.width)
    }
}
