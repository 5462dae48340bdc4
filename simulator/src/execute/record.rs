//! What populations did in a pass, and the same slice by slice for those who ask.

use std::ops::Deref;
use std::sync::{Arc, OnceLock};

use snnc_compiler::ir::PopulationId;
use snnc_compiler::ir::program::{Program, Slice};
use snnc_compiler::ir::spiking::Population;

use super::slice::{SliceTrace, Spike};
use super::spikes::Spikes;
use crate::counts::SliceTable;

/// What a population did in a pass.
#[derive(Debug, Clone)]
pub struct Record {
    /// Spikes by timestep of its window.
    pub spikes: Spikes,
    /// Membranes after the window, `[position][channel]`.
    pub membranes: Vec<i32>,
    /// Timesteps of its window.
    steps: usize,
    /// Columns of the population.
    width: usize,
}

impl Record {
    /// Before the window.
    pub fn new(population: &Population) -> Self {
        let (shape, steps) = (population.shape, population.window.steps as usize);
        Self { spikes: Spikes::new(shape, steps), membranes: vec![0; shape.len()], steps, width: shape.width }
    }

    /// Spikes of one of its slices by timestep.
    pub fn fired(&self, slice: &Slice) -> Vec<Vec<Spike>> {
        (0..self.steps).map(|step| self.spikes.of_slice(slice, step)).collect()
    }

    fn trace(&self, slice: &Slice) -> SliceTrace {
        let mut membranes = Vec::with_capacity(slice.neurons() as usize);
        for position in 0..slice.positions() {
            let (y, x) = slice.coordinates(position);
            let position = y as usize * self.width + x as usize;
            let first = self.spikes.bit(position, slice.channels.start as usize);
            membranes.extend_from_slice(&self.membranes[first..first + slice.atoms() as usize]);
        }
        SliceTrace { fired: self.fired(slice), membranes }
    }
}

/// The records of a pass as traces of slices, made when first asked for: without timing nobody asks.
#[derive(Debug, Clone)]
pub struct Traces {
    slices: Arc<Vec<Slice>>,
    /// By population; none for those of other networks.
    records: Vec<Option<Record>>,
    made: OnceLock<Vec<SliceTrace>>,
}

impl Traces {
    /// Of the records of a pass, by population; `slices` are all of the program.
    pub fn new(slices: Arc<Vec<Slice>>, records: Vec<Option<Record>>) -> Self {
        Self { slices, records, made: OnceLock::new() }
    }

    /// What a population did; none if it is of another network.
    pub fn population(&self, population: PopulationId) -> Option<&Record> {
        self.records.get(population.0 as usize).and_then(Option::as_ref)
    }
}

impl Deref for Traces {
    type Target = [SliceTrace];

    /// One trace a slice; empty for slices of other networks.
    fn deref(&self) -> &[SliceTrace] {
        self.made.get_or_init(|| {
            let trace = |slice: &Slice| self.population(slice.population).map(|record| record.trace(slice));
            self.slices.iter().map(|slice| trace(slice).unwrap_or_default()).collect()
        })
    }
}

impl PartialEq for Traces {
    fn eq(&self, other: &Self) -> bool {
        **self == **other
    }
}

/// All slices of a program by their numbers.
pub fn slices(program: &Program, table: &SliceTable) -> Arc<Vec<Slice>> {
    Arc::new((0..table.len()).map(|index| table.slice(program, index).slice.clone()).collect())
}
