//! Which neurons share a core.
//!
//! [`search()`] fills cores layer by layer under all limits of the target; a hand-written [`Partition`] goes
//! through the same [`Partition::verify`]. Limits that need the built core (axons, memory) are checked again by the
//! program's verifier, with the same accounting.

pub mod balance;
pub mod layer_cores;
pub mod multilevel;
pub mod rates;
pub mod search;
mod tiles;
pub mod tiling;

use serde::{Deserialize, Serialize};
use snnc_targets::entity::EntityMap;
use snnc_targets::{Code, Diagnostic, Diagnostics, Place, Subject};

use crate::ir::CoreId;
use crate::ir::program::Slice;
use crate::ir::program::cover::NeuronCover;
use crate::ir::spiking::SpikingIr;
use crate::ir::spiking::order::Orders;
use crate::ir::spiking::parts::KernelParts;

pub use rates::Rates;
pub use search::search;

/// Slices that are found to lie over others before the rest is no longer looked at.
const DOUBLED_MAX: usize = 50;

/// Slices of populations, core by core.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Partition {
    /// One entry a core.
    pub cores: EntityMap<CoreId, Vec<Slice>>,
    /// Projections whose kernels are cut, so that a position has an axon for each part.
    #[serde(default)]
    pub kernel_parts: KernelParts,
    /// Irregular populations whose neurons, and others whose channels, are numbered anew; slices count in the new
    /// numbers.
    #[serde(default)]
    pub orders: Orders,
}

impl Partition {
    /// Adds the cores of other networks.
    pub fn extend(&mut self, other: Self) {
        for slices in other.cores.values() {
            self.cores.push(slices.clone());
        }
        self.kernel_parts.extend(other.kernel_parts);
        self.orders.extend(other.orders);
    }

    /// Every neuron of every population exactly once, spikes from outside on no core, no empty core, kernels that can
    /// be cut as asked.
    ///
    /// # Errors
    /// [`Code::MappingInvalid`], one for each problem.
    pub fn verify(&self, ir: &SpikingIr) -> Result<(), Diagnostics> {
        let model = &ir.model;
        let mut problems = Diagnostics::default();
        let mut fail = |place: Place, message: String| {
            problems.push(Diagnostic::new(Code::MappingInvalid, place, message));
        };
        let mut cover = NeuronCover::new(model);
        cover.mark_ports(model);
        // Marking takes as long as a slice is large, so slices that lie over each other are not marked without end.
        let (mut over, mut stopped) = (0, false);
        for (id, slices) in self.cores.iter() {
            if slices.is_empty() {
                fail(id.into(), "holds nothing".into());
            }
            for slice in slices {
                if over == DOUBLED_MAX {
                    stopped = true;
                    break;
                }
                if model.populations.get(slice.population).is_some_and(|p| p.dynamics.is_port()) {
                    over += 1;
                    fail(
                        id.into(),
                        format!("{} is spikes from outside, which are on no core", slice.population),
                    );
                    continue;
                }
                match cover.mark(model, slice) {
                    Ok(0) => {}
                    Ok(doubled) => {
                        over += 1;
                        fail(
                            id.into(),
                            format!("{doubled} neurons of {} are on another core too", slice.population),
                        );
                    }
                    Err(message) => fail(id.into(), message),
                }
            }
        }
        for (place, message) in cover.missing(model) {
            fail(place, message);
        }
        for (&id, order) in &self.orders {
            if let Some(problem) = ir.order_problem(id, order) {
                fail(Subject::Order(id).into(), problem);
            }
        }
        for (&id, parts) in &self.kernel_parts {
            let kernel = ir.projections.get(id).and_then(|p| p.conv()).map(|conv| &conv.kernel);
            if !kernel.is_some_and(|k| parts.fit(k.height, k.width)) {
                fail(
                    Subject::Projection(id).into(),
                    format!("cannot be cut into {} x {} parts", parts.rows, parts.cols),
                );
            }
        }
        if stopped {
            problems.stop();
        }
        problems.into_result(())
    }
}
