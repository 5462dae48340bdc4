//! Pools and sums on the chip: every spike is the float reference's, whatever the mapping.

use crate::folded;
use crate::random::{Random, cases};
use indexmap::IndexMap;
use snnc_compiler::driver::{CompileOptions, compile};
use snnc_compiler::frontend::LoadedModel;
use snnc_compiler::ir::NetworkId;
use snnc_compiler::mapping::partition::search::SearchOptions;
use snnc_compiler::reference::{Interpreter, Map};
use snnc_simulator::execute::{Chip, oracle, plain};
use snnc_targets::registry;

/// Spikes of a network, and cores of each mapping, after chip, both oracles and the float reference agreed.
fn agree(random: &mut Random) -> (u64, Vec<usize>) {
    let (graph, input, _) = folded::network(random);
    let interpreter = Interpreter::new(&graph).unwrap();
    let trace = interpreter.run(&Map::new(interpreter.input_shape(), input.clone())).unwrap();
    let model = LoadedModel {
        name: "folded".into(),
        graphs: IndexMap::from([("net".into(), graph.clone())]),
        origin: Default::default(),
        pipeline: None,
    };
    let target = registry::load("spinnaker2-like").unwrap();
    let (mut fired, mut cores) = (0, Vec::new());
    for neurons_max in [None, Some(96), Some(33)] {
        let search = SearchOptions { neurons_max, ..SearchOptions::default() };
        let options = CompileOptions { search, ..CompileOptions::default() };
        let (ir, program, _) = compile(&model, &target, options).unwrap();
        cores.push(program.cores.len());
        let (chip, network) = (Chip::new(program), NetworkId(0));
        let (outcome, truth) = (chip.run(network, &input).unwrap(), oracle::run(&ir, network, &input));
        fired = 0;
        for (&id, expected) in &truth {
            let population = &ir.model.populations[id];
            assert_eq!(chip.spikes(&outcome, id), expected.spikes, "{}", population.name);
            if population.dynamics.fires() {
                let float = trace.spikes(&population.name).unwrap();
                assert_eq!(expected.spikes, float, "{}", population.name);
                fired += expected.events.spikes;
            }
        }
        for (step, events) in plain::run(&chip, network, &input).events.iter().enumerate() {
            assert_eq!(outcome.counts.steps[step].events, *events);
        }
        let close = |(a, b): (&f64, &f64)| (a - b).abs() < 1e-9;
        assert!(outcome.readouts[0].iter().zip(&trace.output().data).all(close));
    }
    (fired, cores)
}

#[test]
fn the_chip_fires_as_the_float_reference_whatever_the_mapping() {
    let mut fired = 0;
    cases(10, 0, |random| {
        let (spikes, cores) = agree(random);
        fired += spikes;
        assert!(cores[0] < cores[1] && cores[1] < cores[2], "the mappings must differ: {cores:?}");
    });
    assert!(fired > 10_000, "{fired} spikes");
}
