//! From a trained network to a core-mapped integer program.
//!
//! Data flows one way, and the folders follow it:
//! [`weights`] (tensors from files) -> [`frontend`] (model.ron) -> [`graph`] (layer graph, float, made of the kinds in
//! [`layers`]) -> [`passes`] (their order and its reasons: [`passes::pipeline`]) -> [`ir::spiking`] (integers, knows no
//! core) -> [`mapping`] (partition, build, place, route) -> [`ir::program`] (core-mapped, what a `.snnx` file holds).
//! [`workload`] tells the passes how a model will be driven. [`neuron`] says what trained neurons do in a timestep.
//! [`mod@reference`] interprets the layer graph in f64: the oracle for everything behind it;
//! [`event_driven`] gives the same bits in less time.
//!
//! Invariants: no stage changes or reruns what an earlier one made; the [`driver`] verifies after every stage; nothing
//! ever holds the unrolled synapses of a convolution.

// What there is to say, the command says.
#![cfg_attr(not(test), deny(clippy::print_stdout, clippy::print_stderr))]

pub mod driver;
pub mod event_driven;
pub mod frontend;
pub mod graph;
pub mod ir;
pub mod layers;
pub mod mapping;
pub mod neuron;
pub mod passes;
mod random;
pub mod reference;
pub mod weights;
pub mod workload;
