//! When each layer is updated, and how long spikes travel.
//!
//! A spike sent in timestep s is integrated in s + delay, delay at least 1. A layer fed by the host starts at 0; a
//! firing layer starts one step behind its latest source, and shorter paths are delayed to meet it. Where spikes are
//! late in the trained network by d timesteps, the layer may start d steps earlier: a spike of timestep t is
//! integrated in timestep t + d of the target's window, behind which it changes nothing, as in the network. So the
//! starts are the least solution of `start >= start of source + 1 - d`; it exists if every loop is late by as many
//! timesteps as it has layers. A pure sum over time needs no meeting: its window spans whatever arrives. Refuses
//! delays that the target does not have.

use snnc_targets::{Code, Diagnostic, Diagnostics, Subject};

use super::collect::{Collected, NeuronKind, NeuronLayer, SourceKernel};
use super::unsupported;
use crate::ir::spiking::Window;

/// Name of the pass.
pub const NAME: &str = "schedule";
/// What it does.
pub const DESCRIPTION: &str = "gives every layer its window and every kernel its delay";

/// Windows and delays.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WindowSchedule {
    /// One a layer.
    pub windows: Vec<Window>,
    /// One a source kernel of each layer.
    pub delays: Vec<Vec<u32>>,
    /// Timesteps of a pass.
    pub pass_steps: u32,
}

impl WindowSchedule {
    /// Checks every invariant: a window a layer inside the pass, a delay of at least 1 a kernel, and every timestep
    /// of a source that is not late arrives inside the window of its target; at a neuron that fires, each in its own
    /// timestep, or as late as the network says.
    ///
    /// # Errors
    /// [`Code::SpikingIr`] for each that is broken.
    pub fn verify(&self, network: &Collected) -> Result<(), Diagnostics> {
        let mut found = Diagnostics::default();
        let mut need = |ok: bool, layer: &NeuronLayer, message: &str| {
            if !ok {
                let place = Subject::layer(&network.network, &layer.name);
                found.push(Diagnostic::new(Code::SpikingIr, place, message));
            }
        };
        let all = network.layers.iter().zip(&self.windows).zip(&self.delays);
        let mut met = 0;
        for ((layer, window), delays) in all {
            met += 1;
            need(window.end() <= self.pass_steps, layer, "its window ends behind the pass");
            need(delays.len() == layer.sources.len(), layer, "it has not one delay a kernel");
            for (source, &delay) in layer.sources.iter().zip(delays) {
                let from = self.windows[source.source];
                let (first, end) = (
                    (from.start + delay).saturating_sub(source.delay),
                    (from.end() + delay).saturating_sub(source.delay),
                );
                let inside = !source.joins() || from.end() + delay <= self.pass_steps;
                need(inside, layer, "spikes would arrive behind the pass");
                need(delay >= 1, layer, "a spike would arrive in the timestep that sends it");
                need(
                    window.start <= first && end <= window.end(),
                    layer,
                    "spikes would arrive outside its window",
                );
                let aligned = (first, end) == (window.start, window.end());
                need(
                    aligned || spans(layer) || !layer.kind.fires() && source.delay == 0,
                    layer,
                    "spikes of one timestep would arrive in several",
                );
            }
        }
        let whole = [met, self.windows.len(), self.delays.len()] == [network.layers.len(); 3];
        if !whole {
            let place = Subject::Network(network.network.clone());
            found.push(Diagnostic::new(Code::SpikingIr, place, "not one window a layer"));
        }
        found.into_result(())
    }
}

/// Schedules a network on a target with delays up to `delay_max`.
///
/// # Errors
/// [`snnc_targets::Code::Unsupported`] if spikes must wait longer than the target's delays and no relays
/// ([`super::relays`]) stand between, or for a loop shorter in the network than on the chip.
pub fn run(network: &Collected, delay_max: u32) -> Result<WindowSchedule, Diagnostics> {
    let mut problems = Diagnostics::default();
    let steps = network.timesteps as u32;
    let starts = starts(network)?;
    let window = |(layer, &start): (&NeuronLayer, &u32)| match latest(layer, &starts) {
        Some(latest) if spans(layer) => Window { start, steps: latest + 1 - start + steps },
        _ => Window { start, steps },
    };
    let windows: Vec<Window> = network.layers.iter().zip(&starts).map(window).collect();
    let delays = delays(network, &starts);
    let mut pass_steps = windows.iter().map(|w| w.end()).max().unwrap_or(0);
    for (layer, own) in network.layers.iter().zip(&delays) {
        if let Some(&most) = own.iter().max().filter(|&&most| most > delay_max) {
            let message =
                format!("spikes must wait for {most} timesteps, the target's delays end at {delay_max}");
            problems.push(unsupported(&network.network, &layer.name, message));
        }
        // Where a kernel has no synapse nothing arrives.
        let arrivals = layer.sources.iter().zip(own).filter(|(kernel, _)| kernel.joins());
        let arrivals = arrivals.map(|(kernel, delay)| windows[kernel.source].end() + delay);
        pass_steps = arrivals.max().unwrap_or(0).max(pass_steps);
    }
    problems.into_result(WindowSchedule { windows, delays, pass_steps })
}

