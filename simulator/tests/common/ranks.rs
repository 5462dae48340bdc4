//! A pass over ranks against the same pass of one process.

use snnc_compiler::ir::NetworkId;
use snnc_simulator::counts::Grain;
use snnc_simulator::exchange::threads::together;
use snnc_simulator::execute::share::CoreOwners;
use snnc_simulator::execute::{Chip, KernelChoice, PassOutcome};
use snnc_simulator::workload::{ChipDriver, Driver};

/// Cores dealt out to any number of ranks give all of them the read-outs, counts and spikes of one process, by timestep
/// or not, whole or in parts, by rows or by lists. Ranks that have no core are ranks, too.
pub fn agree(chip: &Chip, input: &[f64], whole: &PassOutcome) {
    let network = NetworkId(0);
    let populations: Vec<_> = chip.program.model.populations_of(network).map(|(id, _)| id).collect();
    let as_one = chip.start(network, input).unwrap().count(Grain::Pass);
    for (ranks, rows) in [(1, true), (2, false), (2, true), (4, true)] {
        // Neighbours are on different ranks, so that lines of neurons are cut between them.
        let owners: CoreOwners =
            (0..chip.program.cores.len()).map(|core| (core * 5 + core / 3) % ranks).collect();
        together(ranks, |exchange| {
            let choice = KernelChoice { rows, ..KernelChoice::default() };
            let own = Chip::shared(chip.program.clone(), choice, (&owners, exchange.clone()));
            let found = own.run(network, input).unwrap();
            assert_eq!(found.readouts, whole.readouts, "{ranks} ranks");
            assert!(found.counts == whole.counts, "counts of {ranks} ranks");
            for &population in &populations {
                assert!(own.spikes(&found, population) == chip.spikes(whole, population));
            }
            let found = own.start(network, input).unwrap().count(Grain::Pass);
            assert!(found.counts == as_one.counts, "counts of {ranks} ranks as one");
            let own = own.in_parts(3);
            let mut steps = Vec::new();
            let mut observe = |part: &PassOutcome| steps.extend(part.counts.steps.iter().cloned());
            let readouts = ChipDriver::observed(&own, (Grain::Timestep, &mut observe), |driver| {
                driver.pass(network, input).unwrap()
            });
            assert_eq!(readouts, whole.readouts, "{ranks} ranks in parts");
            assert!(steps == whole.counts.steps, "counts of {ranks} ranks in parts");
        });
    }
}
