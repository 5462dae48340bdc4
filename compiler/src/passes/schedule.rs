//! When each layer is updated, and how long spikes travel.
//!
//! A spike sent in timestep s is integrated in s + delay, delay at least 1. A layer fed by the host starts at 0; a
//! firing layer starts one step behind its latest source, and shorter paths are delayed to meet it. A pure sum over
//! time needs no meeting: its window spans whatever arrives. Refuses delays that the target does not have.

use snnc_targets::{Code, Diagnostic, Diagnostics, Subject};

use super::collect::{Collected, NeuronKind, NeuronLayer};
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
    /// of a source arrives inside the window of its target; at a neuron that fires, each in its own timestep.
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
                let (first, end) = (from.start + delay, from.end() + delay);
                need(delay >= 1, layer, "a spike would arrive in the timestep that sends it");
                need(
                    window.start <= first && end <= window.end(),
                    layer,
                    "spikes would arrive outside its window",
                );
                let aligned = (first, end) == (window.start, window.end());
                need(aligned || !layer.kind.fires(), layer, "spikes of one timestep would arrive in several");
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
/// [`snnc_targets::Code::Unsupported`] if a skip path is too short for the target's delays.
pub fn run(network: &Collected, delay_max: u32) -> Result<WindowSchedule, Diagnostics> {
    let mut problems = Diagnostics::default();
    let steps = network.timesteps as u32;
    let mut windows: Vec<Window> = Vec::new();
    let mut delays = Vec::new();
    for layer in &network.layers {
        let (window, layer_delays) = window(layer, &windows, steps);
        if let Some(&most) = layer_delays.iter().max().filter(|&&most| most > delay_max) {
            let message = format!(
                "a skip path must be delayed by {most} timesteps, the target has {delay_max}; \
                 relay neurons are not inserted"
            );
            problems.push(unsupported(&network.network, &layer.name, message));
        }
        windows.push(window);
        delays.push(layer_delays);
    }
    let pass_steps = windows.iter().map(|w| w.end()).max().unwrap_or(0);
    problems.into_result(WindowSchedule { windows, delays, pass_steps })
}

fn window(layer: &NeuronLayer, windows: &[Window], steps: u32) -> (Window, Vec<u32>) {
    let sources: Vec<Window> = layer.sources.iter().map(|s| windows[s.source]).collect();
    let earliest = sources.iter().map(|w| w.start).min();
    let latest = sources.iter().map(|w| w.start).max();
    match (&layer.kind, earliest, latest) {
        (NeuronKind::Mean | NeuronKind::Sum, Some(earliest), Some(latest)) => {
            (Window { start: earliest + 1, steps: latest - earliest + steps }, vec![1; sources.len()])
        }
        (_, _, Some(latest)) => {
            let start = latest + 1;
            (Window { start, steps }, sources.iter().map(|w| start - w.start).collect())
        }
        _ => (Window { start: 0, steps }, Vec::new()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ir::channels::ChannelMap;
    use crate::ir::{AxisMap, ConvMap, Shape};
    use crate::neuron::TrainedNeuron;
    use crate::passes::collect::{KernelWiring, SourceKernel};

    fn layer(kind: NeuronKind, sources: &[usize]) -> NeuronLayer {
        let axis = AxisMap::pointwise(1);
        let kernel = |&source| SourceKernel {
            source,
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
