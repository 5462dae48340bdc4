//! What a block of routers grants in a cycle: a list where few of them do, else a lane a router.

use super::lanes::Lane;
use super::{BLOCK, CHANNELS, PORTS, VCS};

/// An output that is granted to a channel of its router, in a word: `router << 7 | output << 4 | channel`.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Grant(u32);

impl Grant {
    #[inline(always)]
    pub(super) fn new(router: usize, port: usize, channel: u32) -> Self {
        Self((router as u32) << 7 | (port as u32) << 4 | channel)
    }

    #[inline(always)]
    pub(super) fn parts(self) -> (usize, usize, usize) {
        ((self.0 >> 7) as usize, (self.0 >> 4) as usize % PORTS, self.0 as usize % CHANNELS)
    }
}

/// What a block of routers grants in a cycle, where few of them do.
#[derive(Debug)]
pub(super) struct Grants {
    /// Outputs to links.
    pub links: [Grant; BLOCK * PORTS],
    /// Local outputs.
    pub exits: [Grant; BLOCK * PORTS],
    /// Those of either that are granted to a local input.
    pub entries: [Grant; BLOCK * PORTS],
}

/// How many there are.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Counts {
    pub links: usize,
    pub exits: usize,
    pub entries: usize,
}

impl Grants {
    pub(super) fn new() -> Self {
        let none = [Grant::default(); BLOCK * PORTS];
        Self { links: none, exits: none, entries: none }
    }

    /// Adds a grant to those that there are. It is written to all lists, without a branch, and counted where it
    /// belongs.
    #[inline(always)]
    pub(super) fn enter(&mut self, grant: Grant, counts: Counts) -> Counts {
        let Counts { links, exits, entries } = counts;
        let (_, port, channel) = grant.parts();
        self.links[links % (BLOCK * PORTS)] = grant;
        self.exits[exits % (BLOCK * PORTS)] = grant;
        self.entries[entries % (BLOCK * PORTS)] = grant;
        let (leaves, enters) = (port >> 2, (channel / VCS) >> 2);
        Counts { links: links + (leaves ^ 1), exits: exits + leaves, entries: entries + enters }
    }
}

/// The same where many do.
#[derive(Debug)]
pub(super) struct Picks {
    /// By output: routers that grant it.
    pub granted: [u64; PORTS],
    /// By output and router: the channel that it is granted to, as a bit.
    pub channels: [Lane; PORTS],
    /// By local input: routers that it is read at.
    pub read: [u64; PORTS - 4],
}

impl Picks {
    pub(super) fn new() -> Self {
        Self { granted: [0; PORTS], channels: [[0; BLOCK]; PORTS], read: [0; PORTS - 4] }
    }
}
