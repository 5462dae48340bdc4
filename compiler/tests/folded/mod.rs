//! Random small networks of pools, sums, concatenations and norms between neurons. All numbers are short binary
//! fractions, so that f32, f64 and 8-bit integers hold every current exactly.

use snnc_compiler::graph::{Builder, Graph};
use snnc_compiler::ir::Shape;
use snnc_compiler::layers::{
    Add, AvgPool2d, BatchNorm, Concat, Conv, Flatten, If, Linear, MaxPool2d, MeanOverTime, Op, PoolWindow,
    Reshape, Scale, SumPool2d, Upsample,
};
use snnc_compiler::weights::Tensor;

use crate::random::Random;

/// Kinds of blocks.
pub const BLOCKS: usize = 16;
const CHANNELS: usize = 4;

/// Quarters from -1/2 to 3/4.
fn quarters(random: &mut Random, n: usize) -> Vec<f64> {
    (0..n).map(|_| random.value(0, 5) as f64 / 4.0 - 0.5).collect()
}

/// A network in the making.
struct Maker<'r> {
    builder: Builder<'static>,
    random: &'r mut Random,
    /// Firing layers: name, shape, whether something reads them.
    firing: Vec<(String, Shape, bool)>,
    count: usize,
    blocks: [usize; BLOCKS],
}

/// A network, an input for it, and how often each kind of block is in it.
pub fn network(random: &mut Random) -> (Graph, Vec<f64>, [usize; BLOCKS]) {
    let builder = Builder::new("net", 8);
    let mut maker = Maker { builder, random, firing: Vec::new(), count: 0, blocks: [0; BLOCKS] };
    let input = Shape::new(2, 8, 8);
    maker.builder.input("in", input);
    let first = maker.conv("in", 2, 3, 1);
    maker.fire(&first);
    // The host pools as well.
    let pooled = maker.pool("in");
    let second = maker.conv(&pooled, 2, 1, 1);
    maker.fire(&second);
    for _ in 0..3 + maker.random.between(0, 2) {
        maker.block();
    }
    maker.ending();
    let values = (0..input.len()).map(|_| maker.random.value(0, 8) as f64 / 4.0 - 1.0).collect();
    (maker.builder.finish().unwrap(), values, maker.blocks)
}

