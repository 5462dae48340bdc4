//! Random model files over every layer, neuron and read-out of docs/model.md: whatever lowers runs alike on the chip,
//! in the spiking IR's interpreter and core by core; and where rounding loses nothing, as the float reference.

use std::collections::BTreeMap;
use std::fmt::Write;

use snnc_compiler::driver::{CompileOptions, compile};
use snnc_compiler::frontend::{Description, LoadedModel};
use snnc_compiler::ir::NetworkId;
use snnc_compiler::ir::spiking::{Bias, Connectivity, SpikingIr, Ties, membrane_grid};
use snnc_compiler::layers::Op;
use snnc_compiler::mapping::effort::Effort;
use snnc_compiler::mapping::partition::search::SearchOptions;
use snnc_compiler::reference::Interpreter;
use snnc_compiler::weights::Tensor;
use snnc_simulator::execute::Chip;
use snnc_targets::Code;
use snnc_targets::schema::ThresholdComparison;

use super::agreement::agree;
use super::common::random::cases;
use super::common::{self, Random};

const NET: NetworkId = NetworkId(0);
/// What every weight of an exact network is a multiple of.
const GRID: f64 = 1.0 / 16.0;

/// All that a model file may write, but for what only generating models have.
const OPERATIONS: &[&str] = &[
    "Input(constant)",
    "Input(spikes)",
    "Conv1d",
    "Conv2d",
    "ConvTranspose2d",
    "Linear",
    "Flatten",
    "Reshape",
    "Sparse",
    "BatchNorm",
    "Scale",
    "AvgPool2d",
    "SumPool2d",
    "Upsample",
    "Add",
    "Concat",
    "Dropout",
    "Delay",
    "recurrence",
    "Lif",
    "If",
    "Leaky",
    "Leaky(alpha)",
    "Neuron",
    "MaxPool2d",
    "MeanOverTime",
    "SumOverTime",
    "LastOverTime",
    "LeakySumOverTime",
    "WeightedSum",
    "FirstSpike",
    "Add(constant)",
];

type Sides = [usize; 3];

/// A layer that was written, with the shape of its map.
#[derive(Clone)]
struct Written {
    name: String,
    sides: Sides,
}

/// A model file in the making.
struct ModelWriter<'r> {
    random: &'r mut Random,
    /// Whether every number is one that integers keep: no leaks, weights of few binary digits.
    exact: bool,
    steps: usize,
    layers: String,
    count: usize,
    tensors: Vec<(String, Tensor)>,
    used: BTreeMap<&'static str, usize>,
}

