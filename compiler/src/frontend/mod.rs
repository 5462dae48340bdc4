//! From files to layer graphs.
//!
//! [`model`] is `model.ron` as written, [`load()`] reads it with its weight files and builds one checked
//! [`Graph`](crate::graph::Graph) per network, [`import()`] writes it from the checkpoints of the Spiking-Diffusion
//! authors, [`fill()`] fills a description of any network with a state dict, a [`Description`] is a model that another
//! program holds in memory. [`Origin`] knows where each part stands in the file, for whoever refuses it later.
//!
//! Invariants: a [`LoadedModel`] names only layers and networks that exist, every layer has the inputs that its
//! operation needs and tensors that agree with each other, and every loop goes through a delay. Whether the layers'
//! *maps* fit
//! each other is said by shape inference, in [`crate::graph`].

mod build;
mod description;
mod features;
mod fill;
pub mod import;
mod load;
pub mod model;
pub mod nir;
mod origin;
mod read;
mod variant;

pub use description::Description;
pub use fill::{FillSummary, fill};
pub use import::{ImportSummary, import};
pub use load::{LoadedModel, files_of, load};
pub use origin::Origin;
