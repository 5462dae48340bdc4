//! timesteps.csv: a row a timestep, written while the run goes on, to a file or to memory.
//!
//! Rows are in order of image (or sample), pass and timestep. `time_s` is the simulated time where `simulated` is 1,
//! else the analytic one; both end with the barrier. Times are exact: integers of picoseconds printed as seconds, and
//! so are energies, of attojoules. `energy_j` is what happened in a timestep and the static power during `time_s`,
//! without the host's transfers before and after the pass; `power_w` is the one over the other. Behind them every
//! firing layer, and every input of spikes, has a column `spikes.NETWORK.LAYER`, empty in passes of other networks; the
//! columns of a row add up to its `spikes`.

use std::io::Write;
use std::path::{Path, PathBuf};

use snnc_compiler::ir::spiking::SpikingModel;
use snnc_compiler::ir::{NetworkId, PopulationId};
use snnc_simulator::charge::TimedStep;
use snnc_targets::output::Unfinished;
use snnc_targets::{Code, Diagnostic};

/// Name of the table in a folder of results.
pub const FILE: &str = "timesteps.csv";

/// The columns of images; of other items the first two are their name and `pass`.
const COLUMNS: [&str; 17] = [
    "image",
    "iteration",
    "network",
    "timestep",
    "simulated",
    "time_s",
    "analytic_s",
    "barrier_s",
    "bound",
    "busiest_s",
    "beyond_busiest_s",
    "packets",
    "latency_mean_s",
    "latency_max_s",
    "spikes",
    "energy_j",
    "power_w",
];

/// The column of a layer's spikes; `layer` is `NETWORK.LAYER`, as in report.json.
pub fn spikes_of(layer: &str) -> String {
    format!("spikes.{layer}")
}

/// A population with a column of its own.
#[derive(Debug)]
struct SpikingLayer {
    population: PopulationId,
    network: NetworkId,
}

/// The table in the making.
#[derive(Debug)]
pub struct StepTable<W: Write = Unfinished> {
    writer: csv::Writer<W>,
    /// The file, for errors.
    path: PathBuf,
    networks: Vec<String>,
    layers: Vec<SpikingLayer>,
}

impl StepTable<Unfinished> {
    /// Begins `path` for passes of a model; `item_name` is what a row's item is called.
    ///
    /// # Errors
    /// [`Code::OutputFailed`].
    pub fn create(path: &Path, model: &SpikingModel, item_name: &str) -> Result<Self, Diagnostic> {
        Self::begin(Unfinished::create(path)?, path, model, item_name)
    }

    /// Gives the file its name.
    ///
    /// # Errors
    /// [`Code::OutputFailed`].
    pub fn finish(self) -> Result<(), Diagnostic> {
        let failed = failed(&self.path);
        self.writer.into_inner().map_err(|e| failed(e.error()))?.finish()
    }
}

impl StepTable<Vec<u8>> {
    /// Begins a table in memory; see [`StepTable::create`].
    ///
    /// # Errors
    /// None; as that of a file.
    pub fn in_memory(model: &SpikingModel, item_name: &str) -> Result<Self, Diagnostic> {
        Self::begin(Vec::new(), Path::new(FILE), model, item_name)
    }

    /// The text of the table.
    ///
    /// # Errors
    /// None; as that of a file.
    pub fn into_bytes(self) -> Result<Vec<u8>, Diagnostic> {
        let failed = failed(&self.path);
        self.writer.into_inner().map_err(|e| failed(e.error()))
    }
}

