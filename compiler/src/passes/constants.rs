//! Neurons that fire in every timestep, in place of constants that join a synaptic current.
//!
//! The bias of a chip's neuron joins its membrane, behind the synaptic current; a trained neuron's constant input, such
//! as the bias of the layer before it, joins the current. Where the neurons of a target are not programmable, one
//! neuron that fires in every timestep stands for such constants of a layer: it has a synapse on each of the layer's
//! neurons, whose weight is the constant. That is exact, since a spike's weight joins the current as any input does.
//!
//! The neuron integrates a constant of 1 against a threshold of 1/2, and a spike takes it back to 0. Constants that the
//! host writes stay where they are, and are refused by the quantiser.

use std::borrow::Cow;

use snnc_targets::names;

use super::TargetRules;
use super::collect::{Collected, KernelWiring, NeuronLayer, SourceKernel};
use crate::ir::channels::ChannelMap;
use crate::ir::{AxisMap, ConvMap, Shape};
use crate::neuron::TrainedNeuron;

/// Name of the pass.
pub const NAME: &str = "insert-constants";
/// What it does.
pub const DESCRIPTION: &str =
    "adds neurons that always fire, for constants that the target cannot add to a synaptic current";

/// Adds the neurons that a network needs on a target.
pub fn run<'a>(network: &'a Collected, target: &TargetRules) -> Cow<'a, Collected> {
    let able = target.neuron.programmable.get() || target.neuron.synaptic_current.is_none();
    if able || !network.layers.iter().any(joins_a_current) {
        return Cow::Borrowed(network);
    }
    // Each stands in front of its layer; layers of one loop stay side by side behind all of theirs.
    let added: Vec<usize> =
        (0..network.layers.len()).filter(|&i| joins_a_current(&network.layers[i])).collect();
    let mut layers: Vec<NeuronLayer> = added.iter().map(|&i| always(&network.layers[i])).collect();
    for (index, mut layer) in network.layers.iter().cloned().enumerate() {
        layer.sources.iter_mut().for_each(|kernel| kernel.source += added.len());
        if let Ok(source) = added.binary_search(&index) {
            layer.sources.push(synapses(source, &layer));
            layer.bias.fill(0.0);
        }
        layers.push(layer);
    }
    Cow::Owned(Collected { network: network.network.clone(), timesteps: network.timesteps, layers })
}

/// Whether a constant joins the synaptic current of a layer's neurons.
fn joins_a_current(layer: &NeuronLayer) -> bool {
    let current = layer.kind.neurons().iter().any(|neuron| neuron.current.is_some());
    current && layer.host.is_none() && layer.bias.iter().any(|&constant| constant != 0.0)
}

/// The neuron that fires for a layer.
fn always(layer: &NeuronLayer) -> NeuronLayer {
    NeuronLayer {
        name: names::constant(&layer.name),
        shape: Shape::new(1, 1, 1),
        kind: TrainedNeuron::integrate_and_fire(0.5).into(),
        sources: Vec::new(),
        bias: vec![1.0],
        host: None,
        relay: None,
    }
}

