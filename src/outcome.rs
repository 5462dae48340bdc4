//! What a workload gave, and what it cost.

use std::path::Path;

use snnc_simulator::charge::RunRecord;
use snnc_targets::Diagnostic;

use crate::report::data::{EnergyByComponent, Range, Totals};
use crate::report::{Report, ReportInput, memory};
use crate::session::Session;

/// The items of a workload with their cost.
#[derive(Debug)]
pub struct Outcome<I> {
    /// What ran them.
    pub session: Session,
    /// What reports call an item.
    pub item_name: &'static str,
    /// In order.
    pub items: Vec<I>,
    /// Counts, time and energy.
    pub record: RunRecord,
    /// Wall-clock seconds of the run and of getting the session ready.
    pub wall_s: f64,
}

/// What a run took, as its report has it.
#[derive(Debug, Clone, PartialEq)]
pub struct RunCost {
    /// Events, time and energy; `accuracy` is left to who knows labels.
    pub totals: Totals,
    /// Joules by component.
    pub energy_by_component_j: EnergyByComponent,
    /// Joules at the lowest and highest energy constants.
    pub energy_range_j: Range,
}

impl<I> Outcome<I> {
    /// The totals of the report, without making the rest of it.
    pub fn cost(&self) -> RunCost {
        let input = self.input(&[]);
        RunCost {
            totals: input.totals(),
            energy_by_component_j: input.energy(),
            energy_range_j: input.energy_range(),
        }
    }

    /// The data of report.json: totals, and events, time and energy by layer, core, pass and item.
    pub fn report(&self) -> Report {
        let program = self.session.program();
        let mut report = self.input(program.warnings_found()).report();
        let compilation = program.compilation();
        if program.mapped().held.is_some() {
            let note = "ranks ran one network, of which none holds all synapses: warnings about what sums may reach \
                        are those that `snnc compile` printed";
            report.notes.push(note.into());
        }
        if self.session.keeps_state() {
            let note = "state is kept: each sample begins as the one before it ended; read-outs are of one sample each";
            report.notes.push(note.into());
        }
        report.notes.extend(compilation.into_iter().flat_map(|compiled| compiled.remarks.iter().cloned()));
        report.mapping.figures = program.mapping_report().map(Into::into);
        report
    }

    /// Writes cores.csv, what each core did in each pass.
    ///
    /// # Errors
    /// [`snnc_targets::Code::OutputFailed`].
    pub fn write_cores(&self, path: &Path) -> Result<(), Diagnostic> {
        self.input(&[]).write_cores(path)
    }

    fn input<'a>(&'a self, warnings: &'a [Diagnostic]) -> ReportInput<'a> {
        let program = self.session.program();
        ReportInput {
            program: program.mapped(),
            warnings,
            slices: &self.session.chip().table,
            meter: self.session.meter(),
            run: &self.record,
            item_name: self.item_name,
            compile_s: program.compile_seconds(),
            wall_s: self.wall_s,
            peak_memory_bytes: memory::peak_bytes(),
        }
    }
}
