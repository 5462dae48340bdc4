//! The table of targets, and below it why some do not hold the model.

use std::fmt;

use super::{Fit, Row};

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
        Ok(())
    }
}

impl Row {
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
        for (i, problem) in self.problems.iter().enumerate() {
            writeln!(f, "  {} {}: {}", problem.code, problem.place, problem.message)?;
            // Layers that share a remedy stand together.
            let next = self.problems.get(i + 1).and_then(|next| next.remedy.as_ref());
            match &problem.remedy {
                Some(remedy) if next != Some(remedy) => writeln!(f, "        {remedy}")?,
                _ => {}
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
