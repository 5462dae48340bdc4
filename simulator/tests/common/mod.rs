//! Random networks: convolutions and transposed convolutions with odd sizes, skips, delays, all biases.

#![allow(dead_code, reason = "every test crate uses a part")]

pub mod grains;
pub mod parts;
#[path = "../../../compiler/tests/random/mod.rs"]
pub mod random;
pub mod timing;

pub use random::Random;

use snnc_compiler::ir::channels::ChannelMap;
use snnc_compiler::ir::components::joins;
use snnc_compiler::ir::spiking::{
    Bias, Connectivity, Convolution, HostInput, HostStage, Kernel, Network, NeuronFormat, NeuronModel,
    Population, Projection, Readout, SparseSynapses, SpikingIr, SpikingModel, SynapticCurrent, Window,
};
use snnc_compiler::ir::{AxisMap, ConvMap, NetworkId, PopulationId, Shape};
use snnc_targets::entity::EntityMap;
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

struct Maker<'a> {
    ir: SpikingIr,
    random: &'a mut Random,
    steps: u32,
    /// Most channels of a layer, most rows and columns of the input, and whether weights are the largest or smallest.
    channels_max: usize,
    side_max: usize,
    extreme: bool,
    /// Whether kernels have channel groups.
    grouped: bool,
}

impl<'a> Maker<'a> {
    fn new(random: &'a mut Random, target: &Target) -> Self {
        let steps = random.between(3, 7) as u32;
        let ir = SpikingIr {
            model: SpikingModel {
                name: "random".into(),
                neuron: NeuronFormat::new(&target.neuron, target.synapses.weight_bits.get()),
                networks: EntityMap::new(),
                populations: EntityMap::new(),
                inputs: Vec::new(),
                readouts: Vec::new(),
                workload: None,
            },
            projections: EntityMap::new(),
        };
        Self { ir, random, steps, channels_max: 9, side_max: 8, extreme: false, grouped: false }
    }

    /// The network, which the last layer's membranes are read from.
    fn finish(mut self) -> SpikingIr {
        let fed_back = self.ir.projections.values().any(|p| p.target == PopulationId(0));
        if self.random.aside_one_in(4) && !fed_back {
            self.feed_from_outside();
        }
        let mut ir = self.ir;
        let windows = ir.model.populations.values().map(|p| p.window.end());
        let arrivals = ir.projections.values().filter(|p| joins(p));
        let arrivals = arrivals.map(|p| ir.model.populations[p.source].window.end() + p.delay);
        let end = windows.chain(arrivals).max().unwrap();
        ir.model.networks[NetworkId(0)].pass_steps = end;
        let population = ir.model.populations.keys().last().unwrap();
        let channels = ir.model.populations[population].shape.channels;
        ir.model.readouts.push(Readout {
            population,
            scale: vec![1.0; channels],
            offset: vec![0.0; channels],
        });
        ir.verify().unwrap();
        ir
    }

    /// The spikes of the first layer come from outside.
    fn feed_from_outside(&mut self) {
        let first = &mut self.ir.model.populations[PopulationId(0)];
        (first.dynamics, first.input_shift, first.bias) = (NeuronModel::Port, 0, Bias::Zero);
        self.ir.model.inputs.clear();
    }

    fn host_fed_line(&mut self, neurons: usize) {
        let input = Shape::new(1, 1, neurons);
        let axis = |length| AxisMap {
            kernel: 1,
            first_tap: 0,
            stride: 1,
            padding: 0,
            dilation: 1,
            transposed: false,
            input: length,
            output: length,
        };
        let map = ConvMap { rows: axis(1), cols: axis(neurons) };
        self.host_population(input, map, input);
    }

    fn random_bias(&mut self, shape: Shape) -> Bias {
        match self.random.between(0, 2) {
            0 => Bias::Zero,
            1 => Bias::Channel((0..shape.channels).map(|_| self.random.signed(255) as i32).collect()),
            _ => Bias::Neuron((0..shape.len()).map(|_| self.random.signed(255) as i32).collect()),
        }
    }

