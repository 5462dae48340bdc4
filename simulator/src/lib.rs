//! Runs a core-mapped program: execute, time, charge, and the workload that drives them.
//!
//! Three layers over one run: [`execute`] gives the spikes and [`counts`]; [`time`] turns counts into picoseconds;
//! [`charge`] turns counts and time into attojoules. Removing a later one changes nothing in an earlier one. A
//! [`workload`] says what goes in before a pass and is told what came out, by the chip or another driver.
//! Of the compiler only `ir` is used.

// What there is to say, the command says.
#![cfg_attr(not(test), deny(clippy::print_stdout, clippy::print_stderr))]

mod bits;
pub mod charge;
pub mod counts;
pub mod exchange;
pub mod execute;
pub mod neuron;
pub mod noc;
pub mod philox;
pub mod spike_train;
pub mod time;
pub mod workload;
