//! From read-outs to codes: what the host computes behind a network whose last layers find the nearest code.
//!
//! feature = (1 - alpha) x first read-out + alpha x second; code = nearest row of the codebook (squared L2, first on
//! ties). Plain f64 in the order of the float reference.

use serde::{Deserialize, Serialize};

use crate::ir::NetworkId;

/// How the read-outs of a network become codes.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct HostTail {
    /// The network.
    pub network: NetworkId,
    /// Read-outs of that network (their order among its own) with their factors; all `[width, h, w]`.
    pub features: Vec<(usize, f64)>,
    /// Width of a code.
    pub width: usize,
    /// `[rows, width]` row-major.
    pub codebook: Vec<f64>,
}

impl HostTail {
    /// Codes `[h, w]` of a pass with the read-outs `[width, h, w]`.
    pub fn codes(&self, readouts: &[Vec<f64>]) -> Vec<f64> {
        let parts: Vec<(&[f64], f64)> =
            self.features.iter().map(|&(index, factor)| (readouts[index].as_slice(), factor)).collect();
        let length = parts.first().map_or(0, |(values, _)| values.len());
        let feature: Vec<f64> =
            (0..length).map(|i| parts.iter().map(|(values, factor)| factor * values[i]).sum()).collect();
        let positions = length / self.width.max(1);
        (0..positions).map(|position| self.nearest(&feature, position, positions) as f64).collect()
    }

    /// Row of the codebook nearest to the feature at a position.
    fn nearest(&self, feature: &[f64], position: usize, positions: usize) -> usize {
        let distance = |code: &[f64]| -> f64 {
            let at = |c: usize| feature[c * positions + position];
            code.iter().enumerate().map(|(c, value)| (at(c) - value).powi(2)).sum()
        };
        let mut best = (0, f64::INFINITY);
        for (row, code) in self.codebook.chunks_exact(self.width.max(1)).enumerate() {
            let d = distance(code);
            if d < best.1 {
                best = (row, d);
            }
        }
        best.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn features_mix_and_the_first_of_equal_codes_wins() {
        let codebook = vec![0.0, 0.0, 1.0, 1.0, 1.0, 1.0];
        let tail =
            HostTail { network: NetworkId(0), features: vec![(1, 0.75), (0, 0.25)], width: 2, codebook };
        // Two positions; features (1, 1) and (0.25, 0).
        let readouts = [vec![1.0, 1.0, 1.0, 0.0], vec![1.0, 0.0, 1.0, 0.0]];
        assert_eq!(tail.codes(&readouts), [1.0, 0.0]);
    }
}
