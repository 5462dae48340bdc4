//! All invariants of a program, collected.
//!
//! [`Program::verify`] needs nothing but the program, so it guards files from elsewhere: after it, every index the
//! simulator follows is in range and no limit of the target is exceeded. [`Program::verify_against`] compares with
//! the spiking IR: every synapse exactly once, with its weight and delay.
//!
//! Checks go in stages, and a stage that finds something is the last: each follows only indices that the ones before
//! vouch for. First comes what programs share with the spiking IR ([`crate::ir::spiking::verify`]); the target was
//! checked when it was read. The rules by stage, and what in the simulator needs each:
//!
//! * format: integers have the widths of the target, neurons what it has. Needed by: neuron update, thresholds,
//!   biases.
//! * neurons: a site on the board for each core, none twice. Needed by: routes over the mesh, ports, static power.
//! * neurons: slices are boxes of their populations, cover each neuron once, local numbers have no gap, one network a
//!   core. Needed by: membranes and spikes by position, thresholds and biases by channel, counts by core.
//! * ports: behind all cores, at the target's port, with one network's spikes from outside and no memories; no core
//!   holds such spikes. Needed by: limits, static power and barriers, which leave ports out.
//! * weights: as many weights a core as 32 bits count, each within the width. Needed by: offsets of weights, rows of
//!   8 bits.
//! * weights: packets of a timestep cannot bring a sum beyond 32 bits. Needed by: accumulators.
//! * weights: a list's source channels and strides lie in the weight memory, its runs within a stride, its slice on
//!   the core, targets ascend and stay inside the slice. Needed by: packets that meet synapses, weights copied side by
//!   side, tallies of repeated work.
//! * weights: blocks of weights are the same or apart. Needed by: memory for copies of weights: each weight is copied
//!   once.
//! * axons: entries of axons are apart and in range, of one projection, in one population, slice after slice;
//!   channels within the list's; targets inside the slice; delays as the target has them. Needed by: what a spike
//!   touches, incoming connections of slices.
//! * destinations: a route table covers the slice's positions and destinations, each destination is an axon. Needed
//!   by: routes, multicast trees, incoming connections.
//! * routes: an axon has one source of as many channels; a position meets a slice once through a projection. Needed
//!   by: one spike a timestep and channel, counts of packets by slice.
//! * routes: sources fire, come before their targets in the same network (populations of a cycle side by side), and
//!   arrive within their windows, those of a cycle within the pass. Needed by: spikes are known when they are read,
//!   rows of counts.
//! * limits: no limit of a core or router is exceeded. Needed by: energies and times mean what the target says.

// What a number from a file can reach neither wraps nor panics. Indices are what stages vouch for to the next.
#![deny(clippy::cast_possible_truncation, clippy::cast_sign_loss, clippy::expect_used, clippy::unwrap_used)]

mod memories;
mod routes;
mod structure;
mod synapses;

use snnc_targets::{Code, Diagnostic, Diagnostics, NamedPart, Place, Subject};

use super::{Core, Program};
use crate::ir::CoreId;
use crate::ir::spiking::verify::verify_model;
use crate::ir::spiking::{NeuronFormat, SpikingIr};

/// Further findings are counted, not collected: a broken compiler repeats itself.
const MOST: usize = 50;

/// Collects broken invariants.
#[derive(Default)]
struct Findings(Diagnostics);

impl Findings {
    fn need(&mut self, ok: bool, place: impl FnOnce() -> Place, message: impl FnOnce() -> String) -> bool {
        match (ok, self.0.0.len() < MOST) {
            (true, _) => {}
            (false, true) => self.0.push(Diagnostic::new(Code::ProgramInvalid, place(), message())),
            (false, false) => self.0.leave_out(),
        }
        ok
    }
}

/// Checks the memories and route tables of a core by themselves; `outline` is its program, whose outline was checked.
///
/// # Errors
/// As [`Program::verify`].
pub(super) fn core_problems(outline: &Program, id: CoreId, core: &Core) -> Result<(), Diagnostics> {
    let mut findings = Findings::default();
    findings.weights_of(outline, id, core);
    std::mem::take(&mut findings).0.into_result(())?;
    findings.axons_of(outline, id, core);
    std::mem::take(&mut findings).0.into_result(())?;
    core.slices.iter().for_each(|placed| findings.route_table(id, placed));
    findings.0.into_result(())
}

