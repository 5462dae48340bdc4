//! Loops that are shorter in the network than on the chip, run with the chip's delays if that is asked for.
//!
//! On the chip a spike takes a timestep from layer to layer, so a loop over k layers of neurons takes k timesteps. A
//! network whose `Delay`s leave fewer has no such form ([`super::schedule`] refuses it). Where the chip's delays are
//! accepted, kernels that close a short loop are made late by as many timesteps as it lacks, and by no more: what comes
//! back through it acts later than in the trained network, and nothing else changes. Each such loop is told.

use std::borrow::Cow;
use std::fmt;

use super::collect::Collected;
use super::schedule::{self, ShortLoop};

/// Name of the pass.
pub const NAME: &str = "accept-feedback";
/// What it does.
pub const DESCRIPTION: &str = "makes feedback as late as the chip's loops are long, if that is asked for";

/// A loop whose feedback is later than in the trained network.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LongerLoop {
    /// Name of the network.
    pub network: String,
    /// Names of its layers, in the order in which spikes pass them.
    pub layers: Vec<String>,
    /// Timesteps around it in the trained network.
    pub trained: u32,
    /// Timesteps around it on the chip.
    pub chip: u32,
}

impl fmt::Display for LongerLoop {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let layers: Vec<String> = self.layers.iter().map(|layer| format!("\"{layer}\"")).collect();
        write!(
            f,
            "network {}: spikes take {} timesteps around the loop through {}, as the chip does; {} in the \
             trained network",
            self.network,
            self.chip,
            layers.join(", "),
            self.trained
        )
    }
}

/// The network with loops that the chip can run, if its delays are accepted; else as it is.
pub fn run(network: &Collected, accepted: bool) -> Cow<'_, Collected> {
    match accepted && schedule::least_starts(network).is_err() {
        true => Cow::Owned(lengthened(network.clone()).0),
        false => Cow::Borrowed(network),
    }
}

/// The loops of a network that are longer on the chip.
pub fn longer_loops(network: &Collected) -> Vec<LongerLoop> {
    lengthened(network.clone()).1
}

/// Makes kernels late until every loop has a timestep a layer.
fn lengthened(mut network: Collected) -> (Collected, Vec<LongerLoop>) {
    let mut told = Vec::new();
    while let Err(short) = schedule::least_starts(&network) {
        // A loop without any delay is no network; the schedule names it.
        let Some(closing) = short.edges.iter().position(|edge| edge.delay > 0) else { break };
        let (needed, edge) = (short.edges.len() as u32 - short.given(), &short.edges[closing]);
        let least = edge.delay + needed;
        let kernels = &mut network.layers[edge.target].sources;
        for kernel in kernels.iter_mut().filter(|kernel| kernel.source == edge.source) {
            kernel.delay = kernel.delay.max(least);
        }
        told.push(of(&network, &short));
    }
    (network, told)
}

fn of(network: &Collected, short: &ShortLoop) -> LongerLoop {
    LongerLoop {
        network: network.network.clone(),
        layers: short.edges.iter().map(|edge| network.layers[edge.source].name.clone()).collect(),
        trained: short.given(),
        chip: short.edges.len() as u32,
    }
}
