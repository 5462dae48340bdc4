//! Networks that nengo-loihi's emulator ran (`data/README.md`), in the integers of a target.
//!
//! A synapse list of Loihi has a weight exponent of its own. Here all weights of a target population share theirs, so
//! they are given in the smallest unit, 2^6, and as wide as that takes.

use safetensors::{SafeTensors, tensor::TensorView};
use snnc_compiler::ir::spiking::{
    Bias, Connectivity, Network, NeuronFormat, NeuronModel, Population, Projection, Reset, SparseSynapses,
    SpikingIr, SpikingModel, SynapticCurrent, Window,
};
use snnc_compiler::ir::{NetworkId, PopulationId, Shape};
use snnc_targets::entity::EntityMap;
use snnc_targets::{Target, registry};

/// Neurons of a block whose voltages were recorded.
const TRACED: usize = 8;
/// The only network of a recording.
pub const NET: NetworkId = NetworkId(0);

/// What the emulator recorded of a block.
pub struct Recorded {
    /// By timestep and neuron.
    pub spikes: Vec<Vec<bool>>,
    /// By timestep, of the first neurons.
    pub voltages: Vec<Vec<i32>>,
}

/// A recorded network.
pub struct Golden {
    /// Name of its file.
    pub name: String,
    /// In the target's integers.
    pub ir: SpikingIr,
    /// By population.
    pub blocks: Vec<Recorded>,
}

fn numbers(view: &TensorView) -> Vec<i32> {
    view.data().as_chunks().0.iter().map(|bytes| i32::from_le_bytes(*bytes)).collect()
}

/// `loihi-like` with weights as wide as the smallest unit of synapse lists takes.
pub fn target() -> Target {
    let mut target = registry::load("loihi-like").unwrap();
    target.synapses.weight_bits.0 = 16;
    target.check("loihi-like with wide weights").unwrap();
    target
}

/// A recorded network, from its file.
pub fn golden(target: &Target, name: &str, file: &SafeTensors) -> Golden {
    let mut ir = SpikingIr {
        model: SpikingModel {
            name: name.into(),
            neuron: NeuronFormat::new(&target.neuron, target.synapses.weight_bits.get()),
            networks: EntityMap::new(),
            populations: EntityMap::new(),
            inputs: Vec::new(),
            readouts: Vec::new(),
            workload: None,
        },
        projections: EntityMap::new(),
    };
    ir.model.networks.push(Network { name: "net".into(), timesteps: 0, pass_steps: 0 });
    let mut blocks = Vec::new();
    while let Ok(bias) = file.tensor(&format!("{}.bias", blocks.len())) {
        let block = blocks.len();
        let biases = numbers(&bias);
        blocks.push(recorded(file, block, biases.len()));
        ir.model.populations.push(population(target, file, block, biases));
    }
    for source in 0..blocks.len() {
        for to in 0..blocks.len() {
            if let Ok(weights) = file.tensor(&format!("{source}-{to}.weights")) {
                let connectivity = Connectivity::Sparse(synapses(&weights));
                let (source, target) = (PopulationId(source as u32), PopulationId(to as u32));
                ir.projections.push(Projection { source, target, delay: 1, connectivity });
            }
        }
    }
    let steps = blocks[0].spikes.len() as u32;
    ir.model.networks[NET].timesteps = steps;
    shorten(&mut ir.model, steps);
    ir.verify().unwrap();
    Golden { name: name.into(), ir, blocks }
}

/// Gives all windows so many timesteps. Every network has a projection, whose last spikes arrive a timestep later.
pub fn shorten(model: &mut SpikingModel, steps: u32) {
    model.populations.values_mut().for_each(|population| population.window.steps = steps);
    model.networks[NET].pass_steps = steps + 1;
}

fn recorded(file: &SafeTensors, block: usize, neurons: usize) -> Recorded {
    let (spiked, voltage) = (format!("{block}.spiked"), format!("{block}.voltage"));
    let (spiked, voltage) = (file.tensor(&spiked).unwrap(), numbers(&file.tensor(&voltage).unwrap()));
    let fired = |row: &[u8]| (0..neurons).map(|i| row[i / 8] >> (i % 8) & 1 == 1).collect();
    let spikes: Vec<Vec<bool>> = spiked.data().chunks(neurons.div_ceil(8)).map(fired).collect();
    let traced = voltage.len() / spikes.len();
    assert_eq!(traced, neurons.min(TRACED));
    Recorded { spikes, voltages: voltage.chunks(traced).map(<[i32]>::to_vec).collect() }
}

/// Neurons of a block; their `refract_delay` counts the step of the spike.
fn population(target: &Target, file: &SafeTensors, block: usize, biases: Vec<i32>) -> Population {
    let number = |key: &str| numbers(&file.tensor(&format!("{block}.{key}")).unwrap())[0];
    let threshold = number("vth") as u32;
    assert_eq!(threshold % (1 << target.neuron.threshold_shift.get()), 0);
    assert_eq!(number("vmax"), (1 << (target.neuron.state_bits.get() - 1)) - 1);
    let floor = (1 - number("vmin")).ilog2();
    assert_eq!(1 - (1 << floor), number("vmin"));
    let spec = target.neuron.synaptic_current.as_ref().unwrap();
    Population {
        network: NET,
        name: format!("block{block}"),
        shape: Shape::new(1, 1, biases.len()),
        dynamics: NeuronModel::Refractory {
            current: Some(SynapticCurrent::new(spec, number("decay_u") as u32)),
            decay: number("decay_v") as u32,
            thresholds: vec![threshold >> target.neuron.threshold_shift.get()],
            reset: Reset::Zero,
            refractory: number("refract_delay") as u32 - 1,
            floor: Some(floor),
        },
        input_shift: target.neuron.weight_shift.get(),
        bias: Bias::Neuron(biases),
        window: Window { start: 0, steps: 0 },
        order: None,
        rounding: Default::default(),
    }
}

/// Synapses of the weights `[source, target]` other than 0.
fn synapses(weights: &TensorView) -> SparseSynapses {
    let values: Vec<i16> =
        weights.data().as_chunks().0.iter().map(|bytes| i16::from_le_bytes(*bytes)).collect();
    let mut sparse = SparseSynapses::default();
    for row in values.chunks(weights.shape()[1]) {
        let all = row.iter().enumerate().map(|(target, &weight)| (target as u32, weight));
        sparse.push_row(all.filter(|(_, weight)| *weight != 0));
    }
    sparse
}
