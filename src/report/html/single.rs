//! The text of the page of one run: headline, and the tables that need no chart. Charts are drawn by the scripts.

use maud::{Markup, html};

use super::RunFolder;
use super::shell::{Section, header, table};
use crate::report::Report;
use crate::report::data::{Area, AreaConstant, Range, TimeConstant};
use crate::report::units::{constant, count, counted, share, si};

/// Between the head and the foot of the page.
pub(super) fn body(run: &RunFolder) -> Markup {
    let report = &run.report;
    let sections = sections(report);
    let text = |id: &str| match id {
        "totals" => totals(report),
        "mapping" => mapping(report),
        "constants" => constants(report),
        "about" => about(run),
        _ => html! {},
    };
    html! {
        (header(&report.model, &subtitle(report), &sections))
        main id="main" {
            @for section in &sections { (section.markup(&text(section.id))) }
        }
    }
}

/// In reading order.
fn sections(report: &Report) -> Vec<Section<'static>> {
    let section = |id, title, lead| Section { id, title, lead };
    let results = match report.totals.images {
        Some(_) => section(
            "results",
            "Images",
            "Every image begins as a grid of masked tokens; each iteration of the network sets some of them, and the \
             decoder makes the picture of the last grid.",
        ),
        None => section("results", "Samples", "What was fed, and what the network said of it."),
    };
    vec![
        section("totals", "Figures", ""),
        results,
        section(
            "chip",
            "Chip",
            "The tiles of the mesh with their cores. Point at a core for its figures, click it or press Enter to keep \
             them; the arrow keys walk from core to core. Where timesteps were recorded, a slider walks through \
             those of a pass.",
        ),
        section("energy", "Energy", "Where the joules went: by component, by layer, and pass by pass."),
        section("time", "Time", "What each timestep waited for, and how busy units and links were."),
        section("activity", "Activity", "Spikes by layer and by timestep."),
        section(
            "mapping",
            "Mapping",
            "How full the cores are, and how far the mapping is from its lower bounds.",
        ),
        section(
            "constants",
            "Constants",
            "Every price that energy was charged with and every time that timesteps were computed of: where it comes \
             from, its range, and what it came to in this run.",
        ),
        section("about", "About this run", ""),
    ]
}

/// The headline, and what it rests on.
fn subtitle(r: &Report) -> Markup {
    let (items, name) = (r.items(), r.item_name());
    let each = r.totals.energy_j / items.max(1) as f64;
    let time = r.totals.time_s.map_or_else(|| "time not modelled".to_owned(), |time| r.time_text(time));
    let accuracy = r.classification.as_ref().map(|found| format!(" · accuracy {}", found.percent()));
    let p = &r.target.provenance;
    let kinds = [
        (p.measured.len(), "measured"),
        (p.published.len(), "published"),
        (p.derived.len(), "derived"),
        (p.assumed.len(), "assumed"),
    ];
    let kinds: Vec<String> =
        kinds.iter().filter(|(n, _)| *n > 0).map(|(n, kind)| format!("{n} {kind}")).collect();
    let range = &r.energy_range_j;
    html! {
        p.target { "on " strong { (r.target.name) } " · " (r.target.description) }
        p.headline {
            strong { (r.energy_text(r.totals.energy_j)) } " · " strong { (time) } " · "
            (counted(items, name)) " (" (r.energy_text(each)) " each)"
            (accuracy.unwrap_or_default())
            " · " (r.mapping.place()) " · timing " (r.fidelity)
            " · constants: " (kinds.join(", "))
            " (" (si(range.low, "J")) " to " (si(range.high, "J")) " over their ranges)"
        }
    }
}

fn strings<const N: usize>(texts: [&str; N]) -> Vec<String> {
    texts.map(str::to_owned).into()
}

fn totals(r: &Report) -> Markup {
    let t = &r.totals;
    let items = r.items().max(1) as f64;
    let real = |name: &str, value: Option<f64>, show: &dyn Fn(f64) -> String| {
        let show = |value: Option<f64>| value.map_or_else(|| "not modelled".into(), show);
        vec![name.to_owned(), show(value), show(value.map(|value| value / items))]
    };
    let whole = |name: &str, value: u64| {
        vec![name.to_owned(), count(value), count((value as f64 / items).round() as u64)]
    };
    let mut rows = vec![
        real("energy", Some(t.energy_j), &|value| r.energy_text(value)),
        real("time", t.time_s, &|value| r.time_text(value)),
        whole("timesteps", t.timesteps),
        whole("spikes", t.spikes),
        whole("synaptic operations", t.synaptic_operations),
        whole("packets", t.packets),
        whole("hops", t.hops),
        whole("host writes", t.host_writes),
        whole("host reads", t.host_reads),
    ];
    rows.extend(t.input_packets.map(|packets| whole("input packets", packets)));
    let power = t.time_s.filter(|time| *time > 0.0).map(|time| si(t.energy_j / time, "W"));
    rows.extend(power.map(|power| vec!["average power".into(), power, String::new()]));
    let name = r.item_name();
    html! {
        dl.cards {
            @for row in &rows {
                div {
                    dt { (row[0]) }
                    dd.value { (row[1]) }
                    @if !row[2].is_empty() && r.items() != 1 { dd.each { (row[2]) " per " (name) } }
                }
            }
        }
    }
}

