//! What the host computes before a pass: constant inputs through float stages into integer biases.
//!
//! Plain f64 in a fixed order, without fused multiply-add, so the same on every machine. A current is rounded to the
//! nearest bias; where the chip's neuron would then fire in another timestep than the trained one, to the nearest
//! with which it does, if the format holds one. (Under a constant current spikes repeat with the period of the first,
//! so that settles all.)

use rayon::prelude::*;
use snnc_compiler::ir::spiking::{HostInput, NeuronFormat, SpikingModel, TrainedNeuron};

use crate::counts::Events;
use crate::neuron::{NeuronRule, NeuronState};

/// Biases that are worth a task.
const SHARE: usize = 1 << 11;
/// Neighbours of the nearest bias that are tried.
const TRIES: usize = 64;

/// Biases of a host-fed population, `[c, h, w]` row-major in its own order, and how many were clipped to the bias
/// format.
pub fn biases(model: &SpikingModel, host: &HostInput, input: &[f64]) -> (Vec<i32>, u64) {
    let current = host.current(input);
    let population = &model.populations[host.population];
    let positions = population.shape.positions().max(1);
    let mut biases = vec![0; current.len()];
    let rounding = SpikeTimeRounding::new(model, host);
    let encode = |channel: usize, (biases, values): (&mut [i32], &[f64])| {
        let mut clipped = 0;
        for (bias, &value) in biases.iter_mut().zip(values) {
            let (encoded, clips) = model.neuron.encode_bias(value * host.scale[channel]);
            *bias = rounding.as_ref().map_or(encoded, |rounding| {
                rounding.encode(channel, value, (encoded, value * host.scale[channel]))
            });
            clipped += u64::from(clips);
        }
        clipped
    };
    let channels = biases.par_chunks_mut(positions).zip(current.par_chunks(positions)).enumerate();
    let each = channels.with_min_len(SHARE.div_ceil(positions));
    let clipped = each.map(|(channel, share)| encode(channel, share)).sum();
    if population.order.is_some() {
        biases = (0..biases.len()).map(|neuron| biases[population.outside(neuron)]).collect();
    }
    (biases, clipped)
}

/// Rounds such that the chip's neuron fires when the trained one does.
struct SpikeTimeRounding<'a> {
    trained: TrainedNeuron,
    format: &'a NeuronFormat,
    rule: NeuronRule,
    /// Mantissas, one a channel.
    thresholds: &'a [u32],
    steps: u32,
}

impl<'a> SpikeTimeRounding<'a> {
    /// `None` where the trained neuron is not known.
    fn new(model: &'a SpikingModel, host: &HostInput) -> Option<Self> {
        let population = &model.populations[host.population];
        Some(Self {
            trained: host.neuron?,
            format: &model.neuron,
            rule: NeuronRule::new(&model.neuron, &population.dynamics, population.input_shift),
            thresholds: population.dynamics.thresholds(),
            steps: population.window.steps,
        })
    }

    /// The bias for a current whose nearest is `nearest`, of an exact value.
    fn encode(&self, channel: usize, current: f64, (nearest, exact): (i32, f64)) -> i32 {
        // Neither neuron ever fires.
        if current <= 0.0 {
            return nearest;
        }
        let (wanted, closest) = self.trained.first_spike(current, self.steps);
        let threshold = (self.thresholds[channel] << self.format.threshold_shift) as i32;
        // Each step until the spike is wrong by the bias' rounding, and by a unit that a leak cuts off.
        let steps = f64::from(wanted.unwrap_or(self.steps));
        if closest * f64::from(threshold) > steps * ((f64::from(nearest) - exact).abs() + 1.0) + 1.0 {
            return nearest;
        }
        let mut bias = nearest;
        for _ in 0..TRIES {
            let found = self.first_spike(bias, threshold);
            let later = match (found, wanted) {
                _ if found == wanted => return bias,
                (None, _) => true,
                (Some(_), None) => false,
                (Some(found), Some(wanted)) => found > wanted,
            };
            match neighbour(self.format, bias, later) {
                // Beyond the nearest on its other side there is none in between.
                Some(next) if (next > nearest) == later && next != nearest => bias = next,
                _ => break,
            }
        }
        nearest
    }

