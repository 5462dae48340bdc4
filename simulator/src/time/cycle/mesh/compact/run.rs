//! The loop over cycles, compiled for several instruction sets.

use super::pace::{Pace, Slow, Steady};
use super::{Compact, Drained};
use crate::time::cycle::mesh::traffic::Traffic;

/// From so many routers of a block on that something happens to, all of them are decided side by side.
///
/// In a cycle, crossings, exits and entries come by router if routers are decided one by one, else by port, and whoever
/// listens to [`Traffic`] sees that order. It may not depend on the processor, so this is one number for all
/// instruction sets, though the best of each differ (measured: 10 with AVX-512, 24 with AVX2, 32 with neither). What
/// that costs shows where blocks are partly busy: on the 8x8 mesh of `mesh::bench`, at 0.05 packets a node and cycle,
/// nothing with AVX-512, 7 % of the speed with AVX2 and 28 % with neither.
const MANY: u32 = 16;

/// Instructions that the loop is compiled for. All give the same results, in the same order.
#[derive(Debug, Clone, Copy)]
pub(super) enum Level {
    /// AVX-512 F, BW and VL, BMI 1 and 2, POPCNT.
    #[cfg(target_arch = "x86_64")]
    Avx512,
    /// AVX2, BMI 1 and 2, POPCNT.
    #[cfg(target_arch = "x86_64")]
    Avx2,
    /// What every processor of the architecture has.
    Portable,
}

impl Level {
    /// Best first.
    pub(super) const ALL: &[Self] = &[
        #[cfg(target_arch = "x86_64")]
        Self::Avx512,
        #[cfg(target_arch = "x86_64")]
        Self::Avx2,
        Self::Portable,
    ];

    /// Whether this processor has them.
    pub(super) fn exists(self) -> bool {
        #[cfg(target_arch = "x86_64")]
        let bits = is_x86_feature_detected!("bmi1")
            && is_x86_feature_detected!("bmi2")
            && is_x86_feature_detected!("popcnt");
        match self {
            #[cfg(target_arch = "x86_64")]
            Self::Avx512 => {
                bits && is_x86_feature_detected!("avx512bw") && is_x86_feature_detected!("avx512vl")
            }
            #[cfg(target_arch = "x86_64")]
            Self::Avx2 => bits && is_x86_feature_detected!("avx2"),
            Self::Portable => true,
        }
    }
}

impl Compact {
    /// Carries all packets of `traffic` to their ends.
    pub(in crate::time::cycle::mesh) fn run(&mut self, traffic: &mut impl Traffic) -> Drained {
        let best = Level::ALL.iter().find(|level| level.exists());
        self.run_at(*best.unwrap_or(&Level::Portable), traffic)
    }

    /// The same with certain instructions, or with those of every processor if this one does not have them.
    pub(super) fn run_at(&mut self, level: Level, traffic: &mut impl Traffic) -> Drained {
        #[cfg(target_arch = "x86_64")]
        #[target_feature(enable = "avx512f,avx512bw,avx512vl,bmi1,bmi2,popcnt")]
        fn avx512(mesh: &mut Compact, traffic: &mut impl Traffic) -> Drained {
            mesh.drain_as(traffic)
        }
        #[cfg(target_arch = "x86_64")]
        #[target_feature(enable = "avx2,bmi1,bmi2,popcnt")]
        fn avx2(mesh: &mut Compact, traffic: &mut impl Traffic) -> Drained {
            mesh.drain_as(traffic)
        }
        self.store.reset();
        match level {
            // SAFETY: the processor has the features, as just seen (avx512bw implies avx512f).
            #[cfg(target_arch = "x86_64")]
            Level::Avx512 if level.exists() => unsafe { avx512(self, traffic) },
            // SAFETY: the processor has the features, as just seen.
            #[cfg(target_arch = "x86_64")]
            Level::Avx2 if level.exists() => unsafe { avx2(self, traffic) },
            _ => self.drain_as(traffic),
        }
    }

    #[inline(always)]
    fn drain_as(&mut self, traffic: &mut impl Traffic) -> Drained {
        if self.steady { self.drain::<Steady>(traffic) } else { self.drain::<Slow>(traffic) }
    }

    /// Until nothing is left to happen.
    #[inline(always)]
    fn drain<P: Pace>(&mut self, traffic: &mut impl Traffic) -> Drained {
        let (grants, picks) = (&mut *self.grants, &mut *self.picks);
        let mut state = self.store.state();
        let locals = state.spec.locals as usize;
        for entrance in 0..state.entrances.len() {
            state.refill::<P>(entrance / locals, entrance % locals, traffic);
        }
        while let Some(now) = state.events.advance() {
            for block in 0..state.events.blocks() {
                let set = state.events.take(block);
                if P::STEADY && set.count_ones() >= MANY {
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
