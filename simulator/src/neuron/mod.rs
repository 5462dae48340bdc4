//! Neuron models: state and step (decay, integrate, compare, reset) in the target's integers.
//!
//! A model is a file: its words of state, its step as defined, its step on a line of [`LANES`] neurons without a
//! branch. [`NeuronRule`] lists the models; [`with_neuron!`] turns it into a static type once for a whole window, so
//! no neuron pays for the choice. Every path of the execution uses these; the two oracles ([`crate::execute::plain`],
//! [`crate::execute::oracle`]) have arithmetic of their own, written from the equations in the heads of the files.

mod by_channel;
mod cuba_lif;
pub mod fixed;
mod lif;
#[cfg(test)]
mod oracles;
mod refractory;

use snnc_compiler::ir::spiking::{NeuronFormat, NeuronModel, Reset};

use crate::counts::Events;
use crate::execute::kernels::level::SimdLevel;
pub use by_channel::ByChannelRule;
pub use cuba_lif::CubaLifRule;
use fixed::Fixed;
pub use lif::LifRule;
pub use refractory::RefractoryRule;

/// Neurons of a line: what the vector kernels work on together.
pub const LANES: usize = 64;

/// Most words of state of a neuron.
pub const WORDS_MAX: usize = 3;

/// What happened in a line, a bit a neuron.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Marks {
    /// Fired.
    pub fired: u64,
    /// Updated with input, bias or state other than 0.
    pub active: u64,
    /// Membrane clipped.
    pub saturated: u64,
    /// Sum beyond the accumulator, or current beyond its width.
    pub overflowed: u64,
}

/// Lines of neurons: what a timestep brings them, and their state. All of the same length.
#[derive(Debug)]
pub struct NeuronLines<'a, const WORDS: usize> {
    /// Words of state.
    pub state: &'a mut [[[i32; LANES]; WORDS]],
    /// Summed weights of the timestep.
    pub sums: &'a [[i32; LANES]],
    /// Biases.
    pub bias: &'a [[i32; LANES]],
    /// Thresholds, shifted; never reached by an integrator.
    pub thresholds: &'a [[i32; LANES]],
}

/// What a timestep brings one line.
#[derive(Debug, Clone, Copy)]
pub struct LineInputs<'a> {
    /// Summed weights.
    pub sums: &'a [i32; LANES],
    /// Biases.
    pub bias: &'a [i32; LANES],
    /// Thresholds, shifted.
    pub thresholds: &'a [i32; LANES],
}

/// A neuron model with `WORDS` words of state, all 0 when a pass starts. The last is the membrane, which is compared
/// with the threshold and read by the host.
pub trait Neuron<const WORDS: usize>: Send + Sync {
    /// Widths and comparison.
    fn fixed(&self) -> &Fixed;

    /// One step before the comparison, exact for any sum, of a sum, a bias and what the neuron's lane holds. Counts
    /// overflows (at most one), saturations and the update.
    fn integrate(&self, state: &mut [i32; WORDS], inputs: [i32; 3], events: &mut Events);

    /// Whether a membrane fires.
    #[inline(always)]
    fn fires(&self, membrane: i32, threshold: i32) -> bool {
        self.fixed().fires(membrane, threshold)
    }

    /// What a spike leaves of a membrane.
    fn reset(&self, membrane: i32, threshold: i32) -> i32;

    /// What the lane of a channel holds in the place of a threshold: the threshold itself, shifted, unless a rule says
    /// otherwise.
    fn lane(&self, channel: usize, threshold: i32) -> i32 {
        let _ = channel;
        threshold
    }

    /// The step of a line without branches, for sums that [`Fixed::fits_32_bits`] holds for. Compiled in place, so
    /// that it gets the instructions of the loop around it.
    fn line(&self, state: &mut [[i32; LANES]; WORDS], line: LineInputs) -> Marks;

    /// The step of all lines in instructions of this processor, if there is such a version for the model's constants:
    /// true if it was done. For sums as in [`Neuron::line`].
    fn vectors(&self, level: SimdLevel, lines: &mut NeuronLines<WORDS>, marks: &mut [Marks]) -> bool {
        let _ = (level, lines, marks);
        false
    }

    /// Compares the membrane with the threshold and resets it if the neuron fires; whether it does. Ends a step.
    fn fire(&self, state: &mut [i32; WORDS], threshold: i32) -> bool {
        let membrane = &mut state[WORDS - 1];
        let fired = self.fires(*membrane, threshold);
        if fired {
            *membrane = self.reset(*membrane, threshold);
        }
        fired
    }

    /// One step; whether the neuron fired.
    fn step(&self, state: &mut [i32; WORDS], inputs: [i32; 3], events: &mut Events) -> bool {
        self.integrate(state, inputs, events);
        self.fire(state, inputs[2])
    }

    /// The step of a line as defined, for any sums.
    fn exact(&self, state: &mut [[i32; LANES]; WORDS], line: LineInputs) -> Marks {
        one_by_one(self, state, line)
    }
}

