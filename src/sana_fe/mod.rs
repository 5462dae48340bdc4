//! A mapped network for SANA-FE 2.2.9: its architecture and network files, for people who compare.
//!
//! Every synapse is an edge of its own there, so large programs are refused. What SANA-FE cannot hold is refused by
//! name; what it holds but does otherwise is told as a note: it updates all neurons in all timesteps, whatever their
//! windows, and knows no widths. Its soma `leaky_integrate_fire` cuts potentials to multiples of 1/64 toward zero,
//! which with our membranes divided by 64 is our rule.

mod architecture;
mod network;

use std::path::Path;

use snnc_compiler::ir::NetworkId;
use snnc_compiler::ir::program::Program;
use snnc_targets::output::{ResultSet, write_atomic};
use snnc_targets::schema::{InputAxonKind, RoutingScheme};
use snnc_targets::{Code, Diagnostic, Subject};

/// Most edges: SANA-FE takes about 750 bytes for each.
pub const EDGES_MAX: u64 = 2_000_000;

/// Names of the files.
const FILES: [&str; 2] = ["arch.yaml", "network.yaml"];

/// The files, and what they do not say.
#[derive(Debug)]
pub struct SanaFe {
    /// `arch.yaml`.
    pub architecture: String,
    /// `network.yaml`, with its mapping.
    pub network: String,
    /// Synapses, each an edge.
    pub edges: u64,
    /// Neurons, inputs among them.
    pub neurons: u64,
    /// Timesteps to simulate.
    pub timesteps: u32,
    /// What SANA-FE does otherwise.
    pub notes: Vec<String>,
}

/// Describes one network of a program with its input `[c, h, w]`, or `[t, c, h, w]` spikes, as the chip is given it.
///
/// # Errors
/// [`Code::Unsupported`] naming what SANA-FE cannot hold, or too many synapses; [`Code::Argument`] for an input that
/// is missing or of another length.
pub fn describe(program: &Program, network: NetworkId, input: Option<&[f64]>) -> Result<SanaFe, Diagnostic> {
    let target = &program.target;
    let lacks = |message: &str| {
        Err(Diagnostic::new(Code::Unsupported, Subject::target(&target.name), message)
            .hint("loihi-like-sanafe is SANA-FE's own Loihi"))
    };
    if target.topology.routing.get() != RoutingScheme::Unicast {
        return lacks("forks packets, SANA-FE sends one message for each destination core");
    }
    if matches!(target.axons.input.get(), InputAxonKind::BitPlanes { .. }) {
        return lacks("stores weights as bits of a crossbar, SANA-FE has whole weights");
    }
    if program.chips > 1 {
        return lacks(&format!("has {} chips here, SANA-FE models one", program.chips));
    }
    let mut notes = Vec::new();
    let described = network::describe(program, network, input, &mut notes)?;
    Ok(SanaFe {
        architecture: architecture::describe(target, described.inputs, &mut notes),
        network: described.text,
        edges: described.edges,
        neurons: described.neurons,
        timesteps: program.model.populations_of(network).map(|(_, p)| p.window.end()).max().unwrap_or(0),
        notes,
    })
}

/// Writes the two files of a description into a folder, whole or not at all.
///
/// # Errors
/// [`Code::OutputFailed`].
pub fn write(folder: &Path, architecture: &str, network: &str) -> Result<(), Diagnostic> {
    let is_export = |name: &str| FILES.contains(&name);
    let set = ResultSet::begin(folder, "snnc export", is_export)?;
    for (name, text) in FILES.into_iter().zip([architecture, network]) {
        write_atomic(&set.place(name)?, text.as_bytes())?;
    }
    set.commit()
}
