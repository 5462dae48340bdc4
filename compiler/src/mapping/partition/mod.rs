//! Which neurons share a core.
//!
//! [`search()`] finds one tiling a population under all limits of the target; a hand-written [`Partition`] goes
//! through the same [`Partition::verify`]. Limits that need the built core (axons, memory) are checked again by the
//! program's verifier, with the same accounting.

pub mod cost;
pub mod search;
pub mod tiling;

use serde::{Deserialize, Serialize};
use snnc_targets::entity::EntityMap;
use snnc_targets::{Code, Diagnostic, Diagnostics};

use crate::ir::CoreId;
use crate::ir::program::Slice;
use crate::ir::program::cover::Cover;
use crate::ir::spiking::Model;

pub use search::search;

/// Slices of populations, core by core.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Partition {
    /// One entry a core.
    pub cores: EntityMap<CoreId, Vec<Slice>>,
}

impl Partition {
    /// Every neuron of every population exactly once, no empty core, no core with two networks.
    ///
    /// # Errors
    /// [`Code::MappingInvalid`], one for each problem.
    pub fn verify(&self, model: &Model) -> Result<(), Diagnostics> {
        let mut problems = Diagnostics::default();
        let mut fail = |place: String, message: String| {
            problems.push(Diagnostic::new(Code::MappingInvalid, place, message));
        };
        let mut cover = Cover::new(model);
        for (id, slices) in self.cores.iter() {
            if slices.is_empty() {
                fail(id.to_string(), "holds nothing".into());
            }
            let mut networks = Vec::new();
            for slice in slices {
                match cover.mark(model, slice) {
                    Ok(0) => networks.push(model.populations[slice.population].network),
                    Ok(doubled) => {
                        fail(
                            id.to_string(),
                            format!("{doubled} neurons of {} are on another core too", slice.population),
                        );
                    }
                    Err(message) => fail(id.to_string(), message),
                }
            }
            networks.dedup();
            if networks.len() > 1 {
                fail(id.to_string(), "holds slices of two networks".into());
            }
        }
        for (place, message) in cover.missing(model) {
            fail(place, message);
        }
        problems.into_result(())
    }
}
