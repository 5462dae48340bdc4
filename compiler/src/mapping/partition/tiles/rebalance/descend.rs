//! The descent: the busiest core gives channels away, or swaps them for lighter ones, as long as that helps.

use super::super::work::CoreLoad;
use super::moves::Move;
use super::shares::SharedOut;
use crate::ir::program::usage::CoreUsage;

/// Busy cores that are tried before the descent ends.
const HOT: usize = 12;
/// Cores with least to do that may take channels of a busy one.
const IDLE: usize = 40;
/// Candidates of a busy core that are tried for real.
const TRIED: usize = 24;
/// A change of the norm (in ps) that is none.
const LEAST: f64 = 1e-3;

/// What a candidate would change.
struct Candidate {
    change: f64,
    moves: Vec<Move>,
    loads: Vec<(usize, CoreLoad)>,
}

/// Relieves the busiest cores, at most `steps` times.
pub fn descend(state: &mut SharedOut, steps: usize) {
    for _ in 0..steps {
        let hot = state.pressure.hottest();
        if !hot.into_iter().take(HOT).any(|core| relieve(state, core)) {
            return;
        }
    }
}

/// Makes the best of the moves that relieve a core; whether there was one.
fn relieve(state: &mut SharedOut, core: usize) -> bool {
    let mut candidates = Vec::new();
    let idle: Vec<usize> = state.pressure.hottest().into_iter().rev().take(IDLE).collect();
    for &share in &state.of_core[core] {
        if state.shares[share].movable {
            for &to in idle.iter().filter(|&&to| to != core) {
                add_candidates(state, (share, core, to), &mut candidates);
            }
        }
    }
    candidates.sort_by(|a, b| a.change.total_cmp(&b.change));
    for Candidate { moves, loads, .. } in candidates.into_iter().take(TRIED) {
        if state.try_moves(&moves) {
            loads.into_iter().for_each(|(core, load)| state.set_load(core, load));
            return true;
        }
    }
    false
}

/// Moves of one tile's channels from a busy core to another one, with channels in return where there is no room.
fn add_candidates(state: &SharedOut, (share, from, to): (usize, usize, usize), found: &mut Vec<Candidate>) {
    let has = state.channels(share, from);
    let mut channels = 1;
    while channels <= has {
        let one = Move { share, from, to, channels };
        match state.takes(share, to, &state.used[to], channels) {
            Some(_) => {
                let left = state.load_with(&state.loads[from], share, from, -i64::from(channels));
                let more = state.load_with(&state.loads[to], share, to, channels.into());
                push(state, vec![one], (from, left), (to, more), found);
            }
            None => {
                swaps(state, one, found);
                // More channels need still more room.
                if channels >= 4 {
                    return;
                }
            }
        }
        channels = if channels == has { has + 1 } else { (channels * 2).min(has) };
    }
}

fn push(
    state: &SharedOut,
    moves: Vec<Move>,
    from: (usize, CoreLoad),
    to: (usize, CoreLoad),
    found: &mut Vec<Candidate>,
) {
    let change = state.pressure.change(&[(from.0, &from.1), (to.0, &to.1)]);
    if change < -LEAST {
        found.push(Candidate { change, moves, loads: vec![from, to] });
    }
}

/// The move with fewest channels of another tile in return that make room for it.
fn swaps(state: &SharedOut, one: Move, found: &mut Vec<Candidate>) {
    let Move { share, from, to, channels } = one;
    for &back in state.of_core[to].iter().filter(|&&back| back != share && state.shares[back].movable) {
        let most = state.channels(back, to);
        let mut returned = 1;
        while returned <= most {
            let room = state.gives(back, to, &state.used[to], returned);
            if takes(state, share, to, &room, channels) {
                let lighter = state.gives(share, from, &state.used[from], channels);
                if takes(state, back, from, &lighter, returned) {
                    let there = Move { share: back, from: to, to: from, channels: returned };
                    let left = state.load_with(&state.loads[from], share, from, -i64::from(channels));
                    let left = state.load_with(&left, back, from, returned.into());
                    let more = state.load_with(&state.loads[to], back, to, -i64::from(returned));
                    let more = state.load_with(&more, share, to, channels.into());
                    push(state, vec![there, one], (from, left), (to, more), found);
                }
                break;
            }
            returned += (returned / 2).max(1);
        }
    }
}

fn takes(state: &SharedOut, share: usize, core: usize, used: &CoreUsage, channels: u32) -> bool {
    state.takes(share, core, used, channels).is_some()
}
