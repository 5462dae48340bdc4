//! Where cores sit: two starts (a space-filling curve, recursive bisection), then local search on packets x hop cost.
//!
//! The cost of a packet is the energy of its hops on the target's mesh, links between chips at their own (much
//! higher) price. On a multicast target the sum of separate routes stands in for that of the trees: it grows with the
//! same distances, and a move changes it by what the core's own flows say. Deterministic for a seed.

mod anneal;
mod bisect;
mod board;
mod curve;
mod descend;
mod graph;
mod halve;
mod search;
mod state;
#[cfg(test)]
mod tests;

use serde::{Deserialize, Serialize};
use snnc_targets::entity::EntityMap;
use snnc_targets::{Code, Diagnostic, Diagnostics, NamedPart, Site, Target, Topology};

use super::effort::Effort;
use super::observer::MappingObserver;
use super::traffic::CoreTraffic;
use crate::ir::CoreId;
use crate::ir::program::cover::site_problems;

pub use board::HopCosts;
pub use search::{arrange, arrange_observed};

/// A site for every core.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Placement {
    /// Chips present.
    pub chips: u32,
    /// One distinct site a core.
    pub sites: EntityMap<CoreId, Site>,
}

/// How to place.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct PlaceOptions {
    /// Seed of the local search.
    pub seed: u64,
    /// How long it searches.
    pub effort: Effort,
}

impl Placement {
    /// Every core on one distinct site of the board.
    ///
    /// # Errors
    /// [`Code::MappingInvalid`], one for each problem.
    pub fn verify(&self, cores: usize, target: &Target) -> Result<(), Diagnostics> {
        let problems = site_problems(&self.sites, self.chips, cores, target);
        let diagnostic = |(place, message)| Diagnostic::new(Code::MappingInvalid, place, message);
        problems.into_iter().map(diagnostic).collect::<Diagnostics>().into_result(())
    }
}

/// Places `cores` cores on as few chips as hold them.
///
/// # Errors
/// [`Code::DoesNotFit`] if the largest system is too small.
pub fn place(
    cores: usize,
    traffic: &CoreTraffic,
    target: &Target,
    options: PlaceOptions,
) -> Result<Placement, Diagnostic> {
    place_observed(cores, traffic, target, options, &())
}

/// As [`place`]; steps of the observer are moves of the annealing.
///
/// # Errors
/// Those of [`place`].
pub fn place_observed(
    cores: usize,
    traffic: &CoreTraffic,
    target: &Target,
    options: PlaceOptions,
    observer: &dyn MappingObserver,
) -> Result<Placement, Diagnostic> {
    let per_chip = Topology::new(&target.topology, 1).cores_per_chip() as usize;
    let chips = cores.div_ceil(per_chip).max(1);
    let most = target.topology.chips_max.get();
    if chips > most as usize {
        let message = format!("{cores} cores need {chips} chips, {} has at most {most}", target.name);
        return Err(Diagnostic::new(Code::DoesNotFit, NamedPart::Program, message)
            .hint("use a smaller model, or a target with larger cores or more chips"));
    }
    let topology = Topology::new(&target.topology, chips as u32);
    let sites =
        arrange_observed(cores, traffic, &topology, HopCosts::of(&target.energy()), options, observer);
    Ok(Placement { chips: topology.chips, sites: sites.into() })
}
