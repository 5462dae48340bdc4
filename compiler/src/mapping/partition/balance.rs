//! Partitions that use the cores at hand, so that no timestep waits for a busy core.
//!
//! A timestep lasts as long as its busiest unit. The search by tiles fills as few cores as possible under all limits of
//! a core; given one limit more, how long a unit may be busy in each timestep, it fills as few as keep to that. The
//! limit is a share of what each timestep asks for in all ([`WorkShape`]), so that layers that work at different
//! times may share cores while those that work at the same time do not. It is lowered step by step to an
//! even share of the cores at hand, which gives a curve of cores and time. Passes of two networks never run at once, so
//! all networks may share all cores; where cores are no want, each network on cores of its own is often better, as its
//! layers meet no others. Both are searched, and the faster is kept. Deterministic; the effort is a number of steps.

use std::sync::Arc;

use rayon::prelude::*;
use snnc_targets::{Code, Diagnostic, Diagnostics, NamedPart, Subject, Target, Topology};

use super::Rates;
use super::search::{SearchOptions, SearchedPartition};
use super::tiles::work::{UNITS, WorkLimit, WorkModel};
use super::tiles::{Fewest, FilledCores, NEGLIGIBLE, TileSearch, WorkForeseen};
use crate::ir::NetworkId;
use crate::ir::spiking::SpikingIr;
use crate::mapping::activity::Activity;
use crate::mapping::effort::Effort;
use crate::mapping::observer::MappingObserver;

/// Least limit of a core, as a part of an even share of the work.
const EVEN: f64 = 0.6;
/// Limits are not lowered further when this part more than all cores are asked for.
const TOO_MANY: usize = 4;
/// Most limits that are tried.
const LIMITS_MAX: usize = 64;

/// How far quiet timesteps are raised, as a share of the mean one.
const RAISED: f64 = 0.5;
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

/// Limits that are tried for some networks.
fn tries(search: &TileSearch, effort: Effort) -> usize {
    limits(effort).min((NEURON_RUNS / search.neurons().max(1)).clamp(1, LIMITS_MAX))
}

/// Layers that [`Curve::lower`] goes through where it tries all limits.
fn lowering_layers(search: &TileSearch, effort: Effort) -> u64 {
    tries(search, effort) as u64 * search.busy_layers()
}

/// Points of a curve that are tried to be evened out; the best is.
fn starts(effort: Effort) -> usize {
    match effort {
        Effort::Fast => 2,
        Effort::Default => 3,
        Effort::Best => 6,
    }
}

/// Points of a curve that get the networks that do hardly any work.
fn completed(effort: Effort) -> usize {
    match effort {
        Effort::Fast => 1,
        Effort::Default => 3,
        Effort::Best => 6,
    }
}

/// Mappings that take this many times as long as the fastest before they are evened out are not evened out.
const FAR_BEHIND: f64 = 1.2;

