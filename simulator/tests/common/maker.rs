//! Random networks layer by layer.

use super::Random;
use snnc_compiler::ir::channels::ChannelMap;
use snnc_compiler::ir::components::joins;
use snnc_compiler::ir::spiking::{
    Bias, Connectivity, Convolution, HostInput, HostStage, Kernel, Network, NeuronFormat, NeuronModel,
    Population, Projection, Readout, SparseSynapses, SpikingIr, SpikingModel, Window,
};
use snnc_compiler::ir::{AxisMap, ConvMap, NetworkId, PopulationId, Shape};
use snnc_targets::entity::EntityMap;
use snnc_targets::schema::Target;

/// A random network in the making, layer by layer.
pub(super) struct Maker<'a> {
    pub(super) ir: SpikingIr,
    pub(super) random: &'a mut Random,
    pub(super) steps: u32,
    /// Most channels of a layer, most rows and columns of the input, and whether weights are the largest or smallest.
    pub(super) channels_max: usize,
    pub(super) side_max: usize,
    pub(super) extreme: bool,
    /// Whether kernels have channel groups.
    pub(super) grouped: bool,
}

impl<'a> Maker<'a> {
    pub(super) fn new(random: &'a mut Random, target: &Target) -> Self {
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
    pub(super) fn finish(mut self) -> SpikingIr {
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
    pub(super) fn feed_from_outside(&mut self) {
        let first = &mut self.ir.model.populations[PopulationId(0)];
        (first.dynamics, first.input_shift, first.bias) = (NeuronModel::Port, 0, Bias::Zero);
        self.ir.model.inputs.clear();
    }

    pub(super) fn host_fed_line(&mut self, neurons: usize) {
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

    pub(super) fn random_bias(&mut self, shape: Shape) -> Bias {
        match self.random.between(0, 2) {
            0 => Bias::Zero,
            1 => Bias::Channel((0..shape.channels).map(|_| self.random.signed(255) as i32).collect()),
            _ => Bias::Neuron((0..shape.len()).map(|_| self.random.signed(255) as i32).collect()),
        }
    }

    /// A line fed by lists from the one before and from earlier ones, or by a convolution from the one before.
    pub(super) fn irregular_layer(&mut self, depth: u32, fires: bool) {
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
    pub(super) fn line_axis(&mut self, input: usize) -> (AxisMap, usize) {
        let kernel = self.random.between(1, input.min(4));
        let (stride, padding) = (self.random.between(1, 3), self.random.between(0, kernel - 1));
        let output = AxisMap::conv_output(input, kernel, stride, padding, 1).unwrap();
        let axis =
            AxisMap { kernel, first_tap: 0, stride, padding, dilation: 1, transposed: false, input, output };
        (axis, output)
    }

    pub(super) fn join(
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
    pub(super) fn feed_back(&mut self, source: PopulationId, target: PopulationId) {
        let before = self.ir.projections.clone();
        self.project_back(source, target);
        let components = self.ir.components();
        let parted = components.parted(&self.ir.model).next().is_some();
        if parted || !components.share_a_cycle(source, target) {
            self.ir.projections = before;
        }
    }

    pub(super) fn project_back(&mut self, source: PopulationId, target: PopulationId) {
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

    pub(super) fn dynamics(&mut self, channels: usize, fires: bool) -> NeuronModel {
        let decay = [0, 2048, 819, 4096][self.random.between(0, 3)];
        if fires {
            let thresholds = (0..channels).map(|_| self.random.value(5, 20) as u32).collect();
            NeuronModel::lif(decay, thresholds)
        } else {
            NeuronModel::integrator(decay)
        }
    }

    pub(super) fn host_fed(&mut self) {
        let channels = self.random.between(1, 2);
        let mut side = || self.random.between(3.min(self.side_max - 1), self.side_max);
        let input = Shape::new(channels, side(), side());
        let (map, shape) = self.geometry(input);
        self.host_population(input, map, shape);
    }

    pub(super) fn host_population(&mut self, input: Shape, map: ConvMap, shape: Shape) {
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
    pub(super) fn geometry(&mut self, input: Shape) -> (ConvMap, Shape) {
        let channels = self.random.between(1, self.channels_max);
        let transposed = self.random.one_in(3) && input.positions() < 80;
        let (rows, height) = self.axis(input.height, transposed);
        let (cols, width) = self.axis(input.width, transposed);
        (ConvMap { rows, cols }, Shape::new(channels, height, width))
    }

    pub(super) fn axis(&mut self, input: usize, transposed: bool) -> (AxisMap, usize) {
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
    pub(super) fn layer(&mut self, depth: u32, fires: bool) {
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
    pub(super) fn groups(&mut self, from: Shape, map: ConvMap, to: &mut Shape) -> (ConvMap, Vec<ChannelMap>) {
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

    pub(super) fn project(
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
