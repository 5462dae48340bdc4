//! The seeded generator of all random choices of the compiler: the same sequence on every machine.
//!
//! Mappings and recorded inputs are pinned by their seeds, so neither the sequence nor how a number below a bound is
//! taken from it may change.

/// SplitMix64 (Steele, Lea and Flood 2014).
#[derive(Debug, Clone)]
pub(crate) struct SplitMix64(u64);

impl SplitMix64 {
    /// The sequence of a seed.
    pub fn new(seed: u64) -> Self {
        Self(seed)
    }

    /// One of many sequences of a seed; those of different `stream`s are unrelated.
    pub fn stream(seed: u64, stream: u64) -> Self {
        let mut mixer = Self(seed ^ stream.wrapping_mul(0xD6E8_FEB8_6659_FD93));
        Self(mixer.bits())
    }

    /// 64 random bits.
    #[inline]
    pub fn bits(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        mix(self.0)
    }

    /// Uniform in `0..bound`; `bound` is at least 1.
    pub fn below(&mut self, bound: usize) -> usize {
        ((u128::from(self.bits()) * bound as u128) >> 64) as usize
    }

    /// Uniform in `0..bound`, from half of the bits: one multiplication of 64 bits, for the millions of moves of the
    /// placement. `bound` is at least 1.
    #[inline]
    pub fn below_u32(&mut self, bound: u32) -> u32 {
        (((self.bits() >> 32) * u64::from(bound)) >> 32) as u32
    }

    /// Uniform in `[0, 1)`.
    pub fn unit(&mut self) -> f64 {
        (self.bits() >> 11) as f64 / (1u64 << 53) as f64
    }

    /// Fisher-Yates.
    pub fn shuffle<T>(&mut self, items: &mut [T]) {
        for i in (1..items.len()).rev() {
            items.swap(i, self.below(i + 1));
        }
    }
}

/// The finaliser of SplitMix64: a bijection that spreads every bit.
pub(crate) fn mix(mut z: u64) -> u64 {
    z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
    z ^ (z >> 31)
}

/// `-ln u` for u in the middle of each 1024th: a move is accepted with probability `exp(-delta / temperature)` if it is
/// accepted when `delta / temperature` is below a random one of them. Logarithms by `ln((k + 2) / k) = 2 artanh(1 / (k
/// + 1))`.
pub(crate) fn quantiles() -> Vec<f64> {
    const COUNT: usize = 1024;
    let mut logarithms = vec![0.0f64];
    for i in 1..COUNT {
        let z = 1.0 / (2 * i) as f64;
        let (mut power, mut sum) = (z, 0.0);
        for odd in 0..24 {
            sum += power / f64::from(2 * odd + 1);
            power *= z * z;
        }
        logarithms.push(logarithms[i - 1] + 2.0 * sum);
    }
    // u = (2 i + 1) / 2048.
    let whole = 11.0 * std::f64::consts::LN_2;
    logarithms.into_iter().map(|logarithm| whole - logarithm).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_sequence_is_that_of_the_reference_implementation() {
        // First numbers of Vigna's splitmix64.c for seed 1234567.
        let mut random = SplitMix64::new(1_234_567);
        let first: Vec<u64> = (0..3).map(|_| random.bits()).collect();
        assert_eq!(first, [6_457_827_717_110_365_317, 3_203_168_211_198_807_973, 9_817_491_932_198_370_423]);
    }
}