    /// A line fed by lists from the one before and from earlier ones, or by a convolution from the one before.
    fn irregular_layer(&mut self, depth: u32, fires: bool) {
        let before = PopulationId(depth - 1);
        let source = self.ir.model.populations[before].clone();
        let conv = self.random.one_in(4).then(|| self.line_axis(source.shape.width));
        let neurons = conv.map_or(self.random.between(5, 150), |(_, output)| output);
        let shape = Shape::new(1, 1, neurons);
        let start = source.window.start + 1;
        let (dynamics, bias) = (self.dynamics(1, fires), self.random_bias(shape));
        let population = self.ir.model.populations.push(Population {
            network: NetworkId(0),
            name: format!("layer{depth}"),
            shape,
            dynamics,
            input_shift: self.random.between(0, 6) as u32,
            bias,
            window: Window { start, steps: self.steps },
            order: None,
            rounding: Default::default(),
        });
        if let Some((cols, _)) = conv {
            let rows = AxisMap { kernel: 1, stride: 1, padding: 0, dilation: 1, input: 1, output: 1, ..cols };
            return self.project(before, population, 1, ConvMap { rows, cols }, ChannelMap::dense(1, 1));
        }
        for earlier in 0..depth {
            let from = self.ir.model.populations[PopulationId(earlier)].clone();
            if earlier + 1 == depth || self.random.one_in(3) {
                let delay = start - from.window.start;
                self.join(PopulationId(earlier), population, delay, from.shape.len(), neurons);
            }
        }
    }

    /// A convolution along a line of any length.
    fn line_axis(&mut self, input: usize) -> (AxisMap, usize) {
        let kernel = self.random.between(1, input.min(4));
        let (stride, padding) = (self.random.between(1, 3), self.random.between(0, kernel - 1));
        let output = AxisMap::conv_output(input, kernel, stride, padding, 1).unwrap();
        let axis =
            AxisMap { kernel, first_tap: 0, stride, padding, dilation: 1, transposed: false, input, output };
        (axis, output)
    }

    fn join(
        &mut self,
        source: PopulationId,
        target: PopulationId,
        delay: u32,
        sources: usize,
        targets: usize,
    ) {
        let most = i64::from(self.ir.model.neuron.weight_max());
        let sparsity = self.random.between(1, 12) as u64;
        let mut sparse = SparseSynapses::default();
        for _ in 0..sources {
            let mut row = Vec::new();
            for target in 0..targets as u32 {
                if self.random.value_one_in(sparsity) {
                    row.push((target, self.random.signed(most) as i16));
                }
            }
            sparse.push_row(row);
        }
        let connectivity = Connectivity::Sparse(sparse);
        self.ir.projections.push(Projection { source, target, delay, connectivity });
    }

    /// A projection from a layer to itself or an earlier one, unless nothing leads from there to the layer.
    fn feed_back(&mut self, source: PopulationId, target: PopulationId) {
        let before = self.ir.projections.clone();
        self.project_back(source, target);
        let components = self.ir.components();
        let parted = components.parted(&self.ir.model).next().is_some();
        if parted || !components.share_a_cycle(source, target) {
            self.ir.projections = before;
        }
    }

    fn project_back(&mut self, source: PopulationId, target: PopulationId) {
        let delay = self.random.between(1, 3) as u32;
        let [from, to] = [source, target].map(|id| self.ir.model.populations[id].shape);
        let lists = self.ir.projections.values().any(|p| p.sparse().is_some() && p.target == target);
        if (from.channels, from.height, to.channels, to.height) == (1, 1, 1, 1) && lists {
            return self.join(source, target, delay, from.width, to.width);
        }
        let mut axis = |input: usize, output: usize| {
            // Padding makes the map larger, a wider kernel smaller again.
            let padding = (output.saturating_sub(input)).div_ceil(2) + self.random.between(0, 1);
            let kernel = input + 2 * padding + 1 - output;
            AxisMap {
                kernel,
                first_tap: 0,
                stride: 1,
                padding,
                dilation: 1,
                transposed: false,
                input,
                output,
            }
        };
        let map = ConvMap { rows: axis(from.height, to.height), cols: axis(from.width, to.width) };
        self.project(source, target, delay, map, ChannelMap::dense(from.channels, to.channels));
    }

