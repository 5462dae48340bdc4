//! What the blocks of a partition use of a limits file, and the problem that the partitioner gets of it.
//!
//! The partitioner knows sums over vertices and unions. Runs that share axons, and what is sent once for each block,
//! depend on the whole partition: the problem counts runs as if nothing was shared and what is sent as if it reached
//! one block, and [`LimitsFile::uses`] counts both as they are.

use std::collections::{BTreeMap, BTreeSet};

use snnc_targets::{Code, Diagnostic, NamedPart};

use super::limits::{CoreResource, LimitsFile, NetCost, NeuronCost};
use crate::ir::program::usage::Limit;
use crate::mapping::hypergraph::{BlockId, Hypergraph, Incidence, Limits, NetId, SharedResource, VertexId};

impl LimitsFile {
    /// That the file speaks of this hypergraph.
    ///
    /// # Errors
    /// [`Code::MappingInvalid`]: other numbers of nets or vertices.
    pub fn check(&self, graph: &Hypergraph) -> Result<(), Diagnostic> {
        let (nets, vertices) = (graph.incidence.nets(), graph.vertices());
        let fail = |message: String| {
            let hint = "a limits file belongs to the hypergraph that was exported with it";
            Err(Diagnostic::new(Code::MappingInvalid, NamedPart::Limits, message).hint(hint))
        };
        if self.nets.len() != nets {
            return fail(format!("{} nets, the hypergraph has {nets}", self.nets.len()));
        }
        let senders = self.nets.iter().filter_map(|net| net.0);
        let covered =
            self.resources.iter().flat_map(|r| r.covers.iter().flat_map(|(_, all)| all.iter().copied()));
        if let Some(vertex) = senders.chain(covered).find(|&vertex| vertex as usize >= vertices) {
            return fail(format!("vertex {vertex}, the hypergraph has {vertices}"));
        }
        let weighed = self.resources.iter().map(|resource| resource.vertices.len());
        match weighed.into_iter().find(|&weighed| weighed != 0 && weighed != vertices) {
            Some(weighed) => fail(format!("{weighed} vertices, the hypergraph has {vertices}")),
            None => Ok(()),
        }
    }

