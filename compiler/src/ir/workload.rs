//! What drives a compiled program, as the program carries it: names of roles and numbers, without their meaning.
//!
//! The compiler writes it ([`crate::workload`]); who runs the program reads it and checks that roles, shapes and
//! numbers are those of the kind that it knows. Here only what holds for every kind is checked.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::NetworkId;

/// A kind of workload with its networks and numbers.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct WorkloadSpec {
    /// Which workload it is, for example `generation`.
    pub kind: String,
    /// Its networks by role, for example `denoiser`.
    pub networks: BTreeMap<String, DrivenNetwork>,
    /// Its numbers by name, for example `temperature`. Finite.
    pub numbers: BTreeMap<String, f64>,
}

/// A network and what it is fed.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct DrivenNetwork {
    /// The network.
    pub network: NetworkId,
    /// Least and largest value of each input channel.
    pub ranges: Vec<(f64, f64)>,
}

impl WorkloadSpec {
    /// What is wrong with it in a model of `networks` networks, as sentences.
    pub(super) fn problems(&self, networks: usize) -> Vec<String> {
        let mut problems = Vec::new();
        let names = self.networks.keys().chain(self.numbers.keys()).chain([&self.kind]);
        problems.extend(
            names
                .filter(|name| name.is_empty() || name.chars().any(char::is_control))
                .map(|name| format!("{name:?} is no printable name")),
        );
        for (role, driven) in &self.networks {
            if driven.network.0 as usize >= networks {
                problems.push(format!("the {role} is {}, which does not exist", driven.network));
            }
            if !driven.ranges.iter().all(|(low, high)| low.is_finite() && high.is_finite() && low <= high) {
                problems.push(format!("the {role}'s input ranges must be finite and ascending"));
            }
        }
        let odd = self.numbers.iter().filter(|(_, number)| !number.is_finite());
        problems.extend(odd.map(|(name, number)| format!("{name} is {number}, expected a finite number")));
        problems
    }
}