impl Maker<'_> {
    fn layer(&mut self, from: &[&str], op: impl Into<Op>) -> String {
        self.count += 1;
        let name = format!("l{}", self.count);
        self.builder.layer(&name, from, op);
        name
    }

    fn conv(&mut self, from: &str, inputs: usize, kernel: usize, groups: usize) -> String {
        let weights = quarters(self.random, CHANNELS * inputs / groups * kernel * kernel);
        let weight = Tensor::new(vec![CHANNELS, inputs / groups, kernel, kernel], weights);
        let bias = (self.random.between(0, 1) == 0)
            .then(|| Tensor::new(vec![CHANNELS], quarters(self.random, CHANNELS)));
        let padding = (kernel / 2, kernel / 2);
        self.layer(&[from], Conv { bias, padding, groups, ..Conv::new(weight) })
    }

    /// A convolution of 2 x 2 taps, padded at the bottom and at the right alone.
    fn even(&mut self, from: &str) -> String {
        let weight =
            Tensor::new(vec![CHANNELS, CHANNELS, 2, 2], quarters(self.random, 4 * CHANNELS * CHANNELS));
        self.layer(&[from], Conv { end_padding: Some((1, 1)), ..Conv::new(weight) })
    }

    /// Halves a map.
    fn pool(&mut self, from: &str) -> String {
        if self.random.between(0, 1) == 0 {
            self.layer(&[from], SumPool2d(PoolWindow { kernel: (2, 2), stride: None, padding: (0, 0) }))
        } else {
            self.layer(
                &[from],
                AvgPool2d(PoolWindow { kernel: (2, 2), stride: Some((2, 2)), padding: (0, 0) }),
            )
        }
    }

    fn fire(&mut self, from: &str) {
        let threshold = [1.0, 2.0][self.random.between(0, 1)];
        let shape = self.builder.shape(from).unwrap();
        let name = self.layer(&[from], If::new(threshold));
        self.firing.push((name, shape, false));
    }

    /// A firing layer, of a given shape if one is given; else one that can be pooled twice.
    fn source(&mut self, shape: Option<Shape>) -> (String, Shape) {
        loop {
            let index = self.random.between(0, self.firing.len() - 1);
            let (name, found, read) = &mut self.firing[index];
            if shape.map_or(found.height >= 4, |shape| shape == *found) {
                *read = true;
                return (name.clone(), *found);
            }
        }
    }

    /// Some layers between firing layers that were there, and a new one.
    fn block(&mut self) {
        let kind = self.random.between(0, BLOCKS - 1);
        self.blocks[kind] += 1;
        let (s, shape) = self.source(None);
        // Blocks that read one layer leave the others unread.
        let (t, _) =
            if matches!(kind, 0..=2 | 8 | 10..) { (s.clone(), shape) } else { self.source(Some(shape)) };
        let (s, t) = (s.as_str(), t.as_str());
        let last = match kind {
            0 => self.pool(s),
            1 => {
                let pooled = self.pool(s);
                self.conv(&pooled, CHANNELS, 3, 1)
            }
            2 => {
                let current = self.conv(s, CHANNELS, 3, 1);
                self.pool(&current)
            }
            3 => {
                let sum = self.layer(&[s, t], Add);
                self.conv(&sum, CHANNELS, 3, 1)
            }
            4 => {
                let current = self.conv(s, CHANNELS, 3, 1);
                self.layer(&[&current, t], Add)
            }
            5 => {
                let (a, b) = (self.conv(s, CHANNELS, 3, 1), self.conv(t, CHANNELS, 1, 2));
                let sum = self.layer(&[&a, &b], Add);
                self.norm(&sum)
            }
            6 => {
                let current = self.conv(s, CHANNELS, 3, 1);
                let (a, b) = (self.pool(&current), self.pool(t));
                self.layer(&[&a, &b], Add)
            }
            7 => {
                let both = self.layer(&[s, t], Concat);
                let pooled = self.pool(&both);
                self.conv(&pooled, 2 * CHANNELS, 3, 2)
            }
            // Windows that overlap, with padding.
            8 => self
                .layer(&[s], SumPool2d(PoolWindow { kernel: (3, 3), stride: Some((1, 1)), padding: (1, 1) })),
            9 => self.layer(&[s, t, s], Add),
            10 => {
                let window = PoolWindow { kernel: (3, 3), stride: Some((2, 2)), padding: (1, 1) };
                let pooled = self.layer(&[s], MaxPool2d(window));
                self.conv(&pooled, CHANNELS, 3, 1)
            }
            // A larger map is not made larger still.
            11 if shape.height <= 8 => {
                let large = self.layer(&[s], Upsample { factor: (2, 1) });
                self.conv(&large, CHANNELS, 3, 1)
            }
            11 => self.pool(s),
            12 => {
                let current = self.conv(s, CHANNELS, 3, 1);
                let large = self.layer(&[&current], Scale { factor: vec![0.5, -1.0, 2.0, 0.25] });
                self.layer(&[&large], Upsample { factor: (1, 2) })
            }
            // Convolutions in a row, of all channels or in groups.
            13 => {
                let groups = ([1, 2, 4][self.random.between(0, 2)], [1, 2][self.random.between(0, 1)]);
                let current = self.conv(s, CHANNELS, 3, groups.0);
                self.conv(&current, CHANNELS, 1, groups.1)
            }
            // An even kernel that keeps the map's size.
            14 => self.even(s),
            _ => {
                let turned = self.layer(&[s], Reshape { shape: (shape.len(), 1, 1) });
                let back = self.layer(&[&turned], Reshape { shape: (CHANNELS, shape.height, shape.width) });
                self.even(&back)
            }
        };
        self.fire(&last);
    }

    fn norm(&mut self, from: &str) -> String {
        let vector = |value: f64| Tensor::new(vec![CHANNELS], vec![value; CHANNELS]);
        let (scale, shift, mean, variance) = (vector(1.0), vector(0.125), vector(0.25), vector(4.0));
        self.layer(&[from], BatchNorm { scale, shift, mean, variance, epsilon: 0.0 })
    }

    /// What nothing reads yet is added up: pooled, flattened, each through a matrix of its own.
    fn ending(&mut self) {
        let unread: Vec<String> =
            self.firing.iter().filter(|(.., read)| !read).map(|(name, ..)| name.clone()).collect();
        let mut currents = Vec::new();
        for name in unread {
            let pooled = self.pool(&name);
            let elements = self.builder.shape(&pooled).unwrap().len();
            let flat = self.layer(&[&pooled], Flatten);
            let weight = Tensor::new(vec![5, elements], quarters(self.random, 5 * elements));
            let mut current = self.layer(&[&flat], Linear { weight, bias: None });
            if self.random.between(0, 2) == 2 {
                let weight = Tensor::new(vec![5, 5], quarters(self.random, 25));
                current = self.layer(&[&current], Linear { weight, bias: None });
            }
            currents.push(current);
        }
        let names: Vec<&str> = currents.iter().map(String::as_str).collect();
        let sum = if names.len() > 1 { self.layer(&names, Add) } else { currents[0].clone() };
        self.builder.layer("out", &[sum], MeanOverTime);
    }
}
