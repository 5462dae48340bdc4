//! Philox4x32-10: a counter-based generator, so that image i has the same numbers in any batch, order or thread.
//!
//! Source: Salmon, Moraes, Dror and Shaw, "Parallel random numbers: as easy as 1, 2, 3", SC 2011; checked against
//! the known answers of Random123.

use super::Uniforms;

/// Ten rounds of Philox over a 128-bit counter with a 64-bit key; words little-endian.
pub fn philox4x32_10(mut counter: [u32; 4], mut key: [u32; 2]) -> [u32; 4] {
    for round in 0..10 {
        if round > 0 {
            key = [key[0].wrapping_add(0x9E37_79B9), key[1].wrapping_add(0xBB67_AE85)];
        }
        let a = u64::from(counter[0]) * 0xD251_1F53;
        let b = u64::from(counter[2]) * 0xCD9E_8D57;
        counter = [high(b) ^ counter[1] ^ key[0], low(b), high(a) ^ counter[3] ^ key[1], low(a)];
    }
    counter
}

fn high(word: u64) -> u32 {
    (word >> 32) as u32
}

fn low(word: u64) -> u32 {
    word as u32
}

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

/// The upper 53 bits of a 64-bit word, as a multiple of 2^-53 in `[0, 1)`.
fn uniform(low: u32, high: u32) -> f64 {
    let word = u64::from(high) << 32 | u64::from(low);
    (word >> 11) as f64 * (1.0 / (1u64 << 53) as f64)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn known_answers_of_random123() {
        assert_eq!(philox4x32_10([0; 4], [0; 2]), [0x6627_e8d5, 0xe169_c58d, 0xbc57_ac4c, 0x9b00_dbd8]);
        assert_eq!(philox4x32_10([!0; 4], [!0; 2]), [0x408f_276d, 0x41c8_3b0e, 0xa20b_c7c6, 0x6d54_51fd]);
        let pi = [0x243f_6a88, 0x85a3_08d3, 0x1319_8a2e, 0x0370_7344];
        assert_eq!(
            philox4x32_10(pi, [0xa409_3822, 0x299f_31d0]),
            [0xd16c_fe09, 0x94fd_cceb, 0x5001_e420, 0x2412_6ea1]
        );
    }

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
