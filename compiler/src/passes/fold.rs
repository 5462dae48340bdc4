//! Pass 1: folds batch norm into the convolution before it, in f64.
//!
//! `w' = w s`, `b' = (b - mean) s + shift` with `s = scale / sqrt(variance + epsilon)`, one a channel. Refuses a
//! batch norm that does not follow a convolution, or a convolution that something else reads too.

use petgraph::Direction;
use petgraph::graph::NodeIndex;
use petgraph::visit::EdgeRef;
use snnc_targets::Diagnostics;

use super::unsupported;
use crate::graph::{Conv, Graph, Op};
use crate::weights::Tensor;

/// Name of the pass.
pub const NAME: &str = "fold-batch-norm";
/// What it does.
pub const DESCRIPTION: &str = "folds batch norm into the convolution before it";

/// The graph without batch norms.
///
/// # Errors
/// [`snnc_targets::Code::Unsupported`] for every batch norm that cannot be folded.
pub fn run(graph: &Graph) -> Result<Graph, Diagnostics> {
    let mut folded = graph.clone();
    let mut problems = Diagnostics::default();
    let norms: Vec<NodeIndex> =
        graph.net.node_indices().filter(|&n| matches!(graph.net[n].op, Op::BatchNorm { .. })).collect();
    for norm in norms {
        if !fold_one(&mut folded, norm) {
            let name = &graph.net[norm].name;
            problems.push(unsupported(
                &graph.name,
                name,
                "a batch norm must follow a convolution that nothing else reads",
            ));
        }
    }
    problems.into_result(())?;
    // Removing nodes renumbers them, so it is done once, at the end.
    folded.net.retain_nodes(|net, n| !matches!(net[n].op, Op::BatchNorm { .. }));
    Ok(folded)
}

/// Folds one batch norm and bridges it; false if it cannot be folded.
fn fold_one(graph: &mut Graph, norm: NodeIndex) -> bool {
    let Some(&conv) = graph.inputs(norm).first() else { return false };
    if graph.readers(conv) != [norm] {
        return false;
    }
    let Op::BatchNorm { scale, shift, mean, variance, epsilon } = graph.net[norm].op.clone() else {
        return false;
    };
    let factors: Vec<f64> =
        scale.data.iter().zip(&variance.data).map(|(s, v)| s / (v + epsilon).sqrt()).collect();
    let transposed = matches!(graph.net[conv].op, Op::ConvTranspose2d(_));
    let (Op::Conv2d(weights) | Op::ConvTranspose2d(weights)) = &mut graph.net[conv].op else { return false };
    fold_weights(weights, transposed, &factors, &shift, &mean);
    let readers: Vec<_> =
        graph.net.edges_directed(norm, Direction::Outgoing).map(|e| (e.target(), *e.weight())).collect();
    for (reader, port) in readers {
        graph.net.add_edge(conv, reader, port);
    }
    let edges: Vec<_> = graph.net.edges(norm).map(|e| e.id()).collect();
    graph.net.retain_edges(|_, e| !edges.contains(&e));
    true
}

fn fold_weights(conv: &mut Conv, transposed: bool, factors: &[f64], shift: &Tensor, mean: &Tensor) {
    let shape = conv.weight.shape.clone();
    let taps = shape[2] * shape[3];
    let per_group = if transposed { shape[1] } else { shape[0] / conv.groups };
    for (i, weight) in conv.weight.data.iter_mut().enumerate() {
        let (outer, inner) = (i / (shape[1] * taps), i / taps % shape[1]);
        let output = if transposed { outer / (shape[0] / conv.groups) * per_group + inner } else { outer };
        *weight *= factors[output];
    }
    let old = conv.bias.as_ref().map(|b| b.data.clone()).unwrap_or_else(|| vec![0.0; factors.len()]);
    let new = (0..factors.len()).map(|c| (old[c] - mean.data[c]) * factors[c] + shift.data[c]).collect();
    conv.bias = Some(Tensor::new(vec![factors.len()], new));
}
