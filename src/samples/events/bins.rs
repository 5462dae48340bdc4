//! Spike trains in the making.

use snnc_compiler::ir::Shape;
use snnc_simulator::spike_train::PackedTrains;

use super::{AddressEvent, EventSummary, HINT};
use crate::samples::input::SampleShape;

/// What is wrong, and what to do about it.
pub type Refusal = (String, String);

/// Spike trains that events are put into.
pub struct EventBins {
    shape: SampleShape,
    steps: usize,
    dt: f64,
    most: u64,
    trains: PackedTrains,
    summary: EventSummary,
    earliest: f64,
}

impl EventBins {
    /// Bins for the first `most` samples.
    pub fn new(shape: SampleShape, dt: f64, most: Option<u64>) -> Self {
        let steps = shape.steps.unwrap_or(1);
        let summary = EventSummary {
            dt,
            timesteps: steps as u64,
            samples: 0,
            silent_samples: 0,
            events: 0,
            spikes: 0,
            merged: 0,
            after_last_timestep: 0,
        };
        let most = most.unwrap_or(u64::MAX);
        let trains = PackedTrains::new(shape.map, u32::try_from(steps).unwrap_or(u32::MAX));
        Self { shape, steps, dt, most, trains, summary, earliest: f64::INFINITY }
    }

    /// Puts an event into its bin.
    ///
    /// # Errors
    /// For what is no event of such samples.
    pub fn add(&mut self, event: AddressEvent) -> Result<(), Refusal> {
        self.neuron(event)?;
        let [sample, t, ..] = event;
        if !(t.is_finite() && t >= 0.0) {
            let message = format!("t is {t}, expected a time from 0 on");
            return Err((message, "times are counted from the beginning of the sample".into()));
        }
        if !is_whole(sample) {
            let message = format!("the sample is {sample}, expected a whole number from 0 on");
            return Err((message, "samples are numbered from 0".into()));
        }
        if sample >= self.most as f64 {
            return Ok(());
        }
        let sample = self.sample(sample)?;
        self.summary.events += 1;
        self.earliest = self.earliest.min(t);
        let Some(step) = below((t / self.dt).floor(), self.steps) else {
            self.summary.after_last_timestep += 1;
            return Ok(());
        };
        let neuron = self.neuron(event)?;
        if self.trains.set((sample, step), neuron) {
            self.summary.spikes += 1;
        } else {
            self.summary.merged += 1;
        }
        Ok(())
    }

    /// The neuron of an event that lies on the map, flat `[c, h, w]`.
    fn neuron(&self, [_, _, x, y, p]: AddressEvent) -> Result<usize, Refusal> {
        let Shape { channels, height, width } = self.shape.map;
        let (name, number, side) = match [below(x, width), below(y, height), below(p, channels)] {
            [Some(x), Some(y), Some(p)] => return Ok(self.shape.map.at(p, y, x)),
            [None, ..] => ("x", x, width),
            [_, None, _] => ("y", y, height),
            [.., None] => ("p", p, channels),
        };
        let (last, map) = (side.saturating_sub(1), self.shape.map);
        let hint = if name == "p" {
            "polarities count the channels from 0: write -1 and 1 as 0 and 1"
        } else {
            "events beside the map are not left out: crop or scale them first"
        };
        Err((format!("{name} is {number}, expected 0 to {last}: the input is {map}"), hint.into()))
    }

    /// The number of a sample, once there is room for it.
    fn sample(&mut self, sample: f64) -> Result<usize, Refusal> {
        let most = self.shape.trains_max();
        let Some(sample) = below(sample, most) else {
            let message = format!("sample {sample} of {}, at most {most} samples are read", self.shape);
            return Err((message, "take the first ones with --samples".into()));
        };
        if self.trains.len() <= sample {
            self.trains.resize(sample + 1);
        }
        Ok(sample)
    }

    /// The spike trains.
    ///
    /// # Errors
    /// Without an event, and if all of them come too late.
    pub fn finish(self) -> Result<(PackedTrains, EventSummary), Refusal> {
        let Self { steps, dt, trains, mut summary, earliest, .. } = self;
        if summary.events == 0 {
            return Err(("there is no event".into(), HINT.into()));
        }
        if summary.spikes == 0 {
            let message = format!(
                "all {} events come after the last timestep: the first at {earliest}, {steps} timesteps of {dt} end at \
                 {}",
                summary.events,
                steps as f64 * dt
            );
            let hint = "count times from the beginning of the sample, and give --dt in their unit";
            return Err((message, hint.into()));
        }
        summary.samples = trains.len() as u64;
        summary.silent_samples = (0..trains.len()).filter(|&sample| trains.is_silent(sample)).count() as u64;
        Ok((trains, summary))
    }
}

/// A whole number from 0 to less than `side`; none if it is no such number.
#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "the number is whole, not negative and less than a usize"
)]
fn below(number: f64, side: usize) -> Option<usize> {
    (is_whole(number) && number < side as f64).then_some(number as usize)
}

/// Whether a number is 0, 1, 2 and so on.
fn is_whole(number: f64) -> bool {
    number >= 0.0 && number.fract() == 0.0
}
