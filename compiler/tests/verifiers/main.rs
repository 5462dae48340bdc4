//! One negative test for every rule of the verifiers, and the text and file forms that must round-trip.

#[path = "../common/mod.rs"]
mod common;
mod files;
mod groups;
mod program;
mod spiking_ir;
mod support;
mod synapses;

use common::network;
use support::program;

#[test]
fn the_unbroken_values_pass() {
    network().verify().unwrap();
    program().verify().unwrap();
    program().verify_against(&network()).unwrap();
    assert!(program().cores.len() > 6);
}
