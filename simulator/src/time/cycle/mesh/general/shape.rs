//! What a mesh's inner loop is compiled for: virtual channels and length of packets as constants, so that the common
//! shapes have neither divisions nor checks for what they cannot have.

/// A shape of meshes.
pub(super) trait Shape {
    /// Virtual channels of a port; 0 for any number.
    const CHANNELS: usize;
    /// Every packet is one flit.
    const SINGLE: bool;
    /// Packets may fork.
    const FORKS: bool = false;
}

/// One virtual channel, packets of one flit: outputs of a router do not depend on each other.
pub(super) struct OneChannel;
/// Any number of virtual channels, packets of one flit.
pub(super) struct Channels;
/// The same with packets that may fork: outputs compete for the reading of one head.
pub(super) struct Forking;
/// Packets of several flits, which hold their channels.
pub(super) struct Worms;

impl Shape for OneChannel {
    const CHANNELS: usize = 1;
    const SINGLE: bool = true;
}

impl Shape for Channels {
    const CHANNELS: usize = 0;
    const SINGLE: bool = true;
}

impl Shape for Forking {
    const CHANNELS: usize = 0;
    const SINGLE: bool = true;
    const FORKS: bool = true;
}

impl Shape for Worms {
    const CHANNELS: usize = 0;
    const SINGLE: bool = false;
}
