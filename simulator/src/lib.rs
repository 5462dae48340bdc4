//! Runs a core-mapped program: execute, time, charge, and the host loop around them.
//!
//! Three layers over one run: [`execute`] gives the spikes and [`counts`]; [`time`] turns counts into picoseconds;
//! [`charge`] turns counts and time into attojoules. Removing a later one changes nothing in an earlier one. The
//! [`host`] loop drives either the chip or the float reference through [`host::Stepper`].
//! Of the compiler only `ir` is used.

// What there is to say, the command says.
#![cfg_attr(not(test), deny(clippy::print_stdout, clippy::print_stderr))]

mod bits;
pub mod charge;
pub mod counts;
pub mod execute;
pub mod host;
pub mod network;
pub mod neuron;
pub mod time;
