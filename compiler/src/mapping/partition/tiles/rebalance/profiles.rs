//! The thresholds of a population's channels, as runs of channels that have the same one.

use std::ops::Range;

/// Runs of channels of one threshold.
#[derive(Debug, Clone, Default)]
pub struct ThresholdRuns {
    /// The threshold of each run.
    thresholds: Vec<u32>,
    /// The run of each channel.
    run: Vec<u32>,
}

impl ThresholdRuns {
    /// Of the thresholds of all channels; none of an integrator.
    pub fn new(of_channels: &[u32]) -> Self {
        let mut runs = Self::default();
        for &threshold in of_channels {
            if runs.thresholds.last() != Some(&threshold) {
                runs.thresholds.push(threshold);
            }
            runs.run.push(runs.thresholds.len() as u32 - 1);
        }
        runs
    }

    /// The thresholds of some channels, each at least once.
    pub fn of(&self, channels: Range<u32>) -> &[u32] {
        match self.run.get(channels.start as usize..channels.end as usize) {
            Some([first, .., last]) => &self.thresholds[*first as usize..=*last as usize],
            Some([only]) => &self.thresholds[*only as usize..=*only as usize],
            Some([]) | None => &[],
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_range_has_the_thresholds_of_its_channels() {
        let runs = ThresholdRuns::new(&[5, 5, 7, 9, 9, 5]);
        assert_eq!(runs.of(0..2), [5]);
        assert_eq!(runs.of(1..4), [5, 7, 9]);
        assert_eq!(runs.of(4..6), [9, 5]);
        assert_eq!(runs.of(2..3), [7]);
        assert!(runs.of(3..3).is_empty());
        assert!(ThresholdRuns::new(&[]).of(0..4).is_empty(), "an integrator has none");
    }
}
