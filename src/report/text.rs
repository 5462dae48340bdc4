//! The energy report that a person reads.

use std::fmt;

use snnc_targets::text_table::{TextTable, left, name_and_figures, right};

use super::data::{Area, CoreEnergy, EnergyConstant, Iteration, Range, Report};
use super::timing;
use super::units::{count, counted, mebibytes, share, si};

/// The report as text: overview, components, networks, layers, time, provenance, notes. Ends with a newline.
pub fn print(report: &Report) -> String {
    let sections = [
        overview(report),
        totals(report),
        classification(report),
        items(report),
        components(report),
        networks(report),
        layers(report),
        cores(report),
        host(report),
        timing::text::print(report),
        provenance(report),
        super::sensitivity::text(report),
        paper(report),
        crate::warnings::text(&report.warnings),
        notes(report),
    ];
    sections.into_iter().filter(|s| !s.is_empty()).collect::<Vec<_>>().join("\n")
}

impl fmt::Display for Report {
    /// The text that [`print()`] gives.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&print(self))
    }
}

fn overview(r: &Report) -> String {
    let m = &r.mapping;
    let simulation = format!(
        "{} wall clock, peak memory {}, compiled in {}",
        si(r.totals.wall_s, "s"),
        mebibytes(r.totals.peak_memory_bytes),
        si(m.compile_s, "s")
    );
    let mut table = TextTable::new(INDENT, [left(""), left("")]);
    table.row(["model", &r.model]);
    table.row(["target", &format!("{} ({})", r.target.name, r.target.description)]);
    table.row(["mapping", &m.place()]);
    table.row(["area", &area_of(r.area.as_ref())]);
    if r.target.has_scaling_laws == Some(false) {
        table.row(["scaling", "unknown: the target has no laws for another supply, corner or clock"]);
    }
    table.row(["timing", &r.fidelity]);
    table.row(["simulation", &simulation]);
    titled("Energy report", &table)
}

/// What is known of the area, part by part.
pub(super) fn area_of(area: Option<&Area>) -> String {
    let Some(area) = area else { return "unknown: the target gives none".to_owned() };
    let parts = [
        ("cores", area.cores_mm2),
        ("routers", area.routers_mm2),
        ("synapse memory", area.memory_mm2),
        ("other", area.other_mm2),
    ];
    let parts = parts.into_iter().map(|(name, mm2)| match mm2 {
        Some(mm2) => format!("{name} {mm2:.1}"),
        None => format!("{name} unknown"),
    });
    let parts: Vec<String> = parts.collect();
    match area.total_mm2 {
        Some(total) => format!("{total:.1} mm2 ({})", parts.join(", ")),
        None => format!("in mm2: {}", parts.join(", ")),
    }
}

fn totals(r: &Report) -> String {
    let t = &r.totals;
    let (items, name) = (r.items().max(1), r.item_name());
    let real = |name: &str, value: Option<f64>, show: &dyn Fn(f64) -> String| {
        let show = |v: Option<f64>| v.map_or_else(|| "not modelled".to_owned(), show);
        vec![name.to_owned(), show(value), show(value.map(|v| v / items as f64))]
    };
    let joules = |v: f64| r.energy_text(v);
    let whole = |name: &str, value: u64| {
        vec![name.to_owned(), count(value), count((value as f64 / items as f64).round() as u64)]
    };
    let figures = [counted(r.items(), name), format!("per {name}")];
    let mut table = TextTable::new(INDENT, name_and_figures("", figures));
    let rows = [
        real("energy", Some(t.energy_j), &joules),
        real("  lowest constants", Some(r.energy_range_j.low), &joules),
        real("  highest constants", Some(r.energy_range_j.high), &joules),
        real("time", t.time_s, &|v| r.time_text(v)),
    ]
    .into_iter()
    .chain(r.time_range_s.into_iter().flat_map(|range| {
        [("  lowest constants", range.low), ("  highest constants", range.high)]
            .map(|(name, value)| real(name, Some(value), &|v| r.time_text(v)))
    }))
    .chain([
        vec!["average power".into(), power(r), String::new()],
        whole("timesteps", t.timesteps),
        whole("spikes", t.spikes),
        whole("synaptic operations", t.synaptic_operations),
        whole("packets", t.packets),
        whole("hops", t.hops),
        whole("  east-west", r.hops_by_kind.east_west),
        whole("  north-south", r.hops_by_kind.north_south),
        whole("  between chips", r.hops_by_kind.chip),
        whole("host writes", t.host_writes),
        whole("host reads", t.host_reads),
    ]);
    let entered = t.input_packets.map(|packets| whole("input packets", packets));
    rows.chain(entered).for_each(|row| table.row(row));
    let events = r.events.map_or(String::new(), |events| format!("  {events}\n"));
    titled("Totals", &table) + &events
}

