//! Partitioning of hypergraphs: which vertices share a block, under limits, with the fewest packets.
//!
//! A net is a source of spikes with everything it reaches. Objective: the sum over nets of weight x (lambda - 1),
//! lambda being the number of blocks that a net touches ("km1"): a spike costs one packet for each other core.
//! [`graph`] is the problem, [`limits`] what a block may hold, [`multilevel`] the algorithm. [`hgr`] reads and writes
//! the hMETIS format;
//! [`from_ir`] makes the hypergraph of a network and turns blocks back into cores.
//!
//! No target is known here, and no file but in [`hgr`]. Integers decide, the generators are seeded, and independent
//! tries are compared in their order, so a result depends on the seed alone, not on the number of threads.

pub mod from_ir;
pub mod graph;
pub mod hgr;
pub mod limits;
pub mod multilevel;
#[cfg(test)]
mod testing;

pub use graph::{BlockId, Hypergraph, Incidence, NetId, SharedResource, VertexId};
pub use limits::Limits;
pub use multilevel::{Blocks, HypergraphOptions, Solution, partition, partition_observed};
