//! The multilevel algorithm: [`mod@coarsen`] (clusters of vertices that belong together) -> [`initial`] (greedy
//! growth on the coarsest level) -> [`mod@anneal`], [`mod@repair`] and [`mod@sweep`] on every level back to the
//! finest; then cycles that coarsen within blocks only. [`state`] keeps the counts that make it cheap to say what a
//! move changes.
//!
//! Several tries run side by side, each from a random sequence of its own; the best (legal first, then cheapest, then
//! earliest) goes on. The work of a level is bounded by a constant plus a multiple of its pins, so time grows
//! linearly with large problems.

mod anneal;
mod coarsen;
mod contract;
mod counts;
mod exchange;
mod initial;
mod repair;
mod state;
mod sweep;
#[cfg(test)]
mod tests;

use rayon::prelude::*;
use snnc_targets::{Code, Diagnostic, NamedPart};

use self::anneal::{PartitionAnnealing, STEPS, anneal};
use self::coarsen::{CoarseLevel, CoarseningPace, HUGE_PINS, coarsen};
use self::counts::{DensePinCounts, PinCounts, SparsePinCounts, dense_suits};
use self::initial::grow;
use self::repair::repair;
use self::state::PartitionState;
use self::sweep::sweep;
use crate::mapping::MappingObserver;
use crate::mapping::effort::Effort;
use crate::mapping::hypergraph::graph::{BlockId, Hypergraph};
use crate::mapping::hypergraph::limits::Limits;
use crate::mapping::observer::SeveralPieces;
use crate::random::SplitMix64;

/// How many blocks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Blocks {
    /// This many blocks, some of which may stay empty.
    Exactly(usize),
    /// The least number of blocks that is found to keep the limits.
    Fewest,
}

/// Choices that are no part of the problem.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct HypergraphOptions {
    /// How hard to try.
    pub effort: Effort,
    /// Seed of all random choices.
    pub seed: u64,
}

/// A legal partition.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Solution {
    /// By vertex.
    pub blocks: Vec<BlockId>,
    /// Number of blocks.
    pub count: usize,
    /// Sum over nets of weight x (blocks touched - 1).
    pub cost: u64,
}

/// Most blocks that may be asked for.
const BLOCKS_MAX: usize = 1 << 20;

/// Partitions a hypergraph under limits.
///
/// # Errors
/// [`Code::DoesNotFit`] if no legal partition was found; what [`Limits::check`] refuses.
pub fn partition(
    graph: &Hypergraph,
    limits: &Limits,
    blocks: Blocks,
    options: HypergraphOptions,
) -> Result<Solution, Diagnostic> {
    partition_observed(graph, limits, blocks, options, &())
}

/// As [`partition`]; the observer is told how far it has come, in visits of nets. How many there are is known of one
/// number of blocks alone: each that is tried expects its own.
///
/// # Errors
/// Those of [`partition`].
pub fn partition_observed(
    graph: &Hypergraph,
    limits: &Limits,
    blocks: Blocks,
    options: HypergraphOptions,
    observer: &dyn MappingObserver,
) -> Result<Solution, Diagnostic> {
    limits.check(graph)?;
    observer.stage("partitioning", "net visits");
    let least = limits.blocks_at_least(graph);
    match blocks {
        Blocks::Exactly(count) if count < least || count == 0 => Err(does_not_fit(count, least)),
        Blocks::Exactly(count) if count > BLOCKS_MAX => Err(does_not_fit(count, least)),
        Blocks::Exactly(count) => {
            attempt(graph, limits, count, options, observer).ok_or_else(|| does_not_fit(count, least))
        }
        Blocks::Fewest => {
            let most = graph.vertices().clamp(1, BLOCKS_MAX);
            let mut counts = ascending(least, most);
            counts
                .find_map(|count| attempt(graph, limits, count, options, observer))
                .ok_or_else(|| does_not_fit(most, least))
        }
    }
}

/// Numbers of blocks to try, from `least` to `most`: steps double after every four, so that a bound which is far too
/// low costs few attempts.
fn ascending(least: usize, most: usize) -> impl Iterator<Item = usize> {
    let next = move |&(count, tried): &(usize, u32)| {
        let step = (count / 32).max(1) << (tried / 4).min(16);
        (count < most).then(|| ((count + step).min(most), tried + 1))
    };
    std::iter::successors((least <= most).then_some((least, 0)), next).map(|(count, _)| count)
}

