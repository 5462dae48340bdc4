//! All invariants of the spiking IR, collected.
//!
//! [`verify_model`] checks what program and spiking IR share; [`SpikingIr::verify`] adds the projections. After it,
//! every id, shape, width and window in the value can be relied upon.
//!
//! Checks go in stages, and a stage that finds something is the last: each follows ids and counts in shapes only that
//! the ones before vouch for. What a later room relies on:
//!
//! | rule | who relies on it |
//! |---|---|
//! | widths of the neuron format | every shift by them: quantiser, neuron update, biases |
//! | a population has 1 to 2^28 neurons, and as many thresholds, biases and places in its order as they say | whoever counts or indexes neurons |
//! | windows lie in their pass, which has at most 2^16 timesteps and ends with the last window or arrival | counts and spikes by timestep |
//! | sources come before targets, populations of a cycle side by side | the order of execution |
//! | host inputs and read-outs name populations, each host-fed one is written once | host writes and reads |
//! | inputs of a network have one shape, stages lead from it to the population's | the host's convolutions and look-ups |
//! | a workload's networks exist, its names can be printed, its numbers are finite | who drives the program |
//! | a projection's ends exist, its kernel or lists have the size of its ends | mapping, fan-in, the oracle |

use std::collections::{BTreeMap, BTreeSet};

use snnc_targets::{Code, Diagnostic, Diagnostics, MapAxis, NamedPart, Place, Subject};

use super::{
    Bias, Connectivity, Convolution, HostInput, HostStage, Model, NeuronFormat, Population, Projection,
    Readout, SpikingIr, Ties, TrainedNeuron,
};
use crate::ir::channels::ChannelMap;
use crate::ir::components::joins;
use crate::ir::{AxisMap, NetworkId, PopulationId, ProjectionId, Shape};

/// More findings than this are cut: a file from elsewhere may be wrong everywhere.
const MOST: usize = 50;
/// Most neurons of a population.
const NEURONS_MAX: usize = 1 << 28;
/// Most values of a map between two stages of the host: half a gigabyte.
const HOST_MAP_MAX: usize = 1 << 26;

/// Collects broken invariants of one value.
struct Checker {
    code: Code,
    found: Diagnostics,
}

impl Checker {
    fn need(&mut self, ok: bool, place: &Place, message: impl FnOnce() -> String) {
        if !ok && self.found.0.len() < MOST {
            self.found.push(Diagnostic::new(self.code, place.clone(), message()));
        }
    }
}

impl SpikingIr {
    /// Checks every invariant.
    ///
    /// # Errors
    /// [`Code::SpikingIr`], one for each broken invariant; [`Code::Unsupported`] for sums beyond 32 bits and maps of the
    /// host that are too large, which a network can have.
    pub fn verify(&self) -> Result<(), Diagnostics> {
        verify_model(&self.model, Code::SpikingIr)?;
        let mut check = Checker { code: Code::SpikingIr, found: Diagnostics::default() };
        for (id, projection) in self.projections.iter() {
            check.projection(&self.model, projection, id);
        }
        if check.found.0.is_empty() {
            check.order(self);
            check.fan_in(self);
        }
        check.found.into_result(())
    }
}

/// Checks the part that spiking IR and program share.
///
/// # Errors
/// `code`, one for each broken invariant (at most 50).
pub fn verify_model(model: &Model, code: Code) -> Result<(), Diagnostics> {
    let mut check = Checker { code, found: Diagnostics::default() };
    let stages: [fn(&mut Checker, &Model); 4] = [
        |check, model| check.format(&model.neuron),
        |check, model| {
            check.networks(model);
            check.populations(model);
        },
        Checker::host_ends,
        Checker::host_side,
    ];
    for stage in stages {
        stage(&mut check, model);
        if !check.found.0.is_empty() {
            break;
        }
    }
    check.found.into_result(())
}

/// Why spikes of a population may not arrive at another after a delay; those of a cycle may come after the window.
pub fn arrival_problem(source: &Population, target: &Population, delay: u32, cycle: bool) -> Option<String> {
    let arrives = source.window.start.saturating_add(delay) >= target.window.start
        && (cycle || source.window.end().saturating_add(delay) <= target.window.end());
    (!arrives).then(|| {
        format!("spikes of window {:?} arrive outside the target's window {:?}", source.window, target.window)
    })
}

