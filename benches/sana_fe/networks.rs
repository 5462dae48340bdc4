//! The networks of `benches/vs_sana_fe.sh`, also held by `tests/sana_fe_time.rs`. All populations run in all timesteps,
//! as SANA-FE has it, and each sends through one projection. Biases keep all neurons active, so that both sides charge
//! the same updates.

use snnc_compiler::driver::{CompileOptions, map};
use snnc_compiler::ir::channels::ChannelMap;
use snnc_compiler::ir::program::Program;
use snnc_compiler::ir::spiking::{
    Bias, Connectivity, Convolution, Kernel, Network, NeuronFormat, NeuronModel, Population, Projection,
    SparseSynapses, SpikingIr, SpikingModel, Window,
};
use snnc_compiler::ir::{AxisMap, ConvMap, NetworkId, PopulationId, Shape};
use snnc_compiler::mapping::partition::search::SearchOptions;
use snnc_targets::entity::EntityMap;
use snnc_targets::{Target, registry};

/// Neurons of a core, so that even small networks are spread.
const CORE: u32 = 48;

/// Name and program of each, of so many timesteps.
pub fn programs(steps: u32) -> Vec<(&'static str, Program)> {
    let mut target = registry::load("loihi-like-sanafe").expect("a built-in target");
    target.core.neurons.0 = CORE;
    let networks = [
        ("feed_forward", feed_forward(&target, steps)),
        ("recurrent", recurrent(&target, steps)),
        ("convolutional", convolutional(&target, steps)),
    ];
    let mapped = |(name, ir): (&'static str, SpikingIr)| {
        ir.verify().expect("a valid network");
        let search = SearchOptions::default();
        let options = CompileOptions { search, ..CompileOptions::default() };
        (name, map(&ir, &target, options).expect("it fits"))
    };
    networks.into_iter().map(mapped).collect()
}

/// Numbers that look random (splitmix64).
struct Draw(u64);

impl Draw {
    fn below(&mut self, n: u64) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        (z ^ (z >> 31)) % n
    }

    fn weight(&mut self, least: i64, most: i64) -> i16 {
        (least + self.below((most - least + 1) as u64) as i64) as i16
    }
}

fn empty(target: &Target, steps: u32) -> SpikingIr {
    SpikingIr {
        model: SpikingModel {
            name: "peer".into(),
            neuron: NeuronFormat::new(&target.neuron, target.synapses.weight_bits.get()),
            // The last spikes arrive a timestep after the windows.
            networks: vec![Network { name: "net".into(), timesteps: steps, pass_steps: steps + 1 }].into(),
            populations: EntityMap::new(),
            inputs: Vec::new(),
            readouts: Vec::new(),
            workload: None,
        },
        projections: EntityMap::new(),
    }
}

/// Neurons with biases of their own, none of them 0, of about `drive` a timestep.
fn population(ir: &mut SpikingIr, draw: &mut Draw, shape: Shape, decay: u32, drive: u64) -> PopulationId {
    let biases = (0..shape.len()).map(|_| 1 + draw.below(2 * drive) as i32).collect();
    let steps = ir.model.networks[NetworkId(0)].timesteps;
    ir.model.populations.push(Population {
        network: NetworkId(0),
        name: format!("layer{}", ir.model.populations.len()),
        shape,
        dynamics: NeuronModel::lif(decay, vec![200; shape.channels]),
        input_shift: 6,
        bias: Bias::Neuron(biases),
        window: Window { start: 0, steps },
        order: None,
        rounding: Default::default(),
    })
}

/// Joins one of `sparsity` pairs of neurons.
fn join(
    ir: &mut SpikingIr,
    draw: &mut Draw,
    [source, target]: [PopulationId; 2],
    sparsity: u64,
    range: (i64, i64),
) {
    let [from, to] = [source, target].map(|id| ir.model.populations[id].shape.len());
    let mut synapses = SparseSynapses::default();
    for _ in 0..from {
        let joined: Vec<u32> = (0..to as u32).filter(|_| draw.below(sparsity) == 0).collect();
        synapses.push_row(joined.into_iter().map(|target| (target, draw.weight(range.0, range.1))));
    }
    let connectivity = Connectivity::Sparse(synapses);
    ir.projections.push(Projection { source, target, delay: 1, connectivity });
}

fn feed_forward(target: &Target, steps: u32) -> SpikingIr {
    let (mut ir, mut draw) = (empty(target, steps), Draw(1));
    let line = |n| Shape::new(1, 1, n);
    let first = population(&mut ir, &mut draw, line(200), 410, 2_000);
    let second = population(&mut ir, &mut draw, line(150), 1_024, 200);
    let third = population(&mut ir, &mut draw, line(60), 0, 20);
    join(&mut ir, &mut draw, [first, second], 4, (-30, 60));
    join(&mut ir, &mut draw, [second, third], 3, (-40, 60));
    ir
}

fn recurrent(target: &Target, steps: u32) -> SpikingIr {
    let (mut ir, mut draw) = (empty(target, steps), Draw(2));
    let only = population(&mut ir, &mut draw, Shape::new(1, 1, 240), 700, 2_000);
    join(&mut ir, &mut draw, [only, only], 5, (-90, 40));
    ir
}

fn convolutional(target: &Target, steps: u32) -> SpikingIr {
    let (mut ir, mut draw) = (empty(target, steps), Draw(3));
    let first = population(&mut ir, &mut draw, Shape::new(4, 10, 10), 300, 1_500);
    let second = population(&mut ir, &mut draw, Shape::new(8, 10, 10), 1_024, 100);
    let third = population(&mut ir, &mut draw, Shape::new(8, 5, 5), 2_048, 100);
    convolve(&mut ir, &mut draw, [first, second], 1);
    convolve(&mut ir, &mut draw, [second, third], 2);
    ir
}

/// A 3 x 3 convolution with padding 1.
fn convolve(ir: &mut SpikingIr, draw: &mut Draw, [source, target]: [PopulationId; 2], stride: usize) {
    let [from, to] = [source, target].map(|id| ir.model.populations[id].shape);
    let axis = |input, output| AxisMap {
        kernel: 3,
        first_tap: 0,
        stride,
        padding: 1,
        dilation: 1,
        transposed: false,
        input,
        output,
    };
    let map = ConvMap { rows: axis(from.height, to.height), cols: axis(from.width, to.width) };
    let channels = ChannelMap::dense(from.channels, to.channels);
    let weights = (0..channels.pairs() * 9).map(|_| draw.weight(-50, 90)).collect();
    let kernel = Kernel { channels, height: 3, width: 3, weights };
    let connectivity = Connectivity::Conv(Convolution { map, kernel });
    ir.projections.push(Projection { source, target, delay: 1, connectivity });
}
