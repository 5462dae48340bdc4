//! The inner loop: rows of weights added to the sums of a block of output channels, a lane each.
//!
//! Every lane does what a plain loop does, in the same order, so all instruction sets give the same bits. Compiled for
//! each, as the width of a row and its kind must be known for the sums to stay in registers.

/// Output channels of the narrowest block: f64 in the widest register.
pub(super) const LANES: usize = 8;
/// Output channels of the widest block.
pub(super) const BLOCK_MAX: usize = 8 * LANES;

/// How many output channels a block has, for layers of so many.
pub(super) fn block(outputs: usize) -> usize {
    outputs.next_power_of_two().clamp(LANES, BLOCK_MAX)
}

/// Instructions that this processor has; a value exists only if it has them, so that functions compiled for it may be
/// called.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct FloatInstructions(Instructions);

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Instructions {
    Portable,
    #[cfg(target_arch = "x86_64")]
    Avx2,
    #[cfg(target_arch = "x86_64")]
    Avx512,
}

impl FloatInstructions {
    /// The widest.
    pub fn best() -> Self {
        Self::available().swap_remove(0)
    }

    /// All, the widest first.
    pub fn available() -> Vec<Self> {
        let mut all = Vec::new();
        #[cfg(target_arch = "x86_64")]
        {
            if is_x86_feature_detected!("avx512f") {
                all.push(Self(Instructions::Avx512));
            }
            if is_x86_feature_detected!("avx2") {
                all.push(Self(Instructions::Avx2));
            }
        }
        all.push(Self(Instructions::Portable));
        all
    }
}

/// A weight as it is stored.
pub(super) trait StoredWeight: Copy + Default + Into<f64> + Send + Sync + 'static {
    /// [`portable`] in AVX-512.
    ///
    /// # Safety
    /// The processor has AVX-512 F.
    #[cfg(target_arch = "x86_64")]
    unsafe fn avx512<const K: usize>(weights: &[Self], terms: Terms<'_>, sums: &mut [f64]);

    /// [`portable`] in AVX2.
    ///
    /// # Safety
    /// The processor has AVX2.
    #[cfg(target_arch = "x86_64")]
    unsafe fn avx2<const K: usize>(weights: &[Self], terms: Terms<'_>, sums: &mut [f64]);
}

/// Weight rows, and inputs that they are multiplied with unless all are 1.
pub(super) type Terms<'a> = (&'a [u32], Option<&'a [f64]>);

/// Sets the sums of a block of output channels (`sums.len()`, as [`block`] gives it) to those of the terms, from 0 on.
pub(super) fn sum<W: StoredWeight>(
    set: FloatInstructions,
    weights: &[W],
    terms: Terms<'_>,
    sums: &mut [f64],
) {
    match sums.len() / LANES {
        1 => sum_of::<W, 1>(set, weights, terms, sums),
        2 => sum_of::<W, 2>(set, weights, terms, sums),
        4 => sum_of::<W, 4>(set, weights, terms, sums),
        _ => sum_of::<W, 8>(set, weights, terms, sums),
    }
}

fn sum_of<W: StoredWeight, const K: usize>(
    set: FloatInstructions,
    weights: &[W],
    terms: Terms<'_>,
    sums: &mut [f64],
) {
    assert_eq!(sums.len(), K * LANES, "a block has as many sums as its rows have weights");
    match set.0 {
        // SAFETY: an instruction set exists only if the processor has it.
        #[cfg(target_arch = "x86_64")]
        Instructions::Avx512 => unsafe { W::avx512::<K>(weights, terms, sums) },
        // SAFETY: as above.
        #[cfg(target_arch = "x86_64")]
        Instructions::Avx2 => unsafe { W::avx2::<K>(weights, terms, sums) },
        Instructions::Portable => portable(weights, terms, sums),
    }
}

fn portable<W: StoredWeight>(weights: &[W], (rows, values): Terms<'_>, sums: &mut [f64]) {
    let width = sums.len();
    let weights_of = |row: u32| weights[row as usize * width..][..width].iter().map(|&weight| weight.into());
    sums.fill(0.0);
    for (index, &row) in rows.iter().enumerate() {
        let value = values.map_or(1.0, |values| values[index]);
        sums.iter_mut().zip(weights_of(row)).for_each(|(sum, weight): (_, f64)| *sum += value * weight);
    }
}

/// Implements [`StoredWeight`] for a width of weights, given how its vectors are read as f64.
macro_rules! element {
    ($weight:ty, $load512:expr, $load256:expr) => {
        impl StoredWeight for $weight {
            #[cfg(target_arch = "x86_64")]
            #[allow(clippy::redundant_closure_call, reason = "the closure is the macro's argument")]
            #[target_feature(enable = "avx512f")]
            unsafe fn avx512<const K: usize>(weights: &[Self], terms: Terms<'_>, sums: &mut [f64]) {
                use std::arch::x86_64::*;
                let (rows, values) = terms;
                let mut all = [_mm512_setzero_pd(); K];
                for (index, &row) in rows.iter().enumerate() {
                    let row = weights[row as usize * K * LANES..][..K * LANES].as_ptr();
                    let value = values.map(|values| _mm512_set1_pd(values[index]));
                    for (k, sum) in all.iter_mut().enumerate() {
                        // SAFETY: a row has K times 8 weights.
                        let term = unsafe { $load512(row.add(k * LANES)) };
                        let term = value.map_or(term, |value| _mm512_mul_pd(value, term));
                        *sum = _mm512_add_pd(*sum, term);
                    }
                }
                for (sums, sum) in sums.as_chunks_mut::<LANES>().0.iter_mut().zip(all) {
                    // SAFETY: a chunk is 8 sums.
                    unsafe { _mm512_storeu_pd(sums.as_mut_ptr(), sum) };
                }
            }

            #[cfg(target_arch = "x86_64")]
            #[allow(clippy::redundant_closure_call, reason = "the closure is the macro's argument")]
            #[target_feature(enable = "avx2")]
            unsafe fn avx2<const K: usize>(weights: &[Self], terms: Terms<'_>, sums: &mut [f64]) {
                use std::arch::x86_64::*;
                let (rows, values) = terms;
                let mut all = [[_mm256_setzero_pd(); 2]; K];
                for (index, &row) in rows.iter().enumerate() {
                    let row = weights[row as usize * K * LANES..][..K * LANES].as_ptr();
                    let value = values.map(|values| _mm256_set1_pd(values[index]));
                    for (k, sums) in all.iter_mut().enumerate() {
                        for (half, sum) in sums.iter_mut().enumerate() {
                            // SAFETY: a row has K times 8 weights.
                            let term = unsafe { $load256(row.add(k * LANES + half * 4)) };
                            let term = value.map_or(term, |value| _mm256_mul_pd(value, term));
                            *sum = _mm256_add_pd(*sum, term);
                        }
                    }
                }
                for (sums, halves) in sums.as_chunks_mut::<LANES>().0.iter_mut().zip(all) {
                    for (sums, half) in sums.as_chunks_mut::<4>().0.iter_mut().zip(halves) {
                        // SAFETY: a chunk is 4 sums.
                        unsafe { _mm256_storeu_pd(sums.as_mut_ptr(), half) };
                    }
                }
            }
        }
    };
}

element!(f32, |at| _mm512_cvtps_pd(_mm256_loadu_ps(at)), |at| _mm256_cvtps_pd(_mm_loadu_ps(at)));
element!(f64, |at| _mm512_loadu_pd(at), |at| _mm256_loadu_pd(at));
