//! Partitions that use the cores at hand, so that no timestep waits for a busy core.
//!
//! A timestep lasts as long as its busiest unit. The search by tiles fills as few cores as possible under all limits of
//! a core; given one limit more, how long a unit may be busy in each timestep, it fills as few as keep to that. The
//! limit is a share of what each timestep asks for in all ([`WorkShape`]), so that layers that work at different
//! times may share cores while those that work at the same time do not. It is lowered step by step to an
//! even share of the cores at hand; each network gives a curve of cores and time, and a dynamic program chooses a point
//! of each. Deterministic; the effort is a number of steps.

use std::rc::Rc;

use snnc_targets::{Code, Diagnostic, Diagnostics, NamedPart, Subject, Target, Topology};

use super::Rates;
use super::search::{SearchOptions, SearchedPartition};
use super::tiles::work::{UNITS, WorkLimit, WorkModel};
use super::tiles::{Fewest, FilledCores, TileSearch};
use crate::ir::NetworkId;
use crate::ir::spiking::SpikingIr;
use crate::mapping::activity::Activity;
use crate::mapping::effort::Effort;

/// Least limit of a core, as a part of an even share of the work.
const EVEN: f64 = 0.6;
/// Most limits that are tried.
const LIMITS_MAX: usize = 64;

/// How far quiet timesteps are raised, as a share of the mean one.
const RAISED: f64 = 0.5;
/// Share of the time below which a network is left as it is.
const NEGLIGIBLE: f64 = 0.01;
/// Neurons times runs of the search: larger networks are tried with fewer limits.
const NEURON_RUNS: usize = 4_000_000;

/// Limits that are tried.
fn limits(effort: Effort) -> usize {
    match effort {
        Effort::Fast => 8,
        Effort::Default => 16,
        Effort::Best => LIMITS_MAX,
    }
}

/// Points of a curve that are evened out.
fn starts(effort: Effort) -> usize {
    match effort {
        Effort::Fast => 1,
        Effort::Default => 3,
        Effort::Best => 6,
    }
}

/// A point of a network's curve.
#[derive(Debug, Clone)]
struct Point {
    fill: Rc<FilledCores>,
    cores: usize,
    /// Picoseconds of an item, barriers left out.
    time_ps: f64,
}

/// Cores that a mapping may use: those asked for, else all of the chips asked for, else all of as few chips as hold
/// `least` cores.
///
/// # Errors
/// [`Code::DoesNotFit`] if `least` are more than those.
pub fn cores_at_hand(target: &Target, options: SearchOptions, least: usize) -> Result<usize, Diagnostic> {
    let per_chip = Topology::new(&target.topology, 1).cores_per_chip() as usize;
    let most = target.topology.chips_max.get();
    if let Some(chips) = options.chips.filter(|&chips| chips > most) {
        let message = format!("{} has at most {most} chips", target.name);
        return Err(Diagnostic::new(Code::Argument, Subject::value("--chips", chips), message));
    }
    let chips = options.chips.map_or_else(|| least.div_ceil(per_chip).max(1), |chips| chips as usize);
    let cores = (chips * per_chip).min(options.cores_max.map_or(usize::MAX, |cores| cores as usize));
    if least <= cores {
        return Ok(cores);
    }
    let message = format!("the fewest cores found are {least}, {cores} may be used");
    Err(Diagnostic::new(Code::DoesNotFit, NamedPart::Program, message)
        .hint("allow more cores (--cores, --chips), or choose a target with larger cores"))
}