/// The step of a line, neuron by neuron.
fn one_by_one<const WORDS: usize, N: Neuron<WORDS> + ?Sized>(
    neuron: &N,
    state: &mut [[i32; LANES]; WORDS],
    line: LineInputs,
) -> Marks {
    let mut marks = Marks::default();
    for i in 0..LANES {
        let mut events = Events::default();
        let mut own = std::array::from_fn(|word| state[word][i]);
        let inputs = [line.sums[i], line.bias[i], line.thresholds[i]];
        marks.fired |= u64::from(neuron.step(&mut own, inputs, &mut events)) << i;
        marks.active |= events.updates_active << i;
        marks.saturated |= events.state_saturations << i;
        marks.overflowed |= events.accumulator_overflows << i;
        state.iter_mut().zip(own).for_each(|(words, word)| words[i] = word);
    }
    marks
}

/// The neurons of a population: a model with its constants.
#[derive(Debug, Clone)]
pub enum NeuronRule {
    /// Resets to 0; integrators too, which never do.
    Lif(LifRule<false>),
    /// Resets by subtraction.
    SoftLif(LifRule<true>),
    /// Resets to 0.
    CubaLif(CubaLifRule<false>),
    /// Resets by subtraction.
    SoftCubaLif(CubaLifRule<true>),
    /// Parameters by channel.
    ByChannel(ByChannelRule),
    /// Refractory after a spike, or with a floor.
    Refractory(RefractoryRule),
}

/// Evaluates `$body` with `$neuron` the model of `$rule` as its static type.
macro_rules! with_neuron {
    ($rule:expr, $neuron:ident => $body:expr) => {
        match $rule {
            $crate::neuron::NeuronRule::Lif($neuron) => $body,
            $crate::neuron::NeuronRule::SoftLif($neuron) => $body,
            $crate::neuron::NeuronRule::CubaLif($neuron) => $body,
            $crate::neuron::NeuronRule::SoftCubaLif($neuron) => $body,
            $crate::neuron::NeuronRule::ByChannel($neuron) => $body,
            $crate::neuron::NeuronRule::Refractory($neuron) => $body,
        }
    };
}
pub(crate) use with_neuron;

/// State of one neuron of any model.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct NeuronState([i32; WORDS_MAX]);

impl NeuronRule {
    /// Neurons with these parameters, whose sums of weights are shifted to the left.
    pub fn new(format: &NeuronFormat, neurons: &NeuronModel, input_shift: u32) -> Self {
        if neurons.by_channel() {
            return Self::ByChannel(ByChannelRule::new(format, neurons, input_shift));
        }
        if neurons.refractory() > 0 || neurons.floor().is_some() {
            return Self::Refractory(RefractoryRule::new(format, neurons, input_shift));
        }
        let lif = (format, neurons.decay(), input_shift);
        match (neurons.current(), neurons.reset().unwrap_or_default()) {
            (None, Reset::Zero) => Self::Lif(LifRule::new(lif)),
            (None, Reset::Subtract) => Self::SoftLif(LifRule::new(lif)),
            (Some(current), Reset::Zero) => Self::CubaLif(CubaLifRule::new(lif, current)),
            (Some(current), Reset::Subtract) => Self::SoftCubaLif(CubaLifRule::new(lif, current)),
        }
    }

    /// Words of state.
    pub fn words(&self) -> usize {
        fn of<const WORDS: usize, N: Neuron<WORDS>>(_: &N) -> usize {
            WORDS
        }
        with_neuron!(self, neuron => of(neuron))
    }

    /// Widths and comparison.
    pub fn fixed(&self) -> &Fixed {
        with_neuron!(self, neuron => neuron.fixed())
    }

    /// What the lane of a channel holds, whose threshold is given after the shift.
    pub fn lane(&self, channel: usize, threshold: i32) -> i32 {
        with_neuron!(self, neuron => neuron.lane(channel, threshold))
    }

    /// One step of a single neuron before the comparison, off the hot paths, of a sum, a bias and what its lane holds;
    /// its membrane.
    pub fn integrate(&self, state: &mut NeuronState, inputs: [i32; 3], events: &mut Events) -> i32 {
        fn of<const WORDS: usize, N: Neuron<WORDS>>(
            neuron: &N,
            state: &mut NeuronState,
            inputs: [i32; 3],
            events: &mut Events,
        ) -> i32 {
            let words = state.0.first_chunk_mut().expect("no model has more words");
            neuron.integrate(words, inputs, events);
            words[WORDS - 1]
        }
        with_neuron!(self, neuron => of(neuron, state, inputs, events))
    }

    /// Compares the membrane of a single neuron with its threshold, and resets it if it fires; whether it did.
    pub fn fire(&self, state: &mut NeuronState, threshold: i32) -> bool {
        fn of<const WORDS: usize, N: Neuron<WORDS>>(
            neuron: &N,
            state: &mut NeuronState,
            threshold: i32,
        ) -> bool {
            neuron.fire(state.0.first_chunk_mut().expect("no model has more words"), threshold)
        }
        with_neuron!(self, neuron => of(neuron, state, threshold))
    }
}
