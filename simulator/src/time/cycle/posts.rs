//! What leaves a core for a spike: a packet for each destination, or one that forks.

use super::casts::{Casts, Task};
use super::routes::Routes;
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

impl Posts<'_> {
    /// The `nth` packet of a position's spike.
    #[inline(always)]
    pub fn packet(self, slice: SliceIndex, position: u32, nth: usize) -> Option<Parcel> {
        match self {
            Self::Apart(routes) => routes.of(slice, position).get(nth).map(|to| Parcel {
                x: to.x,
                y: to.y,
                local: to.local,
                tree: None,
                key: to.operations,
            }),
            Self::Forked(casts) => casts.of(slice, position).filter(|_| nth == 0).map(|(tree, key)| Parcel {
                x: 0,
                y: 0,
                local: 0,
                tree: Some(tree),
                key,
            }),
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