/// Passes that do not end with the last window or arrival, given one past the last timestep of some arrivals.
pub fn pass_problems(model: &Model, arrivals: Vec<(NetworkId, u32)>) -> Vec<(Place, String)> {
    let mut ends = vec![0; model.networks.len()];
    let windows = model.populations.values().map(|p| (p.network, p.window.end()));
    for (network, end) in windows.chain(arrivals) {
        let last = &mut ends[network.0 as usize];
        *last = end.max(*last);
    }
    let wrong = model.networks.iter().zip(ends).filter(|((_, network), end)| network.pass_steps != *end);
    wrong
        .map(|((id, network), end)| {
            let found = network.pass_steps;
            let message = format!(
                "{found} timesteps a pass, expected {end}: the end of the last window, or the arrival of the last spike"
            );
            (Subject::IrNetwork(id, Some(network.name.clone())).into(), message)
        })
        .collect()
}

/// Most synapses of one neuron, or a bound of it.
fn fan_in(projection: &Projection) -> i128 {
    match &projection.connectivity {
        Connectivity::Conv(Convolution { kernel: k, .. }) => {
            k.channels.inputs as i128 * k.height as i128 * k.width as i128
        }
        Connectivity::Sparse(sparse) => {
            let mut counts = vec![0u32; sparse.targets.iter().max().map_or(0, |&last| last as usize + 1)];
            sparse.targets.iter().for_each(|&target| counts[target as usize] += 1);
            counts.into_iter().max().unwrap_or(0).into()
        }
    }
}

impl Checker {
    /// What is too large for the simulation, though nothing is broken: a network may ask for it.
    fn unsupported(&mut self, model: &Model, population: &Population, message: String) {
        if self.found.0.len() < MOST {
            let network = model.networks.get(population.network).map_or("", |network| network.name.as_str());
            let place = Subject::layer(network, &population.name);
            let found = Diagnostic::new(Code::Unsupported, place, message);
            self.found.push(found.hint("use a smaller map, fewer inputs or narrower weights"));
        }
    }

    /// The sum of a timestep fits the accumulators of the simulation, whatever fires.
    fn fan_in(&mut self, ir: &SpikingIr) {
        let most = i128::from(ir.model.neuron.weight_max() + 1);
        let mut sums = vec![0i128; ir.model.populations.len()];
        for projection in ir.projections.values() {
            sums[projection.target.0 as usize] += fan_in(projection) * most;
        }
        for (population, sum) in ir.model.populations.values().zip(sums) {
            if sum > i128::from(i32::MAX) {
                let message = format!("a fan-in whose sum may reach {sum} does not fit 32 bits");
                self.unsupported(&ir.model, population, message);
            }
        }
    }

    /// Sources come before targets but in cycles, whose populations stand side by side; spikes arrive in windows, those of a
    /// cycle in the pass; a pass ends with the last of both.
    fn order(&mut self, ir: &SpikingIr) {
        let (model, components) = (&ir.model, ir.components());
        for between in components.parted(model) {
            let place = Subject::Population(between, model.populations[between].name.clone()).into();
            self.need(false, &place, || {
                "stands between populations of a cycle, which must be side by side".into()
            });
        }
        let mut arrivals = Vec::new();
        for (id, p) in ir.projections.iter().filter(|(_, p)| joins(p)) {
            let (source, target) = (&model.populations[p.source], &model.populations[p.target]);
            let cycle = components.share_a_cycle(p.source, p.target);
            let place = Subject::Projection(id).into();
            let ordered = cycle || p.source < p.target;
            self.need(ordered, &place, || format!("{} must come before {}", p.source, p.target));
            if let Some(problem) = arrival_problem(source, target, p.delay, cycle) {
                self.need(false, &place, || problem);
            }
            arrivals.push((source.network, source.window.end().saturating_add(p.delay)));
        }
        for (place, problem) in pass_problems(model, arrivals) {
            self.need(false, &place, || problem);
        }
    }

    fn networks(&mut self, model: &Model) {
        let mut ends = vec![None; model.networks.len()];
        for p in model.populations.values() {
            if let Some(end) = ends.get_mut(p.network.0 as usize) {
                *end = (*end).max(Some(u64::from(p.window.start) + u64::from(p.window.steps)));
            }
        }
        let mut names = BTreeSet::new();
        for ((id, network), end) in model.networks.iter().zip(ends) {
            let place = Subject::IrNetwork(id, Some(network.name.clone())).into();
            self.need(names.insert(&network.name), &place, || "network name is used twice".into());
            self.need(network.timesteps >= 1, &place, || "expected at least one timestep".into());
            let whole =
                end.is_some_and(|end| end <= network.pass_steps.into()) && network.pass_steps <= 1 << 16;
            self.need(whole, &place, || {
                format!(
                    "{} timesteps a pass, expected the end of the last window, at most 2^16",
                    network.pass_steps
                )
            });
        }
    }

