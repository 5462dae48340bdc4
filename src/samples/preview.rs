//! preview.npy: the first samples as pictures, so that a page can show what was fed.
//!
//! uint8 `[n, c, h, w]`, c 1 or 3. A picture shows the mean over the timesteps of a spike train. Inputs of 1 or 3
//! channels keep them; others are shown by the mean over their channels, and vectors as a row or a square. Grey runs
//! from the least to the largest value of the samples shown.

use std::path::Path;

use snnc_compiler::ir::Shape;
use snnc_simulator::workload::{Samples, Workload};
use snnc_targets::{Diagnostic, output};

use crate::npy;

/// Name of the file in a folder of results.
pub const FILE: &str = "preview.npy";
/// Most samples shown.
const SAMPLES: u64 = 64;
/// Most elements of a picture; larger ones are not shown.
const ELEMENTS: usize = 128 * 128 * 3;
/// Most values of a sample over all its timesteps; longer trains are not shown.
const VALUES: usize = 1 << 22;

/// Writes the first samples as pictures; whether they are small enough to be shown.
///
/// # Errors
/// [`snnc_targets::Code::OutputFailed`].
pub fn write(path: &Path, samples: &Samples) -> Result<bool, Diagnostic> {
    let input = samples.input_shape();
    let shape = picture(input);
    if shape.len() > ELEMENTS || samples.elements() > VALUES {
        return Ok(false);
    }
    let shown = samples.len().min(SAMPLES);
    let pictures: Vec<Vec<f64>> =
        (0..shown).map(|index| flat(&samples.sample(index), input, shape)).collect();
    let values = || pictures.iter().flatten().copied();
    let (low, high) = (values().fold(f64::INFINITY, f64::min), values().fold(f64::NEG_INFINITY, f64::max));
    let scale = if high > low { 255.0 / (high - low) } else { 0.0 };
    let Shape { channels, height, width } = shape;
    let mut bytes = npy::header("|u1", &format!("({shown}, {channels}, {height}, {width})"));
    bytes.extend(values().map(|value| ((value - low) * scale).round() as u8));
    output::write_atomic(path, &bytes)?;
    Ok(true)
}

/// Shape of the picture of an input.
fn picture(input: Shape) -> Shape {
    let Shape { channels, height, width } = input;
    if (height, width) == (1, 1) {
        let side = channels.isqrt();
        return if side * side == channels { Shape::new(1, side, side) } else { Shape::new(1, 1, channels) };
    }
    Shape::new(if channels == 3 { 3 } else { 1 }, height, width)
}

/// Mean over timesteps, and over channels where the picture has fewer.
fn flat(sample: &[f64], input: Shape, picture: Shape) -> Vec<f64> {
    let steps = (sample.len() / input.len()).max(1) as f64;
    let mut mean = vec![0.0; picture.len()];
    let merged = (input.len() / picture.len()).max(1) as f64;
    for (index, value) in sample.iter().enumerate() {
        // Channels of one position lie a map apart, so the remainder by the map merges them.
        mean[index % input.len() % picture.len()] += value / steps / merged;
    }
    mean
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn vectors_are_squares_or_rows_and_many_channels_one() {
        let shapes = [(1, 28, 28), (3, 8, 9), (2, 4, 4), (144, 1, 1), (5, 1, 1)];
        let expected = [(1, 28, 28), (3, 8, 9), (1, 4, 4), (1, 12, 12), (1, 1, 5)];
        for ((c, h, w), (pc, ph, pw)) in shapes.into_iter().zip(expected) {
            assert_eq!(picture(Shape::new(c, h, w)), Shape::new(pc, ph, pw));
        }
    }

    #[test]
    fn spikes_are_shown_by_their_mean_over_time_and_channels() {
        let (input, shown) = (Shape::new(2, 1, 2), Shape::new(1, 1, 2));
        // Two timesteps of two channels of two positions.
        let train = [1.0, 0.0, 1.0, 0.0, 1.0, 1.0, 0.0, 0.0];
        assert_eq!(flat(&train, input, shown), [0.75, 0.25]);
    }
}
