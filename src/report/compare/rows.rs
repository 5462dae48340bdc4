//! The rows of a comparison, section by section.

use super::{ComparedValue, ComparisonRow, ComparisonSection, NamedReport};
use crate::report::Report;
use crate::report::data::EnergyConstant;

/// All sections in the order in which they are read.
pub(super) fn sections(runs: &[NamedReport<'_>]) -> Vec<ComparisonSection> {
    let section = |title, rows| ComparisonSection { title, rows };
    vec![
        section("What ran", what_ran(runs)),
        section(
            "Options",
            by_name(runs, "", |r| {
                r.options.iter().map(|(name, value)| (name.clone(), word(value))).collect()
            }),
        ),
        section("Mapping", mapping(runs)),
        section(
            "Fullest core, by limit",
            by_name(runs, "", |r| {
                r.mapping
                    .limits
                    .iter()
                    .map(|limit| (limit.limit.clone(), ComparedValue::Count(limit.max)))
                    .collect()
            }),
        ),
        section("Counts", counts(runs)),
        section("Time", time(runs)),
        section(
            "Timesteps by what they waited for",
            by_name(runs, "", |r| {
                let bounds = r.time.bounds.iter().filter(|bound| bound.timesteps > 0);
                bounds.map(|bound| (bound.bound.clone(), ComparedValue::Count(bound.timesteps))).collect()
            }),
        ),
        section("Energy", energy(runs)),
        section(
            "Energy by component",
            by_name(runs, "J", |r| {
                r.energy_j
                    .iter()
                    .map(|(name, joules)| (name.to_owned(), ComparedValue::Number(joules)))
                    .collect()
            }),
        ),
        section(
            "Energy by layer",
            by_name(runs, "J", |r| {
                r.layers
                    .iter()
                    .map(|layer| (layer.name.clone(), ComparedValue::Number(layer.energy_j)))
                    .collect()
            }),
        ),
        section(
            "Spikes by layer",
            by_name(runs, "", |r| {
                r.layers
                    .iter()
                    .map(|layer| (layer.name.clone(), ComparedValue::Count(layer.spikes)))
                    .collect()
            }),
        ),
        section(
            "Energy charged with each constant",
            by_name(runs, "J", |r| {
                constants(r).map(|k| (k.name.clone(), ComparedValue::Number(k.energy_j))).collect()
            }),
        ),
        section("Energy constants: joules an event", by_name(runs, "J", |r| values(r, "J"))),
        section("Energy constants: watts", by_name(runs, "W", |r| values(r, "W"))),
    ]
}

fn word(text: &str) -> ComparedValue {
    ComparedValue::Word(text.to_owned())
}

/// A row of what each report says.
fn row(
    runs: &[NamedReport<'_>],
    name: &str,
    unit: &'static str,
    of: impl Fn(&Report) -> Option<ComparedValue>,
) -> ComparisonRow {
    ComparisonRow::new(name, unit, runs.iter().map(|run| of(run.report)).collect())
}

/// A row for each name that some report has a value for.
fn by_name(
    runs: &[NamedReport<'_>],
    unit: &'static str,
    of: impl Fn(&Report) -> Vec<(String, ComparedValue)>,
) -> Vec<ComparisonRow> {
    let found: Vec<Vec<(String, ComparedValue)>> = runs.iter().map(|run| of(run.report)).collect();
    let mut names: Vec<&String> = Vec::new();
    for (name, _) in found.iter().flatten() {
        if !names.contains(&name) {
            names.push(name);
        }
    }
    let value = |run: &Vec<(String, ComparedValue)>, name: &String| {
        run.iter().find(|(own, _)| own == name).map(|(_, value)| value.clone())
    };
    let values = |name: &String| found.iter().map(|run| value(run, name)).collect();
    names.into_iter().map(|name| ComparisonRow::new(name, unit, values(name))).collect()
}

fn what_ran(runs: &[NamedReport<'_>]) -> Vec<ComparisonRow> {
    let of_word = |name, of: fn(&Report) -> String| row(runs, name, "", |r| Some(ComparedValue::Word(of(r))));
    let mut rows = vec![
        of_word("model", |r| r.model.clone()),
        of_word("target", |r| r.target.name.clone()),
        of_word("timing", |r| r.fidelity.clone()),
        row(runs, "time is a", "", |r| r.time_is().map(|kind| word(kind.describe()))),
        of_word("version of snnc", |r| r.version.clone()),
        row(runs, "bits of a weight", "", |r| r.weight_bits.map(|bits| ComparedValue::Count(bits.into()))),
        row(runs, "seed", "", |r| r.seed.map(|seed| ComparedValue::Word(seed.to_string()))),
        row(runs, "images or samples", "", |r| Some(ComparedValue::Count(r.items()))),
        row(runs, "accuracy", "", |r| r.totals.accuracy.map(ComparedValue::Number)),
    ];
    rows.retain(|row| row.values.iter().any(Option::is_some));
    rows
}

fn mapping(runs: &[NamedReport<'_>]) -> Vec<ComparisonRow> {
    let count =
        |name, of: fn(&Report) -> Option<u64>| row(runs, name, "", |r| of(r).map(ComparedValue::Count));
    let mut rows = vec![
        count("cores", |r| Some(r.mapping.cores_used)),
        count("chips in use", |r| Some(r.mapping.chips_used)),
        count("chips present", |r| Some(r.mapping.chips_present)),
        count("expected packets", |r| Some(r.mapping.figures.as_ref()?.traffic.packets)),
        count("expected packets x hops", |r| Some(r.mapping.figures.as_ref()?.traffic.hops)),
        count("stored synapse bits", |r| Some(r.mapping.figures.as_ref()?.synapses.stored_bits)),
    ];
    rows.retain(|row| row.values.iter().any(Option::is_some));
    rows
}

fn counts(runs: &[NamedReport<'_>]) -> Vec<ComparisonRow> {
    let count = |name, of: fn(&Report) -> u64| row(runs, name, "", |r| Some(ComparedValue::Count(of(r))));
    vec![
        count("timesteps", |r| r.totals.timesteps),
        count("spikes", |r| r.totals.spikes),
        count("synaptic operations", |r| r.totals.synaptic_operations),
        count("packets", |r| r.totals.packets),
        count("hops", |r| r.totals.hops),
        count("host writes", |r| r.totals.host_writes),
        count("host reads", |r| r.totals.host_reads),
        count("accumulator overflows", |r| r.overflows.accumulator),
        count("membranes clipped", |r| r.overflows.state),
        count("biases clipped", |r| r.overflows.bias),
    ]
}

fn time(runs: &[NamedReport<'_>]) -> Vec<ComparisonRow> {
    let timed = |r: &Report, seconds: f64| r.totals.time_s.map(|_| ComparedValue::Number(seconds));
    let latency = |r: &Report| Some(ComparedValue::Number(r.time.simulated.as_ref()?.latency_mean_s));
    let half = |r: &Report| Some(ComparedValue::Number(r.time.simulated.as_ref()?.time_half_width_s?));
    let mut rows = vec![
        row(runs, "simulated time", "s", |r| r.totals.time_s.map(|time| figure(r.bounds_time(), time))),
        row(runs, "per image or sample", "s", |r| {
            r.totals.time_s.map(|time| figure(r.bounds_time(), time / r.items().max(1) as f64))
        }),
        row(runs, "  95 % interval, half", "s", half),
        row(runs, "  host transfers", "s", |r| timed(r, r.time.host_s)),
        row(runs, "  barriers", "s", |r| timed(r, r.time.barrier_s)),
        row(runs, "mean packet latency", "s", latency),
        row(runs, "wall clock", "s", |r| Some(ComparedValue::Number(r.totals.wall_s))),
    ];
    rows.retain(|row| row.values.iter().any(Option::is_some));
    rows
}

/// A figure that may be a bound only.
fn figure(bound: bool, value: f64) -> ComparedValue {
    if bound { ComparedValue::Bound(value) } else { ComparedValue::Number(value) }
}

fn energy(runs: &[NamedReport<'_>]) -> Vec<ComparisonRow> {
    let joules =
        |name, of: fn(&Report) -> f64| row(runs, name, "J", |r| Some(figure(r.bounds_energy(), of(r))));
    vec![
        joules("total", |r| r.totals.energy_j),
        joules("  lowest constants", |r| r.energy_range_j.low),
        joules("  highest constants", |r| r.energy_range_j.high),
        joules("per image or sample", |r| r.totals.energy_j / r.items().max(1) as f64),
    ]
}

/// Constants with events; those that priced nothing say nothing about a run.
fn constants(report: &Report) -> impl Iterator<Item = &EnergyConstant> {
    report.energy_constants.iter().filter(|constant| constant.events > 0)
}

/// Values of the constants in a unit.
fn values(report: &Report, unit: &str) -> Vec<(String, ComparedValue)> {
    let all = report.energy_constants.iter().filter(|constant| constant.unit == unit);
    all.map(|constant| (constant.name.clone(), ComparedValue::Number(constant.value))).collect()
}