/// How long the spikes of each kernel of each layer travel, if layers start so.
pub(super) fn delays(network: &Collected, starts: &[u32]) -> Vec<Vec<u32>> {
    let of = |(layer, start): (&NeuronLayer, &u32)| {
        let delay = |kernel: &SourceKernel| match spans(layer) {
            true => 1,
            false => start + kernel.delay - starts[kernel.source],
        };
        layer.sources.iter().map(delay).collect()
    };
    network.layers.iter().zip(starts).map(of).collect()
}

/// Whether a layer's window spans whatever arrives: a sum over time, none of whose spikes are late. Late spikes that
/// the network does not see any more must not arrive inside it.
fn spans(layer: &NeuronLayer) -> bool {
    let sum = matches!(layer.kind, NeuronKind::Mean | NeuronKind::Sum);
    sum && layer.sources.iter().all(|kernel| kernel.delay == 0)
}

/// The latest start among a layer's sources.
fn latest(layer: &NeuronLayer, starts: &[u32]) -> Option<u32> {
    layer.sources.iter().map(|kernel| starts[kernel.source]).max()
}

/// The least starts at which every spike has a timestep to travel: `start >= start of source + 1 - delay`. Relays stand
/// farther behind their source.
pub(super) fn starts(network: &Collected) -> Result<Vec<u32>, Diagnostic> {
    least_starts(network).map_err(|short| loop_too_short(network, &short))
}

/// A loop that has fewer timesteps in the network than layers.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct ShortLoop {
    /// From layer to layer around it, in the order in which spikes take them.
    pub edges: Vec<LoopEdge>,
}

/// A step around a loop.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct LoopEdge {
    /// The layer that sends.
    pub source: usize,
    /// The layer that receives.
    pub target: usize,
    /// By how many timesteps of the network its spikes are late at least.
    pub delay: u32,
}

impl ShortLoop {
    /// Timesteps around it in the network.
    pub fn given(&self) -> u32 {
        self.edges.iter().map(|edge| edge.delay).sum()
    }
}

/// As [`starts`]; without them the loop that prevents them.
pub(super) fn least_starts(network: &Collected) -> Result<Vec<u32>, ShortLoop> {
    let layers = &network.layers;
    let mut starts = vec![0u32; layers.len()];
    // The source that each start was last moved by.
    let mut moved_by = vec![None; layers.len()];
    // Without a loop one round settles all; no path without a loop is longer than there are layers.
    for _ in 0..=layers.len() {
        let mut moved = None;
        for (index, layer) in layers.iter().enumerate() {
            let behind = layer.relay.unwrap_or(1);
            let needed =
                |kernel: &SourceKernel| (starts[kernel.source] + behind).saturating_sub(kernel.delay);
            let each = layer.sources.iter().map(|kernel| (needed(kernel), kernel.source));
            let bound = if spans(layer) { each.min_by_key(|e| e.0) } else { each.max_by_key(|e| e.0) };
            let Some((start, source)) = bound else { continue };
            if start > starts[index] {
                (starts[index], moved_by[index], moved) = (start, Some(source), Some(index));
            }
        }
        let Some(_) = moved else { return Ok(starts) };
    }
    Err(short_loop(network, &moved_by))
}

/// The loop that moves its own start: `moved_by` leads around it, against the spikes.
fn short_loop(network: &Collected, moved_by: &[Option<usize>]) -> ShortLoop {
    let layers = &network.layers;
    let is_in_loop = |&start: &usize| {
        let next = |at: &usize| moved_by[*at];
        std::iter::successors(next(&start), next).take(layers.len()).any(|at| at == start)
    };
    let first = (0..layers.len()).find(is_in_loop).unwrap_or(0);
    let (mut edges, mut target) = (Vec::new(), first);
    while let Some(source) = moved_by[target] {
        let kernels = layers[target].sources.iter().filter(|kernel| kernel.source == source);
        let delay = kernels.map(|kernel| kernel.delay).min().unwrap_or(0);
        edges.push(LoopEdge { source, target, delay });
        target = source;
        if target == first || edges.len() > layers.len() {
            break;
        }
    }
    edges.reverse();
    ShortLoop { edges }
}

