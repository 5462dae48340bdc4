//! Splits a network into what runs on the chip and what the host computes behind its read-outs.
//!
//! Takes the trailing `NearestCode`, and the `Mix` before it if there is one, off the graph. Refuses a nearest
//! code that is not the last layer, and a `Mix` of anything but read-outs.

use petgraph::graph::NodeIndex;
use snnc_targets::Diagnostic;

use super::unsupported;
use crate::graph::{Graph, Op};
use crate::ir::NetworkId;
use crate::ir::spiking::{HostTail, Model};

/// Name of the pass.
pub const NAME: &str = "split-host-tail";
/// What it does.
pub const DESCRIPTION: &str = "leaves feature mixing and the nearest code behind read-outs to the host";

/// The host's part of a network, by layer names.
#[derive(Debug, Clone, PartialEq)]
pub struct Tail {
    /// Layer whose read-out it is, and its factor.
    features: Vec<(String, f64)>,
    width: usize,
    codebook: Vec<f64>,
}

/// The graph without its host part, and that part; the graph unchanged if it does not end in a nearest code.
///
/// # Errors
/// [`snnc_targets::Code::Unsupported`].
pub fn run(graph: &Graph) -> Result<(Graph, Option<Tail>), Diagnostic> {
    let last = graph.net.node_indices().find(|&n| matches!(graph.net[n].op, Op::NearestCode { .. }));
    let Some(code) = last else { return Ok((graph.clone(), None)) };
    let Op::NearestCode { table } = &graph.net[code].op else { return Ok((graph.clone(), None)) };
    if !graph.readers(code).is_empty() {
        return Err(unsupported(&graph.name, &graph.net[code].name, "a nearest code must come last"));
    }
    let before = graph.inputs(code)[0];
    let (features, mut removed) = match graph.net[before].op {
        Op::Mix { alpha } => {
            let ports = graph.inputs(before);
            (vec![(ports[0], 1.0 - alpha), (ports[1], alpha)], vec![before])
        }
        _ => (vec![(before, 1.0)], Vec::new()),
    };
    removed.push(code);
    let name = |(node, factor): (NodeIndex, f64)| match graph.net[node].op {
        Op::MeanOverTime | Op::WeightedSum { .. } => {
            Ok((graph.net[population(graph, node)].name.clone(), factor))
        }
        _ => Err(unsupported(&graph.name, &graph.net[node].name, "a code's features must be read-outs")),
    };
    let tail = Tail {
        features: features.into_iter().map(name).collect::<Result<_, _>>()?,
        width: table.shape[1],
        codebook: table.data.clone(),
    };
    let mut chip = graph.clone();
    chip.net.retain_nodes(|_, node| !removed.contains(&node));
    Ok((chip, Some(tail)))
}

/// The layer after which `collect` names the population of a read-out: the one with weights before it, unless that has
/// several read-outs.
pub(super) fn population(graph: &Graph, readout: NodeIndex) -> NodeIndex {
    let before = graph.inputs(readout)[0];
    let weighted = matches!(
        graph.net[before].op,
        Op::Conv2d(_) | Op::ConvTranspose2d(_) | Op::Linear { .. } | Op::Sparse(_)
    );
    let reads_out =
        |node: &NodeIndex| matches!(graph.net[*node].op, Op::MeanOverTime | Op::WeightedSum { .. });
    let alone = graph.readers(before).iter().filter(|node| reads_out(node)).count() == 1;
    if weighted && alone { before } else { readout }
}

impl Tail {
    /// With the read-outs that the network was given in `model`.
    pub fn resolve(self, model: &Model, network: NetworkId) -> Option<HostTail> {
        let populations = model.readouts.iter().map(|r| &model.populations[r.population]);
        let names: Vec<&String> = populations.filter(|p| p.network == network).map(|p| &p.name).collect();
        let index = |name: &String| names.iter().position(|n| *n == name);
        let features = self.features.iter().map(|(name, factor)| Some((index(name)?, *factor)));
        let features = features.collect::<Option<_>>()?;
        Some(HostTail { network, features, width: self.width, codebook: self.codebook })
    }
}
