//! Samples from outside, one after the other: every network runs on the chip, and the inputs are not known yet.

use indexmap::IndexMap;

use super::{Nothing, Recorder, Workload};
use crate::graph::{Graph, Op};
use crate::ir::NetworkId;
use crate::ir::workload::WorkloadSpec;
use crate::layers::Input;

/// What normalised data lie in.
const RANGE: (f64, f64) = (-1.0, 1.0);

/// A model without a pipeline.
#[derive(Debug, Clone, Copy)]
pub struct Samples<'m> {
    graphs: &'m IndexMap<String, Graph>,
}

impl<'m> Samples<'m> {
    /// All of a model's networks.
    pub fn new(graphs: &'m IndexMap<String, Graph>) -> Self {
        Self { graphs }
    }
}

impl Workload for Samples<'_> {
    fn networks(&self) -> Vec<&str> {
        self.graphs.keys().map(String::as_str).collect()
    }

    /// -1 to 1, as normalised data lie. What lies outside is written as far as the biases reach, clipped and counted
    /// beyond.
    fn input_ranges(&self, network: &Graph) -> Option<Vec<(f64, f64)>> {
        let channels = network.net.node_weights().find_map(|layer| match layer.op {
            Op::Input(Input { shape, .. }) => Some(shape.channels),
            _ => None,
        });
        Some(vec![RANGE; channels.unwrap_or(0)])
    }

    fn recorder(&self, _: usize) -> Box<dyn Recorder + '_> {
        Box::new(Nothing)
    }

    fn unrecorded(&self) -> Option<&'static str> {
        Some("the model has no pipeline, and only a generation loop gives inputs to record")
    }

    fn spec(&self, _: &IndexMap<String, NetworkId>) -> Option<WorkloadSpec> {
        None
    }
}
