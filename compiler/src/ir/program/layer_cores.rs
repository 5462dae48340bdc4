//! What a layer asks of a chip whose cores take one layer each ([`LayerCores`]).
//!
//! The mapping chooses cores by it and [`Program::verify_against`] checks the choice by it, so the two cannot differ.
//! The chip knows plain convolutions over one kernel: what feeds a layer must agree in geometry, and its source
//! channels are added up (a concatenation). It knows no groups: its memory has a word for every pair of channels, so a
//! grouped kernel takes as much of it as one of all channels.

use snnc_targets::Place;
use snnc_targets::layer_cores::{LayerCore, LayerCores};

use super::Program;
use crate::ir::spiking::{Convolution, Projection, SpikingIr};
use crate::ir::{ConvMap, PopulationId};

/// What one layer asks of a core that takes whole layers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct LayerDemand {
    /// Source channels; 0 if only the host feeds it.
    inputs: u64,
    /// Kernel height x width.
    taps: u64,
    /// Channels.
    outputs: u64,
    /// Words of kernel memory.
    pub kernel_words: u64,
    /// Words of neuron memory.
    pub neuron_words: u64,
}

impl LayerDemand {
    /// What a layer asks for, whether or not some core has it.
    pub fn new(ir: &SpikingIr, id: PopulationId) -> Self {
        let shape = ir.model.populations[id].shape;
        // Irregular connections have no kernel; `unable` refuses them.
        let incoming = || ir.projections.values().filter(|p| p.target == id).filter_map(|p| p.conv());
        let inputs = incoming().map(|p| p.kernel.channels.sources().len() as u64).sum();
        let taps = incoming().map(|p| (p.kernel.height * p.kernel.width) as u64).max().unwrap_or(0);
        let outputs = shape.channels as u64;
        Self {
            inputs,
            taps,
            outputs,
            kernel_words: LayerCores::kernel_words(inputs, taps, outputs),
            neuron_words: LayerCores::neuron_words(outputs, shape.height as u64, shape.width as u64),
        }
    }

    /// Whether a core has the memory.
    pub fn fits(&self, core: &LayerCore) -> bool {
        self.kernel_words <= core.kernel_words.into() && self.neuron_words <= core.neuron_words.into()
    }

    /// The formula of the words of kernel memory, with its numbers.
    pub fn kernel_arithmetic(&self) -> String {
        format!(
            "kernel {} x 2^(ceil(log2 {}) + ceil(log2 {})) = {} words",
            self.inputs,
            self.taps,
            self.outputs,
            words(self.kernel_words)
        )
    }
}

/// A number of words as text, for example `2097152 (2 Mi)`.
pub fn words(count: u64) -> String {
    match count {
        n if n >= 1 << 20 && n.is_multiple_of(1 << 20) => format!("{n} ({} Mi)", n >> 20),
        n if n >= 1 << 10 && n.is_multiple_of(1 << 10) => format!("{n} ({} Ki)", n >> 10),
        n => n.to_string(),
    }
}

/// What no layer core can do about a layer, whichever it gets: message and remedy.
pub fn unable(ir: &SpikingIr, layers: &LayerCores, id: PopulationId) -> Vec<(String, &'static str)> {
    let mut problems = Vec::new();
    if ir.projections.values().any(|p| p.target == id && p.conv().is_none()) {
        problems.push((
            "it is fed by an irregular projection, which layer cores do not have".into(),
            "choose another target",
        ));
    }
    let incoming: Vec<&Convolution> =
        ir.projections.values().filter(|p| p.target == id).filter_map(Projection::conv).collect();
    if incoming.windows(2).any(|p| p[0].map != p[1].map) {
        problems.push((
            "it is fed through kernels of different geometry, a layer core has one kernel".into(),
            "join the sources by a concatenation under one convolution",
        ));
    }
    for conv in &incoming {
        geometry(&conv.map, layers, &mut problems);
    }
    let channels = ir.model.populations[id].shape.channels as u64;
    let widest = incoming.iter().map(|p| p.kernel.channels.sources().len() as u64).sum::<u64>().max(channels);
    if widest > layers.channels_max.get().into() {
        let most = layers.channels_max.get();
        problems.push((format!("{widest} channels, a layer core has at most {most}"), "use fewer channels"));
    }
    let mut targets: Vec<_> = ir.projections.values().filter(|p| p.source == id).map(|p| p.target).collect();
    targets.sort_unstable();
    targets.dedup();
    if targets.len() as u64 > layers.destinations_max.get().into() {
        let (sends, most) = (targets.len(), layers.destinations_max.get());
        problems.push((
            format!("it feeds {sends} layers, a layer core sends to at most {most}"),
            "use fewer skip paths",
        ));
    }
    problems
}

fn geometry(map: &ConvMap, layers: &LayerCores, problems: &mut Vec<(String, &'static str)>) {
    let axes = [&map.rows, &map.cols];
    if axes.iter().any(|axis| axis.transposed) {
        problems.push((
            "a transposed convolution, which layer cores do not have".into(),
            "upsample outside the chip, or choose another target",
        ));
        return;
    }
    let side = axes.iter().map(|axis| axis.kernel).max().unwrap_or(0);
    if side as u64 > layers.kernel_max.get().into() {
        let most = layers.kernel_max.get();
        problems
            .push((format!("a kernel of {side}, a layer core has at most {most}"), "use a smaller kernel"));
    }
    let odd = axes.iter().find(|axis| !layers.strides.0.iter().any(|&s| s as usize == axis.stride));
    if let Some(axis) = odd {
        let known = &layers.strides.0;
        problems.push((format!("stride {}, layer cores have {known:?}", axis.stride), "use another stride"));
    }
}

impl Program {
    /// On a target with layer cores: one whole layer a core, each on a core that has the memory. (place, message).
    pub(super) fn layer_core_problems(&self, ir: &SpikingIr) -> Vec<(Place, String)> {
        let Some(layers) = &self.target.layer_cores else { return Vec::new() };
        let mut problems = Vec::new();
        for (id, core) in self.cores.iter() {
            let mut fail = |message: String| problems.push((id.into(), message));
            let layer = core.slices.first().map(|placed| placed.slice.population);
            let one = core.slices.iter().all(|placed| Some(placed.slice.population) == layer);
            let Some(population) = layer.filter(|_| one) else {
                fail("a layer core holds one layer".into());
                continue;
            };
            if core.neurons() as usize != ir.model.populations[population].shape.len() {
                fail(format!("holds a part of {population}, a layer core takes whole layers"));
            }
            let demand = LayerDemand::new(ir, population);
            let site = self.sites[id].0 as usize;
            if !layers.cores.0.get(site).is_some_and(|core| demand.fits(core)) {
                fail(format!("{population} needs {demand:?}, site {site} has less"));
            }
            unable(ir, layers, population).into_iter().for_each(|(message, _)| fail(message));
        }
        problems
    }
}
