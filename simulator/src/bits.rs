//! Flags side by side made bits of a word, for loops over 64 of anything that are to become vector instructions.

/// One bit for each flag of 0 or 1, that of the first flag lowest.
///
/// Compiled in place, so that it gets the instructions of the loop around it.
#[inline(always)]
pub(crate) fn packed(flags: &[u8; 64]) -> u64 {
    let mut bits = 0;
    for (i, eight) in flags.as_chunks().0.iter().enumerate() {
        // The product's highest byte gathers the lowest bits of all eight.
        let gathered = u64::from_le_bytes(*eight).wrapping_mul(0x0102_0408_1020_4080) >> 56;
        bits |= gathered << (8 * i);
    }
    bits
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn flags_are_bits() {
        for seed in 0..64u64 {
            let wanted = (seed + 1).wrapping_mul(0x9E37_79B9_7F4A_7C15);
            let flags = std::array::from_fn(|i| (wanted >> i & 1) as u8);
            assert_eq!(packed(&flags), wanted);
        }
    }
}