    fn dynamics(&mut self, channels: usize, fires: bool) -> NeuronModel {
        let decay = [0, 2048, 819, 4096][self.random.between(0, 3)];
        if fires {
            let thresholds = (0..channels).map(|_| self.random.value(5, 20) as u32).collect();
            NeuronModel::lif(decay, thresholds)
        } else {
            NeuronModel::integrator(decay)
        }
    }

    fn host_fed(&mut self) {
        let channels = self.random.between(1, 2);
        let mut side = || self.random.between(3.min(self.side_max - 1), self.side_max);
        let input = Shape::new(channels, side(), side());
        let (map, shape) = self.geometry(input);
        self.host_population(input, map, shape);
    }

    fn host_population(&mut self, input: Shape, map: ConvMap, shape: Shape) {
        let network = self.ir.model.networks.push(Network {
            name: "net".into(),
            timesteps: self.steps,
            pass_steps: self.steps + 16,
        });
        let volume = input.channels * map.rows.kernel * map.cols.kernel * shape.channels;
        let weights = (0..volume).map(|_| self.random.signed(1000) as f64 / 700.0).collect();
        let stages = vec![HostStage::Conv {
            map,
            channels: ChannelMap::dense(input.channels, shape.channels),
            outputs: shape.channels,
            weights,
            bias: vec![0.1; shape.channels],
        }];
        let dynamics = self.dynamics(shape.channels, true);
        let population = self.ir.model.populations.push(Population {
            network,
            name: "layer0".into(),
            shape,
            dynamics,
            input_shift: 6,
            bias: Bias::Host,
            window: Window { start: 0, steps: self.steps },
            order: None,
            rounding: Default::default(),
        });
        self.ir.model.inputs.push(HostInput {
            population,
            input,
            stages,
            scale: vec![500.0; shape.channels],
            neuron: None,
        });
    }

    /// A random (transposed) convolution from `input`.
    fn geometry(&mut self, input: Shape) -> (ConvMap, Shape) {
        let channels = self.random.between(1, self.channels_max);
        let transposed = self.random.one_in(3) && input.positions() < 80;
        let (rows, height) = self.axis(input.height, transposed);
        let (cols, width) = self.axis(input.width, transposed);
        (ConvMap { rows, cols }, Shape::new(channels, height, width))
    }

    fn axis(&mut self, input: usize, transposed: bool) -> (AxisMap, usize) {
        loop {
            let kernel = self.random.between(1, 4);
            let (stride, dilation) = (self.random.between(1, 3), self.random.between(1, 2));
            let padding = self.random.between(0, kernel - 1);
            let output = if transposed {
                let extra = self.random.between(0, stride - 1);
                AxisMap::transposed_output(input, kernel, stride, padding, dilation, extra)
            } else {
                AxisMap::conv_output(input, kernel, stride, padding, dilation)
            };
            if let Some(output) = output.filter(|&o| (1..=20).contains(&o)) {
                return (
                    AxisMap { kernel, first_tap: 0, stride, padding, dilation, transposed, input, output },
                    output,
                );
            }
        }
    }

