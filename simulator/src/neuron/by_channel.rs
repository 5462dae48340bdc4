//! Leaky integrate-and-fire whose channels have parameters of their own, with or without a synaptic current.
//!
//! ```text
//! u      = hold(kept_u(u) + overflow(sum << shift) + bias)    width of the current; without one
//! u      = overflow(sum << shift) + bias
//! v      = clip(kept_v(v) + u)                                state_bits
//! kept_u = sign(u) (|u| (2^bits - offset - decay_u) >> bits),  kept_v = sign(v) (|v| (2^bits - decay) >> bits)
//! fires if v > threshold (strict) or v >= threshold; then v = 0, or less by the amount of its channel
//! ```
//!
//! The lanes of a line hold channels in place of thresholds. A line is stepped in 32 bits after the constants of its
//! lanes' channels were gathered; lanes that only fill it up have none, and rest.

use std::sync::Arc;

use snnc_compiler::ir::spiking::{NeuronFormat, NeuronModel};

use super::fixed::{Fixed, Leak, Width, kept_of_32};
use super::{LANES, LineInputs, Marks, Neuron};
use crate::bits::packed;
use crate::counts::Events;

/// Constants of one channel.
#[derive(Debug, Clone, Copy)]
struct ChannelConstants {
    threshold: i32,
    leak: Leak,
    /// What a spike takes off the membrane; None if it goes to 0.
    subtracted: Option<i32>,
    /// Width and leak of the synaptic current.
    current: Option<(Width, Leak)>,
}

/// Constants as a line's 32-bit step uses them: by channel, and then [`LANES`] zeros.
#[derive(Debug)]
struct LaneConstants {
    channels: usize,
    /// Thresholds; parts of the membrane and of the current that a step keeps, of 2^`decay_bits`, 0 where there is no
    /// current; what a spike takes off the membrane.
    by_channel: [Vec<i32>; 4],
}

impl LaneConstants {
    /// The constants of a line whose lanes hold these channels, and -1 in the lanes that have one. Lanes without a
    /// channel may have any.
    #[inline(always)]
    fn of_line(&self, line: &[i32; LANES]) -> ([[i32; LANES]; 4], [i32; LANES]) {
        let channels = self.channels as u32;
        let there = line.map(|channel| -i32::from((channel as u32) < channels));
        // The usual line: channels side by side, and what fills it up.
        let consecutive = line.iter().zip(&there).zip(0..).fold(true, |all, ((&channel, &there), i)| {
            all & ((channel == line[0].wrapping_add(i)) | (there == 0))
        });
        let mut own = [[0; LANES]; 4];
        if consecutive && there[0] != 0 {
            for (own, all) in own.iter_mut().zip(&self.by_channel) {
                own.copy_from_slice(&all[line[0] as usize..][..LANES]);
            }
            return (own, there);
        }
        for (i, &channel) in line.iter().enumerate().filter(|&(i, _)| there[i] != 0) {
            own.iter_mut().zip(&self.by_channel).for_each(|(own, all)| own[i] = all[channel as usize]);
        }
        (own, there)
    }
}

/// Constants of one population. State: the current (0 where there is none), the membrane.
#[derive(Debug, Clone)]
pub struct ByChannelRule {
    fixed: Fixed,
    channels: Arc<[ChannelConstants]>,
    /// If all channels have or lack a current of one width and all reset the same way; else lines are stepped neuron by
    /// neuron.
    lanes: Option<Arc<LaneConstants>>,
    decay_bits: u32,
}

impl ByChannelRule {
    /// The neurons of a format, with their input shift.
    pub fn new(format: &NeuronFormat, neurons: &NeuronModel, shift: u32) -> Self {
        let constants = |(channel, &mantissa): (usize, &u32)| {
            let threshold = (mantissa << format.threshold_shift) as i32;
            let leak = |kept| Leak::new(kept, format.decay_bits);
            let current = neurons.current_of(channel);
            ChannelConstants {
                threshold,
                leak: leak((1 << format.decay_bits) - i64::from(neurons.decay_of(channel))),
                subtracted: neurons.subtracted(channel, threshold),
                current: current.map(|own| (Width::new(own.bits, own.wrap), leak(own.kept(format)))),
            }
        };
        let channels: Arc<[_]> = neurons.thresholds().iter().enumerate().map(constants).collect();
        let currents = channels.iter().filter_map(|channel| channel.current);
        let widest = currents.map(|(width, _)| width.bits()).max().unwrap_or(0);
        Self {
            fixed: Fixed::new(format, shift).with_state_of(widest),
            lanes: lane_constants(&channels).map(Arc::new),
            channels,
            decay_bits: format.decay_bits,
        }
    }

