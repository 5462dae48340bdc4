//! How mapping grows with the network: random irregular and convolutional nets of 10^4 neurons and more.
//!
//! `cargo bench --bench growth -- [sparse|conv] [largest exponent, default 5] [--build]`. Prints neurons, synapses,
//! cores,
//! packets if every neuron fires once, seconds and peak memory; every size runs in a process of its own, so that the
//! peaks are their own. With `--build` cores and routes are built too, else the partition is all (its counts are
//! those of the
//! built cores; tests compare them).

use std::process::Command;
use std::time::Instant;

use snnc::report::memory::peak_bytes;
use snnc_compiler::ir::spiking::{
    Bias, Connectivity, Convolution, Kernel, Network, NeuronFormat, NeuronModel, Population, Projection,
    SparseSynapses, SpikingIr, SpikingModel, Window,
};
use snnc_compiler::ir::{AxisMap, ConvMap, NetworkId, PopulationId, Shape};
use snnc_compiler::mapping::build_cores;
use snnc_compiler::mapping::partition::{Rates, search};
use snnc_compiler::mapping::traffic::CoreTraffic;
use snnc_targets::entity::EntityMap;
use snnc_targets::{Target, registry};

/// Layers of every net.
const LAYERS: usize = 8;
/// Synapses of a neuron of an irregular net.
const FAN_OUT: usize = 16;
/// An irregular neuron's targets lie within so many of its own place: nets that are wired at random over everything
/// have no good partition.
const REACH: u64 = 512;

fn main() {
    let arguments: Vec<String> = std::env::args().skip(1).filter(|a| a != "--bench").collect();
    if let [kind, neurons, build] = &arguments[..]
        && build.starts_with("one")
    {
        let neurons = neurons.parse().expect("a number of neurons");
        return one(kind, neurons, build == "one-build");
    }
    let largest: u32 = arguments.iter().find_map(|a| a.parse().ok()).unwrap_or(5);
    let build = if arguments.iter().any(|a| a == "--build") { "one-build" } else { "one" };
    let asked = |kind: &str| arguments.iter().all(|a| a != "sparse" && a != "conv" || a == kind);
    println!(
        "{:<7} {:>10} {:>12} {:>7} {:>12} {:>8} {:>9} {:>8}",
        "net", "neurons", "synapses", "cores", "packets", "map s", "build s", "GiB"
    );
    let this = std::env::current_exe().expect("this program");
    for kind in ["sparse", "conv"].into_iter().filter(|kind| asked(kind)) {
        for neurons in (4..=largest).map(|exponent| 10usize.pow(exponent)) {
            let run = Command::new(&this).args([kind, &neurons.to_string(), build]).status();
            assert!(run.is_ok_and(|status| status.success()), "{kind} {neurons}");
        }
    }
}

/// Makes and maps one net, and prints its line.
fn one(kind: &str, neurons: usize, build: bool) {
    let mut target = registry::load("loihi-like").expect("a built-in target");
    // As many chips as it takes.
    target.topology.chips_max.0 = 1 << 16;
    let ir = if kind == "sparse" { sparse(neurons, &target) } else { conv(neurons, &target) };
    let start = Instant::now();
    let found = match search(&ir, &target, &Rates::default(), Default::default()) {
        Ok(found) => found,
        Err(problems) => return println!("{kind:<7} {neurons:>10} {problems}"),
    };
    let mapped = start.elapsed().as_secs_f64();
    let cores = found.partition.cores.len();
    let mut packets = found.packets;
    let mut built = String::from("-");
    if build {
        let start = Instant::now();
        let ir = ir.reordered(&found.partition.orders);
        let cores = build_cores(
            &ir.with_parts(&found.partition.kernel_parts),
            &found.partition,
            target.axons.atoms_max(),
        );
        packets = CoreTraffic::uniform(&cores).packets() as f64;
        built = format!("{:.2}", start.elapsed().as_secs_f64());
    }
    let all: usize = ir.model.populations.values().map(|p| p.shape.len()).sum();
    let synapses: u64 = ir.projections.values().map(Projection::synapses).sum();
    let gib = peak_bytes() as f64 / f64::from(1u32 << 30);
    println!(
        "{kind:<7} {all:>10} {synapses:>12} {cores:>7} {packets:>12} {mapped:>8.2} {built:>9} {gib:>8.3}"
    );
}