impl ModelWriter<'_> {
    /// Writes a layer; `kind` is counted.
    fn layer(&mut self, kind: &'static str, from: &[&Written], op: &str, sides: Sides) -> Written {
        let name = format!("l{}", self.count);
        self.count += 1;
        *self.used.entry(kind).or_default() += 1;
        let from: Vec<String> = from.iter().map(|layer| format!("\"{}\"", layer.name)).collect();
        let from = from.join(", ");
        let _ = writeln!(self.layers, "(name: \"{name}\", from: [{from}], op: {op}),");
        Written { name, sides }
    }

    /// A tensor of quarters in -1 to 1.5, as a model file names it.
    fn tensor(&mut self, shape: &[usize]) -> String {
        let values =
            (0..shape.iter().product()).map(|_| (self.random.value(0, 10) as f64 - 4.0) / 4.0).collect();
        self.given(shape, values)
    }

    fn given(&mut self, shape: &[usize], values: Vec<f64>) -> String {
        let name = format!("t{}", self.tensors.len());
        self.tensors.push((name.clone(), Tensor::new(shape.to_vec(), values)));
        format!("(\"w\", \"{name}\")")
    }

    fn bias(&mut self, channels: usize) -> String {
        if self.random.one_in(2) {
            format!(", bias: Some({})", self.tensor(&[channels]))
        } else {
            String::new()
        }
    }

    fn conv(&mut self, from: &Written) -> Written {
        let [c, h, w] = from.sides;
        let groups = if self.random.one_in(3) { c } else { 1 };
        let out = groups * self.random.between(1, 3);
        let (k, l) = (self.random.between(1, h.min(3)), self.random.between(1, w.min(3)));
        let (padding, [top, bottom, left, right]) = match self.random.between(0, 3) {
            0 => ("(0, 0)".to_owned(), [0; 4]),
            1 => ("(1, 0)".to_owned(), [1, 1, 0, 0]),
            2 => ("(1, 0, 0, 1)".to_owned(), [1, 0, 0, 1]),
            _ => ("\"same\"".to_owned(), [(k - 1) / 2, k / 2, (l - 1) / 2, l / 2]),
        };
        let same = padding == "\"same\"";
        let stride = if same { 1 } else { self.random.between(1, 2) };
        let side = |n: usize, k: usize, before: usize, after: usize| (n + before + after - k) / stride + 1;
        let sides = [out, side(h, k, top, bottom), side(w, l, left, right)];
        let weight = self.tensor(&[out, c / groups, k, l]);
        let bias = self.bias(out);
        let op = format!(
            "Conv2d(weight: {weight}{bias}, stride: ({stride}, {stride}), padding: {padding}, groups: {groups})"
        );
        self.layer("Conv2d", &[from], &op, sides)
    }

    fn transposed(&mut self, from: &Written) -> Written {
        let [c, h, w] = from.sides;
        let (out, k, stride) =
            (self.random.between(1, 3), self.random.between(1, 3), self.random.between(1, 2));
        let side = |n: usize| (n - 1) * stride + k;
        let weight = self.tensor(&[c, out, k, k]);
        let bias = self.bias(out);
        let op = format!("ConvTranspose2d(weight: {weight}{bias}, stride: ({stride}, {stride}))");
        self.layer("ConvTranspose2d", &[from], &op, [out, side(h), side(w)])
    }

    fn linear(&mut self, from: &Written, out: usize) -> Written {
        let len: usize = from.sides.iter().product();
        let flat = self.layer("Flatten", &[from], "Flatten", [len, 1, 1]);
        let weight = self.tensor(&[out, len]);
        let bias = self.bias(out);
        self.layer("Linear", &[&flat], &format!("Linear(weight: {weight}{bias})"), [out, 1, 1])
    }

    /// A pool, copies, or nothing, before a convolution.
    fn resampled(&mut self, from: &Written) -> Written {
        let [c, h, w] = from.sides;
        let (k, l) = (h.min(2), w.min(2));
        let pooled = [c, h / k, w / l];
        match self.random.between(0, 5) {
            0 if !self.exact => {
                self.layer("AvgPool2d", &[from], &format!("AvgPool2d(kernel: ({k}, {l}))"), pooled)
            }
            1 => self.layer("SumPool2d", &[from], &format!("SumPool2d(kernel: ({k}, {l}))"), pooled),
            2 => self.layer("MaxPool2d", &[from], &format!("MaxPool2d(kernel: ({k}, {l}))"), pooled),
            3 => self.layer("Upsample", &[from], "Upsample(factor: (2, 1))", [c, 2 * h, w]),
            4 => self.layer("Delay", &[from], &format!("Delay(steps: {})", self.steps.min(2)), from.sides),
            _ => from.clone(),
        }
    }

    /// What leads from spikes, or from a constant input, to the next neurons.
    fn synapses(&mut self, from: &Written, constant: bool) -> Written {
        let [_, h, w] = from.sides;
        let current = if (from.sides[0], h) == (1, 1) && w > 1 && !constant && self.random.one_in(2) {
            self.sparse(from)
        } else {
            match self.random.between(0, 4) {
                0 => {
                    let outputs = self.random.between(2, 8);
                    let current = self.linear(from, outputs);
                    match self.random.one_in(2) {
                        true => self.layer(
                            "Reshape",
                            &[&current],
                            &format!("Reshape(shape: (1, 1, {outputs}))"),
                            [1, 1, outputs],
                        ),
                        false => current,
                    }
                }
                1 if h == 1 => self.conv1d(from),
                2 => self.transposed(from),
                _ => {
                    let resampled = if constant { from.clone() } else { self.resampled(from) };
                    self.conv(&resampled)
                }
            }
        };
        self.scaled(current)
    }

    fn sparse(&mut self, from: &Written) -> Written {
        let (n, outputs) = (from.sides[2], self.random.between(2, 8));
        let mut pairs: Vec<(usize, usize)> = (0..n).flat_map(|s| (0..outputs).map(move |t| (s, t))).collect();
        pairs.retain(|_| self.random.value(0, 2) > 0);
        pairs.push((n - 1, outputs - 1));
        pairs.dedup();
        let ends = |pick: fn(&(usize, usize)) -> usize| pairs.iter().map(|pair| pick(pair) as f64).collect();
        let (sources, targets) = (ends(|pair| pair.0), ends(|pair| pair.1));
        let [sources, targets] = [sources, targets].map(|values| self.given(&[pairs.len()], values));
        let weights = self.tensor(&[pairs.len()]);
        let op =
            format!("Sparse(sources: {sources}, targets: {targets}, weights: {weights}, outputs: {outputs})");
        self.layer("Sparse", &[from], &op, [1, 1, outputs])
    }

    fn conv1d(&mut self, from: &Written) -> Written {
        let [c, _, w] = from.sides;
        let (out, k) = (self.random.between(1, 3), self.random.between(1, w.min(3)));
        let weight = self.tensor(&[out, c, k]);
        let bias = self.bias(out);
        let op = format!("Conv1d(weight: {weight}{bias}, padding: (1, 0))");
        self.layer("Conv1d", &[from], &op, [out, 1, w + 2 - k])
    }

    /// A norm, a factor, nothing.
    fn scaled(&mut self, current: Written) -> Written {
        let (sides, channels) = (current.sides, current.sides[0]);
        match self.random.between(0, 4) {
            0 => {
                let powers = |random: &mut Random| -> f64 { [0.5, 1.0][random.value(0, 1)] };
                let variance = (0..channels).map(|_| powers(self.random).powi(-2)).collect();
                let variance = self.given(&[channels], variance);
                let mean = self.tensor(&[channels]);
                let op = format!("BatchNorm(mean: {mean}, variance: {variance}, epsilon: 0.0)");
                self.layer("BatchNorm", &[&current], &op, sides)
            }
            1 => self.layer("Scale", &[&current], "Scale(factor: 0.5)", sides),
            2 => self.layer("Dropout", &[&current], "Dropout", sides),
            _ => current,
        }
    }

    /// Neurons of any kind.
    fn neurons(&mut self, current: &Written) -> Written {
        let soft = self.random.one_in(2);
        let (kind, op) = if self.exact {
            match self.random.between(0, 2) {
                0 => ("If", format!("If(threshold: 1.0, soft_reset: {soft})")),
                1 => ("Leaky", "Leaky(beta: 1.0, reset: Zero)".to_owned()),
                _ => ("Neuron", "Neuron(threshold: 1.5)".to_owned()),
            }
        } else {
            self.any_neurons(soft)
        };
        self.layer(kind, &[current], &op, current.sides)
    }

    fn any_neurons(&mut self, soft: bool) -> (&'static str, String) {
        let strict = self.random.one_in(2);
        let refractory = self.random.between(0, 2);
        match self.random.between(0, 4) {
            0 => {
                let (reset, decays) = (if soft { 0.0 } else { -0.25 }, self.random.one_in(2));
                let op = format!(
                    "Lif(tau: 2.0, threshold: 1.0, reset: {reset:?}, decay_input: {decays}, soft_reset: {soft}, \
                     strict: {strict}, refractory: {refractory})"
                );
                ("Lif", op)
            }
            1 => (
                "If",
                format!("If(threshold: 1.0, soft_reset: {soft}, strict: {strict}, refractory: {refractory})"),
            ),
            2 => {
                let reset = ["Subtract", "Zero", "None"][self.random.between(0, 2)];
                ("Leaky", format!("Leaky(beta: 0.75, threshold: 1.0, reset: {reset})"))
            }
            3 => {
                let reset = ["Subtract", "Zero"][usize::from(soft)];
                ("Leaky(alpha)", format!("Leaky(beta: 0.5, alpha: 0.5, reset: {reset})"))
            }
            _ => {
                let reset = ["Subtract", "Hard", "Nothing"][self.random.between(0, 2)];
                let current = if self.random.one_in(2) { ", current: (keep: 0.5)" } else { "" };
                ("Neuron", format!("Neuron(leak: 0.25, gain: 0.5, threshold: 1.0, reset: {reset}{current})"))
            }
        }
    }

    /// Neurons behind synapses, now and then with a loop, a residual path or a constant input beside.
    fn block(&mut self, from: &Written, constant: Option<&Written>) -> Written {
        let mut current = self.synapses(from, constant.is_some_and(|input| input.name == from.name));
        let [c, h, w] = current.sides;
        if self.random.one_in(4) {
            let beside = self.tensor(&[c, from.sides[0], 1, 1]);
            if (from.sides[1], from.sides[2]) == (h, w)
                && constant.is_none_or(|input| input.name != from.name)
            {
                let path = self.layer("Conv2d", &[from], &format!("Conv2d(weight: {beside})"), [c, h, w]);
                current = self.layer("Add", &[&current, &path], "Add", [c, h, w]);
            }
        }
        if let Some(input) = constant.filter(|input| input.name != from.name && (h, w) == (1, 1)) {
            let added = self.linear(input, c);
            current = self.layer("Add(constant)", &[&current, &added], "Add", [c, 1, 1]);
        }
        if (c, h) != (1, 1) && self.random.one_in(3) {
            return self.looped(&current);
        }
        self.neurons(&current)
    }

    /// Neurons whose spikes come back to them a timestep later.
    fn looped(&mut self, current: &Written) -> Written {
        let [c, h, w] = current.sides;
        // The neurons are the third layer from here.
        let late = Written { name: format!("l{}", self.count + 3), sides: current.sides };
        let op = format!("Delay(steps: 1, shape: ({c}, {h}, {w}))");
        let late = self.layer("recurrence", &[&late], &op, current.sides);
        let weight = self.tensor(&[c, c, 1, 1]);
        let back = self.layer("Conv2d", &[&late], &format!("Conv2d(weight: {weight})"), current.sides);
        let sum = self.layer("Add", &[current, &back], "Add", current.sides);
        self.neurons(&sum)
    }

    fn read_out(&mut self, from: &Written) {
        let kind = self.random.between(0, 5);
        if kind == 5 {
            self.layer("FirstSpike", &[from], "FirstSpike", from.sides);
            return;
        }
        let classes = self.linear(from, 3);
        let (name, op) = match kind {
            0 => ("MeanOverTime", "MeanOverTime".to_owned()),
            1 => ("SumOverTime", "SumOverTime".into()),
            2 => ("LastOverTime", "LastOverTime".into()),
            3 => ("LeakySumOverTime", "LeakySumOverTime(beta: 0.5)".into()),
            _ => {
                let ages = (0..self.steps as i32).rev().map(|age| 0.5f64.powi(age)).collect();
                let coefficients = self.given(&[self.steps], ages);
                ("WeightedSum", format!("WeightedSum(coefficients: {coefficients})"))
            }
        };
        self.layer(name, &[&classes], &op, [3, 1, 1]);
    }
}

