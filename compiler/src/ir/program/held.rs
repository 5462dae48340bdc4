//! A program of which only some cores are held: what one rank of several needs of a file that is larger than its
//! memory.
//!
//! Of a core that is held all is there. Of the others there are the slices, and of where their spikes go the
//! destinations on cores that are held, and one on each other core that a slice reaches; they have no weights, lists
//! and axons. What reports say of all cores is noted while the file is read. A file is read twice: for the outline,
//! which says where cores are, so that it can be decided which are held; then for these. Which populations are joined
//! at all, ranks tell each other in between ([`ReadCores::edges`]).
//!
//! What is held is verified as a whole program is, and what is not is verified core by core while it is read. Whether
//! spikes arrive rightly at a core is verified where that core is held; so ranks that hold all cores between them have
//! verified all.

// What a number from a file can reach neither wraps, panics nor leaves its array.
#![deny(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::unwrap_used
)]

use std::collections::BTreeSet;
use std::fmt;
use std::path::Path;

use postcard::de_flavors::io::io::IOReader;
use serde::Deserialize;
use serde::de::{DeserializeSeed, SeqAccess, Visitor};
use snnc_targets::entity::EntityMap;
use snnc_targets::{Diagnostics, Target};

use super::file::{self, Payload};
use super::usage::{CoreUsage, core_use};
use super::verify::core_problems;
use super::{Core, Program};
use crate::ir::CoreId;
use crate::ir::components::PopulationEdge;
use crate::ir::spiking::SpikingModel;
use crate::ir::spiking::parts::KernelParts;

/// Packets if every neuron fires once.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct SpikePackets {
    /// Packets that are sent.
    pub sent: u64,
    /// Pairs of a neuron and a core that its spike reaches.
    pub neurons_and_cores: u64,
}

impl SpikePackets {
    /// Adds those of a core's neurons, all of whose destinations must be there.
    fn add(&mut self, core: &Core) {
        let mut reached = BTreeSet::new();
        for placed in &core.slices {
            let atoms = u64::from(placed.slice.atoms());
            for routes in (0..placed.slice.positions()).map(|position| placed.routes(position)) {
                reached.clear();
                reached.extend(routes.iter().map(|to| to.core));
                self.sent += atoms * routes.len() as u64;
                self.neurons_and_cores += atoms * reached.len() as u64;
            }
        }
    }
}

/// Which cores of a program are held, and what is known of all of them.
#[derive(Debug, Clone, PartialEq)]
pub struct HeldCores {
    cores: EntityMap<CoreId, bool>,
    usage: EntityMap<CoreId, CoreUsage>,
    packets: SpikePackets,
    edges: BTreeSet<PopulationEdge>,
}

impl HeldCores {
    /// Populations that are joined, whoever holds their cores.
    pub(in crate::ir) fn edges(&self) -> &BTreeSet<PopulationEdge> {
        &self.edges
    }

    /// What a core uses of its limits.
    pub(super) fn usage(&self, core: CoreId) -> Option<CoreUsage> {
        self.usage.get(core).copied()
    }
}

impl Program {
    /// Whether the memories of a core are here: they are, unless the program was read for one rank of several.
    pub fn holds(&self, core: CoreId) -> bool {
        self.held.as_ref().is_none_or(|held| held.cores.get(core).copied().unwrap_or(false))
    }

    /// Packets if every neuron fires once.
    pub fn packets_of_spikes(&self) -> SpikePackets {
        if let Some(held) = &self.held {
            return held.packets;
        }
        let mut packets = SpikePackets::default();
        self.cores.values().for_each(|core| packets.add(core));
        packets
    }
}

/// A program without the memories of its cores.
#[derive(Debug)]
pub struct ProgramOutline {
    program: Program,
    sizes: EntityMap<CoreId, u64>,
}

impl ProgramOutline {
    /// Reads the outline of a file; one core at a time is held.
    ///
    /// # Errors
    /// Those of [`Program::load`].
    pub fn load(path: &Path) -> Result<Self, Diagnostics> {
        let mut sizes = EntityMap::new();
        let each = |_: &Head, _: CoreId, core: Core| {
            sizes.push(core.weights.len() as u64 + core.entries.len() as u64);
            without_memories(core, |_| false)
        };
        let (program, _) = decode(path, each)?;
        program.target.check(&path.display().to_string())?;
        program.verify_outline()?;
        Ok(Self { program, sizes })
    }

    /// The program without memories: target, model, slices and sites.
    pub fn program(&self) -> &Program {
        &self.program
    }

    /// How large the memories of a core are: its weights, and what its axons touch.
    pub fn size(&self, core: CoreId) -> u64 {
        self.sizes.get(core).copied().unwrap_or(0)
    }

    /// Reads the file again, for the cores of which `own` says so.
    ///
    /// # Errors
    /// Those of [`Program::load`]; the file must be the one of the outline.
    pub fn read(self, path: &Path, own: impl Fn(CoreId) -> bool) -> Result<ReadCores, Diagnostics> {
        let (outline, place) = (self.program, path.display().to_string());
        let (mut usage, mut packets) = (EntityMap::new(), SpikePackets::default());
        let mut problems = Diagnostics::default();
        let each = |head: &Head, id: CoreId, core: Core| {
            if !problems.0.is_empty() {
                return Core::default();
            }
            // All cores have the one head.
            let head_is_same = id.0 > 0 || (&head.target, &head.model) == (&outline.target, &outline.model);
            if !head_is_same || !outline.cores.get(id).is_some_and(|known| same_slices(known, &core)) {
                problems.push(file::malformed(&place, "it changed while it was read".into()));
                return Core::default();
            }
            if let Err(found) = core_problems(&outline, id, &core) {
                problems = found;
                return Core::default();
            }
            usage.push(core_use(&core, &head.target, &head.model));
            packets.add(&core);
            if own(id) { core } else { without_memories(core, &own) }
        };
        let (mut program, length) = decode(path, each)?;
        problems.into_result(())?;
        let cores = program.cores.keys().map(own).collect();
        program.held = Some(HeldCores { cores, usage, packets, edges: BTreeSet::new() });
        program.verify_destinations()?;
        Ok(ReadCores { program, place, length })
    }
}

