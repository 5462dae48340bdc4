//! Layers that the host alone feeds, of every width: their slices have neurons and no synapse, wherever the slices of
//! the cores and the blocks of the execution begin and end.

use std::collections::BTreeSet;

use crate::common::Random;
use crate::mapping_independence::agreement::agree;
use snnc_compiler::driver::{CompileOptions, assemble, map};
use snnc_compiler::ir::channels::ChannelMap;
use snnc_compiler::ir::program::Slice;
use snnc_compiler::ir::spiking::{
    Bias, Connectivity, Convolution, HostInput, HostStage, Kernel, Network, NeuronFormat, NeuronModel,
    Population, Projection, Readout, SpikingIr, SpikingModel, Window,
};
use snnc_compiler::ir::{AxisMap, ConvMap, NetworkId, PopulationId, Shape};
use snnc_compiler::mapping::effort::Effort;
use snnc_compiler::mapping::partition::Partition;
use snnc_compiler::mapping::partition::search::SearchOptions;
use snnc_compiler::mapping::place::{PlaceOptions, place};
use snnc_targets::entity::EntityMap;
use snnc_targets::{Code, Target, registry};

/// Widest layer.
const WIDEST: usize = 4_200;
/// Timesteps of a window.
const STEPS: u32 = 2;

fn pointwise(side: usize) -> ConvMap {
    ConvMap { rows: AxisMap::pointwise(side), cols: AxisMap::pointwise(side) }
}

fn population(ir: &mut SpikingIr, shape: Shape, depth: u32, fires: bool, bias: Bias) -> PopulationId {
    let format = ir.model.neuron;
    let dynamics = match fires {
        true => NeuronModel::lif(0, vec![2; shape.channels]),
        false => NeuronModel::integrator(0),
    };
    ir.model.populations.push(Population {
        network: NetworkId(0),
        name: format!("layer{depth}"),
        shape,
        dynamics,
        input_shift: format.weight_shift,
        bias,
        window: Window { start: depth, steps: STEPS },
        order: None,
        rounding: Default::default(),
    })
}

/// A kernel that joins all channels with all, weights from -1 to 1.
fn join(ir: &mut SpikingIr, source: PopulationId, target: PopulationId) {
    let (from, to) = (ir.model.populations[source].shape, ir.model.populations[target].shape);
    let (inputs, outputs) = (from.channels, to.channels);
    let weights = (0..inputs * outputs).map(|i| (i * 7 % 3) as i16 - 1).collect();
    let kernel = Kernel::dense(inputs, 1, 1, outputs, weights);
    let connectivity = Connectivity::Conv(Convolution { map: pointwise(from.width), kernel });
    ir.projections.push(Projection { source, target, delay: 1, connectivity });
}

/// `channels` neurons a position that the host feeds, two that they feed, a read-out.
fn network(target: &Target, channels: usize, side: usize) -> SpikingIr {
    let network = Network { name: "net".into(), timesteps: STEPS, pass_steps: STEPS + 2 };
    let mut ir = SpikingIr {
        model: SpikingModel {
            name: "wide".into(),
            neuron: NeuronFormat::new(&target.neuron, target.synapses.weight_bits.get()),
            networks: vec![network].into(),
            populations: EntityMap::new(),
            inputs: Vec::new(),
            readouts: Vec::new(),
            workload: None,
        },
        projections: EntityMap::new(),
    };
    let first = population(&mut ir, Shape::new(channels, side, side), 0, true, Bias::Host);
    let second = population(&mut ir, Shape::new(2, side, side), 1, true, Bias::Zero);
    let last = population(&mut ir, Shape::new(1, side, side), 2, false, Bias::Zero);
    join(&mut ir, first, second);
    join(&mut ir, second, last);
    // From half a threshold to one and a half, so that some neurons fire and others do not.
    let stage = HostStage::Conv {
        map: pointwise(side),
        channels: ChannelMap::dense(1, channels),
        outputs: channels,
        weights: (0..channels).map(|c| 0.5 + ((c * 11 + 8) % 17) as f64 / 16.0).collect(),
        bias: vec![0.0; channels],
    };
    let threshold = f64::from(2u32 << ir.model.neuron.threshold_shift);
    ir.model.inputs.push(HostInput {
        population: first,
        input: Shape::new(1, side, side),
        stages: vec![stage],
        scale: vec![threshold; channels],
        neuron: None,
    });
    ir.model.readouts.push(Readout { population: last, scale: vec![1.0], offset: vec![0.0] });
    ir.verify().unwrap();
    ir
}

fn options() -> CompileOptions {
    let search = SearchOptions { effort: Effort::Fast, ..SearchOptions::default() };
    CompileOptions {
        search,
        place: PlaceOptions { seed: 1, effort: Effort::Fast },
        ..CompileOptions::default()
    }
}