fn does_not_fit(count: usize, least: usize) -> Diagnostic {
    let message = format!("no partition into {count} blocks keeps the limits; weights alone need {least}");
    let most = format!("allow more blocks (at most {BLOCKS_MAX}), raise the limit, or make smaller vertices");
    Diagnostic::new(Code::DoesNotFit, NamedPart::Hypergraph, message).hint(most)
}

fn attempt(
    graph: &Hypergraph,
    limits: &Limits,
    count: usize,
    options: HypergraphOptions,
    observer: &dyn MappingObserver,
) -> Option<Solution> {
    if graph.vertices() == 0 {
        return Some(Solution { blocks: Vec::new(), count, cost: 0 });
    }
    let plan = SearchBudget::new(options.effort, graph);
    let observer = &SeveralPieces::new(plan.tries as usize * (plan.cycles + 1), observer);
    let tries = (0..plan.tries).into_par_iter().map(|index| {
        let random = SplitMix64::stream(options.seed, index);
        let mut run = MultilevelRun { limits, count, plan, random, heaviest: heaviest(graph), observer };
        let first = run.cycle(graph, None);
        (0..plan.cycles).fold(first, |found, _| run.cycle(graph, Some(found)))
    });
    let found: Vec<CandidatePartition> = tries.collect();
    let best = found.into_iter().min_by_key(|found| (found.excess, found.cost))?;
    (best.excess == 0).then_some(Solution { blocks: best.blocks, count, cost: best.cost })
}

/// Problems with more pins get one try with the least effort.
const LONE_PINS: usize = 1 << 20;

/// What an effort means. Work is counted in net visits.
#[derive(Debug, Clone, Copy)]
struct SearchBudget {
    tries: u64,
    cycles: usize,
    /// Annealing of the coarsest level, where the structure is found.
    coarse_work: u64,
    /// Annealing of each finer level, which polishes.
    fine_work: u64,
    /// Most proposals a vertex: small problems need no more.
    proposals_most: u64,
}

impl SearchBudget {
    fn new(effort: Effort, graph: &Hypergraph) -> Self {
        // Luck averages out in large problems.
        let fast_tries = if graph.incidence.pins() > LONE_PINS { 1 } else { 2 };
        let plan = |tries, cycles, scale: u64| Self {
            tries,
            cycles,
            coarse_work: scale * 100_000_000,
            fine_work: scale * 15_000_000,
            proposals_most: scale * 4096,
        };
        match effort {
            Effort::Fast => plan(fast_tries, 0, 1),
            Effort::Default => plan(2, 0, 4),
            Effort::Best => plan(4, 2, 16),
        }
    }

    /// Proposals for a level. A proposal visits the nets of two vertices, and costs something of its own; beyond the
    /// cache a visit takes longer, so that work shrinks and the whole stays linear in pins.
    fn proposals(&self, graph: &Hypergraph, work: u64) -> u64 {
        let (vertices, pins) = (graph.vertices() as u64, graph.incidence.pins() as u64);
        let affordable = work / visits_each(graph) * CACHED_PINS / pins.max(CACHED_PINS);
        affordable.min(self.proposals_most * vertices)
    }

    /// Proposals of the annealing of a level; none where it would only do damage.
    fn annealing(&self, graph: &Hypergraph, work: u64) -> Option<u64> {
        let proposals = self.proposals(graph, work);
        (proposals >= PROPOSALS_LEAST * graph.vertices() as u64).then_some(proposals)
    }

    /// Visits of nets that each temperature of a level takes.
    fn visits(&self, graph: &Hypergraph, work: u64) -> u64 {
        self.annealing(graph, work).map_or(0, |proposals| proposals / STEPS * visits_each(graph))
    }
}

/// Visits of nets of a proposal, with what it costs of its own.
fn visits_each(graph: &Hypergraph) -> u64 {
    2 * graph.incidence.pins() as u64 / graph.vertices() as u64 + 8
}

/// What the sweeps of a level are expected to take, in visits of nets: for each of its pins a vertex looks at the
/// blocks that the net touches, some four of them in the time of a visit.
fn sweep_visits(graph: &Hypergraph, blocks: usize) -> u64 {
    let (pins, nets) = (graph.incidence.pins(), graph.incidence.nets());
    let touched = (pins / nets.max(1)).clamp(4, blocks.max(4));
    (sweeps(graph).0 * pins * touched / 4) as u64
}

