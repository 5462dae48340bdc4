//! From a program and a run's record to the report's data.

use std::collections::{BTreeSet, HashSet};

use snnc_compiler::ir::program::Program;
use snnc_compiler::ir::spiking::HostWork;
use snnc_compiler::ir::{CoreId, NetworkId, PopulationId};
use snnc_simulator::charge::{
    ACCUMULATE_J, Bill, Component, MULTIPLY_ACCUMULATE_J, Meter, RunRecord, SliceTally,
};
use snnc_simulator::counts::SliceTable;
use snnc_simulator::time::Fidelity;
use snnc_targets::entity::EntityMap;

use super::constants::{assumed_note, energy_constants, range_note, repeated_note, target_info};
use super::data::{
    Components, CoreEnergy, EnergyConstant, HopsByKind, Host, HostLayer, Iteration, Layer, Mapping,
    Overflows, Paper, PerItem, Range, Report, SCHEMA, Totals,
};

/// What a report is made of.
#[derive(Debug, Clone, Copy)]
pub struct ReportInput<'a> {
    /// The program that ran.
    pub program: &'a Program,
    /// Its slice numbering.
    pub slices: &'a SliceTable,
    /// What timed and charged the run.
    pub meter: &'a Meter,
    /// What happened and what it cost.
    pub run: &'a RunRecord,
    /// What an item of the workload is called: `image` for images, anything else is reported as samples.
    pub item_name: &'a str,
    /// Wall-clock seconds of compilation; 0 when a program file was read.
    pub compile_s: f64,
    /// Wall-clock seconds of the simulation.
    pub wall_s: f64,
    /// Peak memory of the process in bytes, 0 where unknown; see [`super::memory::peak_bytes`].
    pub peak_memory_bytes: u64,
}

