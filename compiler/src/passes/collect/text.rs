//! Collected neurons for people: a line a layer, and one for whatever feeds it.

use std::fmt;

use snnc_targets::text_table::{TextTable, left, right};

use super::{Collected, KernelWiring, NeuronLayer, SourceKernel};
use crate::ir::ConvMap;
use crate::ir::spiking::HostStage;

impl fmt::Display for Collected {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "network {} ({} timesteps)", self.network, self.timesteps)?;
        let mut table = TextTable::new(2, [left(""), right(""), left("")]);
        for layer in &self.layers {
            table.row([layer.name.clone(), layer.shape.to_string(), layer.kind.to_string()]);
        }
        for (layer, line) in self.layers.iter().zip(table.lines()) {
            writeln!(f, "{line}")?;
            layer.feeds(f)?;
            for kernel in &layer.sources {
                let source = &self.layers[kernel.source].name;
                match kernel.delay {
                    0 => writeln!(f, "    <- {source}: {}", Wires(kernel))?,
                    late => writeln!(f, "    <- {source}, {late} timesteps late: {}", Wires(kernel))?,
                }
            }
        }
        Ok(())
    }
}

impl NeuronLayer {
    /// What is constant over time.
    fn feeds(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for stage in self.host.iter().flat_map(|path| &path.stages) {
            match stage {
                HostStage::Embedding { rows, width, .. } => writeln!(f, "    host: table [{rows}, {width}]")?,
                HostStage::Conv { map, channels, weights, .. } => {
                    let (groups, n) = (channels.groups, weights.len());
                    writeln!(f, "    host: kernel {} in {groups} groups, {n} weights", KernelGeometry(map))?;
                }
            }
        }
        let ends = self.bias.iter().fold((0.0f64, 0.0f64), |(low, high), &b| (low.min(b), high.max(b)));
        if ends != (0.0, 0.0) {
            writeln!(f, "    bias: {} values from {:.4} to {:.4}", self.bias.len(), ends.0, ends.1)?;
        }
        Ok(())
    }
}

/// A kernel's form and size.
struct Wires<'a>(&'a SourceKernel);

impl fmt::Display for Wires<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let n = self.0.weights.len();
        match &self.0.wiring {
            KernelWiring::Conv { map, channels } => {
                let (sources, targets) = (channels.sources(), channels.targets());
                write!(f, "kernel {}, channels {sources:?} to {targets:?}", KernelGeometry(map))?;
                write!(f, " in {} groups, {n} weights", channels.groups)
            }
            KernelWiring::Sparse { .. } => write!(f, "list of {n} synapses"),
        }
    }
}

/// Rows and columns of a kernel.
struct KernelGeometry<'a>(&'a ConvMap);

impl fmt::Display for KernelGeometry<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let ConvMap { rows, cols } = self.0;
        write!(f, "{} x {}", rows.kernel, cols.kernel)?;
        let pairs = [
            ("stride", (rows.stride, cols.stride), (1, 1)),
            ("padding", (rows.padding, cols.padding), (0, 0)),
            ("dilation", (rows.dilation, cols.dilation), (1, 1)),
        ];
        for (name, pair, usual) in pairs {
            if pair != usual {
                write!(f, " {name} {pair:?}")?;
            }
        }
        f.write_str(if rows.transposed || cols.transposed { " transposed" } else { "" })
    }
}