    fn populations(&mut self, model: &Model) {
        let mut layers = BTreeSet::new();
        for (id, population) in model.populations.iter() {
            let place = Subject::Population(id, population.name.clone()).into();
            let unique = layers.insert((population.network, &population.name));
            self.need(unique, &place, || "layer name is used twice in its network".into());
            self.population(model, population, &place);
        }
    }

    fn format(&mut self, format: &NeuronFormat) {
        let widths = (1..=16).contains(&format.weight_bits)
            && (8..=31).contains(&format.state_bits)
            && (8..=31).contains(&format.accumulator_bits)
            && format.weight_shift < format.accumulator_bits
            && format.weight_shift_min <= format.weight_shift
            && format.decay_bits <= 16
            && format.bias_mantissa_bits >= 2
            && format.bias_mantissa_bits.saturating_add(format.bias_exponent_max) <= 31
            && format.threshold_mantissa_bits >= 1
            && format.threshold_mantissa_bits.saturating_add(format.threshold_shift) <= 31
            && format.threshold_mantissa_max() >= 1;
        self.need(widths, &NamedPart::NeuronFormat.into(), || "a width is out of range".into());
    }

    fn population(&mut self, model: &Model, p: &Population, place: &Place) {
        let format = &model.neuron;
        let Some(network) = model.networks.get(p.network) else {
            self.need(false, place, || format!("{} does not exist", p.network));
            return;
        };
        if !holds(p.shape, NEURONS_MAX) {
            return self.need(false, place, || format!("shape {} must hold 1 to 2^28 neurons", p.shape));
        }
        let end = p.window.start.checked_add(p.window.steps);
        let inside = p.window.steps >= 1 && end.is_some_and(|end| end <= network.pass_steps);
        self.need(inside, place, || {
            format!(
                "window {:?} must be non-empty and inside the pass of {} steps",
                p.window, network.pass_steps
            )
        });
        let shifts = format.weight_shift_min..=format.weight_shift;
        self.need(shifts.contains(&p.input_shift), place, || {
            format!("input shift {} is outside {shifts:?}", p.input_shift)
        });
        for problem in p.dynamics.problems(format, p.shape.channels) {
            self.need(false, place, || problem);
        }
        // What fires at one mantissa more must be a threshold too.
        let lowered = p.rounding.ties == Some(Ties::Threshold);
        let below = |&t: &u32| t < format.threshold_mantissa_max();
        let room = !lowered || p.dynamics.thresholds().iter().all(below);
        self.need(room, place, || "a lowered threshold mantissa was the largest before".into());
        let biases = match &p.bias {
            Bias::Channel(values) => Some((values, p.shape.channels, "channels")),
            Bias::Neuron(values) => Some((values, p.shape.len(), "neurons")),
            Bias::Zero | Bias::Host => None,
        };
        if let Some((values, count, of)) = biases {
            self.need(values.len() == count, place, || format!("{} biases for {count} {of}", values.len()));
            let fits = values.iter().all(|&b| format.bias_is_representable(b));
            self.need(fits, place, || "a bias is not mantissa << exponent within the widths".into());
        }
        let order = p.order.as_ref().and_then(|order| p.order_problem(order));
        self.need(order.is_none(), place, || order.unwrap_or_default());
    }

    fn projection(&mut self, model: &Model, p: &Projection, id: ProjectionId) {
        let place = &Subject::Projection(id).into();
        let (Some(source), Some(target)) = (model.populations.get(p.source), model.populations.get(p.target))
        else {
            self.need(false, place, || format!("{} or {} does not exist", p.source, p.target));
            return;
        };
        self.need(source.network == target.network, place, || "joins two networks".into());
        self.need(source.dynamics.fires(), place, || format!("source \"{}\" never fires", source.name));
        self.need(p.delay >= 1, place, || "delay must be at least 1".into());
        match &p.connectivity {
            Connectivity::Conv(conv) => self.convolution(source, target, conv, id),
            Connectivity::Sparse(sparse) => {
                for population in [source, target] {
                    let line = population.shape.channels == 1 && population.shape.height == 1;
                    self.need(line, place, || {
                        let (name, shape) = (&population.name, population.shape);
                        format!("a sparse projection joins lines [1, 1, n], \"{name}\" is {shape}")
                    });
                }
                let problem = sparse.problem(source.shape.len(), target.shape.len());
                self.need(problem.is_none(), place, || problem.unwrap_or_default());
            }
        }
        let most = model.neuron.weight_max();
        let fits = p.weights().iter().all(|&w| (-most - 1..=most).contains(&i32::from(w)));
        self.need(fits, place, || format!("a weight is outside {} to {most}", -most - 1));
    }