/// A program of which some cores were read, before it is known which populations are joined.
#[derive(Debug)]
pub struct ReadCores {
    program: Program,
    /// The file.
    place: String,
    /// Of its payload.
    length: usize,
}

impl ReadCores {
    /// Populations of which spikes arrive at the cores that were read: who sends, and who receives.
    pub fn edges(&self) -> BTreeSet<PopulationEdge> {
        self.program.population_edges()
    }

    /// The program, verified; `edges` are those of all ranks.
    ///
    /// # Errors
    /// Those of [`Program::load`].
    pub fn complete(mut self, edges: BTreeSet<PopulationEdge>) -> Result<Program, Diagnostics> {
        if let Some(held) = &mut self.program.held {
            held.edges = edges;
        }
        self.program.checked(&self.place, self.length)
    }
}

fn same_slices(one: &Core, other: &Core) -> bool {
    let boxes =
        |core: &Core| core.slices.iter().map(|s| (s.slice.clone(), s.first_neuron)).collect::<Vec<_>>();
    boxes(one) == boxes(other)
}

/// A core without memories. Its slices keep the destinations on cores that are held, and the first on each other core.
fn without_memories(mut core: Core, held: impl Fn(CoreId) -> bool) -> Core {
    for placed in &mut core.slices {
        let mut reached = BTreeSet::new();
        let mut next = 0_usize;
        let mut kept = Vec::new();
        let mut starts = Vec::with_capacity(placed.route_starts.len());
        // A table that is broken is found so where it was whole.
        for &start in &placed.route_starts {
            let end = usize::try_from(start).unwrap_or(usize::MAX).min(placed.destinations.len());
            for to in placed.destinations.get(next..end).unwrap_or_default() {
                if held(to.core) || reached.insert(to.core) {
                    kept.push(*to);
                }
            }
            next = end.max(next);
            starts.push(u32::try_from(kept.len()).unwrap_or(u32::MAX));
        }
        kept.shrink_to_fit();
        (placed.route_starts, placed.destinations) = (starts, kept);
    }
    Core { slices: core.slices, ..Core::default() }
}

/// What stands before the cores in a file.
struct Head {
    target: Target,
    model: SpikingModel,
    kernel_parts: KernelParts,
}

/// Decodes a file core by core: `each` is given every core and says what is kept of it. The program, unverified, and
/// the length of its payload.
///
/// # Errors
/// Those of [`Program::load`].
fn decode(
    path: &Path,
    each: impl FnMut(&Head, CoreId, Core) -> Core,
) -> Result<(Program, usize), Diagnostics> {
    let decoded = file::payload(path).and_then(|payload| decode_payload(payload, each));
    match decoded {
        Some(decoded) => Ok(decoded),
        // What is wrong with it is said of the whole.
        None => {
            Program::load(path)?;
            let message = "ranks read a program from a file, twice; this is none".to_owned();
            Err(file::malformed(&path.display().to_string(), message).into())
        }
    }
}

/// The fields of [`Program`] in their order, which is how postcard writes a structure.
fn decode_payload(
    (payload, length): (Payload, usize),
    each: impl FnMut(&Head, CoreId, Core) -> Core,
) -> Option<(Program, usize)> {
    let mut text = file::room_for_text();
    let mut from = postcard::Deserializer::from_flavor(IOReader::new(payload, &mut text));
    let head = Head {
        target: Target::deserialize(&mut from).ok()?,
        model: SpikingModel::deserialize(&mut from).ok()?,
        kernel_parts: KernelParts::deserialize(&mut from).ok()?,
    };
    let cores = EachCore { head: &head, each }.deserialize(&mut from).ok()?;
    let sites = EntityMap::deserialize(&mut from).ok()?;
    let chips = u32::deserialize(&mut from).ok()?;
    let Head { target, model, kernel_parts } = head;
    Some((Program { target, model, kernel_parts, cores, sites, chips, held: None }, length))
}

/// Reads a list of cores one by one.
struct EachCore<'h, F> {
    head: &'h Head,
    each: F,
}

impl<'de, F: FnMut(&Head, CoreId, Core) -> Core> DeserializeSeed<'de> for EachCore<'_, F> {
    type Value = EntityMap<CoreId, Core>;

    fn deserialize<D: serde::Deserializer<'de>>(self, from: D) -> Result<Self::Value, D::Error> {
        from.deserialize_seq(self)
    }
}

impl<'de, F: FnMut(&Head, CoreId, Core) -> Core> Visitor<'de> for EachCore<'_, F> {
    type Value = EntityMap<CoreId, Core>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a list of cores")
    }

    fn visit_seq<A: SeqAccess<'de>>(mut self, mut from: A) -> Result<Self::Value, A::Error> {
        let mut cores = EntityMap::new();
        while let Some(core) = from.next_element::<Core>()? {
            let id = CoreId(u32::try_from(cores.len()).map_err(serde::de::Error::custom)?);
            cores.push((self.each)(self.head, id, core));
        }
        Ok(cores)
    }
}
