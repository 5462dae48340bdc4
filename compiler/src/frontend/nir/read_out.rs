//! The read-out that a NIR network ends in.

use snnc_targets::Diagnostics;

use super::convert::Converter;
use super::flat::FlatNode;
use super::neurons::NeuronNode;
use super::node::{NirNeuron, NirNode};
use super::operations::NodeTensors;
use super::{NirOptions, ReadOut};
use crate::frontend::model::OpSpec;
use crate::layers::{LastOverTimeSpec, MeanOverTime, SumOverTime};

impl<'a> Converter<'a, '_> {
    /// The membrane that never fires which the network ends in, if it does: its node.
    fn last_membrane(&self) -> Option<(usize, &'a NirNeuron)> {
        let mut node = self.flat.output;
        for _ in 0..self.flat.nodes.len() {
            let [source] = self.flat.sources(node)[..] else { return None };
            match &self.flat.nodes[source].1 {
                FlatNode::Node(NirNode::Neuron(neuron)) if neuron.fires.is_none() => {
                    return Some((source, neuron));
                }
                _ => node = self.passes(source).map(|_| source)?,
            }
        }
        None
    }

    /// The read-out that the network ends in.
    pub(super) fn output(&mut self, options: &NirOptions) -> Result<(), Diagnostics> {
        let (node, membrane) = (self.flat.output, self.last_membrane());
        let name = self.names[node].clone();
        let mut source = self.read(node);
        let read_out = match (options.read_out, membrane) {
            (Some(asked), _) => asked,
            (None, Some(_)) => ReadOut::Last,
            (None, None) => ReadOut::Sum,
        };
        let mut op: OpSpec = match read_out {
            ReadOut::Sum => SumOverTime.into(),
            ReadOut::Mean => MeanOverTime.into(),
            ReadOut::Last => LastOverTimeSpec.into(),
        };
        if let (ReadOut::Last, Some((at, neuron))) = (read_out, membrane)
            && self.flat.edges.iter().filter(|&&(from, _)| from == at).count() == 1
            && let Some((scale, sum)) = self.folded(at, neuron)?
            && let Some(layer) = self.layers.iter().position(|layer| layer.name == source)
        {
            op = sum;
            match scale {
                Some(scale) => self.layers[layer].op = scale,
                None => source = self.layers.remove(layer).from.remove(0),
            }
        }
        self.remarks.push(format!("the network's result is {read_out} of `{source}`"));
        self.push(&name, vec![source], op);
        Ok(())
    }

    /// A membrane at the end as the read-out that it is on a chip, if it is one.
    fn folded(
        &mut self,
        node: usize,
        neuron: &NirNeuron,
    ) -> Result<Option<(Option<OpSpec>, OpSpec)>, Diagnostics> {
        let own = self.names[node].clone();
        let (name, shape) = (&self.flat.nodes[node].0, self.maps[node]);
        let part = NeuronNode { file: self.flat.file, name, neuron, shape, conventions: self.conventions };
        part.read_out(&mut NodeTensors { node: &own, tensors: &mut self.tensors })
    }
}
