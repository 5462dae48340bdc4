//! The integration tests of the compiler, as one program: a file for each subject.

mod balance;
mod common;
mod event_driven;
mod fill;
mod folded;
mod folding;
mod groups;
mod hypergraph;
mod import;
mod interchange;
mod layer_cores;
mod load;
mod lowering;
mod mappings;
mod random;
mod random_cases;
mod round_trips;
mod support;
mod weight_layers;
mod weights;
