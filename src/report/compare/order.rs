//! Whether the order of two runs holds wherever the constants are within their ranges.
//!
//! A constant that both runs have at the same value is one unknown: it moves in both at once. One that they have at
//! different values, as on different targets, is two, and moves in each by itself. What a run would cost is its energy
//! plus events times the change of the price, and of times what its own sensitivity says (`--sensitivity`).

use serde::Serialize;

use super::NamedReport;
use crate::report::Report;
use crate::report::data::{EnergyConstant, Range};
use crate::report::units::constant;

/// The order of two runs in a figure, and what turns it.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct OrderOfRuns {
    /// `energy` or `time`, of an image or sample.
    pub figure: &'static str,
    /// The lesser and the greater at nominal constants, by their place among the runs.
    pub runs: [usize; 2],
    /// Whether the ranges of the two figures, all constants moving together, overlap.
    pub ranges_overlap: bool,
    /// Constants that turn the order by themselves, with the value at which the lesser costs no less.
    pub turned_by: Vec<Turn>,
}

/// A constant that turns the order of two runs.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Turn {
    /// Field name in the target file.
    pub constant: String,
    /// The end of its range at which the order is turned.
    pub at: f64,
    /// J or W of energies, s of times, x of the barrier.
    pub unit: String,
}

/// The order of every two runs in energy and in time, where the runs have ranges.
pub(super) fn of(runs: &[NamedReport<'_>]) -> Vec<OrderOfRuns> {
    let mut all = Vec::new();
    for a in 0..runs.len() {
        for b in a + 1..runs.len() {
            all.extend(energies(runs, [a, b]));
            all.extend(times(runs, [a, b]));
        }
    }
    all
}

/// The two with the lesser first; none if they are equal.
fn ordered([a, b]: [usize; 2], [of_a, of_b]: [f64; 2]) -> Option<[usize; 2]> {
    (of_a != of_b).then_some(if of_a < of_b { [a, b] } else { [b, a] })
}

fn each(r: &Report, figure: f64) -> f64 {
    figure / r.items().max(1) as f64
}

fn overlap(lesser: (&Report, Range), greater: (&Report, Range)) -> bool {
    each(lesser.0, lesser.1.high) >= each(greater.0, greater.1.low)
}

fn energies(runs: &[NamedReport<'_>], pair: [usize; 2]) -> Option<OrderOfRuns> {
    let order = ordered(pair, pair.map(|i| each(runs[i].report, runs[i].report.totals.energy_j)))?;
    let [lesser, greater] = order.map(|i| runs[i].report);
    let cost = |r: &Report, constant: &EnergyConstant, value: f64| {
        // Powers are drawn for the run's time.
        let time = if constant.unit == "W" { r.totals.time_s.unwrap_or(0.0) } else { 1.0 };
        each(r, r.totals.energy_j + constant.events as f64 * time * (value - constant.value))
    };
    let mut turned_by = Vec::new();
    for constant in &lesser.energy_constants {
        let other = greater.energy_constants.iter().find(|other| other.name == constant.name);
        let shared = other.filter(|other| other.value == constant.value && other.range == constant.range);
        let Some(range) = constant.range else { continue };
        let rival = |value| match shared {
            Some(other) => cost(greater, other, value),
            None => each(greater, greater.totals.energy_j),
        };
        let end = [range.low, range.high].into_iter().find(|&end| cost(lesser, constant, end) >= rival(end));
        turned_by.extend(end.map(|at| Turn {
            constant: constant.name.clone(),
            at,
            unit: constant.unit.clone(),
        }));
    }
    for constant in &greater.energy_constants {
        let other = lesser.energy_constants.iter().find(|other| other.name == constant.name);
        let shared =
            other.is_some_and(|other| other.value == constant.value && other.range == constant.range);
        let Some(range) = constant.range.filter(|_| !shared) else { continue };
        let lesser_cost = each(lesser, lesser.totals.energy_j);
        let end =
            [range.low, range.high].into_iter().find(|&end| lesser_cost >= cost(greater, constant, end));
        turned_by.extend(end.map(|at| Turn {
            constant: constant.name.clone(),
            at,
            unit: constant.unit.clone(),
        }));
    }
    let ranges_overlap = overlap((lesser, lesser.energy_range_j), (greater, greater.energy_range_j));
    Some(OrderOfRuns { figure: "energy", runs: order, ranges_overlap, turned_by })
}

fn times(runs: &[NamedReport<'_>], pair: [usize; 2]) -> Option<OrderOfRuns> {
    let [Some(of_a), Some(of_b)] =
        pair.map(|i| runs[i].report.totals.time_s.map(|s| each(runs[i].report, s)))
    else {
        return None;
    };
    let order = ordered(pair, [of_a, of_b])?;
    let [lesser, greater] = order.map(|i| runs[i].report);
    let (low, high) = (lesser.time_range_s?, greater.time_range_s?);
    let mut turned_by = Vec::new();
    // Only constants that both runs have alike: their sensitivities are then of the same two values.
    for row in lesser.sensitivity.iter().filter(|row| row.group == "time") {
        let constant = |r: &Report| r.time_constants.iter().find(|c| c.name == row.constant).cloned();
        let other =
            greater.sensitivity.iter().find(|other| other.group == "time" && other.constant == row.constant);
        let (Some(other), Some(constant)) = (other, constant(lesser)) else { continue };
        let Some(range) = constant.range.filter(|_| constant_of(greater, &row.constant) == Some(&constant))
        else {
            continue;
        };
        let ends =
            [(range.low, row.time_s.low, other.time_s.low), (range.high, row.time_s.high, other.time_s.high)];
        let end = ends.into_iter().find(|&(_, own, rival)| each(lesser, own) >= each(greater, rival));
        turned_by.extend(end.map(|(at, ..)| Turn {
            constant: row.constant.clone(),
            at,
            unit: constant.unit,
        }));
    }
    let ranges_overlap = overlap((lesser, low), (greater, high));
    Some(OrderOfRuns { figure: "time", runs: order, ranges_overlap, turned_by })
}

fn constant_of<'a>(r: &'a Report, name: &str) -> Option<&'a crate::report::data::TimeConstant> {
    r.time_constants.iter().find(|constant| constant.name == name)
}

impl OrderOfRuns {
    /// A sentence, if there is something to say.
    pub(crate) fn text(&self) -> Option<String> {
        let [lesser, greater] = self.runs.map(super::text::letter);
        let less = if self.figure == "time" { "is faster than" } else { "takes less energy than" };
        let turns: Vec<String> =
            (self.turned_by.iter()).map(|turn| format!("{} at {}", turn.constant, value(turn))).collect();
        if !turns.is_empty() {
            return Some(format!("{lesser} {less} {greater}, but not with {}", turns.join(", or ")));
        }
        self.ranges_overlap.then(|| {
            format!(
                "{lesser} {less} {greater} whichever constant moves alone; several may turn that, as ranges \
                     overlap"
            )
        })
    }
}

fn value(turn: &Turn) -> String {
    if turn.unit == "x" { format!("{} times its table", turn.at) } else { constant(turn.at, &turn.unit) }
}

#[cfg(test)]
mod tests {
    use snnc_simulator::time::Fidelity;

    use super::*;
    use crate::report::fixture::run;

    /// Two runs of one target, the second with so many more crossings between chips and `joules` less of other energy.
    fn pair(crossings: u64, joules: f64) -> [Report; 2] {
        let a = run(Fidelity::Analytic, |input| input.report());
        let mut b = a.clone();
        let constant = b.energy_constants.iter_mut().find(|constant| constant.name == "hop_chip_pj").unwrap();
        constant.events += crossings;
        b.totals.energy_j += crossings as f64 * constant.value - joules;
        [a, b]
    }

    #[test]
    fn a_price_that_turns_the_order_is_named() {
        // 1000 crossings cost 832 nJ at the nominal price and 4 nJ at the lowest; 100 nJ are saved elsewhere.
        let [a, b] = pair(1000, 100e-9);
        let named = [NamedReport { name: "a", report: &a }, NamedReport { name: "b", report: &b }];
        let energy = of(&named).into_iter().find(|order| order.figure == "energy").unwrap();
        assert_eq!(energy.runs, [0, 1]);
        let turn = |turn: &Turn| (turn.constant.clone(), turn.at);
        assert_eq!(
            energy.turned_by.iter().map(turn).collect::<Vec<_>>(),
            [("hop_chip_pj".to_owned(), 4e-12)]
        );
        let text = energy.text().unwrap();
        assert!(text.contains("A takes less energy than B, but not with hop_chip_pj at 4.000 pJ"), "{text}");
    }

    #[test]
    fn a_constant_that_both_share_moves_in_both() {
        // All that differs is a little: each constant alone moves both runs alike.
        let [a, b] = pair(0, 1e-9);
        let named = [NamedReport { name: "a", report: &a }, NamedReport { name: "b", report: &b }];
        let energy = of(&named).into_iter().find(|order| order.figure == "energy").unwrap();
        assert_eq!((energy.runs, energy.turned_by.len(), energy.ranges_overlap), ([1, 0], 0, true));
        assert!(of(&named[..1]).is_empty());
    }
}
