//! A pass counted as one against the same pass counted by timestep.

use std::collections::BTreeMap;

use snnc_compiler::ir::NetworkId;
use snnc_simulator::charge::Meter;
use snnc_simulator::counts::{Events, Grain, MulticastFlow, PassCounts, SliceFlow, StepCounts};
use snnc_simulator::execute::{Chip, PassOutcome};
use snnc_simulator::time::Fidelity;

/// The counts of a pass as one are the sums of its timesteps', and cost the same.
pub fn agree(chip: &Chip, input: &[f64], outcome: &PassOutcome) {
    let whole = chip.start(NetworkId(0), input).unwrap().count(Grain::Pass);
    assert_eq!((&whole.readouts, &whole.traces), (&outcome.readouts, &outcome.traces));
    let mut events = vec![Events::default(); chip.table.len()];
    let (mut flows, mut forked) = (BTreeMap::new(), BTreeMap::new());
    for step in &outcome.counts.steps {
        events.iter_mut().zip(&step.events).for_each(|(sum, &more)| *sum += more);
        step.flows.iter().for_each(|f| *flows.entry((f.source, f.target)).or_insert(0) += f.packets);
        step.multicast_flows.iter().for_each(|flow| *forked.entry(flow.tree).or_insert(0) += flow.spikes);
    }
    let flows = flows.into_iter().map(|((source, target), packets)| SliceFlow { source, target, packets });
    let forked = forked.into_iter().map(|(tree, spikes)| MulticastFlow { tree, spikes });
    let sum = StepCounts { events, flows: flows.collect(), multicast_flows: forked.collect() };
    assert_eq!(whole.counts, PassCounts { steps: vec![sum], ..outcome.counts.clone() });
    let meter = Meter::new(&chip.program, &chip.table, Fidelity::None).unwrap();
    let [one, many] = [&whole, outcome].map(|outcome| {
        let mut record = meter.record();
        meter.add_pass(&mut record, 0, &outcome.counts, &outcome.traces);
        record
    });
    assert_eq!(one, many);
}
