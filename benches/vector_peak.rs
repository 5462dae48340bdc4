//! How fast a core can add at all: clock and 16-bit vector additions a cycle, both measured.
//!
//! Prints one line of JSON for benches/execution.py: `{"ghz": .., "adds_per_cycle": ..}`. The clock comes from a chain
//! of dependent multiplications (3 cycles each on every x86-64 core of the last fifteen years), the additions from 16
//! independent chains in the widest registers. Best of many short runs, since other users interrupt.

fn main() {
    #[cfg(target_arch = "x86_64")]
    x86::report();
    #[cfg(not(target_arch = "x86_64"))]
    println!("{{}}");
}

#[cfg(target_arch = "x86_64")]
mod x86 {
    use std::arch::asm;
    use std::time::Instant;

    const ROUNDS: u64 = 1 << 16;

    pub fn report() {
        let ghz = 8.0 * 3.0 * ROUNDS as f64 / fastest(multiplications);
        let (lanes, run): (f64, fn()) = if is_x86_feature_detected!("avx512bw") {
            (32.0, additions_512)
        } else if is_x86_feature_detected!("avx2") {
            (16.0, additions_256)
        } else {
            return println!("{{\"ghz\": {ghz:.3}}}");
        };
        let per_cycle = lanes * 16.0 * ROUNDS as f64 / fastest(run) / ghz;
        println!("{{\"ghz\": {ghz:.3}, \"adds_per_cycle\": {per_cycle:.1}}}");
    }

    /// Nanoseconds of the fastest of many runs.
    fn fastest(run: fn()) -> f64 {
        let once = |_| {
            let start = Instant::now();
            run();
            start.elapsed().as_nanos() as f64
        };
        (0..400).map(once).fold(f64::INFINITY, f64::min)
    }

    fn multiplications() {
        // SAFETY: touches only registers that it declares.
        unsafe {
            asm!(
                "2:",
                "imul {x}, {x}", "imul {x}, {x}", "imul {x}, {x}", "imul {x}, {x}",
                "imul {x}, {x}", "imul {x}, {x}", "imul {x}, {x}", "imul {x}, {x}",
                "dec {n}",
                "jnz 2b",
                x = inout(reg) 3u64 => _,
                n = inout(reg) ROUNDS => _,
            );
        }
    }

    fn additions_512() {
        // SAFETY: only called where the processor has AVX-512 BW; touches only registers that it declares.
        unsafe {
            asm!(
                "2:",
                "vpaddw zmm0, zmm0, zmm0", "vpaddw zmm1, zmm1, zmm1",
                "vpaddw zmm2, zmm2, zmm2", "vpaddw zmm3, zmm3, zmm3",
                "vpaddw zmm4, zmm4, zmm4", "vpaddw zmm5, zmm5, zmm5",
                "vpaddw zmm6, zmm6, zmm6", "vpaddw zmm7, zmm7, zmm7",
                "vpaddw zmm8, zmm8, zmm8", "vpaddw zmm9, zmm9, zmm9",
                "vpaddw zmm10, zmm10, zmm10", "vpaddw zmm11, zmm11, zmm11",
                "vpaddw zmm12, zmm12, zmm12", "vpaddw zmm13, zmm13, zmm13",
                "vpaddw zmm14, zmm14, zmm14", "vpaddw zmm15, zmm15, zmm15",
                "dec {n}",
                "jnz 2b",
                n = inout(reg) ROUNDS => _,
                out("xmm0") _, out("xmm1") _, out("xmm2") _, out("xmm3") _, out("xmm4") _, out("xmm5") _,
                out("xmm6") _, out("xmm7") _, out("xmm8") _, out("xmm9") _, out("xmm10") _, out("xmm11") _,
                out("xmm12") _, out("xmm13") _, out("xmm14") _, out("xmm15") _,
            );
        }
    }

    fn additions_256() {
        // SAFETY: only called where the processor has AVX2; touches only registers that it declares.
        unsafe {
            asm!(
                "2:",
                "vpaddw ymm0, ymm0, ymm0", "vpaddw ymm1, ymm1, ymm1",
                "vpaddw ymm2, ymm2, ymm2", "vpaddw ymm3, ymm3, ymm3",
                "vpaddw ymm4, ymm4, ymm4", "vpaddw ymm5, ymm5, ymm5",
                "vpaddw ymm6, ymm6, ymm6", "vpaddw ymm7, ymm7, ymm7",
                "vpaddw ymm8, ymm8, ymm8", "vpaddw ymm9, ymm9, ymm9",
                "vpaddw ymm10, ymm10, ymm10", "vpaddw ymm11, ymm11, ymm11",
                "vpaddw ymm12, ymm12, ymm12", "vpaddw ymm13, ymm13, ymm13",
                "vpaddw ymm14, ymm14, ymm14", "vpaddw ymm15, ymm15, ymm15",
                "dec {n}",
                "jnz 2b",
                n = inout(reg) ROUNDS => _,
                out("xmm0") _, out("xmm1") _, out("xmm2") _, out("xmm3") _, out("xmm4") _, out("xmm5") _,
                out("xmm6") _, out("xmm7") _, out("xmm8") _, out("xmm9") _, out("xmm10") _, out("xmm11") _,
                out("xmm12") _, out("xmm13") _, out("xmm14") _, out("xmm15") _,
            );
        }
    }
}