    fn convolution(
        &mut self,
        source: &Population,
        target: &Population,
        conv: &Convolution,
        id: ProjectionId,
    ) {
        let place = &Subject::Projection(id).into();
        let (k, map) = (&conv.kernel, &conv.map);
        let regular = source.order.is_none() && target.order.is_none();
        self.need(regular, place, || "joins a population numbered anew by a convolution".into());
        let c = &k.channels;
        let volume = volume(c, k.height, k.width);
        self.need(volume == Some(k.weights.len()), place, || {
            format!(
                "kernel of {} groups [{}, {}, {}, {}] holds {} weights",
                c.groups,
                c.inputs,
                k.height,
                k.width,
                c.outputs,
                k.weights.len()
            )
        });
        let within = joins_within(c, source.shape.channels, target.shape.channels);
        self.need(within, place, || {
            format!(
                "{c:?} joins channels outside the populations', which have {} and {}",
                source.shape.channels, target.shape.channels
            )
        });
        let axis = |axis| Subject::ProjectionAxis(id, axis).into();
        self.axis(&map.rows, k.height, source.shape.height, target.shape.height, &axis(MapAxis::Rows));
        self.axis(&map.cols, k.width, source.shape.width, target.shape.width, &axis(MapAxis::Columns));
    }

    fn axis(&mut self, axis: &AxisMap, kernel: usize, input: usize, output: usize, place: &Place) {
        let ok = axis.kernel == kernel && axis.input == input && axis.output == output;
        self.need(ok, place, || {
            format!("map {axis:?} does not fit kernel {kernel}, source {input}, target {output}")
        });
        let sane = axis.stride >= 1
            && [
                axis.stride,
                axis.padding,
                axis.dilation,
                axis.kernel,
                axis.first_tap,
                axis.input,
                axis.output,
            ]
            .iter()
            .all(|&n| n <= 1 << 16);
        self.need(sane, place, || format!("map {axis:?} is out of range"));
    }

    /// What the host writes and reads exists.
    fn host_ends(&mut self, model: &Model) {
        let inputs = model.inputs.iter().map(|input| input.population);
        let readouts = model.readouts.iter().map(|readout| readout.population);
        let inputs = inputs.map(|id| (Subject::HostInput(id), id));
        for (subject, population) in inputs.chain(readouts.map(|id| (Subject::Readout(id), id))) {
            let exists = model.populations.get(population).is_some();
            self.need(exists, &subject.into(), || "population does not exist".into());
        }
    }

    fn host_side(&mut self, model: &Model) {
        let (mut written, mut shapes) = (BTreeSet::new(), BTreeMap::new());
        for input in &model.inputs {
            let place = Subject::HostInput(input.population).into();
            self.host_input(model, input, &place);
            written.insert(input.population);
            // A pass is given one input.
            let network = model.populations[input.population].network;
            let first = *shapes.entry(network).or_insert(input.input);
            self.need(input.input == first, &place, || {
                format!("takes shape {}, another input of {network} takes {first}", input.input)
            });
        }
        self.need(written.len() == model.inputs.len(), &NamedPart::HostInputs.into(), || {
            "a population is written twice".into()
        });
        let hosted: BTreeSet<PopulationId> =
            model.populations.iter().filter(|(_, p)| p.bias == Bias::Host).map(|(id, _)| id).collect();
        self.need(hosted == written, &NamedPart::HostInputs.into(), || {
            format!("populations with host biases {hosted:?}, host inputs for {written:?}")
        });
        for readout in &model.readouts {
            self.readout(model, readout);
        }
        self.workload(model);
    }

