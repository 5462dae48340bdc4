//! The report's rows: what happened and what it cost, by layer, core, pass and item.

use std::collections::BTreeSet;

use snnc_compiler::ir::{CoreId, PopulationId};
use snnc_simulator::charge::{EnergyBreakdown, SliceTally};
use snnc_targets::EnergyEvent;
use snnc_targets::entity::EntityMap;

use super::ReportInput;
use super::build::{components, range, seconds};
use super::data::{CoreEnergy, Iteration, LayerBusy, LayerReport, LayerTime, PerItem, Range};
use super::exact::Exact;

impl ReportInput<'_> {
    pub(super) fn layers(&self) -> Vec<LayerReport> {
        let count = self.program.model.populations.len();
        let tallies = self.run.total.tally.by_population(self.slices, count);
        let breakdowns = self.run.total.ledger.by_population(self.slices, count);
        let [low, high] = self.run.total.bounds.each_ref().map(|l| l.by_population(self.slices, count));
        let ends = |id| [low[id].total(), high[id].total()];
        let mut layers = self.layers_of(&tallies, &breakdowns, &ends, &self.run.total.tally.total().passes);
        for (layer, time) in layers.iter_mut().zip(self.layer_times()) {
            layer.time = Some(time);
        }
        layers
    }

    /// Time by layer; none without a time.
    fn layer_times(&self) -> Vec<LayerTime> {
        let record = &self.run.total;
        let Some(nominal) = record.layers.first() else { return Vec::new() };
        // By layer and set of times, busy picoseconds by unit.
        let mut busy = vec![vec![[0_u128; 4]; record.layers.len()]; nominal.layers.len()];
        for (slice, tally) in record.tally.total().slices.iter().enumerate() {
            let sets = self.meter.analytic().busy_of_slice(slice, &tally.unit_events(), tally.departures);
            let sums = &mut busy[self.slices.populations[slice].0 as usize];
            for (sum, units) in sums.iter_mut().zip(sets) {
                sum.iter_mut().zip(units).for_each(|(sum, ps)| *sum += u128::from(ps));
            }
        }
        let layer = |(index, busy): (usize, Vec<[u128; 4]>)| {
            let binding = nominal.layers[index];
            let ends = |of: &dyn Fn(usize) -> u128| {
                (record.layers.len() == 3).then(|| Range { low: seconds(of(1)), high: seconds(of(2)) })
            };
            let [synapse, neuron, axon_in, axon_out] = busy[0].map(seconds);
            LayerTime {
                binding_s: seconds(binding.ps),
                binding_ps: Exact(binding.ps),
                binding_range_s: ends(&|set| record.layers[set].layers[index].ps),
                binding_timesteps: binding.timesteps,
                busy_s: LayerBusy { synapse, neuron, axon_in, axon_out },
                busy_range_s: ends(&|set| busy[set].iter().sum()),
            }
        };
        busy.into_iter().enumerate().map(layer).collect()
    }

    fn layers_of(
        &self,
        tallies: &EntityMap<PopulationId, SliceTally>,
        breakdowns: &EntityMap<PopulationId, EnergyBreakdown>,
        ends_aj: &dyn Fn(PopulationId) -> [u128; 2],
        passes: &[u64],
    ) -> Vec<LayerReport> {
        let layer = |id| LayerReport {
            energy_range_j: Some(range(ends_aj(id))),
            ..self.layer(id, &tallies[id], &breakdowns[id], passes)
        };
        tallies.keys().map(layer).collect()
    }

    fn layer(
        &self,
        id: PopulationId,
        tally: &SliceTally,
        breakdown: &EnergyBreakdown,
        passes: &[u64],
    ) -> LayerReport {
        let model = &self.program.model;
        let population = &model.populations[id];
        let network = population.network;
        let neurons = population.shape.len() as u64;
        let timesteps = u64::from(model.networks[network].timesteps);
        let chances = neurons as f64 * timesteps as f64 * passes[network.0 as usize] as f64;
        LayerReport {
            name: model.layer_name(id),
            neurons,
            cores: self.cores_of(id),
            spikes: tally.spikes(),
            rate: if chances > 0.0 { tally.spikes() as f64 / chances } else { 0.0 },
            synaptic_operations: tally.events[EnergyEvent::SynapticOperation],
            packets: tally.packets(),
            hops: tally.hops(),
            updates_active: tally.events[EnergyEvent::NeuronUpdateActive],
            updates_inactive: tally.events[EnergyEvent::NeuronUpdateInactive],
            energy_j: EnergyBreakdown::joules(breakdown.total()),
            energy_aj: Some(Exact(breakdown.total())),
            energy_range_j: None,
            energy_by_component_j: components(breakdown),
            time: None,
        }
    }

    pub(super) fn cores(&self) -> Vec<CoreEnergy> {
        let topology = self.program.topology();
        let breakdowns = self.run.total.ledger.by_core(self.slices, self.program.cores.len());
        let mut contents = self.contents().into_iter();
        let core = |(id, breakdown): (CoreId, &EnergyBreakdown)| CoreEnergy {
            core: id.0.into(),
            port: self.program.is_port(id),
            chip: topology.chip_of(self.program.sites[id]).into(),
            layers: self.layers_on(id),
            energy_j: EnergyBreakdown::joules(breakdown.total()),
            energy_aj: Some(Exact(breakdown.total())),
            energy_by_component_j: components(breakdown),
            contents: contents.next(),
        };
        breakdowns.iter().map(core).collect()
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

    fn cores_of(&self, id: PopulationId) -> u64 {
        let slices = self.slices.populations.iter().zip(&self.slices.cores);
        let held = slices.filter(|(p, core)| **p == id && !self.program.is_port(**core));
        held.map(|(_, core)| *core).collect::<BTreeSet<_>>().len() as u64
    }

    pub(super) fn passes(&self) -> Vec<Iteration> {
        let breakdowns = self.run.total.ledger.by_iteration();
        let cells = self.run.total.tally.iterations.iter().zip(breakdowns).enumerate();
        cells
            .map(|(i, (cell, breakdown))| {
                let all = cell.total();
                let ran =
                    self.program.model.networks.values().zip(&cell.passes).find(|(_, passes)| **passes > 0);
                Iteration {
                    iteration: self.generates().then_some(i as u64),
                    pass: (!self.generates()).then_some(i as u64),
                    network: ran.map(|(network, _)| network.name.clone()).unwrap_or_default(),
                    passes: cell.passes.iter().sum(),
                    spikes: all.spikes(),
                    synaptic_operations: all.events[EnergyEvent::SynapticOperation],
                    packets: all.packets(),
                    time_s: self.timed().then(|| seconds(cell.time.total_ps)),
                    time_ps: self.timed().then_some(Exact(cell.time.total_ps)),
                    energy_j: EnergyBreakdown::joules(breakdown.total()),
                    energy_aj: Some(Exact(breakdown.total())),
                    energy_by_component_j: components(&breakdown),
                }
            })
            .collect()
    }

    pub(super) fn per_item(&self) -> Vec<PerItem> {
        let images = self.run.items.iter().enumerate();
        images
            .map(|(i, image)| {
                let (tally, breakdown) = (image.tally(), image.breakdown());
                PerItem {
                    image: self.generates().then_some(i as u64),
                    sample: (!self.generates()).then_some(i as u64),
                    timesteps: image.timesteps,
                    spikes: tally.spikes(),
                    synaptic_operations: tally.events[EnergyEvent::SynapticOperation],
                    packets: tally.packets(),
                    hops: tally.hops(),
                    host_writes: tally.events[EnergyEvent::HostWrite],
                    host_reads: tally.events[EnergyEvent::HostRead],
                    time_s: image.time_ps.map(seconds),
                    time_ps: image.time_ps.map(Exact),
                    energy_j: EnergyBreakdown::joules(breakdown.total()),
                    energy_aj: Some(Exact(breakdown.total())),
                    energy_by_component_j: components(&breakdown),
                    layers: self.layers_of(
                        &image.layers,
                        &image.breakdowns,
                        &|id| image.bounds_aj[id],
                        &image.passes,
                    ),
                }
            })
            .collect()
    }
}
