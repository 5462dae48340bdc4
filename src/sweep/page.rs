//! The page of a sweep, `pareto.html`: its points over two figures at choice, those that nothing beats, what failed.
//!
//! One file that needs no network, in the document of the other pages ([`crate::report::html`]). It carries the table
//! of the sweep and shows its cells: no figure is computed here. Of very long sweeps it holds the first points and the
//! whole front, and says so. Parts of sweeps get no page, since a front is one of all points.

use maud::{Markup, html};
use serde::Serialize;

use super::folder::{Sweep, TABLE};
use super::pareto;
use super::table::{Cell, Table};
use super::text::{FrontTable, Reason, listed};
use crate::report::html::shell::{self, Section, header, table};
use crate::report::units::{count, counted};

/// Name of the page in the folder of a sweep.
pub const FILE: &str = "pareto.html";
/// Most points of a page that are not on the front.
const POINTS: usize = 20_000;
/// Most rows of the front in the text of the page; the chart and the table below it have all.
const FRONT_ROWS: usize = 100;

/// What the scripts of the page read.
#[derive(Debug, Serialize)]
struct SweepPageData<'a> {
    schema: &'static str,
    sweep: PointsData<'a>,
}

/// The points, by row.
#[derive(Debug, Serialize)]
struct PointsData<'a> {
    model: &'a str,
    /// `image` or `sample`.
    item: &'a str,
    columns: &'a [String],
    /// Columns in which points were made to differ.
    varied: Vec<&'a str>,
    rows: Vec<&'a [Cell]>,
}

/// The page of a sweep whose points are all done, of its table.
pub fn page(sweep: &Sweep, table: &Table) -> String {
    let front = pareto::front(sweep);
    let (rows, left_out) = shown(table, &front, POINTS);
    let (model, item) = (sweep.manifest.model.as_str(), sweep.manifest.item.as_str());
    let points = PointsData { model, item, columns: &table.columns, varied: table.varied(), rows };
    let data = SweepPageData { schema: "snnc.page/1", sweep: points };
    shell::document(&format!("Sweep of {model}"), &body(sweep, front.len(), left_out), &data)
}

/// Rows that a page holds: the first `most`, and those of the front; and how many it does not hold.
fn shown<'a>(table: &'a Table, front: &[usize], most: usize) -> (Vec<&'a [Cell]>, usize) {
    // Rows are in the order of the points, and all points are there.
    let held = |index: &usize| *index < most || front.binary_search(index).is_ok();
    let rows: Vec<&[Cell]> =
        (0..table.rows.len()).filter(held).map(|index| table.rows[index].as_slice()).collect();
    let left_out = table.rows.len() - rows.len();
    (rows, left_out)
}

fn sections() -> Vec<Section<'static>> {
    vec![
        Section {
            id: "front",
            title: "Points",
            lead: "Each mark is a point of the sweep; diamonds are the front: no other point is nowhere worse and \
                   somewhere better in energy, time, cores and quality together. Point at a mark, or walk from mark to \
                   mark with the arrow keys; a click or Enter keeps its figures.",
        },
        Section { id: "energy", title: "Energy of the front", lead: "Where the joules of its points went." },
        Section {
            id: "failed",
            title: "Failed",
            lead: "Points that could not be compiled or run, by reason.",
        },
        Section { id: "points", title: "All points", lead: "" },
        Section { id: "about", title: "About this sweep", lead: "" },
    ]
}

/// Between the head and the foot of the page.
fn body(sweep: &Sweep, on_front: usize, left_out: usize) -> Markup {
    let sections = sections();
    let text = |id: &str| match id {
        "front" => front(sweep),
        "failed" => failed(sweep),
        "points" => points(left_out),
        "about" => about(sweep),
        _ => html! {},
    };
    html! {
        (header(&format!("Sweep of {}", sweep.manifest.model), &subtitle(sweep, on_front), &sections))
        main id="main" {
            @for section in &sections { (section.markup(&text(section.id))) }
        }
    }
}

fn subtitle(sweep: &Sweep, on_front: usize) -> Markup {
    let all = sweep.manifest.points.len();
    let failed: usize = sweep.reasons().iter().map(|reason| reason.points.len()).sum();
    html! {
        p.headline {
            strong { (count((all - failed) as u64)) " of " (counted(all as u64, "point")) } " ran"
            @if failed > 0 { ", " (count(failed as u64)) " failed" }
            " · " (count(on_front as u64)) " on the front · timing " (sweep.manifest.timing)
        }
    }
}

fn front(sweep: &Sweep) -> Markup {
    let FrontTable { headings, rows } = sweep.front_table();
    html! {
        @if rows.is_empty() {
            p.notice { "No point ran, so there is no front." }
        } @else {
            (table("The front, least energy first", 1..headings.len(), &headings, &rows[..rows.len().min(FRONT_ROWS)]))
            @if rows.len() > FRONT_ROWS {
                p.note { "The first " (FRONT_ROWS) " of " (count(rows.len() as u64)) " points of the front." }
            }
        }
    }
}

fn failed(sweep: &Sweep) -> Markup {
    let row = |Reason { code, place, reason, points }: &Reason<'_>| {
        vec![(*code).to_owned(), (*place).to_owned(), listed(points), (*reason).to_owned()]
    };
    let rows: Vec<Vec<String>> = sweep.reasons().iter().map(row).collect();
    let headings = ["code", "place", "points", "reason"].map(str::to_owned);
    html! {
        @if rows.is_empty() {
            p { "Every point ran." }
        } @else {
            (table("Reasons of failures", 4..4, &headings, &rows))
            p.note { code { "snnc explain CODE" } " tells more of a reason." }
        }
    }
}

fn points(left_out: usize) -> Markup {
    html! {
        @if left_out > 0 {
            p.notice {
                "This page holds the first " (count(POINTS as u64)) " points and the whole front; the other "
                (count(left_out as u64)) " are in " (TABLE) " beside it."
            }
        }
    }
}

fn about(sweep: &Sweep) -> Markup {
    let m = &sweep.manifest;
    let mut rows = [
        ["schema", &m.schema],
        ["written by", &format!("snnc {}", m.snnc)],
        ["model", &m.model],
        ["BLAKE3 of the targets", &m.targets_blake3],
        ["timing", &m.timing],
        ["seed of the placement", &m.mapping_seed.to_string()],
        ["compared with the float reference", if m.verify { "yes" } else { "no" }],
    ]
    .map(|row| row.map(str::to_owned).to_vec())
    .to_vec();
    let mut also =
        |name: &str, value: Option<String>| rows.extend(value.map(|value| vec![name.into(), value]));
    also("BLAKE3 of the model", m.model_blake3.clone());
    also("BLAKE3 of samples and labels", m.inputs_blake3.clone());
    also("seed of the images", m.seed.map(|seed| seed.to_string()));
    also("network", m.network.clone());
    also("length of a timestep of event lists", m.dt.map(|dt| dt.to_string()));
    also("passes recorded for the rounding", m.calibrate.map(|passes| passes.to_string()));
    table("What was swept", 2..2, &[String::new(), String::new()], &rows)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_long_table_keeps_its_front() {
        let rows = (0..9u64).map(|point| vec![Cell::Integer(point)]).collect();
        let table = Table { columns: vec!["point".into()], rows };
        let (rows, left_out) = shown(&table, &[1, 7], 3);
        let points: Vec<String> = rows.iter().map(|row| row[0].text()).collect();
        assert_eq!((points.join(" ").as_str(), left_out), ("0 1 2 7", 5));
    }
}
