//! The table of a sweep: a row a point, units in the names of the columns.
//!
//! One list of columns serves every form of the table. Empty cells are figures that a point does not have: those of
//! runs that failed, times without a model of time, accuracies without labels. Whether a point is on the front is known
//! once all points are there, so it is empty in a part of a sweep.

use std::collections::BTreeSet;

use serde::Serialize;

use super::folder::{Sweep, SweepManifest};
use super::pareto;
use super::plan::PointParameters;
use super::point::{PointFailure, PointFigures, PointOutcome};

/// A value of the table.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(untagged)]
pub enum Cell {
    /// Nothing is known.
    Empty,
    /// Words.
    Text(String),
    /// A count.
    Integer(u64),
    /// A measure.
    Real(f64),
    /// True or false.
    Flag(bool),
}

impl Cell {
    /// As it stands in a text.
    pub fn text(&self) -> String {
        match self {
            Self::Empty => String::new(),
            Self::Text(text) => text.clone(),
            Self::Integer(value) => value.to_string(),
            // The shortest digits that read back as the same number.
            Self::Real(value) => serde_json::to_string(value).expect("a number"),
            Self::Flag(value) => value.to_string(),
        }
    }
}

impl<T: Into<Cell>> From<Option<T>> for Cell {
    fn from(value: Option<T>) -> Self {
        value.map_or(Self::Empty, Into::into)
    }
}

impl From<u64> for Cell {
    fn from(value: u64) -> Self {
        Self::Integer(value)
    }
}

impl From<f64> for Cell {
    fn from(value: f64) -> Self {
        Self::Real(value)
    }
}

impl From<&str> for Cell {
    fn from(value: &str) -> Self {
        Self::Text(value.to_owned())
    }
}

/// The table.
#[derive(Debug, Clone, PartialEq)]
pub struct Table {
    /// Names of the columns.
    pub columns: Vec<String>,
    /// Rows in the order of the points, each as long as there are columns.
    pub rows: Vec<Vec<Cell>>,
}

impl Table {
    /// Of the points of a sweep that are done.
    pub fn new(sweep: &Sweep) -> Self {
        let whole = sweep.outcomes.len() == sweep.manifest.points.len();
        let front: BTreeSet<usize> = pareto::front(sweep).into_iter().collect();
        let mut columns = Vec::new();
        let mut rows = Vec::new();
        for (&index, outcome) in &sweep.outcomes {
            let on_front =
                (whole && matches!(outcome, PointOutcome::Done(_))).then(|| front.contains(&index));
            let named = row(&sweep.manifest, (index, outcome), on_front);
            columns = named.iter().map(|(name, _)| name.clone()).collect();
            rows.push(named.into_iter().map(|(_, cell)| cell).collect());
        }
        Self { columns, rows }
    }

    /// Columns that say what a point is, from the target to the timing, and have two values or more.
    pub fn varied(&self) -> Vec<&str> {
        let place = |name: &str| self.columns.iter().position(|column| column == name).unwrap_or(0);
        let differs = |column: &usize| {
            let mut known = self.rows.iter().map(|row| &row[*column]).filter(|cell| **cell != Cell::Empty);
            known.next().is_some_and(|first| known.any(|cell| cell != first))
        };
        let asked = place("target")..place("status");
        asked.filter(differs).map(|column| self.columns[column].as_str()).collect()
    }

    /// As comma-separated values with a line of names.
    pub fn csv(&self) -> String {
        let mut writer = csv::Writer::from_writer(Vec::new());
        let in_memory = "memory takes what is written";
        writer.write_record(&self.columns).expect(in_memory);
        for row in &self.rows {
            writer.write_record(row.iter().map(Cell::text)).expect(in_memory);
        }
        String::from_utf8(writer.into_inner().expect(in_memory)).expect("texts are UTF-8")
    }
}

