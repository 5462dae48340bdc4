//! What a person reads first: the headline, the bill by component and layer, warnings; 80 columns.
//!
//! Everything else that a report knows is in [`super::text`].

use snnc_simulator::time::DEFAULT_EVERY;
use snnc_targets::text_table::{TextTable, name_and_figures};
use snnc_targets::text_width::{WIDTH, broken};

use super::data::{Certainty, Report};
use super::sparkline;
use super::text::{INDENT, area_of, titled};
use super::units::{count, counted, mebibytes, share, si};

/// Characters of a layer's name that are shown.
const NAME: usize = 24;

/// The brief report. Ends with a newline.
pub fn print(report: &Report) -> String {
    let mut sections = vec![headline(report), components(report), layers(report)];
    sections.push(super::sensitivity::text(report));
    sections.push(crate::warnings::text(&report.warnings));
    sections.retain(|section| !section.is_empty());
    sections.join("\n")
}

fn headline(r: &Report) -> String {
    let (items, name, t) = (r.items().max(1), r.item_name(), &r.totals);
    let each = |value: f64| value / items as f64;
    let mut text = format!("{} on {}: {}", r.model, r.target.name, counted(r.items(), name));
    if let Some(found) = &r.classification {
        text += &format!(", {} of {} right", count(found.correct), count(found.samples));
    }
    let time = t.time_s.map_or_else(|| "no time modelled".to_owned(), |s| r.time_text(each(s)));
    let energy = r.energy_text(each(t.energy_j));
    text += &format!("\n\n  {energy} and {time} per {name} (timing: {})", r.fidelity);
    text += &certainty(r, items);
    text += &ranges(r, items);
    if let Some(found) = &r.classification {
        text += &format!("\n  accuracy {}", found.percent());
    }
    let per = |value: u64, noun: &str| counted(rounded(value, items), noun);
    let events = format!("{}, {},", per(t.spikes, "spike"), per(t.synaptic_operations, "synaptic operation"));
    let packets = format!("{} per {name}", per(t.packets, "packet"));
    // Counts of large networks need two lines.
    let between = if events.len() + packets.len() + 3 > WIDTH { "\n  " } else { " " };
    text += &format!("\n  {events}{between}{packets}");
    text.extend(sparkline::of(r).map(|line| format!("\n  {line}")));
    text += &format!("\n  {}", r.mapping.place());
    text += &format!("\n  area {}", area_of(r.area.as_ref()));
    text +=
        &format!("\n  simulated in {}, peak memory {}\n", si(t.wall_s, "s"), mebibytes(t.peak_memory_bytes));
    text
}

/// How far time and energy move over the ranges of the constants, and what these rest on; lines of their own.
fn ranges(r: &Report, items: u64) -> String {
    let each = |value: f64| value / items as f64;
    let mut text = String::new();
    if let Some(range) = r.time_range_s {
        let (low, high) = (si(each(range.low), "s"), si(each(range.high), "s"));
        text += &format!("\n  time bound {low} to {high} over the ranges of the constants");
    }
    let (assumed, constants) = (
        r.energy_constants.iter().filter(|constant| constant.provenance == "assumed").count(),
        r.energy_constants.len(),
    );
    text += &format!(
        "\n  energy {} to {} over the ranges of the constants, {assumed} of {constants} assumed",
        si(each(r.energy_range_j.low), "J"),
        si(each(r.energy_range_j.high), "J"),
    );
    if assumed == constants {
        // Whose constants stand in for those of a chip of which none is known says the target.
        broken(&r.target.description, WIDTH - 2).iter().for_each(|line| text += &format!("\n  {line}"));
    }
    text
}