/// A random model, what it uses, and an input for it.
struct RandomModel {
    model: LoadedModel,
    used: BTreeMap<&'static str, usize>,
    text: String,
}

fn random_model(random: &mut Random, exact: bool) -> RandomModel {
    let steps = random.between(2, 6);
    let spikes = exact || random.one_in(2);
    let sides = [random.between(1, 3), [1, 3, 4][random.between(0, 2)], random.between(2, 5)];
    let (layers, tensors, used) = (String::new(), Vec::new(), BTreeMap::new());
    let mut writer = ModelWriter { random, exact, steps, layers, count: 0, tensors, used };
    let [c, h, w] = sides;
    let kind = if spikes { "Input(spikes)" } else { "Input(constant)" };
    let input = writer.layer(kind, &[], &format!("Input(shape: ({c}, {h}, {w}), spikes: {spikes})"), sides);
    let constant = (!spikes).then(|| input.clone());
    let mut last = writer.block(&input, constant.as_ref());
    for _ in 0..writer.random.between(1, 2) {
        let next = writer.block(&last, constant.as_ref());
        last = match next.sides[1..] == last.sides[1..] && writer.random.one_in(2) {
            true => {
                let channels = next.sides[0] + last.sides[0];
                writer.layer("Concat", &[&next, &last], "Concat", [channels, next.sides[1], next.sides[2]])
            }
            false => next,
        };
    }
    writer.read_out(&last);
    let ModelWriter { layers, tensors, used, .. } = writer;
    let text = format!(
        "(format: \"snnc.model/1\", name: \"random\", weights: {{\"w\": \"w.safetensors\"}}, networks: {{ \"net\": \
         (timesteps: {steps}, layers: [\n{layers}]) }})"
    );
    let description = Description::new("random.ron", text.as_str(), tensors.into_iter().collect()).unwrap();
    let model = description.build().unwrap_or_else(|problems| panic!("{problems}\n{text}"));
    RandomModel { model, used, text }
}