/// Whether a network fits; if it does, every executor gives the same for it.
fn fits_and_agrees(target: &Target, channels: usize, side: usize) -> bool {
    let ir = network(target, channels, side);
    match map(&ir, target, options()) {
        Ok(program) => {
            let input: Vec<f64> = (0..side * side).map(|i| 1.0 - i as f64 / 64.0).collect();
            assert!(agree(&ir, &program, &input) > 0, "{} {channels} channels", target.name);
            true
        }
        Err(error) => {
            assert!(error.codes().iter().all(|&code| code == Code::DoesNotFit), "{error}");
            false
        }
    }
}

/// Ends of the slices that the widest layer which fits is cut into.
fn boundaries(target: &Target, side: usize, mut widest: usize) -> BTreeSet<usize> {
    let program = loop {
        match map(&network(target, widest, side), target, options()) {
            Ok(program) => break program,
            Err(_) => widest = widest * 3 / 4,
        }
    };
    let slices = program.cores.values().flat_map(|core| &core.slices).map(|placed| &placed.slice);
    let own = slices.filter(|slice| slice.population == PopulationId(0));
    own.flat_map(|slice| [slice.channels.start as usize, slice.channels.end as usize]).collect()
}

#[test]
fn every_width_runs_on_every_target_that_holds_it() {
    let mut run = 0;
    for name in registry::names() {
        let target = registry::load(name).unwrap();
        for (side, widest) in [(1, WIDEST), (2, 1_100)] {
            let ends = boundaries(&target, side, widest);
            // Vector lines of 64 lanes and blocks of 8 lines are boundaries of the execution.
            let steps = [1, 2, 63, 64, 65, 511, 512, 513, 1023, 1024, 1025, widest];
            let near = ends.iter().flat_map(|&end| [end.saturating_sub(1).max(1), end.max(1), end + 1]);
            let widths: BTreeSet<usize> = near.chain(steps).collect();
            let fitting = widths.iter().filter(|&&width| fits_and_agrees(&target, width, side)).count();
            assert!(fitting >= 3, "{name}: {fitting} of {} widths", widths.len());
            run += fitting;
        }
    }
    assert!(run > 120, "{run} widths");
}

/// Cuts `0..length` into up to `most` ranges.
fn cuts(random: &mut Random, length: usize, most: usize) -> Vec<std::ops::Range<u32>> {
    let mut ends: BTreeSet<u32> =
        (0..random.between(0, most - 1)).map(|_| random.between(1, length) as u32).collect();
    ends.insert(length as u32);
    let mut start = 0;
    ends.into_iter().map(|end| std::mem::replace(&mut start, end)..end).collect()
}

/// Random boxes of every population on a few cores.
fn boxes(random: &mut Random, ir: &SpikingIr) -> Partition {
    let mut cores = vec![Vec::new(); random.between(1, 4)];
    for (population, p) in ir.model.populations.iter() {
        for rows in cuts(random, p.shape.height, 2) {
            for channels in cuts(random, p.shape.channels, 5) {
                let core = random.between(0, cores.len() - 1);
                let cols = 0..p.shape.width as u32;
                cores[core].push(Slice { population, channels, rows: rows.clone(), cols });
            }
        }
    }
    cores.retain(|core| !core.is_empty());
    Partition { cores: cores.into(), ..Partition::default() }
}

#[test]
fn every_width_runs_in_anybodys_boxes() {
    let mut target = registry::load("loihi-like").unwrap();
    (target.core.neurons.0, target.core.threshold_profiles) = (1 << 20, None);
    (target.core.input_axons.0, target.core.output_axons.0) = (1 << 20, 1 << 20);
    target.core.synapse_memory_bits.0 = 1 << 40;
    // An axon tells as many channels apart as there are.
    target.axons.atoms_max = None;
    let mut wide = 0;
    for seed in 0..40 {
        let mut random = Random::seeded(seed);
        let side = random.between(1, 2);
        let ir = network(&target, random.between(1, WIDEST / side), side);
        let partition = boxes(&mut random, &ir);
        let placed = |traffic: &_| {
            let options = PlaceOptions { seed, effort: Effort::Fast };
            Ok(place(partition.cores.len(), traffic, &target, options)?)
        };
        let program = assemble(&ir, &target, &partition, placed).unwrap();
        agree(&ir, &program, &vec![1.0; side * side]);
        let slices = program.cores.values().flat_map(|core| &core.slices);
        wide += slices.filter(|placed| placed.slice.atoms() > 512).count();
    }
    assert!(wide > 30, "{wide} slices of more than one block");
}
