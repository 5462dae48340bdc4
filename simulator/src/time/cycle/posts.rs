//! What leaves a core for a spike: a packet for each destination, or one that forks.

use super::casts::{Casts, Task};
use super::routes::{Destination, Routes};
use crate::counts::SliceIndex;

/// Packets of a program's spikes.
#[derive(Debug, Clone, Copy)]
pub enum Posts<'a> {
    /// One for each destination.
    Apart(&'a Routes),
    /// One, on a tree.
    Forked(&'a Casts),
}

/// Where a packet goes.
#[derive(Debug, Clone, Copy)]
pub struct Parcel {
    /// Column of its destination's tile; unused on a tree.
    pub x: u16,
    /// Row of its destination's tile; unused on a tree.
    pub y: u16,
    /// Core within the tile; unused on a tree.
    pub local: u16,
    /// Its tree.
    pub tree: Option<u32>,
    /// What [`Posts::task`] wants to know of it.
    pub key: u32,
}

/// The packets of a spike that are still to be made.
#[derive(Debug, Clone)]
pub enum Parcels<'a> {
    /// To these destinations.
    Apart(std::slice::Iter<'a, Destination>),
    /// At most one: its tree and key.
    Forked(Option<(u32, u32)>),
}

impl Default for Parcels<'_> {
    fn default() -> Self {
        Self::Forked(None)
    }
}

impl Parcels<'_> {
    /// The next one, nearest destination list first.
    #[inline(always)]
    pub fn next(&mut self) -> Option<Parcel> {
        match self {
            Self::Apart(destinations) => destinations.next().map(|to| Parcel {
                x: to.x,
                y: to.y,
                local: to.local,
                tree: None,
                key: to.operations,
            }),
            Self::Forked(last) => {
                last.take().map(|(tree, key)| Parcel { x: 0, y: 0, local: 0, tree: Some(tree), key })
            }
        }
    }
}

impl<'a> Posts<'a> {
    /// The packets of a position's spike.
    pub fn packets(self, slice: SliceIndex, position: u32) -> Parcels<'a> {
        match self {
            Self::Apart(routes) => Parcels::Apart(routes.of(slice, position).iter()),
            Self::Forked(casts) => Parcels::Forked(casts.of(slice, position)),
        }
    }

    /// What a packet brings to a core.
    #[inline(always)]
    pub fn task(self, key: u32, core: u32) -> Task {
        match self {
            Self::Apart(_) => Task { axons: 1, operations: key },
            Self::Forked(casts) => casts.task(key, core),
        }
    }
}
