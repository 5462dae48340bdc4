//! The routes of a program over the mesh: which links a packet from a slice to a core crosses.
//!
//! On a target with multicast a spike crosses each link of its [`MulticastTrees`] once instead; as many packets are
//! delivered.
//!
//! In the simulator no other module follows a packet's links, but for the engines that simulate the mesh.
//! [`crate::time`] asks it for link loads, [`crate::charge`] for hops. The paths are
//! those of [`snnc_targets::Topology::path`], looked up once for each (source core, target core) of the program.
//!
//! Invariant: a flow follows a route of the program. Any other flow panics, since it would be an error of the
//! execution.

#[cfg(test)]
pub(crate) mod fixture;

use std::collections::HashMap;
use std::ops::{AddAssign, Range};

use serde::{Deserialize, Serialize};
use snnc_compiler::ir::CoreId;
use snnc_compiler::ir::program::trees::{MulticastTrees, TreeId};
use snnc_compiler::ir::program::{CoreSlice, Program};
use snnc_targets::{Link, LinkKind, Topology};

use crate::counts::{SliceFlow, SliceIndex, SliceTable, StepCounts};

/// Link crossings by kind.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Hops {
    /// Along rows, within a chip.
    pub east_west: u64,
    /// Along columns, within a chip.
    pub north_south: u64,
    /// Between chips.
    pub chip: u64,
}

impl Hops {
    /// Hops of all kinds.
    pub fn total(self) -> u64 {
        self.east_west + self.north_south + self.chip
    }

    /// The hops of so many packets that each make these.
    #[must_use]
    pub fn times(self, packets: u64) -> Self {
        Self {
            east_west: self.east_west * packets,
            north_south: self.north_south * packets,
            chip: self.chip * packets,
        }
    }

    fn count(&mut self, kind: LinkKind) {
        match kind {
            LinkKind::EastWest => self.east_west += 1,
            LinkKind::NorthSouth => self.north_south += 1,
            LinkKind::Chip => self.chip += 1,
        }
    }
}

impl AddAssign for Hops {
    fn add_assign(&mut self, other: Self) {
        self.east_west += other.east_west;
        self.north_south += other.north_south;
        self.chip += other.chip;
    }
}

/// The links from a slice to a core.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NocRoute {
    /// Sending slice.
    pub source: SliceIndex,
    /// Receiving core.
    pub target: CoreId,
    /// Hops of one packet.
    pub hops: Hops,
    /// Range of [`Noc`]'s list of crossed links.
    links: Range<usize>,
}

/// All routes of a program, and the links that they use.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Noc {
    /// Ascending by (source, target).
    routes: Vec<NocRoute>,
    /// Source and target of each route.
    keys: Vec<(u32, u32)>,
    /// First route of each slice, and one past the last.
    starts: Vec<usize>,
    /// By slice: hops of a packet to each core that it sends to, and the links that such packets cross.
    broadcasts: Vec<Broadcast>,
    /// Links that packets to all cores of a slice cross, slice after slice: indices into `used`, and how often.
    broadcast_links: Vec<(u32, u32)>,
    /// Path after path: indices into `used`.
    crossed: Vec<u32>,
    /// The links that some route crosses.
    used: Vec<(Link, LinkKind)>,
    /// Multicast trees by their id, if the target has them.
    trees: Option<Vec<TreeCrossings>>,
    /// Slices whose packets come from outside.
    ports: Vec<SliceIndex>,
}

/// One packet from a slice to each core that it sends to.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Broadcast {
    /// Hops of all.
    hops: Hops,
    /// Range of [`Noc`]'s list of such links.
    links: Range<usize>,
}

/// The links of one multicast tree.
#[derive(Debug, Clone, PartialEq, Eq)]
struct TreeCrossings {
    /// Sending slice.
    source: SliceIndex,
    /// Hops of one spike.
    hops: Hops,
    /// Range of [`Noc`]'s list of crossed links.
    links: Range<usize>,
}

impl Noc {
    /// Looks up every route of `program`; `slices` is its slice numbering.
    pub fn new(program: &Program, slices: &SliceTable) -> Self {
        let topology = program.topology();
        let mut paths = NocBuilder {
            topology: &topology,
            known: HashMap::new(),
            ids: HashMap::new(),
            network: Self::empty(),
        };
        for (core, content) in program.cores.iter() {
            for (i, slice) in content.slices.iter().enumerate() {
                let source = slices.starts[core.0 as usize] + i;
                for target in targets(slice) {
                    let (links, hops) = paths.between(program, core, target);
                    paths.network.routes.push(NocRoute { source, target, hops, links });
                }
            }
        }
        paths.network.keys = paths.network.routes.iter().map(|r| (r.source as u32, r.target.0)).collect();
        let first = |slice| paths.network.routes.partition_point(|route| route.source < slice);
        let outside = |&slice: &SliceIndex| program.is_port(slices.cores[slice]);
        paths.network.ports = (0..slices.cores.len()).filter(outside).collect();
        paths.network.starts = (0..=slices.cores.len()).map(first).collect();
        paths.network.add_broadcasts();
        paths.network.trees = MulticastTrees::of(program).map(|trees| paths.tree_crossings(&trees));
        paths.network
    }