    /// In which step, counted from 1, the chip's neuron fires.
    fn first_spike(&self, bias: i32, threshold: i32) -> Option<u32> {
        let (mut state, mut events) = (NeuronState::default(), Events::default());
        (1..=self.steps).find(|_| {
            self.rule.integrate(&mut state, [0, bias, threshold], &mut events);
            self.rule.fire(&mut state, threshold)
        })
    }
}

/// The next bias above or below that the format holds.
fn neighbour(format: &NeuronFormat, bias: i32, up: bool) -> Option<i32> {
    if up { format.above(bias) } else { format.above(bias.checked_neg()?).map(|next| -next) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use snnc_compiler::ir::spiking::NeuronModel;
    use snnc_targets::registry;

    /// A neuron with threshold 1 that the host feeds, on a target; the chip's first spike, if any, for each current.
    fn spikes(
        target: &str,
        tau: Option<f64>,
        mantissa: u32,
        currents: &[f64],
    ) -> Vec<(Option<u32>, Option<u32>)> {
        let format = NeuronFormat::new(&registry::load(target).unwrap().neuron, 8);
        let trained = TrainedNeuron { tau, ..TrainedNeuron::integrate_and_fire(1.0) };
        let decay = tau.map_or(0, |tau| ((1u32 << format.decay_bits) as f64 / tau).round() as u32);
        let rule = NeuronRule::new(&format, &NeuronModel::lif(decay, vec![mantissa]), format.weight_shift);
        let rounding =
            SpikeTimeRounding { trained, format: &format, rule, thresholds: &[mantissa], steps: 16 };
        let unit = f64::from(mantissa << format.threshold_shift);
        let spike = |&current: &f64| {
            let exact = current * unit / tau.unwrap_or(1.0);
            let bias = rounding.encode(0, current, (format.encode_bias(exact).0, exact));
            assert!(format.bias_is_representable(bias));
            (rounding.first_spike(bias, unit as i32), trained.first_spike(current, 16).0)
        };
        currents.iter().map(spike).collect()
    }

    #[test]
    fn strict_and_inclusive_chips_fire_when_the_trained_neuron_does() {
        // At the threshold after one step, two, four; never, since the membrane of a leaky neuron only nears its input.
        let plain =
            [1.0, 0.5, 0.25, 0.3, 0.1, f64::from(0.1f32), 1.0 / 3.0, f64::from(1.0f32 / 3.0), 0.9999, 0.0625];
        let leaky = [2.0, 1.0, 1.5, 4.0 / 3.0, 1.01, 8.0 / 7.0, 1.00001, 0.5];
        for target in ["loihi-like", "loihi2-like", "darwin3-like", "spinnaker2-like"] {
            for mantissa in [4096, 8189, 3000] {
                let found = spikes(target, None, mantissa, &plain);
                assert!(found.iter().all(|(chip, trained)| chip == trained), "{target} {mantissa} {found:?}");
                let found = spikes(target, Some(2.0), mantissa, &leaky);
                assert!(found.iter().all(|(chip, trained)| chip == trained), "{target} {mantissa} {found:?}");
            }
        }
        let expected = [Some(1), Some(2), Some(4), Some(4)];
        assert_eq!(
            spikes("loihi-like", None, 4096, &plain[..4]).iter().map(|s| s.0).collect::<Vec<_>>(),
            expected
        );
        let expected = [Some(1), None];
        assert_eq!(
            spikes("loihi-like", Some(2.0), 4096, &leaky[..2]).iter().map(|s| s.0).collect::<Vec<_>>(),
            expected
        );
    }
}
