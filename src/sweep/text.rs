//! What a person reads at the end of a sweep: the front, and what failed for which reason.

use std::collections::BTreeMap;
use std::fmt;

use snnc_targets::text_table::{TextTable, right};

use super::folder::Sweep;
use super::pareto;
use super::plan::PointParameters;
use super::point::{PointFailure, PointFigures, PointOutcome};
use crate::report::units::{count, counted, si};

/// Points of the front that are printed; the table has all.
const PRINTED: usize = 40;

/// Head and text of a column.
type QualityColumn = (&'static str, fn(&PointFigures) -> String);

impl fmt::Display for Sweep {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let failed = self.outcomes.values().filter(|o| matches!(o, PointOutcome::Failed(_))).count();
        let (done, of) = (self.outcomes.len() - failed, self.manifest.points.len());
        write!(f, "{}: {} of {} ran", self.manifest.model, count(done as u64), counted(of as u64, "point"))?;
        writeln!(f, "{}", if failed > 0 { format!(", {failed} failed") } else { String::new() })?;
        if self.outcomes.len() == of && done > 0 {
            self.write_front(f)?;
        }
        for Reason { code, place, reason, points } in self.reasons() {
            writeln!(f, "\nfailed: point {}\n  {code} {place}: {reason}", listed(&points))?;
        }
        Ok(())
    }
}

fn percent(share: Option<f64>) -> String {
    share.map_or("-".into(), |share| format!("{:.2} %", share * 100.0))
}

/// What points differ in, and its name.
type Varied = (String, fn(&PointParameters, usize) -> String, usize);

/// The front as a table: a heading a column, a row a point, least energy first.
pub(super) struct FrontTable {
    pub headings: Vec<String>,
    pub rows: Vec<Vec<String>>,
}

/// What some points failed for.
pub(super) struct Reason<'a> {
    pub code: &'a str,
    pub place: &'a str,
    pub reason: &'a str,
    /// Their numbers.
    pub points: Vec<usize>,
}

/// The first eight of some numbers of points.
pub(super) fn listed(points: &[usize]) -> String {
    let first: Vec<String> = points.iter().take(8).map(usize::to_string).collect();
    let more = points.len().saturating_sub(8);
    first.join(", ") + &if more > 0 { format!(" and {more} more") } else { String::new() }
}

impl Sweep {
    /// Parameters that are not the same for all points.
    fn varied(&self) -> Vec<Varied> {
        let mut all: Vec<Varied> = vec![("target".into(), |p, _| p.target.clone(), 0)];
        let value: fn(&PointParameters, usize) -> String =
            |p, i| p.values.get(i).cloned().flatten().unwrap_or_else(|| "-".into());
        all.extend(self.manifest.fields.iter().enumerate().map(|(i, field)| (field.clone(), value, i)));
        all.push(("weights".into(), |p, _| p.weight_bits.map_or("-".into(), |bits| format!("{bits} b")), 0));
        all.push(("objective".into(), |p, _| p.objective.clone(), 0));
        all.push(("partitioner".into(), |p, _| p.partitioner.clone(), 0));
        all.push(("effort".into(), |p, _| p.effort.clone(), 0));
        all.push((format!("{}s", self.manifest.item), |p, _| p.items.map_or("all".into(), count), 0));
        let points = &self.manifest.points;
        let differs =
            |(_, of, i): &Varied| points.windows(2).any(|pair| of(&pair[0], *i) != of(&pair[1], *i));
        all.into_iter().filter(differs).collect()
    }

    /// The shortest end of a field's path with which no other field of the sweep ends.
    fn heading<'a>(&self, field: &'a str) -> &'a str {
        let mut ends = field.rmatch_indices('.').map(|(at, _)| &field[at + 1..]);
        let alone = |end: &str| {
            let mut others = self.manifest.fields.iter().filter(|other| *other != field);
            !others.any(|other| other.ends_with(&format!(".{end}")))
        };
        ends.find(|end| alone(end)).unwrap_or(field)
    }

    /// The points of the front, from the least energy on.
    pub(super) fn front_table(&self) -> FrontTable {
        let mut front: Vec<(usize, &PointFigures)> = pareto::front(self)
            .into_iter()
            .filter_map(|index| match self.outcomes.get(&index)? {
                PointOutcome::Done(figures) => Some((index, &**figures)),
                PointOutcome::Failed(_) => None,
            })
            .collect();
        let each = |(_, figures): &(usize, &PointFigures)| figures.energy_j / figures.items.max(1) as f64;
        front.sort_by(|a, b| each(a).total_cmp(&each(b)).then(a.0.cmp(&b.0)));
        let (varied, item) = (self.varied(), &self.manifest.item);
        let quality = self.quality(&front);
        let mut headings = vec!["point".to_owned()];
        headings.extend(varied.iter().map(|(name, ..)| self.heading(name).to_owned()));
        headings.extend(["cores".to_owned(), format!("energy/{item}"), format!("time/{item}")]);
        headings.extend(quality.iter().map(|(name, _)| (*name).to_owned()));
        let row = |&(index, figures): &(usize, &PointFigures)| {
            let items = figures.items.max(1) as f64;
            let mut row = vec![index.to_string()];
            row.extend(varied.iter().map(|(_, of, i)| of(&self.manifest.points[index], *i)));
            row.push(count(figures.cores_used));
            row.push(si(figures.energy_j / items, "J"));
            row.push(figures.time_s.map_or_else(|| "-".into(), |seconds| si(seconds / items, "s")));
            row.extend(quality.iter().map(|(_, of)| of(figures)));
            row
        };
        FrontTable { headings, rows: front.iter().map(row).collect() }
    }

    fn write_front(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let FrontTable { headings, rows } = self.front_table();
        let mut table = TextTable::new(2, headings.into_iter().map(right));
        let all = rows.len();
        rows.into_iter().take(PRINTED).for_each(|row| table.row(row));
        writeln!(f, "\nNothing beats these in energy, time, cores and quality together")?;
        write!(f, "{table}")?;
        if all > PRINTED {
            writeln!(f, "  and {} more", all - PRINTED)?;
        }
        Ok(())
    }

    /// Columns of what is known of the quality.
    fn quality(&self, front: &[(usize, &PointFigures)]) -> Vec<QualityColumn> {
        let mut columns: Vec<QualityColumn> = Vec::new();
        if front.iter().any(|(_, figures)| figures.accuracy.is_some()) {
            columns.push(("accuracy", |figures| percent(figures.accuracy)));
        }
        if front.iter().any(|(_, figures)| figures.kl_nats.is_some()) {
            columns
                .push(("KL (nats)", |figures| figures.kl_nats.map_or("-".into(), |kl| format!("{kl:.3e}"))));
        }
        if front.iter().any(|(_, figures)| figures.float_agreement.is_some()) {
            columns.push(("as floats", |figures| percent(figures.float_agreement)));
        }
        columns
    }

    /// Reasons of failures, and the points that they are of.
    pub(super) fn reasons(&self) -> Vec<Reason<'_>> {
        let mut reasons: BTreeMap<(&str, &str, &str), Vec<usize>> = BTreeMap::new();
        for (index, outcome) in &self.outcomes {
            if let PointOutcome::Failed(PointFailure { code, place, reason, .. }) = outcome {
                reasons.entry((code, place, reason)).or_default().push(*index);
            }
        }
        let of = |((code, place, reason), points)| Reason { code, place, reason, points };
        reasons.into_iter().map(of).collect()
    }
}
