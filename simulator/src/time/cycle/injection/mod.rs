//! The network interface: turns a spike into the headers of its packets, one for each destination or one that forks.
//!
//! [`destinations`] lists the cores that a position sends to, [`multicast`] the trees of packets that fork. Both are
//! made once for a program; nothing here knows time.

mod destinations;
mod multicast;

use crate::counts::SliceIndex;
use crate::execute::slice::SliceSpike;

pub use destinations::{PacketDestination, PacketDestinations};
pub use multicast::{MulticastTable, PacketWork, on_mesh};

/// Makes the packets of a program's spikes.
#[derive(Debug, Clone, Copy)]
pub enum PacketInjector<'a> {
    /// A spike is one packet for each destination.
    Unicast(&'a PacketDestinations),
    /// A spike is one packet, on a tree.
    Multicast(&'a MulticastTable),
}

/// The header of a packet: where it goes.
#[derive(Debug, Clone, Copy)]
pub struct PacketHeader {
    /// Column of its destination's tile; unused on a tree.
    pub x: u16,
    /// Row of its destination's tile; unused on a tree.
    pub y: u16,
    /// Core within the tile; unused on a tree.
    pub local: u16,
    /// Its tree.
    pub tree: Option<u32>,
    /// The key of its work for [`PacketInjector::packet_work`].
    pub key: u32,
}

/// The packets of a spike that are still to be made.
#[derive(Debug, Clone)]
pub enum PacketHeaders<'a> {
    /// To these destinations, from a channel; and the zeros that packets skip.
    Unicast(std::slice::Iter<'a, PacketDestination>, u32, &'a [u32]),
    /// At most one: its tree and key.
    Multicast(Option<(u32, u32)>),
}

impl Default for PacketHeaders<'_> {
    fn default() -> Self {
        Self::Multicast(None)
    }
}

impl PacketHeaders<'_> {
    /// The next one, nearest destination list first.
    #[inline(always)]
    pub fn next(&mut self) -> Option<PacketHeader> {
        match self {
            Self::Unicast(destinations, channel, zeros) => destinations.next().map(|to| PacketHeader {
                x: to.x,
                y: to.y,
                local: to.local,
                tree: None,
                key: to.operations_of(*channel, zeros),
            }),
            Self::Multicast(last) => {
                last.take().map(|(tree, key)| PacketHeader { x: 0, y: 0, local: 0, tree: Some(tree), key })
            }
        }
    }
}

impl<'a> PacketInjector<'a> {
    /// The packets of a slice's spike.
    pub fn packets(self, slice: SliceIndex, spike: SliceSpike) -> PacketHeaders<'a> {
        match self {
            Self::Unicast(routes) => {
                PacketHeaders::Unicast(routes.of(slice, spike.position).iter(), spike.atom, routes.zeros())
            }
            Self::Multicast(table) => PacketHeaders::Multicast(table.of(slice, spike)),
        }
    }

    /// What a packet brings to a core.
    #[inline(always)]
    pub fn packet_work(self, key: u32, core: u32) -> PacketWork {
        match self {
            Self::Unicast(_) => PacketWork { axons: 1, operations: key },
            Self::Multicast(table) => table.packet_work(key, core),
        }
    }
}
