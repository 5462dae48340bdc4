//! From the spiking IR to a program, in this order: [`activity`] (spikes that are expected), [`partition`] (which
//! neurons share a core), [`build`] (memories and axons of the cores), [`traffic`] (packets between cores), [`place`]
//! (where cores sit), [`route`] (multicast trees and tables), [`estimate`] (time and energy to expect), [`report`].
//!
//! [`Partition`] and [`Placement`] are plain values with verifiers of their own, so that any author's can be built.
//! Nothing here changes a weight or a threshold; a limit exceeded is an error, never a warning.

pub mod activity;
pub mod build;
pub mod effort;
pub mod estimate;
pub mod flows;
pub mod hypergraph;
pub mod interchange;
pub mod observer;
pub mod partition;
pub mod place;
pub mod report;
pub mod route;
pub mod traffic;

pub use activity::{Activity, RecordedPhase};
pub use build::build_cores;
pub use observer::MappingObserver;
pub use partition::Partition;
pub use place::Placement;
