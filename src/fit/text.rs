//! The table of targets, and below it why some do not hold the model.

use std::fmt;

use super::{Fit, TargetFit};
use crate::warnings::Warning;

/// How places of layers begin.
const LAYER: &str = "layer ";

impl fmt::Display for Fit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let width = self.targets.iter().map(|row| row.target.len()).max().unwrap_or(0).max(20);
        writeln!(f, "{} on {} targets\n", self.model, self.targets.len())?;
        writeln!(
            f,
            "  {:<width$} {:>4} {:>7} {:>6} {:>5}   {:<22} {:>9}",
            "target", "fits", "weights", "cores", "chips", "binding limit", "use"
        )?;
        for row in &self.targets {
            row.line(f, width)?;
        }
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

/// `layer a, b, c`.
fn places(problems: &[Warning]) -> String {
    let names: Vec<&str> = problems.iter().map(|p| p.place.strip_prefix(LAYER).unwrap_or(&p.place)).collect();
    let prefix = if problems[0].place.starts_with(LAYER) { LAYER } else { "" };
    format!("{prefix}{}", names.join(", "))
}

impl TargetFit {
    fn line(&self, f: &mut fmt::Formatter<'_>, width: usize) -> fmt::Result {
        let fits = if self.fits { "yes" } else { "no" };
        let bits = format!("{} b", self.weight_bits);
        write!(f, "  {:<width$} {fits:>4} {bits:>7} ", self.target)?;
        match self.mapping.as_ref().filter(|_| self.fits) {
            Some(m) => {
                let share = format!("{:.1} %", m.binding.percent());
                writeln!(f, "{:>6} {:>5}   {:<22} {share:>9}", m.cores, m.chips, m.binding.limit)
            }
            None => writeln!(f, "{:>6} {:>5}   {:<22} {:>9}", "-", "-", self.stands_in_the_way(), "-"),
        }
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
                "  but for that it would take {} cores on {} chips ({limit} {share:.1} %)",
                m.cores, m.chips
            )?;
        }
        Ok(())
    }
}
