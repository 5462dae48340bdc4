//! The loop's random numbers from a counter-based generator: image i has the same numbers in any batch, order or
//! thread.

use super::Uniforms;
use crate::philox::{philox4x32_10, uniform};

/// The numbers of one image: key = seed, counter = (row, position, image). One block serves a (row, position): its
/// first two words decide the unmasking, its last two the token.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PhiloxUniforms {
    seed: u64,
    image: u64,
}

impl PhiloxUniforms {
    /// The stream of the image with this number, counted over the whole run.
    pub fn new(seed: u64, image: u64) -> Self {
        Self { seed, image }
    }

    fn block(&self, row: usize, position: usize) -> [u32; 4] {
        let counter = [row as u32, position as u32, low(self.image), high(self.image)];
        philox4x32_10(counter, [low(self.seed), high(self.seed)])
    }
}

impl Uniforms for PhiloxUniforms {
    fn unmask(&self, row: usize, position: usize) -> f64 {
        let block = self.block(row, position);
        uniform(block[0], block[1])
    }

    fn token(&self, row: usize, position: usize) -> f64 {
        let block = self.block(row, position);
        uniform(block[2], block[3])
    }
}

fn high(word: u64) -> u32 {
    (word >> 32) as u32
}

fn low(word: u64) -> u32 {
    word as u32
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn uniforms_lie_in_the_half_open_interval_and_average_one_half() {
        assert_eq!(uniform(0, 0), 0.0);
        assert_eq!(uniform(!0, !0), 1.0 - f64::EPSILON / 2.0);
        let u = PhiloxUniforms::new(1, 2);
        let n = 10_000;
        let mean =
            (0..n).map(|i| u.unmask(i / 100, i % 100) + u.token(i / 100, i % 100)).sum::<f64>() / n as f64;
        assert!((mean - 1.0).abs() < 0.02, "{mean}");
    }

    #[test]
    fn seeds_images_rows_and_positions_have_their_own_numbers() {
        let mut seen: Vec<u64> = Vec::new();
        for (seed, image) in [(1, 0), (0, 1), (1 << 32, 0), (0, 1 << 32)] {
            let u = PhiloxUniforms::new(seed, image);
            for (row, position) in [(0, 0), (0, 1), (1, 0)] {
                seen.extend([u.unmask(row, position).to_bits(), u.token(row, position).to_bits()]);
            }
        }
        let count = seen.len();
        seen.sort_unstable();
        seen.dedup();
        assert_eq!(seen.len(), count);
    }
}
