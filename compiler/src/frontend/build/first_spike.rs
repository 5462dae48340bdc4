//! The read-out `FirstSpike` as layers: once a neuron has fired, one beside it fires in every timestep, and these
//! spikes are counted.
//!
//! A read-out `out` of layer `s` becomes
//!
//! ```text
//! out.before: Delay(steps: 1) of out.first      out.either: Add of s and out.before
//! out.first:  If(threshold: 1.0) of out.either  out:        SumOverTime of out.first
//! ```
//!
//! A spike of `s` in timestep t makes `out.first` fire in t, and its own spike makes it fire in each timestep after
//! that: T - t spikes of T timesteps. Refused: what is not spikes.

use std::collections::HashSet;

use petgraph::graph::NodeIndex;
use snnc_targets::{Code, Diagnostic, Diagnostics, Subject};

use crate::frontend::model::{LayerSpec, OpSpec};
use crate::graph::{Builder, Graph};
use crate::layers::{Add, Delay, If, Op};

/// Whether a layer is such a read-out that reads one layer, as it must.
pub(super) fn is_first_spike(layer: &LayerSpec) -> bool {
    matches!(layer.op, OpSpec::FirstSpike(_)) && layer.from.len() == 1
}

/// The neurons whose spikes the read-out counts.
pub(super) fn neurons(readout: &str) -> String {
    format!("{readout}.first")
}

/// Adds the layers before a read-out; all others are there. What it reads is known to exist.
pub(super) fn expand(builder: &mut Builder<'_>, layer: &LayerSpec) {
    let [before, either] = ["before", "either"].map(|part| format!("{}.{part}", layer.name));
    let (first, from) = (neurons(&layer.name), &layer.from[0]);
    let shape = builder.shape(from).map(|shape| (shape.channels, shape.height, shape.width));
    builder.layer(&before, &[&first], Delay { steps: 1, shape });
    builder.layer(&either, &[from, &before], Add);
    builder.layer(&first, &[&either], If::new(1.0));
}

/// Refuses read-outs of anything but spikes.
///
/// # Errors
/// [`Code::LayerShape`] for each.
pub(super) fn check<'s>(
    graph: &Graph,
    readouts: impl Iterator<Item = &'s LayerSpec>,
) -> Result<(), Diagnostics> {
    let problem = |layer: &LayerSpec| {
        let source = graph.find(&layer.from[0])?;
        if is_spikes(graph, source) {
            return None;
        }
        let from = &graph.net[source];
        let message = format!("FirstSpike reads \"{}\" ({}), which is not spikes", from.name, from.op.name());
        let place = Subject::layer(&graph.name, &layer.name);
        Some(Diagnostic::new(Code::LayerShape, place, message).hint("put it right behind neurons"))
    };
    readouts.filter_map(problem).collect::<Diagnostics>().into_result(())
}

/// Whether a layer gives the spikes of neurons, or from outside, as they are.
fn is_spikes(graph: &Graph, layer: NodeIndex) -> bool {
    let (mut seen, mut open) = (HashSet::new(), vec![layer]);
    while let Some(node) = open.pop() {
        let op = &graph.net[node].op;
        if op.fires() || op.kind().is_port() || !seen.insert(node) {
            continue;
        }
        match op {
            Op::Flatten(_) | Op::Reshape(_) | Op::Dropout(_) | Op::Delay(_) | Op::Concat(_) => {
                open.extend(graph.inputs(node));
            }
            _ => return false,
        }
    }
    true
}