/// Whether integers say exactly what the floats said: every weight and bias in model units is on the grid of the
/// trained ones, from which a rounding step of 8 bits leads away.
fn keeps_all(ir: &SpikingIr) -> bool {
    let on_grid = |value: f64| (value / GRID - (value / GRID).round()).abs() < 1e-9;
    let unit = |id: snnc_compiler::ir::PopulationId, channel: usize| {
        let population = &ir.model.populations[id];
        population.rounding.membrane.as_ref().map(|membrane| membrane.scale[channel])
    };
    let kernels = ir.projections.values().all(|projection| {
        let population = &ir.model.populations[projection.target];
        let shift = f64::from(1u32 << population.input_shift);
        let of = |channel: usize, weight: i16| {
            // Read-outs are compared through their spikes alone.
            unit(projection.target, channel).is_none_or(|scale| on_grid(f64::from(weight) * shift * scale))
        };
        match &projection.connectivity {
            Connectivity::Sparse(sparse) => sparse.weights.iter().all(|&weight| of(0, weight)),
            Connectivity::Conv(conv) => {
                let kernel = &conv.kernel;
                let taps = kernel.height * kernel.width;
                kernel.weights.chunks_exact(kernel.channels.outputs).enumerate().all(|(row, weights)| {
                    let targets = kernel.channels.targets_of(kernel.channels.first_input + row / taps);
                    targets.zip(weights).all(|(channel, &weight)| of(channel, weight))
                })
            }
        }
    });
    let biases = ir.model.populations.iter().all(|(id, population)| match &population.bias {
        Bias::Channel(values) | Bias::Neuron(values) => values.iter().enumerate().all(|(i, &bias)| {
            let channel = i * population.shape.channels / values.len();
            unit(id, channel).is_none_or(|scale| on_grid(f64::from(bias) * scale))
        }),
        Bias::Zero | Bias::Host => true,
    });
    kernels && biases
}

