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
//! The lanes of a line hold channels in place of thresholds. Steps are those of single neurons.

use std::sync::Arc;

use snnc_compiler::ir::spiking::{NeuronFormat, NeuronModel};

use super::fixed::{Fixed, Leak, Width};
use super::{LANES, LineInputs, Marks, Neuron};
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

/// Constants of one population. State: the current (0 where there is none), the membrane.
#[derive(Debug, Clone)]
pub struct ByChannelRule {
    fixed: Fixed,
    channels: Arc<[ChannelConstants]>,
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
        let channels = neurons.thresholds().iter().enumerate().map(constants).collect();
        Self { fixed: Fixed::new(format, shift), channels }
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

    fn line(&self, state: &mut [[i32; LANES]; 2], line: LineInputs) -> Marks {
        self.exact(state, line)
    }
}