impl<W: Write> StepTable<W> {
    fn begin(writer: W, path: &Path, model: &SpikingModel, item_name: &str) -> Result<Self, Diagnostic> {
        let networks: Vec<String> = model.networks.values().map(|network| network.name.clone()).collect();
        let mut columns = COLUMNS.map(String::from);
        if item_name != COLUMNS[0] {
            [columns[0], columns[1]] = [item_name.to_owned(), "pass".to_owned()];
        }
        let (mut columns, mut layers) = (columns.to_vec(), Vec::new());
        for (id, population) in model.populations.iter() {
            if population.dynamics.fires() {
                let network = &networks[population.network.0 as usize];
                columns.push(spikes_of(&format!("{network}.{}", population.name)));
                layers.push(SpikingLayer { population: id, network: population.network });
            }
        }
        let writer = csv::Writer::from_writer(writer);
        let mut table = Self { writer, path: path.to_owned(), networks, layers };
        table.row(columns)?;
        Ok(table)
    }

    /// Appends an item's timesteps, or the next of them.
    ///
    /// # Errors
    /// [`Code::OutputFailed`].
    pub fn item(&mut self, item: u64, steps: &[TimedStep]) -> Result<(), Diagnostic> {
        steps.iter().try_for_each(|step| {
            let mut row = cells(item, &self.networks[step.network.0 as usize], step).to_vec();
            row.extend(self.layers.iter().map(|layer| match layer.network == step.network {
                true => step.population_spikes[layer.population.0 as usize].to_string(),
                false => String::new(),
            }));
            self.row(row)
        })
    }

    fn row(&mut self, cells: Vec<String>) -> Result<(), Diagnostic> {
        let written = self.writer.write_record(cells);
        written.map_err(|e| failed(&self.path)(&e))
    }
}

fn failed(path: &Path) -> impl Fn(&dyn std::fmt::Display) -> Diagnostic {
    let path = path.to_owned();
    move |error| Diagnostic::new(Code::OutputFailed, path.as_path(), format!("cannot write: {error}"))
}

fn cells(item: u64, network: &str, step: &TimedStep) -> [String; COLUMNS.len()] {
    let time = &step.time;
    let latency = |of: fn(&snnc_simulator::time::Latencies) -> u64| {
        let packets = time.simulated.as_ref().map(|drained| &drained.packets);
        packets.filter(|packets| packets.packets > 0).map_or(String::new(), |packets| seconds(of(packets)))
    };
    [
        item.to_string(),
        step.iteration.to_string(),
        network.to_owned(),
        step.step.to_string(),
        u8::from(time.simulated.is_some()).to_string(),
        seconds(time.own_ps()),
        seconds(time.analytic_ps()),
        seconds(time.barrier_ps),
        time.bound.name().to_owned(),
        seconds(time.busiest_ps()),
        if time.simulated.is_some() { seconds(time.beyond_busiest_ps()) } else { String::new() },
        step.packets.to_string(),
        latency(|packets| (packets.sum / u128::from(packets.packets)) as u64),
        latency(|packets| packets.longest),
        step.spikes.to_string(),
        step.energy_aj.map_or(String::new(), joules),
        power(step).map_or(String::new(), |watts| watts.to_string()),
    ]
}

/// Attojoules as joules, exactly.
fn joules(aj: u128) -> String {
    const JOULE: u128 = 1_000_000_000_000_000_000;
    format!("{}.{:018}", aj / JOULE, aj % JOULE)
}

/// Mean power of a timestep over its own time, W.
fn power(step: &TimedStep) -> Option<f64> {
    let ps = step.time.own_ps();
    // An attojoule in a picosecond is a microwatt.
    step.energy_aj.filter(|_| ps > 0).map(|aj| aj as f64 / ps as f64 * 1e-6)
}

/// Picoseconds as seconds, exactly.
pub(crate) fn seconds(ps: u64) -> String {
    const SECOND: u64 = 1_000_000_000_000;
    format!("{}.{:012}", ps / SECOND, ps % SECOND)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn picoseconds_are_kept() {
        assert_eq!(seconds(0), "0.000000000000");
        assert_eq!(seconds(1_000_000_000_001), "1.000000000001");
        assert_eq!(joules(2_000_000_000_000_000_003), "2.000000000000000003");
    }
}
