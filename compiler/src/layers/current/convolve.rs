//! Kernels after what gives a current: convolutions, windows of every channel alone, lists of synapses.

use super::compose::{Composed, compose};
use super::composed_channels::joined;
use super::{Current, CurrentSource, LoweringRefusal, SpikeSum, Term};
use crate::ir::channels::{ChannelMap, common};
use crate::ir::spiking::HostStage;
use crate::ir::{ConvMap, Shape};
use crate::layers::{Conv, LoweringSite, SparseLinear};
use crate::passes::collect::{HostPath, KernelWiring, SourceKernel};

/// Most weights of a composed kernel.
const WEIGHTS_MAX: usize = 1 << 27;
/// Most products that composing two kernels may take: some ten seconds.
const PRODUCTS_MAX: usize = 1 << 33;

impl Current {
    /// What a convolution makes of the current.
    ///
    /// # Errors
    /// If it and what is before it are no single kernel.
    pub fn convolved(self, conv: &Conv, site: &LoweringSite<'_>) -> Result<Self, LoweringRefusal> {
        let from = self.shape;
        match self.feed {
            CurrentSource::Host(path) => {
                let outputs = site.shape.channels;
                let bias = conv.bias.as_ref().map_or_else(|| vec![0.0; outputs], |b| b.data.to_vec());
                Ok(Self::host(site.shape, convolved_by_host(path, conv, (from, site.shape), bias)))
            }
            CurrentSource::Spikes(mut spikes) => {
                let host = spikes.host.take();
                let mut sum = Convolving { conv, from, site }.spikes(&spikes)?;
                // Its bias joins once.
                let zeros = vec![0.0; site.shape.channels];
                sum.host = host.map(|path| convolved_by_host(path, conv, (from, site.shape), zeros));
                Ok(Self::spikes(site.shape, sum))
            }
        }
    }

    /// What a window over every channel alone makes of the current: the sum of its taps.
    ///
    /// # Errors
    /// If it and what is before it are no single kernel.
    pub fn windowed(
        mut self,
        map: &ConvMap,
        taps: &[f64],
        site: &LoweringSite<'_>,
    ) -> Result<Self, LoweringRefusal> {
        match &mut self.feed {
            CurrentSource::Host(path) => path.depthwise(self.shape.channels, *map, taps),
            CurrentSource::Spikes(spikes) => {
                let sum = taps.iter().sum::<f64>();
                spikes.check_bias(map, self.shape.channels)?;
                spikes.bias.iter_mut().for_each(|bias| *bias *= sum);
                for term in &mut spikes.terms {
                    term.window(map, taps)?;
                }
            }
        }
        self.shape = site.shape;
        Ok(self)
    }

    /// What copies of every element make of the current: `map` is a transposed kernel whose stride is its length, so
    /// that
    /// each target reads one source.
    ///
    /// # Errors
    /// If it and what is before it are no single kernel.
    pub fn repeated(mut self, map: &ConvMap, site: &LoweringSite<'_>) -> Result<Self, LoweringRefusal> {
        let taps = vec![1.0; map.rows.kernel * map.cols.kernel];
        match &mut self.feed {
            CurrentSource::Host(path) => path.depthwise(self.shape.channels, *map, &taps),
            CurrentSource::Spikes(spikes) => {
                if spikes.bias.len() > self.shape.channels {
                    return Err(LoweringRefusal::here("copies neurons that have a constant each"));
                }
                for term in &mut spikes.terms {
                    term.window(map, &taps)?;
                }
            }
        }
        self.shape = site.shape;
        Ok(self)
    }

