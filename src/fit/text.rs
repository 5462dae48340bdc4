//! The table of targets, and below it why some do not hold the model.

use std::fmt;

use snnc_targets::numbers::{count, counted};
use snnc_targets::text_table::{TextTable, left, name_and_figures, right};

use super::{Fit, TargetFit};
use crate::warnings::Warning;

/// How places of layers begin.
const LAYER: &str = "layer ";

impl fmt::Display for Fit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{} on {}\n", self.model, counted(self.targets.len() as u64, "target"))?;
        write!(f, "{}", self.table())?;
        for row in self.targets.iter().filter(|row| !row.problems.is_empty()) {
            row.reasons(f)?;
        }
        for row in self.targets.iter().filter(|row| !row.warnings.is_empty()) {
            writeln!(f, "\n{} warns:", row.target)?;
            for warning in &row.warnings {
                writeln!(f, "  {} {}: {}", warning.code, warning.place, warning.message)?;
            }
        }
        Ok(())
    }
}

impl Fit {
    fn table(&self) -> TextTable {
        let figures = name_and_figures("target", ["fits", "weights", "cores", "chips"]);
        let mut table = TextTable::new(2, figures.chain([left("binding limit"), right("use")]));
        self.targets.iter().for_each(|target| table.row(target.cells()));
        table
    }
}

/// `layer a, b, c`.
fn places(problems: &[Warning]) -> String {
    let names: Vec<&str> = problems.iter().map(|p| p.place.strip_prefix(LAYER).unwrap_or(&p.place)).collect();
    let prefix = if problems[0].place.starts_with(LAYER) { LAYER } else { "" };
    format!("{prefix}{}", names.join(", "))
}

impl TargetFit {
    fn cells(&self) -> [String; 7] {
        let fits = if self.fits { "yes" } else { "no" };
        let (cores, chips, limit, share) = match self.mapping.as_ref().filter(|_| self.fits) {
            Some(m) => {
                let share = format!("{:.1} %", m.binding.percent());
                (count(m.cores as u64), count(m.chips.into()), m.binding.limit.to_string(), share)
            }
            None => ("-".into(), "-".into(), self.stands_in_the_way(), "-".into()),
        };
        [self.target.clone(), fits.into(), format!("{} b", self.weight_bits), cores, chips, limit, share]
    }

    /// How many problems there are, and where the first is.
    fn stands_in_the_way(&self) -> String {
        match self.problems.as_slice() {
            [] => String::new(),
            [one] => one.place.clone(),
            [first, others @ ..] => format!("{} and {} more", first.place, others.len()),
        }
    }

    fn reasons(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "\n{} does not hold it:", self.target)?;
        // Layers with the same reason stand in one line, reasons with the same remedy above it.
        for cured in self.problems.chunk_by(|a, b| a.remedy == b.remedy) {
            for same in cured.chunk_by(|a, b| (&a.code, &a.message) == (&b.code, &b.message)) {
                writeln!(f, "  {} {}: {}", same[0].code, places(same), same[0].message)?;
            }
            if let Some(remedy) = &cured[0].remedy {
                writeln!(f, "        {remedy}")?;
            }
        }
        if let Some(m) = &self.mapping {
            let (limit, share) = (&m.binding.limit, m.binding.percent());
            writeln!(
                f,
                "  but for that it would take {} on {} ({limit} {share:.1} %)",
                counted(m.cores as u64, "core"),
                counted(m.chips.into(), "chip")
            )?;
        }
        Ok(())
    }
}
