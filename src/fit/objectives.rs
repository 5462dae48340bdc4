//! One model on one target for every objective: what each mapping takes, and the front of time and energy over cores.
//!
//! All rows are verified programs, placed, and estimated with the same expected spikes; none is executed.

use std::fmt;

use serde::Serialize;
use snnc_compiler::driver::{self, CompileOptions, MappingInputs};
use snnc_compiler::ir::program::Program;
use snnc_compiler::ir::spiking::SpikingIr;
use snnc_compiler::mapping::estimate::Estimate;
use snnc_compiler::mapping::partition::search::{Objective, SearchOptions};
use snnc_compiler::mapping::report::packet_hops;
use snnc_compiler::mapping::traffic::CoreTraffic;
use snnc_targets::text_table::{TextTable, left, right};
use snnc_targets::{Diagnostics, Target};

use crate::progress::Progress;
use crate::warnings::Warning;

/// Mappings that the table takes, and one more for a front.
pub const MAPPINGS: usize = Objective::ALL.len();
/// Most points of a front.
const POINTS: usize = 32;

/// A table over objectives.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Objectives {
    /// Name of the model.
    pub model: String,
    /// Name of the target.
    pub target: String,
    /// One an objective.
    pub rows: Vec<ObjectiveRow>,
}

/// What the mapping for an objective takes.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct ObjectiveRow {
    /// The objective.
    pub objective: Objective,
    /// The mapping; none if there is none.
    pub mapping: Option<MappingPoint>,
    /// Why not.
    pub problems: Vec<Warning>,
}

/// A mapping, in figures. Packets and hops are expected in an item, as time and energy are.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct MappingPoint {
    /// Cores in use.
    pub cores: usize,
    /// Chips present.
    pub chips: u32,
    /// Packets of an item.
    pub packets: f64,
    /// Packets times hops.
    pub hops: f64,
    /// Time and energy; none of a target without timesteps.
    pub estimate: Option<Estimate>,
}

impl MappingPoint {
    fn new(ir: &SpikingIr, inputs: &MappingInputs, program: &Program, estimate: Option<Estimate>) -> Self {
        let rates = inputs.rates(&ir.model);
        Self {
            cores: program.chip_cores().count(),
            chips: program.chips,
            packets: CoreTraffic::expected(&program.cores, &rates).packets() as f64 / rates.scale(),
            hops: packet_hops(program, &rates) / rates.scale(),
            estimate,
        }
    }
}

/// Maps for every objective; steps of the progress are mappings.
pub fn objectives(
    ir: &SpikingIr,
    target: &Target,
    options: CompileOptions,
    inputs: &MappingInputs,
    progress: &dyn Progress,
) -> Objectives {
    let row = |objective| {
        let options = CompileOptions { search: SearchOptions { objective, ..options.search }, ..options };
        let mapped = driver::map_estimated(ir, target, options, inputs);
        progress.advance(1);
        match mapped {
            Ok((program, estimate)) => ObjectiveRow {
                objective,
                mapping: Some(MappingPoint::new(ir, inputs, &program, estimate)),
                problems: Vec::new(),
            },
            Err(found) => ObjectiveRow {
                objective,
                mapping: None,
                problems: found.0.iter().map(Warning::from).collect(),
            },
        }
    };
    Objectives {
        model: ir.model.name.clone(),
        target: target.name.clone(),
        rows: Objective::ALL.into_iter().map(row).collect(),
    }
}

impl fmt::Display for Objectives {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{} on {}, by what the mapping makes small\n", self.model, self.target)?;
        let names = ["cores", "chips", "time (ms)", "energy (mJ)", "x time", "packets", "x hops"];
        let columns = [left("objective")].into_iter().chain(names.map(right));
        let mut table = TextTable::new(2, columns);
        for row in &self.rows {
            let mut cells = vec![row.objective.name().to_owned()];
            match &row.mapping {
                Some(point) => {
                    let figure = |value: fn(&Estimate) -> f64| {
                        point.estimate.as_ref().map_or("-".to_owned(), |e| format!("{:.4}", value(e)))
                    };
                    cells.extend([
                        point.cores.to_string(),
                        point.chips.to_string(),
                        figure(|e| e.time_s * 1e3),
                        figure(|e| e.energy_j * 1e3),
                        figure(|e| e.edp_js() * 1e6),
                        format!("{:.0}", point.packets),
                        format!("{:.0}", point.hops),
                    ]);
                }
                None => cells.extend(names.map(|_| "-".to_owned())),
            }
            table.row(cells);
        }
        write!(f, "{table}")?;
        for row in &self.rows {
            for problem in &row.problems {
                writeln!(f, "\n{}: {}", row.objective.name(), problem.message)?;
            }
        }
        Ok(())
    }
}

/// Time and energy over cores, fewest cores first, as CSV; `front` says that no other row is better in both.
///
/// # Errors
/// What does not fit.
pub fn pareto(
    ir: &SpikingIr,
    target: &Target,
    options: CompileOptions,
    inputs: &MappingInputs,
) -> Result<String, Diagnostics> {
    let search = SearchOptions { objective: Objective::Edp, ..options.search };
    let all = driver::map_all(ir, target, CompileOptions { search, ..options }, inputs, POINTS, &())?;
    let mut points: Vec<MappingPoint> = all
        .into_iter()
        .map(|(program, estimate)| MappingPoint::new(ir, inputs, &program, estimate))
        .collect();
    points.sort_by_key(|point| point.cores);
    let of = |point: &MappingPoint| point.estimate.as_ref().map(|e| (e.time_s, e.energy_j));
    let mut text = "cores,chips,time_s,energy_j,packets,hops,front\n".to_owned();
    for point in &points {
        let Some((time, energy)) = of(point) else { continue };
        let better = |other: &MappingPoint| {
            of(other).is_some_and(|(t, e)| t <= time && e <= energy && (t < time || e < energy))
        };
        let front = !points.iter().any(better);
        let MappingPoint { cores, chips, packets, hops, .. } = point;
        text += &format!("{cores},{chips},{time:e},{energy:e},{packets:.0},{hops:.0},{front}\n");
    }
    Ok(text)
}
