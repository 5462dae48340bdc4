//! All invariants of a program, collected.
//!
//! [`Program::verify`] needs nothing but the program, so it guards files from elsewhere: after it, every index the
//! simulator follows is in range and no limit of the target is exceeded. [`Program::verify_against`] compares with
//! the spiking IR: every synapse exactly once, with its weight and delay.

mod structure;
mod synapses;

use snnc_targets::{Code, Diagnostic, Diagnostics};

use super::Program;
use crate::ir::spiking::verify::verify_model;
use crate::ir::spiking::{NeuronFormat, SpikingIr};

/// More findings than this are cut: a broken compiler repeats itself.
const MOST: usize = 50;

/// Collects broken invariants.
#[derive(Default)]
struct Findings(Diagnostics);

impl Findings {
    fn need(&mut self, ok: bool, place: impl FnOnce() -> String, message: impl FnOnce() -> String) -> bool {
        if !ok && self.0.0.len() < MOST {
            self.0.push(Diagnostic::new(Code::ProgramInvalid, place(), message()));
        }
        ok
    }
}

impl Program {
    /// Checks the program against itself and its target.
    ///
    /// # Errors
    /// [`Code::ProgramInvalid`], one for each broken invariant (at most 50).
    pub fn verify(&self) -> Result<(), Diagnostics> {
        verify_model(&self.model, Code::ProgramInvalid)?;
        self.verify_format()?;
        // Each stage follows indices that the stage before vouches for.
        let stages: [fn(&mut Findings, &Self); 3] = [
            |f, program| {
                f.sites(program);
                f.neurons(program);
            },
            |f, program| f.memories(program),
            |f, program| {
                f.routes(program);
                f.limits(program);
            },
        ];
        for stage in stages {
            let mut findings = Findings::default();
            stage(&mut findings, self);
            findings.0.into_result(())?;
        }
        Ok(())
    }

    /// The model's integers are those of the target, or of narrower weights.
    fn verify_format(&self) -> Result<(), Diagnostics> {
        let (found, bits) = (&self.model.neuron, self.target.synapses.weight_bits.get());
        let mut findings = Findings::default();
        let same =
            *found == NeuronFormat::new(&self.target.neuron, found.weight_bits) && found.weight_bits <= bits;
        findings.need(
            same,
            || "neuron format".into(),
            || format!("{found:?} is not that of {}", self.target.name),
        );
        findings.0.into_result(())
    }

    /// Checks the program against the spiking IR that it was made from: the same model, and every synapse exactly
    /// once with its weight and delay. Irregular populations may be numbered in the program's way. Call [`Program::verify`] first.
    ///
    /// # Errors
    /// [`Code::ProgramInvalid`], one for each broken invariant (at most 50).
    pub fn verify_against(&self, ir: &SpikingIr) -> Result<(), Diagnostics> {
        let mut findings = Findings::default();
        let orders = ir.orders_of(&self.model);
        for (&id, order) in &orders {
            let problem = ir.order_problem(id, order);
            findings.need(problem.is_none(), || format!("order of {id}"), || problem.unwrap_or_default());
        }
        if !findings.0.0.is_empty() {
            return findings.0.into_result(());
        }
        let ir = ir.reordered(&orders);
        if findings.need(
            self.model == ir.model,
            || "program".into(),
            || "model differs from the spiking IR's".into(),
        ) {
            let can_be_cut = self.kernel_parts.iter().all(|(&id, parts)| {
                let kernel = ir.projections.get(id).and_then(|p| p.conv()).map(|conv| &conv.kernel);
                kernel.is_some_and(|k| parts.fit(k.height, k.width))
            });
            if findings.need(can_be_cut, || "program".into(), || "cuts kernels that do not exist".into()) {
                for (place, message) in self.layer_core_problems(&ir) {
                    findings.need(false, || place, || message);
                }
                findings.synapses(self, &ir.with_parts(&self.kernel_parts));
            }
        }
        findings.0.into_result(())
    }
}
