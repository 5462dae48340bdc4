//! Drawing one token: inverse transform sampling from softmax(logits / temperature).
//!
//! The order of the float operations is that of the original (scale, subtract the maximum, exponentiate, sum in
//! class order, divide, cumulate in class order), so that recorded trajectories repeat exactly. The exponential is
//! a software one: a token must not depend on the platform's mathematical library.

/// The number of classes c with cumsum(softmax(logits / temperature))\[c\] <= `uniform`, at most the last class.
///
/// `logits` one a class; `uniform` in `[0, 1)`. Without classes it is 0; a NaN makes the comparison false.
pub fn draw(logits: impl Iterator<Item = f64>, temperature: f64, uniform: f64) -> u32 {
    let scaled: Vec<f64> = logits.map(|l| l / temperature).collect();
    let maximum = scaled.iter().copied().fold(f64::NEG_INFINITY, f64::max);
    let weights: Vec<f64> = scaled.iter().map(|z| libm::exp(z - maximum)).collect();
    let sum: f64 = weights.iter().sum();
    let mut cumulated = 0.0;
    let mut below = 0;
    for weight in &weights {
        cumulated += weight / sum;
        below += usize::from(cumulated <= uniform);
    }
    u32::try_from(below.min(weights.len().saturating_sub(1))).unwrap_or(u32::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(logits: &[f64], temperature: f64, uniform: f64) -> u32 {
        draw(logits.iter().copied(), temperature, uniform)
    }

    #[test]
    fn boundaries_belong_to_the_next_class() {
        let even = [0.0; 4];
        for (uniform, token) in [(0.0, 0), (0.2499, 0), (0.25, 1), (0.5, 2), (0.75, 3), (0.999, 3)] {
            assert_eq!(of(&even, 1.0, uniform), token, "{uniform}");
        }
    }

    #[test]
    fn the_last_class_is_the_highest_and_large_logits_do_not_overflow() {
        assert_eq!(of(&[0.0, 0.0, 0.0], 1.0, 1.0), 2);
        assert_eq!(of(&[1e6, -1e6], 0.65, 0.999), 0);
        assert_eq!(of(&[-1e6, 1e6], 0.65, 0.0), 1);
        assert_eq!(of(&[], 1.0, 0.5), 0);
        assert_eq!(of(&[f64::NAN, 1.0], 1.0, 0.5), 0);
    }

    #[test]
    fn frequencies_follow_the_softmax_at_the_temperature() {
        let n = 100_000;
        let ones = (0..n).filter(|i| of(&[0.0, 1.0], 0.5, f64::from(*i) / f64::from(n)) == 1).count();
        let expected = f64::from(n) / (1.0 + (-2.0f64).exp());
        assert!((ones as f64 - expected).abs() < 2.0, "{ones} {expected}");
    }
}