/// The refusal of a loop that is shorter in the network than on the chip.
fn loop_too_short(network: &Collected, short: &ShortLoop) -> Diagnostic {
    let around = short.edges.iter().map(|edge| format!("\"{}\"", network.layers[edge.source].name));
    let around: Vec<String> = around.collect();
    let message = format!(
        "spikes take {} timesteps on the chip around the loop through {}, one a layer; the network gives them {}",
        around.len(),
        around.join(", "),
        short.given()
    );
    let named = short.edges.last().map_or(0, |edge| edge.target);
    unsupported(&network.network, &network.layers[named].name, message).hint(
        "train with as many timesteps of delay in the loop as it has layers of neurons; `--feedback chip` runs it with \
         the chip's delays",
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ir::channels::ChannelMap;
    use crate::ir::{AxisMap, ConvMap, Shape};
    use crate::neuron::TrainedNeuron;
    use crate::passes::collect::KernelWiring;

    fn layer(kind: NeuronKind, sources: &[usize]) -> NeuronLayer {
        let axis = AxisMap::pointwise(1);
        let kernel = |&source| SourceKernel {
            source,
            delay: 0,
            wiring: KernelWiring::Conv {
                map: ConvMap { rows: axis, cols: axis },
                channels: ChannelMap::dense(1, 1),
            },
            weights: vec![1.0].into(),
        };
        let sources = sources.iter().map(kernel).collect();
        NeuronLayer {
            name: "l".into(),
            shape: Shape::new(1, 1, 1),
            kind,
            sources,
            bias: vec![0.0],
            host: None,
            relay: None,
        }
    }

    fn skip(last: NeuronKind) -> Collected {
        let lif = NeuronKind::from(TrainedNeuron::lif(2.0, 1.0, 0.0));
        let layers =
            vec![layer(lif.clone(), &[]), layer(lif.clone(), &[0]), layer(lif, &[1]), layer(last, &[2, 0])];
        Collected { network: "n".into(), timesteps: 16, layers }
    }

    #[test]
    fn a_sum_takes_what_arrives_a_neuron_waits_for_the_longer_path() {
        let sum = run(&skip(NeuronKind::Mean), 8).unwrap();
        assert_eq!(sum.windows[3], Window { start: 1, steps: 18 });
        assert_eq!(sum.delays[3], [1, 1]);
        assert_eq!(sum.pass_steps, 19);
        let lif = NeuronKind::from(TrainedNeuron::lif(2.0, 1.0, 0.0));
        let meet = run(&skip(lif.clone()), 8).unwrap();
        assert_eq!(meet.windows[3], Window { start: 3, steps: 16 });
        assert_eq!(meet.delays[3], [1, 3]);
        assert_eq!(run(&skip(lif), 2).unwrap_err().codes(), [snnc_targets::Code::Unsupported]);
    }

    /// Neurons, each with its sources: (layer, timesteps by which its spikes are late).
    fn late(layers: &[&[(usize, u32)]]) -> Collected {
        let of = |sources: &&[(usize, u32)]| {
            let lif = NeuronKind::from(TrainedNeuron::lif(2.0, 1.0, 0.0));
            let mut layer = layer(lif, &sources.iter().map(|s| s.0).collect::<Vec<_>>());
            layer.sources.iter_mut().zip(*sources).for_each(|(kernel, source)| kernel.delay = source.1);
            layer
        };
        Collected { network: "n".into(), timesteps: 16, layers: layers.iter().map(of).collect() }
    }

    #[test]
    fn late_spikes_travel_as_long_as_the_network_says() {
        // A layer that feeds itself a step late: a delay of 1 on the chip.
        let own = run(&late(&[&[], &[(0, 0), (1, 1)]]), 8).unwrap();
        assert_eq!((own.windows[1], own.delays[1].as_slice()), (Window { start: 1, steps: 16 }, &[1, 1][..]));
        // The last of its spikes arrives a step behind its window, which ends at 17.
        assert_eq!(own.pass_steps, 18);
        own.verify(&late(&[&[], &[(0, 0), (1, 1)]])).unwrap();
        // Two layers in a loop with 3 steps: 1 forward, so 2 back.
        let two = run(&late(&[&[], &[(0, 0), (2, 3)], &[(1, 0)]]), 8).unwrap();
        assert_eq!(two.delays, [vec![], vec![1, 2], vec![1]].map(|d: Vec<u32>| d));
        // A feed-forward path that is late by 3 lets its target start with its source.
        let forward = run(&late(&[&[], &[(0, 3)]]), 8).unwrap();
        assert_eq!((forward.windows[1].start, forward.delays[1][0], forward.pass_steps), (0, 3, 19));
    }

    #[test]
    fn a_loop_with_fewer_timesteps_than_layers_is_refused() {
        let error = run(&late(&[&[], &[(0, 0), (2, 1)], &[(1, 0)]]), 8).unwrap_err();
        assert_eq!(error.codes(), [Code::Unsupported]);
        let told = error.to_string();
        assert!(told.contains("take 2 timesteps") && told.contains("the network gives them 1"), "{told}");
    }

    #[test]
    fn each_broken_schedule_is_found() {
        let network = skip(NeuronKind::from(TrainedNeuron::integrate_and_fire(1.0)));
        let legal = run(&network, 8).unwrap();
        legal.verify(&network).unwrap();
        let broken = |change: fn(&mut WindowSchedule)| {
            let mut schedule = legal.clone();
            change(&mut schedule);
            assert_eq!(schedule.verify(&network).unwrap_err().codes()[0], Code::SpikingIr);
        };
        broken(|s| s.pass_steps -= 1);
        broken(|s| s.delays[3][1] = 1);
        broken(|s| s.delays[1][0] = 0);
        broken(|s| s.windows[2].start += 1);
        broken(|s| s.delays[3].truncate(1));
        broken(|s| s.windows.truncate(3));
    }
}
