//! Which instructions the inner loops may use.
//!
//! Invariant: a [`SimdLevel`] exists only if the processor has its instructions; that is what makes calling the
//! functions compiled for it sound. All levels give the same results: integer arithmetic is exact.

/// Instructions that this processor has.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SimdLevel(InstructionSet);

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum InstructionSet {
    /// What every processor of the architecture has.
    Portable,
    /// AVX2, BMI1 and POPCNT.
    #[cfg(target_arch = "x86_64")]
    Avx2,
    /// AVX-512 F, BW and VL, AVX2, BMI1 and POPCNT.
    #[cfg(target_arch = "x86_64")]
    Avx512,
}

impl SimdLevel {
    /// The fastest instructions of this processor.
    pub fn best() -> Self {
        Self::available().swap_remove(0)
    }

    /// Every level that this processor has, fastest first.
    pub fn available() -> Vec<Self> {
        let mut levels = Vec::new();
        #[cfg(target_arch = "x86_64")]
        {
            let counts = is_x86_feature_detected!("bmi1") && is_x86_feature_detected!("popcnt");
            let avx2 = counts && is_x86_feature_detected!("avx2");
            let avx512 = is_x86_feature_detected!("avx512bw") && is_x86_feature_detected!("avx512vl");
            if avx2 && avx512 {
                levels.push(Self(InstructionSet::Avx512));
            }
            if avx2 {
                levels.push(Self(InstructionSet::Avx2));
            }
        }
        levels.push(Self(InstructionSet::Portable));
        levels
    }

    #[cfg(target_arch = "x86_64")]
    pub(crate) fn kind(self) -> InstructionSet {
        self.0
    }
}

/// Compiles `$body` for several instruction sets and calls the one of `$level`; generic parameters of it come first,
/// in brackets.
macro_rules! dispatch {
    ($level:expr, $body:ident($($argument:ident: $type:ty),*)) => {
        $crate::execute::kernels::level::dispatch!($level, [] $body($($argument: $type),*))
    };
    ($level:expr, [$($generics:tt)*] $body:ident($($argument:ident: $type:ty),*)) => {{
        #[cfg(target_arch = "x86_64")]
        {
            #[target_feature(enable = "avx512f,avx512bw,avx512vl,bmi1,popcnt")]
            fn avx512<$($generics)*>($($argument: $type),*) {
                $body($($argument),*)
            }
            #[target_feature(enable = "avx2,bmi1,popcnt")]
            fn avx2<$($generics)*>($($argument: $type),*) {
                $body($($argument),*)
            }
            match $level.kind() {
                // SAFETY: a level exists only if the processor has its instructions.
                $crate::execute::kernels::level::InstructionSet::Avx512 => return unsafe { avx512($($argument),*) },
                // SAFETY: as above.
                $crate::execute::kernels::level::InstructionSet::Avx2 => return unsafe { avx2($($argument),*) },
                $crate::execute::kernels::level::InstructionSet::Portable => (),
            }
        }
        #[cfg(not(target_arch = "x86_64"))]
        let _ = $level;
        $body($($argument),*)
    }};
}
pub(crate) use dispatch;