fn mapping(r: &Report) -> Markup {
    let limit = |of: Option<u64>| of.map_or_else(|| "no limit".into(), count);
    let limits: Vec<Vec<String>> = (r.mapping.limits.iter())
        .map(|l| {
            let part = l.of.map_or_else(String::new, |of| share(l.max as f64, of as f64));
            vec![l.limit.clone(), count(l.min), count(l.mean.round() as u64), count(l.max), limit(l.of), part]
        })
        .collect();
    let headings = strings(["limit of a core", "least", "mean", "most", "of", "share"]);
    html! {
        @if limits.is_empty() {
            p.notice { "This report does not say how full the cores are: an older snnc wrote it." }
        } @else {
            (table("Use of each limit over the cores in use", 1..6, &headings, &limits))
        }
        (bounds(r))
        @match &r.area {
            Some(area) => (areas(area, &r.area_constants)),
            None => p.notice { "The silicon area is unknown: the target gives none." },
        }
    }
}

/// Areas by part with where they come from, and their sum where all are known.
fn areas(area: &Area, constants: &[AreaConstant]) -> Markup {
    let mm2 = |mm2: Option<f64>| mm2.map_or_else(|| "unknown".into(), |mm2| format!("{mm2:.2}"));
    let rows = [
        ("cores without synapse memory", area.cores_mm2, "core_mm2"),
        ("routers", area.routers_mm2, "router_mm2"),
        ("synapse memory", area.memory_mm2, "memory_mm2_per_kib"),
        ("rest of the chips", area.other_mm2, "other_mm2_per_chip"),
        ("all", area.total_mm2, ""),
    ];
    let row = |(part, area, name): (&str, Option<f64>, &str)| {
        let constant = constants.iter().find(|constant| constant.name == name);
        let of = |cell: fn(&AreaConstant) -> String| constant.map_or_else(String::new, cell);
        let each = of(|constant| format!("{} {}", constant.name, constant.value));
        vec![part.to_owned(), of(|k| k.provenance.clone()), mm2(area), each, of(|k| k.source.clone())]
    };
    let headings = strings(["part", "provenance", "mm2", "of", "source"]);
    table("Silicon area of the chips present", 2..3, &headings, &rows.map(row))
}

fn bounds(r: &Report) -> Markup {
    let Some(figures) = &r.mapping.figures else {
        return html! {
            p.notice {
                "Lower bounds are known where the model was compiled: `snnc run` tells them, a run of a compiled "
                "program (`snnc simulate`) does not."
            }
        };
    };
    let row = |name: &str, found: u64, bound: u64| {
        let times = if bound > 0 { format!("{:.2} x", found as f64 / bound as f64) } else { String::new() };
        vec![name.to_owned(), count(found), count(bound), times]
    };
    let cores = figures.core_bounds.iter();
    let mut rows: Vec<Vec<String>> = cores
        .map(|bound| row(&format!("cores, by {}", bound.by), r.mapping.cores_used, bound.least))
        .collect();
    let traffic = &figures.traffic;
    rows.push(row("expected packets", traffic.packets, traffic.packets_bound));
    rows.push(row("expected packets x hops", traffic.hops, traffic.hops_bound));
    let headings = strings(["", "this mapping", "no mapping needs fewer", "ratio"]);
    let spikes = if traffic.measured { "the spikes of a recorded run" } else { "one spike of every neuron" };
    html! {
        (table("Distance from lower bounds", 1..4, &headings, &rows))
        p.note {
            "Expected traffic is that of " (spikes) ". Synapses: " (count(figures.synapses.synapses))
            " unrolled, " (count(figures.synapses.weights)) " distinct weights, "
            (count(figures.synapses.stored_bits)) " bits stored."
        }
    }
}

