//! Loops: spikes that come back through a delay, and the order of the layers of a loop.

use petgraph::algo::tarjan_scc;
use petgraph::graph::NodeIndex;
use petgraph::graphmap::DiGraphMap;

use super::{Collector, NeuronLayer};
use crate::graph::Loops;
use crate::layers::current::{Current, LoweringRefusal};

impl Collector<'_> {
    /// Whether a layer is a delay whose input comes after it.
    pub(super) fn closes_a_loop(&self, node: NodeIndex, loops: &Loops) -> bool {
        let delays = self.graph.net[node].op.kind().delay().is_some();
        delays && self.graph.inputs(node).into_iter().any(|input| loops.same(input, node))
    }

    /// The spikes that a delay in a loop brings back. Its neurons were not collected yet.
    pub(super) fn late(&self, node: NodeIndex) -> Result<Current, LoweringRefusal> {
        let (mut at, mut steps) = (node, 0);
        while let Some(delay) = self.graph.net[at].op.kind().delay() {
            steps += delay;
            at = self.graph.inputs(at)[0];
            if at == node {
                return Err(LoweringRefusal::here("is in a loop of delays alone, without neurons"));
            }
        }
        match self.index_of[at.index()] {
            Some(index) => Current::of_layer(index, self.shapes[at], self.label(at)).late(steps),
            None => {
                let message = format!("a delay in a loop is fed by {}, expected neurons", self.label(at));
                Err(LoweringRefusal::here(message).hint(
                    "put the delay right behind the neurons of the loop, before the layers with weights",
                ))
            }
        }
    }
}

/// The layers with those of a loop side by side, and what feeds a loop before it. Without a loop they stay as they are.
pub(super) fn in_components(layers: Vec<NeuronLayer>) -> Vec<NeuronLayer> {
    let comes_back = |(index, layer): (usize, &NeuronLayer)| layer.sources.iter().any(|s| s.source >= index);
    if !layers.iter().enumerate().any(comes_back) {
        return layers;
    }
    let mut joins: DiGraphMap<usize, ()> = DiGraphMap::new();
    for (target, layer) in layers.iter().enumerate() {
        joins.add_node(target);
        for kernel in layer.sources.iter().filter(|kernel| kernel.source < layers.len()) {
            joins.add_edge(kernel.source, target, ());
        }
    }
    // Tarjan's algorithm gives what is fed before what feeds it.
    let ascending = |mut members: Vec<usize>| {
        members.sort_unstable();
        members
    };
    let order: Vec<usize> = tarjan_scc(&joins).into_iter().rev().flat_map(ascending).collect();
    let mut place = vec![0; layers.len()];
    order.iter().enumerate().for_each(|(new, &old)| place[old] = new);
    let mut placed: Vec<Option<NeuronLayer>> = layers.into_iter().map(Some).collect();
    let mut ordered: Vec<NeuronLayer> = order.iter().filter_map(|&old| placed[old].take()).collect();
    for kernel in ordered.iter_mut().flat_map(|layer| &mut layer.sources) {
        // An index beyond all belongs to a layer that was refused.
        kernel.source = place.get(kernel.source).copied().unwrap_or(kernel.source);
    }
    ordered
}
