//! Everything a run of the float reference gave, layer by layer.

use petgraph::graph::NodeIndex;

use super::{Map, Signal};
use crate::graph::Graph;

/// Layer whose output is the network's: the one that nothing reads, wherever it stands; of several the last.
pub(super) fn output(graph: &Graph) -> NodeIndex {
    graph.outputs().pop().expect("a graph without cycles has a layer that nothing reads")
}

/// One layer of a [`Trace`].
#[derive(Debug, Clone, PartialEq)]
pub struct TracedLayer {
    /// Name within the network.
    pub name: String,
    /// Whether it is a firing layer, whose signal is spikes: 0 or 1.
    pub spiking: bool,
    /// Its output.
    pub signal: Signal,
}

/// The outputs of all layers in one run, or of those that were kept, in the order in which the layers were written.
#[derive(Debug, Clone, PartialEq)]
pub struct Trace {
    layers: Vec<TracedLayer>,
    /// Position of the network's output.
    output: usize,
}

impl Trace {
    /// From the signals of `graph`'s layers, by node; none for those that were not kept.
    pub(super) fn new(graph: &Graph, signals: Vec<Option<Signal>>) -> Self {
        let traced = |(layer, signal): (&crate::graph::Layer, Signal)| TracedLayer {
            name: layer.name.clone(),
            spiking: layer.op.fires(),
            signal,
        };
        let output = output(graph).index();
        assert!(signals[output].is_some(), "what nothing reads stays");
        let before = signals[..output].iter().flatten().count();
        let all = graph.net.node_weights().zip(signals);
        let layers = all.filter_map(|(layer, signal)| Some((layer, signal?))).map(traced).collect();
        Self { layers, output: before }
    }

    /// All layers, or those that were kept.
    pub fn layers(&self) -> &[TracedLayer] {
        &self.layers
    }

    /// Output of the layer of that name.
    pub fn signal(&self, layer: &str) -> Option<&Signal> {
        self.layers.iter().find(|l| l.name == layer).map(|l| &l.signal)
    }

    /// Output of the layer that nothing reads: after the last timestep, where it has several.
    pub fn output(&self) -> &Map {
        self.layers[self.output].signal.steps().last().expect("a run has a last timestep")
    }

    /// Names of the spiking layers.
    pub fn spiking(&self) -> impl Iterator<Item = &str> {
        self.layers.iter().filter(|layer| layer.spiking).map(|layer| layer.name.as_str())
    }

    /// Spikes of a spiking layer, `[timesteps][c, h, w]` with the map flat and row-major.
    pub fn spikes(&self, layer: &str) -> Option<Vec<Vec<bool>>> {
        let layer = self.layers.iter().find(|l| l.name == layer && l.spiking)?;
        let fired = |map: &Map| map.data.iter().map(|&v| v != 0.0).collect();
        Some(layer.signal.steps().iter().map(fired).collect())
    }
}
