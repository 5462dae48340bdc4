//! Relay neurons: spikes that must wait longer than the chip's delays go through neurons that repeat them.
//!
//! A skip path that joins a deeper layer waits for the layers beside it, and a `Delay` waits because the network says
//! so. What waits longer than the longest delay of the target passes relay neurons, one for each neuron of its source,
//! that fire whenever they receive a spike. Each stands the longest delay behind the one before, so there are as few as
//! can be, and all readers of a source share its relays. Windows of other layers stay where they were: spikes arrive
//! when they would have arrived.
//!
//! Relays are exact: one synapse of weight 1 on a threshold of 1/2, without memory, as the neurons of
//! [`crate::layers::MaxPool2d`].

use std::borrow::Cow;

use snnc_targets::{Diagnostics, names};

use super::collect::{Collected, KernelWiring, NeuronLayer, SourceKernel};
use super::schedule;
use super::unsupported;
use crate::ir::channels::ChannelMap;
use crate::ir::{AxisMap, ConvMap, Shape};
use crate::neuron::TrainedNeuron;

/// Name of the pass.
pub const NAME: &str = "insert-relays";
/// What it does.
pub const DESCRIPTION: &str = "adds neurons that repeat spikes which wait longer than the target's delays";

/// Adds the relays of a network on a target with delays up to `delay_max`, at least 1; refuses them unless they are
/// `wanted`.
///
/// # Errors
/// [`snnc_targets::Code::Unsupported`] for a loop that is shorter in the network than on the chip, or for each layer
/// that needs relays if none are wanted.
pub fn run(network: &Collected, delay_max: u32, wanted: bool) -> Result<Cow<'_, Collected>, Diagnostics> {
    let waits = waits(network, delay_max)?;
    if waits.iter().flatten().all(|&relays| relays == 0) {
        return Ok(Cow::Borrowed(network));
    }
    if !wanted {
        return Err(refused(network, &waits, delay_max));
    }
    let mut longest = vec![0; network.layers.len()];
    for (layer, waits) in network.layers.iter().zip(&waits) {
        for (kernel, &relays) in layer.sources.iter().zip(waits) {
            longest[kernel.source] = relays.max(longest[kernel.source]);
        }
    }
    // Where each layer stands once the relays of those before it stand behind them.
    let place = |index: usize| index + longest[..index].iter().sum::<u32>() as usize;
    let places: Vec<usize> = (0..longest.len()).map(place).collect();
    let lists: Vec<bool> =
        (0..network.layers.len()).map(|index| is_joined_by_lists(network, index)).collect();
    let mut layers = Vec::new();
    for (index, (mut layer, waits)) in network.layers.iter().cloned().zip(waits).enumerate() {
        for (kernel, relays) in layer.sources.iter_mut().zip(waits) {
            kernel.source = places[kernel.source] + relays as usize;
        }
        let (name, shape) = (layer.name.clone(), layer.shape);
        layers.push(layer);
        for relay in 1..=longest[index] {
            let name = names::relay(&name, relay);
            layers.push(relay_of(layers.len() - 1, (name, shape), lists[index], delay_max));
        }
    }
    Ok(Cow::Owned(Collected { network: network.network.clone(), timesteps: network.timesteps, layers }))
}

/// Through how many relays the spikes of each kernel of each layer go.
fn waits(network: &Collected, delay_max: u32) -> Result<Vec<Vec<u32>>, Diagnostics> {
    let delays = schedule::delays(network, &schedule::starts(network)?);
    let relays = |delay: u32| delay.saturating_sub(1) / delay_max.max(1);
    Ok(delays.into_iter().map(|layer| layer.into_iter().map(relays).collect()).collect())
}

fn refused(network: &Collected, waits: &[Vec<u32>], delay_max: u32) -> Diagnostics {
    let mut problems = Diagnostics::default();
    for (layer, waits) in network.layers.iter().zip(waits) {
        for (kernel, _) in layer.sources.iter().zip(waits).filter(|(_, relays)| **relays > 0) {
            let source = &network.layers[kernel.source];
            let message = format!(
                "the spikes of \"{}\" must wait longer than the target's delays, which end at {delay_max}: relay \
                 neurons would repeat them, and none are wanted",
                source.name
            );
            let hint = "choose a target with longer delays, or allow relay neurons";
            problems.push(unsupported(&network.network, &layer.name, message).hint(hint));
        }
    }
    problems
}

/// Whether a layer's neurons may be numbered anew by a mapping, which its readers then follow by lists of synapses: it
/// is fed by lists, or by no spikes and read by lists.
fn is_joined_by_lists(network: &Collected, index: usize) -> bool {
    let is_list = |kernel: &SourceKernel| matches!(kernel.wiring, KernelWiring::Sparse { .. });
    let incoming = &network.layers[index].sources;
    let mut outgoing = network.layers.iter().flat_map(|layer| &layer.sources).filter(|k| k.source == index);
    if incoming.is_empty() { outgoing.any(is_list) } else { incoming.iter().any(is_list) }
}