/// A point of the curve.
#[derive(Debug, Clone)]
struct Point {
    fill: Arc<FilledCores>,
    cores: usize,
    /// Picoseconds of an item, barriers left out.
    time_ps: f64,
    /// Whether the networks that do hardly any work are among it.
    whole: bool,
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
/// the last has all of them. The observer is told of layers of runs, then of moves that even out work.
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
    observer: &dyn MappingObserver,
) -> Result<Vec<SearchedPartition>, Diagnostics> {
    let timing = target.timing();
    let work = |phases, networks: &[NetworkId]| {
        WorkModel::new(&ir.model, phases, (&timing, target.skips_zeros()), networks)
    };
    let whole = std::slice::from_ref(activity);
    let search = |networks: &Vec<NetworkId>| {
        let foreseen =
            WorkForeseen { item: work(whole, networks), phases: work(activity.phases(), networks) };
        let shape = WorkShape::of(ir, &foreseen.item, networks);
        (TileSearch::new(ir, target, rates, options, networks, (Some(foreseen), observer)), shape)
    };
    let mut groups: Vec<Vec<NetworkId>> = networks.iter().map(|&network| vec![network]).collect();
    if networks.len() > 1 {
        // The network that does most is spread first, and the others fill what it leaves.
        groups.push(least_work_first(ir, &work(whole, networks), networks));
    }
    let searches: Vec<(TileSearch, WorkShape)> = groups.iter().map(search).collect();
    let layers =
        |(search, _): &(TileSearch, _)| search.run_layers() + lowering_layers(search, options.effort);
    observer.expect(searches.iter().map(layers).sum());
    let curve = |(search, shape)| Curve::new(search, shape, options.effort);
    let mut curves: Vec<Result<Curve, Diagnostics>> = searches.into_par_iter().map(curve).collect();
    let together = if networks.len() > 1 { curves.pop() } else { None };
    let mut ways = vec![Curves(curves.into_iter().collect::<Result<_, _>>()?)];
    // Where all together meet a dead end, each network still has cores of its own.
    ways.extend(together.and_then(Result::ok).map(|together| Curves(vec![together])));
    let least = ways.iter().map(Curves::least).min().unwrap_or(0);
    let cores = cores_at_hand(target, options, least + taken)? - taken;
    // Ways know nothing of each other, so threads cannot change what they find.
    ways.par_iter_mut().filter(|way| way.least() <= cores).for_each(|way| way.spread(cores, budgets));
    let fastest = |way: &Curves| way.choose(cores, &|_| 0.0).map_or(f64::INFINITY, |(time, _)| time);
    let least_time = ways.iter().map(fastest).fold(f64::INFINITY, f64::min);
    let near = |way: &Curves| way.least() <= cores && fastest(way) <= least_time * FAR_BEHIND;
    observer.stage("evening out work", "moves");
    observer.expect(ways.iter().filter(|way| near(way)).map(|way| way.rebalancing_moves(cores)).sum());
    ways.par_iter_mut().filter(|way| near(way)).for_each(|way| way.rebalance(cores));
    let steps = |&n: &NetworkId| f64::from(ir.model.networks[n].pass_steps) * activity.passes(n);
    let barriers: f64 = networks.iter().map(steps).sum();
    let per_tile = target.topology.cores_per_tile.get() as usize;
    let barrier =
        |cores: usize| timing.barrier_ps((cores + taken).div_ceil(per_tile) as u32) as f64 * barriers;
    let mut found: Vec<((usize, Vec<usize>), SearchedPartition)> = Vec::new();
    for budget in 1..=budgets {
        let cores = least + (cores - least) * budget / budgets;
        let of = |(way, curves): (usize, &Curves)| {
            curves.choose(cores, &barrier).map(|(time, points)| (time, way, points))
        };
        let best = ways.iter().enumerate().filter_map(of).min_by(|a, b| a.0.total_cmp(&b.0));
        let Some((_, way, points)) = best else { continue };
        let chosen = (way, points);
        if found.iter().all(|(other, _)| *other != chosen) {
            let partition = ways[way].found(&chosen.1);
            found.push((chosen, partition));
        }
    }
    Ok(found.into_iter().map(|(_, partition)| partition).collect())
}

/// Curves of groups of networks that have cores of their own: of each network, or one of all that share cores.
struct Curves<'a>(Vec<Curve<'a>>);

