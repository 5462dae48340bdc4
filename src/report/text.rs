//! The energy report that a person reads.

use std::fmt;

use super::data::{CoreEnergy, EnergyConstant, Iteration, Range, Report};
use super::timing;
use super::units::{count, share, si};

/// The report as text: overview, components, networks, layers, time, provenance, notes. Ends with a newline.
pub fn print(report: &Report) -> String {
    let sections = [
        overview(report),
        totals(report),
        images(report),
        components(report),
        networks(report),
        layers(report),
        cores(report),
        host(report),
        timing::text::print(report),
        provenance(report),
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
    let rows = vec![
        vec!["model".into(), r.model.clone()],
        vec!["target".into(), format!("{} ({})", r.target.name, r.target.description)],
        vec![
            "mapping".into(),
            format!("{} cores on {} of {} chips", m.cores_used, m.chips_used, m.chips_present),
        ],
        vec!["timing".into(), r.fidelity.clone()],
        vec![
            "simulation".into(),
            format!(
                "{} wall clock, peak memory {}, compiled in {}",
                si(r.totals.wall_s, "s"),
                si(r.totals.peak_memory_bytes as f64, "B"),
                si(m.compile_s, "s")
            ),
        ],
    ];
    table("Energy report", &rows, 2)
}

fn totals(r: &Report) -> String {
    let t = &r.totals;
    let images = t.images.max(1);
    let real = |name: &str, value: Option<f64>, unit: &str| {
        let show = |v: Option<f64>| v.map_or_else(|| "not modelled".to_owned(), |v| si(v, unit));
        vec![name.to_owned(), show(value), show(value.map(|v| v / images as f64))]
    };
    let whole = |name: &str, value: u64| {
        vec![name.to_owned(), count(value), count((value as f64 / images as f64).round() as u64)]
    };
    let rows = vec![
        vec!["".into(), format!("{} images", count(t.images)), "per image".into()],
        real("energy", Some(t.energy_j), "J"),
        real("  lowest constants", Some(r.energy_range_j.low), "J"),
        real("  highest constants", Some(r.energy_range_j.high), "J"),
        real("time", t.time_s, "s"),
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
    ];
    table("Totals", &rows, 1)
}

/// Images shown one by one; report.json has them all.
const IMAGES: usize = 16;

/// One row an image, if there are several.
fn images(r: &Report) -> String {
    if r.per_image.len() < 2 {
        return String::new();
    }
    let names = ["", "energy", "time", "spikes", "synaptic operations", "packets", "hops"];
    let mut rows = vec![names.map(String::from).to_vec()];
    for image in r.per_image.iter().take(IMAGES) {
        rows.push(vec![
            format!("image {}", image.image),
            si(image.energy_j, "J"),
            image.time_s.map_or_else(|| "not modelled".to_owned(), |t| si(t, "s")),
            count(image.spikes),
            count(image.synaptic_operations),
            count(image.packets),
            count(image.hops),
        ]);
    }
    if r.per_image.len() > IMAGES {
        rows.push(vec![format!("and {} more", r.per_image.len() - IMAGES)]);
    }
    table("Images", &rows, 1)
}

fn power(r: &Report) -> String {
    match r.totals.time_s {
        Some(time) if time > 0.0 => si(r.totals.energy_j / time, "W"),
        _ => "not modelled".into(),
    }
}

fn components(r: &Report) -> String {
    let images = r.totals.images.max(1) as f64;
    let mut rows = vec![vec![String::new(), "per image".into(), "share".into()]];
    for (name, joules) in r.energy_j.iter() {
        rows.push(vec![name.into(), si(joules / images, "J"), share(joules, r.totals.energy_j)]);
    }
    table("Energy by component", &rows, 1)
}

/// Iterations, those of one network together.
fn networks(r: &Report) -> String {
    let mut groups: Vec<(&str, Vec<&Iteration>)> = Vec::new();
    for iteration in &r.iterations {
        match groups.iter_mut().find(|(name, _)| *name == iteration.network) {
            Some((_, group)) => group.push(iteration),
            None => groups.push((&iteration.network, vec![iteration])),
        }
    }
    let header = ["", "passes", "energy/pass", "time/pass", "synops/pass", "share"];
    let mut rows = vec![header.map(String::from).to_vec()];
    rows.extend(groups.iter().map(|(name, group)| network_row(name, group, r.totals.energy_j)));
    table("Energy by network", &rows, 1)
}

fn network_row(name: &str, group: &[&Iteration], total: f64) -> Vec<String> {
    let passes: u64 = group.iter().map(|i| i.passes).sum();
    let each = |sum: f64| sum / passes.max(1) as f64;
    let energy: f64 = group.iter().map(|i| i.energy_j).sum();
    let time: Option<f64> = group.iter().map(|i| i.time_s).sum();
    let operations: u64 = group.iter().map(|i| i.synaptic_operations).sum();
    vec![
        name.to_owned(),
        count(passes),
        si(each(energy), "J"),
        time.map_or_else(|| "-".into(), |t| si(each(t), "s")),
        count(each(operations as f64).round() as u64),
        share(energy, total),
    ]
}

fn layers(r: &Report) -> String {
    let header =
        ["", "neurons", "cores", "rate", "spikes", "synaptic operations", "packets", "energy", "share"];
    let mut rows = vec![header.map(String::from).to_vec()];
    for l in &r.layers {
        rows.push(vec![
            l.name.clone(),
            count(l.neurons),
            count(l.cores),
            format!("{:.4}", l.rate),
            count(l.spikes),
            count(l.synaptic_operations),
            count(l.packets),
            si(l.energy_j, "J"),
            share(l.energy_j, r.totals.energy_j),
        ]);
    }
    table("Energy by layer (all images)", &rows, 1)
}

/// The core that spends most, the mean, and the one that spends least; report.json has them all.
fn cores(r: &Report) -> String {
    let order =
        |a: &&CoreEnergy, b: &&CoreEnergy| a.energy_j.total_cmp(&b.energy_j).then(b.core.cmp(&a.core));
    let (Some(most), Some(least)) = (r.cores.iter().max_by(order), r.cores.iter().min_by(order)) else {
        return String::new();
    };
    let row = |name: &str, energy_j: f64, what: String| {
        vec![name.to_owned(), si(energy_j, "J"), share(energy_j, r.totals.energy_j), what]
    };
    let of = |core: &CoreEnergy| format!("core {}: {}", core.core, core.layers.join(", "));
    let mean = r.totals.energy_j / r.cores.len() as f64;
    let mut rows = vec![
        row("most", most.energy_j, of(most)),
        row("mean", mean, format!("of {}", count(r.cores.len() as u64))),
        row("least", least.energy_j, of(least)),
    ];
    prose(&mut rows, 3);
    table("Energy by core (all images)", &rows, 1)
}

/// What runs beside the chip, or a word that nothing does.
fn host(r: &Report) -> String {
    let header = ["", "multiply-adds/pass", "lookups/pass", "passes", "multiply-adds", "task"];
    let mut rows = vec![header.map(String::from).to_vec()];
    for task in &r.host.tasks {
        rows.push(vec![
            task.work.layer.clone(),
            count(task.work.multiply_adds_per_pass),
            count(task.work.lookups_per_pass),
            count(task.passes),
            count(task.multiply_adds),
            task.work.task.describe().into(),
        ]);
    }
    let images = r.totals.images.max(1) as f64;
    let each = count((r.host.multiply_adds as f64 / images).round() as u64);
    rows.push(vec![
        "all".into(),
        String::new(),
        String::new(),
        String::new(),
        count(r.host.multiply_adds),
        format!("{each} per image"),
    ]);
    prose(&mut rows, 5);
    table("Computed by the host, neither timed nor charged", &rows, 1)
}

fn provenance(r: &Report) -> String {
    let header = ["", "value", "range", "provenance", "events", "energy", "share"];
    let mut rows = vec![header.map(String::from).to_vec()];
    for k in &r.energy_constants {
        rows.push(vec![
            k.name.clone(),
            si(k.value, &k.unit),
            range_of(k),
            k.provenance.clone(),
            count(k.events),
            si(k.energy_j, "J"),
            share(k.energy_j, r.totals.energy_j),
        ]);
    }
    let mut text = table("Energy by constant", &rows, 1);
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
    let images = r.totals.images.max(1) as f64;
    format!(
        "As SNN papers count (45 nm arithmetic only, Horowitz 2014; direct-coded layers once a pass)\n  \
         {} per image: {} accumulates x {} + {} multiply-accumulates x {}\n",
        si(p.energy_j / images, "J"),
        count((p.accumulates as f64 / images).round() as u64),
        si(p.accumulate_j, "J"),
        count((p.multiply_accumulates as f64 / images).round() as u64),
        si(p.multiply_accumulate_j, "J"),
    )
}

fn notes(r: &Report) -> String {
    r.notes.iter().map(|note| format!("note: {note}\n")).collect()
}

/// Makes a column flush left where rows have it.
pub(super) fn prose(rows: &mut [Vec<String>], column: usize) {
    let cells = || rows.iter().filter_map(|row| row.get(column));
    let width = cells().map(|cell| cell.chars().count()).max().unwrap_or(0);
    for cell in rows.iter_mut().filter_map(|row| row.get_mut(column)) {
        *cell = format!("{cell:<width$}");
    }
}

/// Aligned columns below a title; the first `left` columns are flush left, the others flush right.
pub(super) fn table(title: &str, rows: &[Vec<String>], left: usize) -> String {
    let columns = rows.iter().map(Vec::len).max().unwrap_or(0);
    let width = |c: usize| {
        rows.iter().filter_map(|row| row.get(c)).map(|cell| cell.chars().count()).max().unwrap_or(0)
    };
    let widths: Vec<usize> = (0..columns).map(width).collect();
    let mut text = format!("{title}\n");
    for row in rows {
        let mut line = String::new();
        for (c, (cell, &width)) in row.iter().zip(&widths).enumerate() {
            line += "  ";
            line += &if c < left { format!("{cell:<width$}") } else { format!("{cell:>width$}") };
        }
        text += line.trim_end();
        text.push('\n');
    }
    text
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
