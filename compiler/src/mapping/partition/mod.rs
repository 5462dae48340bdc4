//! Which neurons share a core.
//!
//! [`search()`] finds one tiling a population under all limits of the target; a hand-written [`Partition`] goes
//! through the same [`Partition::verify`]. Limits that need the built core (axons, memory) are checked again by the
//! program's verifier, with the same accounting.

pub mod cost;
pub mod search;
pub mod tiling;

use bitvec::vec::BitVec;
use serde::{Deserialize, Serialize};
use snnc_targets::entity::EntityMap;
use snnc_targets::{Code, Diagnostic, Diagnostics};

use crate::ir::CoreId;
use crate::ir::program::Slice;
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
        let mut seen: Vec<BitVec> =
            model.populations.values().map(|p| BitVec::repeat(false, p.shape.len())).collect();
        for (id, slices) in self.cores.iter() {
            if slices.is_empty() {
                fail(id.to_string(), "holds nothing".into());
            }
            let mut networks = Vec::new();
            for slice in slices {
                match marked(model, slice, &mut seen) {
                    Ok(0) => networks.push(model.populations[slice.population].network),
                    Ok(doubled) => fail(
                        id.to_string(),
                        format!("{doubled} neurons of {} are on another core too", slice.population),
                    ),
                    Err(message) => fail(id.to_string(), message),
                }
            }
            networks.dedup();
            if networks.len() > 1 {
                fail(id.to_string(), "holds slices of two networks".into());
            }
        }
        for (population, seen) in model.populations.keys().zip(&seen) {
            let missing = seen.count_zeros();
            if missing > 0 {
                fail(
                    format!("layer {}", model.layer_name(population)),
                    format!("{missing} neurons are on no core"),
                );
            }
        }
        problems.into_result(())
    }
}

/// Marks a slice's neurons; how many were marked before.
fn marked(model: &Model, slice: &Slice, seen: &mut [BitVec]) -> Result<usize, String> {
    let population = model
        .populations
        .get(slice.population)
        .ok_or_else(|| format!("{} does not exist", slice.population))?;
    let shape = population.shape;
    let inside =
        |range: &std::ops::Range<u32>, len: usize| range.start < range.end && range.end as usize <= len;
    if !inside(&slice.channels, shape.channels)
        || !inside(&slice.rows, shape.height)
        || !inside(&slice.cols, shape.width)
    {
        return Err(format!("slice {slice:?} is empty or lies outside {shape}"));
    }
    let mut doubled = 0;
    for c in slice.channels.clone() {
        for y in slice.rows.clone() {
            let row = shape.at(c as usize, y as usize, 0);
            let span = &mut seen[slice.population.0 as usize]
                [row + slice.cols.start as usize..row + slice.cols.end as usize];
            doubled += span.count_ones();
            span.fill(true);
        }
    }
    Ok(doubled)
}
