//! Splits a network into what runs on the chip and what the host computes behind its read-outs.
//!
//! Takes the trailing `NearestCode`, and the `Mix` before it if there is one, off the graph. Refuses a nearest
//! code that is not the last layer, and a `Mix` of anything but read-outs.

use std::fmt;

use petgraph::graph::NodeIndex;
use snnc_targets::Diagnostic;

use super::unsupported;
use crate::graph::{Graph, Op};
use crate::ir::NetworkId;
use crate::ir::spiking::{HostTail, SpikingModel};
use crate::layers::{Mix, NearestCode};

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
    let last = graph.net.node_indices().find_map(|node| match &graph.net[node].op {
        Op::NearestCode(NearestCode { table }) => Some((node, table)),
        _ => None,
    });
    let Some((code, table)) = last else { return Ok((graph.clone(), None)) };
    if !graph.readers(code).is_empty() {
        return Err(unsupported(&graph.name, &graph.net[code].name, "a nearest code must come last"));
    }
    let before = graph.inputs(code)[0];
    let (features, mut removed) = match graph.net[before].op {
        Op::Mix(Mix { alpha }) => {
            let ports = graph.inputs(before);
            (vec![(ports[0], 1.0 - alpha), (ports[1], alpha)], vec![before])
        }
        _ => (vec![(before, 1.0)], Vec::new()),
    };
    removed.push(code);
    let name = |(node, factor): (NodeIndex, f64)| match graph.net[node].op.reads_out() {
        true => Ok((graph.net[population(graph, node)].name.clone(), factor)),
        false => Err(unsupported(&graph.name, &graph.net[node].name, "a code's features must be read-outs")),
    };
    let tail = Tail {
        features: features.into_iter().map(name).collect::<Result<_, _>>()?,
        width: table.shape[1],
        codebook: table.data.to_vec(),
    };
    let mut chip = graph.clone();
    chip.net.retain_nodes(|_, node| !removed.contains(&node));
    Ok((chip, Some(tail)))
}

/// The layer after which `collect` names the population of a read-out: the one with weights before it (and before its
/// batch norm), unless that has several read-outs.
pub(super) fn population(graph: &Graph, readout: NodeIndex) -> NodeIndex {
    let before = weighted(graph, readout);
    let same = |&node: &NodeIndex| graph.net[node].op.reads_out() && weighted(graph, node) == before;
    match before {
        Some(layer) if graph.net.node_indices().filter(same).count() == 1 => layer,
        _ => readout,
    }
}

/// The layer with weights that a read-out reads, straight or through batch norms.
fn weighted(graph: &Graph, readout: NodeIndex) -> Option<NodeIndex> {
    let mut before = *graph.inputs(readout).first()?;
    while matches!(graph.net[before].op, Op::BatchNorm(_)) {
        before = *graph.inputs(before).first()?;
    }
    graph.net[before].op.kind().has_weights().then_some(before)
}

impl fmt::Display for Tail {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let rows = self.codebook.len() / self.width.max(1);
        write!(f, "nearest of {rows} codes of width {} to", self.width)?;
        for (i, (layer, factor)) in self.features.iter().enumerate() {
            write!(f, "{} {factor} x {layer}", if i == 0 { "" } else { " +" })?;
        }
        Ok(())
    }
}

impl Tail {
    /// With the read-outs that the network was given in `model`.
    pub fn resolve(self, model: &SpikingModel, network: NetworkId) -> Option<HostTail> {
        let populations = model.readouts.iter().map(|r| &model.populations[r.population]);
        let names: Vec<&String> = populations.filter(|p| p.network == network).map(|p| &p.name).collect();
        let index = |name: &String| names.iter().position(|n| *n == name);
        let features = self.features.iter().map(|(name, factor)| Some((index(name)?, *factor)));
        let features = features.collect::<Option<_>>()?;
        Some(HostTail { network, features, width: self.width, codebook: self.codebook })
    }
}
