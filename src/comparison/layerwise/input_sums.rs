//! What spikes bring the neurons of a layer in a timestep: in floats by the trained weights, on the chip by its
//! integers.

use snnc_compiler::ir::spiking::{Connectivity, Convolution, SparseSynapses};
use snnc_compiler::ir::{AxisMap, Shape};
use snnc_compiler::passes::collect::{KernelWiring, NeuronLayer, SourceKernel};
use snnc_compiler::weights::FloatArray;

/// Spikes `[t, c, h, w]` by timestep.
pub(super) fn from_outside(port: &NeuronLayer, input: &[f64]) -> Vec<Vec<bool>> {
    let maps = input.chunks_exact(port.shape.len());
    maps.map(|map| map.iter().map(|&value| value != 0.0).collect()).collect()
}

/// Input sums of a timestep, `[h, w, c]`.
pub(super) struct InputSums {
    /// Of the trained weights.
    pub float: Vec<f64>,
    /// Of the chip's weights, before the shift.
    pub chip: Vec<i32>,
}

impl InputSums {
    /// No spikes to so many neurons.
    pub fn none(neurons: usize) -> Self {
        Self { float: vec![0.0; neurons], chip: vec![0; neurons] }
    }

    /// Spikes `[c, h, w]` of a source of shape `from` through a kernel.
    pub fn add(
        &mut self,
        (from, to): (Shape, Shape),
        source: &SourceKernel,
        connectivity: &Connectivity,
        spikes: &[bool],
    ) {
        match connectivity {
            Connectivity::Conv(conv) => match &source.weights {
                FloatArray::Single(weights) => self.add_kernel((from, to), weights, conv, spikes),
                FloatArray::Double(weights) => self.add_kernel((from, to), weights, conv, spikes),
            },
            Connectivity::Sparse(lists) => self.add_synapses(source, lists, spikes),
        }
    }

    fn add_kernel<W: Copy + Into<f64>>(
        &mut self,
        (from, to): (Shape, Shape),
        weights: &[W],
        conv: &Convolution,
        spikes: &[bool],
    ) {
        let (rows, cols) = (&conv.map.rows, &conv.map.cols);
        let reach =
            |axis: &AxisMap| -> Vec<_> { (0..axis.input).map(|i| axis.reach(i, 0..axis.output)).collect() };
        let (down, across) = (reach(rows), reach(cols));
        let channels = &conv.kernel.channels;
        let outputs = channels.outputs;
        for (i, _) in spikes.iter().enumerate().filter(|(_, fired)| **fired) {
            let (c, position) = (i / from.positions(), i % from.positions());
            let joined = channels.targets_of(c);
            if joined.is_empty() {
                continue;
            }
            for &(ty, ky) in &down[position / from.width] {
                for &(tx, kx) in &across[position % from.width] {
                    let row = (((c - channels.first_input) * rows.kernel + ky) * cols.kernel + kx) * outputs;
                    let at = (ty * to.width + tx) * to.channels + joined.start;
                    let float = self.float[at..at + outputs].iter_mut().zip(&weights[row..row + outputs]);
                    float.for_each(|(sum, &weight)| *sum += weight.into());
                    let chip = self.chip[at..at + outputs].iter_mut().zip(conv.kernel.row(c, ky, kx));
                    chip.for_each(|(sum, &weight)| *sum += i32::from(weight));
                }
            }
        }
    }

    /// Spikes through a list of synapses.
    fn add_synapses(&mut self, source: &SourceKernel, lists: &SparseSynapses, spikes: &[bool]) {
        if let KernelWiring::Sparse { sources, targets } = &source.wiring {
            for ((&from, &to), weight) in sources.iter().zip(targets).zip(source.weights.iter()) {
                if spikes[from as usize] {
                    self.float[to as usize] += weight;
                }
            }
        }
        for (i, _) in spikes.iter().enumerate().filter(|(_, fired)| **fired) {
            lists.row(i).for_each(|(to, weight)| self.chip[to as usize] += i32::from(weight));
        }
    }
}