    /// What a list of synapses makes of the current.
    ///
    /// # Errors
    /// If something else than firing layers is before it.
    pub fn through_synapses(
        self,
        list: &SparseLinear,
        site: &LoweringSite<'_>,
    ) -> Result<Self, LoweringRefusal> {
        let CurrentSource::Spikes(spikes) = self.feed else {
            return Err(LoweringRefusal::here(
                "Sparse cannot be computed by the host: put a 1 x 1 Conv2d and neurons before it",
            ));
        };
        let mut bias = list.bias.as_ref().map_or_else(|| vec![0.0; list.outputs], |bias| bias.data.to_vec());
        let constant = |source: usize| spikes.bias[if spikes.bias.len() == 1 { 0 } else { source }];
        for ((&source, &target), weight) in list.sources.iter().zip(&list.targets).zip(&list.weights) {
            bias[target as usize] += constant(source as usize) * weight;
        }
        let through = |term: &Term| {
            let pointwise = |map: &ConvMap| {
                *map == ConvMap {
                    rows: crate::ir::AxisMap::pointwise(1),
                    cols: crate::ir::AxisMap::pointwise(self.shape.width),
                }
            };
            let Some(factor) =
                term.depthwise().filter(|(map, _)| pointwise(map)).map(|_| term.kernel.weights.get(0))
            else {
                return Err(fed_by(term));
            };
            let (sources, targets) = (list.sources.clone(), list.targets.clone());
            let weights: Vec<f64> = list.weights.iter().map(|weight| weight * factor).collect();
            let kernel = SourceKernel {
                source: term.kernel.source,
                delay: term.kernel.delay,
                wiring: KernelWiring::Sparse { sources, targets },
                weights: weights.into(),
            };
            Ok(Term { kernel, by: site.label() })
        };
        let terms = spikes.terms.iter().map(through).collect::<Result<_, _>>()?;
        Ok(Self::spikes(site.shape, SpikeSum { terms, bias, bias_by: site.label(), host: None }))
    }
}

fn fed_by(term: &Term) -> LoweringRefusal {
    LoweringRefusal::here(format!("is fed by {}, expected a firing layer", term.by)).hint(
        "put neurons between the two, or multiply their weights into one layer before exporting the model",
    )
}

/// The refusal of two kernels in a row that are no single one.
fn no_single_kernel(term: &Term, why: &str) -> LoweringRefusal {
    LoweringRefusal::here(format!("cannot be folded into one kernel with {}: {why}", term.by)).hint(
        "put neurons between the two, or let the first cover its map: kernel = stride, nothing cut off, no padding or \
         dilation behind it",
    )
}

fn convolved_by_host(
    mut path: HostPath,
    conv: &Conv,
    (from, to): (Shape, Shape),
    bias: Vec<f64>,
) -> HostPath {
    let channels = conv.channels(from.channels, to.channels);
    let taps = conv.weight.shape[2] * conv.weight.shape[3];
    let mut weights = Vec::with_capacity(from.channels * taps * channels.outputs);
    for input in 0..from.channels {
        for tap in 0..taps {
            let weight = |output| conv.weight.data.get(conv.taps(&channels, input, output).start + tap);
            weights.extend(channels.targets_of(input).map(weight));
        }
    }
    path.stages.push(HostStage::Conv {
        map: conv.map(from, to),
        channels,
        outputs: to.channels,
        weights,
        bias,
    });
    path
}

/// A convolution on its way behind kernels that keep channels apart.
struct Convolving<'a> {
    conv: &'a Conv,
    from: Shape,
    site: &'a LoweringSite<'a>,
}

