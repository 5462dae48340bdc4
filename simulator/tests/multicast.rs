//! Targets whose routers fork packets: the same spikes and deliveries as with separate packets, each link of a tree
//! crossed once a spike, and tables that are checked.

use crate::common;
use std::collections::BTreeSet;

use crate::common::Random;
use snnc_compiler::driver::{CompileOptions, map};
use snnc_compiler::ir::NetworkId;
use snnc_compiler::ir::program::Program;
use snnc_compiler::ir::program::trees::MulticastTrees;
use snnc_compiler::ir::spiking::SpikingIr;
use snnc_compiler::mapping::effort::Effort;
use snnc_compiler::mapping::partition::Rates;
use snnc_compiler::mapping::report::MappingReport;
use snnc_simulator::charge::Meter;
use snnc_simulator::execute::{Chip, PassOutcome};
use snnc_simulator::time::Fidelity;
use snnc_targets::schema::RoutingScheme;
use snnc_targets::{Code, Target};

fn target(seed: u64, routing: RoutingScheme) -> (Random, Target) {
    let mut random = Random::seeded(seed);
    let mut target = common::target(&mut random, 64);
    target.topology.routing.0 = routing;
    (random, target)
}

fn mapped(seed: u64, routing: RoutingScheme) -> (SpikingIr, Program, Vec<f64>) {
    let (mut random, target) = target(seed, routing);
    let ir = common::network(&mut random, &target);
    let input = common::input(&mut random, &ir);
    let program = map(&ir, &target, options()).unwrap();
    (ir, program, input)
}

fn options() -> CompileOptions {
    let mut options = CompileOptions::fewest_cores();
    options.place.effort = Effort::Fast;
    options
}

/// Hops that the meter counts in a pass.
fn hops(chip: &Chip, outcome: &PassOutcome) -> u64 {
    let meter = Meter::new(&chip.program, &chip.table, Fidelity::Analytic).unwrap();
    let mut record = meter.record();
    meter.add_pass(&mut record, 0, &outcome.counts, &outcome.traces);
    record.tally.total().total().hops()
}

/// Counts by hand, for every spike, the distinct links on its ways to all destinations.
fn hops_by_hand(chip: &Chip, outcome: &PassOutcome) -> u64 {
    let (program, topology) = (&*chip.program, chip.program.topology());
    let mut hops = 0;
    for (index, trace) in outcome.traces.iter().enumerate() {
        let (core, placed) = (chip.table.cores[index], chip.table.slice(program, index));
        for spike in trace.fired.iter().flatten() {
            let routes = placed
                .routes(spike.position)
                .iter()
                .flat_map(|to| topology.path(program.sites[core], program.sites[to.core]));
            hops += routes.collect::<Vec<_>>().iter().map(|(link, _)| link.0).collect::<BTreeSet<_>>().len();
        }
    }
    hops as u64
}

#[test]
fn forking_changes_hops_and_nothing_else() {
    let mut saved = 0;
    for seed in 0..40 {
        let (_, apart, input) = mapped(seed, RoutingScheme::Unicast);
        let (ir, forked, _) = mapped(seed, RoutingScheme::Multicast { table_entries: None });
        assert_eq!(apart.sites, forked.sites);
        let (apart, forked) = (Chip::new(apart), Chip::new(forked));
        let (one, other) =
            (apart.run(NetworkId(0), &input).unwrap(), forked.run(NetworkId(0), &input).unwrap());
        assert_eq!(one.readouts, other.readouts);
        for (one, other) in one.counts.steps.iter().zip(&other.counts.steps) {
            assert_eq!((&one.events, &one.flows), (&other.events, &other.flows));
            assert!(
                one.multicast_flows.is_empty() && other.multicast_flows.is_sorted_by_key(|flow| flow.tree)
            );
        }
        let sent = |outcome: &PassOutcome| -> u64 {
            outcome.counts.steps.iter().flat_map(|step| &step.multicast_flows).map(|flow| flow.spikes).sum()
        };
        let leaving = other.traces.iter().enumerate().flat_map(|(slice, trace)| {
            let placed = forked.table.slice(&forked.program, slice);
            trace.fired.iter().flatten().filter(|spike| !placed.routes(spike.position).is_empty())
        });
        assert_eq!(sent(&other), leaving.count() as u64, "seed {seed}: every spike leaves once");
        let (many, few) = (hops(&apart, &one), hops(&forked, &other));
        assert_eq!(few, hops_by_hand(&forked, &other), "seed {seed}");
        assert!(few <= many, "seed {seed}");
        saved += many - few;
        let report = MappingReport::new(&ir, &forked.program, &Rates::default()).traffic;
        let multicast = report.multicast.expect("the target forks packets");
        assert!(report.hops_bound <= report.hops && report.hops <= multicast.unicast_hops, "seed {seed}");
    }
    assert!(saved > 1000, "some ways are shared: {saved}");
}

#[test]
fn tables_are_checked_to_the_last_entry() {
    let (ir, program, _) = mapped(3, RoutingScheme::Multicast { table_entries: None });
    let most = MulticastTrees::of(&program).unwrap().table_entries().iter().copied().max().unwrap();
    assert!(most > 1);
    let limited = |entries| target(3, RoutingScheme::Multicast { table_entries: Some(entries) }).1;
    map(&ir, &limited(most), options()).unwrap();
    let problems = map(&ir, &limited(most - 1), options()).unwrap_err();
    assert_eq!(problems.codes(), [Code::DoesNotFit]);
    let text = problems.to_string();
    assert!(
        text.contains(&format!("need {most} table entries")) && text.contains("router at column"),
        "{text}"
    );
    // The program read back from its bytes.
    let mut foreign = program;
    foreign.target = limited(most - 1);
    assert_eq!(foreign.verify().unwrap_err().codes(), [Code::ProgramInvalid]);
}

#[test]
fn packets_of_several_flits_are_not_forked_cycle_by_cycle() {
    let (_, mut program, _) = mapped(0, RoutingScheme::Multicast { table_entries: None });
    let table = Chip::new(program.clone()).table.clone();
    let cycle = |program: &Program| Meter::new(program, &table, Fidelity::Cycle { every: 1 });
    cycle(&program).unwrap();
    program.target.network.as_mut().unwrap().flits_per_packet.0 = 2;
    let refused = cycle(&program).unwrap_err();
    assert_eq!(refused.code, Code::Unsupported);
    assert!(refused.message.contains("forks packets of 2 flits"), "{}", refused.message);
}

#[test]
fn a_router_of_more_channels_than_a_word_has_bits_is_refused() {
    let (_, mut program, _) = mapped(0, RoutingScheme::Multicast { table_entries: None });
    let table = Chip::new(program.clone()).table.clone();
    program.target.topology.cores_per_tile.0 = 61;
    program.target.network = None;
    let refused = Meter::new(&program, &table, Fidelity::Cycle { every: 1 }).unwrap_err();
    assert_eq!(refused.code, Code::Unsupported);
    assert!(
        refused.message.contains("65 ports") && refused.message.contains("64 channels"),
        "{}",
        refused.message
    );
}
