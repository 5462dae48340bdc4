//! Which way packets take over the routers of a grid: the one authority that mesh engines, multicast trees, placement,
//! bounds and zero-load latencies ask.
//!
//! All rules here are dimension-order: a packet first covers all links along one axis, then all along the other. What
//! differs is which axis comes first and how many links an axis has between two coordinates, so a new rule of
//! that kind is one file and a variant of [`Interconnect`]. A router has four ports and a grid two axes throughout,
//! so a
//! mesh of hexagons is outside this design. Anything else follows from that in [`Routing`]'s provided methods.
//!
//! Freedom of deadlock: along an axis without wrap-around links a packet never turns round, and no packet goes back to
//! the first axis, so buffers can be ordered. Where an axis is a ring, its virtual channels are split into two classes
//! (Dally and Seitz, "Deadlock-free message routing in multiprocessor interconnection networks", IEEE Transactions on
//! Computers C-36, 1987): see [`Routing::channel_class`].

mod mesh_xy;
mod mesh_yx;
mod torus_xy;

pub use mesh_xy::MeshXy;
pub use mesh_yx::MeshYx;
pub use torus_xy::TorusXy;

use std::fmt;

use serde::{Deserialize, Serialize};

use super::Tile;

/// How the routers of all chips are joined and how packets go, as target files name it.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub enum Interconnect {
    /// A mesh; along X first, then along Y.
    #[default]
    MeshXy,
    /// A mesh; along Y first, then along X.
    MeshYx,
    /// A torus, every row and column a ring; the shorter way along X, then along Y.
    TorusXy,
}

impl fmt::Display for Interconnect {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{self:?}")
    }
}

impl Routing for Interconnect {
    #[inline(always)]
    fn first(self) -> Axis {
        match self {
            Self::MeshXy => MeshXy.first(),
            Self::MeshYx => MeshYx.first(),
            Self::TorusXy => TorusXy.first(),
        }
    }

    #[inline(always)]
    fn steps(self, length: u32, from: u32, to: u32) -> i32 {
        match self {
            Self::MeshXy => MeshXy.steps(length, from, to),
            Self::MeshYx => MeshYx.steps(length, from, to),
            Self::TorusXy => TorusXy.steps(length, from, to),
        }
    }

    #[inline(always)]
    fn wraps(self) -> bool {
        match self {
            Self::MeshXy => MeshXy.wraps(),
            Self::MeshYx => MeshYx.wraps(),
            Self::TorusXy => TorusXy.wraps(),
        }
    }
}

/// An axis of the grid.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Axis {
    /// Along a row: the column changes.
    X,
    /// Along a column: the row changes.
    Y,
}

impl Axis {
    /// Both.
    pub const ALL: [Self; 2] = [Self::X, Self::Y];

    /// The other one.
    #[inline(always)]
    pub fn other(self) -> Self {
        match self {
            Self::X => Self::Y,
            Self::Y => Self::X,
        }
    }
}

/// A mesh port of a router. Local ports, those of cores, are numbered behind these.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Direction {
    /// Towards larger x.
    East = 0,
    /// Towards smaller x.
    West = 1,
    /// Towards larger y.
    South = 2,
    /// Towards smaller y.
    North = 3,
}

impl Direction {
    /// In the order of their numbers.
    pub const ALL: [Self; 4] = [Self::East, Self::West, Self::South, Self::North];
    /// How many there are: the number of a router's first local port.
    pub const COUNT: usize = Self::ALL.len();

    /// The number of the direction that leads back from where direction number `port` leads.
    #[inline(always)]
    pub fn opposite(port: usize) -> usize {
        port ^ 1
    }

    /// Along an axis: towards larger coordinates (`forward`) or smaller ones.
    #[inline(always)]
    pub fn along(axis: Axis, forward: bool) -> Self {
        match (axis, forward) {
            (Axis::X, true) => Self::East,
            (Axis::X, false) => Self::West,
            (Axis::Y, true) => Self::South,
            (Axis::Y, false) => Self::North,
        }
    }

    /// Its axis.
    #[inline(always)]
    pub fn axis(self) -> Axis {
        match self {
            Self::East | Self::West => Axis::X,
            Self::South | Self::North => Axis::Y,
        }
    }

    /// Whether it leads towards larger coordinates.
    #[inline(always)]
    pub fn is_forward(self) -> bool {
        matches!(self, Self::East | Self::South)
    }

    /// Its number, 0 to 3.
    #[inline(always)]
    pub fn port(self) -> usize {
        self as usize
    }
}

/// The routers: `columns` x `rows`, one at each tile.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Grid {
    /// Routers in a row.
    pub columns: u32,
    /// Rows of routers.
    pub rows: u32,
}

