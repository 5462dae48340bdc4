//! The mapper's parts by themselves, for mapping research: placement of anybody's traffic, partitioning of any
//! hypergraph.

pub mod partition;
pub mod place;
