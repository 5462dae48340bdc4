//! The order of the search: starts, annealing, descent; and its budgets.

use rayon::prelude::*;
use snnc_targets::{Site, Topology};

use super::anneal::{PlacementAnnealing, anneal};
use super::board::{Board, HopCosts};
use super::descend::descend;
use super::graph::PlacementGraph;
use super::state::PlacementState;
use super::{PlaceOptions, bisect, curve};
use crate::mapping::effort::Effort;
use crate::mapping::observer::MappingObserver;
use crate::mapping::traffic::CoreTraffic;
use crate::random::SplitMix64;

/// Rounds of descent; it ends earlier when no exchange helps.
const ROUNDS: usize = 50;

/// A site for each of `cores` cores, which `topology` must have, with little packets x hop cost.
///
/// # Panics
/// If the mesh has fewer sites than there are cores.
pub fn arrange(
    cores: usize,
    traffic: &CoreTraffic,
    topology: &Topology,
    costs: HopCosts,
    options: PlaceOptions,
) -> Vec<Site> {
    arrange_observed(cores, traffic, topology, costs, options, &())
}

/// As [`arrange`]; steps of the observer are moves of the annealing.
///
/// # Panics
/// Where [`arrange`] does.
pub fn arrange_observed(
    cores: usize,
    traffic: &CoreTraffic,
    topology: &Topology,
    costs: HopCosts,
    options: PlaceOptions,
    observer: &dyn MappingObserver,
) -> Vec<Site> {
    assert!(cores <= topology.sites() as usize, "every core has a site");
    let graph = PlacementGraph::new(cores, traffic);
    let along_curve = curve::sites(topology, cores);
    if graph.entries() == 0 {
        return along_curve;
    }
    let board = Board::new(topology, costs, graph.packets());
    let starts = [along_curve, bisect::sites(&graph, &board)];
    let starts = starts.into_iter().map(|sites| PlacementState::new(&graph, &board, sites));
    let Some(start) = starts.min_by_key(PlacementState::cost) else { return Vec::new() };
    let runs = runs(options, &graph);
    observer.expect(runs.iter().map(|run| run.schedule.whole()).sum());
    // The first of equals: the same whatever the number of threads.
    let found: Vec<PlacementState> = runs.par_iter().map(|run| improve(&start, run, observer)).collect();
    found.into_iter().min_by_key(PlacementState::cost).unwrap_or(start).sites().to_vec()
}

/// One run of the local search.
struct AnnealingRun {
    schedule: PlacementAnnealing,
    seed: u64,
}

fn improve<'a>(
    start: &PlacementState<'a>,
    run: &AnnealingRun,
    observer: &dyn MappingObserver,
) -> PlacementState<'a> {
    let mut state = start.clone();
    anneal(&mut state, run.schedule, &mut SplitMix64::new(run.seed), observer);
    descend(&mut state, ROUNDS);
    state
}

/// The runs of an effort; those of `best` contain that of `default`. Heats were chosen by trial: warm enough to leave
/// the start's local optimum, too cool to forget which chip a core belongs to.
fn runs(options: PlaceOptions, graph: &PlacementGraph) -> Vec<AnnealingRun> {
    let run = |share: u64, nth: u64, heat: f64| AnnealingRun {
        schedule: PlacementAnnealing { moves: moves(graph) * share / 16, heat },
        seed: options.seed.wrapping_add(nth.wrapping_mul(0xD1B5_4A32_D192_ED03)),
    };
    match options.effort {
        Effort::Fast => vec![run(1, 0, 0.1)],
        Effort::Default => vec![run(16, 0, 0.1)],
        Effort::Best => {
            let longer = [0.1, 0.1, 0.1, 0.3].into_iter().zip(1..).map(|(heat, nth)| run(64, nth, heat));
            std::iter::once(run(16, 0, 0.1)).chain(longer).collect()
        }
    }
}

/// Moves of `default`.
fn moves(graph: &PlacementGraph) -> u64 {
    // Few cores have few placements; several hundred take a fraction of a second.
    let cores = graph.cores() as u64;
    let budget = (cores * 500_000).min(60_000_000).max(cores * 20_000);
    // A move looks at the neighbours of two cores, and takes about as long as 16 of them besides.
    let visits = 16 + 2 * graph.entries() as u64 / cores.max(1);
    budget / visits
}
