//! What a mesh's inner loop is compiled for: length of packets and forks as constants, so that the common shapes have
//! no checks for what they cannot have.

/// How packets take channels: as single flits, forking, or as wormholes.
pub(super) trait FlowControl {
    /// Every packet is one flit.
    const SINGLE: bool;
    /// Packets may fork.
    const FORKS: bool = false;
    /// Channels and outputs are allocated in two stages ([`super::staged`]).
    const STAGED: bool = false;
}

/// Packets of one flit.
pub(super) struct SingleFlit;
/// Packets of one flit that may fork: outputs compete for reading one head.
pub(super) struct ForkingFlit;
/// Packets of several flits, which hold their channels.
pub(super) struct Wormhole;
/// Packets that claim a channel before they ask for the output.
pub(super) struct Staged;

impl FlowControl for SingleFlit {
    const SINGLE: bool = true;
}

impl FlowControl for ForkingFlit {
    const SINGLE: bool = true;
    const FORKS: bool = true;
}

impl FlowControl for Wormhole {
    const SINGLE: bool = false;
}

impl FlowControl for Staged {
    const SINGLE: bool = false;
    const STAGED: bool = true;
}
