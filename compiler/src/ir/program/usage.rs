//! How much of each limit a core uses, by the target's own accounting: for the verifier and the mapping report. The
//! partitioners predict these numbers without building a core.

use std::collections::{BTreeSet, HashSet};
use std::fmt;

use derive_more::AddAssign;
use snnc_targets::Target;
use snnc_targets::schema::{AxonSpec, KernelSharing};

use super::zeros::CoreZeros;
use super::{AxonEntry, Core, CoreSlice, Program, Slice, SynapseList};
use crate::ir::CoreId;
use crate::ir::spiking::SpikingModel;

/// A limit of a core.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Limit {
    /// Neurons.
    Neurons,
    /// Input axons.
    InputAxons,
    /// Output axon slots.
    OutputAxons,
    /// Synapse memory in bits.
    SynapseMemory,
    /// Distinct thresholds.
    ThresholdProfiles,
}

impl Limit {
    /// All limits.
    pub const ALL: [Self; 5] =
        [Self::Neurons, Self::InputAxons, Self::OutputAxons, Self::SynapseMemory, Self::ThresholdProfiles];

    /// The target's value, if it limits this.
    pub fn of(self, target: &Target) -> Option<u64> {
        let core = &target.core;
        match self {
            Self::Neurons => Some(core.neurons.get().into()),
            Self::InputAxons => Some(core.input_axons_max()),
            Self::OutputAxons => Some(core.output_axons.get().into()),
            Self::SynapseMemory => Some(core.synapse_memory_bits.get()),
            Self::ThresholdProfiles => core.threshold_profiles.as_ref().map(|p| p.get().into()),
        }
    }
}

impl fmt::Display for Limit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Neurons => "neurons",
            Self::InputAxons => "input axons",
            Self::OutputAxons => "output axons",
            Self::SynapseMemory => "synapse memory (bits)",
            Self::ThresholdProfiles => "threshold profiles",
        })
    }
}

/// A limit that a core exceeds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct LimitExceeded {
    /// The limit.
    pub limit: Limit,
    /// What the core uses of it.
    pub used: u64,
    /// What a core has of it.
    pub most: u64,
}

impl LimitExceeded {
    /// `None` if `used` keeps the limit.
    pub fn check(limit: Limit, used: u64, most: u64) -> Option<Self> {
        (used > most).then_some(Self { limit, used, most })
    }
}

/// What a core uses of each limit.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, AddAssign)]
pub struct CoreUsage {
    /// Neurons: copies counted, and merged ones as many times as they are merged.
    pub neurons: u64,
    /// Input axons.
    pub input_axons: u64,
    /// Output axon slots.
    pub output_axons: u64,
    /// Synapse memory in bits.
    pub synapse_bits: u64,
    /// Distinct thresholds.
    pub threshold_profiles: u64,
}

impl CoreUsage {
    /// Use of one limit.
    pub fn get(&self, limit: Limit) -> u64 {
        match limit {
            Limit::Neurons => self.neurons,
            Limit::InputAxons => self.input_axons,
            Limit::OutputAxons => self.output_axons,
            Limit::SynapseMemory => self.synapse_bits,
            Limit::ThresholdProfiles => self.threshold_profiles,
        }
    }

    /// The limits of a target that it exceeds.
    pub fn exceeded(&self, target: &Target) -> impl Iterator<Item = LimitExceeded> {
        Limit::ALL
            .into_iter()
            .filter_map(move |limit| LimitExceeded::check(limit, self.get(limit), limit.of(target)?))
    }

    /// The first of some limits that it exceeds, where a core has so `most` of each.
    pub fn first_beyond(
        &self,
        most: &Self,
        limits: impl IntoIterator<Item = Limit>,
    ) -> Option<LimitExceeded> {
        limits.into_iter().find_map(|limit| LimitExceeded::check(limit, self.get(limit), most.get(limit)))
    }
}

/// Synapse memory of lists in bits: `lists` headers and `synapses` synapses.
pub fn list_bits(target: &Target, lists: u64, synapses: u64) -> u64 {
    let s = &target.synapses;
    // Saturating: a file from elsewhere must not wrap its way under a limit.
    let headers = lists.saturating_mul(s.header_bits_per_list.get().into());
    headers.saturating_add(synapses.saturating_mul(u64::from(s.weight_bits.get() + s.index_bits.get())))
}

impl Program {
    /// Use of a core's limits.
    pub fn core_use(&self, core: CoreId) -> CoreUsage {
        let noted = self.held.as_ref().and_then(|held| held.usage(core));
        noted.unwrap_or_else(|| core_use(&self.cores[core], &self.target, &self.model))
    }
}