/// Searches partitions of some networks for each of `budgets` shares of the cores at hand, of which `taken` are in use;
/// the last has all of them.
///
/// # Errors
/// What does not fit.
pub fn search(
    ir: &SpikingIr,
    target: &Target,
    (rates, activity): (&Rates, &Activity),
    options: SearchOptions,
    (networks, taken): (&[NetworkId], usize),
    budgets: usize,
) -> Result<Vec<SearchedPartition>, Diagnostics> {
    let timing = target.timing();
    let mut curves = Vec::new();
    for &network in networks {
        let steps = ir.model.networks[network].pass_steps;
        let work = WorkModel::new(&ir.model, activity, &timing, steps);
        let shape = WorkShape::of(ir, &work, network);
        let search = TileSearch::new(ir, target, rates, options, network, Some(work));
        curves.push(Curve::new(search, shape, options.effort)?);
    }
    let least: Vec<usize> = curves.iter().map(|curve| curve.points[0].cores).collect();
    let all: usize = least.iter().sum();
    let cores = cores_at_hand(target, options, all + taken)? - taken;
    let whole: f64 = curves.iter().map(|curve| curve.points[0].time_ps).sum();
    for (curve, &own) in curves.iter_mut().zip(&least) {
        // A network that takes hardly any time gets no more cores than it needs.
        if curve.points[0].time_ps > whole * NEGLIGIBLE {
            curve.lower(cores - (all - own));
            curve.rebalance(cores - (all - own));
        }
    }
    let steps = |&n: &NetworkId| f64::from(ir.model.networks[n].pass_steps) * activity.passes(n);
    let barriers: f64 = networks.iter().map(steps).sum();
    let per_tile = target.topology.cores_per_tile.get() as usize;
    let barrier =
        |cores: usize| timing.barrier_ps((cores + taken).div_ceil(per_tile) as u32) as f64 * barriers;
    let mut found: Vec<(Vec<usize>, SearchedPartition)> = Vec::new();
    for budget in 1..=budgets {
        let cores = all + (cores - all) * budget / budgets;
        let chosen = choose(&curves, cores, &barrier);
        if found.iter().all(|(other, _)| *other != chosen) {
            let mut joined = SearchedPartition::default();
            for (curve, &point) in curves.iter().zip(&chosen) {
                joined.extend(curve.search.found(&curve.points[point].fill));
            }
            found.push((chosen, joined));
        }
    }
    Ok(found.into_iter().map(|(_, partition)| partition).collect())
}

/// A point of each curve, together at most `cores`, of least time; of equals the fewest cores.
fn choose(curves: &[Curve], cores: usize, barrier: &dyn Fn(usize) -> f64) -> Vec<usize> {
    // By cores in use: the least time with exactly as many, and the points that give it.
    let mut best: Vec<Option<(f64, Vec<usize>)>> = vec![None; cores + 1];
    best[0] = Some((0.0, Vec::new()));
    for curve in curves {
        let mut next: Vec<Option<(f64, Vec<usize>)>> = vec![None; cores + 1];
        for (used, state) in best.iter().enumerate() {
            let Some((time, points)) = state else { continue };
            for (index, point) in curve.points.iter().enumerate() {
                let Some(slot) = next.get_mut(used + point.cores) else { continue };
                let time = time + point.time_ps;
                if slot.as_ref().is_none_or(|(other, _)| time < *other) {
                    let points = points.iter().copied().chain([index]).collect();
                    *slot = Some((time, points));
                }
            }
        }
        best = next;
    }
    let timed = best.into_iter().enumerate().filter_map(|(cores, state)| {
        let (time, points) = state?;
        Some((time + barrier(cores), points))
    });
    // The first of equals, which has the fewest cores.
    timed.min_by(|a, b| a.0.total_cmp(&b.0)).map_or_else(|| vec![0; curves.len()], |(_, points)| points)
}

/// What each timestep of a network asks for: the limit of a core is a share of it.
struct WorkShape {
    /// Picoseconds of all cores together, by timestep: the most of any unit.
    total: Vec<f64>,
    /// The same with quiet timesteps raised, so that layers that are alone in theirs need not be on every core.
    raised: Vec<f64>,
}