    fn host_input(&mut self, model: &Model, input: &HostInput, place: &Place) {
        let population = &model.populations[input.population];
        let mut shapes = vec![input.input];
        for stage in &input.stages {
            let next = shapes.last().filter(|&&shape| holds(shape, HOST_MAP_MAX));
            shapes.extend(next.and_then(|&shape| stage_output(stage, shape)));
        }
        let (last, whole) = (shapes.last(), shapes.len() == 1 + input.stages.len());
        let large = shapes.iter().find(|&&shape| exceeds(shape, HOST_MAP_MAX));
        match large.filter(|&shape| !whole || last != Some(shape) || *shape == population.shape) {
            Some(shape) => {
                let message = format!("the host computes a map {shape}, at most {HOST_MAP_MAX} values");
                self.unsupported(model, population, message);
            }
            None => {
                self.need(whole && last == Some(&population.shape), place, || {
                    format!("stages turn {} into {shapes:?}, expected {}", input.input, population.shape)
                });
            }
        }
        let scaled =
            input.scale.len() == population.shape.channels && input.scale.iter().all(|s| s.is_finite());
        self.need(scaled, place, || "expected one finite scale a channel".into());
        let sane = |n: &TrainedNeuron| {
            let finite = [n.threshold, n.reset, n.tau.unwrap_or(1.0)].iter().all(|v| v.is_finite());
            finite && n.tau.is_none_or(|tau| tau >= 1.0) && n.threshold > n.reset
        };
        let neuron = input.neuron.as_ref().is_none_or(|n| sane(n) && population.dynamics.fires());
        self.need(neuron, place, || {
            "expected a firing population and a trained neuron with tau >= 1 and a threshold above its reset"
                .into()
        });
    }

    fn readout(&mut self, model: &Model, readout: &Readout) {
        let place = Subject::Readout(readout.population).into();
        let population = &model.populations[readout.population];
        self.need(!population.dynamics.fires(), &place, || {
            "population fires; read-outs are integrators".into()
        });
        let n = population.shape.channels;
        let finite = readout.scale.iter().chain(&readout.offset).all(|v| v.is_finite());
        self.need(readout.scale.len() == n && readout.offset.len() == n && finite, &place, || {
            "expected one finite scale and offset a channel".into()
        });
    }

    fn workload(&mut self, model: &Model) {
        let problems = model.workload.iter().flat_map(|workload| workload.problems(model.networks.len()));
        problems.for_each(|problem| self.need(false, &NamedPart::Workload.into(), || problem));
    }
}

/// Whether a shape holds 1 to `most` elements.
fn holds(shape: Shape, most: usize) -> bool {
    let sides = [shape.channels, shape.height, shape.width];
    sides.into_iter().try_fold(1usize, usize::checked_mul).is_some_and(|n| (1..=most).contains(&n))
}

/// Whether a shape holds more than `most` elements.
fn exceeds(shape: Shape, most: usize) -> bool {
    !holds(shape, most) && ![shape.channels, shape.height, shape.width].contains(&0)
}

/// Weights of a kernel: one for each tap and pair of channels; `None` beyond all bounds.
fn volume(channels: &ChannelMap, height: usize, width: usize) -> Option<usize> {
    let sides = [channels.groups, channels.inputs, height, width, channels.outputs];
    sides.into_iter().try_fold(1usize, usize::checked_mul)
}

/// Whether groups are not empty and lie inside so many source and target channels.
fn joins_within(channels: &ChannelMap, sources: usize, targets: usize) -> bool {
    let inside = |first: usize, each: usize, most: usize| {
        let end = channels.groups.checked_mul(each).and_then(|all| all.checked_add(first));
        each >= 1 && end.is_some_and(|end| end <= most)
    };
    channels.groups >= 1
        && inside(channels.first_input, channels.inputs, sources)
        && inside(channels.first_output, channels.outputs, targets)
}

/// Output shape of a host stage, or `None` if the stage contradicts its input or itself.
fn stage_output(stage: &HostStage, input: Shape) -> Option<Shape> {
    match stage {
        HostStage::Embedding { rows, width, table } => (input.channels == 1
            && rows.checked_mul(*width) == Some(table.len())
            && *rows >= 1
            && table.iter().all(|v| v.is_finite()))
        .then(|| Shape::new(*width, input.height, input.width)),
        HostStage::Conv { map, channels, outputs, weights, bias } => {
            let sane = [map.rows, map.cols].iter().all(|a| {
                a.stride >= 1
                    && [a.stride, a.padding, a.dilation, a.output, a.kernel, a.first_tap]
                        .iter()
                        .all(|&n| n <= 1 << 16)
            });
            // The host leaves no channel out.
            let all = (channels.first_input, channels.first_output) == (0, 0)
                && channels.groups.checked_mul(channels.inputs) == Some(input.channels)
                && channels.groups.checked_mul(channels.outputs) == Some(*outputs);
            let fits = all
                && joins_within(channels, input.channels, *outputs)
                && volume(channels, map.rows.kernel, map.cols.kernel) == Some(weights.len())
                && bias.len() == *outputs
                && (map.rows.input, map.cols.input) == (input.height, input.width)
                && weights.iter().chain(bias).all(|v| v.is_finite());
            (sane && fits).then(|| Shape::new(*outputs, map.rows.output, map.cols.output))
        }
    }
}
