//! The front of a sweep: points that no other point beats.
//!
//! A point beats another one if it is nowhere worse and somewhere better in energy and time of an image or sample,
//! cores in use, and what is known of its quality (accuracy, KL divergence, agreement with the float reference). Only
//! points of as many images or samples are compared: accuracies of others are not about the same samples. Where one
//! of two points lacks a figure, it is left out between them.

use super::folder::Sweep;
use super::point::{PointFigures, PointOutcome};

/// What is made small, in the order of [`objectives`].
pub const OBJECTIVES: [&str; 6] = [
    "energy per item",
    "time per item",
    "cores",
    "1 - accuracy",
    "KL divergence",
    "1 - agreement with floats",
];

/// The figures of a point that are made small.
pub fn objectives(figures: &PointFigures) -> [Option<f64>; OBJECTIVES.len()] {
    let items = figures.items.max(1) as f64;
    [
        Some(figures.energy_j / items),
        figures.time_s.map(|seconds| seconds / items),
        Some(figures.cores_used as f64),
        figures.accuracy.map(|share| 1.0 - share),
        figures.kl_nats,
        figures.float_agreement.map(|share| 1.0 - share),
    ]
}

/// Whether the first of two is nowhere worse and somewhere better.
fn beats(a: &[Option<f64>], b: &[Option<f64>]) -> bool {
    let mut both = a.iter().zip(b).filter_map(|(a, b)| Some(((*a)?, (*b)?)));
    let mut better = false;
    both.all(|(a, b)| {
        better |= a < b;
        a <= b
    }) && better
}

/// Numbers of the points on the front, ascending.
pub fn front(sweep: &Sweep) -> Vec<usize> {
    let done: Vec<(usize, u64, _)> = sweep
        .outcomes
        .iter()
        .filter_map(|(&index, outcome)| match outcome {
            PointOutcome::Done(figures) => Some((index, figures.items, objectives(figures))),
            PointOutcome::Failed(_) => None,
        })
        .collect();
    let beaten = |(_, items, figures): &&(usize, u64, [Option<f64>; OBJECTIVES.len()])| {
        done.iter().any(|(_, other_items, other)| other_items == items && beats(other, figures))
    };
    done.iter().filter(|point| !beaten(point)).map(|(index, ..)| *index).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_is_nowhere_worse_and_somewhere_better_beats() {
        let some = |values: [f64; 3]| values.map(Some);
        assert!(beats(&some([1.0, 2.0, 3.0]), &some([1.0, 2.0, 4.0])));
        assert!(!beats(&some([1.0, 2.0, 3.0]), &some([1.0, 2.0, 3.0])));
        assert!(!beats(&some([1.0, 2.0, 5.0]), &some([2.0, 2.0, 4.0])));
        assert!(!beats(&some([2.0, 2.0, 4.0]), &some([1.0, 2.0, 5.0])));
        assert!(beats(&[Some(1.0), None], &[Some(2.0), Some(0.0)]));
        assert!(!beats(&[None, None], &[Some(2.0), Some(0.0)]));
    }
}
