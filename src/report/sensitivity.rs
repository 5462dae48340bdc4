//! What rests on which constant: the constants of time with their ranges, and what each constant that has a range does
//! to time and energy when it moves to its ends.
//!
//! Nothing is executed for it. Energy is events times prices, so another price is a multiplication; time is what the
//! meter asked of the bottleneck formula, or of the simulation, at each end while it timed the run.

use serde::{Deserialize, Serialize};
use snnc_simulator::charge::{EnergyBreakdown, OtherTime, present};
use snnc_targets::text_table::{TextTable, left, right};
use snnc_targets::time_ranges::RangeKnown;
use snnc_targets::{EnergyEvent, StaticPower};

use super::data::{Range, Report};
use super::text::{INDENT, titled};
use super::units::si;
use super::{ReportInput, build::seconds};

/// Constants shown; report.json has them all.
const SHOWN: usize = 12;

/// One constant of time.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct TimeConstant {
    /// Field name in the target file: of a unit or link for its initiation interval, `.latency_ns` behind it for its
    /// latency; `network.` before those of the network.
    pub name: String,
    /// In [`TimeConstant::unit`]; 1 for the barrier, whose table is multiplied with it.
    pub value: f64,
    /// `s`, `x` for the barrier, or `flits`, `spikes` or `packets` for places of a queue.
    pub unit: String,
    /// `measured`, `published`, `derived` or `assumed`.
    pub provenance: String,
    /// The source or reason.
    pub source: String,
    /// Lowest and highest value, if the target gives a range.
    pub range: Option<Range>,
    /// Where the range comes from: kind of provenance, source or reason; without a range why none is known, if the
    /// target says so.
    pub range_source: Option<String>,
    /// Whether times of this run follow from it: latencies within the chip, the clock, routers and queues enter
    /// simulated times alone.
    #[serde(default = "enters")]
    pub enters: bool,
}

/// Older reports have only constants that enter.
fn enters() -> bool {
    true
}

/// What a constant does to the run when it alone moves to its ends.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Sensitivity {
    /// Field name in the target file.
    pub constant: String,
    /// `time` or `energy`: which group of the target file it is of.
    pub group: String,
    /// `totals.time_s` at its lowest, and at its highest value.
    pub time_s: Range,
    /// `totals.energy_j` at its lowest, and at its highest value.
    pub energy_j: Range,
}

/// Lowest and highest time of the run.
pub(super) fn time_range(input: &ReportInput) -> Option<Range> {
    at(input, &OtherTime::Lowest)
        .zip(at(input, &OtherTime::Highest))
        .map(|(low, high)| Range { low: seconds(low), high: seconds(high) })
}

/// The run's time at another time, ps.
fn at(input: &ReportInput, other: &OtherTime) -> Option<u128> {
    let index = input.meter.other_times().iter().position(|found| found == other)?;
    input.run.total.at_other_times_ps.get(index).copied()
}

/// Every constant of time of the target.
pub(super) fn time_constants(input: &ReportInput) -> Vec<TimeConstant> {
    let target = &input.program.target;
    if !input.timed() {
        return Vec::new();
    }
    let simulated = input.meter.cycle().is_some();
    let constant = |found: snnc_targets::time_ranges::TimeConstant<'_>| {
        let (unit, factor) = if found.unit == "ns" { ("s", 1e-9) } else { (found.unit, 1.0) };
        let (range, range_source) = match target.time_range(&found.name) {
            RangeKnown::Ends(range) => {
                let ends = Range { low: range.low * factor, high: range.high * factor };
                (Some(ends), Some(range.source.to_string()))
            }
            RangeKnown::Unknown(reason) => (None, Some(format!("not known: {reason}"))),
            RangeKnown::Unsaid => (None, None),
        };
        TimeConstant {
            value: found.value * factor,
            unit: unit.into(),
            provenance: found.source.kind().into(),
            source: found.source.text().into(),
            range,
            range_source,
            enters: found.in_formula || simulated,
            name: found.name,
        }
    };
    target.time_constants().into_iter().map(constant).collect()
}

/// Of every constant with a range; empty unless the meter asked for each.
pub(super) fn of(input: &ReportInput) -> Vec<Sensitivity> {
    if !input.meter.asks_each_constant() {
        return Vec::new();
    }
    let mut all: Vec<Sensitivity> = of_times(input).into_iter().chain(of_energies(input)).collect();
    // Deeper queues take less time, so ends may fall.
    let span = |range: &Range| (range.high - range.low).abs();
    // Stable: of equals the one that moves time more, then the first of the target file.
    all.sort_by(|a, b| {
        let energy = span(&b.energy_j).total_cmp(&span(&a.energy_j));
        energy.then(span(&b.time_s).total_cmp(&span(&a.time_s)))
    });
    all
}