/// How often a level is swept at most, and what another sweep must be worth.
fn sweeps(graph: &Hypergraph) -> (usize, u64) {
    if graph.incidence.pins() > LARGE_PINS { LARGE_SWEEPS } else { SWEEPS }
}

struct CandidatePartition {
    blocks: Vec<BlockId>,
    cost: u64,
    excess: u64,
}

/// One try at a partition into `count` blocks.
struct MultilevelRun<'a> {
    limits: &'a Limits,
    count: usize,
    plan: SearchBudget,
    random: SplitMix64,
    /// The heaviest vertex of the problem, by scalar resource.
    heaviest: Vec<u64>,
    observer: &'a dyn MappingObserver,
}

/// Coarsening stops at so many vertices a block: enough to pack blocks in many ways, few enough to anneal well.
const COARSEST_PER_BLOCK: usize = 5;
/// No cluster fills more than this part of a block.
const CLUSTER_PART: u64 = 4;
/// First temperatures, in units of the typical change: a fresh coarsest level is melted, an earlier partition is
/// softened, a finer level keeps the structure it inherits.
const MELT: f64 = 0.3;
const SOFTEN: f64 = 0.1;
const POLISH: f64 = 0.01;
/// Where annealing ends: hardly any change for the worse passes.
const FROZEN: f64 = 0.005;
/// Annealing with fewer proposals a vertex would only do damage; such levels are swept.
const PROPOSALS_LEAST: u64 = 32;
/// Pins of a level whose counts stay in the cache.
const CACHED_PINS: u64 = 1 << 18;
/// Net visits for the repair of a coarse level, beyond one of each pin.
const REPAIR_WORK: u64 = 1 << 23;
/// Most sweeps of a level, and the part of the cost that another one must be worth.
const SWEEPS: (usize, u64) = (8, 1000);
/// Levels with more pins are swept less: they are many, and the next finer one takes over what is left to gain.
const LARGE_PINS: usize = 1 << 19;
const LARGE_SWEEPS: (usize, u64) = (3, 128);
/// Problems with more vertices are coarsened in large steps.
const LARGE_VERTICES: usize = 1 << 13;
/// Where their coarsening stops: too large to anneal, they need finer pieces to pack.
const LARGE_COARSEST_PER_BLOCK: usize = 8;

/// Clusters are large once they weigh this many of the heaviest vertices.
const COARSE: u64 = 4;

/// The heaviest vertex by scalar resource.
fn heaviest(graph: &Hypergraph) -> Vec<u64> {
    let of = |r| graph.vertex_weights.iter().skip(r).step_by(graph.resources).max().copied().unwrap_or(0);
    (0..graph.resources).map(of).collect()
}

