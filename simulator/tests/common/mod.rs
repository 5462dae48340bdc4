//! Random networks: convolutions and transposed convolutions with odd sizes, skips, delays, all biases.

#![allow(dead_code, reason = "every test crate uses a part")]

pub mod grains;
mod maker;
pub mod parts;
#[path = "../../../compiler/tests/random/mod.rs"]
pub mod random;
pub mod ranks;
pub mod timing;
pub mod zeros;

pub use random::Random;

use maker::Maker;
use snnc_compiler::ir::spiking::{NeuronModel, SpikingIr, SynapticCurrent};
use snnc_compiler::ir::{NetworkId, PopulationId};
use snnc_targets::schema::{CurrentSpec, KernelSharing, Overflow, Reset, Target, ThresholdComparison};

/// A target with random arithmetic rules and the given core size.
pub fn target(random: &mut Random, neurons: u32) -> Target {
    let mut target = snnc_targets::registry::load("loihi-like").unwrap();
    target.core.neurons.0 = neurons;
    target.topology.cores_per_tile.0 = random.between(1, 4) as u32;
    target.topology.mesh_columns.0 = random.between(2, 5) as u32;
    target.topology.mesh_rows.0 = random.between(2, 5) as u32;
    target.neuron.accumulator_overflow.0 = if random.one_in(2) { Overflow::Wrap } else { Overflow::Saturate };
    target.neuron.threshold_comparison.0 =
        if random.one_in(2) { ThresholdComparison::Strict } else { ThresholdComparison::Inclusive };
    // Narrow widths, so that overflow and saturation happen.
    target.neuron.accumulator_bits.0 = random.between(13, 20) as u32;
    target.neuron.state_bits.0 = random.between(14, 20) as u32;
    // Beyond 8 bits the weights are kept in a wider type.
    target.synapses.weight_bits.0 = [4, 8, 8, 11][random.between(0, 3)];
    target.neuron.bias_mantissa_bits.0 = 9;
    target.neuron.bias_exponent_max.0 = 3;
    target.synapses.kernel_sharing.0 =
        [KernelSharing::PerVariant, KernelSharing::Ideal, KernelSharing::Unshared][random.between(0, 2)];
    target.check("random target").unwrap();
    target
}

/// A verified random network for the target's arithmetic: a host-fed layer, some firing layers with skips, a
/// read-out. One of three has channel groups of every kind.
pub fn network(random: &mut Random, target: &Target) -> SpikingIr {
    let mut maker = Maker::new(random, target);
    maker.grouped = maker.random.aside_one_in(3);
    maker.host_fed();
    for depth in 1..=maker.random.between(1, 4) as u32 {
        maker.layer(depth, true);
    }
    let depth = maker.ir.model.populations.len() as u32;
    maker.layer(depth, false);
    maker.finish()
}

/// A verified random network with many channels on small maps, weights at the ends of their range now and then: rows
/// of several lines, lists of hundreds of packets, sums that overflow.
pub fn wide_network(random: &mut Random, target: &Target) -> SpikingIr {
    let mut maker = Maker::new(random, target);
    (maker.channels_max, maker.side_max) = (maker.random.between(40, 200), 3);
    maker.extreme = maker.random.one_in(2);
    maker.grouped = maker.random.aside_one_in(3);
    maker.host_fed();
    for depth in 1..=maker.random.between(1, 2) as u32 {
        maker.layer(depth, true);
    }
    let depth = maker.ir.model.populations.len() as u32;
    maker.layer(depth, false);
    maker.finish()
}

/// A verified random network of lines of neurons, joined by irregular lists and now and then by a convolution.
pub fn irregular_network(random: &mut Random, target: &Target) -> SpikingIr {
    let mut maker = Maker::new(random, target);
    let neurons = maker.random.between(20, 120);
    maker.host_fed_line(neurons);
    for depth in 1..=maker.random.between(1, 4) as u32 {
        maker.irregular_layer(depth, true);
    }
    let depth = maker.ir.model.populations.len() as u32;
    maker.irregular_layer(depth, false);
    maker.finish()
}

/// The target with all that neuron models ask for, of random widths.
pub fn with_all_models(random: &mut Random, mut target: Target) -> Target {
    target.neuron.resets.0 = vec![Reset::Zero, Reset::Subtract];
    let current = target.neuron.synaptic_current.as_mut().unwrap();
    current.bits.0 = random.between(14, 20) as u32;
    current.overflow.0 = if random.one_in(2) { Overflow::Wrap } else { Overflow::Saturate };
    current.decay_offset.0 = random.between(0, 2) as u32;
    target.neuron.programmable.0 = true;
    target.check("random target").unwrap();
    target
}

