//! cores.csv: what each core did in each pass of an item, summed over the items. A row for each pass and core; those
//! of cores that did nothing and cost nothing are left out.

use std::path::Path;

use snnc_compiler::ir::CoreId;
use snnc_simulator::charge::EnergyBreakdown;
use snnc_simulator::counts::SliceIndex;
use snnc_targets::output::Unfinished;
use snnc_targets::{Code, Diagnostic, EnergyEvent};

use super::ReportInput;

/// Name of the file in a folder of results.
pub const FILE: &str = "cores.csv";

/// The columns; of images the first is `iteration`.
const COLUMNS: [&str; 8] = [
    "pass",
    "network",
    "core",
    "spikes",
    "synaptic_operations",
    "packets_sent",
    "packets_received",
    "energy_j",
];

impl ReportInput<'_> {
    /// Writes cores.csv to `path`.
    ///
    /// # Errors
    /// [`Code::OutputFailed`].
    pub fn write_cores(&self, path: &Path) -> Result<(), Diagnostic> {
        let failed = |error: &dyn std::fmt::Display| {
            Diagnostic::new(Code::OutputFailed, path, format!("cannot write: {error}"))
        };
        let mut table = csv::Writer::from_writer(Unfinished::create(path)?);
        let mut columns = COLUMNS;
        if self.generates() {
            columns[0] = "iteration";
        }
        table.write_record(columns).map_err(|error| failed(&error))?;
        for pass in 0..self.run.total.tally.iterations.len() {
            for core in self.program.cores.keys() {
                if let Some(row) = self.core_row(pass, core) {
                    table.write_record(row).map_err(|error| failed(&error))?;
                }
            }
        }
        table.into_inner().map_err(|error| failed(error.error()))?.finish()
    }

    /// What a core did in a pass, if it did or cost anything.
    fn core_row(&self, pass: usize, core: CoreId) -> Option<[String; COLUMNS.len()]> {
        let tally = &self.run.total.tally.iterations[pass];
        let done = self.done_by(core, &tally.slices);
        let starts = &self.slices.starts;
        let slices = starts[core.0 as usize]..starts[core.0 as usize + 1];
        let cell = |slice: usize| self.run.total.ledger.cell(pass, slice as SliceIndex);
        let energy: EnergyBreakdown = slices.map(cell).sum();
        let operations = done.events[EnergyEvent::SynapticOperation];
        let received = done.events[EnergyEvent::AxonIn];
        let counts = [done.spikes(), operations, done.packets(), received];
        if counts == [0; 4] && energy.total() == 0 {
            return None;
        }
        let networks = self.program.model.networks.values().zip(&tally.passes);
        let network = networks.filter(|(_, passes)| **passes > 0).map(|(network, _)| network.name.as_str());
        let [spikes, operations, sent, received] = counts.map(|count| count.to_string());
        Some([
            pass.to_string(),
            network.collect::<Vec<_>>().join(" + "),
            core.0.to_string(),
            spikes,
            operations,
            sent,
            received,
            EnergyBreakdown::joules(energy.total()).to_string(),
        ])
    }
}

#[cfg(test)]
mod tests {
    use snnc_simulator::time::Fidelity;

    use crate::report::fixture::run;

    #[test]
    fn passes_and_cores_add_up_to_the_report() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("cores.csv");
        let report = run(Fidelity::Analytic, |input| {
            input.write_cores(&path).unwrap();
            input.report()
        });
        let mut table = csv::Reader::from_path(&path).unwrap();
        let headings = table.headers().unwrap().clone();
        assert_eq!(&headings[0], "iteration");
        let column = |name: &str| headings.iter().position(|heading| heading == name).unwrap();
        let rows: Vec<csv::StringRecord> = table.records().map(Result::unwrap).collect();
        for core in &report.cores {
            let of_core = || rows.iter().filter(|row| row[column("core")] == core.core.to_string());
            let sum =
                |name: &str| -> f64 { of_core().map(|row| row[column(name)].parse::<f64>().unwrap()).sum() };
            let contents = core.contents.as_ref().unwrap();
            assert_eq!(of_core().count(), 3);
            assert_eq!(sum("spikes"), contents.spikes as f64);
            assert_eq!(sum("synaptic_operations"), contents.synaptic_operations as f64);
            assert_eq!(sum("packets_sent"), contents.packets_sent as f64);
            assert_eq!(sum("packets_received"), contents.packets_received as f64);
            assert!((sum("energy_j") - core.energy_j).abs() <= 1e-12 * core.energy_j);
        }
    }
}
