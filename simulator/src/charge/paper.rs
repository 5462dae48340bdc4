//! The energy figure of SNN papers, for comparison with them: operations times 45 nm arithmetic, nothing else.
//!
//! 0.9 pJ per accumulate (32-bit float addition) and 4.6 pJ per multiply-accumulate (Horowitz, ISSCC 2014). Synaptic
//! operations count as accumulates; the first, direct-coded layers count their dense multiply-accumulates. Papers
//! differ on whether those count once or in every timestep: their input is constant, so here once a pass. No memory,
//! no network, no static power: far below what a chip spends.

use snnc_compiler::ir::NetworkId;
use snnc_compiler::ir::program::Program;
use snnc_compiler::ir::spiking::HostStage;
use snnc_compiler::ir::{AxisMap, ConvMap};

/// Joules per accumulate: 32-bit float addition at 45 nm (Horowitz 2014).
pub const ACCUMULATE_J: f64 = 0.9e-12;

/// Joules per multiply-accumulate: 32-bit float at 45 nm, 3.7 + 0.9 pJ (Horowitz 2014).
pub const MULTIPLY_ACCUMULATE_J: f64 = 4.6e-12;

/// Both terms and their counts.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct PaperFigure {
    /// Synaptic operations.
    pub accumulates: u64,
    /// Multiply-accumulates of the layers that the host computes, dense, once a pass.
    pub multiply_accumulates: u128,
}

impl PaperFigure {
    /// Joules of the accumulates.
    pub fn accumulate_j(&self) -> f64 {
        self.accumulates as f64 * ACCUMULATE_J
    }

    /// Joules of the multiply-accumulates.
    pub fn multiply_accumulate_j(&self) -> f64 {
        self.multiply_accumulates as f64 * MULTIPLY_ACCUMULATE_J
    }

    /// Joules.
    pub fn total_j(&self) -> f64 {
        self.accumulate_j() + self.multiply_accumulate_j()
    }
}

/// Dense multiply-accumulates of one pass of a network's host-computed convolutions: positions x taps x channels,
/// padding included, as papers count (a transposed convolution by its input's positions).
pub fn host_macs(program: &Program, network: NetworkId) -> u128 {
    let model = &program.model;
    let inputs = model.inputs.iter().filter(|input| model.populations[input.population].network == network);
    inputs.flat_map(|input| &input.stages).map(stage_macs).sum()
}

fn stage_macs(stage: &HostStage) -> u128 {
    match stage {
        HostStage::Embedding { .. } => 0,
        HostStage::Conv { map: ConvMap { rows, cols }, channels, .. } => {
            axis_macs(rows) * axis_macs(cols) * channels.pairs() as u128
        }
    }
}

fn axis_macs(axis: &AxisMap) -> u128 {
    let positions = if axis.transposed { axis.input } else { axis.output };
    positions as u128 * axis.kernel as u128
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::noc::fixture::program;

    #[test]
    fn dense_macs_include_padding() {
        let program = program();
        assert_eq!(host_macs(&program, NetworkId(0)), 4 * 9 * 2 * 4);
        assert_eq!(host_macs(&program, NetworkId(1)), 0);
    }

    #[test]
    fn the_figure_has_both_terms() {
        let figure = PaperFigure { accumulates: 1_000_000_000, multiply_accumulates: 1_000_000 };
        assert!((figure.total_j() - (0.9e-3 + 4.6e-6)).abs() < 1e-15);
    }
}
