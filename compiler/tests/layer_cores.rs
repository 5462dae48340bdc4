//! Chips whose cores take one layer each: what maps, and one refusal for each rule.

mod common;

use snnc_compiler::driver::{CompileOptions, map};
use snnc_compiler::ir::channels::ChannelMap;
use snnc_compiler::ir::program::Program;
use snnc_compiler::ir::spiking::{Connectivity, NeuronFormat, NeuronModel, SparseSynapses, SpikingIr};
use snnc_compiler::ir::{CoreId, PopulationId, ProjectionId, Shape};
use snnc_targets::{Code, Site, Subject, Target, registry};

fn target() -> Target {
    registry::load("speck-like").unwrap()
}

/// The hand-made network, integrate-and-fire in the target's formats.
fn network() -> SpikingIr {
    let mut ir = common::network();
    ir.model.neuron = NeuronFormat::new(&target().neuron, 8);
    for population in ir.model.populations.values_mut() {
        population.input_shift = 0;
        let neurons = &mut population.dynamics;
        *neurons = match neurons.fires() {
            true => NeuronModel::lif(0, neurons.thresholds().to_vec()),
            false => NeuronModel::integrator(0),
        };
    }
    ir.verify().unwrap();
    ir
}

fn mapped(ir: &SpikingIr, target: &Target) -> Program {
    map(ir, target, CompileOptions::default()).unwrap()
}

/// Changes network and target, and demands a refusal that says so.
fn refused(expected: &str, change: impl FnOnce(&mut SpikingIr, &mut Target)) {
    let (mut ir, mut target) = (network(), target());
    change(&mut ir, &mut target);
    let error = map(&ir, &target, CompileOptions::default()).expect_err(expected);
    assert!(error.codes().iter().all(|&code| code == Code::DoesNotFit), "{error}");
    assert!(error.to_string().contains(expected), "expected \"{expected}\" in\n{error}");
    assert!(
        error.0.iter().all(|d| d.hint.is_some()
            && matches!(d.place.subject(), Subject::Layer { .. } | Subject::Target { .. })),
        "{error}"
    );
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

#[test]
fn layers_without_a_core_are_refused_with_their_words() {
    refused(
        "kernel 10 x 2^(ceil(log2 9) + ceil(log2 3)) = 640 words, a core of speck-like has at most 600",
        |_, t| {
            layers(t).cores.0.iter_mut().for_each(|core| core.kernel_words = 600);
        },
    );
    refused("384 words of neuron memory, a core of speck-like has at most 383", |_, t| {
        layers(t).cores.0.iter_mut().for_each(|core| core.neuron_words = 383);
    });
    refused("no core of speck-like has both", |_, t| {
        for (i, core) in layers(t).cores.0.iter_mut().enumerate() {
            (core.kernel_words, core.neuron_words) = if i < 5 { (16, 65536) } else { (65536, 16) };
        }
    });
    refused("3 layers have only 2 cores", |_, t| {
        for core in &mut layers(t).cores.0[2..] {
            core.neuron_words = 1;
        }
    });
    refused("channels, a layer core has at most 9", |_, t| layers(t).channels_max.0 = 9);
    refused("a kernel of 3, a layer core has at most 2", |_, t| layers(t).kernel_max.0 = 2);
    refused("stride 1, layer cores have [2, 4]", |_, t| layers(t).strides.0 = vec![2, 4]);
    refused("it feeds 2 layers, a layer core sends to at most 1", |_, t| layers(t).destinations_max.0 = 1);
    refused("a transposed convolution", |ir, _| {
        for p in ir.projections.values_mut().filter_map(|p| p.conv_mut()) {
            (p.map.rows.transposed, p.map.cols.transposed) = (true, true);
        }
    });
    refused("kernels of different geometry", |ir, _| {
        ir.projections[ProjectionId(2)].conv_mut().unwrap().map.rows.dilation = 2;
    });
    refused("it is fed by an irregular projection", |ir, _| {
        ir.projections[ProjectionId(0)].connectivity = Connectivity::Sparse(SparseSynapses::default());
    });
}

#[test]
fn a_layer_of_512_channels_needs_2_mi_words() {
    refused("kernel 256 x 2^(ceil(log2 9) + ceil(log2 512)) = 2097152 (2 Mi) words", |ir, _| {
        let first = ir.projections[ProjectionId(0)].conv_mut().unwrap();
        first.kernel.channels = ChannelMap::dense(256, 512);
        first.kernel.weights = vec![1; 256 * 9 * 512];
        for (id, channels) in [(PopulationId(0), 256), (PopulationId(1), 512)] {
            ir.model.populations[id].shape = Shape::new(channels, 5, 5);
        }
    });
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