impl MultilevelRun<'_> {
    /// Down to the coarsest level and back. With an earlier partition, clusters stay inside its blocks, and the better
    /// of both is returned.
    fn cycle(&mut self, graph: &Hypergraph, earlier: Option<CandidatePartition>) -> CandidatePartition {
        let (mut levels, inherited) = self.coarsen(graph, earlier.as_ref().map(|found| &found.blocks[..]));
        let heat = if inherited.is_some() { SOFTEN } else { MELT };
        let coarsest = levels.last().map_or(graph, |level| &level.graph);
        let finer = levels.iter().rev().skip(1).map(|level| &level.graph);
        let finer = finer.chain((!levels.is_empty()).then_some(graph));
        let visits = |graph, work| self.plan.visits(graph, work) * STEPS + sweep_visits(graph, self.count);
        let all = visits(coarsest, self.plan.coarse_work)
            + finer.map(|graph| visits(graph, self.plan.fine_work)).sum::<u64>();
        self.observer.expect(all);
        // Strangers in a huge problem have no neighbours worth asking for.
        let blind = levels.is_empty() && graph.incidence.pins() > HUGE_PINS;
        let first =
            inherited.unwrap_or_else(|| grow(coarsest, self.limits, self.count, blind, &mut self.random));
        let mut found = self.refine_any(coarsest, first, heat, self.plan.coarse_work, levels.is_empty());
        while let Some(CoarseLevel { clusters, .. }) = levels.pop() {
            let finer = levels.last().map_or(graph, |level| &level.graph);
            let blocks = clusters.iter().map(|cluster| found.blocks[cluster.0 as usize]).collect();
            found = self.refine_any(finer, blocks, POLISH, self.plan.fine_work, levels.is_empty());
        }
        match earlier {
            Some(earlier) if (earlier.excess, earlier.cost) < (found.excess, found.cost) => earlier,
            _ => found,
        }
    }

    /// Levels from fine to coarse, and the earlier partition's blocks on the coarsest.
    fn coarsen(
        &mut self,
        graph: &Hypergraph,
        earlier: Option<&[BlockId]>,
    ) -> (Vec<CoarseLevel>, Option<Vec<BlockId>>) {
        let mut levels: Vec<CoarseLevel> = Vec::new();
        let (pace, coarsest) = match graph.vertices() > LARGE_VERTICES {
            true => (CoarseningPace::Fast, LARGE_COARSEST_PER_BLOCK),
            false => (CoarseningPace::Careful, COARSEST_PER_BLOCK),
        };
        let mut within = earlier.map(<[BlockId]>::to_vec);
        let mut caps = self.heaviest.clone();
        let shared_caps: Vec<u64> = self.limits.shared.iter().map(|limit| limit / 2).collect();
        loop {
            let finer = levels.last().map_or(graph, |level| &level.graph);
            if finer.vertices() <= self.count.saturating_mul(coarsest) {
                break;
            }
            for (cap, limit) in caps.iter_mut().zip(&self.limits.scalars) {
                *cap = (*cap * 2).min((limit / CLUSTER_PART).max(*cap));
            }
            let Some(level) = coarsen(finer, &caps, &shared_caps, within.as_deref(), pace, &mut self.random)
            else {
                break;
            };
            within = within.map(|blocks| {
                let mut coarse = vec![BlockId(0); level.graph.vertices()];
                for (block, cluster) in blocks.iter().zip(&level.clusters) {
                    coarse[cluster.0 as usize] = *block;
                }
                coarse
            });
            levels.push(level);
        }
        (levels, within)
    }

    fn refine_any(
        &mut self,
        graph: &Hypergraph,
        blocks: Vec<BlockId>,
        heat: f64,
        work: u64,
        finest: bool,
    ) -> CandidatePartition {
        if dense_suits(&graph.incidence, self.count) {
            self.refine::<DensePinCounts>(graph, blocks, heat, work, finest)
        } else {
            self.refine::<SparsePinCounts>(graph, blocks, heat, work, finest)
        }
    }

    /// The limits of a level: those of the problem, and half of the heaviest cluster more, as far as the vertices of
    /// the finest level are small enough to give it back. Full blocks of large clusters have no room for another order:
    /// where clusters had to keep the limits, each block was filled with what came from far away.
    fn level_limits(&self, graph: &Hypergraph) -> Limits {
        let mut limits = self.limits.clone();
        for ((limit, cluster), vertex) in limits.scalars.iter_mut().zip(heaviest(graph)).zip(&self.heaviest) {
            *limit += cluster.saturating_sub(COARSE * vertex) / 2;
        }
        limits
    }

    fn refine<C: PinCounts>(
        &mut self,
        graph: &Hypergraph,
        blocks: Vec<BlockId>,
        heat: f64,
        work: u64,
        finest: bool,
    ) -> CandidatePartition {
        let limits = if finest { self.limits.clone() } else { self.level_limits(graph) };
        let mut state = PartitionState::<C>::new(graph, &limits, self.count, blocks);
        if let Some(proposals) = self.plan.annealing(graph, work) {
            let visits = self.plan.visits(graph, work);
            let schedule = PartitionAnnealing { proposals, start: heat, end: FROZEN, visits };
            anneal(&mut state, schedule, &mut self.random, self.observer);
        }
        // Clusters may have no legal packing, so that only the finest level is worth any work.
        let work = if finest { u64::MAX } else { REPAIR_WORK + graph.incidence.pins() as u64 };
        repair(&mut state, work, &mut self.random);
        let (most, part) = sweeps(graph);
        sweep(&mut state, most, part, &mut self.random);
        self.observer.advance(sweep_visits(graph, self.count));
        CandidatePartition { cost: state.cost(), excess: state.excess(), blocks: state.blocks().to_vec() }
    }
}
