//! Multilevel partitioning of hypergraphs: which vertices share a block, under limits, with the fewest packets.
//!
//! A net is a source of spikes with everything it reaches. Objective: the sum over nets of weight x (lambda - 1),
//! lambda being the number of blocks a net touches ("km1"): a spike costs one packet per other core. Flow:
//! [`graph`] (the problem) -> [`coarsen`] (clusters of vertices that belong together) -> [`initial`] (greedy growth
//! on the coarsest level) -> [`anneal`] and [`sweep`] on every level back to the finest, then further cycles that
//! coarsen within blocks only. [`state`] keeps the counts that make a move's price cheap. [`hgr`] reads and writes
//! the hMETIS format; [`from_ir`] makes the hypergraph of a network and turns blocks back into cores.
//!
//! Pure algorithms: no target, no file but in [`hgr`]. Integers decide, the generators are seeded, and independent
//! tries are compared in their order, so a result depends on the seed alone, not on the number of threads.

pub mod anneal;
pub mod coarsen;
pub mod counts;
pub mod from_ir;
pub mod graph;
pub mod hgr;
pub mod initial;
pub mod limits;
pub mod multilevel;
mod random;
pub mod repair;
pub mod state;
pub mod sweep;
#[cfg(test)]
mod testing;
#[cfg(test)]
mod tests;

pub use graph::{Block, Cover, Hypergraph, Incidence, Net, Vertex};
pub use limits::Limits;
pub use multilevel::{Blocks, Options, Solution, partition};
