//! core_timesteps.csv: what each core did in each timestep of a pass, summed over the items; for the page of a run. A
//! row for each pass, timestep and core; those of cores that did nothing are left out, but for the first core of a
//! timestep in which none did anything.
//!
//! A page can hold so many figures only, so a run records the first timesteps of its items: all of them where they are
//! at most [`CELLS`] with the cores.

use std::path::Path;

use snnc_compiler::ir::program::Program;
use snnc_simulator::charge::{CoreStep, TimedStep};
use snnc_targets::output::Unfinished;
use snnc_targets::{Code, Diagnostic};

use super::timing::steps::seconds;

/// Name of the file in a folder of results.
pub const FILE: &str = "core_timesteps.csv";

/// Most timesteps of an item, times cores.
pub const CELLS: usize = 300_000;

/// The columns; of images the first is `iteration`.
const COLUMNS: [&str; 7] = ["pass", "network", "timestep", "core", "spikes", "synaptic_operations", "busy_s"];

/// One timestep of a pass over all items.
#[derive(Debug)]
struct Row {
    pass: usize,
    network: u32,
    step: usize,
    cores: Vec<CoreStep>,
}

/// The table in the making.
#[derive(Debug)]
pub struct CoreStepTable {
    /// In order of pass and timestep.
    rows: Vec<Row>,
    networks: Vec<String>,
    /// Name of the first column.
    pass: &'static str,
    most: usize,
}

impl CoreStepTable {
    /// A table without rows; `item_name` is what a row's item is called.
    pub fn new(program: &Program, item_name: &str) -> Self {
        let networks = program.model.networks.values().map(|network| network.name.clone()).collect();
        let pass = if item_name == "image" { "iteration" } else { COLUMNS[0] };
        Self { rows: Vec::new(), networks, pass, most: CELLS / program.cores.len().max(1) }
    }

    /// Timesteps of an item that are recorded, from its first.
    pub fn most(&self) -> usize {
        self.most
    }

    /// Adds timesteps of an item.
    pub fn add(&mut self, steps: &[TimedStep]) {
        for step in steps.iter().filter(|step| !step.cores.is_empty()) {
            let at = (step.iteration, step.step);
            match self.rows.binary_search_by_key(&at, |row| (row.pass, row.step)) {
                Ok(found) => {
                    for (sum, more) in self.rows[found].cores.iter_mut().zip(&step.cores) {
                        sum.spikes += more.spikes;
                        sum.synaptic_operations += more.synaptic_operations;
                        sum.busy_ps = sum.busy_ps.saturating_add(more.busy_ps);
                    }
                }
                Err(place) => {
                    let (pass, network, cores) = (step.iteration, step.network.0, step.cores.clone());
                    self.rows.insert(place, Row { pass, network, step: step.step, cores });
                }
            }
        }
    }

    /// Writes it to `path`.
    ///
    /// # Errors
    /// [`Code::OutputFailed`].
    pub fn write(&self, path: &Path) -> Result<(), Diagnostic> {
        let failed = |error: &dyn std::fmt::Display| {
            Diagnostic::new(Code::OutputFailed, path, format!("cannot write: {error}"))
        };
        let mut table = csv::Writer::from_writer(Unfinished::create(path)?);
        let mut columns = COLUMNS;
        columns[0] = self.pass;
        table.write_record(columns).map_err(|error| failed(&error))?;
        for row in &self.rows {
            let idle = row.cores.iter().all(|core| *core == CoreStep::default());
            for (core, did) in row.cores.iter().enumerate() {
                if *did == CoreStep::default() && !(idle && core == 0) {
                    continue;
                }
                let cells = [
                    row.pass.to_string(),
                    self.networks[row.network as usize].clone(),
                    row.step.to_string(),
                    core.to_string(),
                    did.spikes.to_string(),
                    did.synaptic_operations.to_string(),
                    seconds(did.busy_ps),
                ];
                table.write_record(cells).map_err(|error| failed(&error))?;
            }
        }
        table.into_inner().map_err(|error| failed(error.error()))?.finish()
    }
}

#[cfg(test)]
mod tests {
    use snnc_simulator::time::Fidelity;

    use super::*;
    use crate::report::fixture::{run, stepped};

    #[test]
    fn timesteps_and_cores_add_up_to_the_report() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join(FILE);
        let (report, steps) = run(Fidelity::Analytic, |input| {
            let mut table = CoreStepTable::new(input.program, "image");
            stepped(input, usize::MAX).iter().for_each(|item| table.add(item));
            table.write(&path).unwrap();
            (input.report(), stepped(input, 2))
        });
        // Of those asked for, and no more.
        let known = |step: &TimedStep| !step.cores.is_empty();
        assert!(steps.iter().all(|item| item.iter().filter(|step| known(step)).count() == 2));
        let mut table = csv::Reader::from_path(&path).unwrap();
        let headings = table.headers().unwrap().clone();
        assert_eq!(&headings[0], "iteration");
        let column = |name: &str| headings.iter().position(|heading| heading == name).unwrap();
        let rows: Vec<csv::StringRecord> = table.records().map(Result::unwrap).collect();
        let sum = |core: u64, name: &str| -> f64 {
            let of_core = rows.iter().filter(|row| row[column("core")] == core.to_string());
            of_core.map(|row| row[column(name)].parse::<f64>().unwrap()).sum()
        };
        let busy = &report.time.utilisation.as_ref().unwrap().cores;
        // Shares are of the timesteps, not of what the host transfers beside them.
        let time = report.totals.time_s.unwrap() - report.time.host_s;
        for core in &report.cores {
            let contents = core.contents.as_ref().unwrap();
            assert_eq!(sum(core.core, "spikes"), contents.spikes as f64);
            assert_eq!(sum(core.core, "synaptic_operations"), contents.synaptic_operations as f64);
            // No unit is busy for longer than the busiest of each timestep, nor these longer than all together.
            let shares = &busy.iter().find(|found| found.core == core.core).unwrap();
            let units = [shares.synapse, shares.neuron, shares.axon_in, shares.axon_out, shares.delivery]
                .map(|u| u * time);
            let (most, all) = (units.into_iter().fold(0.0, f64::max), units.iter().sum::<f64>());
            let found = sum(core.core, "busy_s");
            assert!(
                most > 0.0 && most <= found * (1.0 + 1e-9) && found <= all * (1.0 + 1e-9),
                "{most} {found} {all}"
            );
        }
    }
}
