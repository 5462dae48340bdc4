//! Times of timesteps on `loihi-like-sanafe` beside those of SANA-FE 2.2.9, whose timing model `simple` was run on the
//! same mapped networks (`benches/vs_sana_fe.sh`): a core takes in a message and walks its synapses before it takes in
//! the next, makes the messages of a spike before it updates the next neuron, and a timestep is the longest such sum of
//! a core, and the barrier.

use snnc_compiler::ir::NetworkId;
use snnc_simulator::charge::Meter;
use snnc_simulator::execute::Chip;
use snnc_simulator::time::Fidelity;

#[path = "../benches/sana_fe/networks.rs"]
mod networks;

const STEPS: usize = 200;

/// Microseconds a timestep of `simple`, as SANA-FE printed them (docs/cycle-time.md).
const SIMPLE_US: [(&str, f64); 3] =
    [("feed_forward", 3.779_287), ("recurrent", 1.590_300), ("convolutional", 3.992_456)];

#[test]
fn the_analytic_time_is_that_of_sana_fes_simple_model() {
    for (name, program) in networks::programs(STEPS as u32) {
        let chip = Chip::new(program);
        let outcome = chip.run(NetworkId(0), &[]).unwrap();
        let time = |fidelity| -> u64 {
            let meter = Meter::new(&chip.program, &chip.table, fidelity).unwrap();
            let mut record = meter.record();
            let time = meter.add_pass(&mut record, 0, &outcome.counts, &outcome.traces).unwrap();
            time.steps.iter().take(STEPS).map(|step| step.own_ps()).sum()
        };
        let us = |ps: u64| ps as f64 / STEPS as f64 / 1e6;
        let simple = SIMPLE_US.iter().find(|(of, _)| *of == name).unwrap().1;
        let analytic = us(time(Fidelity::Analytic));
        assert!((analytic - simple).abs() < 1e-6, "{name}: {analytic}, {simple}");
        // The mesh and the ways of packets come on top.
        let cycle = us(time(Fidelity::Cycle { every: 1 }));
        println!("{name}: analytic {analytic:.6}, cycle {cycle:.6}");
        assert!((simple..simple * 1.05).contains(&cycle), "{name}: {cycle}, {simple}");
    }
}
