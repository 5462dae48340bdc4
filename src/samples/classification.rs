//! Predictions against labels: how many are right, how sure that share is, and which classes are taken for which.

use serde::{Deserialize, Serialize};
use snnc_targets::text_table::{TextTable, name_and_figures};

use super::prediction;
use crate::report::data::Range;

/// Quantile of the normal distribution that leaves 2.5 % above it.
const QUANTILE: f64 = 1.959_963_984_540_054;
/// Most classes whose matrix is kept.
const CLASSES_MAX: usize = 1024;
/// Most classes whose matrix is printed.
const CLASSES_PRINTED: usize = 20;

/// What a network made of samples whose classes are known.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Classification {
    /// Samples with a label.
    pub samples: u64,
    /// Those whose label is the prediction.
    pub correct: u64,
    /// 95 % confidence interval of the share of right predictions: Wilson score.
    pub accuracy_interval: Range,
    /// Who is taken for whom; absent with more than 1024 classes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub confusion: Option<ConfusionMatrix>,
}

/// Samples by label and prediction.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ConfusionMatrix {
    /// Classes that are the label or the prediction of some sample, ascending.
    pub classes: Vec<usize>,
    /// `[label][prediction]`, both in the order of `classes`: number of samples.
    pub counts: Vec<Vec<u64>>,
}

impl Classification {
    /// Of read-outs and the labels of the same samples.
    pub fn new(readouts: &[Vec<f64>], labels: &[usize]) -> Self {
        let predicted = readouts.iter().map(|readout| prediction(readout));
        Self::of_pairs(&labels.iter().copied().zip(predicted).collect::<Vec<_>>())
    }

    /// Of pairs of label and prediction.
    pub fn of_pairs(pairs: &[(usize, usize)]) -> Self {
        let samples = pairs.len() as u64;
        let correct = pairs.iter().filter(|(label, predicted)| label == predicted).count() as u64;
        Self {
            samples,
            correct,
            accuracy_interval: wilson(correct, samples),
            confusion: ConfusionMatrix::of(pairs),
        }
    }

    /// Share of samples whose label is predicted; 0 without samples.
    pub fn accuracy(&self) -> f64 {
        self.correct as f64 / self.samples.max(1) as f64
    }

    /// `95.00 % (88.82 to 97.85 %)`.
    pub fn percent(&self) -> String {
        let Range { low, high } = self.accuracy_interval;
        format!("{:.2} % ({:.2} to {:.2} %)", self.accuracy() * 100.0, low * 100.0, high * 100.0)
    }
}

impl ConfusionMatrix {
    fn of(pairs: &[(usize, usize)]) -> Option<Self> {
        let mut classes: Vec<usize> =
            pairs.iter().flat_map(|&(label, predicted)| [label, predicted]).collect();
        classes.sort_unstable();
        classes.dedup();
        if classes.len() > CLASSES_MAX {
            return None;
        }
        let mut counts = vec![vec![0; classes.len()]; classes.len()];
        let at = |class| classes.binary_search(&class).expect("every label and prediction is a class");
        for &(label, predicted) in pairs {
            counts[at(label)][at(predicted)] += 1;
        }
        Some(Self { classes, counts })
    }

    /// A row a label and a column a prediction; of many classes only the pairs that are confused most often.
    pub fn table(&self, indent: u16) -> TextTable {
        if self.classes.len() > CLASSES_PRINTED {
            return self.most_confused(indent);
        }
        let names = self.classes.iter().map(ToString::to_string);
        let mut table = TextTable::new(indent, name_and_figures("label \\ prediction", names));
        for (class, row) in self.classes.iter().zip(&self.counts) {
            table.row([class.to_string()].into_iter().chain(row.iter().map(ToString::to_string)));
        }
        table
    }

