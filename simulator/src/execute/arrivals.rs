//! How many packets a slice's spikes send and a feed brings: counted without following each.

use snnc_compiler::ir::program::{CoreSlice, Slice};

use super::feeds::{Counted, Feed};
use super::record::Record;

/// Which spikes of a source slice are packets counted at a slice they reach.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Arrivals {
    /// All, the usual case.
    All,
    /// None: other slices of the core come first.
    None,
    /// Those of these positions.
    Of(Vec<usize>),
}

impl Arrivals {
    /// Of a feed.
    pub fn new(feed: &Feed) -> Self {
        let counted = |position: usize| match &feed.counted {
            Counted::All => true,
            Counted::None => false,
            Counted::Some(here) => here[position],
        };
        let reached = |&position: &usize| feed.taps[position].is_some() && counted(position);
        let positions: Vec<usize> = (0..feed.taps.len()).filter(reached).collect();
        match positions.len() {
            0 => Self::None,
            n if n == feed.taps.len() => Self::All,
            _ => Self::Of(positions),
        }
    }

    /// Packets of the spikes that `source` sent in a timestep of its window; `spikes` is their number.
    pub fn packets(&self, source: &Slice, record: &Record, step: usize, spikes: u64) -> u64 {
        match self {
            Self::All => spikes,
            Self::None => 0,
            Self::Of(_) if spikes == 0 => 0,
            Self::Of(positions) => positions.iter().map(|&p| record.spikes.count(source, p, step)).sum(),
        }
    }
}

/// Packets that a slice's spikes send.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Departures {
    /// So many each, wherever the neuron is.
    Each(u64),
    /// By position.
    By(Vec<u64>),
}

impl Departures {
    /// Of a placed slice.
    pub fn new(placed: &CoreSlice) -> Self {
        let routes = |position| placed.routes(position).len() as u64;
        let all: Vec<u64> = (0..placed.slice.positions()).map(routes).collect();
        match all.first() {
            Some(&first) if all.iter().all(|&routes| routes == first) => Self::Each(first),
            _ => Self::By(all),
        }
    }

    /// Packets of a timestep of the window; `spikes` is the number of its spikes.
    pub fn packets(&self, slice: &Slice, record: &Record, step: usize, spikes: u64) -> u64 {
        match self {
            Self::Each(routes) => routes * spikes,
            Self::By(_) if spikes == 0 => 0,
            Self::By(routes) => {
                let each = routes.iter().enumerate();
                each.map(|(position, routes)| routes * record.spikes.count(slice, position, step)).sum()
            }
        }
    }
}