impl Curves<'_> {
    /// Fewest cores.
    fn least(&self) -> usize {
        self.0.iter().map(|curve| curve.points[0].cores).sum()
    }

    /// Spreads each group over what the others leave of `cores` cores, for so many budgets. One that takes hardly any
    /// time gets no more cores than it needs.
    fn spread(&mut self, cores: usize, budgets: usize) {
        let spare = cores - self.least();
        let whole: f64 = self.0.iter().map(|curve| curve.points[0].time_ps).sum();
        for curve in &mut self.0 {
            let (own, time_ps) = (curve.points[0].cores, curve.points[0].time_ps);
            if time_ps > whole * NEGLIGIBLE {
                curve.lower(own + spare);
                curve.complete(own + spare, budgets);
            } else {
                curve.search.skip(lowering_layers(&curve.search, curve.effort));
            }
        }
    }

    /// Evens out the fastest points of each group, on `cores` cores together.
    fn rebalance(&mut self, cores: usize) {
        let spare = cores - self.least();
        let whole: f64 = self.0.iter().map(|curve| curve.points[0].time_ps).sum();
        for curve in &mut self.0 {
            let (own, time_ps) = (curve.points[0].cores, curve.points[0].time_ps);
            if time_ps > whole * NEGLIGIBLE {
                curve.rebalance(own + spare);
            }
        }
    }

    /// Moves that [`Curves::rebalance`] proposes.
    fn rebalancing_moves(&self, cores: usize) -> u64 {
        let spare = cores - self.least();
        let whole: f64 = self.0.iter().map(|curve| curve.points[0].time_ps).sum();
        let busy = self.0.iter().filter(|curve| curve.points[0].time_ps > whole * NEGLIGIBLE);
        busy.map(|curve| curve.rebalancing_moves(curve.points[0].cores + spare)).sum()
    }

    /// A point of each curve, together at most `cores`, of least time with barriers; of equals the fewest cores. None
    /// if even the fewest cores are more.
    fn choose(&self, cores: usize, barrier: &dyn Fn(usize) -> f64) -> Option<(f64, Vec<usize>)> {
        // By cores in use: the least time with exactly as many, and the points that give it.
        let mut best: Vec<Option<(f64, Vec<usize>)>> = vec![None; cores + 1];
        best[0] = Some((0.0, Vec::new()));
        for curve in &self.0 {
            let mut next: Vec<Option<(f64, Vec<usize>)>> = vec![None; cores + 1];
            for (used, state) in best.iter().enumerate() {
                let Some((time, points)) = state else { continue };
                for (index, point) in curve.points.iter().enumerate().filter(|(_, point)| point.whole) {
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
        timed.min_by(|a, b| a.0.total_cmp(&b.0))
    }

    /// The partition that chosen points mean.
    fn found(&self, chosen: &[usize]) -> SearchedPartition {
        let mut joined = SearchedPartition::default();
        for (curve, &point) in self.0.iter().zip(chosen) {
            joined.extend(curve.search.found(&curve.points[point].fill));
        }
        start_with_different_layers(&mut joined);
        joined
    }
}

/// Turns the slices of each core round by its number. A core updates its neurons in the order of its slices and sends
/// as it goes, so where all begin with the same layer, the cores that this layer feeds are all that is busy at first,
/// and their queues fill the network.
fn start_with_different_layers(found: &mut SearchedPartition) {
    for (core, slices) in found.partition.cores.values_mut().enumerate() {
        let first = core % slices.len().max(1);
        slices.rotate_left(first);
    }
}

/// Networks by what they ask of all cores together, least first.
fn least_work_first(ir: &SpikingIr, work: &WorkModel, networks: &[NetworkId]) -> Vec<NetworkId> {
    let of = |network: NetworkId| -> f64 {
        let own = ir.model.populations_of(network).filter(|(_, p)| !p.dynamics.is_port());
        own.map(|(id, _)| work.population(ir, id)).sum()
    };
    let mut keyed: Vec<(f64, NetworkId)> = networks.iter().map(|&network| (of(network), network)).collect();
    keyed.sort_by(|a, b| a.0.total_cmp(&b.0));
    keyed.into_iter().map(|(_, network)| network).collect()
}

/// What each timestep asks for: the limit of a core is a share of it.
struct WorkShape {
    /// Picoseconds of all cores together, by timestep: the most of any unit.
    total: Vec<f64>,
    /// The same with quiet timesteps raised, so that layers that are alone in theirs need not be on every core.
    raised: Vec<f64>,
}

impl WorkShape {
    fn of(ir: &SpikingIr, work: &WorkModel, networks: &[NetworkId]) -> Self {
        let mut units = [(); UNITS].map(|()| vec![0.0; work.steps.len()]);
        let own = |network: NetworkId| networks.contains(&network);
        let populations = ir.model.populations.iter().filter(|(_, p)| own(p.network));
        for (id, p) in populations.filter(|(_, p)| !p.dynamics.is_port()) {
            let neurons = p.shape.len() as f64;
            let own = work.neuron(id);
            units[1].iter_mut().zip(own).for_each(|(sum, &ps)| *sum += f64::from(ps) * neurons);
        }
        for p in ir.projections.values().filter(|p| own(ir.model.populations[p.target].network)) {
            let synapses = p.stored_synapses(work.skips_zeros) as f64;
            for (sum, rate) in units[0].iter_mut().zip(work.rates(p.source)) {
                *sum += f64::from(work.arriving(rate * synapses, 0.0).0);
            }
        }
        let total: Vec<f64> =
            (0..work.steps.len()).map(|i| units.iter().map(|unit| unit[i]).fold(0.0, f64::max)).collect();
        // Of the network whose timesteps are longest: the others may be as uneven as goes unnoticed beside it.
        let mean = |&network: &NetworkId| {
            let own = work.steps.iter().zip(&total).filter(|(step, _)| step.network == network);
            let (count, sum) = own.fold((0usize, 0.0), |(count, sum), (_, ps)| (count + 1, sum + ps));
            sum / count.max(1) as f64
        };
        let mean = networks.iter().map(mean).fold(0.0, f64::max);
        let raised = total.iter().map(|&ps| ps + RAISED * mean).collect();
        Self { total, raised }
    }

    /// A core may be busy for this share of what a timestep asks for.
    fn limit(&self, share: f64) -> WorkLimit {
        WorkLimit(self.raised.iter().map(|&ps| (ps * share) as f32).collect())
    }
}

/// Cores and time under ever lower limits, fewest cores first.
struct Curve<'a> {
    search: TileSearch<'a>,
    shape: WorkShape,
    effort: Effort,
    points: Vec<Point>,
    /// The largest share that a core of the first point has of a timestep.
    first_share: f64,
}

impl<'a> Curve<'a> {
    fn new(mut search: TileSearch<'a>, shape: WorkShape, effort: Effort) -> Result<Self, Diagnostics> {
        let fill = search.run(Fewest::Cores)?;
        let mut curve = Self { search, shape, effort, points: Vec::new(), first_share: 0.0 };
        let busiest = curve.busiest(&fill);
        let shares = busiest.iter().zip(&curve.shape.raised).filter(|&(_, &all)| all > 0.0);
        curve.first_share = shares.map(|(ps, all)| ps / all).fold(0.0, f64::max);
        curve.push(fill, true);
        Ok(curve)
    }

    /// Picoseconds of the busiest core by timestep.
    fn busiest(&self, fill: &FilledCores) -> Vec<f64> {
        let step = |step: usize| {
            fill.cores.iter().map(|core| f64::from(core.load.busiest(step))).fold(0.0, f64::max)
        };
        (0..self.shape.total.len()).map(step).collect()
    }

    fn push(&mut self, fill: FilledCores, whole: bool) {
        let time_ps = self.busiest(&fill).iter().sum::<f64>();
        let cores = fill.cores.len();
        self.points.push(Point { fill: Arc::new(fill), cores, time_ps, whole });
    }

    /// Lowers the limit to what an even share of `cores` cores would be, in equal ratios. A lower limit may do where a
    /// higher one did not, as slices fall otherwise, so all are tried until far too many cores are asked for.
    fn lower(&mut self, cores: usize) {
        let (high, low) = (self.first_share, EVEN / cores.max(1) as f64);
        let tries = tries(&self.search, self.effort);
        let mut left = lowering_layers(&self.search, self.effort);
        for i in 1..=tries {
            let share = high * (low / high).powf(i as f64 / tries as f64);
            if !(share > 0.0 && share < high) {
                continue;
            }
            left -= self.search.busy_layers();
            let Ok(fill) = self.search.run_within(self.shape.limit(share)) else { continue };
            if fill.cores.len() <= cores {
                self.push(fill, self.search.is_whole());
            } else if fill.cores.len() > cores + cores / TOO_MANY {
                break;
            }
        }
        self.search.skip(left);
    }

    /// Adds the networks that do hardly any work to the points of least time; for several budgets to all.
    fn complete(&mut self, cores: usize, budgets: usize) {
        let most = if budgets > 1 { self.points.len() } else { completed(self.effort) };
        let fills = self.fastest(most, false);
        self.search.expect(fills.len() as u64 * self.search.quiet_layers());
        for fill in fills {
            if let Some(fill) = self.search.completed(&fill).ok().filter(|fill| fill.cores.len() <= cores) {
                self.push(fill, true);
            }
        }
    }

    /// Evens out a point, on all of `cores` cores: of those of least time the one that gains most.
    fn rebalance(&mut self, cores: usize) {
        let fills = self.fastest(starts(self.effort), true);
        if let Some(fill) = self.search.rebalanced(&fills, cores) {
            self.push(fill, true);
        }
    }

    /// Moves that [`Curve::rebalance`] proposes.
    fn rebalancing_moves(&self, cores: usize) -> u64 {
        let fills = self.fastest(starts(self.effort), true);
        self.search.rebalancing_moves(&fills, cores)
    }

    /// The points of least time, at most so many, that are whole or are not.
    fn fastest(&self, most: usize, whole: bool) -> Vec<Arc<FilledCores>> {
        let mut points: Vec<&Point> = self.points.iter().filter(|point| point.whole == whole).collect();
        points.sort_by(|a, b| a.time_ps.total_cmp(&b.time_ps));
        points.into_iter().take(most).map(|point| Arc::clone(&point.fill)).collect()
    }
}
