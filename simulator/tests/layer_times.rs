//! Whose work timesteps wait for, worked out from the spikes and the memories of cores, packet by packet: random
//! networks with skips and delays, where packets are integrated in other timesteps than the next.

use std::collections::BTreeMap;

use crate::common::{timing, zeros};
use snnc_compiler::ir::program::Program;
use snnc_compiler::ir::{NetworkId, PopulationId};
use snnc_simulator::execute::{Chip, PassOutcome};
use snnc_simulator::time::{Fidelity, PassTime};
use snnc_targets::schema::{CorePath, Provenance, RoutingScheme, Sourced};

/// Units of cores; links and deliveries are taken from the time as it was given.
const UNITS: usize = 4;

/// Busy picoseconds by core, unit and population.
type Busy = Vec<[BTreeMap<PopulationId, u64>; UNITS]>;

/// What each unit of each core does for each population in a timestep.
fn busy(program: &Program, outcome: &PassOutcome, step: usize) -> Busy {
    let t = program.target.timing();
    let mut busy: Busy = vec![Default::default(); program.cores.len()];
    let (receiving, sending) = (t.receive_path == CorePath::Serial, t.send_path == CorePath::Serial);
    let placed = program.cores.iter().flat_map(|(core, of)| of.slices.iter().map(move |slice| (core, slice)));
    for (number, (core, placed)) in placed.enumerate() {
        let population = placed.slice.population;
        let events = outcome.counts.steps[step].events[number];
        let mut add = |core: usize, unit: usize, population, ps: u64| {
            *busy[core][unit].entry(population).or_default() += ps;
        };
        let updates = events.updates_active * t.neuron_update_active.interval_ps
            + events.updates_inactive * t.neuron_update_inactive.interval_ps
            + events.spikes * t.neuron_spike.interval_ps;
        // Spikes from outside are nobody's neurons.
        let port = program.is_port(core);
        if !port {
            add(core.0 as usize, 1, population, updates);
        }
        let start = program.model.populations[population].window.start as usize;
        let Some(fired) = step.checked_sub(start).and_then(|at| outcome.traces[number].fired.get(at)) else {
            continue;
        };
        for spike in fired {
            let routes = &placed.route_starts[spike.position as usize..];
            for to in &placed.destinations[routes[0] as usize..routes[1] as usize] {
                let (made, unit) = match (port, sending) {
                    (true, _) => (t.input_packet.interval_ps, 3),
                    (false, true) => (t.axon_out.interval_ps, 1),
                    (false, false) => (t.axon_out.interval_ps, 3),
                };
                add(core.0 as usize, unit, population, made);
                let reader = &program.cores[to.core];
                let axon = &reader.axons[to.axon as usize];
                let source = axon.first_atom + spike.atom;
                for (first, entry) in reader.entries(axon).iter().enumerate() {
                    let list = &reader.lists[entry.list as usize];
                    let target = reader.slices[list.slice as usize].slice.population;
                    if first == 0 {
                        add(to.core.0 as usize, if receiving { 0 } else { 2 }, target, t.axon_in.interval_ps);
                    }
                    assert!((list.first_atom..list.first_atom + list.atoms).contains(&source));
                    let met = zeros::met(reader, list, source, program.target.skips_zeros());
                    add(to.core.0 as usize, 0, target, met * t.synaptic_operation.interval_ps);
                }
            }
        }
    }
    busy
}

/// Binding picoseconds and timesteps by population, and of the network.
fn bound(program: &Program, outcome: &PassOutcome, time: &PassTime) -> (Vec<(u128, u64)>, u128, usize) {
    let mut layers = vec![(0, 0); program.model.populations.len()];
    let (mut network, mut shared) = (0, 0);
    for (step, timed) in time.steps.iter().enumerate() {
        let busy = busy(program, outcome, step);
        let of = |core: &[BTreeMap<PopulationId, u64>; UNITS], unit: usize| core[unit].values().sum::<u64>();
        let longest = |unit| busy.iter().map(|core| of(core, unit)).max().unwrap_or(0);
        for unit in 0..UNITS {
            assert_eq!(longest(unit), timed.busy_ps[unit], "unit {unit} of timestep {step}");
        }
        let most = timed.busiest_ps();
        if most == 0 {
            continue;
        }
        let Some(unit) = (0..UNITS).find(|&unit| longest(unit) == most) else {
            network += u128::from(most);
            continue;
        };
        let core = busy.iter().find(|core| of(core, unit) == most).unwrap();
        let greatest = core[unit].values().max().unwrap();
        let first = core[unit].iter().find(|(_, ps)| *ps == greatest).unwrap().0;
        layers[first.0 as usize].1 += 1;
        shared += usize::from(core[unit].values().filter(|&&ps| ps > 0).count() > 1);
        core[unit].iter().for_each(|(population, &ps)| layers[population.0 as usize].0 += u128::from(ps));
    }
    (layers, network, shared)
}

#[test]
fn layers_have_the_time_of_their_own_packets_and_neurons() {
    let (mut delayed, mut shared, mut by_network) = (0, 0, 0);
    for seed in 0..60 {
        let (program, input) = timing::program(seed, |random, target| {
            target.topology.routing.0 = RoutingScheme::Unicast;
            if seed % 3 == 0 {
                zeros::skip(target, 4);
            }
            if random.one_in(2) {
                let said = Some(Sourced(CorePath::Serial, Provenance::Assumed("a test".into())));
                (target.timing.receive_path, target.timing.send_path) = (said.clone(), said);
            }
        });
        let chip = Chip::new(program);
        let outcome = chip.run(NetworkId(0), &input).unwrap();
        let (time, record) = timing::timed(&chip, &outcome, Fidelity::Analytic);
        let (layers, network, split) = bound(&chip.program, &outcome, &time);
        let found = &time.layers[0];
        let found_layers: Vec<_> = found.layers.iter().map(|layer| (layer.ps, layer.timesteps)).collect();
        assert_eq!((found_layers, found.network.ps), (layers, network), "seed {seed}");
        assert_eq!(record.layers, time.layers);
        let late = chip.program.cores.values().flat_map(|core| &core.axons).any(|axon| axon.delay > 1);
        delayed += usize::from(late);
        shared += split;
        by_network += usize::from(network > 0);
    }
    assert!(delayed > 5 && shared > 20 && by_network > 5, "{delayed} {shared} {by_network}");
}