    fn empty() -> Self {
        Self {
            routes: Vec::new(),
            keys: Vec::new(),
            starts: Vec::new(),
            broadcasts: Vec::new(),
            broadcast_links: Vec::new(),
            crossed: Vec::new(),
            used: Vec::new(),
            trees: None,
            ports: Vec::new(),
        }
    }

    /// Sums up the routes of each slice.
    fn add_broadcasts(&mut self) {
        let mut times = vec![0u32; self.used.len()];
        for routes in self.starts.windows(2) {
            let (mut hops, mut links) = (Hops::default(), Vec::new());
            for route in &self.routes[routes[0]..routes[1]] {
                hops += route.hops;
                for &link in &self.crossed[route.links.clone()] {
                    links.push(link);
                    times[link as usize] += 1;
                }
            }
            links.sort_unstable();
            links.dedup();
            let start = self.broadcast_links.len();
            let counted = links.iter().map(|&link| (link, std::mem::take(&mut times[link as usize])));
            self.broadcast_links.extend(counted);
            self.broadcasts.push(Broadcast { hops, links: start..self.broadcast_links.len() });
        }
    }

    /// Whether these are all cores that a slice sends to.
    ///
    /// # Panics
    /// If it sends nothing to one of them.
    fn is_broadcast(&self, source: u32, cores: &[CoreId]) -> bool {
        let routes = &self.keys[self.starts[source as usize]..self.starts[source as usize + 1]];
        let all = routes.len() == cores.len();
        if all && !routes.iter().map(|&(_, target)| target).eq(cores.iter().map(|core| core.0)) {
            no_route(source, cores);
        }
        all
    }

    /// Slices whose packets come from outside, ascending.
    pub fn ports(&self) -> &[SliceIndex] {
        &self.ports
    }

    /// Routes, ascending by (source, target).
    pub fn routes(&self) -> &[NocRoute] {
        &self.routes
    }

    /// The links that some route crosses, in the order of [`Noc::load`]'s result.
    pub fn links(&self) -> &[(Link, LinkKind)] {
        &self.used
    }

    /// Each flow with its route. Linear for flows ordered by (source, target), as those of a timestep are.
    pub fn follow<'a>(
        &'a self,
        flows: &'a [SliceFlow],
    ) -> impl Iterator<Item = (&'a SliceFlow, &'a NocRoute)> {
        self.found(flows).map(|(flow, route)| (flow, &self.routes[route]))
    }

    /// Each flow with the index of its route.
    fn found<'a>(&'a self, flows: &'a [SliceFlow]) -> impl Iterator<Item = (&'a SliceFlow, usize)> {
        let mut next = 0;
        flows.iter().map(move |flow| {
            let found = self.find(flow, next);
            next = found + 1;
            (flow, found)
        })
    }

    /// Adds the packets of a timestep to each link that they cross and to each core that they are for; `loads` is one
    /// number for each of [`Noc::links`], `delivered` one for each core.
    pub fn load(&self, step: &StepCounts, loads: &mut [u64], delivered: &mut [u64]) {
        for (_, cores, packets) in step.flows.even() {
            cores.iter().for_each(|core| delivered[core.0 as usize] += packets);
        }
        step.flows.single().iter().for_each(|flow| delivered[flow.target.0 as usize] += flow.packets);
        let Some(trees) = &self.trees else {
            self.load_routes(step.flows.single(), loads);
            for (source, cores, packets) in step.flows.even() {
                if !self.is_broadcast(source, cores) {
                    let flow = |&target| SliceFlow { source, target, packets };
                    self.load_routes(&cores.iter().map(flow).collect::<Vec<_>>(), loads);
                    continue;
                }
                let links = self.broadcasts[source as usize].links.clone();
                for &(link, times) in &self.broadcast_links[links] {
                    loads[link as usize] += u64::from(times) * packets;
                }
            }
            return;
        };
        for flow in &step.multicast_flows {
            let links = &trees[flow.tree.0 as usize].links;
            self.crossed[links.clone()].iter().for_each(|&link| loads[link as usize] += flow.spikes);
        }
    }

    /// Adds packets to each link of their routes.
    fn load_routes(&self, flows: &[SliceFlow], loads: &mut [u64]) {
        for (flow, route) in self.follow(flows) {
            let links = &self.crossed[route.links.clone()];
            links.iter().for_each(|&link| loads[link as usize] += flow.packets);
        }
    }

    /// Hops of the packets that make such loads of [`Noc::links`].
    pub fn hops(&self, loads: &[u64]) -> Hops {
        let mut hops = Hops::default();
        for (&load, &(_, kind)) in loads.iter().zip(&self.used) {
            match kind {
                LinkKind::EastWest => hops.east_west += load,
                LinkKind::NorthSouth => hops.north_south += load,
                LinkKind::Chip => hops.chip += load,
            }
        }
        hops
    }

    /// Packets of some timesteps and their hops, by sending slice. On a target that forks packets the hops are those of
    /// each spike's tree, and entered without packets.
    pub fn sent(&self, steps: &[StepCounts], mut enter: impl FnMut(SliceIndex, u64, Hops)) {
        let mut packets = vec![0; self.routes.len()];
        let mut to_all = vec![0; self.broadcasts.len()];
        for step in steps {
            self.found(step.flows.single()).for_each(|(flow, route)| packets[route] += flow.packets);
            for (source, cores, each) in step.flows.even() {
                if self.is_broadcast(source, cores) {
                    to_all[source as usize] += each;
                    continue;
                }
                let flow = |&target| SliceFlow { source, target, packets: each };
                let flows: Vec<SliceFlow> = cores.iter().map(flow).collect();
                self.found(&flows).for_each(|(_, route)| packets[route] += each);
            }
        }
        let hops_of = |hops: Hops| if self.trees.is_none() { hops } else { Hops::default() };
        for (source, (broadcast, each)) in self.broadcasts.iter().zip(to_all).enumerate() {
            let routes = self.starts[source + 1] - self.starts[source];
            if each > 0 {
                enter(source, routes as u64 * each, hops_of(broadcast.hops.times(each)));
            }
        }
        for (route, packets) in self.routes.iter().zip(packets).filter(|&(_, packets)| packets > 0) {
            enter(route.source, packets, hops_of(route.hops.times(packets)));
        }
        let Some(trees) = &self.trees else { return };
        for flow in steps.iter().flat_map(|step| &step.multicast_flows) {
            let tree = &trees[flow.tree.0 as usize];
            enter(tree.source, 0, tree.hops.times(flow.spikes));
        }
    }

    /// Packets that leave each slice on a target that forks them: one for each spike that goes anywhere. `None` if
    /// every destination is sent one.
    pub fn departures(&self, step: &StepCounts) -> Option<impl Iterator<Item = (SliceIndex, u64)>> {
        let trees = self.trees.as_ref()?;
        Some(step.multicast_flows.iter().map(|flow| (trees[flow.tree.0 as usize].source, flow.spikes)))
    }

    /// The route of a flow: tried at `hint`, then a few further among its slice's, then searched for.
    #[inline]
    fn find(&self, flow: &SliceFlow, hint: usize) -> usize {
        let key = (flow.source, flow.target.0);
        if self.keys.get(hint) == Some(&key) { hint } else { self.search(key, hint) }
    }

    fn search(&self, key: (u32, u32), hint: usize) -> usize {
        let (start, end) = (self.starts[key.0 as usize], self.starts[key.0 as usize + 1]);
        let from = hint.clamp(start, end);
        let near = (from..end.min(from + 4)).find(|&i| self.keys[i] == key);
        near.or_else(|| self.keys.binary_search(&key).ok())
            .unwrap_or_else(|| no_route(key.0, &[CoreId(key.1)]))
    }
}

