//! Spike trains in the making.

use snnc_compiler::ir::Shape;

use super::{AddressEvent, EventSummary, HINT};
use crate::samples::input::{SampleShape, VALUES_MAX};

/// What is wrong, and what to do about it.
pub type Refusal = (String, String);

/// Spike trains that events are put into.
pub struct EventBins {
    shape: SampleShape,
    steps: usize,
    dt: f64,
    most: u64,
    values: Vec<f64>,
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
        Self { shape, steps, dt, most, values: Vec::new(), summary, earliest: f64::INFINITY }
    }

    /// Puts an event into its bin.
    ///
    /// # Errors
    /// For what is no event of such samples.
    pub fn add(&mut self, event: AddressEvent) -> Result<(), Refusal> {
        self.check_place(event)?;
        let [sample, t, x, y, p] = event;
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
        let first = self.sample(sample)?;
        self.summary.events += 1;
        self.earliest = self.earliest.min(t);
        let step = (t / self.dt).floor();
        if step >= self.steps as f64 {
            self.summary.after_last_timestep += 1;
            return Ok(());
        }
        let Shape { channels, height, width } = self.shape.map;
        let row = (step as usize * channels + p as usize) * height + y as usize;
        let value = &mut self.values[first + row * width + x as usize];
        if *value == 0.0 {
            self.summary.spikes += 1;
        } else {
            self.summary.merged += 1;
        }
        *value = 1.0;
        Ok(())
    }

    /// Whether an event lies on the map.
    fn check_place(&self, [_, _, x, y, p]: AddressEvent) -> Result<(), Refusal> {
        let Shape { channels, height, width } = self.shape.map;
        let beside = |&(_, number, side): &(&str, f64, usize)| !(is_whole(number) && number < side as f64);
        let Some((name, number, side)) =
            [("x", x, width), ("y", y, height), ("p", p, channels)].into_iter().find(beside)
        else {
            return Ok(());
        };
        let (last, map) = (side.saturating_sub(1), self.shape.map);
        let hint = if name == "p" {
            "polarities count the channels from 0: write -1 and 1 as 0 and 1"
        } else {
            "events beside the map are not left out: crop or scale them first"
        };
        Err((format!("{name} is {number}, expected 0 to {last}: the input is {map}"), hint.into()))
    }

    /// Where a sample begins, once there is room for it.
    fn sample(&mut self, sample: f64) -> Result<usize, Refusal> {
        let each = self.shape.elements();
        let most = VALUES_MAX / each.max(1);
        if sample >= most as f64 {
            let message = format!("sample {sample} of {}, at most {most} samples are read", self.shape);
            return Err((message, "take the first ones with --samples".into()));
        }
        let first = sample as usize * each;
        if self.values.len() < first + each {
            self.values.resize(first + each, 0.0);
        }
        Ok(first)
    }

    /// The spike trains.
    ///
    /// # Errors
    /// Without an event, and if all of them come too late.
    pub fn finish(self) -> Result<(Vec<f64>, EventSummary), Refusal> {
        let Self { shape, steps, dt, values, mut summary, earliest, .. } = self;
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
        let samples = values.chunks(shape.elements());
        summary.samples = samples.len() as u64;
        summary.silent_samples =
            samples.filter(|sample| sample.iter().all(|&value| value == 0.0)).count() as u64;
        Ok((values, summary))
    }
}

/// Whether a number is 0, 1, 2 and so on.
fn is_whole(number: f64) -> bool {
    number >= 0.0 && number.fract() == 0.0
}
