//! A random model file, written layer by layer.

use std::collections::BTreeMap;
use std::fmt::Write;

use snnc_compiler::frontend::{Description, LoadedModel};
use snnc_compiler::weights::Tensor;

use super::Random;

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

/// A random model, and what it uses.
pub struct RandomModel {
    pub model: LoadedModel,
    /// How often each of [`super::OPERATIONS`] stands in it.
    pub used: BTreeMap<&'static str, usize>,
    /// The file.
    pub text: String,
}

/// A model of a block or more and a read-out; `exact` if integers are to say what its floats say.
pub fn random_model(random: &mut Random, exact: bool) -> RandomModel {
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
