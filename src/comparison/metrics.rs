//! Running sums behind the comparison.

use serde::{Deserialize, Serialize};

/// Spikes of one layer on both sides.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct SpikeOverlap {
    float: u64,
    chip: u64,
    common: u64,
    pairs: u64,
}

impl SpikeOverlap {
    /// Adds a timestep.
    pub fn add(&mut self, float: &[bool], chip: &[bool]) {
        for (&f, &c) in float.iter().zip(chip) {
            self.float += u64::from(f);
            self.chip += u64::from(c);
            self.common += u64::from(f && c);
        }
        self.pairs += float.len() as u64;
    }

    /// Adds other sums.
    pub fn merge(&mut self, other: &Self) {
        self.float += other.float;
        self.chip += other.chip;
        self.common += other.common;
        self.pairs += other.pairs;
    }

    /// Whether there are as many pairs as spikes on either side, at least.
    pub fn adds_up(&self) -> bool {
        let either = self.float.checked_add(self.chip).and_then(|sum| sum.checked_sub(self.common));
        self.common <= self.float.min(self.chip) && either.is_some_and(|either| either <= self.pairs)
    }

    /// Share of equal answers.
    pub fn agreement(&self) -> f64 {
        let different = self.float + self.chip - 2 * self.common;
        ratio(self.pairs - different, self.pairs)
    }

    /// Dice overlap of the spikes; 1 if both are silent.
    pub fn overlap(&self) -> f64 {
        if self.float + self.chip == 0 { 1.0 } else { ratio(2 * self.common, self.float + self.chip) }
    }

    /// Spikes per neuron and timestep, float and chip.
    pub fn rates(&self) -> (f64, f64) {
        (ratio(self.float, self.pairs), ratio(self.chip, self.pairs))
    }
}

/// Mean of a sum.
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize, Deserialize)]
pub struct Mean {
    sum: f64,
    count: u64,
}

impl Mean {
    /// Adds a value.
    pub fn add(&mut self, value: f64) {
        self.sum += value;
        self.count += 1;
    }

    /// Adds other sums.
    pub fn merge(&mut self, other: Self) {
        self.sum += other.sum;
        self.count += other.count;
    }

    /// The mean, 0 without values.
    pub fn get(&self) -> f64 {
        if self.count == 0 { 0.0 } else { self.sum / self.count as f64 }
    }
}

/// a / b, 0 if b is 0.
pub fn ratio(a: u64, b: u64) -> f64 {
    if b == 0 { 0.0 } else { a as f64 / b as f64 }
}

/// KL divergence of softmax(p / temperature) from softmax(q / temperature), in nats.
pub fn kl(p: &[f64], q: &[f64], temperature: f64) -> f64 {
    let (p, q) = (log_softmax(p, temperature), log_softmax(q, temperature));
    p.iter().zip(&q).map(|(a, b)| a.exp() * (a - b)).sum()
}

fn log_softmax(logits: &[f64], temperature: f64) -> Vec<f64> {
    let most = logits.iter().copied().fold(f64::NEG_INFINITY, f64::max);
    let scaled: Vec<f64> = logits.iter().map(|l| (l - most) / temperature).collect();
    let sum: f64 = scaled.iter().map(|s| s.exp()).sum();
    scaled.iter().map(|s| s - sum.ln()).collect()
}

/// Mean squared difference of 8-bit pixels in units of full scale.
pub fn pixel_mse(a: &[u8], b: &[u8]) -> f64 {
    let squares = a.iter().zip(b).map(|(&a, &b)| ((f64::from(a) - f64::from(b)) / 255.0).powi(2));
    squares.sum::<f64>() / a.len().max(1) as f64
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn spikes_count_pairs_and_overlap() {
        let mut s = SpikeOverlap::default();
        s.add(&[true, true, false, false], &[true, false, true, false]);
        assert_eq!((s.agreement(), s.overlap(), s.rates()), (0.5, 0.5, (0.5, 0.5)));
    }

    #[test]
    fn divergence_is_zero_for_equal_logits_and_known_for_two_classes() {
        assert!(kl(&[1.0, -3.0, 2.0], &[2.0, -2.0, 3.0], 0.65).abs() < 1e-15);
        // softmax([ln 3, 0]) = (3/4, 1/4) from (1/2, 1/2).
        let expected = 0.75 * 1.5f64.ln() + 0.25 * 0.5f64.ln();
        assert!((kl(&[3.0f64.ln(), 0.0], &[0.0, 0.0], 1.0) - expected).abs() < 1e-12);
        assert_eq!(pixel_mse(&[0, 255], &[255, 255]), 0.5);
    }
}