    /// A layer fed by the one before and, now and then, by an earlier one of the same shape.
    fn layer(&mut self, depth: u32, fires: bool) {
        let before = PopulationId(depth - 1);
        let source = self.ir.model.populations[before].clone();
        let (map, mut shape) = self.geometry(source.shape);
        let (map, joins) = match self.grouped {
            true => self.groups(source.shape, map, &mut shape),
            false => (map, vec![ChannelMap::dense(source.shape.channels, shape.channels)]),
        };
        let start = source.window.start + 1;
        let dynamics = self.dynamics(shape.channels, fires);
        let biases = (0..shape.channels).map(|_| self.random.signed(255) as i32).collect();
        let population = self.ir.model.populations.push(Population {
            network: NetworkId(0),
            name: format!("layer{depth}"),
            shape,
            dynamics,
            input_shift: self.random.between(0, 6) as u32,
            bias: if self.random.one_in(2) { Bias::Channel(biases) } else { Bias::Zero },
            window: Window { start, steps: self.steps },
            order: None,
            rounding: Default::default(),
        });
        joins.into_iter().for_each(|channels| self.project(before, population, 1, map, channels));
        for earlier in 0..depth - 1 {
            let other = self.ir.model.populations[PopulationId(earlier)].clone();
            if (other.shape.height, other.shape.width) == (source.shape.height, source.shape.width) {
                self.project(
                    PopulationId(earlier),
                    population,
                    start - other.window.start,
                    map,
                    ChannelMap::dense(other.shape.channels, shape.channels),
                );
            }
        }
    }

    /// Channel groups from a layer of shape `from` by `map`; the target's shape follows them.
    fn groups(&mut self, from: Shape, map: ConvMap, to: &mut Shape) -> (ConvMap, Vec<ChannelMap>) {
        let channels = from.channels;
        match self.random.between(0, 3) {
            0 => {
                *to = from;
                let map =
                    ConvMap { rows: AxisMap::pointwise(from.height), cols: AxisMap::pointwise(from.width) };
                (map, vec![ChannelMap::one_to_one(channels)])
            }
            1 => {
                // Parts of a concatenation: a range of source channels each, in one group or one channel a group.
                let (first, second) = (self.random.between(0, channels), self.random.between(0, channels));
                let cuts = [0, first.min(second), first.max(second), channels];
                let mut joins = Vec::new();
                for range in cuts.windows(2).map(|cut| cut[0]..cut[1]).filter(|range| !range.is_empty()) {
                    let groups = if self.random.one_in(2) { range.len() } else { 1 };
                    let (inputs, outputs) = (range.len() / groups, self.random.between(1, 3));
                    let first_output = self.random.between(0, 3);
                    joins.push(ChannelMap {
                        groups,
                        first_input: range.start,
                        inputs,
                        first_output,
                        outputs,
                    });
                }
                to.channels =
                    joins.iter().map(|map| map.targets().end).max().unwrap() + self.random.between(0, 1);
                (map, joins)
            }
            kind => {
                let divisors: Vec<usize> = (1..=channels).filter(|&n| channels.is_multiple_of(n)).collect();
                let groups =
                    if kind == 2 { channels } else { divisors[self.random.between(0, divisors.len() - 1)] };
                let outputs = self.random.between(1, 3);
                to.channels = groups * outputs;
                (map, vec![ChannelMap::grouped(groups, channels / groups, outputs)])
            }
        }
    }

    fn project(
        &mut self,
        source: PopulationId,
        target: PopulationId,
        delay: u32,
        map: ConvMap,
        channels: ChannelMap,
    ) {
        let (height, width) = (map.rows.kernel, map.cols.kernel);
        let most = i64::from(self.ir.model.neuron.weight_max());
        let end = if self.extreme && self.random.one_in(2) { -most - 1 } else { most };
        let mut weight = || match self.extreme {
            true if self.random.value_one_in(8) => -end as i16 - 1,
            true => end as i16,
            false => self.random.signed(most) as i16,
        };
        let weights = (0..channels.pairs() * height * width).map(|_| weight()).collect();
        let kernel = Kernel { channels, height, width, weights };
        let connectivity = Connectivity::Conv(Convolution { map, kernel });
        self.ir.projections.push(Projection { source, target, delay, connectivity });
    }
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
