//! Passes in parts: feed-forward and recurrent networks of every neuron model, cut where they can be.

use snnc_compiler::driver::{CompileOptions, map};
use snnc_compiler::ir::NetworkId;
use snnc_compiler::mapping::effort::Effort;
use snnc_compiler::mapping::place::PlaceOptions;
use snnc_simulator::execute::Chip;

use super::common::random::cases;
use super::common::{self, parts};

#[test]
fn parts_of_any_length_are_the_whole_pass() {
    let (mut fired, mut cut, mut forward) = (0, 0, 0);
    cases(24, 0, |random| {
        let target = common::target(random, 1024);
        let mut target = common::with_all_models(random, target);
        target.core.neurons.0 = random.between(60, 300) as u32;
        target.core.threshold_profiles = None;
        let recurrent = random.one_in(2);
        let ir = if recurrent {
            let irregular = random.one_in(2);
            common::recurrent_network(random, &target, irregular)
        } else {
            common::network(random, &target)
        };
        let ir = parts::longer(common::with_other_neurons(random, &target, ir), 16);
        let input = common::input(random, &ir);
        let place = PlaceOptions { seed: 1, effort: Effort::Fast };
        let program = map(&ir, &target, CompileOptions { place, ..CompileOptions::default() }).unwrap();
        for threads in [1, 2] {
            let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
            pool.install(|| {
                let chip = Chip::new(program.clone());
                let whole = chip.run(NetworkId(0), &input).unwrap();
                cut += parts::agree(&chip, &input, &whole);
                fired +=
                    whole.counts.steps.iter().flat_map(|step| &step.events).map(|e| e.spikes).sum::<u64>();
                forward += u64::from(!recurrent);
            });
        }
    });
    assert!(cut > 500 && fired > 5_000 && forward > 0, "{cut} parts, {fired} spikes, {forward} feed-forward");
}