impl WorkShape {
    fn of(ir: &SpikingIr, work: &WorkModel, network: NetworkId) -> Self {
        let mut units = [(); UNITS].map(|()| vec![0.0; work.steps.len()]);
        for (id, p) in ir.model.populations_of(network).filter(|(_, p)| !p.dynamics.is_port()) {
            let neurons = p.shape.len() as f64;
            let own = work.neuron(id);
            units[1].iter_mut().zip(own).for_each(|(sum, ps)| *sum += f64::from(ps) * neurons);
        }
        for p in ir.projections.values().filter(|p| ir.model.populations[p.target].network == network) {
            for (sum, rate) in units[0].iter_mut().zip(work.rates(p.source)) {
                *sum += f64::from(work.arriving(rate * p.synapses() as f64, 0.0).0);
            }
        }
        let total: Vec<f64> =
            (0..work.steps.len()).map(|i| units.iter().map(|unit| unit[i]).fold(0.0, f64::max)).collect();
        let mean = total.iter().sum::<f64>() / total.len().max(1) as f64;
        let raised = total.iter().map(|&ps| ps + RAISED * mean).collect();
        Self { total, raised }
    }

    /// A core may be busy for this share of what a timestep asks for.
    fn limit(&self, share: f64) -> WorkLimit {
        WorkLimit(self.raised.iter().map(|&ps| (ps * share) as f32).collect())
    }
}

/// Cores and time of a network under ever lower limits, fewest cores first.
struct Curve<'a> {
    search: TileSearch<'a>,
    shape: WorkShape,
    effort: Effort,
    /// Most steps.
    runs: usize,
    stands_for: f64,
    points: Vec<Point>,
    /// The largest share that a core of the first point has of a timestep.
    first_share: f64,
}

impl<'a> Curve<'a> {
    fn new(mut search: TileSearch<'a>, shape: WorkShape, effort: Effort) -> Result<Self, Diagnostics> {
        let fill = search.run(Fewest::Cores, None)?;
        let stands_for = search.stands_for();
        let runs = (NEURON_RUNS / search.neurons().max(1)).clamp(1, LIMITS_MAX);
        let mut curve =
            Self { search, shape, effort, runs, stands_for, points: Vec::new(), first_share: 0.0 };
        let busiest = curve.busiest(&fill);
        let shares = busiest.iter().zip(&curve.shape.raised).filter(|&(_, &all)| all > 0.0);
        curve.first_share = shares.map(|(ps, all)| ps / all).fold(0.0, f64::max);
        curve.push(fill);
        Ok(curve)
    }

    /// Picoseconds of the busiest core by timestep.
    fn busiest(&self, fill: &FilledCores) -> Vec<f64> {
        let step = |step: usize| {
            fill.cores.iter().map(|core| f64::from(core.load.busiest(step))).fold(0.0, f64::max)
        };
        (0..self.shape.total.len()).map(step).collect()
    }

    fn push(&mut self, fill: FilledCores) {
        let time_ps = self.busiest(&fill).iter().sum::<f64>() * self.stands_for;
        let cores = fill.cores.len();
        self.points.push(Point { fill: Rc::new(fill), cores, time_ps });
    }

    /// Lowers the limit to what an even share of `cores` cores would be, in equal ratios. A lower limit may do where a
    /// higher one did not, as slices fall otherwise, so all are tried.
    fn lower(&mut self, cores: usize) {
        let (high, low) = (self.first_share, EVEN / cores.max(1) as f64);
        let tries = limits(self.effort).min(self.runs);
        for i in 1..=tries {
            let share = high * (low / high).powf(i as f64 / tries as f64);
            if share > 0.0 && share < high {
                self.try_share(share, cores);
            }
        }
    }

    /// Evens out the points of least time, on all of `cores` cores.
    fn rebalance(&mut self, cores: usize) {
        let mut order: Vec<usize> = (0..self.points.len()).collect();
        order.sort_by(|&a, &b| self.points[a].time_ps.total_cmp(&self.points[b].time_ps));
        let starts = order.into_iter().take(starts(self.effort));
        let starts: Vec<Rc<FilledCores>> = starts.map(|index| Rc::clone(&self.points[index].fill)).collect();
        for fill in starts {
            if let Some(fill) = self.search.rebalanced(&fill, cores) {
                self.push(fill);
            }
        }
    }

    fn try_share(&mut self, share: f64, cores: usize) -> bool {
        match self.search.run(Fewest::Cores, Some(self.shape.limit(share))) {
            Ok(fill) if fill.cores.len() <= cores => {
                self.push(fill);
                true
            }
            _ => false,
        }
    }
}