/// Whether the comparison of every layer is that of its trained neurons, membranes exactly at the threshold included.
fn compares_alike(ir: &SpikingIr, model: &LoadedModel) -> bool {
    let format = &ir.model.neuron;
    let strict = |name: &str| {
        let graph = &model.graphs["net"];
        graph.find(name).is_some_and(|layer| matches!(graph.net[layer].op, Op::Leaky(_)))
    };
    ir.model.populations.values().all(|p| match p.rounding.ties {
        None | Some(Ties::Inclusive | Ties::Above) => true,
        Some(Ties::Threshold) => {
            membrane_grid(format, p.dynamics.decay(), p.input_shift, &p.bias) >= 1 << format.threshold_shift
        }
        Some(Ties::Strict) => strict(&p.name),
        Some(Ties::Bias | Ties::Written) => false,
    })
}

/// Compiles a model; nothing if the chip cannot run it, which must be said as such.
fn compiled(
    random: &mut Random,
    made: &RandomModel,
    target: &snnc_targets::Target,
) -> Option<(SpikingIr, snnc_compiler::ir::program::Program)> {
    let neurons_max = random.one_in(2).then(|| random.between(4, 40) as u32);
    let search = SearchOptions { neurons_max, effort: Effort::Fast, ..SearchOptions::default() };
    match compile(&made.model, target, CompileOptions { search, ..CompileOptions::default() }) {
        Ok((ir, program, _)) => Some((ir, program)),
        Err(problems) => {
            let told = problems
                .codes()
                .into_iter()
                .all(|code| [Code::Unsupported, Code::Quantise, Code::DoesNotFit].contains(&code));
            assert!(told, "{problems}\n{}", made.text);
            None
        }
    }
}

