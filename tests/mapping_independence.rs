//! The real networks on different legal mappings: the same spikes, images and synaptic-operation counts as the
//! spiking IR gives without any core.

use crate::common;
use std::sync::Arc;

use snnc::{Outcome, Session, SessionOptions};
use snnc_compiler::driver::{CompileOptions, lower, map};
use snnc_compiler::ir::program::Program;
use snnc_compiler::mapping::effort::Effort;
use snnc_compiler::mapping::partition::search::SearchOptions;
use snnc_compiler::mapping::place::PlaceOptions;
use snnc_simulator::counts::Events;
use snnc_simulator::execute::{Chip, oracle};
use snnc_simulator::time::Fidelity;
use snnc_simulator::workload::Generation;
use snnc_simulator::workload::generation::GeneratedImage;
use snnc_targets::{EnergyEvent, Target, registry};

/// The default mapping, smaller tiles elsewhere, and cores of another size.
fn mappings() -> (snnc_compiler::ir::spiking::SpikingIr, Vec<Arc<Program>>) {
    let target = registry::load("loihi-like").unwrap();
    let ir = lower(&common::model(), &target, Default::default()).unwrap();
    let options = |neurons_max, seed| CompileOptions {
        search: SearchOptions { neurons_max, ..SearchOptions::default() },
        place: PlaceOptions { seed, effort: Effort::Fast },
        ..CompileOptions::default()
    };
    let large = Target { core: larger(&target), ..target.clone() };
    let programs = vec![
        map(&ir, &target, options(None, 0)).unwrap(),
        map(&ir, &target, options(Some(300), 7)).unwrap(),
        map(&ir, &large, options(None, 3)).unwrap(),
    ];
    let programs: Vec<Arc<Program>> = programs.into_iter().map(Arc::new).collect();
    let mut cores: Vec<usize> = programs.iter().map(|p| p.cores.len()).collect();
    cores.sort_unstable();
    cores.dedup();
    assert_eq!(cores.len(), 3, "the mappings must differ: {cores:?}");
    (ir, programs)
}

fn larger(target: &Target) -> snnc_targets::schema::CoreLimits {
    let mut core = target.core.clone();
    core.neurons.0 *= 4;
    core.synapse_memory_bits.0 *= 4;
    core.input_axons.0 *= 2;
    core.output_axons.0 *= 2;
    core
}

#[test]
fn decoder_and_denoiser_do_not_depend_on_the_mapping() {
    let (ir, programs) = mappings();
    let generation = Generation::new(&ir.model, 1, 1).unwrap();
    let positions = generation.parameters.rows * generation.parameters.columns;
    let tokens: Vec<f64> =
        (0..positions).map(|p| (p * 37 % generation.parameters.mask as usize) as f64).collect();
    let planes: Vec<f64> = tokens.iter().copied().chain(vec![21.0; positions]).collect();
    for (network, input) in [(generation.decoder, tokens), (generation.denoiser, planes)] {
        let truth = oracle::run(&ir, network, &input);
        let mut values: Option<Vec<Vec<f64>>> = None;
        for program in &programs {
            let chip = Chip::new(program.clone());
            let outcome = chip.run(network, &input).unwrap();
            for (&population, trace) in &truth {
                assert_eq!(chip.spikes(&outcome, population), trace.spikes, "{population}");
                let mut sum = Events::default();
                for step in &outcome.counts.steps {
                    for (index, events) in step.events.iter().enumerate() {
                        if chip.table.populations[index] == population {
                            sum += *events;
                        }
                    }
                }
                let sum = Events { packets_sent: 0, packets_received: 0, ..sum };
                assert_eq!(sum, trace.events, "{population}");
            }
            let first = values.get_or_insert_with(|| outcome.readouts.clone());
            assert_eq!(*first, outcome.readouts);
        }
        let spikes: u64 = truth.values().map(|t| t.events.spikes).sum();
        assert!(spikes > 10_000, "{spikes} spikes");
    }
}

#[test]
fn images_do_not_depend_on_the_mapping() {
    let (_, programs) = mappings();
    let options = SessionOptions { fidelity: Fidelity::None, ..SessionOptions::default() };
    let image = |program: &Arc<Program>| {
        let generation = Generation::new(&program.model, 11, 1).unwrap();
        Session::new(&program.clone().into(), options).unwrap().run(&generation).unwrap()
    };
    let images: Vec<_> = programs.iter().map(image).collect();
    let operations =
        |g: &Outcome<GeneratedImage>| g.record.items[0].tally().events[EnergyEvent::SynapticOperation];
    for other in &images[1..] {
        assert_eq!(images[0].items, other.items);
        assert_eq!(operations(&images[0]), operations(other));
    }
    let packets: std::collections::BTreeSet<_> =
        images.iter().map(|g| g.record.items[0].tally().events[EnergyEvent::AxonOut]).collect();
    assert_eq!(packets.len(), 3, "other mappings send other packets");
}
