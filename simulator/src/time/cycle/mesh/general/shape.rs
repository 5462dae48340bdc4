//! What a mesh's inner loop is compiled for: length of packets and forks as constants, so that the common shapes have no
//! checks for what they cannot have.

/// A shape of meshes.
pub(super) trait Shape {
    /// Every packet is one flit.
    const SINGLE: bool;
    /// Packets may fork.
    const FORKS: bool = false;
}

/// Packets of one flit.
pub(super) struct Flits;
/// The same with packets that may fork: outputs compete for the reading of one head.
pub(super) struct Forking;
/// Packets of several flits, which hold their channels.
pub(super) struct Worms;

impl Shape for Flits {
    const SINGLE: bool = true;
}

impl Shape for Forking {
    const SINGLE: bool = true;
    const FORKS: bool = true;
}

impl Shape for Worms {
    const SINGLE: bool = false;
}
