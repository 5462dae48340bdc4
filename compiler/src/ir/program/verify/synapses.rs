//! Every synapse of the spiking IR on exactly one core, exactly once, with its weight and delay.
//!
//! Works entry by entry of the axons. Weights of a list are compared once, whatever the number of axons that share it,
//! so no pass over unrolled synapses is needed: the first entry of a list fixes which tap each relative target means,
//! and all others must agree.

use snnc_targets::{CorePart, Place, Subject};
use std::ops::Range;

use snnc_targets::entity::EntityMap;

use super::Findings;
use crate::ir::channels::common;
use crate::ir::program::{AxonEntry, Core, CoreSlice, InputAxon, Program, Slice, SynapseList};
use crate::ir::spiking::{Connectivity, Convolution, SparseSynapses, SpikingIr};
use crate::ir::{CoreId, ProjectionId};

/// (relative target neuron, weight offset, kernel row, kernel column) of one position each.
type ListTaps = Vec<(u32, u32, usize, usize)>;

impl Findings {
    pub(super) fn synapses(&mut self, program: &Program, ir: &SpikingIr) {
        let mut check = SynapseCheck {
            program,
            ir,
            known: program.cores.values().map(|c| vec![None; c.lists.len()]).collect(),
            found: ir.projections.values().map(|_| 0).collect(),
        };
        for (id, core) in program.cores.iter() {
            for placed in &core.slices {
                check.slice(self, id, placed);
            }
        }
        // A source position meets a slice once ([`Program::verify`]), and exactly as it should; so the sum tells
        // whether any is missing.
        for ((id, projection), &found) in ir.projections.iter().zip(check.found.values()) {
            let expected = projection.synapses();
            self.need(
                found == expected,
                || Subject::Projection(id).into(),
                || format!("{found} synapses are on cores, expected {expected}"),
            );
        }
    }
}

/// The comparison of a program with the spiking IR, synapse by synapse.
struct SynapseCheck<'a> {
    program: &'a Program,
    ir: &'a SpikingIr,
    /// By core and list: what its taps mean.
    known: Vec<Vec<Option<ListTaps>>>,
    /// Synapses seen of each projection.
    found: EntityMap<ProjectionId, u64>,
}

/// What an axon touches in one slice, and the source position that sends to it.
struct Touch<'a> {
    core: CoreId,
    list: &'a SynapseList,
    entry: &'a AxonEntry,
    source: &'a Slice,
    target: &'a CoreSlice,
    /// Source position.
    at: (u32, u32),
}

impl SynapseCheck<'_> {
    fn slice(&mut self, findings: &mut Findings, id: CoreId, placed: &CoreSlice) {
        let source = &placed.slice;
        for position in 0..source.positions() {
            let at = source.coordinates(position);
            for to in placed.routes(position) {
                let core = &self.program.cores[to.core];
                let axon = &core.axons[to.axon as usize];
                let place = || Subject::Core(id, CorePart::Synapses(at, to.core, to.axon)).into();
                for entry in core.entries(axon) {
                    let list = &core.lists[entry.list as usize];
                    let target = &core.slices[list.slice as usize];
                    let touch = Touch { core: to.core, list, entry, source, target, at };
                    self.touch(findings, axon, &touch, &place);
                }
            }
        }
    }

    fn touch(&mut self, findings: &mut Findings, axon: &InputAxon, touch: &Touch, place: &dyn Fn() -> Place) {
        let list = touch.list;
        let Some(projection) = self.ir.projections.get(list.projection) else {
            findings.need(false, place, || format!("{} does not exist", list.projection));
            return;
        };
        let rows = match &projection.connectivity {
            Connectivity::Conv(conv) => {
                axon.first_atom == touch.source.channels.start
                    && ReachedChannels::new(conv, &touch.target.slice)
                        .is_some_and(|reached| reached.is_said_by(list))
            }
            Connectivity::Sparse(_) => (axon.first_atom, list.first_atom, list.atoms) == (0, 0, 1),
        };
        let meant = projection.source == touch.source.population
            && projection.target == touch.target.slice.population
            && projection.delay == axon.delay
            && rows;
        let meaning = || format!("axon does not carry {} as the spiking IR has it", list.projection);
        if !findings.need(meant, place, meaning) {
            return;
        }
        let core = &self.program.cores[touch.core];
        match &projection.connectivity {
            Connectivity::Conv(conv) => {
                let memory = &mut self.known[touch.core.0 as usize][touch.entry.list as usize];
                conv_taps(findings, core, conv, touch, memory, place);
                self.found[list.projection] += list.synapses() * u64::from(axon.atoms);
            }
            Connectivity::Sparse(sparse) => {
                let same = sparse_synapses(core, sparse, touch);
                findings.need(same, place, || {
                    format!("synapses on {} differ from those of {}", touch.core, list.projection)
                });
                self.found[list.projection] += list.synapses();
            }
        }
    }
}