    /// The vertices that a net reaches.
    fn reached<'a>(&self, graph: &'a Hypergraph, net: NetId) -> impl Iterator<Item = VertexId> + use<'a> {
        let entry = &self.nets[net.0 as usize];
        let but = entry.0.filter(|_| !entry.1);
        graph.incidence.pins_of(net).iter().copied().filter(move |pin| Some(pin.0) != but)
    }

    /// The hypergraph with a resource for each of the file's, of which a block may use a share each.
    ///
    /// # Errors
    /// [`Code::HypergraphInvalid`] if weights overflow.
    pub fn problem(&self, graph: &Hypergraph, shares: &[f64]) -> Result<(Hypergraph, Limits), Diagnostic> {
        let mut sums: Vec<Vec<u64>> = Vec::new();
        let (mut shared, mut limits) = (Vec::new(), Limits { scalars: Vec::new(), shared: Vec::new() });
        for (resource, share) in self.resources.iter().zip(shares) {
            let most = ((resource.most.min(1 << 50) as f64 * share) as u64).max(1);
            let own = self.own_use(graph, resource);
            if resource.covers.is_empty() && resource.received.is_none() {
                sums.push(own);
                limits.scalars.push(most);
            } else {
                shared.push(self.union(graph, resource, &own)?);
                limits.shared.push(most);
            }
        }
        if sums.is_empty() {
            sums.push(vec![0; graph.vertices()]);
            limits.scalars.push(1);
        }
        let weights = (0..graph.vertices()).flat_map(|v| sums.iter().map(move |sum| sum[v])).collect();
        let (incidence, net_weights) = (graph.incidence.clone(), graph.net_weights.clone());
        Ok((Hypergraph::new(incidence, net_weights, weights, sums.len(), shared)?, limits))
    }

    /// What each vertex uses at least, whatever shares its block: itself, and what it sends to one block.
    fn own_use(&self, graph: &Hypergraph, resource: &CoreResource) -> Vec<u64> {
        let mut own = resource.vertices.clone();
        own.resize(graph.vertices(), 0);
        let mut nets = vec![0; graph.vertices()];
        for (net, entry) in graph.incidence.all_nets().zip(&self.nets) {
            let Some(sender) = entry.0.filter(|_| self.reached(graph, net).next().is_some()) else {
                continue;
            };
            nets[sender as usize] += 1;
            let sent = match resource.sent {
                Some(NetCost::Neurons(each)) => each.saturating_mul(entry.2.into()),
                Some(NetCost::Runs | NetCost::RunsOf(_)) => 1,
                None => 0,
            };
            own[sender as usize] = own[sender as usize].saturating_add(sent);
        }
        if let NeuronCost::EachDestination(each) = resource.neurons {
            let times = nets.into_iter().map(|nets: u64| each.saturating_mul(nets).max(1));
            own.iter_mut().zip(times).for_each(|(own, times)| *own = own.saturating_mul(times));
        }
        own
    }

    /// What a block needs once, with what vertices need by themselves.
    fn union(
        &self,
        graph: &Hypergraph,
        resource: &CoreResource,
        own: &[u64],
    ) -> Result<SharedResource, Diagnostic> {
        let (mut starts, mut pins, mut costs) = (vec![0], Vec::new(), Vec::new());
        let mut add = |cost: u64, members: &mut dyn Iterator<Item = VertexId>| {
            pins.extend(members);
            starts.push(pins.len());
            costs.push(cost);
        };
        for (vertex, &cost) in own.iter().enumerate().filter(|(_, cost)| **cost > 0) {
            add(cost, &mut std::iter::once(VertexId(vertex as u32)));
        }
        for (cost, members) in &resource.covers {
            add(*cost, &mut members.iter().map(|&v| VertexId(v)));
        }
        if let Some(received) = resource.received {
            for (net, entry) in graph.incidence.all_nets().zip(&self.nets) {
                add(received.of(u64::from(entry.2), 1), &mut self.reached(graph, net));
            }
        }
        Ok(SharedResource { items: Incidence::new(graph.vertices(), &starts, pins)?, costs })
    }

    /// What each block uses: by resource, by block. The last row is the most neurons of a run that a block sends, for
    /// `run_max`.
    pub fn uses(&self, graph: &Hypergraph, blocks: &[BlockId], count: usize) -> Vec<Vec<u64>> {
        let mut uses = vec![vec![0; count]; self.resources.len() + 1];
        let mut destinations = vec![0; blocks.len()];
        self.count_runs(graph, blocks, &mut uses);
        let reached = |net| self.reached(graph, net).map(|v| blocks[v.0 as usize]).collect::<BTreeSet<_>>();
        for (net, entry) in graph.incidence.all_nets().zip(&self.nets) {
            if let Some(sender) = entry.0 {
                destinations[sender as usize] += reached(net).len() as u64;
            }
        }
        for (resource, used) in self.resources.iter().zip(&mut uses) {
            for (v, &weight) in resource.vertices.iter().enumerate() {
                let times = match resource.neurons {
                    NeuronCost::EachDestination(each) => each.saturating_mul(destinations[v]).max(1),
                    NeuronCost::One | NeuronCost::EachInputAxons(_) => 1,
                };
                add(&mut used[blocks[v].0 as usize], weight.saturating_mul(times));
            }
            for (cost, members) in &resource.covers {
                let held: BTreeSet<BlockId> = members.iter().map(|&v| blocks[v as usize]).collect();
                held.into_iter().for_each(|block| add(&mut used[block.0 as usize], *cost));
            }
        }
        let axons = self.resources.iter().position(|r| r.name == Limit::InputAxons.to_string());
        let axons = axons.map_or(vec![0; count], |at| uses[at].clone());
        for (resource, used) in self.resources.iter().zip(&mut uses) {
            if let NeuronCost::EachInputAxons(offered) = resource.neurons {
                let times = axons
                    .iter()
                    .map(|axons| axons.div_ceil(offered.max(1)).max(1).checked_next_power_of_two());
                let times = times.map(|times| times.unwrap_or(u64::MAX));
                used.iter_mut().zip(times).for_each(|(used, times)| *used = used.saturating_mul(times));
            }
        }
        uses
    }

    /// Adds what is received and sent: runs of neighbours in a line whose senders are in one block share axons.
    fn count_runs(&self, graph: &Hypergraph, blocks: &[BlockId], uses: &mut [Vec<u64>]) {
        let mut lines: BTreeMap<u32, Vec<NetId>> = BTreeMap::new();
        for (net, entry) in graph.incidence.all_nets().zip(&self.nets) {
            lines.entry(entry.3).or_default().push(net);
        }
        let home = |net: &NetId| self.nets[net.0 as usize].0.map(|sender| blocks[sender as usize]);
        for nets in lines.values() {
            for run in nets.chunk_by(|a, b| home(a) == home(b)) {
                let mut here: BTreeMap<BlockId, u64> = BTreeMap::new();
                for &net in run {
                    let neurons = u64::from(self.nets[net.0 as usize].2);
                    let reached: BTreeSet<_> =
                        self.reached(graph, net).map(|v| blocks[v.0 as usize]).collect();
                    reached.into_iter().for_each(|block| *here.entry(block).or_default() += neurons);
                }
                self.count_run(home(&run[0]), &here, run, uses);
            }
        }
    }

    /// Adds what one run costs the blocks `here` that it reaches, with its neurons that reach each, and its own.
    fn count_run(
        &self,
        home: Option<BlockId>,
        here: &BTreeMap<BlockId, u64>,
        run: &[NetId],
        uses: &mut [Vec<u64>],
    ) {
        for (&block, &neurons) in here {
            // Spikes from outside are cut where axons tell no more neurons apart.
            let most = self.run_max.filter(|_| home.is_none()).map(u64::from);
            let pieces = most.map_or(1, |most| neurons.div_ceil(most.max(1)));
            for (resource, used) in self.resources.iter().zip(&mut *uses) {
                let cost = |cost: NetCost| cost.of(neurons, pieces);
                add(&mut used[block.0 as usize], resource.received.map_or(0, cost));
                if let Some(home) = home {
                    add(&mut used[home.0 as usize], resource.sent.map_or(0, cost));
                }
            }
        }
        if let Some(home) = home.filter(|_| !here.is_empty()) {
            let neurons: u64 = run.iter().map(|net| u64::from(self.nets[net.0 as usize].2)).sum();
            let widest = &mut uses[self.resources.len()][home.0 as usize];
            *widest = neurons.max(*widest);
        }
    }
}

/// Adds; numbers of a file may be of any size.
fn add(sum: &mut u64, more: u64) {
    *sum = sum.saturating_add(more);
}

impl NetCost {
    /// The cost of so many neurons in a run of so many pieces.
    fn of(self, neurons: u64, pieces: u64) -> u64 {
        match self {
            Self::Neurons(each) => each.saturating_mul(neurons),
            Self::Runs => pieces,
            Self::RunsOf(most) => neurons.div_ceil(u64::from(most.max(1))),
        }
    }
}
