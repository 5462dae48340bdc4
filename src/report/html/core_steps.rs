//! What each core did in each timestep: core_timesteps.csv as a page can hold it, 16 bits a figure.

use std::path::Path;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde::Serialize;
use snnc_targets::Diagnostic;

use super::columns::{self, Column, Columns};
use crate::report::by_core_step::{CELLS, FILE};

/// Most cores and passes of a table that is believed.
const INDEX_MAX: f64 = (1 << 24) as f64;

/// Figures by timestep and core.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct CoreSteps {
    /// Cores of a timestep, from core 0.
    pub cores: usize,
    /// Passes in order; the timesteps of one follow those of the one before.
    pub passes: Vec<PassSteps>,
    /// Spikes.
    pub spikes: Packed,
    /// Synaptic operations.
    pub synaptic_operations: Packed,
    /// Time of the busiest unit, seconds.
    pub busy_s: Packed,
}

/// The timesteps of a pass.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct PassSteps {
    /// Pass, or iteration.
    pub pass: usize,
    /// Its timesteps that are here, from its first.
    pub timesteps: usize,
}

/// Figures `[timestep][core]`, each rounded to a multiple of `unit`.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Packed {
    /// What 1 stands for: 1 and a picosecond, or a multiple of it where 16 bits do not hold the largest figure.
    pub unit: f64,
    /// The largest figure.
    pub most: f64,
    /// Little-endian 16-bit words in base64.
    pub data: String,
}

impl Packed {
    /// Rounds to multiples of the smallest multiple of `least` of which the largest figure has at most 65,535.
    fn new(figures: &[f64], least: f64) -> Self {
        let most = figures.iter().copied().fold(0.0, f64::max);
        let unit = least * (most / least / f64::from(u16::MAX)).ceil().max(1.0);
        let words = figures.iter().map(|figure| (figure / unit).round() as u16);
        let bytes: Vec<u8> = words.flat_map(u16::to_le_bytes).collect();
        Self { unit, most, data: STANDARD.encode(bytes) }
    }
}

impl CoreSteps {
    /// Of a folder; nothing where a run recorded none, which `left_out` is told.
    ///
    /// # Errors
    /// A table that is there and cannot be read.
    pub fn read(folder: &Path, left_out: &mut Vec<String>) -> Result<Option<Self>, Diagnostic> {
        let path = folder.join(FILE);
        if !path.exists() {
            left_out
                .push("what cores did timestep by timestep: a run with --html and a time records it".into());
            return Ok(None);
        }
        let wanted = ["iteration", "pass", "timestep", "core", "spikes", "synaptic_operations", "busy_s"];
        Ok(Self::of(&columns::read(&path, CELLS, &wanted, &[])?))
    }

    fn of(table: &Columns) -> Option<Self> {
        let numbers = |name: &str| match table.columns.get(name) {
            Some(Column::Numbers(numbers)) => {
                Some(numbers.iter().map(|n| n.unwrap_or(0.0)).collect::<Vec<f64>>())
            }
            _ => None,
        };
        let index = |name: &str| {
            let known = |n: &&f64| (0.0..INDEX_MAX).contains(*n);
            numbers(name).filter(|all| all.iter().all(|n| known(&n)))
        };
        let (passes_of, steps_of, cores_of) =
            (index("iteration").or_else(|| index("pass"))?, index("timestep")?, index("core")?);
        let cores = cores_of.iter().fold(0, |most, &core| most.max(core as usize + 1));
        // A row of figures for each pass and timestep, in the order of the table.
        let (mut passes, mut first): (Vec<PassSteps>, Vec<usize>) = (Vec::new(), Vec::new());
        let mut rows = 0;
        for (&pass, &step) in passes_of.iter().zip(&steps_of) {
            let (pass, step) = (pass as usize, step as usize);
            if passes.last().is_none_or(|last| last.pass != pass) {
                passes.push(PassSteps { pass, timesteps: 0 });
                first.push(rows);
            }
            let last = passes.last_mut()?;
            rows += (step + 1).saturating_sub(last.timesteps);
            last.timesteps = last.timesteps.max(step + 1);
            if rows.saturating_mul(cores) > CELLS {
                return None;
            }
        }
        let mut places = Vec::with_capacity(passes_of.len());
        let mut at = 0;
        for ((&pass, &step), &core) in passes_of.iter().zip(&steps_of).zip(&cores_of) {
            at += usize::from(passes[at].pass != pass as usize);
            places.push((first[at] + step as usize) * cores + core as usize);
        }
        let packed = |name: &str, least: f64| {
            let mut figures = vec![0.0; rows * cores];
            for (&place, figure) in places.iter().zip(numbers(name)?) {
                figures[place] = figure;
            }
            Some(Packed::new(&figures, least))
        };
        Some(Self {
            cores,
            spikes: packed("spikes", 1.0)?,
            synaptic_operations: packed("synaptic_operations", 1.0)?,
            busy_s: packed("busy_s", 1e-12)?,
            passes,
        })
    }

    /// Timesteps that are here.
    pub fn timesteps(&self) -> usize {
        self.passes.iter().map(|pass| pass.timesteps).sum()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn words(packed: &Packed) -> Vec<u16> {
        let bytes = STANDARD.decode(&packed.data).unwrap();
        bytes.chunks(2).map(|pair| u16::from_le_bytes([pair[0], pair[1]])).collect()
    }

    #[test]
    fn rows_stand_by_pass_timestep_and_core() {
        let folder = tempfile::tempdir().unwrap();
        let text = "iteration,network,timestep,core,spikes,synaptic_operations,busy_s\n\
                    0,a,0,1,7,0,0.000000000001\n0,a,2,0,0,131070,0\n1,b,0,2,65535,3,0.000000000003\n";
        std::fs::write(folder.path().join(FILE), text).unwrap();
        let mut left_out = Vec::new();
        let steps = CoreSteps::read(folder.path(), &mut left_out).unwrap().unwrap();
        let passes = [PassSteps { pass: 0, timesteps: 3 }, PassSteps { pass: 1, timesteps: 1 }];
        assert_eq!((steps.cores, &steps.passes[..], steps.timesteps()), (3, &passes[..], 4));
        assert_eq!(words(&steps.spikes), [0, 7, 0, 0, 0, 0, 0, 0, 0, 0, 0, 65535]);
        assert_eq!((steps.spikes.unit, steps.spikes.most), (1.0, 65535.0));
        // Beyond 16 bits figures are rounded, here to multiples of 2.
        assert_eq!(steps.synaptic_operations.unit, 2.0);
        assert_eq!(words(&steps.synaptic_operations), [0, 0, 0, 0, 0, 0, 65535, 0, 0, 0, 0, 2]);
        assert_eq!(words(&steps.busy_s), [0, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 3]);
        assert!(left_out.is_empty());
    }

    #[test]
    fn a_folder_without_the_table_says_so_and_a_huge_one_is_not_believed() {
        let folder = tempfile::tempdir().unwrap();
        let mut left_out = Vec::new();
        assert_eq!(CoreSteps::read(folder.path(), &mut left_out).unwrap(), None);
        assert!(left_out[0].contains("--html"), "{left_out:?}");
        let text = "pass,network,timestep,core,spikes,synaptic_operations,busy_s\n0,a,16000000,9999,1,1,1\n";
        std::fs::write(folder.path().join(FILE), text).unwrap();
        assert_eq!(CoreSteps::read(folder.path(), &mut left_out).unwrap(), None);
    }
}