/// Use of a core's limits.
pub fn core_use(core: &Core, target: &Target, model: &SpikingModel) -> CoreUsage {
    let axons = &target.axons;
    let input_axons = core.axons.iter().map(|a| u64::from(axons.input_axons(a.atoms))).sum();
    CoreUsage {
        neurons: neurons(core, axons).saturating_mul(target.core.merged(input_axons)),
        input_axons,
        output_axons: core
            .slices
            .iter()
            .map(|s| (s.destinations.len() as u64).saturating_mul(axons.output_slots(s.slice.atoms()).into()))
            .fold(0, u64::saturating_add),
        synapse_bits: synapse_bits(core, target),
        threshold_profiles: thresholds(core, model).len() as u64,
    }
}

/// Neurons of a core, copies included.
fn neurons(core: &Core, axons: &AxonSpec) -> u64 {
    let slice = |placed: &CoreSlice| {
        let copies = |fan: &[u32]| u64::from(axons.copies(fan[1] - fan[0]));
        let positions: u64 = placed.route_starts.windows(2).map(copies).sum();
        positions.saturating_mul(placed.slice.atoms().into())
    };
    core.slices.iter().map(slice).fold(0, u64::saturating_add)
}

/// Synapse memory under the target's sharing rule, in bits. Copies of a neuron hold the same bits again, but only in
/// crossbars, whose memory is a bit for each axon and neuron and so cannot bind before these do.
fn synapse_bits(core: &Core, target: &Target) -> u64 {
    let skips = target.skips_zeros();
    let zeros = skips.then(|| CoreZeros::new(core));
    match target.synapses.kernel_sharing.get() {
        KernelSharing::PerVariant => shared_bits(core, zeros.as_ref(), target),
        KernelSharing::Ideal => {
            // One list per source channel, projection and tile of positions, whatever its variants.
            let key = |list: &SynapseList| {
                let Slice { rows, cols, .. } = &core.slices[list.slice as usize].slice;
                let tile = [rows.start, rows.end, cols.start, cols.end];
                (list.projection, tile, list.first_atom, list.atoms)
            };
            let sets: BTreeSet<_> = core.lists.iter().map(key).collect();
            let lists = sets.iter().map(|&(.., atoms)| u64::from(atoms)).fold(0, u64::saturating_add);
            let stored = core.weights.iter().filter(|&weight| !skips || weight != 0).count();
            list_bits(target, lists, stored as u64)
        }
        KernelSharing::Unshared => core
            .axons
            .iter()
            .map(|axon| {
                let lists = core.entries(axon).iter().map(|entry| &core.lists[entry.list as usize]);
                let synapses = lists.map(SynapseList::synapses).fold(0, u64::saturating_add);
                let atoms = u64::from(axon.atoms);
                let left_out = zeros.as_ref().map_or(0, |zeros| zeros.met_by_all(core, axon));
                list_bits(target, atoms, atoms.saturating_mul(synapses) - left_out)
            })
            .fold(0, u64::saturating_add),
    }
}

/// Synapse memory where sources with the same relative synapses share a list: what an axon touches, relative to its
/// first target, is stored once however many axons touch it. A list that no axon names takes its place all the same.
fn shared_bits(core: &Core, zeros: Option<&CoreZeros>, target: &Target) -> u64 {
    let relative = |entries: &[AxonEntry]| -> Vec<(u32, u32)> {
        entries.iter().map(|e| (e.list, e.target.wrapping_sub(entries[0].target))).collect()
    };
    let mut stored: HashSet<Vec<(u32, u32)>> =
        core.axons.iter().map(|axon| relative(core.entries(axon))).collect();
    let named: HashSet<u32> = core.entries.iter().map(|e| e.list).collect();
    stored.extend((0..core.lists.len() as u32).filter(|list| !named.contains(list)).map(|l| vec![(l, 0)]));
    let synapses = |list: u32| {
        let of_all =
            u64::from(core.lists[list as usize].atoms).saturating_mul(core.lists[list as usize].synapses());
        of_all - zeros.map_or(0, |zeros| zeros.of_list(list).iter().map(|&zeros| u64::from(zeros)).sum())
    };
    let bits = |sequence: &Vec<(u32, u32)>| {
        let lists = sequence.iter().map(|&(list, _)| list);
        let atoms = lists.clone().map(|list| u64::from(core.lists[list as usize].atoms)).max().unwrap_or(0);
        list_bits(target, atoms, lists.map(synapses).fold(0, u64::saturating_add))
    };
    // A sum: the set's order does not matter.
    stored.iter().map(bits).fold(0, u64::saturating_add)
}

/// Distinct threshold mantissas of a core's firing neurons.
fn thresholds(core: &Core, model: &SpikingModel) -> BTreeSet<u32> {
    let mut all = BTreeSet::new();
    for placed in &core.slices {
        let slice = &placed.slice;
        let thresholds = model.populations[slice.population].dynamics.thresholds();
        let own = slice.channels.start as usize..slice.channels.end as usize;
        all.extend(thresholds.get(own).unwrap_or_default());
    }
    all
}