impl ReportInput<'_> {
    /// The report.
    pub fn report(&self) -> Report {
        let (mut iterations, mut passes) = (self.passes(), Vec::new());
        let (mut per_image, mut per_sample) = (self.per_item(), Vec::new());
        if !self.generates() {
            std::mem::swap(&mut iterations, &mut passes);
            std::mem::swap(&mut per_image, &mut per_sample);
        }
        let constants = energy_constants(self);
        Report {
            schema: SCHEMA.into(),
            model: self.program.model.name.clone(),
            target: target_info(&self.program.target),
            fidelity: self.run.total.fidelity.to_string(),
            mapping: self.mapping(),
            totals: self.totals(),
            energy_j: components(&self.run.total.ledger.total()),
            energy_range_j: range(self.run.total.bounds.each_ref().map(|ledger| ledger.total())),
            layers: self.layers(),
            cores: self.cores(),
            host: self.host(),
            iterations,
            passes,
            per_image,
            per_sample,
            hops_by_kind: self.hops_by_kind(),
            time: super::timing::build::time(self),
            overflows: self.overflows(),
            warnings: crate::warnings::of(&self.program.warnings()),
            notes: self.notes(&constants),
            energy_constants: constants,
            paper_figure: self.paper(),
        }
    }

    fn mapping(&self) -> Mapping {
        let topology = self.program.topology();
        let chips: HashSet<u32> = self.program.sites.values().map(|&s| topology.chip_of(s)).collect();
        Mapping {
            cores_used: self.program.cores.len() as u64,
            chips_used: chips.len() as u64,
            chips_present: topology.chips.into(),
            compile_s: self.compile_s,
        }
    }

    fn totals(&self) -> Totals {
        let tally = self.run.total.tally.total();
        let all = tally.total();
        let items = self.run.images.len() as u64;
        Totals {
            images: self.generates().then_some(items),
            samples: (!self.generates()).then_some(items),
            accuracy: None,
            timesteps: tally.timesteps,
            spikes: all.events.spikes,
            synaptic_operations: all.events.synaptic_operations,
            packets: all.events.packets_sent,
            hops: all.hops.total(),
            host_writes: all.host_writes,
            host_reads: all.host_reads,
            time_s: self.timed().then(|| seconds(tally.time.total_ps)),
            energy_j: Bill::joules(self.run.total.ledger.total().total()),
            wall_s: self.wall_s,
            peak_memory_bytes: self.peak_memory_bytes,
        }
    }

    fn layers(&self) -> Vec<Layer> {
        let count = self.program.model.populations.len();
        let tallies = self.run.total.tally.by_population(self.slices, count);
        let bills = self.run.total.ledger.by_population(self.slices, count);
        let mut layers = self.layers_of(&tallies, &bills, &self.run.total.tally.total().passes);
        let [low, high] = self.run.total.bounds.each_ref().map(|l| l.by_population(self.slices, count));
        for (layer, id) in layers.iter_mut().zip(tallies.keys()) {
            layer.energy_range_j = Some(range([low[id], high[id]]));
        }
        layers
    }

    fn layers_of(
        &self,
        tallies: &EntityMap<PopulationId, SliceTally>,
        bills: &EntityMap<PopulationId, Bill>,
        passes: &[u64],
    ) -> Vec<Layer> {
        tallies.keys().map(|id| self.layer(id, &tallies[id], &bills[id], passes)).collect()
    }

    fn layer(&self, id: PopulationId, tally: &SliceTally, bill: &Bill, passes: &[u64]) -> Layer {
        let model = &self.program.model;
        let population = &model.populations[id];
        let network = population.network;
        let neurons = population.shape.len() as u64;
        let timesteps = u64::from(model.networks[network].timesteps);
        let chances = neurons as f64 * timesteps as f64 * passes[network.0 as usize] as f64;
        Layer {
            name: model.layer_name(id),
            neurons,
            cores: self.cores_of(id),
            spikes: tally.events.spikes,
            rate: if chances > 0.0 { tally.events.spikes as f64 / chances } else { 0.0 },
            synaptic_operations: tally.events.synaptic_operations,
            packets: tally.events.packets_sent,
            hops: tally.hops.total(),
            updates_active: tally.events.updates_active,
            updates_inactive: tally.events.updates_inactive,
            energy_j: Bill::joules(bill.total()),
            energy_range_j: None,
            energy_by_component_j: components(bill),
        }
    }

    fn cores(&self) -> Vec<CoreEnergy> {
        let topology = self.program.topology();
        let bills = self.run.total.ledger.by_core(self.slices, self.program.cores.len());
        let core = |(id, bill): (CoreId, &Bill)| CoreEnergy {
            core: id.0.into(),
            chip: topology.chip_of(self.program.sites[id]).into(),
            layers: self.layers_on(id),
            energy_j: Bill::joules(bill.total()),
            energy_by_component_j: components(bill),
        };
        bills.iter().map(core).collect()
    }

    /// Names of the layers that a core holds parts of, each once.
    pub(super) fn layers_on(&self, core: CoreId) -> Vec<String> {
        let mut layers: Vec<String> = Vec::new();
        for placed in &self.program.cores[core].slices {
            let name = self.program.model.layer_name(placed.slice.population);
            if !layers.contains(&name) {
                layers.push(name);
            }
        }
        layers
    }

    /// What the host computed in all passes.
    fn host(&self) -> Host {
        let model = &self.program.model;
        let passes = self.run.total.tally.total().passes;
        let of_network = |(id, &passes): (NetworkId, &u64)| {
            let layer = move |work: HostWork| {
                let multiply_adds = work.multiply_adds_per_pass.saturating_mul(passes);
                HostLayer { work, passes, multiply_adds }
            };
            model.host_work(id).into_iter().map(layer)
        };
        let tasks: Vec<HostLayer> = model.networks.keys().zip(&passes).flat_map(of_network).collect();
        Host {
            multiply_adds: tasks.iter().fold(0, |sum, task| sum.saturating_add(task.multiply_adds)),
            lookups: tasks.iter().map(|task| task.work.lookups_per_pass.saturating_mul(task.passes)).sum(),
            tasks,
        }
    }

    fn cores_of(&self, id: PopulationId) -> u64 {
        let slices = self.slices.populations.iter().zip(&self.slices.cores);
        slices.filter(|(p, _)| **p == id).map(|(_, core)| *core).collect::<BTreeSet<_>>().len() as u64
    }

    fn passes(&self) -> Vec<Iteration> {
        let bills = self.run.total.ledger.by_iteration();
        let cells = self.run.total.tally.iterations.iter().zip(bills).enumerate();
        cells
            .map(|(i, (cell, bill))| {
                let all = cell.total();
                let ran =
                    self.program.model.networks.values().zip(&cell.passes).find(|(_, passes)| **passes > 0);
                Iteration {
                    iteration: self.generates().then_some(i as u64),
                    pass: (!self.generates()).then_some(i as u64),
                    network: ran.map(|(network, _)| network.name.clone()).unwrap_or_default(),
                    passes: cell.passes.iter().sum(),
                    spikes: all.events.spikes,
                    synaptic_operations: all.events.synaptic_operations,
                    packets: all.events.packets_sent,
                    time_s: self.timed().then(|| seconds(cell.time.total_ps)),
                    energy_j: Bill::joules(bill.total()),
                    energy_by_component_j: components(&bill),
                }
            })
            .collect()
    }

    fn per_item(&self) -> Vec<PerItem> {
        let images = self.run.images.iter().enumerate();
        images
            .map(|(i, image)| {
                let (tally, bill) = (image.tally(), image.bill());
                PerItem {
                    image: self.generates().then_some(i as u64),
                    sample: (!self.generates()).then_some(i as u64),
                    timesteps: image.timesteps,
                    spikes: tally.events.spikes,
                    synaptic_operations: tally.events.synaptic_operations,
                    packets: tally.events.packets_sent,
                    hops: tally.hops.total(),
                    host_writes: tally.host_writes,
                    host_reads: tally.host_reads,
                    time_s: image.time_ps.map(seconds),
                    energy_j: Bill::joules(bill.total()),
                    energy_by_component_j: components(&bill),
                    layers: self.layers_of(&image.layers, &image.bills, &image.passes),
                }
            })
            .collect()
    }

    fn hops_by_kind(&self) -> HopsByKind {
        let hops = self.run.total.tally.total().total().hops;
        HopsByKind { east_west: hops.east_west, north_south: hops.north_south, chip: hops.chip }
    }

    fn overflows(&self) -> Overflows {
        let tally = self.run.total.tally.total();
        let events = tally.total().events;
        Overflows {
            accumulator: events.accumulator_overflows,
            state: events.state_saturations,
            bias: tally.bias_saturations,
        }
    }

    fn paper(&self) -> Paper {
        let figure = self.run.total.paper_figure();
        Paper {
            accumulate_j: ACCUMULATE_J,
            accumulates: figure.accumulates,
            multiply_accumulate_j: MULTIPLY_ACCUMULATE_J,
            multiply_accumulates: u64::try_from(figure.multiply_accumulates).unwrap_or(u64::MAX),
            energy_j: figure.total_j(),
        }
    }

    fn notes(&self, constants: &[EnergyConstant]) -> Vec<String> {
        let mut notes = vec![assumed_note(constants)];
        notes.extend(range_note(constants));
        notes.extend(repeated_note(self));
        notes.push(match self.run.total.fidelity {
            Fidelity::None => "time was not modelled, so static energy is not charged".into(),
            Fidelity::Analytic => {
                "time is a bottleneck formula, a lower bound; static energy follows from it and covers every chip \
                 present and all its cores, whether used or not"
                    .into()
            }
            Fidelity::Cycle { every: 1 } => {
                "every packet of every timestep was simulated; static energy follows from that time and covers every \
                 chip present, whether used or not"
                    .into()
            }
            Fidelity::Cycle { every } => format!(
                "one timestep of {every} was simulated, the others were estimated; the times of {} and {}s scatter more than \
                 the total",
                if self.generates() { "iterations" } else { "passes" },
                if self.generates() { "image" } else { "sample" }
            ),
        });
        let o = self.overflows();
        if (o.accumulator, o.state, o.bias) != (0, 0, 0) {
            notes.push(format!(
                "values left their width: {} input sums, {} membranes, {} biases",
                o.accumulator, o.state, o.bias
            ));
        }
        notes
    }

    /// Whether the items are images.
    pub(super) fn generates(&self) -> bool {
        self.item_name == "image"
    }

    pub(super) fn timed(&self) -> bool {
        self.run.total.fidelity != Fidelity::None
    }
}