#[test]
fn models_of_every_layer_and_neuron_run_as_the_spiking_ir_says() {
    let (mut used, mut fired, mut ran, mut refused) = (BTreeMap::<&str, usize>::new(), 0, 0, 0);
    cases(160, 1000, |random| {
        let target = common::target(random, 1024);
        let mut target = common::with_all_models(random, target);
        target.core.threshold_profiles = None;
        // Strict neurons have no form on inclusive chips whose thresholds have a grid.
        if !random.one_in(4) {
            target.neuron.threshold_comparison.0 = ThresholdComparison::Strict;
        }
        let made = random_model(random, false);
        let Some((ir, program)) = compiled(random, &made, &target) else {
            refused += 1;
            return;
        };
        let input = common::input(random, &ir);
        let spikes: Vec<u64> = [1, 2]
            .map(|threads| {
                let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
                pool.install(|| agree(&ir, &program, &input))
            })
            .into();
        assert_eq!(spikes[0], spikes[1]);
        fired += spikes[0];
        ran += 1;
        made.used.into_iter().for_each(|(kind, count)| *used.entry(kind).or_default() += count);
    });
    let missing: Vec<&&str> = OPERATIONS.iter().filter(|kind| !used.contains_key(**kind)).collect();
    assert!(missing.is_empty(), "never ran: {missing:?}; {used:?}");
    assert!(fired > 2_000 && ran > 2 * refused, "{fired} spikes, {ran} ran, {refused} refused");
}

#[test]
fn what_rounding_keeps_whole_fires_as_the_float_reference() {
    let (mut compared, mut fired) = (0, 0);
    cases(120, 1100, |random| {
        let chips = ["spinnaker2-like", "loihi2-like"];
        let target = snnc_targets::registry::load(chips[random.between(0, 1)]).unwrap();
        let made = random_model(random, true);
        let Some((ir, program)) = compiled(random, &made, &target) else { return };
        if !keeps_all(&ir) || !compares_alike(&ir, &made.model) {
            return;
        }
        let input = common::input(random, &ir);
        let graph = &made.model.graphs["net"];
        let trace = Interpreter::new(graph).unwrap().pass(&input).unwrap();
        let chip = Chip::new(program);
        let outcome = chip.run(NET, &input).unwrap();
        let events = outcome.counts.steps.iter().flat_map(|step| &step.events);
        if events.map(|e| e.accumulator_overflows + e.state_saturations).sum::<u64>() > 0 {
            return;
        }
        for (id, population) in ir.model.populations_of(NET).filter(|(_, p)| p.dynamics.fires()) {
            let Some(float) = trace.spikes(&population.name) else { continue };
            let found = chip.spikes(&outcome, id);
            assert!(found == float, "{}\n{}", population.name, made.text);
            fired += float.iter().flatten().filter(|&&spike| spike).count();
        }
        compared += 1;
    });
    assert!(compared > 30 && fired > 1_000, "{compared} networks, {fired} spikes");
}
