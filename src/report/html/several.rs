//! The text of the page of several runs: a table a section of the comparison. Charts are drawn by the scripts.

use maud::{Markup, html};

use super::RunFolder;
use super::shell::{Section, header, table};
use crate::report::compare::{ComparisonRow, RunComparison};

/// Between the head and the foot of the page.
pub(super) fn body(runs: &[RunFolder], compared: &RunComparison) -> Markup {
    let sections = [
        Section { id: "runs", title: "Runs", lead: "" },
        Section { id: "energy", title: "Energy", lead: "Where the joules of each run went." },
        Section {
            id: "time",
            title: "Time",
            lead: "How long each run took on its chip, and what timesteps waited for.",
        },
        Section { id: "activity", title: "Activity", lead: "Spikes of each layer in each run." },
        Section {
            id: "figures",
            title: "All figures",
            lead: "Ratios are to run A. Rows in bold differ between the runs.",
        },
    ];
    let text = |id: &str| match id {
        "runs" => html! {
            (overview(runs))
            @for sentence in compared.order.iter().filter_map(|order| order.text()) {
                p.note { "Over the ranges of the constants: " (sentence) "." }
            }
        },
        "figures" => {
            html! { @for section in &compared.sections { (part(section.title, &section.rows, runs.len())) } }
        }
        _ => html! {},
    };
    html! {
        (header("Runs side by side", &html! {}, &sections))
        main id="main" {
            @for section in &sections { (section.markup(&text(section.id))) }
        }
    }
}

/// `A`, `B`, ...
fn letter(index: usize) -> String {
    char::from_u32('A' as u32 + index as u32).unwrap_or('?').to_string()
}

fn overview(runs: &[RunFolder]) -> Markup {
    let rows: Vec<Vec<String>> = (runs.iter().enumerate())
        .map(|(index, run)| {
            let r = &run.report;
            let items = r.items().max(1) as f64;
            let time =
                |time: Option<f64>| time.map_or_else(|| "not modelled".into(), |time| r.time_text(time));
            vec![
                letter(index),
                run.name.clone(),
                r.model.clone(),
                r.target.name.clone(),
                r.fidelity.clone(),
                r.energy_text(r.totals.energy_j / items),
                time(r.totals.time_s.map(|time| time / items)),
                r.totals.accuracy.map_or_else(String::new, |accuracy| format!("{:.2} %", accuracy * 100.0)),
            ]
        })
        .collect();
    let headings = ["", "folder", "model", "target", "timing", "energy each", "time each", "accuracy"];
    table("What is compared; figures per image or sample", 5..8, &headings.map(str::to_owned), &rows)
}

/// A section of the comparison.
fn part(title: &str, rows: &[ComparisonRow], runs: usize) -> Markup {
    let values = (0..runs).map(letter);
    let ratios = (1..runs).map(|index| format!("{}/A", letter(index)));
    let headings: Vec<String> = [String::new()].into_iter().chain(values).chain(ratios).collect();
    html! {
        div.scroll tabindex="0" role="region" aria-label=(title) {
            table {
                caption { span { (title) } }
                thead {
                    tr { @for heading in &headings { th scope="col" class="figure" { (heading) } } }
                }
                tbody {
                    @for row in rows {
                        tr class=[row.differs.then_some("differs")] {
                            th scope="row" { (row.name) }
                            @for value in &row.values {
                                td.figure { (value.as_ref().map_or_else(|| "-".into(), |v| v.text(row.unit))) }
                            }
                            @for ratio in &row.ratios[1..] {
                                td.figure { (ratio.map_or_else(String::new, |ratio| format!("{ratio:.3} x"))) }
                            }
                        }
                    }
                }
            }
        }
    }
}
