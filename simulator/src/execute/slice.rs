//! Spikes of one slice in a pass, and its biases.

use snnc_compiler::ir::program::CoreSlice;
use snnc_compiler::ir::spiking::{Bias, Population};

/// A neuron of a slice that fired.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct SliceSpike {
    /// Position within the slice, row-major.
    pub position: u32,
    /// Channel within the slice.
    pub atom: u32,
}

/// What a slice did in a pass.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct SliceTrace {
    /// Spikes by timestep of its window, ascending.
    pub fired: Vec<Vec<SliceSpike>>,
    /// Membranes after the window, local neuron order.
    pub membranes: Vec<i32>,
}

/// Biases of a slice in local neuron order; `written` are the host's, `[c, h, w]` row-major.
pub fn local_bias(placed: &CoreSlice, population: &Population, written: Option<&[i32]>) -> Vec<i32> {
    let slice = &placed.slice;
    let channels = slice.channels.start as usize..slice.channels.end as usize;
    let values = match (&population.bias, written) {
        (Bias::Zero, _) | (Bias::Host, None) => return vec![0; slice.neurons() as usize],
        (Bias::Channel(values), _) => return values[channels].repeat(slice.positions() as usize),
        (Bias::Neuron(values), _) => values.as_slice(),
        (Bias::Host, Some(values)) => values,
    };
    // Along rows of the map, which lie together.
    let mut all = vec![0; slice.neurons() as usize];
    let (atoms, cols) = (channels.len(), slice.cols.len());
    for (atom, channel) in channels.enumerate() {
        for (row, y) in slice.rows.clone().enumerate() {
            let first = population.shape.at(channel, y as usize, slice.cols.start as usize);
            let to = all[row * cols * atoms + atom..].iter_mut().step_by(atoms);
            to.zip(&values[first..first + cols]).for_each(|(to, from)| *to = *from);
        }
    }
    all
}