/// Its synapses: a list where the layer's neurons have a constant each or are joined by lists, else a kernel as large
/// as the map.
fn synapses(source: usize, layer: &NeuronLayer) -> SourceKernel {
    let Shape { channels, height, width } = layer.shape;
    let is_list = |kernel: &SourceKernel| matches!(kernel.wiring, KernelWiring::Sparse { .. });
    if layer.bias.len() != channels || layer.sources.iter().any(is_list) {
        let of = |i: usize| layer.bias[if layer.bias.len() == 1 { 0 } else { i }];
        let targets: Vec<u32> = (0..width as u32).filter(|&i| of(i as usize) != 0.0).collect();
        let weights: Vec<f64> = targets.iter().map(|&i| of(i as usize)).collect();
        let wiring = KernelWiring::Sparse { sources: vec![0; targets.len()], targets };
        return SourceKernel { source, delay: 0, wiring, weights: weights.into() };
    }
    let axis =
        |length: usize| AxisMap { kernel: length, transposed: true, input: 1, ..AxisMap::pointwise(length) };
    let map = match layer.shape.positions() {
        1 => ConvMap { rows: AxisMap::pointwise(1), cols: AxisMap::pointwise(1) },
        _ => ConvMap { rows: axis(height), cols: axis(width) },
    };
    let weights: Vec<f64> = layer.bias.repeat(layer.shape.positions());
    let wiring = KernelWiring::Conv { map, channels: ChannelMap::dense(1, channels) };
    SourceKernel { source, delay: 0, wiring, weights: weights.into() }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::passes::calibrate;

    /// A port of 3 neurons on a layer of `shape`, whose neurons have a current and these constants.
    fn network(shape: Shape, bias: Vec<f64>, list: bool) -> Collected {
        let current = TrainedNeuron { current: Some(0.5), ..TrainedNeuron::lif(2.0, 0.25, 0.0) };
        let port = Shape::new(if list { 1 } else { 3 }, 1, if list { 3 } else { 1 });
        let (wiring, weights) = match list {
            true => (KernelWiring::Sparse { sources: vec![0, 2], targets: vec![1, 0] }, vec![0.25, 0.75]),
            false => {
                let axis = |n| AxisMap { kernel: n, transposed: true, input: 1, ..AxisMap::pointwise(n) };
                let map = ConvMap { rows: axis(shape.height), cols: axis(shape.width) };
                let count = 3 * shape.len();
                let weights = (0..count).map(|i| (i % 5) as f64 / 8.0).collect();
                (KernelWiring::Conv { map, channels: ChannelMap::dense(3, shape.channels) }, weights)
            }
        };
        let kernel = SourceKernel { source: 0, delay: 0, wiring, weights: weights.into() };
        let layer = |name: &str, shape, kind, sources, bias| NeuronLayer {
            name: name.into(),
            shape,
            kind,
            sources,
            bias,
            host: None,
            relay: None,
        };
        let layers = vec![
            layer("in", port, crate::neuron::NeuronKind::Port, vec![], vec![0.0; port.channels]),
            layer("cuba", shape, current.into(), vec![kernel], bias),
        ];
        Collected { network: "n".into(), timesteps: 12, layers }
    }

    #[test]
    fn spikes_of_every_timestep_are_what_the_constants_were() {
        let loihi = snnc_targets::registry::load("loihi-like").unwrap();
        let input: Vec<f64> = (0..36).map(|i| f64::from(u8::from(i % 7 < 2))).collect();
        for (shape, bias, list) in [
            (Shape::new(4, 1, 1), vec![0.5, 0.0, -0.25, 0.125], false),
            (Shape::new(2, 3, 2), vec![0.25, 0.5], false),
            (Shape::new(1, 1, 5), vec![0.5, 0.0, 0.25, 0.125, 1.0], true),
            (Shape::new(1, 1, 5), vec![0.375], true),
        ] {
            let plain = network(shape, bias, list);
            let with = run(&plain, &TargetRules::from(&loihi));
            with.verify().unwrap();
            let names: Vec<&str> = with.layers.iter().map(|layer| layer.name.as_str()).collect();
            assert_eq!(names, ["cuba.constant", "in", "cuba"]);
            assert!(with.layers[2].bias.iter().all(|&constant| constant == 0.0));
            let (before, after) = (calibrate::run(&plain, &input), calibrate::run(&with, &input));
            assert!(after.spikes[0].iter().all(|step| step.len() == 1), "it fires in every timestep");
            assert_eq!(before.spikes[1], after.spikes[2], "{shape:?}");
            assert!(before.spikes[1].iter().any(|step| !step.is_empty()));
        }
    }

    #[test]
    fn only_where_a_chip_cannot_add_them() {
        let plain = network(Shape::new(4, 1, 1), vec![0.5; 4], false);
        for (target, added) in [("loihi-like", 1), ("loihi2-like", 0), ("truenorth-like", 0)] {
            let target = snnc_targets::registry::load(target).unwrap();
            assert_eq!(run(&plain, &TargetRules::from(&target)).layers.len(), 2 + added, "{}", target.name);
        }
        let loihi = snnc_targets::registry::load("loihi-like").unwrap();
        let silent = network(Shape::new(4, 1, 1), vec![0.0; 4], false);
        assert_eq!(run(&silent, &TargetRules::from(&loihi)).layers.len(), 2);
    }
}