fn components(bill: &Bill) -> Components {
    let joules = |component| Bill::joules(bill[component]);
    Components {
        synapse: joules(Component::Synapse),
        neuron: joules(Component::Neuron),
        axon: joules(Component::Axon),
        network: joules(Component::Network),
        host: joules(Component::Host),
        static_power: joules(Component::Static),
    }
}

/// Ends of the energy.
fn range([low, high]: [Bill; 2]) -> Range {
    Range { low: Bill::joules(low.total()), high: Bill::joules(high.total()) }
}

pub(super) fn seconds(picoseconds: u128) -> f64 {
    picoseconds as f64 / 1e12
}

#[cfg(test)]
mod tests {
    use snnc_compiler::ir::spiking::HostTask;

    use super::*;
    use crate::report::fixture::run;

    fn close(a: f64, b: f64) {
        assert!((a - b).abs() <= 1e-12 * a.abs().max(b.abs()), "{a} {b}");
    }

    #[test]
    fn every_cut_of_the_energy_gives_the_total() {
        let report = run(Fidelity::Analytic, |input| input.report());
        let total = report.totals.energy_j;
        assert!(report.energy_j.static_power > 0.0);
        close(report.energy_j.iter().map(|(_, j)| j).sum(), total);
        close(report.layers.iter().map(|l| l.energy_j).sum(), total);
        close(report.iterations.iter().map(|i| i.energy_j).sum(), total);
        close(report.per_image.iter().map(|i| i.energy_j).sum(), total);
        close(report.energy_constants.iter().map(|k| k.energy_j).sum(), total);
        close(report.cores.iter().map(|c| c.energy_j).sum(), total);
        for core in &report.cores {
            close(core.energy_by_component_j.iter().map(|(_, j)| j).sum(), core.energy_j);
        }
        close(report.per_image.iter().filter_map(|i| i.time_s).sum(), report.totals.time_s.unwrap());
        assert_eq!(report.layers.iter().map(|l| l.spikes).sum::<u64>(), report.totals.spikes);
    }

