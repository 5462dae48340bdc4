//! What a mesh is made of, in whole cycles.

use std::ops::Range;

use snnc_targets::Interconnect;
use snnc_targets::schema::RouterAllocation;
use snnc_targets::topology::{Direction, Grid, Routing, Tile};

/// A link, or a port that works like one. Latencies of 0 and intervals of 0 are taken as one cycle.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct MeshLink {
    /// Cycles from grant to arrival.
    pub latency: u64,
    /// Cycles until the line takes the next flit.
    pub interval: u64,
    /// Cycles from the reading of a flit to the sender's knowing that its place is free.
    pub credit: u64,
    /// Places at its receiving end, for each virtual channel.
    pub buffer_flits: u16,
}

impl MeshLink {
    /// This link with every time and place at least 1.
    pub(super) fn at_least_one(self) -> Self {
        Self {
            latency: self.latency.max(1),
            interval: self.interval.max(1),
            credit: self.credit.max(1),
            buffer_flits: self.buffer_flits.max(1),
        }
    }
}

/// A grid of routers; chips are rectangles of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MeshSpec {
    /// Routers in a row, at most 65,535.
    pub columns: u32,
    /// Rows of routers, at most 65,535.
    pub rows: u32,
    /// How the routers are joined, and which way packets take. The virtual channels are at least as many as the
    /// classes of its channels.
    pub interconnect: Interconnect,
    /// How routers allocate channels and outputs.
    pub allocation: RouterAllocation,
    /// Columns of one chip.
    pub chip_columns: u32,
    /// Rows of one chip.
    pub chip_rows: u32,
    /// Local ports of a router: one a core.
    pub locals: u32,
    /// Virtual channels of every input port. `(4 + locals) * virtual_channels` is at most 64.
    pub virtual_channels: u32,
    /// Flits of a packet.
    pub flits_per_packet: u32,
    /// Cycles from a flit's arrival in an input buffer to its first chance to leave. Where channels and outputs are
    /// allocated in two stages, at least `read_interval`, which each of them takes.
    pub router_latency: u64,
    /// Cycles between two flits read from one input port, and of a stage of staged allocation.
    pub read_interval: u64,
    /// Links along rows.
    pub east_west: MeshLink,
    /// Links along columns.
    pub north_south: MeshLink,
    /// Links between chips.
    pub chip: MeshLink,
    /// From a core into its router: `interval`, `credit` and `buffer_flits` count; the way takes no time.
    pub injection: MeshLink,
    /// From a router to a core: `latency` and `interval` count.
    pub delivery: MeshLink,
}

impl MeshSpec {
    /// This specification with every number at least 1 that a mesh cannot be without.
    pub fn at_least_one(&self) -> Self {
        Self {
            virtual_channels: self.virtual_channels.max(self.interconnect.channel_classes()),
            flits_per_packet: self.flits_per_packet.max(1),
            read_interval: self.read_interval.max(1),
            router_latency: match self.allocation {
                RouterAllocation::Joint => self.router_latency,
                RouterAllocation::Staged => self.router_latency.max(self.read_interval).max(1),
            },
            injection: self.injection.at_least_one(),
            delivery: self.delivery.at_least_one(),
            ..self.clone()
        }
    }

    /// The longest time between an event of a mesh and what follows from it.
    pub(super) fn reach(&self) -> u64 {
        let follows =
            |line: &MeshLink| (line.latency + self.router_latency).max(line.interval).max(line.credit);
        let chips = self.columns > self.chip_columns || self.rows > self.chip_rows;
        let lines = [self.east_west, self.north_south, self.delivery, self.injection];
        let lines = lines.iter().chain(chips.then_some(&self.chip));
        lines.map(follows).max().unwrap_or(1).max(self.read_interval)
    }

    /// Routers.
    pub fn routers(&self) -> usize {
        self.columns as usize * self.rows as usize
    }

    /// Places of all input buffers, at most.
    pub fn places(&self) -> u64 {
        let lines = [self.east_west, self.north_south, self.chip, self.injection];
        let depth = lines.iter().map(|line| u64::from(line.buffer_flits)).max().unwrap_or(0);
        self.routers() as u64 * self.ports() as u64 * u64::from(self.virtual_channels) * depth
    }

