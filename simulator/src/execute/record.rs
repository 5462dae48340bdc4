//! What populations did in a pass, and traces of single slices, made on demand.

use std::ops::Deref;
use std::sync::{Arc, OnceLock};

use snnc_compiler::ir::program::{Program, Slice};
use snnc_compiler::ir::spiking::Population;
use snnc_compiler::ir::{PopulationId, Shape};

use super::fused::{FusedSlices, WindowResult};
use super::kernels::LANES;
use super::slice::{SliceSpike, SliceTrace};
use super::spikes::SpikeBits;
use crate::counts::SliceTable;

/// What a population did in a pass.
#[derive(Debug, Clone)]
pub struct PopulationRecord {
    /// Spikes by timestep of its window.
    pub spikes: SpikeBits,
    shape: Shape,
    /// Timesteps of its window that the record holds, and those before them whose spikes are still read.
    steps: usize,
    /// The latter.
    history: usize,
    /// What the parts of its fused slices did.
    done: Vec<Vec<WindowResult>>,
}

impl PopulationRecord {
    /// An empty record, as it is before the window.
    pub fn new(population: &Population) -> Self {
        let (shape, steps) = (population.shape, population.window.steps as usize);
        Self { spikes: SpikeBits::new(shape, steps), shape, steps, history: 0, done: Vec::new() }
    }

    /// The record of `steps` timesteps, as it is before them; the spikes of `before` come first.
    pub fn after(shape: Shape, before: &SpikeBits, steps: usize) -> Self {
        let history = before.steps();
        let mut spikes = SpikeBits::new(shape, history + steps);
        spikes.copy_first(before);
        Self { spikes, shape, steps: history + steps, history, done: Vec::new() }
    }

    /// The state in which each part of its fused slices ended, if it was kept.
    pub fn take_states(&mut self) -> Vec<Vec<[i32; LANES]>> {
        self.done.iter_mut().flatten().map(WindowResult::take_state).collect()
    }

    /// Timesteps before its own whose spikes it holds.
    pub fn history(&self) -> usize {
        self.history
    }

    /// Its own timesteps.
    pub fn own_steps(&self) -> std::ops::Range<usize> {
        self.history..self.steps
    }

    /// What the parts of each group of fused slices did: counts and membranes.
    pub fn done(&self) -> &[Vec<WindowResult>] {
        &self.done
    }

    /// Keeps what the parts of each group of fused slices did, without their spikes, which are in
    /// [`PopulationRecord::spikes`].
    pub fn keep(&mut self, done: Vec<Vec<WindowResult>>) {
        self.done = done;
        self.done.iter_mut().flatten().for_each(WindowResult::forget_spikes);
    }

    /// Spikes of one of its slices by timestep.
    pub fn fired(&self, slice: &Slice) -> Vec<Vec<SliceSpike>> {
        self.own_steps().map(|step| self.spikes.of_slice(slice, step)).collect()
    }

    /// The same, of the timesteps before its own as well.
    pub fn fired_with_history(&self, slice: &Slice) -> Vec<Vec<SliceSpike>> {
        (0..self.steps).map(|step| self.spikes.of_slice(slice, step)).collect()
    }

    /// Membranes after the window, `[position][channel]`; `fusions` are the population's.
    pub fn membranes(&self, fusions: &[FusedSlices]) -> Vec<i32> {
        let mut membranes = vec![0; self.shape.len()];
        for (fused, parts) in fusions.iter().zip(&self.done) {
            parts.iter().for_each(|done| done.deposit_membranes(fused, self.shape.channels, &mut membranes));
        }
        membranes
    }

    /// Membranes after its own timestep `step`, likewise, if they were recorded.
    pub fn membranes_after(&self, fusions: &[FusedSlices], step: usize) -> Vec<i32> {
        let mut membranes = vec![0; self.shape.len()];
        for (fused, parts) in fusions.iter().zip(&self.done) {
            let each = parts.iter();
            each.for_each(|done| done.deposit_watched(fused, (self.shape.channels, step), &mut membranes));
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

/// Traces of all slices in a pass. They are made from the populations' records at the first access, since a run without
/// a model of time never reads them.
#[derive(Debug, Clone)]
pub struct SliceTraces {
    slices: Arc<Vec<Slice>>,
    fusions: Arc<Vec<Vec<FusedSlices>>>,
    /// By population; none for those of other networks.
    records: Vec<Option<PopulationRecord>>,
    made: OnceLock<Vec<SliceTrace>>,
}

impl SliceTraces {
    /// Keeps the records of a pass; they and the fused slices are given by population, `slices` are all of the program.
    pub(super) fn new(
        slices: Arc<Vec<Slice>>,
        fusions: Arc<Vec<Vec<FusedSlices>>>,
        records: Vec<Option<PopulationRecord>>,
    ) -> Self {
        Self { slices, fusions, records, made: OnceLock::new() }
    }

    /// What a population did; none if it is of another network.
    pub fn population(&self, population: PopulationId) -> Option<&PopulationRecord> {
        self.records.get(population.0 as usize).and_then(Option::as_ref)
    }

    fn make(&self) -> Vec<SliceTrace> {
        let fusions = self.fusions.iter().zip(&self.records);
        let membranes: Vec<Vec<i32>> = fusions
            .map(|(fusions, record)| {
                record.as_ref().map(|record| record.membranes(fusions)).unwrap_or_default()
            })
            .collect();
        let trace = |slice: &Slice| {
            let record = self.population(slice.population)?;
            Some(record.trace(slice, &membranes[slice.population.0 as usize]))
        };
        self.slices.iter().map(|slice| trace(slice).unwrap_or_default()).collect()
    }
}

impl Deref for SliceTraces {
    type Target = [SliceTrace];

    /// One trace a slice; empty for slices of other networks.
    fn deref(&self) -> &[SliceTrace] {
        self.made.get_or_init(|| self.make())
    }
}

impl PartialEq for SliceTraces {
    fn eq(&self, other: &Self) -> bool {
        **self == **other
    }
}

/// All slices of a program by their numbers.
pub fn slices(program: &Program, table: &SliceTable) -> Arc<Vec<Slice>> {
    Arc::new((0..table.len()).map(|index| table.slice(program, index).slice.clone()).collect())
}
