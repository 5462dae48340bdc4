//! Evening out filled cores: channels move from busy cores to idle ones, one by one or against others.
//!
//! The search by tiles fills cores one after another; what is left over is uneven. Here every tile of a layer is a
//! share-out of its channels among cores ([`shares`]), and [`moves`] change only how many channels a core has of it, under
//! all limits, exactly counted. What falls is the sum over the timesteps of the busiest core, smoothed ([`pressure`]),
//! so that also those nearly as busy count. The busiest core is relieved until no move helps or the budget of
//! steps is used up ([`descend()`]).
//!
//! Networks with groups of channels or irregular populations, and targets that merge or copy neurons, keep their cores:
//! what a channel costs there depends on which it is. So do networks of very many cores.

mod descend;
mod moves;
mod pressure;
mod shares;

use snnc_targets::Target;
use snnc_targets::schema::OutputAxonKind;

use self::descend::descend;
use self::shares::SharedOut;
use super::TileSearch;
use super::capacity::CoreCapacity;
use super::filled::FilledCores;
use crate::mapping::effort::Effort;

/// Steps of the descent.
fn steps(effort: Effort) -> usize {
    match effort {
        Effort::Fast => 100,
        Effort::Default => 2_000,
        Effort::Best => 6_000,
    }
}

/// Most cores that are evened out: a step looks at all of them.
const CORES_MOST: usize = 1_024;

/// Whether channels of a layer cost alike on the target.
fn applies(target: &Target) -> bool {
    let axons = &target.axons;
    target.core.fan_in_merge.is_none()
        && axons.planes() == 1
        && axons.output.get() != OutputAxonKind::NeuronCopies
}

/// The same layers on at most `cores` cores, less unevenly busy.
pub fn rebalance(search: &TileSearch, fill: &FilledCores, cores: usize) -> Option<FilledCores> {
    let most = CORES_MOST.min(cores);
    if !applies(search.target) || fill.cores.len() > most {
        return None;
    }
    let capacity = CoreCapacity::new(search.target, search.options.neurons_max);
    let mut state = SharedOut::new(search, &capacity, fill, most)?;
    // A step looks at every core.
    descend(&mut state, steps(search.options.effort) * 128 / most.max(128));
    Some(state.filled(fill))
}
