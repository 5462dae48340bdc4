//! Pass 0: a linear layer as the convolution whose kernel is the whole map.
//!
//! A weight `[out, c x h x w]` already lies as `[out, c, h, w]`, so nothing moves; the flattening before it goes. Refuses
//! a `Flatten` that something else than `Linear` reads.

use petgraph::graph::NodeIndex;
use snnc_targets::Diagnostics;

use super::unsupported;
use crate::graph::{Conv, Graph, Op};
use crate::weights::Tensor;

/// Name of the pass.
pub const NAME: &str = "linear-to-convolution";
/// What it does.
pub const DESCRIPTION: &str = "makes linear layers convolutions over the whole map";

/// The graph without `Linear` and `Flatten`.
///
/// # Errors
/// [`snnc_targets::Code::Unsupported`] for every other use of `Flatten`, or those of shape inference.
pub fn run(graph: &Graph) -> Result<Graph, Diagnostics> {
    let shapes = graph.shapes()?;
    let mut plain = graph.clone();
    let mut problems = Diagnostics::default();
    for node in graph.net.node_indices() {
        match &graph.net[node].op {
            Op::Linear { weight, bias } => {
                let direct = graph.inputs(node)[0];
                let feed = unflattened(graph, direct);
                let (outputs, from) = (weight.shape[0], shapes[feed]);
                let shape = vec![outputs, from.channels, from.height, from.width];
                plain.net[node].op = Op::Conv2d(Conv {
                    weight: Tensor::new(shape, weight.data.clone()),
                    bias: bias.clone(),
                    stride: (1, 1),
                    padding: (0, 0),
                    dilation: (1, 1),
                    output_padding: (0, 0),
                    groups: 1,
                });
                if feed != direct {
                    // The edge from the flattening goes with it.
                    plain.net.add_edge(feed, node, 0);
                }
            }
            Op::Flatten => {
                let readers = graph.readers(node);
                let legal = |&r: &NodeIndex| matches!(graph.net[r].op, Op::Linear { .. } | Op::Flatten);
                if readers.is_empty() || !readers.iter().all(legal) {
                    let name = &graph.net[node].name;
                    problems.push(unsupported(&graph.name, name, "only `Linear` may read a `Flatten`"));
                }
            }
            _ => {}
        }
    }
    problems.into_result(())?;
    // Removing nodes renumbers them, so it is done once, at the end.
    plain.net.retain_nodes(|net, n| !matches!(net[n].op, Op::Flatten));
    Ok(plain)
}

/// The layer before a chain of flattenings.
fn unflattened(graph: &Graph, mut node: NodeIndex) -> NodeIndex {
    while matches!(graph.net[node].op, Op::Flatten) {
        node = graph.inputs(node)[0];
    }
    node
}
