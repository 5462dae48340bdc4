//! Simulated annealing: channels move to other cores, or change places with channels of another tile.
//!
//! A proposal is looked at in the order of its cost: the limits of the two cores, what it does to the time, and only if
//! that is accepted what it changes on all other cores. So every state keeps all limits. A quarter of the moves starts
//! at the busiest core of a timestep. The generator is seeded and cooling rounds alike everywhere (no libm).

use super::super::work::CoreLoad;
use super::moves::Move;
use super::shares::SharedOut;
use crate::ir::program::usage::CoreUsage;
use crate::mapping::observer::MappingObserver;
use crate::random::{SplitMix64, quantiles};

/// Temperatures. A power of two: the factor between them is a repeated square root.
const LEVELS: u32 = 256;
/// The first temperature, as a share of the time of an item.
const HEAT: f64 = 0.002;
/// The last temperature is this part of the first.
const COOLED: f64 = 1.0 / 100.0;
/// Most channels of a move that is neither of one channel nor of all.
const SOME: u32 = 8;

/// Moves that belong together, and what the two cores do then.
struct Proposal {
    moves: Vec<Move>,
    loads: [(usize, CoreLoad); 2],
}

/// Proposes `count` moves, which are the observer's steps.
pub fn anneal(state: &mut SharedOut, count: u64, observer: &dyn MappingObserver) {
    let quantiles = quantiles();
    let factor = (0..LEVELS.ilog2()).fold(COOLED, |factor, _| factor.sqrt());
    let mut random = SplitMix64::new(1);
    let mut temperature = state.pressure.total() * HEAT;
    for level in 0..u64::from(LEVELS) {
        for _ in 0..count / u64::from(LEVELS) {
            let quantile = quantiles[(random.bits() >> 54) as usize];
            let Some(Proposal { moves, loads }) = propose(state, &mut random) else { continue };
            let [from, to] = &loads;
            let change = state.pressure.change(&[(from.0, &from.1), (to.0, &to.1)]);
            if (change <= 0.0 || change < quantile * temperature) && state.try_moves(&moves) {
                loads.into_iter().for_each(|(core, load)| state.set_load(core, load));
            }
        }
        // Sums of many small changes would drift.
        state.sum_loads();
        temperature *= factor;
        // All of them are told, with the few that the division leaves over.
        observer.advance(count * (level + 1) / u64::from(LEVELS) - count * level / u64::from(LEVELS));
    }
}

/// A random move; none if the limits of its two cores stand in the way.
fn propose(state: &SharedOut, random: &mut SplitMix64) -> Option<Proposal> {
    let cores = state.of_core.len();
    let from = match random.below(4) {
        0 => state.pressure.busiest(random.unit()),
        _ => random.below(cores),
    };
    let (share, has) = drawn(state, from, random)?;
    let channels = match random.below(4) {
        0 => has,
        1 => 1,
        _ => 1 + random.below_u32(has.min(SOME)),
    };
    let exchange = random.below(9) >= 4;
    let holders = &state.shares[share].holders;
    let to = match !exchange && holders.len() > 1 && random.below(2) == 0 {
        true => holders[random.below(holders.len())].0,
        false => random.below(cores),
    };
    if to == from {
        return None;
    }
    let one = Move { share, from, to, channels };
    if exchange {
        return exchanged(state, one, random);
    }
    takes(state, share, to, &state.used[to], channels).then_some(())?;
    let left = state.load_with(&state.loads[from], share, from, -i64::from(channels));
    let more = state.load_with(&state.loads[to], share, to, channels.into());
    Some(Proposal { moves: vec![one], loads: [(from, left), (to, more)] })
}

/// A movable tile of a core, and how many channels of it the core has.
fn drawn(state: &SharedOut, core: usize, random: &mut SplitMix64) -> Option<(usize, u32)> {
    let own = &state.of_core[core];
    let share = *own.get(random.below(own.len().max(1)))?;
    state.shares[share].movable.then(|| (share, state.channels(share, core)))
}

/// A move with channels of another tile in return: all that the core has, or about as many neurons.
fn exchanged(state: &SharedOut, one: Move, random: &mut SplitMix64) -> Option<Proposal> {
    let Move { share, from, to, channels } = one;
    let (back, most) = drawn(state, to, random)?;
    if back == share {
        return None;
    }
    let positions = |share: usize| state.shares[share].tile.positions();
    let alike = u64::from(channels) * positions(share) / positions(back);
    let returned = if random.below(2) == 0 { most } else { (alike as u32).clamp(1, most) };
    let room = state.gives(back, to, &state.used[to], returned);
    let lighter = state.gives(share, from, &state.used[from], channels);
    let fits = takes(state, share, to, &room, channels) && takes(state, back, from, &lighter, returned);
    fits.then_some(())?;
    let left = state.load_with(&state.loads[from], share, from, -i64::from(channels));
    let left = state.load_with(&left, back, from, returned.into());
    let more = state.load_with(&state.loads[to], back, to, -i64::from(returned));
    let more = state.load_with(&more, share, to, channels.into());
    let there = Move { share: back, from: to, to: from, channels: returned };
    Some(Proposal { moves: vec![there, one], loads: [(from, left), (to, more)] })
}

fn takes(state: &SharedOut, share: usize, core: usize, used: &CoreUsage, channels: u32) -> bool {
    state.takes(share, core, used, channels).is_some()
}
