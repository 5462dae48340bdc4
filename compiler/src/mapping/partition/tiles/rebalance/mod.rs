//! Evening out filled cores: channels move from busy cores to idle ones, one by one or against others.
//!
//! The search by tiles fills cores one after another; what is left over is uneven. Here every tile of a layer is a
//! share-out of its channels among cores ([`shares`]), and [`moves`] change only how many channels a core has of it,
//! under all limits, exactly counted with what a slice more is to other cores ([`links`]). What falls is the sum over
//! the timesteps of the busiest core, smoothed ([`pressure`]), so that also those nearly as busy count. The search is
//! simulated annealing with so many moves ([`anneal()`]).
//!
//! Networks with groups of channels or irregular populations, and targets that merge or copy neurons, keep their cores:
//! what a channel costs there depends on which it is. So do networks of very many cores.

mod anneal;
mod links;
mod moves;
mod pressure;
mod shares;

use snnc_targets::Target;
use snnc_targets::schema::OutputAxonKind;

use self::anneal::anneal;
use self::shares::SharedOut;
use super::TileSearch;
use super::capacity::CoreCapacity;
use super::filled::FilledCores;
use crate::mapping::effort::Effort;

/// Moves that are proposed for each slice.
fn moves_a_slice(effort: Effort) -> u64 {
    match effort {
        Effort::Fast => 300,
        Effort::Default => 3_000,
        Effort::Best => 20_000,
    }
}

/// Slices that moves are counted for, at most.
const SLICES_MOST: u64 = 400;

/// Most cores that are evened out: a move that is made looks at all of them.
const CORES_MOST: usize = 1_024;

/// Whether channels of a layer cost alike on the target.
fn applies(target: &Target) -> bool {
    let axons = &target.axons;
    target.core.fan_in_merge.is_none()
        && axons.planes() == 1
        && axons.output.get() != OutputAxonKind::NeuronCopies
}

/// Moves that are proposed on at most `cores` cores; none if cores are kept as they are, for these reasons.
pub fn moves(search: &TileSearch, fill: &FilledCores, cores: usize) -> u64 {
    if !applies(search.target) || fill.cores.len() > CORES_MOST.min(cores) {
        return 0;
    }
    let slices = fill.cores.iter().map(|core| core.slices.len() as u64).sum::<u64>();
    moves_a_slice(search.options.effort) * slices.min(SLICES_MOST)
}

/// The same layers on at most `cores` cores, less unevenly busy. Steps of the observer are moves.
pub fn rebalance(search: &TileSearch, fill: &FilledCores, cores: usize) -> Option<FilledCores> {
    let moves = moves(search, fill, cores);
    if moves == 0 {
        return None;
    }
    let most = CORES_MOST.min(cores);
    let capacity = CoreCapacity::new(search.target, search.options.neurons_max);
    let Some(mut state) = SharedOut::new(search, &capacity, fill, most) else {
        search.observer.skip(moves);
        return None;
    };
    anneal(&mut state, moves, search.observer);
    Some(state.filled(fill))
}
