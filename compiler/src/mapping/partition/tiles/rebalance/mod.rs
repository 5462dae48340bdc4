//! Evening out filled cores: channels move from busy cores to idle ones, one by one or against others.
//!
//! The search by tiles fills cores one after another; what is left over is uneven. Here every tile of a layer is a
//! share-out of its channels among cores ([`shares`]), and [`moves`](mod@moves) change only how many channels a core
//! has of it, under all limits, exactly counted with what a slice more is to other cores ([`links`]). What falls is the
//! sum over the timesteps of the busiest core, smoothed ([`pressure`]), so that also those nearly as busy count. The
//! search is simulated annealing with so many moves ([`anneal()`]). Of several fills, each is annealed a little and the
//! best goes on, with several seeds; threads cannot change which is the best.
//!
//! Networks with groups of channels or irregular populations, and targets that merge or copy neurons, keep their cores:
//! what a channel costs there depends on which it is. So do networks of very many cores.

mod anneal;
mod links;
mod moves;
mod pressure;
mod profiles;
mod shares;

use std::sync::Arc;

use rayon::prelude::*;
use snnc_targets::Target;
use snnc_targets::schema::OutputAxonKind;

use self::anneal::anneal;
use self::shares::SharedOut;
use super::TileSearch;
use super::capacity::CoreCapacity;
use super::filled::FilledCores;
use crate::mapping::effort::Effort;

/// Moves that are proposed for each slice in a run.
fn moves_a_slice(effort: Effort) -> u64 {
    match effort {
        Effort::Fast => 500,
        Effort::Default => 2_000,
        Effort::Best => 10_000,
    }
}

/// Runs, which differ by their seed; the best counts. They end some percent apart, which twice the moves do not make
/// good.
fn runs(effort: Effort) -> u64 {
    match effort {
        Effort::Fast => 1,
        Effort::Default => 4,
        Effort::Best => 16,
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

/// The part of the moves of a run that each of several fills gets before the best goes on.
const TRIED: u64 = 4;

/// Moves of a run that starts with these cores.
fn run_moves(search: &TileSearch, fill: &FilledCores) -> u64 {
    let slices = fill.cores.iter().map(|core| core.slices.len() as u64).sum::<u64>();
    moves_a_slice(search.options.effort) * slices.min(SLICES_MOST)
}

/// The fills that fit `cores` cores, if their cores can be evened out at all.
fn fitting<'f>(search: &TileSearch, fills: &'f [Arc<FilledCores>], cores: usize) -> Vec<&'f FilledCores> {
    let most = if applies(search.target) { CORES_MOST.min(cores) } else { 0 };
    fills.iter().map(|fill| &**fill).filter(|fill| fill.cores.len() <= most).collect()
}

/// Moves that each of some fills gets before the best goes on.
fn first_moves(search: &TileSearch, fill: &FilledCores, fills: usize) -> u64 {
    if fills > 1 { run_moves(search, fill) / TRIED } else { 0 }
}

/// Moves that [`rebalance`] proposes at most.
pub fn moves(search: &TileSearch, fills: &[Arc<FilledCores>], cores: usize) -> u64 {
    let fills = fitting(search, fills, cores);
    let first: u64 = fills.iter().map(|fill| first_moves(search, fill, fills.len())).sum();
    let longest = fills.iter().map(|fill| run_moves(search, fill)).max().unwrap_or(0);
    first + runs(search.options.effort) * longest
}

/// The layers of one of these fills on at most `cores` cores, less unevenly busy: of the fill that is the best after a
/// part of the moves. Steps of the observer are moves.
pub fn rebalance(search: &TileSearch, fills: &[Arc<FilledCores>], cores: usize) -> Option<FilledCores> {
    let expected = moves(search, fills, cores);
    let fills = fitting(search, fills, cores);
    let observer = search.observer;
    let capacity = CoreCapacity::new(search.target, search.options.neurons_max);
    let packet_ps = links::packet_ps(search.target, cores) as f32;
    let tried = fills.par_iter().filter_map(|&fill| {
        let mut state = SharedOut::new(search, &capacity, fill, CORES_MOST.min(cores))?;
        let count = first_moves(search, fill, fills.len());
        if count > 0 {
            anneal(&mut state, (count, 0), packet_ps, observer);
        }
        Some((state, fill, count))
    });
    let tried: Vec<_> = tried.collect();
    let first: u64 = tried.iter().map(|(.., count)| count).sum();
    let Some((start, fill, _)) = least(tried, |(state, ..)| state.cost(packet_ps)) else {
        observer.skip(expected);
        return None;
    };
    let (runs, each) = (runs(search.options.effort), run_moves(search, fill));
    observer.skip(expected - first - runs * each);
    let runs = (1..=runs).into_par_iter().map(|seed| {
        let mut state = start.clone();
        anneal(&mut state, (each, seed), packet_ps, observer);
        state
    });
    least(runs.collect(), |state| state.cost(packet_ps)).map(|state| state.filled(fill))
}

/// The first of those of least cost.
fn least<T>(all: Vec<T>, cost: impl Fn(&T) -> f64) -> Option<T> {
    let keyed = all.into_iter().map(|one| (cost(&one), one));
    keyed.min_by(|a, b| a.0.total_cmp(&b.0)).map(|(_, one)| one)
}
