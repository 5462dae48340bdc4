//! The problem: vertices, nets and what a block may hold.
//!
//! Invariants of an [`Incidence`]: both directions name the same pairs; pins of a net ascend and are distinct, as
//! are nets of a vertex.

use snnc_targets::{Code, Diagnostic, NamedPart, Subject};

snnc_targets::entity! {
    /// A vertex: neurons that stay together.
    VertexId "v",
    /// A net: a source with all it reaches.
    NetId "e",
    /// A block of a partition: a core.
    BlockId "b",
}

/// Which vertices a net touches, and which nets touch a vertex: compressed rows in both directions.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Incidence {
    net_starts: Vec<usize>,
    pins: Vec<VertexId>,
    vertex_starts: Vec<usize>,
    nets: Vec<NetId>,
}

impl Incidence {
    /// From nets given one after another, net e being `pins[starts[e]..starts[e + 1]]`, in any order, repeated pins
    /// allowed. `starts` begins with 0, ascends and ends with the number of pins.
    ///
    /// # Errors
    /// [`Code::HypergraphInvalid`] if a pin is no vertex.
    pub fn new(vertices: usize, starts: &[usize], mut pins: Vec<VertexId>) -> Result<Self, Diagnostic> {
        let mut net_starts = Vec::with_capacity(starts.len());
        net_starts.push(0);
        let mut kept = 0;
        for (net, span) in starts.windows(2).enumerate() {
            let row = &mut pins[span[0]..span[1]];
            row.sort_unstable();
            if let Some(last) = row.last().filter(|pin| pin.0 as usize >= vertices) {
                let message = format!("pin {last} of net {net}, but there are {vertices} vertices");
                return Err(Diagnostic::new(Code::HypergraphInvalid, Subject::Net(net), message));
            }
            let first = kept;
            for i in span[0]..span[1] {
                if kept == first || pins[kept - 1] != pins[i] {
                    pins[kept] = pins[i];
                    kept += 1;
                }
            }
            net_starts.push(kept);
        }
        pins.truncate(kept);
        let (vertex_starts, nets) = transpose(vertices, &net_starts, &pins);
        Ok(Self { net_starts, pins, vertex_starts, nets })
    }

    /// Number of vertices.
    pub fn vertices(&self) -> usize {
        self.vertex_starts.len() - 1
    }

    /// Number of nets.
    pub fn nets(&self) -> usize {
        self.net_starts.len() - 1
    }

    /// Number of pins.
    pub fn pins(&self) -> usize {
        self.pins.len()
    }

    /// Vertices of a net, ascending.
    #[inline]
    pub fn pins_of(&self, net: NetId) -> &[VertexId] {
        let e = net.0 as usize;
        &self.pins[self.net_starts[e]..self.net_starts[e + 1]]
    }

    /// Nets of a vertex, ascending.
    #[inline]
    pub fn nets_of(&self, vertex: VertexId) -> &[NetId] {
        let v = vertex.0 as usize;
        &self.nets[self.vertex_starts[v]..self.vertex_starts[v + 1]]
    }

    /// All nets.
    pub fn all_nets(&self) -> impl ExactSizeIterator<Item = NetId> + use<> {
        (0..self.nets() as u32).map(NetId)
    }

    /// All vertices.
    pub fn all_vertices(&self) -> impl ExactSizeIterator<Item = VertexId> + use<> {
        (0..self.vertices() as u32).map(VertexId)
    }

    /// Pins of the largest net.
    pub fn largest_net(&self) -> usize {
        self.net_starts.windows(2).map(|span| span[1] - span[0]).max().unwrap_or(0)
    }
}

/// Nets by vertex, from vertices by net.
fn transpose(vertices: usize, net_starts: &[usize], pins: &[VertexId]) -> (Vec<usize>, Vec<NetId>) {
    let mut starts = vec![0; vertices + 1];
    for pin in pins {
        starts[pin.0 as usize + 1] += 1;
    }
    for v in 0..vertices {
        starts[v + 1] += starts[v];
    }
    let mut next = starts.clone();
    let mut nets = vec![NetId(0); pins.len()];
    for (net, span) in net_starts.windows(2).enumerate() {
        for pin in &pins[span[0]..span[1]] {
            let at = &mut next[pin.0 as usize];
            nets[*at] = NetId(net as u32);
            *at += 1;
        }
    }
    (starts, nets)
}

