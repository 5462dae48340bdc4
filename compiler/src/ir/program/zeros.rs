//! Synapses of weight 0 in the lists of a program, for targets whose formats leave them out
//! ([`snnc_targets::schema::ZeroWeights`]).
//!
//! A program holds kernels whole whatever the target: results do not depend on zeros, and lists say the targets of many
//! source channels at once. What a chip stores and does without zeros is what the list says less these counts, by
//! source channel.

use super::{AxonEntry, Core, InputAxon, Program, SynapseList};
use crate::ir::CoreId;

/// Synapses of weight 0 of each source channel of a core's lists.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CoreZeros(Vec<Box<[u32]>>);

impl CoreZeros {
    /// Of a core's lists. Linear in weights times the variants of borders that read them.
    pub fn new(core: &Core) -> Self {
        let of_source = |list: &SynapseList, source: u32| {
            let (row, _) = list.row(source);
            let zeros = list.runs.iter().map(|run| {
                let first = (row + run.weight) as usize;
                core.weights.slice(first..first + run.len as usize).zeros()
            });
            zeros.sum::<usize>() as u32
        };
        let of_list = |list: &SynapseList| {
            let sources = list.first_atom..list.first_atom + list.atoms;
            sources.map(|source| of_source(list, source)).collect()
        };
        Self(core.lists.iter().map(of_list).collect())
    }

    /// Zeros of each source channel of a list, from the list's first one on.
    pub fn of_list(&self, list: u32) -> &[u32] {
        &self.0[list as usize]
    }

    /// Zeros that a spike of an axon's atom meets in one slice.
    pub fn met(&self, core: &Core, entry: &AxonEntry, source: u32) -> u32 {
        self.0[entry.list as usize][(source - core.lists[entry.list as usize].first_atom) as usize]
    }

    /// Zeros that spikes of all atoms of an axon meet.
    pub fn met_by_all(&self, core: &Core, axon: &InputAxon) -> u64 {
        let sources = axon.first_atom..axon.first_atom + axon.atoms;
        let entries = core.entries(axon).iter();
        entries.flat_map(|entry| sources.clone().map(|source| u64::from(self.met(core, entry, source)))).sum()
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.0.iter().all(|list| list.iter().all(|&zeros| zeros == 0))
    }
}

/// The zeros of all cores of a program, whose target leaves them out.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SkippedZeros(Vec<CoreZeros>);

impl SkippedZeros {
    /// None where the target stores zeros, or there are none.
    pub fn of(program: &Program) -> Option<Self> {
        if !program.target.skips_zeros() {
            return None;
        }
        let zeros = Self(program.cores.values().map(CoreZeros::new).collect());
        (!zeros.0.iter().all(CoreZeros::is_empty)).then_some(zeros)
    }

    /// Those of a core.
    pub fn on(&self, core: CoreId) -> &CoreZeros {
        &self.0[core.0 as usize]
    }
}