    #[test]
    fn the_range_is_what_the_ends_of_the_constants_cost() {
        let report = run(Fidelity::Analytic, |input| input.report());
        let time = report.totals.time_s.unwrap();
        let at = |end: fn(&Range) -> f64| -> f64 {
            let constants = report.energy_constants.iter();
            constants
                .map(|k| {
                    let each = k.range.as_ref().map_or(k.value, end);
                    each * k.events as f64 * if k.unit == "W" { time } else { 1.0 }
                })
                .sum()
        };
        close(report.energy_range_j.low, at(|r| r.low));
        close(report.energy_range_j.high, at(|r| r.high));
        assert!(report.energy_range_j.low < report.totals.energy_j);
        assert!(report.energy_range_j.high > report.totals.energy_j);
        let layers = report.layers.iter().map(|l| l.energy_range_j.unwrap());
        close(layers.clone().map(|r| r.low).sum(), report.energy_range_j.low);
        close(layers.map(|r| r.high).sum(), report.energy_range_j.high);
    }

    #[test]
    fn what_the_host_computes_is_said_by_layer() {
        let report = run(Fidelity::Analytic, |input| input.report());
        // A 3 x 3 kernel over 2 x 2 positions with padding 1 meets (2 x 2) x (2 x 2) pairs, of 3 and of 2 channels;
        // 8 neurons take a bias, 8 membranes are read; 2 images x 3 passes.
        let tasks = report.host.tasks.iter();
        let found: Vec<_> = tasks.map(|t| (t.work.layer.as_str(), t.work.task, t.multiply_adds)).collect();
        let expected = [
            ("net.conv1", HostTask::Embedding, 0),
            ("net.conv1", HostTask::Convolution, 6 * 16 * 3 * 2),
            ("net.conv1", HostTask::BiasScaling, 6 * 8),
            ("net.out", HostTask::ReadoutScaling, 6 * 8),
        ];
        assert_eq!(found, expected);
        assert_eq!((report.host.multiply_adds, report.host.lookups), (6 * (96 + 16), 6 * 4));
    }

    #[test]
    fn a_rate_is_spikes_per_neuron_timestep_and_pass() {
        let report = run(Fidelity::Analytic, |input| input.report());
        // 2 images x 3 passes x 2 timesteps with 5 spikes each; 8 neurons, T = 4.
        close(report.layers[0].rate, 60.0 / (8.0 * 4.0 * 6.0));
        assert_eq!(report.layers[1].rate, 0.0);
    }

    #[test]
    fn without_a_time_the_report_says_so() {
        let report = run(Fidelity::None, |input| input.report());
        assert_eq!((report.totals.time_s, report.energy_j.static_power), (None, 0.0));
        assert!(report.notes.iter().any(|n| n.contains("static energy is not charged")));
    }
}