/// A resource that a block needs once, however many of its vertices use it: item i costs `costs[i]` in every block
/// that holds a vertex of it. Shared kernels are such items, and input axons (one a net, its source left out).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SharedResource {
    /// Items as nets.
    pub items: Incidence,
    /// One an item.
    pub costs: Vec<u64>,
}

/// Vertices with weights, nets with weights, and shared resources.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Hypergraph {
    /// Nets and pins.
    pub incidence: Incidence,
    /// Packets that a net sends to each of its blocks but one.
    pub net_weights: Vec<u64>,
    /// `[vertex, resource]`: what a vertex takes of its block.
    pub vertex_weights: Vec<u64>,
    /// Scalar resources, at least 1.
    pub resources: usize,
    /// Resources that are unions.
    pub shared: Vec<SharedResource>,
}

impl Hypergraph {
    /// Checks the sizes, and that sums of weights cannot overflow.
    ///
    /// # Errors
    /// [`Code::HypergraphInvalid`].
    pub fn new(
        incidence: Incidence,
        net_weights: Vec<u64>,
        vertex_weights: Vec<u64>,
        resources: usize,
        shared: Vec<SharedResource>,
    ) -> Result<Self, Diagnostic> {
        let fail =
            |message: String| Err(Diagnostic::new(Code::HypergraphInvalid, NamedPart::Hypergraph, message));
        let (vertices, nets) = (incidence.vertices(), incidence.nets());
        if net_weights.len() != nets {
            return fail(format!("{} net weights for {nets} nets", net_weights.len()));
        }
        if resources == 0 || vertex_weights.len() != vertices * resources {
            return fail(format!("{} vertex weights for {vertices} x {resources}", vertex_weights.len()));
        }
        for resource in &shared {
            if resource.items.vertices() != vertices || resource.costs.len() != resource.items.nets() {
                return fail(format!(
                    "a resource of {} vertices, expected {vertices}",
                    resource.items.vertices()
                ));
            }
        }
        // Twice the sum of weight x pins bounds every cost and every difference of two.
        let cost = |e: NetId| net_weights[e.0 as usize].checked_mul(incidence.pins_of(e).len() as u64);
        let most = incidence.all_nets().try_fold(0u64, |sum, e| sum.checked_add(cost(e)?));
        let weights = vertex_weights.iter().try_fold(0u64, |sum, &w| sum.checked_add(w));
        let costs = shared
            .iter()
            .flat_map(|c| &c.costs)
            .try_fold(0u64, |sum, &w| sum.checked_add(w))
            .and_then(|sum| sum.checked_mul(vertices as u64 + 1));
        if [most, weights, costs].iter().any(|sum| sum.is_none_or(|sum| sum > i64::MAX as u64 / 4)) {
            return fail("the weights are so large that their sums overflow".into());
        }
        Ok(Self { incidence, net_weights, vertex_weights, resources, shared })
    }

    /// Number of vertices.
    pub fn vertices(&self) -> usize {
        self.incidence.vertices()
    }

    /// Weight of a vertex, one a resource.
    #[inline]
    pub fn weight(&self, vertex: VertexId) -> &[u64] {
        let first = vertex.0 as usize * self.resources;
        &self.vertex_weights[first..first + self.resources]
    }

    /// Weight of a net.
    #[inline]
    pub fn net_weight(&self, net: NetId) -> u64 {
        self.net_weights[net.0 as usize]
    }

    /// Sum over nets of weight x (blocks touched - 1), from scratch: the oracle of every incremental count.
    pub fn km1(&self, blocks: &[BlockId]) -> u64 {
        let mut touched = Vec::new();
        let mut cost = 0;
        for net in self.incidence.all_nets() {
            touched.clear();
            touched.extend(self.incidence.pins_of(net).iter().map(|pin| blocks[pin.0 as usize]));
            touched.sort_unstable();
            touched.dedup();
            cost += self.net_weight(net) * (touched.len() as u64).saturating_sub(1);
        }
        cost
    }
}
