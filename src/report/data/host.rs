//! What the host computes beside the chip.

use serde::{Deserialize, Serialize};
use snnc_compiler::ir::spiking::HostWork;

/// What the host computes beside the chip. Timed and charged where the target gives `host_multiply_add`; its words
/// are in `totals.host_writes` and `host_reads`.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Host {
    /// Multiply-adds of the whole run.
    pub multiply_adds: u64,
    /// Rows of tables looked up in the whole run.
    pub lookups: u64,
    /// By layer and task.
    pub tasks: Vec<HostLayer>,
}

/// A task of the host for one layer.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct HostLayer {
    /// What is computed, for which layer, and its operations in a pass.
    #[serde(flatten)]
    pub work: HostWork,
    /// Passes of its network.
    pub passes: u64,
    /// Multiply-adds of all passes.
    pub multiply_adds: u64,
}