/// Time and energy as they are.
fn nominal(input: &ReportInput) -> (f64, f64) {
    let total = &input.run.total;
    (seconds(total.tally.total().time.total_ps), EnergyBreakdown::joules(total.ledger.total().total()))
}

fn of_times(input: &ReportInput) -> Vec<Sensitivity> {
    let (time, energy) = nominal(input);
    let watts = input.meter.static_watts();
    let ranges = input.program.target.time_ranges().into_iter();
    ranges
        .filter_map(|(constant, _)| {
            let low = seconds(at(input, &OtherTime::LowestOf(constant.clone()))?);
            let high = seconds(at(input, &OtherTime::HighestOf(constant.clone()))?);
            let joules = |at: f64| energy + watts * (at - time);
            Some(Sensitivity {
                constant,
                group: "time".into(),
                time_s: Range { low, high },
                energy_j: Range { low: joules(low), high: joules(high) },
            })
        })
        .collect()
}

fn of_energies(input: &ReportInput) -> Vec<Sensitivity> {
    let target = &input.program.target;
    let (time, energy) = nominal(input);
    let charged = &input.run.total.charged;
    let events = EnergyEvent::ALL
        .into_iter()
        .filter_map(|event| Some((event.constant(&target.energy)?, charged.events(event) as f64 * 1e-12)));
    let powers = StaticPower::ALL.into_iter().zip(present(input.program)).filter_map(|(power, count)| {
        Some((power.constant(&target.energy)?, count as f64 * power.watts() * time))
    });
    // Joules for each unit of the constant.
    let each = events.chain(powers).filter_map(|((name, value), joules)| {
        let range = target.energy_range(name)?;
        let at = |end: f64| energy + joules * (end - value.0);
        Some(Sensitivity {
            constant: name.into(),
            group: "energy".into(),
            time_s: Range { low: time, high: time },
            energy_j: Range { low: at(range.low), high: at(range.high) },
        })
    });
    each.collect()
}

/// What a person reads about it: the constants that move the run most, and all of them together. Empty without.
pub fn text(r: &Report) -> String {
    let moved: Vec<&Sensitivity> = r.sensitivity.iter().filter(|row| row.moves()).collect();
    if moved.is_empty() {
        return String::new();
    }
    let figures = ["time, lowest", "highest", "energy, lowest", "highest"];
    let mut table = TextTable::new(INDENT, [left("")].into_iter().chain(figures.map(right)));
    let cells = |time: Option<Range>, energy: Range| {
        let time = time.filter(|time| time.low != time.high);
        let seconds = time.map_or(["-".into(), "-".into()], |time| [si(time.low, "s"), si(time.high, "s")]);
        let joules = if energy.low == energy.high {
            ["-".into(), "-".into()]
        } else {
            [si(energy.low, "J"), si(energy.high, "J")]
        };
        seconds.into_iter().chain(joules)
    };
    for row in moved.iter().take(SHOWN) {
        let name = match row.constant.as_str() {
            constant if row.group != "time" || constant.contains('.') => constant.into(),
            constant => format!("time of {constant}"),
        };
        table.row([name].into_iter().chain(cells(Some(row.time_s), row.energy_j)));
    }
    table.row(["all together".to_owned()].into_iter().chain(cells(r.time_range_s, r.energy_range_j)));
    let unmoved = r.sensitivity.len() - moved.len();
    let mut text =
        titled(&format!("Each constant at the ends of its range (all {}s)", r.item_name()), &table);
    if moved.len() > SHOWN {
        text += &format!("  {} more in report.json\n", moved.len() - SHOWN);
    }
    if unmoved > 0 {
        text += &format!("  {unmoved} constants with a range move neither\n");
    }
    let out = r.time_constants.iter().filter(|constant| !constant.enters && constant.range.is_some()).count();
    if out > 0 {
        let network = r.time_constants.iter().any(|constant| constant.name.starts_with("network."));
        let how = if network {
            "they do with --timing cycle:1/16"
        } else {
            "the target has no network to simulate"
        };
        text += &format!(
            "  {out} constants with a range (latencies, routers, queue depths) do not enter these times; {how}\n"
        );
    }
    let unknown = r.time_constants.iter().filter(|constant| constant.range.is_none()).count();
    if unknown > 0 {
        text +=
            &format!("  {unknown} constants of time have no known range (time_constants in report.json)\n");
    }
    text
}

impl Sensitivity {
    /// Whether it moves time or energy.
    fn moves(&self) -> bool {
        self.time_s.low != self.time_s.high || self.energy_j.low != self.energy_j.high
    }
}