/// Neurons that repeat the spikes of a layer, `behind` timesteps behind it on the chip; joined to it by a list of
/// synapses, or by a kernel.
fn relay_of(source: usize, (name, shape): (String, Shape), list: bool, behind: u32) -> NeuronLayer {
    let wiring = match list {
        true => KernelWiring::Sparse {
            sources: (0..shape.width as u32).collect(),
            targets: (0..shape.width as u32).collect(),
        },
        false => KernelWiring::Conv {
            map: ConvMap { rows: AxisMap::pointwise(shape.height), cols: AxisMap::pointwise(shape.width) },
            channels: ChannelMap::one_to_one(shape.channels),
        },
    };
    let weights = vec![1.0; if list { shape.width } else { shape.channels }];
    NeuronLayer {
        name,
        shape,
        kind: TrainedNeuron::integrate_and_fire(0.5).into(),
        sources: vec![SourceKernel { source, delay: 0, wiring, weights: weights.into() }],
        bias: vec![0.0; shape.channels],
        host: None,
        relay: Some(behind),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ir::spiking::Window;
    use crate::neuron::NeuronKind;

    fn layer(name: &str, sources: &[(usize, u32)]) -> NeuronLayer {
        let shape = Shape::new(3, 2, 2);
        let kernel = |&(source, delay)| SourceKernel {
            source,
            delay,
            ..relay_of(0, (String::new(), shape), false, 1).sources.remove(0)
        };
        let kind = NeuronKind::from(TrainedNeuron::lif(2.0, 1.0, 0.0));
        let sources = sources.iter().map(kernel).collect();
        NeuronLayer { name: name.into(), shape, kind, sources, bias: vec![0.0; 3], host: None, relay: None }
    }

    /// A chain of layers; the last also reads the first.
    fn skip(deep: usize) -> Collected {
        let mut layers = vec![layer("first", &[])];
        layers.extend((1..deep).map(|i| layer(&format!("l{i}"), &[(i - 1, 0)])));
        layers.push(layer("last", &[(deep - 1, 0), (0, 0)]));
        Collected { network: "n".into(), timesteps: 4, layers }
    }

    #[test]
    fn a_long_skip_path_passes_as_few_relays_as_there_can_be() {
        // The path beside has 6 layers: 6 timesteps to travel.
        for (delay_max, relays) in [(1, 5), (2, 2), (3, 1), (5, 1), (6, 0), (8, 0)] {
            let plain = skip(6);
            let network = run(&plain, delay_max, true).unwrap();
            network.verify().unwrap();
            assert_eq!(network.layers.len(), 7 + relays, "{delay_max}");
            let plan = schedule::run(&network, delay_max).unwrap();
            plan.verify(&network).unwrap();
            // All arrive where they did without relays.
            assert_eq!(plan.windows.last(), Some(&Window { start: 6, steps: 4 }), "{delay_max}");
            assert!(plan.delays.iter().flatten().all(|&delay| delay <= delay_max), "{delay_max}");
        }
    }

    #[test]
    fn readers_share_the_relays_of_their_source() {
        let mut network = skip(4);
        network.layers.push(layer("deeper", &[(4, 0), (0, 0)]));
        let with = run(&network, 1, true).unwrap();
        // 3 for the last layer, one more for the deeper one.
        let names: Vec<&str> = with.layers.iter().map(|layer| layer.name.as_str()).collect();
        let relays = ["first.relay1", "first.relay2", "first.relay3", "first.relay4"];
        assert_eq!(names[..5], [&["first"][..], &relays[..]].concat());
        assert_eq!((with.layers[8].sources[1].source, with.layers[9].sources[1].source), (3, 4));
        schedule::run(&with, 1).unwrap().verify(&with).unwrap();
    }

    #[test]
    fn relays_are_joined_as_their_source_is() {
        // A line of neurons that only kernels join keeps its numbers; one that lists join may be numbered anew.
        for list in [false, true] {
            let mut network = skip(3);
            let shape = Shape::new(1, 1, 4);
            for layer in &mut network.layers {
                layer.shape = shape;
                layer.bias = vec![0.0];
                let of = |source| relay_of(source, (String::new(), shape), list, 1).sources.remove(0);
                layer.sources.iter_mut().for_each(|kernel| *kernel = of(kernel.source));
            }
            let with = run(&network, 1, true).unwrap();
            with.verify().unwrap();
            let relays = with.layers.iter().filter(|layer| layer.relay.is_some());
            let lists = relays.map(|relay| matches!(relay.sources[0].wiring, KernelWiring::Sparse { .. }));
            assert_eq!(lists.collect::<Vec<_>>(), [list; 2]);
        }
    }

    #[test]
    fn late_spikes_of_a_loop_wait_in_relays_too() {
        let mut network = skip(2);
        network.layers[1].sources.push(SourceKernel { source: 1, ..layer("", &[(0, 5)]).sources.remove(0) });
        let with = run(&network, 2, true).unwrap();
        with.verify().unwrap();
        let plan = schedule::run(&with, 2).unwrap();
        plan.verify(&with).unwrap();
        // A loop of 5 timesteps: 2 to the first relay, 2 to the second, 1 back.
        assert_eq!(with.layers[1].sources[1].source, 3);
        assert_eq!(plan.delays[1], [1, 1]);
    }

    #[test]
    fn relays_that_are_not_wanted_are_refused_by_layer() {
        let problems = run(&skip(6), 3, false).unwrap_err();
        let told = problems.to_string();
        assert!(
            told.contains("layer n.last") && told.contains("\"first\"") && told.contains("end at 3"),
            "{told}"
        );
        assert_eq!(run(&skip(6), 6, false).unwrap().layers.len(), 7);
    }
}