/// How far the time may be off, a line of its own: of an estimate its interval, of a bound what gives an estimate.
fn certainty(r: &Report, items: u64) -> String {
    let simulated = r.time.simulated.as_ref();
    let interval = simulated.map(|s| s.time_half_width_s.map(|half| si(half / items as f64, "s")));
    match (r.time_is(), interval) {
        (Some(Certainty::LowerBound), _) => "\n  a lower bound".to_owned() + &estimate(r),
        (Some(Certainty::Estimate), Some(Some(half))) => {
            format!("\n  time +- {half}, the 95 % interval of the sample")
        }
        (Some(Certainty::Estimate), _) => {
            "\n  too few timesteps were simulated to say how far the time is off".to_owned()
        }
        _ => String::new(),
    }
}

/// What gives an estimate in the place of a bound, and what that costs; nothing where it is not known to be possible.
fn estimate(r: &Report) -> String {
    match r.totals.simulation_effort {
        None => String::new(),
        Some(effort) => {
            format!(
                "; --timing cycle:1/{DEFAULT_EVERY} estimates it, at some {} times the work",
                figure(effort)
            )
        }
    }
}

/// A multiple in two figures, or whole.
fn figure(multiple: f64) -> String {
    if multiple < 10.0 { format!("{multiple:.1}") } else { format!("{multiple:.0}") }
}

/// A count for each of some items.
fn per(value: u64, items: u64) -> String {
    count(rounded(value, items))
}

fn rounded(value: u64, items: u64) -> u64 {
    (value as f64 / items as f64).round() as u64
}

fn components(r: &Report) -> String {
    let (items, name) = (r.items().max(1) as f64, r.item_name());
    let mut table = TextTable::new(INDENT, name_and_figures("", [&format!("per {name}"), "share"]));
    for (component, joules) in r.energy_j.iter() {
        table.row([component.into(), si(joules / items, "J"), share(joules, r.totals.energy_j)]);
    }
    titled("Energy by component", &table)
}

fn layers(r: &Report) -> String {
    let (items, name) = (r.items().max(1), r.item_name());
    let figures = ["neurons", "cores", "rate", &format!("synops/{name}"), &format!("energy/{name}"), "share"];
    let mut table = TextTable::new(INDENT, name_and_figures("", figures));
    for l in &r.layers {
        table.row([
            shortened(&l.name),
            count(l.neurons),
            count(l.cores),
            format!("{:.4}", l.rate),
            per(l.synaptic_operations, items),
            si(l.energy_j / items as f64, "J"),
            share(l.energy_j, r.totals.energy_j),
        ]);
    }
    titled("Energy by layer", &table)
}

/// The end of a long name: its beginning is the network's.
fn shortened(name: &str) -> String {
    let length = name.chars().count();
    if length <= NAME {
        return name.to_owned();
    }
    format!("..{}", name.chars().skip(length - NAME + 2).collect::<String>())
}

#[cfg(test)]
mod tests {
    use snnc_simulator::time::Fidelity;

    use super::*;
    use crate::report::fixture::run;

    #[test]
    fn the_brief_report_fits_eighty_columns_and_says_what_the_long_one_says() {
        let (brief, long, report) = run(Fidelity::Analytic, |input| {
            let report = input.report();
            (print(&report), crate::report::text::print(&report), report)
        });
        let (items, totals) = (report.items() as f64, &report.totals);
        let energy = format!(
            ">= {} and >= {}",
            si(totals.energy_j / items, "J"),
            si(totals.time_s.unwrap() / items, "s")
        );
        assert!(brief.starts_with(&format!("{} on {}: ", report.model, report.target.name)), "{brief}");
        assert!(brief.contains(&energy) && brief.contains("Energy by layer"), "{brief}");
        let rows = |name: &str| brief.lines().filter(|line| line.trim_start().starts_with(name)).count();
        assert!(
            !report.layers.is_empty() && report.layers.iter().all(|layer| rows(&layer.name) > 0),
            "{brief}"
        );
        assert!(brief.lines().all(|line| line.chars().count() <= 80), "{brief}");
        assert!(brief.len() < long.len());
        assert_eq!(shortened(&"x".repeat(30)).len(), NAME);
        assert_eq!(shortened("net.conv1"), "net.conv1");
    }
}
