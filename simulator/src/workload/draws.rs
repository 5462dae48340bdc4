//! Uniform numbers for neurons side by side, and which of them are below a bound.

use crate::execute::kernels::level::SimdLevel;
use crate::philox::{philox4x32_10, upper_53};

/// Blocks of Philox that are made together: words of four of them fill a vector, and two vectors are under way.
const BLOCKS: usize = 8;
/// Neurons that are drawn for together, two a block.
pub const DRAWS: usize = 2 * BLOCKS;

/// What is drawn for [`DRAWS`] neurons, 53 bits each.
#[derive(Debug, Default)]
pub struct Draws {
    /// Of the even and of the odd neurons.
    bits: [[i64; BLOCKS]; 2],
    /// Which of them are below the bound: a bit each, even and odd neurons in turn.
    pub below: u32,
}

impl Draws {
    /// The 53 bits of a neuron.
    pub fn of(&self, neuron: usize) -> i64 {
        self.bits[neuron % 2][neuron / 2]
    }

    /// Draws from blocks whose counters differ in the second word, which counts up from `counter[1]`: the even neuron
    /// has the first two words of its block, the lower one first, the odd one the others. `most` is the bound.
    pub fn draw(&mut self, level: SimdLevel, counter: [u32; 4], key: [u32; 2], most: i64) {
        #[cfg(target_arch = "x86_64")]
        if level.kind() != crate::execute::kernels::level::InstructionSet::Portable {
            // SAFETY: a level exists only if the processor has its instructions, and the others have AVX2.
            return unsafe { x86::draw(self, counter, key, most) };
        }
        #[cfg(not(target_arch = "x86_64"))]
        let _ = level;
        self.below = 0;
        for block in 0..BLOCKS {
            let [first, second, third, fourth] = counter;
            let words = [first, second.wrapping_add(block as u32), third, fourth];
            let [a, b, c, d] = philox4x32_10(words, key);
            for (odd, [low, high]) in [[a, b], [c, d]].into_iter().enumerate() {
                let bits = upper_53(low, high) as i64;
                self.bits[odd][block] = bits;
                self.below |= u32::from(bits < most) << (2 * block + odd);
            }
        }
    }
}

#[cfg(target_arch = "x86_64")]
mod x86 {
    use std::arch::x86_64::*;

    use super::{BLOCKS, Draws};

    /// Blocks of a vector: each word is a number of 64 bits, whose upper half is no matter until the end, as vectors
    /// multiply the lower halves of such numbers.
    const LANES: usize = 4;
    /// Bit i of a mask of four at place 2 i.
    const SPREAD: [u32; 16] = [0, 1, 4, 5, 16, 17, 20, 21, 64, 65, 68, 69, 80, 81, 84, 85];

    /// A word of all blocks.
    type Word = [__m256i; BLOCKS / LANES];

    #[target_feature(enable = "avx2")]
    pub fn draw(draws: &mut Draws, counter: [u32; 4], key: [u32; 2], most: i64) {
        let [a, b, c, d] = philox(counter, key);
        let most = _mm256_set1_epi64x(most);
        draws.below = 0;
        for (odd, (low, high)) in [(a, b), (c, d)].into_iter().enumerate() {
            let places = draws.bits[odd].as_chunks_mut::<LANES>().0.iter_mut();
            for (vector, ((low, high), place)) in low.into_iter().zip(high).zip(places).enumerate() {
                // The upper 53 bits of both words.
                let low = _mm256_srli_epi64::<43>(_mm256_slli_epi64::<32>(low));
                let high = _mm256_srli_epi64::<11>(_mm256_slli_epi64::<32>(high));
                let bits = _mm256_or_si256(high, low);
                // SAFETY: four numbers are 32 bytes.
                unsafe { _mm256_storeu_si256(place.as_mut_ptr().cast(), bits) };
                let below = _mm256_movemask_pd(_mm256_castsi256_pd(_mm256_cmpgt_epi64(most, bits)));
                draws.below |= SPREAD[below as usize % SPREAD.len()] << (2 * LANES * vector + odd);
            }
        }
    }

    /// The words of all blocks.
    #[inline]
    #[target_feature(enable = "avx2")]
    fn philox(counter: [u32; 4], key: [u32; 2]) -> [Word; 4] {
        let same = |word: u32| _mm256_set1_epi64x(word.into());
        let mut keys = key.map(same);
        let further = [same(0x9E37_79B9), same(0xBB67_AE85)];
        let factors = [same(0xD251_1F53), same(0xCD9E_8D57)];
        let [first, second, third, fourth] = counter;
        let mut words = [first, 0, third, fourth].map(|word| [same(word); BLOCKS / LANES]);
        for (vector, word) in (0..).zip(&mut words[1]) {
            let block = |lane| LANES as i64 * vector + lane;
            let blocks = _mm256_setr_epi64x(block(0), block(1), block(2), block(3));
            *word = _mm256_add_epi64(same(second), blocks);
        }
        for round in 0..10 {
            if round > 0 {
                keys = [_mm256_add_epi64(keys[0], further[0]), _mm256_add_epi64(keys[1], further[1])];
            }
            for vector in 0..BLOCKS / LANES {
                let [first, second, third, fourth] = words.map(|word| word[vector]);
                let a = _mm256_mul_epu32(first, factors[0]);
                let b = _mm256_mul_epu32(third, factors[1]);
                let upper = |product| _mm256_srli_epi64::<32>(product);
                words[0][vector] = _mm256_xor_si256(_mm256_xor_si256(upper(b), second), keys[0]);
                words[1][vector] = b;
                words[2][vector] = _mm256_xor_si256(_mm256_xor_si256(upper(a), fourth), keys[1]);
                words[3][vector] = a;
            }
        }
        words
    }
}
