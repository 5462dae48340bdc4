//! What the host computes before a pass: constant inputs through float stages into integer biases.
//!
//! Plain f64 in a fixed order, without fused multiply-add, so the same on every machine. A current is rounded to the
//! nearest bias; where the chip's neuron would then fire in another timestep than the trained one, to the nearest
//! with which it does, if the format holds one. (Under a constant current spikes repeat with the period of the first,
//! so that settles all.)

use rayon::prelude::*;
use snnc_compiler::ir::spiking::{HostInput, NeuronFormat, SpikingModel, TrainedNeuron};

use super::kernels::level::{SimdLevel, dispatch};
use crate::counts::Events;
use crate::neuron::{NeuronRule, NeuronState};

/// Biases that are worth a task.
const SHARE: usize = 1 << 11;
/// Neighbours of the nearest bias that are tried.
const TRIES: usize = 64;

/// Biases that are rounded side by side.
const SIDE_BY_SIDE: usize = 8;

/// Biases of a host-fed population, `[c, h, w]` row-major in its own order, and how many were clipped to the bias
/// format.
pub fn biases(model: &SpikingModel, host: &HostInput, input: &[f64]) -> (Vec<i32>, u64) {
    biases_on(model, host, input, (SimdLevel::best(), rayon::current_num_threads()))
}

/// As [`biases`], in these instructions and on so many threads.
pub fn biases_on(
    model: &SpikingModel,
    host: &HostInput,
    input: &[f64],
    (level, threads): (SimdLevel, usize),
) -> (Vec<i32>, u64) {
    let current = host.current(input);
    let population = &model.populations[host.population];
    let positions = population.shape.positions().max(1);
    let mut biases = vec![0; current.len()];
    let rounding = SpikeTimeRounding::new(model, host);
    let encode = |channel: usize, (biases, values): (&mut [i32], &[f64])| {
        let of = ChannelEncoding { format: &model.neuron, scale: host.scale[channel], channel };
        let mut clipped = 0;
        encode(level, &of, rounding.as_ref(), values, biases, &mut clipped);
        clipped
    };
    let channels = biases.par_chunks_mut(positions).zip(current.par_chunks(positions)).enumerate();
    let each = channels.with_min_len(if threads == 1 { usize::MAX } else { SHARE.div_ceil(positions) });
    let clipped = each.map(|(channel, share)| encode(channel, share)).sum();
    if population.order.is_some() {
        biases = (0..biases.len()).map(|neuron| biases[population.outside(neuron)]).collect();
    }
    (biases, clipped)
}

/// How a channel's currents become biases.
struct ChannelEncoding<'a> {
    format: &'a NeuronFormat,
    scale: f64,
    channel: usize,
}

/// Encodes the currents of a channel, and counts the biases that are clipped.
fn encode(
    level: SimdLevel,
    of: &ChannelEncoding,
    rounding: Option<&SpikeTimeRounding>,
    values: &[f64],
    biases: &mut [i32],
    clipped: &mut u64,
) {
    dispatch!(
        level,
        encode_body(
            of: &ChannelEncoding,
            rounding: Option<&SpikeTimeRounding>,
            values: &[f64],
            biases: &mut [i32],
            clipped: &mut u64
        )
    )
}

#[inline(always)]
fn encode_body(
    of: &ChannelEncoding,
    rounding: Option<&SpikeTimeRounding>,
    values: &[f64],
    biases: &mut [i32],
    clipped: &mut u64,
) {
    let (values, last) = values.as_chunks::<SIDE_BY_SIDE>();
    let (biases, rest) = biases.as_chunks_mut::<SIDE_BY_SIDE>();
    // A background has one current: it is rounded once.
    let mut known: Option<(f64, i32)> = None;
    for (biases, values) in biases.iter_mut().zip(values) {
        if let Some((current, bias)) = known
            && values.iter().fold(true, |same, value| same & (value.to_bits() == current.to_bits()))
        {
            biases.fill(bias);
            continue;
        }
        let before = *clipped;
        of.encode(rounding, values, biases, clipped);
        let last = SIDE_BY_SIDE - 1;
        known = (*clipped == before).then_some((values[last], biases[last]));
    }
    for (bias, value) in rest.iter_mut().zip(last) {
        of.encode(rounding, &[*value], std::array::from_mut(bias), clipped);
    }
}

impl ChannelEncoding<'_> {
    #[inline(always)]
    fn encode<const N: usize>(
        &self,
        rounding: Option<&SpikeTimeRounding>,
        values: &[f64; N],
        biases: &mut [i32; N],
        clipped: &mut u64,
    ) {
        let exact = values.map(|value| value * self.scale);
        let (nearest, clips) = self.format.encode_biases(&exact);
        *biases = nearest;
        *clipped += clips;
        let Some(rounding) = rounding else { return };
        // Else neither neuron ever fires.
        if values.iter().fold(0, |any, &value| any | u64::from(value > 0.0)) == 0 {
            return;
        }
        let (wanted, unsure) = rounding.first_spikes(self.channel, values, (&nearest, &exact));
        if unsure.iter().fold(0, |any, unsure| any | unsure) == 0 {
            return;
        }
        for n in (0..N).filter(|&n| unsure[n] > 0) {
            biases[n] = rounding.nearest_in_time(self.channel, nearest[n], wanted[n]);
        }
    }
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

    /// In which step the trained neuron fires with each current, 0 if never; and 1 where the chip's might fire in
    /// another with the nearest biases to the exact values, else 0. All in words of 64 bits, as wide as currents.
    #[inline(always)]
    fn first_spikes<const N: usize>(
        &self,
        channel: usize,
        currents: &[f64; N],
        (nearest, exact): (&[i32; N], &[f64; N]),
    ) -> ([u64; N], [u64; N]) {
        let (wanted, closest) = self.trained.first_spikes(*currents, self.steps);
        let (threshold, all) = (f64::from(self.threshold(channel)), u64::from(self.steps));
        let steps: [u64; N] = std::array::from_fn(|n| if wanted[n] > 0 { wanted[n] } else { all });
        let mut unsure = [0; N];
        for n in 0..N {
            // Each step until the spike is wrong by the bias' rounding, and by a unit that a leak cuts off.
            let each = (f64::from(nearest[n]) - exact[n]).abs() + 1.0;
            let wrong = f64::from(steps[n] as u32) * each + 1.0;
            // Without a positive current neither neuron ever fires.
            unsure[n] = u64::from((currents[n] > 0.0) & (closest[n] * threshold <= wrong));
        }
        (wanted, unsure)
    }

    fn threshold(&self, channel: usize) -> i32 {
        (self.thresholds[channel] << self.format.threshold_shift) as i32
    }

    /// The bias nearest to `nearest` with which the chip's neuron fires in a wanted step (0: never), if there is one
    /// near enough.
    #[cold]
    fn nearest_in_time(&self, channel: usize, nearest: i32, wanted: u64) -> i32 {
        let (threshold, wanted) = (self.threshold(channel), (wanted > 0).then_some(wanted as u32));
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
            let nearest = format.encode_bias(exact).0;
            let ([wanted], [unsure]) = rounding.first_spikes(0, &[current], (&[nearest], &[exact]));
            let bias = if unsure == 0 { nearest } else { rounding.nearest_in_time(0, nearest, wanted) };
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
