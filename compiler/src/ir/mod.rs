//! What the compiler hands to the simulator: shapes, geometry, the spiking IR and the program.
//!
//! This is the only room of the compiler that the simulator may enter. It knows no file format of trained
//! networks, no float layer and no search.

pub mod channels;
pub mod components;
pub mod geometry;
pub mod program;
pub mod shape;
pub mod spike_source;
pub mod spiking;
pub mod text;
mod warnings;
pub mod workload;

pub use geometry::{AxisMap, ConvMap};
pub use shape::Shape;
pub use snnc_targets::ids::{CoreId, NetworkId, PopulationId, ProjectionId};
