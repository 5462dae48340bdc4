//! Random numbers of a seed (SplitMix64; Steele, Lea and Flood 2014).

/// A stream of numbers.
#[derive(Debug, Clone)]
pub struct Random(u64);

impl Random {
    /// The stream of a seed.
    pub fn new(seed: u64) -> Self {
        Self(seed)
    }

    /// 64 bits.
    pub fn word(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        z ^ (z >> 31)
    }

    /// From 0 to before `count`; 0 if that is 0.
    pub fn below(&mut self, count: usize) -> usize {
        if count == 0 { 0 } else { (self.word() % count as u64) as usize }
    }

    /// Whether one of so many cases holds.
    pub fn one_in(&mut self, cases: usize) -> bool {
        self.below(cases) == 0
    }

    /// One of some.
    pub fn pick<'a, T>(&mut self, all: &'a [T]) -> &'a T {
        &all[self.below(all.len())]
    }

    /// A whole number that programs get wrong: a border of some type, a power of two, small, or anything.
    pub fn edge(&mut self) -> u64 {
        let near = (self.word() % 5).wrapping_sub(2);
        match self.below(5) {
            0 => *self.pick(&[0, 1, 1 << 16, i32::MAX as u64, u32::MAX.into(), i64::MAX as u64, u64::MAX]),
            1 => (1u64 << self.below(64)).wrapping_add(near),
            2 => self.word() >> self.below(64),
            _ => self.word() % 40,
        }
    }
}
