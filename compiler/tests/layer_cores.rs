//! Chips whose cores take one layer each: what maps. What is refused stands in `files/mapping/layer_cores.test`.

use snnc_compiler::driver::{CompileOptions, map};
use snnc_compiler::ir::channels::ChannelMap;
use snnc_compiler::ir::program::Program;
use snnc_compiler::ir::spiking::{Connectivity, SparseSynapses, SpikingIr};
use snnc_compiler::ir::{CoreId, PopulationId, ProjectionId, Shape};
use snnc_targets::{Code, Site, Subject, Target, registry};

fn target() -> Target {
    registry::load("speck-like").unwrap()
}

/// Integrate-and-fire layers of 4, 6 and 3 channels in the target's formats.
fn network() -> SpikingIr {
    let text = include_str!("files/networks/layers.spiking");
    let ir = SpikingIr::from_text(text, "layers.spiking").unwrap();
    ir.verify().unwrap();
    ir
}

fn mapped(ir: &SpikingIr, target: &Target) -> Program {
    map(ir, target, CompileOptions::default()).unwrap()
}

fn layers(target: &mut Target) -> &mut snnc_targets::layer_cores::LayerCores {
    target.layer_cores.as_mut().unwrap()
}

#[test]
fn each_layer_gets_a_core_that_has_the_memory() {
    let program = mapped(&network(), &target());
    assert_eq!((program.cores.len(), program.chips), (3, 1));
    // The first layer takes core 0, then makes room: "second" needs 4 x 2^(4 + 3) = 512 kernel words, "sum" 10 x
    // 2^(4 + 2) = 640, and only cores 0 and 1 have more than none.
    let mut narrow = target();
    for (i, core) in layers(&mut narrow).cores.0.iter_mut().enumerate() {
        core.kernel_words = [600, 640, 1][i.min(2)];
    }
    let sites = mapped(&network(), &narrow).sites;
    assert_eq!(sites.values().copied().collect::<Vec<_>>(), [Site(2), Site(0), Site(1)]);
}

/// Without a file, as the kernel has 1.2 million weights; and a projection of lists, which needs no synapses here.
#[test]
fn large_kernels_and_lists_are_refused() {
    let refused = |expected: &str, ir: &SpikingIr| {
        let error = map(ir, &target(), CompileOptions::default()).expect_err(expected);
        assert!(error.codes().iter().all(|&code| code == Code::DoesNotFit), "{error}");
        assert!(error.to_string().contains(expected), "expected \"{expected}\" in\n{error}");
        assert!(
            error.0.iter().all(|d| d.hint.is_some() && matches!(d.place.subject(), Subject::Layer { .. })),
            "{error}"
        );
    };
    let mut lists = network();
    lists.projections[ProjectionId(0)].connectivity = Connectivity::Sparse(SparseSynapses::default());
    refused("it is fed by an irregular projection", &lists);
    let mut large = network();
    let first = large.projections[ProjectionId(0)].conv_mut().unwrap();
    first.kernel.channels = ChannelMap::dense(256, 512);
    first.kernel.weights = vec![1; 256 * 9 * 512];
    for (id, channels) in [(PopulationId(0), 256), (PopulationId(1), 512)] {
        large.model.populations[id].shape = Shape::new(channels, 5, 5);
    }
    refused("kernel 256 x 2^(ceil(log2 9) + ceil(log2 512)) = 2097152 (2 Mi) words", &large);
}

#[test]
fn the_verifier_finds_cores_that_are_not_layer_cores() {
    let ir = network();
    let broken = |expected: &str, breaks: &dyn Fn(&mut Program)| {
        let mut program = mapped(&ir, &target());
        breaks(&mut program);
        let error = program.verify_against(&ir).expect_err(expected);
        assert!(error.to_string().contains(expected), "expected \"{expected}\" in\n{error}");
    };
    broken("has less", &|p| {
        let site = p.sites[CoreId(1)].0 as usize;
        layers(&mut p.target).cores.0[site].kernel_words = 16;
    });
    broken("has less", &|p| p.sites[CoreId(1)] = Site(9));
    broken("holds one layer", &|p| {
        let slice = p.cores[CoreId(1)].slices[0].clone();
        p.cores[CoreId(0)].slices.push(slice);
    });
    broken("sends to at most", &|p| layers(&mut p.target).destinations_max.0 = 1);
    broken("takes whole layers", &|p| p.cores[CoreId(2)].slices[0].slice.rows = 0..4);
}

#[test]
fn a_chip_without_timesteps_is_not_simulated() {
    let program = mapped(&network(), &target());
    let error = program.needs_timesteps().unwrap_err();
    assert_eq!(error.code, Code::Unsupported);
    assert!(error.message.contains("no timesteps") && error.hint.is_some());
    let mut other = program;
    other.target.neuron.timesteps.0 = true;
    other.needs_timesteps().unwrap();
}