/// Accuracy and confusion matrix, where labels are known.
fn classification(r: &Report) -> String {
    let Some(found) = &r.classification else { return String::new() };
    let (correct, samples) = (count(found.correct), count(found.samples));
    let mut text = format!(
        "Accuracy\n  {}: {correct} of {samples} right; in brackets the 95 % interval (Wilson score)\n",
        found.percent()
    );
    if let Some(confusion) = &found.confusion {
        text += &titled("Confusion (samples)", &confusion.table(INDENT));
    }
    text
}

/// Images or samples shown one by one; report.json has them all.
const ITEMS: usize = 16;

/// One row an image or sample, if there are several.
fn items(r: &Report) -> String {
    if r.items() < 2 {
        return String::new();
    }
    let name = r.item_name();
    let figures = ["energy", "time", "spikes", "synops", "packets", "hops"];
    let mut table = TextTable::new(INDENT, name_and_figures("", figures));
    for item in r.by_item().take(ITEMS) {
        table.row([
            format!("{name} {}", item.image.or(item.sample).unwrap_or(0)),
            si(item.energy_j, "J"),
            item.time_s.map_or_else(|| "not modelled".to_owned(), |t| si(t, "s")),
            count(item.spikes),
            count(item.synaptic_operations),
            count(item.packets),
            count(item.hops),
        ]);
    }
    if r.items() > ITEMS as u64 {
        table.row([format!("and {} more", r.items() - ITEMS as u64)]);
    }
    titled(if name == "image" { "Images" } else { "Samples" }, &table)
}

fn power(r: &Report) -> String {
    match r.totals.time_s {
        Some(time) if time > 0.0 => si(r.totals.energy_j / time, "W"),
        _ => "not modelled".into(),
    }
}

fn components(r: &Report) -> String {
    let (items, name) = (r.items().max(1) as f64, r.item_name());
    let mut table = TextTable::new(INDENT, name_and_figures("", [&format!("per {name}"), "share"]));
    for (name, joules) in r.energy_j.iter() {
        table.row([name.into(), si(joules / items, "J"), share(joules, r.totals.energy_j)]);
    }
    titled("Energy by component", &table)
}

/// Passes, those of one network together.
fn networks(r: &Report) -> String {
    let mut groups: Vec<(&str, Vec<&Iteration>)> = Vec::new();
    for iteration in r.by_pass() {
        match groups.iter_mut().find(|(name, _)| *name == iteration.network) {
            Some((_, group)) => group.push(iteration),
            None => groups.push((&iteration.network, vec![iteration])),
        }
    }
    let figures = ["passes", "energy/pass", "time/pass", "synops/pass", "share"];
    let mut table = TextTable::new(INDENT, name_and_figures("", figures));
    groups.iter().for_each(|(name, group)| table.row(network_row(name, group, r.totals.energy_j)));
    titled("Energy by network", &table)
}

fn network_row(name: &str, group: &[&Iteration], total: f64) -> [String; 6] {
    let passes: u64 = group.iter().map(|i| i.passes).sum();
    let each = |sum: f64| sum / passes.max(1) as f64;
    let energy: f64 = group.iter().map(|i| i.energy_j).sum();
    let time: Option<f64> = group.iter().map(|i| i.time_s).sum();
    let operations: u64 = group.iter().map(|i| i.synaptic_operations).sum();
    [
        name.to_owned(),
        count(passes),
        si(each(energy), "J"),
        time.map_or_else(|| "-".into(), |t| si(each(t), "s")),
        count(each(operations as f64).round() as u64),
        share(energy, total),
    ]
}

fn layers(r: &Report) -> String {
    let figures = ["neurons", "cores", "rate", "spikes", "synops", "packets", "energy", "share"];
    let ranged = r.layers.iter().any(|layer| layer.energy_range_j.is_some_and(|ends| ends.low != ends.high));
    let ends = ["lowest", "highest"].into_iter().filter(|_| ranged);
    let figures: Vec<&str> = figures.into_iter().chain(ends).collect();
    let mut table = TextTable::new(INDENT, name_and_figures("", figures));
    for l in &r.layers {
        let ends = l.energy_range_j.filter(|_| ranged);
        let ends = ends.iter().flat_map(|ends| [si(ends.low, "J"), si(ends.high, "J")]);
        let own = [
            l.name.clone(),
            count(l.neurons),
            count(l.cores),
            format!("{:.4}", l.rate),
            count(l.spikes),
            count(l.synaptic_operations),
            count(l.packets),
            si(l.energy_j, "J"),
            share(l.energy_j, r.totals.energy_j),
        ];
        table.row(own.into_iter().chain(ends));
    }
    titled(&format!("Energy by layer (all {}s)", r.item_name()), &table)
}