/// SplitMix64.
struct Random(u64);

impl Random {
    fn below(&mut self, n: u64) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        (z ^ (z >> 31)) % n
    }
}

fn empty(target: &Target) -> SpikingIr {
    let network = Network { name: "net".into(), timesteps: 8, pass_steps: 8 + LAYERS as u32 - 1 };
    SpikingIr {
        model: SpikingModel {
            name: "growth".into(),
            neuron: NeuronFormat::new(&target.neuron, 8),
            networks: vec![network].into(),
            populations: EntityMap::new(),
            inputs: Vec::new(),
            readouts: Vec::new(),
            workload: None,
        },
        projections: EntityMap::new(),
    }
}

fn add_layer(ir: &mut SpikingIr, layer: usize, shape: Shape) {
    ir.model.populations.push(Population {
        network: NetworkId(0),
        name: format!("layer{layer}"),
        shape,
        dynamics: NeuronModel::lif(2048, vec![100; shape.channels]),
        input_shift: 6,
        bias: Bias::Zero,
        window: Window { start: layer as u32, steps: 8 },
        order: None,
        rounding: Default::default(),
    });
}

fn join(ir: &mut SpikingIr, layer: usize, connectivity: Connectivity) {
    let (source, target) = (PopulationId(layer as u32 - 1), PopulationId(layer as u32));
    ir.projections.push(Projection { source, target, delay: 1, connectivity });
}

/// Layers of lines in a scrambled order; every neuron reaches [`FAN_OUT`] neurons near its true place.
fn sparse(neurons: usize, target: &Target) -> SpikingIr {
    let mut random = Random(1);
    let width = neurons / LAYERS;
    let mut ir = empty(target);
    let mut places: Vec<u32> = (0..width as u32).collect();
    for layer in 0..LAYERS {
        add_layer(&mut ir, layer, Shape::new(1, 1, width));
        let mut names: Vec<u32> = (0..width as u32).collect();
        (1..width).rev().for_each(|i| names.swap(i, random.below(i as u64 + 1) as usize));
        if layer > 0 {
            let mut lists = SparseSynapses::default();
            let mut row: Vec<(u32, i16)> = Vec::new();
            for &place in &places {
                row.clear();
                while row.len() < FAN_OUT {
                    let near = (u64::from(place) + random.below(REACH.min(width as u64))) % width as u64;
                    let name = names[near as usize];
                    if row.iter().all(|&(other, _)| other != name) {
                        row.push((name, random.below(255) as i16 - 127));
                    }
                }
                row.sort_unstable();
                lists.push_row(row.iter().copied());
            }
            join(&mut ir, layer, Connectivity::Sparse(lists));
        }
        places = snnc_compiler::ir::spiking::sparse::inverse(&names);
    }
    ir
}

/// 3 x 3 convolutions over square maps of 16 channels.
fn conv(neurons: usize, target: &Target) -> SpikingIr {
    const CHANNELS: usize = 16;
    let mut random = Random(2);
    let side = (neurons / LAYERS / CHANNELS).isqrt();
    let shape = Shape::new(CHANNELS, side, side);
    let axis = AxisMap {
        kernel: 3,
        first_tap: 0,
        stride: 1,
        padding: 1,
        dilation: 1,
        transposed: false,
        input: side,
        output: side,
    };
    let mut ir = empty(target);
    for layer in 0..LAYERS {
        add_layer(&mut ir, layer, shape);
        if layer > 0 {
            let weights = (0..CHANNELS * CHANNELS * 9).map(|_| random.below(255) as i16 - 127).collect();
            let kernel = Kernel::dense(CHANNELS, 3, 3, CHANNELS, weights);
            let map = ConvMap { rows: axis, cols: axis };
            join(&mut ir, layer, Connectivity::Conv(Convolution { map, kernel }));
        }
    }
    ir
}