/// The cells of a point by the names of their columns.
fn row(
    manifest: &SweepManifest,
    (index, outcome): (usize, &PointOutcome),
    on_front: Option<bool>,
) -> Vec<(String, Cell)> {
    let (done, failed) = match outcome {
        PointOutcome::Done(figures) => (Some(&**figures), None),
        PointOutcome::Failed(failure) => (None, Some(failure)),
    };
    let mut row: Vec<(String, Cell)> = vec![("point".into(), (index as u64).into())];
    asked(manifest, &manifest.points[index], done, &mut row);
    let mut put = |name: &str, cell: Cell| row.push((name.to_owned(), cell));
    put("status", if done.is_some() { "done" } else { "failed" }.into());
    let of = |take: fn(&PointFailure) -> &str| Cell::from(failed.map(take));
    put("error_code", of(|failure| &failure.code));
    put("error_place", of(|failure| &failure.place));
    put("error", of(|failure| &failure.reason));
    put("on_front", on_front.map_or(Cell::Empty, Cell::Flag));
    figures(manifest, done, &mut row);
    row
}

/// What a point is.
fn asked(
    manifest: &SweepManifest,
    point: &PointParameters,
    done: Option<&PointFigures>,
    row: &mut Vec<(String, Cell)>,
) {
    row.push(("target".into(), point.target.as_str().into()));
    for (field, value) in manifest.fields.iter().zip(&point.values) {
        row.push((field.clone(), value.as_deref().map_or(Cell::Empty, number_or_text)));
    }
    row.push(("weight_bits".into(), point.weight_bits.map(u64::from).into()));
    row.push(("objective".into(), point.objective.as_str().into()));
    row.push(("partitioner".into(), point.partitioner.as_str().into()));
    row.push(("effort".into(), point.effort.as_str().into()));
    row.push((format!("{}s", manifest.item), done.map(|figures| figures.items).or(point.items).into()));
    row.push(("timing".into(), manifest.timing.as_str().into()));
}

/// A value of a field as it is written in a target file.
fn number_or_text(text: &str) -> Cell {
    let plain = text.replace('_', "");
    match (plain.parse::<u64>(), plain.parse::<f64>()) {
        (Ok(value), _) => Cell::Integer(value),
        (_, Ok(value)) if value.is_finite() => Cell::Real(value),
        _ => Cell::Text(text.to_owned()),
    }
}

fn figures(manifest: &SweepManifest, done: Option<&PointFigures>, row: &mut Vec<(String, Cell)>) {
    let item = &manifest.item;
    let mut put = |name: &str, cell: Cell| row.push((name.to_owned(), cell));
    let count = |take: fn(&PointFigures) -> u64| Cell::from(done.map(take));
    let real = |take: fn(&PointFigures) -> Option<f64>| Cell::from(done.and_then(take));
    let each = |take: fn(&PointFigures) -> Option<f64>| {
        Cell::from(done.and_then(|figures| Some(take(figures)? / figures.items.max(1) as f64)))
    };
    put("cores_used", count(|f| f.cores_used));
    put("chips_used", count(|f| f.chips_used));
    put("chips_present", count(|f| f.chips_present));
    put("synapse_memory_used_bits", count(|f| f.synapse_memory_used_bits));
    put("area_mm2", real(|f| f.area_mm2));
    put("timesteps", count(|f| f.timesteps));
    put("spikes", count(|f| f.spikes));
    put("synaptic_operations", count(|f| f.synaptic_operations));
    put("packets", count(|f| f.packets));
    put("hops", count(|f| f.hops));
    put("time_s", real(|f| f.time_s));
    put(&format!("time_per_{item}_s"), each(|f| f.time_s));
    put("energy_j", real(|f| Some(f.energy_j)));
    put(&format!("energy_per_{item}_j"), each(|f| Some(f.energy_j)));
    put("energy_low_j", real(|f| Some(f.energy_range_j.low)));
    put("energy_high_j", real(|f| Some(f.energy_range_j.high)));
    for component in snnc_targets::EnergyComponent::ALL {
        let joules = done.map(|figures| figures.energy_by_component_j[component]);
        put(&format!("energy_{}_j", component.name()), joules.into());
    }
    put("accuracy", real(|f| f.accuracy));
    put("kl_nats", real(|f| f.kl_nats));
    put("float_agreement", real(|f| f.float_agreement));
}
