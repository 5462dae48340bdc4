//! A pass in parts against the same pass as a whole.

use snnc_compiler::ir::NetworkId;
use snnc_compiler::ir::spiking::SpikingIr;
use snnc_simulator::charge::Meter;
use snnc_simulator::counts::Grain;
use snnc_simulator::execute::{Chip, PassOutcome};
use snnc_simulator::time::Fidelity;
use snnc_simulator::workload::{ChipDriver, Driver};

/// Parts of any length give the read-outs, counts, spikes, times and energies of the whole pass. How many parts there
/// were.
pub fn agree(chip: &Chip, input: &[f64], whole: &PassOutcome) -> usize {
    let meter = Meter::new(&chip.program, &chip.table, Fidelity::Analytic).unwrap();
    let mut expected = meter.record();
    meter.add_pass(&mut expected, 0, &whole.counts, &whole.traces);
    let populations: Vec<_> =
        chip.program.model.populations_of(NetworkId(0)).map(|(population, _)| population).collect();
    let mut parts = 0;
    for steps in 1..4 {
        let chip = Chip::new(chip.program.clone()).in_parts(steps);
        let (mut record, mut rows, mut seen) = (meter.record(), Vec::new(), 0);
        let mut spikes = vec![Vec::new(); populations.len()];
        let mut words = [0; 2];
        let mut observe = |part: &PassOutcome| {
            meter.add_pass(&mut record, 0, &part.counts, &part.traces);
            assert_eq!(part.counts.start, rows.len());
            rows.extend(part.counts.steps.iter().cloned());
            for (spikes, &population) in spikes.iter_mut().zip(&populations) {
                spikes.extend(chip.spikes(part, population));
            }
            words[0] += part.counts.host_writes.iter().sum::<u64>();
            words[1] += part.counts.host_reads.iter().sum::<u64>();
            seen += 1;
        };
        let readouts = ChipDriver::observed(&chip, (Grain::Timestep, &mut observe), |driver| {
            driver.pass(NetworkId(0), input).unwrap()
        });
        assert_eq!(readouts, whole.readouts);
        assert_eq!(rows, whole.counts.steps, "parts of {steps} timesteps");
        assert_eq!(
            words,
            [&whole.counts.host_writes, &whole.counts.host_reads].map(|w| w.iter().sum::<u64>())
        );
        let of_whole: Vec<_> = populations.iter().map(|&population| chip.spikes(whole, population)).collect();
        assert!(spikes == of_whole);
        assert_eq!(record, expected);
        assert_eq!(seen, chip.parts(NetworkId(0)).len());
        parts += seen;
        let (mut record, mut seen) = (meter.record(), 0);
        let mut observe = |part: &PassOutcome| {
            let none = Meter::new(&chip.program, &chip.table, Fidelity::None).unwrap();
            none.add_pass(&mut record, 0, &part.counts, &part.traces);
            seen += 1;
        };
        ChipDriver::observed(&chip, (Grain::Pass, &mut observe), |driver| driver.pass(NetworkId(0), input))
            .unwrap();
        assert_eq!(record.tally.total().slices, expected.tally.total().slices);
    }
    parts
}

/// The same network for more timesteps.
pub fn longer(mut ir: SpikingIr, by: u32) -> SpikingIr {
    for network in ir.model.networks.values_mut() {
        network.timesteps += by;
        network.pass_steps += by;
    }
    ir.model.populations.values_mut().for_each(|population| population.window.steps += by);
    ir.verify().unwrap();
    ir
}