/// Neurons whose channels differ in all that they may differ in.
fn by_channel(random: &mut Random, spec: &CurrentSpec, thresholds: &[u32], reset: Reset) -> NeuronModel {
    let mut decay = |_: &u32| [0, 100, 1024, 2048, 4096][random.between(0, 4)];
    let decays: Vec<u32> = thresholds.iter().map(&mut decay).collect();
    let (soft, slow) = (reset == Reset::Subtract, random.one_in(2));
    let mut amount = |_: &u32| random.between(0, 1 << 12) as u32;
    let subtracted = if soft { thresholds.iter().map(&mut amount).collect() } else { Vec::new() };
    let mut current = |_: &u32| SynapticCurrent::new(spec, [0, 1024, 2048, 4094][random.between(0, 3)]);
    let currents = if slow { thresholds.iter().map(&mut current).collect() } else { Vec::new() };
    NeuronModel::ByChannel { thresholds: thresholds.to_vec(), decays, subtracted, currents }
}

/// The network with other neurons in its firing layers: synaptic currents, reset by subtraction, or both, of all
/// channels or by channel, refractory or not.
pub fn with_other_neurons(random: &mut Random, target: &Target, mut ir: SpikingIr) -> SpikingIr {
    let spec = target.neuron.synaptic_current.as_ref().unwrap();
    for population in
        ir.model.populations.values_mut().filter(|p| p.dynamics.fires() && !p.dynamics.is_port())
    {
        let (decay, thresholds) = (population.dynamics.decay(), population.dynamics.thresholds().to_vec());
        let reset = if random.one_in(2) { Reset::Zero } else { Reset::Subtract };
        let current = SynapticCurrent::new(spec, [0, 1024, 2048, 4094][random.between(0, 3)]);
        if random.one_in(3) {
            population.dynamics = by_channel(random, spec, &thresholds, reset);
            continue;
        }
        if random.one_in(3) {
            let current = random.one_in(2).then_some(current);
            let (refractory, deepest) =
                (random.between(0, 3) as u32, ir.model.neuron.state_bits as usize - 1);
            let floor = random.one_in(2).then(|| random.between(0, deepest) as u32);
            population.dynamics =
                NeuronModel::Refractory { current, decay, thresholds, reset, refractory, floor };
            continue;
        }
        population.dynamics = match random.one_in(2) {
            true => NeuronModel::Lif { decay, thresholds, reset },
            false => NeuronModel::CubaLif { current, decay, thresholds, reset },
        };
    }
    ir.verify().unwrap();
    ir
}

/// A verified random network with cycles: layers that feed themselves, and layers that feed earlier ones, after 1 to 3
/// timesteps; of lines joined by lists, or of maps joined by convolutions.
pub fn recurrent_network(random: &mut Random, target: &Target, irregular: bool) -> SpikingIr {
    let mut maker = Maker::new(random, target);
    (maker.channels_max, maker.side_max) = (5, 5);
    maker.grouped = !irregular && maker.random.one_in(3);
    let layer = if irregular { Maker::irregular_layer } else { Maker::layer };
    match irregular {
        true => {
            let neurons = maker.random.between(20, 60);
            maker.host_fed_line(neurons);
        }
        false => maker.host_fed(),
    }
    let firing = maker.random.between(1, 4) as u32;
    (1..=firing).for_each(|depth| layer(&mut maker, depth, true));
    layer(&mut maker, firing + 1, false);
    for _ in 0..maker.random.between(1, 2) {
        let source = maker.random.between(0, firing as usize) as u32;
        let target = maker.random.between(0, source as usize) as u32;
        maker.feed_back(PopulationId(source), PopulationId(target));
    }
    maker.finish()
}

/// An input for [`network`]s: constant, or spikes of every timestep.
pub fn input(random: &mut Random, ir: &SpikingIr) -> Vec<f64> {
    if let Some((_, port)) = ir.model.port_of(NetworkId(0)) {
        let values = port.window.steps as usize * port.shape.len();
        return (0..values).map(|_| f64::from(u8::from(random.one_in(3)))).collect();
    }
    (0..ir.model.inputs[0].input.len()).map(|_| random.signed(1000) as f64 / 1000.0).collect()
}

/// No unit does two things at once.
pub fn no_overlap(work: impl Iterator<Item = ((u32, u32), u64, u64)>) {
    let mut work: Vec<_> = work.collect();
    work.sort_unstable();
    for pair in work.windows(2) {
        let ((who, from, until), (next, start, _)) = (pair[0], pair[1]);
        assert!(who != next || (from <= until && until <= start), "{:?}", pair);
    }
}