/// Panics for packets that the program has no way for.
fn no_route(source: u32, cores: &[CoreId]) -> ! {
    panic!("flow from slice {source} to {cores:?} follows a route of the program")
}

/// The distinct cores that a slice sends to, ascending.
fn targets(slice: &CoreSlice) -> Vec<CoreId> {
    let mut cores: Vec<CoreId> = slice.destinations.iter().map(|d| d.core).collect();
    cores.sort_unstable();
    cores.dedup();
    cores
}

/// Collects paths and links while a [`Noc`] is made.
struct NocBuilder<'a> {
    topology: &'a Topology,
    known: HashMap<(CoreId, CoreId), (Range<usize>, Hops)>,
    ids: HashMap<Link, u32>,
    network: Noc,
}

impl NocBuilder<'_> {
    /// The stored path between two cores.
    fn between(&mut self, program: &Program, from: CoreId, to: CoreId) -> (Range<usize>, Hops) {
        if let Some(path) = self.known.get(&(from, to)) {
            return path.clone();
        }
        let start = self.network.crossed.len();
        let mut hops = Hops::default();
        for (link, kind) in self.topology.path(program.sites[from], program.sites[to]) {
            let id = self.id(link, kind);
            self.network.crossed.push(id);
            hops.count(kind);
        }
        let path = (start..self.network.crossed.len(), hops);
        self.known.insert((from, to), path.clone());
        path
    }

    /// The links of each tree, by its id.
    fn tree_crossings(&mut self, trees: &MulticastTrees) -> Vec<TreeCrossings> {
        let mut tree_crossings = Vec::with_capacity(trees.all().len());
        for (id, tree) in trees.all().iter().enumerate() {
            let start = self.network.crossed.len();
            let mut hops = Hops::default();
            for &(link, kind) in trees.links(TreeId(id as u32)) {
                let link = self.id(link, kind);
                self.network.crossed.push(link);
                hops.count(kind);
            }
            tree_crossings.push(TreeCrossings {
                source: tree.slice,
                hops,
                links: start..self.network.crossed.len(),
            });
        }
        tree_crossings
    }

    fn id(&mut self, link: Link, kind: LinkKind) -> u32 {
        let used = &mut self.network.used;
        *self.ids.entry(link).or_insert_with(|| {
            used.push((link, kind));
            used.len() as u32 - 1
        })
    }
}

#[cfg(test)]
mod tests;
