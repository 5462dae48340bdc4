//! Mappings for time: no core keeps a timestep waiting, within the cores that may be used.

use crate::common::{network, target};
use snnc_compiler::driver::{CompileOptions, MappingInputs, map_estimated};
use snnc_compiler::mapping::partition::search::{Objective, SearchOptions};
use snnc_targets::{Code, Target};

/// A target whose synapses are so slow that barriers do not count.
fn slow() -> Target {
    let mut target = target();
    target.timing.synaptic_operation.interval_ns.0 = 1e5;
    target
}

fn options(objective: Objective, cores: Option<u32>) -> CompileOptions {
    let search = SearchOptions { objective, cores_max: cores, ..SearchOptions::default() };
    CompileOptions { search, ..CompileOptions::default() }
}

/// Cores in use and expected time, and the least that any mapping takes.
fn mapped(target: &Target, options: CompileOptions) -> (usize, f64, f64) {
    let (program, estimate) = map_estimated(&network(), target, options, &MappingInputs::default()).unwrap();
    let estimate = estimate.unwrap();
    (program.chip_cores().count(), estimate.time_s, estimate.time_least_s)
}

#[test]
fn more_cores_take_less_time_and_no_more_are_used_than_may_be() {
    let target = slow();
    let (fewest, slowest, _) = mapped(&target, options(Objective::Cores, None));
    assert_eq!(fewest, 1);
    for cores in [1, 2, 3, 5, 9] {
        let (used, time, least) = mapped(&target, options(Objective::Time, Some(cores)));
        assert!(used <= cores as usize, "{used} of {cores}");
        assert!(time >= least && time <= slowest * 1.000_001, "{cores} cores: {time}, {least}, {slowest}");
        // 6 and 3 channels of 25 positions are shared out nearly evenly.
        assert!(time <= 1.5 * least, "{cores} cores: {time}, at least {least}");
    }
}

#[test]
fn a_network_that_waits_for_barriers_alone_stays_on_few_tiles() {
    let mut target = target();
    target.timing.synaptic_operation.interval_ns.0 = 0.001;
    target.timing.neuron_update_active.interval_ns.0 = 0.001;
    let (used, ..) = mapped(&target, options(Objective::Time, None));
    assert!(used <= target.topology.cores_per_tile.get() as usize, "{used} cores");
}

#[test]
fn too_few_cores_and_too_many_chips_are_refused() {
    let mut small = target();
    small.core.neurons.0 = 100;
    let refused =
        |options| map_estimated(&network(), &small, options, &MappingInputs::default()).unwrap_err();
    for objective in Objective::ALL {
        // 325 neurons.
        let error = refused(options(objective, Some(3)));
        assert_eq!(error.codes(), [Code::DoesNotFit], "{objective:?}: {error}");
        assert!(error.to_string().contains("3 may be used"), "{error}");
    }
    let mut options = options(Objective::Time, None);
    options.search.chips = Some(1 << 20);
    assert_eq!(refused(options).codes(), [Code::Argument]);
}

#[test]
fn every_objective_is_best_at_what_it_makes_small() {
    let target = slow();
    let estimate = |objective| {
        let options = options(objective, Some(6));
        map_estimated(&network(), &target, options, &MappingInputs::default()).unwrap().1.unwrap()
    };
    let [time, energy, edp, cores] =
        [Objective::Time, Objective::Energy, Objective::Edp, Objective::Cores].map(estimate);
    assert!(time.time_s <= cores.time_s * 1.000_001);
    assert!(energy.energy_j <= cores.energy_j * 1.000_001);
    assert!(edp.edp_js() <= cores.edp_js() * 1.000_001);
}