    fn most_confused(&self, indent: u16) -> TextTable {
        let mut pairs: Vec<(u64, usize, usize)> = Vec::new();
        for (&label, row) in self.classes.iter().zip(&self.counts) {
            let wrong =
                self.classes.iter().zip(row).filter(|&(&predicted, &count)| predicted != label && count > 0);
            pairs.extend(wrong.map(|(&predicted, &count)| (count, label, predicted)));
        }
        pairs.sort_by_key(|&(count, label, predicted)| (std::cmp::Reverse(count), label, predicted));
        let mut table = TextTable::new(indent, name_and_figures("label", ["prediction", "samples"]));
        for (count, label, predicted) in pairs.iter().take(CLASSES_PRINTED) {
            table.row([label, predicted].map(ToString::to_string).into_iter().chain([count.to_string()]));
        }
        table
    }
}

/// The Wilson score interval of `correct` of `samples` (Wilson 1927, without continuity correction); 0 to 1 without
/// samples.
fn wilson(correct: u64, samples: u64) -> Range {
    if samples == 0 {
        return Range { low: 0.0, high: 1.0 };
    }
    let (n, share, z2) = (samples as f64, correct as f64 / samples as f64, QUANTILE * QUANTILE);
    let centre = share + z2 / (2.0 * n);
    let half = QUANTILE * (share * (1.0 - share) / n + z2 / (4.0 * n * n)).sqrt();
    let [low, high] = [centre - half, centre + half].map(|end| (end / (1.0 + z2 / n)).clamp(0.0, 1.0));
    // The ends are exact where all or none are right.
    Range { low: if correct == 0 { 0.0 } else { low }, high: if correct == samples { 1.0 } else { high } }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_interval_is_where_the_score_test_does_not_reject() {
        for (correct, samples) in [(95, 100), (1, 2), (7, 9), (50, 1000), (1, 100_000)] {
            let share = correct as f64 / samples as f64;
            let Range { low, high } = wilson(correct, samples);
            assert!(low < share && share < high);
            for end in [low, high] {
                // Another form of its definition: (share - p)^2 = z^2 p (1 - p) / n at both ends.
                let left = (share - end).powi(2);
                let right = QUANTILE.powi(2) * end * (1.0 - end) / samples as f64;
                assert!((left - right).abs() < 1e-14, "{correct} of {samples}: {left} {right}");
            }
        }
        // z^2 / (n + z^2) at the open end.
        let all = wilson(10, 10);
        assert!((all.low - 10.0 / (10.0 + QUANTILE.powi(2))).abs() < 1e-15 && all.high == 1.0);
        let none = wilson(0, 10);
        assert!((none.high - QUANTILE.powi(2) / (10.0 + QUANTILE.powi(2))).abs() < 1e-15 && none.low == 0.0);
        assert_eq!(wilson(0, 0), Range { low: 0.0, high: 1.0 });
    }

    #[test]
    fn rows_are_labels_and_columns_predictions() {
        let readouts = [[0.0, 2.0, 1.0], [3.0, 0.0, 0.0], [0.0, 5.0, 5.0]].map(Vec::from);
        let found = Classification::new(&readouts, &[7, 0, 1]);
        assert_eq!((found.samples, found.correct), (3, 2));
        let matrix = found.confusion.unwrap();
        assert_eq!(matrix.classes, [0, 1, 7]);
        assert_eq!(matrix.counts, [[1, 0, 0], [0, 1, 0], [0, 1, 0]]);
        let text = matrix.table(0).to_string();
        assert_eq!(text.lines().last().unwrap().split_whitespace().collect::<Vec<_>>(), ["7", "0", "1", "0"]);
    }

    #[test]
    fn of_many_classes_the_most_confused_are_printed_and_of_too_many_none() {
        let mut pairs: Vec<(usize, usize)> = (0..30).map(|class| (class, class)).collect();
        pairs.extend([(4, 9), (4, 9), (9, 4)]);
        let text = ConfusionMatrix::of(&pairs).unwrap().table(0).to_string();
        let rows: Vec<Vec<&str>> =
            text.lines().skip(1).map(|line| line.split_whitespace().collect()).collect();
        assert_eq!(rows, [["4", "9", "2"], ["9", "4", "1"]]);
        assert_eq!(ConfusionMatrix::of(&(0..1025).map(|class| (class, 0)).collect::<Vec<_>>()), None);
    }
}