    /// The step of a line in 32 bits; `SUBTRACT` if a spike takes an amount off the membrane, `current` the width of
    /// the synaptic current, if there is one. A lane without a channel has no state, and gets no input.
    #[inline(always)]
    fn line_of<const SUBTRACT: bool>(
        &self,
        (lanes, current): (&LaneConstants, Option<Width>),
        [u, v]: &mut [[i32; LANES]; 2],
        line: LineInputs,
    ) -> Marks {
        let ([thresholds, kept, kept_current, subtracted], there) = lanes.of_line(line.thresholds);
        let kept_of = |value: i32, kept: i32| {
            let magnitude = kept_of_32(value.unsigned_abs(), kept as u32, self.decay_bits) as i32;
            if value < 0 { -magnitude } else { magnitude }
        };
        let (mut fired, mut active) = ([0u8; LANES], [0u8; LANES]);
        let (mut saturated, mut overflowed) = ([0u8; LANES], [0u8; LANES]);
        for i in 0..LANES {
            let (sum, bias) = (line.sums[i] & there[i], line.bias[i] & there[i]);
            let raw = kept_of(u[i], kept_current[i]) + self.fixed.input_32(sum) + bias;
            let driving = current.map_or(raw, |width| width.hold_32(raw));
            let next = kept_of(v[i], kept[i]) + driving;
            let clipped = self.fixed.clip_32(next);
            let fires = self.fixed.fires(clipped, thresholds[i]) & (there[i] != 0);
            active[i] = u8::from(u[i] | v[i] | sum | bias != 0);
            overflowed[i] = u8::from(driving != raw);
            saturated[i] = u8::from(clipped != next);
            fired[i] = u8::from(fires);
            u[i] = if current.is_some() { driving } else { 0 };
            let left = if SUBTRACT { clipped.wrapping_sub(subtracted[i]) } else { 0 };
            v[i] = if fires { left } else { clipped };
        }
        Marks {
            fired: packed(&fired),
            active: packed(&active),
            saturated: packed(&saturated),
            overflowed: packed(&overflowed),
        }
    }

    /// Constants of a lane's channel; none where lanes only fill up a line.
    fn channel(&self, lane: i32) -> Option<&ChannelConstants> {
        self.channels.get(usize::try_from(lane).ok()?)
    }
}

impl Neuron<2> for ByChannelRule {
    fn fixed(&self) -> &Fixed {
        &self.fixed
    }

    fn integrate(&self, [u, v]: &mut [i32; 2], [sum, bias, lane]: [i32; 3], events: &mut Events) {
        let Some(channel) = self.channel(lane).filter(|_| *u | *v | sum | bias != 0) else {
            events.updates_inactive += 1;
            return;
        };
        events.updates_active += 1;
        let (input, lost) = self.fixed.input(sum);
        let (driving, left) = match &channel.current {
            Some((width, leak)) => width.hold(leak.of(*u) + input + i64::from(bias)),
            None => (input + i64::from(bias), false),
        };
        let (clipped, saturated) = self.fixed.clip(channel.leak.of(*v) + driving);
        events.accumulator_overflows += u64::from(lost | left);
        events.state_saturations += u64::from(saturated);
        *u = if channel.current.is_some() { driving as i32 } else { 0 };
        *v = clipped;
    }

    fn fires(&self, membrane: i32, lane: i32) -> bool {
        self.channel(lane).is_some_and(|channel| self.fixed.fires(membrane, channel.threshold))
    }

    fn reset(&self, membrane: i32, lane: i32) -> i32 {
        let amount = self.channel(lane).and_then(|channel| channel.subtracted);
        amount.map_or(0, |amount| membrane.wrapping_sub(amount))
    }

    fn lane(&self, channel: usize, _: i32) -> i32 {
        channel as i32
    }

    #[inline(always)]
    fn line(&self, state: &mut [[i32; LANES]; 2], line: LineInputs) -> Marks {
        let Some(lanes) = &self.lanes else { return self.exact(state, line) };
        let of = (lanes.as_ref(), self.channels[0].current.map(|(width, _)| width));
        match self.channels[0].subtracted {
            Some(_) => self.line_of::<true>(of, state, line),
            None => self.line_of::<false>(of, state, line),
        }
    }
}

/// Constants of the channels for steps of whole lines; none if the channels differ in more than numbers, or there is
/// none.
fn lane_constants(channels: &[ChannelConstants]) -> Option<LaneConstants> {
    let width = |channel: &ChannelConstants| channel.current.map(|(width, _)| width);
    let alike = |pair: &[ChannelConstants]| {
        width(&pair[0]) == width(&pair[1]) && pair[0].subtracted.is_some() == pair[1].subtracted.is_some()
    };
    if channels.is_empty() || !channels.windows(2).all(alike) {
        return None;
    }
    let of = |value: fn(&ChannelConstants) -> i32| {
        channels.iter().map(value).chain(std::iter::repeat_n(0, LANES)).collect()
    };
    let by_channel = [
        of(|channel| channel.threshold),
        of(|channel| channel.leak.part() as i32),
        of(|channel| channel.current.map_or(0, |(_, leak)| leak.part() as i32)),
        of(|channel| channel.subtracted.unwrap_or(0)),
    ];
    Some(LaneConstants { channels: channels.len(), by_channel })
}