impl Program {
    /// Checks the program against itself and its target.
    ///
    /// # Errors
    /// [`Code::ProgramInvalid`], one for each broken invariant; those beyond 50 are counted.
    pub fn verify(&self) -> Result<(), Diagnostics> {
        verify_model(&self.model, Code::ProgramInvalid)?;
        self.verify_format()?;
        // The order is that of the list above.
        let stages: [fn(&mut Findings, &Self); 7] = [
            |f, program| {
                f.sites(program);
                f.neurons(program);
            },
            Findings::ports,
            Findings::weights,
            Findings::axons,
            Findings::destinations,
            Findings::routes,
            Findings::limits,
        ];
        for stage in stages {
            let mut findings = Findings::default();
            stage(&mut findings, self);
            findings.0.into_result(())?;
        }
        Ok(())
    }

    /// Checks the stages that look at no core's memories.
    ///
    /// # Errors
    /// As [`Program::verify`].
    pub(super) fn verify_outline(&self) -> Result<(), Diagnostics> {
        verify_model(&self.model, Code::ProgramInvalid)?;
        self.verify_format()?;
        let mut findings = Findings::default();
        findings.sites(self);
        findings.neurons(self);
        findings.0.into_result(())
    }

    /// Checks that spikes go to axons that exist.
    ///
    /// # Errors
    /// As [`Program::verify`].
    pub(super) fn verify_destinations(&self) -> Result<(), Diagnostics> {
        let mut findings = Findings::default();
        findings.destinations(self);
        findings.0.into_result(())
    }

    /// The model's integers are those of the target, or of narrower weights.
    fn verify_format(&self) -> Result<(), Diagnostics> {
        let (found, bits) = (&self.model.neuron, self.target.synapses.weight_bits.get());
        let mut findings = Findings::default();
        let same =
            *found == NeuronFormat::new(&self.target.neuron, found.weight_bits) && found.weight_bits <= bits;
        findings.need(
            same,
            || NamedPart::NeuronFormat.into(),
            || format!("{found:?} is not that of {}", self.target.name),
        );
        for (id, lacking) in self.model.lacking(&self.target.neuron) {
            let place = || Subject::Population(id, self.model.populations[id].name.clone()).into();
            findings.need(false, place, || lacking);
        }
        findings.0.into_result(())
    }

    /// Checks the program against the spiking IR that it was made from: the same model, and every synapse exactly once
    /// with its weight and delay. Irregular populations may be numbered in the program's way. Call [`Program::verify`]
    /// first.
    ///
    /// # Errors
    /// [`Code::ProgramInvalid`], one for each broken invariant; those beyond 50 are counted.
    pub fn verify_against(&self, ir: &SpikingIr) -> Result<(), Diagnostics> {
        let mut findings = Findings::default();
        let orders = ir.orders_of(&self.model);
        for (&id, order) in &orders {
            let problem = ir.order_problem(id, order);
            findings.need(problem.is_none(), || Subject::Order(id).into(), || problem.unwrap_or_default());
        }
        if !findings.0.0.is_empty() {
            return findings.0.into_result(());
        }
        let ir = ir.reordered(&orders);
        if findings.need(
            self.model == ir.model,
            || NamedPart::Program.into(),
            || "model differs from the spiking IR's".into(),
        ) {
            let can_be_cut = self.kernel_parts.iter().all(|(&id, parts)| {
                let kernel = ir.projections.get(id).and_then(|p| p.conv()).map(|conv| &conv.kernel);
                kernel.is_some_and(|k| parts.fit(k.height, k.width))
            });
            if findings.need(
                can_be_cut,
                || NamedPart::Program.into(),
                || "cuts kernels that do not exist".into(),
            ) {
                for (place, message) in self.layer_core_problems(&ir) {
                    findings.need(false, || place, || message);
                }
                findings.synapses(self, &ir.with_parts(&self.kernel_parts));
            }
        }
        findings.0.into_result(())
    }
}