impl Convolving<'_> {
    fn spikes(&self, spikes: &SpikeSum) -> Result<SpikeSum, LoweringRefusal> {
        let map = self.conv.map(self.from, self.site.shape);
        let mut terms = Vec::new();
        for term in &spikes.terms {
            let KernelWiring::Conv { map: first, channels: before } = &term.kernel.wiring else {
                return Err(fed_by(term));
            };
            let composed = compose(first, &map).map_err(|why| no_single_kernel(term, why))?;
            for channels in joined(before, &self.channels()) {
                terms.push(self.term(term, &composed, (first, &map), (before, channels))?);
            }
        }
        let outputs = self.site.shape.channels;
        let mut bias = self.conv.bias.as_ref().map_or_else(|| vec![0.0; outputs], |b| b.data.to_vec());
        if spikes.bias.iter().any(|&b| b != 0.0) {
            spikes.check_bias(&map, self.from.channels)?;
            let channels = self.channels();
            for (output, sum) in bias.iter_mut().enumerate() {
                for input in channels.sources_of(&(output..output + 1)) {
                    let taps = self.conv.taps(&channels, input, output);
                    *sum += spikes.bias[input] * taps.map(|tap| self.conv.weight.data.get(tap)).sum::<f64>();
                }
            }
        }
        Ok(SpikeSum { terms, bias, bias_by: self.site.label(), host: None })
    }

    fn channels(&self) -> ChannelMap {
        self.conv.channels(self.from.channels, self.site.shape.channels)
    }

    /// The kernel from the sources of `before` that `channels` names: each weight is the sum over the channels between.
    fn term(
        &self,
        before: &Term,
        composed: &Composed,
        (first, second): (&ConvMap, &ConvMap),
        (between, channels): (&ChannelMap, ChannelMap),
    ) -> Result<Term, LoweringRefusal> {
        let (all, taps, outputs) = (self.channels(), first.rows.kernel * first.cols.kernel, channels.outputs);
        let volume = channels.sources().len() * composed.taps() * outputs;
        let products =
            (channels.pairs() * between.outputs).saturating_mul(self.conv.kernel_taps()).saturating_mul(taps);
        if volume > WEIGHTS_MAX || products > PRODUCTS_MAX {
            let why = format!("the kernel would have {volume} weights, at most {WEIGHTS_MAX} expected");
            return Err(no_single_kernel(before, &why));
        }
        let mut weights = vec![0.0; volume];
        for (input, block) in channels.sources().zip(weights.chunks_exact_mut(composed.taps() * outputs)) {
            let first_weight = (input - between.first_input) * taps * between.outputs;
            let reached = between.targets_of(input);
            for (o, output) in channels.targets_of(input).enumerate() {
                for middle in common(&reached, &all.sources_of(&(output..output + 1))) {
                    let scale = first_weight + middle - reached.start;
                    let kernel = self.conv.taps(&all, middle, output).start;
                    composed.each(first, second, |tap, j, k| {
                        let scale = before.kernel.weights.get(scale + j * between.outputs);
                        block[tap * outputs + o] += scale * self.conv.weight.data.get(kernel + k);
                    });
                }
            }
        }
        let wiring = KernelWiring::Conv { map: composed.map, channels };
        let kernel = SourceKernel {
            source: before.kernel.source,
            delay: before.kernel.delay,
            wiring,
            weights: weights.into(),
        };
        Ok(Term { kernel, by: self.site.label() })
    }
}

impl Term {
    /// Puts a window over every channel behind the kernel.
    fn window(&mut self, window: &ConvMap, taps: &[f64]) -> Result<(), LoweringRefusal> {
        let KernelWiring::Conv { map, channels } = &self.kernel.wiring else {
            return Err(no_single_kernel(self, "its synapses are a list"));
        };
        let (first, channels) = (*map, *channels);
        let composed = compose(&first, window).map_err(|why| no_single_kernel(self, why))?;
        let (old, outputs) = ((first.rows.kernel * first.cols.kernel) * channels.outputs, channels.outputs);
        let volume = channels.sources().len() * composed.taps() * outputs;
        if volume > WEIGHTS_MAX {
            let why = format!("the kernel would have {volume} weights, at most {WEIGHTS_MAX} expected");
            return Err(no_single_kernel(self, &why));
        }
        let mut weights = vec![0.0; volume];
        let blocks = weights.chunks_exact_mut(composed.taps() * outputs);
        for (block, first_weight) in blocks.zip((0..).step_by(old)) {
            composed.each(&first, window, |tap, j, k| {
                for o in 0..outputs {
                    let weight = self.kernel.weights.get(first_weight + j * outputs + o);
                    block[tap * outputs + o] += weight * taps[k];
                }
            });
        }
        self.kernel.wiring = KernelWiring::Conv { map: composed.map, channels };
        self.kernel.weights = weights.into();
        Ok(())
    }
}

impl SpikeSum {
    /// A constant that every tap of a kernel finds everywhere stays one a channel; padding, which cuts it, does not,
    /// nor do constants that differ between the neurons of the only channel.
    fn check_bias(&self, map: &ConvMap, channels: usize) -> Result<(), LoweringRefusal> {
        let whole = |axis: &crate::ir::AxisMap| {
            let met = (0..axis.input).map(|i| axis.reach(i, 0..axis.output).len()).sum::<usize>();
            !axis.transposed && met == axis.output * axis.kernel
        };
        if self.bias.iter().all(|&b| b == 0.0) {
            return Ok(());
        }
        if self.bias.len() == channels && whole(&map.rows) && whole(&map.cols) {
            return Ok(());
        }
        let message = format!(
            "the constant that {} adds would differ at the map's border, where this layer reads padding",
            self.bias_by
        );
        Err(LoweringRefusal::here(message)
            .hint("put neurons between the two, or leave out the bias or the padding"))
    }
}
