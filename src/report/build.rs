//! From a program and a run's record to the report's data.

use snnc_compiler::ir::NetworkId;
use snnc_compiler::ir::program::Program;
use snnc_compiler::ir::spiking::HostWork;
use snnc_simulator::charge::{
    ACCUMULATE_J, EnergyBreakdown, MULTIPLY_ACCUMULATE_J, Meter, RunRecord, SliceTally,
};
use snnc_simulator::counts::SliceTable;
use snnc_simulator::time::{DEFAULT_EVERY, Fidelity, SimulationEffort};
use snnc_targets::{Diagnostic, EnergyEvent};

use super::constants::{area_constants, energy_constants, target_info};
use super::data::{
    Certainty, EnergyByComponent, Exact, ExactByComponent, Hops, Host, HostLayer, Overflows, Paper, Range,
    Report, SCHEMA, SpikesOverTime, Totals,
};
use super::notes::notes;
use crate::warnings;

/// What a report is made of.
#[derive(Debug, Clone, Copy)]
pub struct ReportInput<'a> {
    /// The program that ran.
    pub program: &'a Program,
    /// What may go wrong on some input: [`Program::warnings`]; nothing where other ranks hold a part of the program.
    pub warnings: &'a [Diagnostic],
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
            version: env!("CARGO_PKG_VERSION").into(),
            model: self.program.model.name.clone(),
            target: target_info(&self.program.target),
            fidelity: self.run.total.fidelity.to_string(),
            mapping: self.mapping(),
            weight_bits: Some(self.program.model.neuron.weight_bits),
            seed: None,
            options: Default::default(),
            area: self.program.target.area(self.program.topology().chips),
            area_constants: area_constants(&self.program.target),
            totals: self.totals(),
            events: None,
            classification: None,
            energy_j: self.energy(),
            energy_aj: Some(ExactByComponent::of(&self.run.total.ledger.total())),
            time_range_s: super::sensitivity::time_range(self),
            energy_range_j: self.energy_range(),
            layers: self.layers(),
            cores: self.cores(),
            host: self.host(),
            spikes_over_time: self.spikes_over_time(iterations.len() + passes.len()),
            iterations,
            passes,
            per_image,
            per_sample,
            hops_by_kind: self.hops_by_kind(),
            time: super::timing::build::time(self),
            overflows: self.overflows(),
            warnings: warnings::of(self.warnings),
            notes: notes(self, &constants),
            energy_constants: constants,
            time_constants: super::sensitivity::time_constants(self),
            sensitivity: super::sensitivity::of(self),
            paper_figure: self.paper(),
        }
    }

    /// Spikes by timestep of items with one pass each: passes of several networks have timesteps of their own.
    fn spikes_over_time(&self, passes: usize) -> Option<SpikesOverTime> {
        let spikes = &self.run.total.timesteps.spikes;
        (self.timed() && passes == 1 && !spikes.is_empty()).then(|| SpikesOverTime::of(spikes))
    }

    /// Joules by component.
    pub(crate) fn energy(&self) -> EnergyByComponent {
        components(&self.run.total.ledger.total())
    }

    /// Joules at the ends of the ranges of the energy constants.
    pub(crate) fn energy_range(&self) -> Range {
        range(self.run.total.bounds.each_ref().map(|ledger| ledger.total().total()))
    }

    pub(crate) fn totals(&self) -> Totals {
        let tally = self.run.total.tally.total();
        let all = tally.total();
        let items = self.run.items.len() as u64;
        Totals {
            images: self.generates().then_some(items),
            samples: (!self.generates()).then_some(items),
            accuracy: None,
            timesteps: tally.timesteps,
            spikes: all.spikes(),
            synaptic_operations: all.events[EnergyEvent::SynapticOperation],
            packets: all.packets(),
            hops: all.hops(),
            host_writes: all.events[EnergyEvent::HostWrite],
            host_reads: all.events[EnergyEvent::HostRead],
            input_packets: self.program.model.ports().next().map(|_| all.events[EnergyEvent::InputPacket]),
            time_s: self.timed().then(|| seconds(tally.time.total_ps)),
            time_ps: self.timed().then_some(Exact(tally.time.total_ps)),
            time_is: Certainty::of(self.run.total.fidelity),
            simulation_effort: self.simulation_effort(&all),
            energy_j: EnergyBreakdown::joules(self.run.total.ledger.total().total()),
            energy_aj: Some(Exact(self.run.total.ledger.total().total())),
            wall_s: self.wall_s,
            peak_memory_bytes: self.peak_memory_bytes,
        }
    }

    /// Work of simulating a sample of the timesteps, where time is a bound and could be simulated.
    fn simulation_effort(&self, all: &SliceTally) -> Option<f64> {
        let bound = self.run.total.fidelity == Fidelity::Analytic && self.program.target.network.is_some();
        let operations = all.events[EnergyEvent::SynapticOperation];
        let [operations, packets, hops] = [operations, all.packets(), all.hops()].map(u128::from);
        bound.then(|| SimulationEffort::new(operations, packets, hops).relative(DEFAULT_EVERY))
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

    fn hops_by_kind(&self) -> Hops {
        let events = self.run.total.tally.total().total().events;
        Hops {
            east_west: events[EnergyEvent::HopEastWest],
            north_south: events[EnergyEvent::HopNorthSouth],
            chip: events[EnergyEvent::HopChip],
        }
    }

    pub(super) fn overflows(&self) -> Overflows {
        let tally = self.run.total.tally.total();
        let all = tally.total();
        Overflows {
            accumulator: all.accumulator_overflows,
            state: all.state_saturations,
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

    /// Whether the items are images.
    pub(super) fn generates(&self) -> bool {
        self.item_name == "image"
    }

    pub(super) fn timed(&self) -> bool {
        self.run.total.fidelity != Fidelity::None
    }
}

pub(super) fn components(breakdown: &EnergyBreakdown) -> EnergyByComponent {
    EnergyByComponent::from_fn(|component| EnergyBreakdown::joules(breakdown[component]))
}

/// Ends of the energy.
pub(super) fn range(ends_aj: [u128; 2]) -> Range {
    let [low, high] = ends_aj.map(EnergyBreakdown::joules);
    Range { low, high }
}

pub(super) fn seconds(picoseconds: u128) -> f64 {
    picoseconds as f64 / 1e12
}

#[cfg(test)]
mod tests {
    use snnc_compiler::ir::spiking::HostTask;
    use snnc_targets::EnergyComponent;

    use super::*;
    use crate::report::fixture::run;

    fn close(a: f64, b: f64) {
        assert!((a - b).abs() <= 1e-12 * a.abs().max(b.abs()), "{a} {b}");
    }

    #[test]
    fn every_cut_of_the_energy_gives_the_total() {
        let report = run(Fidelity::Analytic, |input| input.report());
        let total = report.totals.energy_j;
        assert!(report.energy_j[EnergyComponent::Static] > 0.0);
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
        // Powers are drawn as long as the times at the same ends.
        let times = report.time_range_s.unwrap();
        assert!(times.low < report.totals.time_s.unwrap() && report.totals.time_s.unwrap() < times.high);
        let at = |end: fn(&Range) -> f64| -> f64 {
            let time = end(&times);
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
        // Images have the same ends, each its share.
        for (index, layer) in report.layers.iter().enumerate() {
            let images = || report.per_image.iter().map(|image| image.layers[index].energy_range_j.unwrap());
            let ends = layer.energy_range_j.unwrap();
            close(images().map(|r| r.low).sum(), ends.low);
            close(images().map(|r| r.high).sum(), ends.high);
        }
    }

    #[test]
    fn times_of_layers_are_the_whole_time() {
        let report = run(Fidelity::Analytic, |input| input.report());
        let layers = || report.layers.iter().map(|layer| layer.time.as_ref().unwrap());
        let exact = |ps: &Option<Exact>| ps.as_ref().unwrap().0;
        let time = &report.time;
        let rest = exact(&time.network_ps) + exact(&time.barrier_ps) + exact(&time.host_ps);
        let binding: u128 = layers().map(|layer| layer.binding_ps.0).sum();
        assert_eq!(binding + rest, exact(&report.totals.time_ps));
        for layer in layers() {
            // The same layer binds at both ends of this network; of others another one may.
            let ends = layer.binding_range_s.unwrap();
            assert!(ends.low <= layer.binding_s && layer.binding_s <= ends.high, "{layer:?}");
            let busy =
                layer.busy_s.synapse + layer.busy_s.neuron + layer.busy_s.axon_in + layer.busy_s.axon_out;
            let ends = layer.busy_range_s.unwrap();
            assert!(ends.low <= busy && busy <= ends.high && busy > 0.0, "{layer:?}");
        }
        // 12,030 operations of 3.5 ns into the second layer, whose units are those of one core.
        close(report.layers[1].time.as_ref().unwrap().busy_s.synapse, 12_030.0 * 3.5e-9);
        let untimed = run(Fidelity::None, |input| input.report());
        assert!(untimed.layers.iter().all(|layer| layer.time.is_none()));
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
        assert_eq!((report.totals.time_s, report.energy_j[EnergyComponent::Static]), (None, 0.0));
        assert!(report.notes.iter().any(|n| n.contains("static energy is not charged")));
    }
}
