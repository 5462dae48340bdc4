//! What the compiler hands to the simulator: shapes, geometry, the spiking IR and the program.
//!
//! This is the only room of the compiler that the simulator may enter. It knows no file format of trained
//! networks, no float layer and no search.

pub mod channels;
pub mod components;
pub mod geometry;
pub mod program;
pub mod shape;
pub mod spiking;
pub mod text;
mod warnings;
pub mod workload;

pub use geometry::{AxisMap, ConvMap};
pub use shape::Shape;

snnc_targets::entity! {
    /// A network of a model.
    NetworkId "net",
    /// A population of neurons.
    PopulationId "pop",
    /// A projection between two populations.
    ProjectionId "proj",
    /// A logical core of a program; [`snnc_targets::Site`] is a physical one.
    CoreId "core",
}