    /// The longest latency, interval or credit.
    pub fn longest(&self) -> u64 {
        let lines = [self.east_west, self.north_south, self.chip, self.injection, self.delivery];
        let lines = lines.iter().map(|line| line.latency.max(line.interval).max(line.credit)).max();
        self.router_latency.max(self.read_interval).max(lines.unwrap_or(0))
    }

    /// Input ports, or output ports, of a router.
    pub fn ports(&self) -> usize {
        Direction::COUNT + self.locals as usize
    }

    /// `(x, y)` of a router.
    pub fn at(&self, router: usize) -> (u32, u32) {
        (router as u32 % self.columns, router as u32 / self.columns)
    }

    /// The grid of its routers.
    #[inline(always)]
    pub fn grid(&self) -> Grid {
        Grid { columns: self.columns, rows: self.rows }
    }

    /// The tile of a router.
    pub fn tile(&self, router: usize) -> Tile {
        let (x, y) = self.at(router);
        Tile { x, y }
    }

    /// The router beyond a port, if a link leads there; local ports have none beyond them.
    pub fn neighbour(&self, router: usize, port: usize) -> Option<usize> {
        let &direction = Direction::ALL.get(port)?;
        let Tile { x, y } = self.interconnect.neighbour(self.grid(), self.tile(router), direction)?;
        Some((y * self.columns + x) as usize)
    }

    /// The line between two neighbours along `direction`.
    pub fn line(&self, from: usize, to: usize, direction: usize) -> MeshLink {
        let chip = |(x, y): (u32, u32)| (x / self.chip_columns.max(1), y / self.chip_rows.max(1));
        let line = if chip(self.at(from)) != chip(self.at(to)) {
            self.chip
        } else if direction <= Direction::West.port() {
            self.east_west
        } else {
            self.north_south
        };
        line.at_least_one()
    }

    /// The line out of a port: its link, or the delivery where the mesh does not go on.
    pub(super) fn out(&self, router: usize, port: usize) -> MeshLink {
        self.neighbour(router, port).map_or(self.delivery, |next| self.line(router, next, port))
    }

    /// The line into a port: the link from its neighbour, or the injection where there is none.
    pub(super) fn into(&self, router: usize, port: usize) -> MeshLink {
        self.neighbour(router, port)
            .map_or(self.injection, |before| self.line(before, router, Direction::opposite(port)))
    }

    /// The output port that leads a packet on: along the grid, and at its router to its local port.
    #[inline(always)]
    pub fn route(&self, at: Tile, to: Tile, local: u32) -> usize {
        self.interconnect.next(self.grid(), at, to).map_or(4 + local as usize, Direction::port)
    }

    /// The virtual channels that a packet to `to` may take behind port `port` of a router.
    #[inline]
    pub fn channels(&self, router: usize, port: usize, to: Tile) -> Range<usize> {
        let (vcs, classes) = (self.virtual_channels, self.interconnect.channel_classes());
        let behind = Direction::ALL.get(port).zip(self.neighbour(router, port));
        let Some((&direction, behind)) = behind.filter(|_| classes > 1) else { return 0..vcs as usize };
        let class = self.interconnect.channel_class(self.tile(behind), direction, to);
        (vcs * class / classes) as usize..(vcs * (class + 1) / classes) as usize
    }

    /// Cycles from injection to arrival of one flit in an empty mesh, link by link: the oracle of
    /// [`super::ZeroLoadRoutes`], which also counts the flits that follow.
    pub fn zero_load(&self, from: usize, to: usize) -> u64 {
        let mut at = from;
        let mut cycles = self.router_latency + self.delivery.latency.max(1);
        loop {
            let direction = self.route(self.tile(at), self.tile(to), 0);
            let Some(next) = self.neighbour(at, direction) else { return cycles };
            cycles += self.line(at, next, direction).latency + self.router_latency;
            at = next;
        }
    }
}
