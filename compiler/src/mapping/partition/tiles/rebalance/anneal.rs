//! Simulated annealing: channels move to other cores, or change places with channels of another tile.
//!
//! A proposal is looked at in the order of its cost: the limits of the two cores, what it does to the time, and only
//! if that is accepted what it changes on all other cores. So every state keeps all limits. A quarter of the moves
//! starts at the busiest core of a timestep. Where cores are on several chips, a slice more also costs its packets'
//! share of the links between chips. The generator is seeded and cooling rounds alike everywhere (no libm).

use super::moves::Move;
use super::pressure::WorkChange;
use super::shares::{HeldChannels, SharedOut, channels_of};
use crate::mapping::observer::MappingObserver;
use crate::random::{SplitMix64, quantiles};

/// Temperatures. A power of two: the factor between them is a repeated square root.
const LEVELS: u32 = 256;
/// The first temperature, as a share of the time of an item.
const HEAT: f32 = 0.001_2;
/// The last temperature is this part of the first.
const COOLED: f32 = 1.0 / 100.0;
/// Most channels of a move that is neither of one channel nor of all.
const SOME: u32 = 8;

/// Channels that go from a core to another, and what comes back.
#[derive(Clone, Copy)]
struct Proposal {
    there: Move,
    back: Option<Move>,
}

/// Proposes `count` moves, drawn by `seed`, which are the observer's steps; `packet_ps` is what an expected packet
/// costs beside the time of cores.
pub fn anneal(
    state: &mut SharedOut,
    (count, seed): (u64, u64),
    packet_ps: f32,
    observer: &dyn MappingObserver,
) {
    let quantiles = quantiles();
    let factor = (0..LEVELS.ilog2()).fold(COOLED, |factor, _| factor.sqrt());
    let mut random = SplitMix64::new(seed);
    let mut temperature = state.pressure.total() * HEAT;
    for level in 0..u64::from(LEVELS) {
        for _ in 0..count / u64::from(LEVELS) {
            let quantile = quantiles[(random.bits() >> 54) as usize] as f32;
            let Some(proposal) = propose(state, &mut random) else { continue };
            let change = rise(state, proposal, packet_ps);
            if change <= 0.0 || change < quantile * temperature {
                let Proposal { there, back } = proposal;
                // What comes back leaves first, so that the core that takes has room.
                let done = match back {
                    Some(back) => state.try_moves(&[back, there]),
                    None => state.try_moves(&[there]),
                };
                if done {
                    state.pressure.accept();
                }
            }
        }
        state.sum_loads();
        temperature *= factor;
        // All of them are told, with the few that the division leaves over.
        observer.advance(count * (level + 1) / u64::from(LEVELS) - count * level / u64::from(LEVELS));
    }
}

/// How much dearer cores and packets become, in ps.
fn rise(state: &mut SharedOut, Proposal { there, back }: Proposal, packet_ps: f32) -> f32 {
    let SharedOut { pressure, shares, of_core, .. } = state;
    let mut packets = 0.0;
    let mut both = |one: Move| {
        let share = &shares[one.share];
        let (had, has) =
            (channels_of(&of_core[one.from], one.share), channels_of(&of_core[one.to], one.share));
        packets += (f32::from(u8::from(has == 0)) - f32::from(u8::from(had == one.channels))) * share.packets;
        let gives = WorkChange::between(&share.work, had, had - one.channels);
        (gives, WorkChange::between(&share.work, has, has + one.channels))
    };
    let (gives, takes) = both(there);
    let change = match back {
        Some(back) => {
            let (gives_back, takes_back) = both(back);
            pressure.change([(there.from, &[gives, takes_back]), (there.to, &[gives_back, takes])])
        }
        None => pressure.change([(there.from, &[gives]), (there.to, &[takes])]),
    };
    change + packets * packet_ps
}

/// A random move; none if the limits of its two cores stand in the way.
fn propose(state: &SharedOut, random: &mut SplitMix64) -> Option<Proposal> {
    let cores = state.of_core.len();
    let from = match random.below(4) {
        0 => state.pressure.busiest(random.unit()),
        _ => random.below(cores),
    };
    let HeldChannels { share, channels: had } = drawn(state, from, random)?;
    let channels = match random.below(4) {
        0 => had,
        1 => 1,
        _ => 1 + random.below_u32(had.min(SOME)),
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
    let there = Move { share, from, to, channels };
    if exchange {
        return exchanged(state, there, had, random);
    }
    let has = state.channels(share, to);
    let more = state.with(&state.used[to], share, has, has + channels);
    let fits = state.fits(&more) && state.joins(share, to, (has, has + channels), None);
    fits.then_some(Proposal { there, back: None })
}

/// A movable tile of a core, and how many channels of it the core has.
fn drawn(state: &SharedOut, core: usize, random: &mut SplitMix64) -> Option<HeldChannels> {
    let own = &state.of_core[core];
    let held = *own.get(random.below(own.len().max(1)))?;
    state.shares[held.share].movable.then_some(held)
}

/// A move with channels of another tile in return: all that the core has, or about as many neurons.
fn exchanged(state: &SharedOut, there: Move, had: u32, random: &mut SplitMix64) -> Option<Proposal> {
    let Move { share, from, to, channels } = there;
    let HeldChannels { share: other, channels: most } = drawn(state, to, random)?;
    if other == share {
        return None;
    }
    let positions = |share: usize| state.shares[share].tile.positions();
    let alike = u64::from(channels) * positions(share) / positions(other);
    let returned = if random.below(2) == 0 { most } else { (alike as u32).clamp(1, most) };
    let (has, held) = (state.channels(share, to), state.channels(other, from));
    let room = state.with(&state.used[to], other, most, most - returned);
    let room = state.with(&room, share, has, has + channels);
    let lighter = state.with(&state.used[from], share, had, had - channels);
    let lighter = state.with(&lighter, other, held, held + returned);
    if !state.fits(&room) || !state.fits(&lighter) {
        return None;
    }
    let leaves = |share: usize, all: bool| all.then_some(share);
    let joins = state.joins(share, to, (has, has + channels), leaves(other, returned == most))
        && state.joins(other, from, (held, held + returned), leaves(share, channels == had));
    let back = Move { share: other, from: to, to: from, channels: returned };
    joins.then_some(Proposal { there, back: Some(back) })
}