/// The ends of a constant's range, in its unit.
fn ends(range: Option<&Range>, unit: &str) -> String {
    range.map_or_else(String::new, |range| {
        format!("{} to {}", constant(range.low, unit), constant(range.high, unit))
    })
}

/// Where a constant and its range come from.
fn sources(own: &str, of_range: Option<&str>) -> String {
    of_range.map_or_else(|| own.to_owned(), |of_range| format!("{own}. Range: {of_range}"))
}

fn constants(r: &Report) -> Markup {
    let rows: Vec<Vec<String>> = (r.energy_constants.iter())
        .map(|k| {
            vec![
                k.name.clone(),
                k.provenance.clone(),
                si(k.value, &k.unit),
                ends(k.range.as_ref(), &k.unit),
                count(k.events),
                si(k.energy_j, "J"),
                share(k.energy_j, r.totals.energy_j),
                sources(&k.source, k.range_source.as_deref()),
            ]
        })
        .collect();
    let headings =
        strings(["constant", "provenance", "value", "range", "events", "energy", "share", "source"]);
    let p = &r.target.provenance;
    let kinds = [
        ("measured", &p.measured),
        ("published", &p.published),
        ("derived", &p.derived),
        ("assumed", &p.assumed),
    ];
    html! {
        (table("Energy constants", 2..7, &headings, &rows))
        (time_constants(r))
        details {
            summary { "Energy and time constants by provenance" }
            dl {
                @for (kind, names) in kinds {
                    dt { (kind) " (" (names.len()) ")" }
                    dd { @if names.is_empty() { "none" } @else { (names.join(", ")) } }
                }
            }
        }
    }
}

/// The constants of time; none of a run without time, and of older reports.
fn time_constants(r: &Report) -> Markup {
    let row = |k: &TimeConstant| {
        let (value, range) = (constant(k.value, &k.unit), ends(k.range.as_ref(), &k.unit));
        let source = sources(&k.source, k.range_source.as_deref());
        vec![k.name.clone(), k.provenance.clone(), value, range, source]
    };
    let rows: Vec<Vec<String>> = r.time_constants.iter().map(row).collect();
    let headings = strings(["constant", "provenance", "value", "range", "source"]);
    html! { @if !rows.is_empty() { (table("Time constants", 2..4, &headings, &rows)) } }
}

fn about(run: &RunFolder) -> Markup {
    let r = &run.report;
    let mut rows = vec![
        vec!["folder".to_owned(), run.name.clone()],
        vec!["schema".to_owned(), r.schema.clone()],
        vec!["compiled in".to_owned(), si(r.mapping.compile_s, "s")],
        vec!["simulated in".to_owned(), si(r.totals.wall_s, "s")],
        vec!["peak memory".to_owned(), si(r.totals.peak_memory_bytes as f64, "B")],
        vec![
            "values out of range".to_owned(),
            format!(
                "{} accumulator overflows, {} membranes clipped, {} biases clipped",
                count(r.overflows.accumulator),
                count(r.overflows.state),
                count(r.overflows.bias)
            ),
        ],
        vec!["host multiply-adds".to_owned(), format!("{} ({})", count(r.host.multiply_adds), r.host_is())],
    ];
    if !r.version.is_empty() {
        rows.insert(1, vec!["written by".to_owned(), format!("snnc {}", r.version)]);
    }
    let laws = r.target.has_scaling_laws.filter(|known| !known);
    rows.extend(
        laws.map(|_| vec!["laws for another supply, corner or clock".to_owned(), "unknown".to_owned()]),
    );
    rows.extend(r.weight_bits.map(|bits| vec!["bits of a weight".to_owned(), bits.to_string()]));
    rows.extend(r.seed.map(|seed| vec!["seed".to_owned(), seed.to_string()]));
    rows.extend(r.options.iter().map(|(name, value)| vec![name.clone(), value.clone()]));
    let headings = strings(["", ""]);
    html! {
        (table("What ran", 2..2, &headings, &rows))
        @if !r.warnings.is_empty() {
            h3 { "Warnings" }
            ul {
                @for warning in &r.warnings {
                    li {
                        strong { (warning.code) } " " (warning.place) ": " (warning.message)
                        @if let Some(remedy) = &warning.remedy { " (" (remedy) ")" }
                    }
                }
            }
        }
        h3 { "Notes" }
        ul {
            @for note in &r.notes { li { (note) } }
            li {
                "As SNN papers count (45 nm operations alone, no memory, network or leakage): "
                (si(r.paper_figure.energy_j, "J")) "."
            }
        }
        @if !run.left_out.is_empty() {
            h3 { "Not on this page" }
            ul { @for what in &run.left_out { li { (what) } } }
        }
    }
}