impl Grid {
    /// Routers along an axis.
    #[inline(always)]
    pub fn length(self, axis: Axis) -> u32 {
        match axis {
            Axis::X => self.columns,
            Axis::Y => self.rows,
        }
    }
}

/// A rule of routing. What a rule must say is [`first`](Self::first), [`steps`](Self::steps) and
/// [`wraps`](Self::wraps).
pub trait Routing: Copy {
    /// The axis that packets cover first.
    fn first(self) -> Axis;

    /// Links from coordinate `from` to `to` along an axis of `length` routers: positive towards larger coordinates,
    /// negative towards smaller ones, 0 if and only if they are equal.
    fn steps(self, length: u32, from: u32, to: u32) -> i32;

    /// Whether the last router along an axis is joined to the first.
    fn wraps(self) -> bool;

    /// The direction in which a packet leaves router `at`; none where it has arrived.
    #[inline(always)]
    fn next(self, grid: Grid, at: Tile, to: Tile) -> Option<Direction> {
        let along = |axis: Axis| {
            let steps = self.steps(grid.length(axis), at.along(axis), to.along(axis));
            (steps != 0).then(|| Direction::along(axis, steps > 0))
        };
        along(self.first()).or_else(|| along(self.first().other()))
    }

    /// The router at the end of a link, if there is such a link.
    fn neighbour(self, grid: Grid, at: Tile, direction: Direction) -> Option<Tile> {
        let (axis, length) = (direction.axis(), grid.length(direction.axis()));
        let (here, forward) = (at.along(axis), direction.is_forward());
        let edge = if forward { here + 1 >= length } else { here == 0 };
        let there = match (edge, forward) {
            // A ring of one router would join it to itself.
            (true, _) if !self.wraps() || length < 2 => return None,
            (true, true) => 0,
            (true, false) => length - 1,
            (false, true) => here + 1,
            (false, false) => here - 1,
        };
        Some(at.moved(axis, there))
    }

    /// Links that a packet crosses.
    #[inline]
    fn distance(self, grid: Grid, from: Tile, to: Tile) -> u32 {
        let along = |axis| self.steps(grid.length(axis), from.along(axis), to.along(axis)).unsigned_abs();
        along(Axis::X) + along(Axis::Y)
    }

    /// Classes into which the virtual channels of a link are split.
    #[inline(always)]
    fn channel_classes(self) -> u32 {
        if self.wraps() { 2 } else { 1 }
    }

    /// The class of the buffer at `behind`, which a packet to `to` enters by a link in `direction`: 0 as long as a
    /// wrap-around link lies before it on this axis, then 1.
    ///
    /// A packet of class 1 crosses no wrap-around link, so buffers of class 1 along a ring wait for each other in one
    /// direction only and never in a circle; buffers of class 0 do so up to the wrap-around link, behind which class 1
    /// begins.
    #[inline]
    fn channel_class(self, behind: Tile, direction: Direction, to: Tile) -> u32 {
        if !self.wraps() {
            return 0;
        }
        let (here, end) = (behind.along(direction.axis()), to.along(direction.axis()));
        u32::from(if direction.is_forward() { here <= end } else { here >= end })
    }
}

/// Sums of something over the links of an axis, so that what a packet meets between two coordinates is a difference.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AxisSums {
    /// By coordinate: the sum of the links from coordinate 0 upwards.
    sums: Vec<i64>,
    /// All links of the ring; 0 without a wrap-around link.
    around: i64,
}

impl AxisSums {
    /// Of an axis of `length` routers; `of` gives a link's share by the coordinates that it joins.
    pub fn new(routing: impl Routing, length: u32, of: impl Fn(u32, u32) -> i64) -> Self {
        let mut sums = vec![0];
        for to in 1..length {
            sums.push(sums[to as usize - 1] + of(to - 1, to));
        }
        let ring = routing.wraps() && length > 1;
        let around = if ring { sums[length as usize - 1] + of(length - 1, 0) } else { 0 };
        Self { sums, around }
    }

    /// By coordinate: the sum of the links from coordinate 0 upwards.
    pub fn coordinates(&self) -> &[i64] {
        &self.sums
    }

    /// The sum over the links that a packet crosses from coordinate `from` to `to`.
    #[inline]
    pub fn between(&self, routing: impl Routing, from: u32, to: u32) -> i64 {
        let upwards = self.sums[to as usize] - self.sums[from as usize];
        let steps = routing.steps(self.sums.len() as u32, from, to);
        match (steps >= 0, to >= from) {
            (true, true) => upwards,
            (true, false) => self.around + upwards,
            (false, false) => -upwards,
            (false, true) => self.around - upwards,
        }
    }
}

#[cfg(test)]
mod tests;
