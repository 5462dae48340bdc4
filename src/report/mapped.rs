//! From a program to what the report says about its place: the mesh, limits, and the contents of each core.

use snnc_compiler::ir::CoreId;
use snnc_compiler::ir::program::held::SpikePackets;
use snnc_compiler::ir::program::usage::{CoreUsage, Limit};
use snnc_compiler::ir::program::{CoreSlice, Program};
use snnc_compiler::mapping::report::{MappingReport, limits};
use snnc_simulator::charge::SliceTally;
use snnc_targets::{EnergyEvent, Topology};

use super::ReportInput;
use super::data::{
    CoreContents, LayerPart, MappingFigures, MappingSummary, Mesh, PacketsOfSpikes, UsedLimit,
};

impl From<&MappingReport> for MappingFigures {
    fn from(report: &MappingReport) -> Self {
        let MappingReport { core_bounds, synapses, traffic, .. } = report.clone();
        Self { core_bounds, synapses, traffic }
    }
}

/// The mesh of a program's chips.
fn mesh(topology: &Topology) -> Mesh {
    Mesh {
        columns: topology.width(),
        rows: topology.height(),
        chip_columns: topology.mesh_columns,
        chip_rows: topology.mesh_rows,
        cores_per_tile: topology.cores_per_tile,
        chips: topology.chips,
    }
}

/// Packets if everything fires once.
pub(super) fn packets_of_spikes(program: &Program) -> PacketsOfSpikes {
    let SpikePackets { sent, neurons_and_cores } = program.packets_of_spikes();
    PacketsOfSpikes { sent, neurons_and_cores }
}

impl ReportInput<'_> {
    pub(super) fn mapping(&self) -> MappingSummary {
        let topology = self.program.topology();
        let cores = || self.program.chip_cores().map(|(core, _)| core);
        let chips: std::collections::HashSet<u32> =
            cores().map(|core| topology.chip_of(self.program.sites[core])).collect();
        let uses: Vec<CoreUsage> = cores().map(|core| self.program.core_use(core)).collect();
        MappingSummary {
            cores_used: uses.len() as u64,
            chips_used: chips.len() as u64,
            chips_present: topology.chips.into(),
            compile_s: self.compile_s,
            mesh: Some(mesh(&topology)),
            packets: Some(packets_of_spikes(self.program)),
            limits: limits(&uses, &self.program.target),
            figures: None,
        }
    }

    /// What each core holds and did; ports have no limits.
    pub(super) fn contents(&self) -> Vec<CoreContents> {
        let topology = self.program.topology();
        let tally = self.run.total.tally.total();
        let contents = |core: CoreId| {
            let site = self.program.sites[core];
            let tile = topology.tile_of(site);
            let done = self.done_by(core, &tally.slices);
            let use_of = |usage: CoreUsage| {
                let used = |limit: Limit| UsedLimit { limit: limit.to_string(), used: usage.get(limit) };
                Limit::ALL.map(used).into()
            };
            let used = (!self.program.is_port(core)).then(|| use_of(self.program.core_use(core)));
            CoreContents {
                tile: [tile.x, tile.y],
                slot: site.0 % topology.cores_per_tile,
                parts: self.program.cores[core].slices.iter().map(|placed| self.part(placed)).collect(),
                used: used.unwrap_or_default(),
                spikes: done.spikes(),
                synaptic_operations: done.events[EnergyEvent::SynapticOperation],
                packets_sent: done.packets(),
                packets_received: done.events[EnergyEvent::AxonIn],
            }
        };
        self.program.cores.keys().map(contents).collect()
    }

    /// What the slices of a core did.
    pub(super) fn done_by(&self, core: CoreId, slices: &[SliceTally]) -> SliceTally {
        let starts = &self.slices.starts;
        let range = starts[core.0 as usize]..starts[core.0 as usize + 1];
        let mut sum = SliceTally::default();
        slices[range].iter().for_each(|&slice| sum += slice);
        sum
    }

    fn part(&self, placed: &CoreSlice) -> LayerPart {
        let slice = &placed.slice;
        let ends = |range: &std::ops::Range<u32>| [range.start, range.end];
        LayerPart {
            layer: self.program.model.layer_name(slice.population),
            neurons: slice.neurons().into(),
            channels: ends(&slice.channels),
            rows: ends(&slice.rows),
            columns: ends(&slice.cols),
        }
    }
}
