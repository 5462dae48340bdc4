//! The loop over cycles, compiled for several instruction sets.

use super::pace::{Pace, Slow, Steady};
use super::{Compact, Drained};
use crate::time::cycle::mesh::traffic::Traffic;

/// From so many routers of a block on that something happens to, it is faster to decide for all of them: with AVX-512,
/// with AVX2 and with what every processor has, as measured.
const MANY: [u32; 3] = [10, 24, 32];

impl Compact {
    /// Carries all packets of `traffic` to their ends.
    pub(in crate::time::cycle::mesh) fn run(&mut self, traffic: &mut impl Traffic) -> Drained {
        self.store.reset();
        self.dispatch(traffic)
    }

    /// Takes the best instructions that the processor has. All give the same results.
    fn dispatch(&mut self, traffic: &mut impl Traffic) -> Drained {
        #[cfg(target_arch = "x86_64")]
        {
            #[target_feature(enable = "avx512f,avx512bw,avx512vl,bmi1,bmi2")]
            fn avx512(mesh: &mut Compact, traffic: &mut impl Traffic) -> Drained {
                mesh.drain_as(MANY[0], traffic)
            }
            #[target_feature(enable = "avx2,bmi1,bmi2")]
            fn avx2(mesh: &mut Compact, traffic: &mut impl Traffic) -> Drained {
                mesh.drain_as(MANY[1], traffic)
            }
            let bits = is_x86_feature_detected!("bmi1") && is_x86_feature_detected!("bmi2");
            if bits && is_x86_feature_detected!("avx512bw") && is_x86_feature_detected!("avx512vl") {
                // SAFETY: the processor has the features, as just seen (avx512bw implies avx512f).
                return unsafe { avx512(self, traffic) };
            }
            if bits && is_x86_feature_detected!("avx2") {
                // SAFETY: the processor has the features, as just seen.
                return unsafe { avx2(self, traffic) };
            }
        }
        self.drain_as(MANY[2], traffic)
    }

    #[inline(always)]
    fn drain_as(&mut self, many: u32, traffic: &mut impl Traffic) -> Drained {
        if self.steady { self.drain::<Steady>(many, traffic) } else { self.drain::<Slow>(many, traffic) }
    }

    /// Until nothing is left to happen.
    #[inline(always)]
    fn drain<P: Pace>(&mut self, many: u32, traffic: &mut impl Traffic) -> Drained {
        let (grants, picks) = (&mut *self.grants, &mut *self.picks);
        let mut state = self.store.state();
        let locals = state.spec.locals as usize;
        for entrance in 0..state.entrances.len() {
            state.refill::<P>(entrance / locals, entrance % locals, traffic);
        }
        while let Some(now) = state.events.advance() {
            for block in 0..state.events.blocks() {
                let set = state.events.take(block);
                if P::STEADY && set.count_ones() >= many {
                    state.decide_all(block, set, now, picks);
                    state.move_all(block, now, picks, traffic);
                } else if set != 0 {
                    let granted = state.decide_some::<P>(block, set, now, grants);
                    state.move_some::<P>(grants, granted, now, traffic);
                }
            }
            state.drained = state.drained.max(now + u64::from(std::mem::take(&mut state.lasts)));
        }
        Drained { at: state.drained, flit_hops: state.hops }
    }
}
