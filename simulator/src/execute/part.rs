//! A pass in parts: so many timesteps together, and what goes from one part to the next.
//!
//! Long passes would take memory for each timestep. In parts they take that of one part: state of the neurons, and the
//! spikes of the last timesteps, as far back as delays reach, are all that a part needs of those before it. Results and
//! counts are those of the whole pass. Parts are cut only where every population of the network is within its window,
//! so none but the first holds the beginning of a window, and none but the last its end.
//!
//! Where state is kept between passes ([`Carry::kept`]) a pass goes on from the one before it in the same way: each
//! population from the state in which its window ended. Spikes that arrived behind a window are counted in the pass
//! that sent them, as ever, and act in the next one: what they bring waits in front of its target until that is updated
//! again. Read-outs begin anew, as they are of one pass.

use std::ops::Range;

use snnc_compiler::ir::NetworkId;

use super::Chip;
use super::kernels::LANES;
use super::pass::Written;
use super::spikes::SpikeBits;

/// Bytes that the counts and spikes of a part may take, roughly.
const PART_BYTES: usize = 1 << 22;
/// Fewest timesteps of a part that is cut without being asked for.
const PART_MIN: usize = 256;
/// Most timesteps of a part.
const PART_MAX: usize = 8192;
/// Bytes of a membrane that is recorded in a timestep.
const MEMBRANE_BYTES: usize = 4;
/// Bytes of a slice's counts in a timestep, with some of its packets' flows.
const SLICE_BYTES: usize = 160;

/// Timesteps of a pass that run together.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PassPart {
    /// The first.
    pub start: u32,
    /// One past the last.
    pub end: u32,
    /// Whether the pass ends with them.
    pub ends: bool,
}

/// What a part of a pass leaves to the next, or a pass to the next one. Nothing before the first.
#[derive(Debug, Clone, Default)]
pub struct Carry {
    /// Whether the end of a pass leaves its state, too.
    pub(super) keeps: bool,
    /// Threads that populations were cut for.
    pub(super) threads: Option<usize>,
    /// What the host wrote before the pass.
    pub(super) written: Option<Written>,
    /// By population: its last spikes.
    pub(super) spikes: Vec<Option<SpikeBits>>,
    /// By population and part of its fused slices: words of state.
    pub(super) states: Vec<Vec<Vec<[i32; LANES]>>>,
}

impl Carry {
    /// What a network's first pass begins from if state is kept from each pass to the next.
    pub fn kept() -> Self {
        Self { keeps: true, ..Self::default() }
    }
}

impl Chip {
    /// Cuts passes into parts of so many timesteps, as long as the chip would choose itself if 0. Results do not depend
    /// on it.
    #[must_use]
    pub fn in_parts(mut self, steps: u32) -> Self {
        self.part_steps = steps;
        self
    }

    /// The parts in which a pass of a network runs: one for passes of few timesteps.
    pub fn parts(&self, network: NetworkId) -> Vec<PassPart> {
        let model = &self.program.model;
        let end = model.networks[network].pass_steps;
        let populations = || model.populations_of(network).map(|(_, population)| population);
        // Timesteps before which a part may end.
        let first = populations().map(|p| p.window.start + 1).max().unwrap_or(0);
        let last = populations().map(|p| p.window.end() - 1).min().unwrap_or(0);
        let watched = model.populations_of(network).filter(|(id, _)| self.watches(*id));
        let watched: usize = watched.map(|(_, p)| p.shape.len() * MEMBRANE_BYTES).sum();
        let steps = self.part_steps(populations().map(|p| p.shape.len()).sum::<usize>() + watched);
        let cuts = (steps..end).step_by(steps as usize).filter(|cut| (first..=last).contains(cut));
        let mut bounds: Vec<u32> = std::iter::once(0).chain(cuts).collect();
        bounds.push(end);
        let part = |bounds: &[u32]| PassPart { start: bounds[0], end: bounds[1], ends: bounds[1] == end };
        bounds.windows(2).map(part).collect()
    }

    /// Timesteps of a part whose neurons take so many bytes in each.
    fn part_steps(&self, neurons: usize) -> u32 {
        if self.part_steps > 0 {
            return self.part_steps;
        }
        let each = self.table.len() * SLICE_BYTES + neurons;
        (PART_BYTES / each.max(1)).clamp(PART_MIN, PART_MAX) as u32
    }

    /// The whole pass of a network as one part.
    pub(super) fn whole(&self, network: NetworkId) -> PassPart {
        let Range { start, end } = 0..self.program.model.networks[network].pass_steps;
        PassPart { start, end, ends: true }
    }
}