fn conv_taps(
    findings: &mut Findings,
    core: &Core,
    conv: &Convolution,
    touch: &Touch,
    memory: &mut Option<ListTaps>,
    place: &dyn Fn() -> Place,
) {
    let (list, target) = (touch.list, touch.target);
    let Some(reached) = ReachedChannels::new(conv, &target.slice) else { return };
    let taps = expected(conv, &reached, target, touch.at, touch.entry.target);
    let stored = stored(list, u32::try_from(reached.row).unwrap_or(u32::MAX));
    let pairs = taps.zip(stored).filter(|(taps, stored)| {
        taps.len() == stored.len() && taps.iter().zip(stored).all(|(t, s)| t.0 == s.0)
    });
    let Some((taps, stored)) = pairs else {
        findings.need(false, place, || {
            format!("targets from neuron {} differ from those of {}", touch.entry.target, list.projection)
        });
        return;
    };
    let taps: ListTaps = taps.iter().zip(&stored).map(|(t, s)| (t.0, s.1, t.1, t.2)).collect();
    match memory {
        Some(known) => {
            findings.need(*known == taps, place, || "shares a list that means other taps".into());
        }
        None => {
            let right = taps.iter().all(|tap| weights_match(core, conv, list, &reached, tap));
            findings.need(right, place, || format!("weights differ from those of {}", list.projection));
            *memory = Some(taps);
        }
    }
}

/// Whether a list holds just the synapses of its source neuron into the slice.
fn sparse_synapses(core: &Core, sparse: &SparseSynapses, touch: &Touch) -> bool {
    let (list, columns) = (touch.list, &touch.target.slice.cols);
    let mut stored = list.runs.iter().flat_map(|run| {
        let weight = (list.weights + run.weight) as usize;
        (0..run.len).map(move |i| (touch.entry.target + run.target + i, core.weights.at(weight + i as usize)))
    });
    let own = sparse.row(touch.at.1 as usize).filter(|(target, _)| columns.contains(target));
    let local = own.map(|(target, weight)| (touch.target.first_neuron + target - columns.start, weight));
    local.zip(stored.by_ref()).all(|(a, b)| a == b) && {
        let count = sparse.targets_of(touch.at.1 as usize).iter().filter(|t| columns.contains(t)).count();
        count as u64 == list.synapses()
    }
}

/// Target positions and taps that a source position must reach in a slice, relative to `base`; ascending.
/// `None` if a target lies before `base`.
fn expected(
    conv: &Convolution,
    reached: &ReachedChannels,
    target: &CoreSlice,
    (y, x): (u32, u32),
    base: u32,
) -> Option<Vec<(u32, usize, usize)>> {
    let slice = &target.slice;
    let rows = conv.map.rows.reach(y as usize, slice.rows.start as usize..slice.rows.end as usize);
    let cols = conv.map.cols.reach(x as usize, slice.cols.start as usize..slice.cols.end as usize);
    let mut taps = Vec::with_capacity(rows.len() * cols.len());
    for &(ty, ky) in &rows {
        for &(tx, kx) in &cols {
            let position = slice.position(u32::try_from(ty).ok()?, u32::try_from(tx).ok()?)?;
            let behind = u32::try_from(reached.targets.start).ok()?.checked_sub(slice.channels.start)?;
            let neuron = target.first_neuron + position * slice.atoms() + behind;
            taps.push((neuron.checked_sub(base)?, ky, kx));
        }
    }
    Some(taps)
}

/// (relative target, weight offset) of each position a list touches, or `None` if a run cuts the channels of a position
/// that a source channel joins.
fn stored(list: &SynapseList, atoms: u32) -> Option<Vec<(u32, u32)>> {
    let mut all = Vec::new();
    for run in &list.runs {
        if run.len % atoms != 0 {
            return None;
        }
        all.extend((0..run.len / atoms).map(|i| (run.target + i * atoms, run.weight + i * atoms)));
    }
    Some(all)
}

/// Whether the weights of one tap equal the kernel's, for every source channel.
fn weights_match(
    core: &Core,
    conv: &Convolution,
    list: &SynapseList,
    reached: &ReachedChannels,
    &(_, weight, ky, kx): &(u32, u32, usize, usize),
) -> bool {
    reached.sources.clone().all(|c| {
        let Ok(channel) = u32::try_from(c) else { return false };
        let start = (list.row(channel).0 + weight) as usize;
        let joined = conv.kernel.channels.targets_of(c);
        let own = common(&joined, &reached.targets);
        let row = &conv.kernel.row(c, ky, kx)[own.start - joined.start..own.end - joined.start];
        core.weights.slice(start..start + reached.row).iter().eq(row.iter().copied())
    })
}

/// The channels of a slice that a convolution reaches, and from where: in one group, or in whole groups.
struct ReachedChannels {
    /// Source channels.
    sources: Range<usize>,
    /// Target channels.
    targets: Range<usize>,
    /// Source channels of a group.
    group: usize,
    /// Target channels that a source channel joins.
    row: usize,
}

impl ReachedChannels {
    /// `None` if there is none, or if the slice cuts groups in a way that no list can say.
    fn new(conv: &Convolution, slice: &Slice) -> Option<Self> {
        let map = &conv.kernel.channels;
        let targets = common(&(slice.channels.start as usize..slice.channels.end as usize), &map.targets());
        let sources = map.sources_of(&targets);
        let groups = sources.len() / map.inputs;
        let row = if groups == 1 { targets.len() } else { map.outputs };
        let whole = groups >= 1 && targets.len() == groups * row;
        whole.then_some(Self { sources, targets, group: map.inputs, row })
    }

    /// Whether a list is for these source channels in these groups.
    fn is_said_by(&self, list: &SynapseList) -> bool {
        let one = self.sources.len() == self.group;
        (list.first_atom as usize, list.atoms as usize) == (self.sources.start, self.sources.len())
            && list.group as usize == self.group
            && list.shift as usize == if one { 0 } else { self.row }
    }
}
