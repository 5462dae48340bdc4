//! What populations did in a pass, and the same slice by slice for those who ask.

use std::ops::Deref;
use std::sync::{Arc, OnceLock};

use snnc_compiler::ir::program::{Program, Slice};
use snnc_compiler::ir::spiking::Population;
use snnc_compiler::ir::{PopulationId, Shape};

use super::gang::{Done, Gang};
use super::slice::{SliceTrace, Spike};
use super::spikes::Spikes;
use crate::counts::SliceTable;

/// What a population did in a pass.
#[derive(Debug, Clone)]
pub struct Record {
    /// Spikes by timestep of its window.
    pub spikes: Spikes,
    shape: Shape,
    /// Timesteps of its window.
    steps: usize,
    /// What the parts of its gangs did.
    done: Vec<Vec<Done>>,
}

impl Record {
    /// Before the window.
    pub fn new(population: &Population) -> Self {
        let (shape, steps) = (population.shape, population.window.steps as usize);
        Self { spikes: Spikes::new(shape, steps), shape, steps, done: Vec::new() }
    }

    /// What the parts of each gang did, for those who count or look at membranes.
    pub fn done(&self) -> &[Vec<Done>] {
        &self.done
    }

    /// Keeps what the parts of each gang did, without their spikes, which are in [`Record::spikes`].
    pub fn keep(&mut self, done: Vec<Vec<Done>>) {
        self.done = done;
        self.done.iter_mut().flatten().for_each(Done::forget_spikes);
    }

    /// Spikes of one of its slices by timestep.
    pub fn fired(&self, slice: &Slice) -> Vec<Vec<Spike>> {
        (0..self.steps).map(|step| self.spikes.of_slice(slice, step)).collect()
    }

    /// Membranes after the window, `[position][channel]`; `gangs` are the population's.
    pub fn membranes(&self, gangs: &[Gang]) -> Vec<i32> {
        let mut membranes = vec![0; self.shape.len()];
        for (gang, parts) in gangs.iter().zip(&self.done) {
            parts.iter().for_each(|done| done.deposit_membranes(gang, self.shape.channels, &mut membranes));
        }
        membranes
    }

    /// One of its slices; `membranes` are all.
    fn trace(&self, slice: &Slice, membranes: &[i32]) -> SliceTrace {
        let mut own = Vec::with_capacity(slice.neurons() as usize);
        for position in 0..slice.positions() {
            let (y, x) = slice.coordinates(position);
            let position = y as usize * self.shape.width + x as usize;
            let first = self.spikes.bit(position, slice.channels.start as usize);
            own.extend_from_slice(&membranes[first..first + slice.atoms() as usize]);
        }
        SliceTrace { fired: self.fired(slice), membranes: own }
    }
}

/// The records of a pass as traces of slices, made when first asked for: without timing nobody asks.
#[derive(Debug, Clone)]
pub struct Traces {
    slices: Arc<Vec<Slice>>,
    gangs: Arc<Vec<Vec<Gang>>>,
    /// By population; none for those of other networks.
    records: Vec<Option<Record>>,
    made: OnceLock<Vec<SliceTrace>>,
}

impl Traces {
    /// Of the records of a pass; they and the gangs by population, `slices` are all of the program.
    pub(super) fn new(
        slices: Arc<Vec<Slice>>,
        gangs: Arc<Vec<Vec<Gang>>>,
        records: Vec<Option<Record>>,
    ) -> Self {
        Self { slices, gangs, records, made: OnceLock::new() }
    }

    /// What a population did; none if it is of another network.
    pub fn population(&self, population: PopulationId) -> Option<&Record> {
        self.records.get(population.0 as usize).and_then(Option::as_ref)
    }

    fn make(&self) -> Vec<SliceTrace> {
        let gangs = self.gangs.iter().zip(&self.records);
        let membranes: Vec<Vec<i32>> = gangs
            .map(|(gangs, record)| record.as_ref().map(|record| record.membranes(gangs)).unwrap_or_default())
            .collect();
        let trace = |slice: &Slice| {
            let record = self.population(slice.population)?;
            Some(record.trace(slice, &membranes[slice.population.0 as usize]))
        };
        self.slices.iter().map(|slice| trace(slice).unwrap_or_default()).collect()
    }
}

impl Deref for Traces {
    type Target = [SliceTrace];

    /// One trace a slice; empty for slices of other networks.
    fn deref(&self) -> &[SliceTrace] {
        self.made.get_or_init(|| self.make())
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