/// The core that spends most, the mean, and the one that spends least; report.json has them all.
fn cores(r: &Report) -> String {
    let order =
        |a: &&CoreEnergy, b: &&CoreEnergy| a.energy_j.total_cmp(&b.energy_j).then(b.core.cmp(&a.core));
    let cores = || r.cores.iter().filter(|core| !core.port);
    let (Some(most), Some(least)) = (cores().max_by(order), cores().min_by(order)) else {
        return String::new();
    };
    let mut table = TextTable::new(INDENT, [left(""), right(""), right(""), left("")]);
    let mut row = |name: &str, energy_j: f64, what: String| {
        table.row([name, &si(energy_j, "J"), &share(energy_j, r.totals.energy_j), &what]);
    };
    let of = |core: &CoreEnergy| format!("core {}: {}", core.core, core.layers.join(", "));
    let mean = cores().map(|core| core.energy_j).sum::<f64>() / cores().count() as f64;
    row("most", most.energy_j, of(most));
    row("mean", mean, format!("of {}", count(cores().count() as u64)));
    row("least", least.energy_j, of(least));
    for port in r.cores.iter().filter(|core| core.port) {
        row("port", port.energy_j, port.layers.join(", "));
    }
    titled(&format!("Energy by core (all {}s)", r.item_name()), &table)
}

/// What runs beside the chip, or a word that nothing does.
fn host(r: &Report) -> String {
    let figures = ["multiply-adds/pass", "lookups/pass", "passes", "multiply-adds"];
    let mut table = TextTable::new(INDENT, name_and_figures("", figures).chain([left("task")]));
    for task in &r.host.tasks {
        table.row([
            task.work.layer.clone(),
            count(task.work.multiply_adds_per_pass),
            count(task.work.lookups_per_pass),
            count(task.passes),
            count(task.multiply_adds),
            task.work.task.describe().into(),
        ]);
    }
    let (items, name) = (r.items().max(1) as f64, r.item_name());
    let each = count((r.host.multiply_adds as f64 / items).round() as u64);
    table.row(["all", "", "", "", &count(r.host.multiply_adds), &format!("{each} per {name}")]);
    titled(&format!("Computed by the host, {}", r.host_is()), &table)
}

fn provenance(r: &Report) -> String {
    let figures = ["value", "range", "provenance", "events", "energy", "share"];
    let mut table = TextTable::new(INDENT, name_and_figures("", figures));
    for k in &r.energy_constants {
        table.row([
            k.name.clone(),
            si(k.value, &k.unit),
            range_of(k),
            k.provenance.clone(),
            count(k.events),
            si(k.energy_j, "J"),
            share(k.energy_j, r.totals.energy_j),
        ]);
    }
    let mut text = titled("Energy by constant", &table);
    let assumed = r.energy_constants.iter().filter(|k| k.provenance == "assumed");
    for constant in assumed {
        text += &format!("  assumed: {}: {}\n", constant.name, constant.source);
    }
    for constant in &r.energy_constants {
        if let Some(source) = &constant.range_source {
            text += &format!("  range of {}: {source}\n", constant.name);
        }
    }
    let times: Vec<&str> =
        r.target.provenance.assumed.iter().filter_map(|name| name.strip_prefix("timing.")).collect();
    if !times.is_empty() && r.totals.time_s.is_some() {
        text += &format!("  assumed times: {}\n", times.join(", "));
    }
    text
}

/// Both ends, or a dash.
fn range_of(k: &EnergyConstant) -> String {
    let ends = |r: Range| format!("{} .. {}", si(r.low, &k.unit), si(r.high, &k.unit));
    k.range.map_or_else(|| "-".to_owned(), ends)
}

fn paper(r: &Report) -> String {
    let p = &r.paper_figure;
    let (items, name) = (r.items().max(1) as f64, r.item_name());
    format!(
        "As SNN papers count (45 nm arithmetic only, Horowitz 2014; direct-coded layers once a pass)\n  \
         {} per {name}: {} accumulates x {} + {} multiply-accumulates x {}\n",
        si(p.energy_j / items, "J"),
        count((p.accumulates as f64 / items).round() as u64),
        si(p.accumulate_j, "J"),
        count((p.multiply_accumulates as f64 / items).round() as u64),
        si(p.multiply_accumulate_j, "J"),
    )
}

fn notes(r: &Report) -> String {
    r.notes.iter().map(|note| format!("note: {note}\n")).collect()
}

/// Blanks before every table below its title.
pub(super) const INDENT: u16 = 2;

/// A table below its title.
pub(super) fn titled(title: &str, table: &TextTable) -> String {
    format!("{title}\n{table}")
}

#[cfg(test)]
mod tests {
    use snnc_simulator::time::Fidelity;

    use super::*;
    use crate::report::fixture::run;

    #[test]
    fn the_report_reads_well() {
        insta::assert_snapshot!(run(Fidelity::Analytic, |input| print(&input.report())));
    }

    #[test]
    fn a_report_without_a_time_says_so() {
        let text = run(Fidelity::None, |input| print(&input.report()));
        assert!(text.contains("not modelled") && !text.contains("What the time waits for"), "{text}");
        assert!(text.contains("static energy is not charged"));
    }
}
