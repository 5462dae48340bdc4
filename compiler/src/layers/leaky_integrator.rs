//! A membrane that never fires: `v += leak (rest - v) + gain i`, given as it is in every timestep.
//!
//! `i` is the input, or a synaptic current `i = keep i + gain_i x`. NIR calls it LI, CubaLI with a synaptic
//! current, and I without a leak. It runs in the float reference. On a chip only spikes travel between neurons, so
//! the lowering refuses it; read-outs such as [`LeakySumOverTime`](super::LeakySumOverTime) are what a chip has.

use serde::{Deserialize, Serialize};

use super::current::Current;
use super::flow::firing;
use super::neuron::{
    CurrentSpec, MembraneRule, MembraneSpec, Membranes, check_lists, is_one, is_zero, one, zero,
};
use super::spec::Parameter;
use super::{
    Evaluation, LayerFault, LayerKind, LoweringRefusal, LoweringSite, Memory, Resolver, SignalType, Spec,
};
use crate::ir::Shape;
use crate::reference::{Map, Signal};

/// Membranes that never fire.
#[derive(Debug, Clone, PartialEq)]
pub struct LeakyIntegrator(pub MembraneRule);

impl LayerKind for LeakyIntegrator {
    fn name(&self) -> &'static str {
        "LeakyIntegrator"
    }

    fn output(&self, inputs: &[SignalType], _: usize) -> Result<SignalType, LayerFault> {
        check_lists(&self.0.lists(), inputs[0].shape)?;
        firing("LeakyIntegrator", inputs[0])
    }

    fn evaluate(&self, inputs: &[&Signal], run: &Evaluation<'_>) -> Result<Signal, LayerFault> {
        Ok(run.through(self, inputs[0]))
    }

    fn memory(&self, shape: Shape) -> Option<Box<dyn Memory>> {
        Some(Box::new(self.0.membranes(shape)))
    }

    fn current(&self, _: Vec<Current>, _: &LoweringSite<'_>) -> Result<Current, LoweringRefusal> {
        let message = "gives its membrane in every timestep, and neurons of a chip send nothing but spikes";
        Err(LoweringRefusal::here(message).hint(
            "let it fire, or end the network in it: a read-out `LeakySumOverTime` is its last membrane",
        ))
    }
}

impl Memory for Membranes {
    fn step(&mut self, input: &Map) -> Map {
        for (n, &x) in input.data.iter().enumerate() {
            self.v.data[n] = self.charged(n, x);
        }
        self.v.clone()
    }
}

/// `LeakyIntegrator(leak: 0.1)`; every number may be a tensor with a value a channel or a neuron instead.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct LeakyIntegratorSpec {
    /// Part of its distance to rest that the membrane loses in a step, 0 to 1.
    #[serde(default = "zero", skip_serializing_if = "is_zero")]
    pub leak: Parameter,
    /// By how much a unit of current moves the membrane in a step.
    #[serde(default = "one", skip_serializing_if = "is_one")]
    pub gain: Parameter,
    /// What the membrane leaks towards.
    #[serde(default = "zero", skip_serializing_if = "is_zero")]
    pub rest: Parameter,
    /// Membrane before the first step.
    #[serde(default = "zero", skip_serializing_if = "is_zero")]
    pub start: Parameter,
    /// The synaptic current; without it inputs join the membrane at once.
    #[serde(default, skip_serializing_if = "Option::is_none", with = "super::neuron::optional_current")]
    pub current: Option<CurrentSpec>,
}

impl Spec for LeakyIntegratorSpec {
    type Layer = LeakyIntegrator;

    fn layer(&self, file: &mut Resolver<'_>) -> Option<LeakyIntegrator> {
        let Self { leak, gain, rest, start, current } = self;
        let rule = MembraneSpec { leak, gain, rest, start, current: current.as_ref() }.rule(file)?;
        Some(LeakyIntegrator(rule))
    }
}
