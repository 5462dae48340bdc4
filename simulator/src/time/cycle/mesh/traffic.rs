//! What a mesh carries: packets asked of a source and handed to a sink.

/// A packet at its entrance.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Injection {
    /// Cycle in which its first flit stands in the local input buffer.
    pub at: u64,
    /// Column of its destination.
    pub x: u16,
    /// Row of its destination.
    pub y: u16,
    /// Local port at the destination.
    pub local: u16,
    /// The tree on which it goes instead, of those that the mesh was built with.
    pub tree: Option<u32>,
    /// Carried along for the sink.
    pub tag: u64,
}

/// A packet at its exit, or at one of those of its tree.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Delivery {
    /// [`Injection::at`].
    pub injected: u64,
    /// Cycle in which its last flit leaves the router.
    pub left: u64,
    /// Cycle in which its last flit has arrived.
    pub arrived: u64,
    /// [`Injection::tag`].
    pub tag: u64,
}

/// A flit on a link between routers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Crossing {
    /// Router that it leaves.
    pub router: usize,
    /// Direction of the link.
    pub port: usize,
    /// Cycle in which it leaves.
    pub at: u64,
    /// Cycle from which the link takes the next flit.
    pub free: u64,
    /// [`Injection::tag`] of its packet.
    pub tag: u64,
}

/// Cores, or a test's schedule. A port is `router * locals + local`.
///
/// Both ends are passive: the mesh asks for a packet as soon as a place in the local buffer is known to become free,
/// so a source may answer with a time in the future, and a sink answers at once when it can take the next packet.
/// Therefore cores cost no events of their own.
pub trait MeshTraffic {
    /// The next packet of a port, whose place is free from cycle `free` on; none when the port has sent all. `at`
    /// is not before `free`.
    fn inject(&mut self, port: usize, free: u64) -> Option<Injection>;

    /// A packet arrives; the first cycle in which the port may begin with another one.
    fn deliver(&mut self, port: usize, packet: &Delivery) -> u64;

    /// A flit crosses a link. The default compiles to nothing.
    #[inline(always)]
    fn crossed(&mut self, _crossing: impl FnOnce() -> Crossing) {}
}
