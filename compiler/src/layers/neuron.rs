//! Neurons with every number of their own: leak, gain, rest, reset and, if there is one, synaptic current.
//!
//! A step of one neuron with input x:
//!
//! 1. with a synaptic current, `i = keep i + gain_i x`; else `i = x`;
//! 2. `v += leak (rest - v) + gain i`;
//! 3. it fires when `v >= threshold`, or `v > threshold` with `strict: true`;
//! 4. the reset, at once or in the next step (`when`): to `reset_to`, by subtraction of the threshold, or not at all.
//!
//! Forward Euler of the neurons of NIR has `leak = dt / tau`, exponential Euler `leak = 1 - exp(-dt / tau)`; a
//! neuron without leak integrates, and one with `leak: 1.0` is a threshold without memory. `v` starts at `start`,
//! `i` at 0. Reference arithmetic: plain f64, in the order of the formulas. On a chip the gains go into the
//! weights, and what the membrane leaks towards becomes a bias.

use serde::{Deserialize, Serialize};

use super::current::Current;
use super::flow::firing;
use super::spec::Parameter;
use super::{
    Evaluation, LayerFault, LayerKind, LoweringRefusal, LoweringSite, Memory, Resolver, SignalType, Spec,
};
use crate::ir::Shape;
use crate::neuron::{NeuronKind, TrainedNeuron};
use crate::reference::{Map, Signal};

/// Neurons that fire. Each list has one number for all, one a channel, or one a neuron (`[c, h, w]`, row-major).
#[derive(Debug, Clone, PartialEq)]
pub struct Neuron {
    /// How inputs join the membrane.
    pub membrane: MembraneRule,
    /// Firing threshold.
    pub threshold: Vec<f64>,
    /// Whether it takes more than the threshold to fire.
    pub strict: bool,
    /// What a spike does to the membrane.
    pub reset: SpikeReset,
    /// Where the membrane is after a spike, if the reset is [`SpikeReset::Hard`].
    pub reset_to: Vec<f64>,
    /// When the reset acts.
    pub when: ResetStep,
}

/// What a spike does to the membrane.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub enum SpikeReset {
    /// Sets it to `reset_to`.
    #[default]
    Hard,
    /// Takes the threshold off it.
    Subtract,
    /// Nothing.
    Nothing,
}

/// When a reset acts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub enum ResetStep {
    /// In the step of the spike.
    #[default]
    Same,
    /// In the next step: a hard reset before its input, a subtraction after the leak.
    Next,
    /// In the next step, after its input, which is lost with a hard reset.
    NextWithInput,
}

/// A leaky membrane, perhaps behind a synaptic current; see the module. Each list as in [`Neuron`].
#[derive(Debug, Clone, PartialEq)]
pub struct MembraneRule {
    /// Part of its distance to rest that the membrane loses in a step, 0 to 1.
    pub leak: Vec<f64>,
    /// By how much a unit of current moves the membrane in a step.
    pub gain: Vec<f64>,
    /// What the membrane leaks towards.
    pub rest: Vec<f64>,
    /// Membrane before the first step.
    pub start: Vec<f64>,
    /// The synaptic current, if there is one.
    pub current: Option<CurrentRule>,
}

/// A synaptic current: `i = keep i + gain x`. Each list as in [`Neuron`].
#[derive(Debug, Clone, PartialEq)]
pub struct CurrentRule {
    /// Part of it that a step keeps, 0 to 1.
    pub keep: Vec<f64>,
    /// By how much a unit of input moves it.
    pub gain: Vec<f64>,
}

/// The number of neuron `n` of a layer of `shape`, of a list as in [`Neuron`].
fn at(values: &[f64], n: usize, shape: Shape) -> f64 {
    match values.len() {
        1 => values[0],
        length if length == shape.channels => values[n / shape.positions()],
        _ => values[n],
    }
}

/// The number of a channel, of a list with one or one a channel.
fn of(values: &[f64], channel: usize) -> f64 {
    values[if values.len() == 1 { 0 } else { channel }]
}

impl MembraneRule {
    /// Its lists, with their names in model files.
    pub(super) fn lists(&self) -> Vec<(&'static str, &[f64])> {
        let mut lists: Vec<(&str, &[f64])> =
            vec![("leak", &self.leak), ("gain", &self.gain), ("rest", &self.rest), ("start", &self.start)];
        if let Some(current) = &self.current {
            lists.extend([("current.keep", &*current.keep), ("current.gain", &*current.gain)]);
        }
        lists
    }

    /// Membranes before the first step.
    pub(super) fn membranes(&self, shape: Shape) -> Membranes {
        let start = (0..shape.len()).map(|n| at(&self.start, n, shape)).collect();
        Membranes { rule: self.clone(), v: Map::new(shape, start), i: Map::filled(shape, 0.0) }
    }

    /// The lowering's form: factors for the weights and a constant, one a channel, for membranes counted from `origin`.
    fn folded(&self, channels: usize, origin: &[f64]) -> Vec<(f64, f64)> {
        let fold = |c| {
            let joins = self.current.as_ref().map_or(1.0, |current| of(&current.gain, c));
            (of(&self.gain, c) * joins, of(&self.leak, c) * (of(&self.rest, c) - of(origin, c)))
        };
        (0..channels).map(fold).collect()
    }
}

/// Membranes of a layer.
pub(super) struct Membranes {
    rule: MembraneRule,
    pub v: Map,
    i: Map,
}

impl Membranes {
    /// The membrane of neuron `n` after the input `x`, before any reset.
    pub fn charged(&mut self, n: usize, x: f64) -> f64 {
        let (rule, shape) = (&self.rule, self.v.shape());
        let current = match &rule.current {
            Some(current) => at(&current.keep, n, shape) * self.i.data[n] + at(&current.gain, n, shape) * x,
            None => x,
        };
        self.i.data[n] = current;
        let v = self.v.data[n];
        v + at(&rule.leak, n, shape) * (at(&rule.rest, n, shape) - v) + at(&rule.gain, n, shape) * current
    }
}

/// Refuses lists that are not as long as a layer asks for.
pub(super) fn check_lists(lists: &[(&'static str, &[f64])], shape: Shape) -> Result<(), LayerFault> {
    for (name, list) in lists {
        if ![1, shape.channels, shape.len()].contains(&list.len()) {
            return Err(LayerFault::shape(format!(
                "{name} has {} values, 1, {} (one a channel) or {} (one a neuron) expected",
                list.len(),
                shape.channels,
                shape.len()
            )));
        }
    }
    Ok(())
}

impl Neuron {
    /// Its lists, with their names in model files.
    fn lists(&self) -> Vec<(&'static str, &[f64])> {
        let mut lists = self.membrane.lists();
        lists.extend([("threshold", &*self.threshold), ("reset_to", &*self.reset_to)]);
        lists
    }

    /// From where the lowering counts membranes: where a spike leaves them, else 0.
    fn origin(&self) -> &[f64] {
        if self.reset == SpikeReset::Hard { &self.reset_to } else { &[0.0] }
    }

    /// Neuron `n` of `count` as the rest of the compiler knows it, fed by a current that has its gain already: one for
    /// all, one a channel, or one a neuron, as the longest list has it.
    fn trained(&self, n: usize, count: usize) -> TrainedNeuron {
        // A shorter list has a value for as many neurons in a row.
        let of = |values: &[f64]| values[n * values.len() / count];
        let (leak, threshold) = (of(&self.membrane.leak), of(&self.threshold));
        TrainedNeuron {
            tau: (leak > 0.0).then(|| 1.0 / leak),
            decay_input: false,
            strict: self.strict,
            reset: of(self.origin()),
            subtract: match (self.reset, self.when) {
                (SpikeReset::Hard, _) => None,
                (SpikeReset::Subtract, ResetStep::Same) => Some(threshold),
                // What is taken off after the leak is as much as threshold / (1 - leak) before it.
                (SpikeReset::Subtract, _) => Some(threshold / (1.0 - leak)),
                (SpikeReset::Nothing, _) => Some(0.0),
            },
            current: self.membrane.current.as_ref().map(|current| of(&current.keep)),
            ..TrainedNeuron::integrate_and_fire(threshold)
        }
    }

    /// What no chip's neurons are.
    fn refusal(&self, site: &LoweringSite<'_>) -> Option<LoweringRefusal> {
        let (channels, membrane) = (site.shape.channels, &self.membrane);
        let within = self.lists().into_iter().find(|(_, list)| list.len() > channels);
        if let Some((name, _)) = within.filter(|_| site.shape.positions() > 1) {
            let message =
                format!("`{name}` differs between neurons of a channel, which neurons of a chip share");
            return Some(LoweringRefusal::here(message).hint("give every channel one value"));
        }
        if self.when == ResetStep::NextWithInput && self.reset == SpikeReset::Hard {
            let message = "a spike resets the membrane one step later and drops that step's input";
            return Some(LoweringRefusal::here(message).hint("use `when: Same`, or `when: Next`"));
        }
        let origin = self.origin();
        if (0..channels).any(|c| of(&membrane.start, c) != of(origin, c)) {
            let message = "the membrane starts elsewhere than where a spike leaves it, but chips clear it";
            return Some(LoweringRefusal::here(message).hint("set `start` to the value after a reset"));
        }
        let pulled = membrane.folded(channels, origin).iter().any(|&(_, constant)| constant != 0.0);
        if membrane.current.is_some() && pulled {
            let message = "the membrane rests elsewhere than where it starts, behind a synaptic current: the chip \
                           would need a bias beside that current";
            return Some(LoweringRefusal::here(message).hint("set `rest` to the value after a reset"));
        }
        None
    }
}

impl LayerKind for Neuron {
    fn name(&self) -> &'static str {
        "Neuron"
    }

    fn output(&self, inputs: &[SignalType], _: usize) -> Result<SignalType, LayerFault> {
        check_lists(&self.lists(), inputs[0].shape)?;
        firing("Neuron", inputs[0])
    }

    fn evaluate(&self, inputs: &[&Signal], run: &Evaluation<'_>) -> Result<Signal, LayerFault> {
        Ok(run.through(self, inputs[0]))
    }

    fn memory(&self, shape: Shape) -> Option<Box<dyn Memory>> {
        let fired = Map::filled(shape, 0.0);
        Some(Box::new(Firing { neuron: self.clone(), membranes: self.membrane.membranes(shape), fired }))
    }

    fn neurons(&self) -> Option<NeuronKind> {
        let count = self.lists().into_iter().map(|(_, list)| list.len()).max().unwrap_or(1);
        Some(NeuronKind::Firing { neurons: (0..count).map(|n| self.trained(n, count)).collect() })
    }

    fn synapses(
        &self,
        mut inputs: Vec<Current>,
        site: &LoweringSite<'_>,
    ) -> Result<Current, LoweringRefusal> {
        if inputs.is_empty() {
            return Err(LoweringRefusal::here("reads nothing"));
        }
        if let Some(refusal) = self.refusal(site) {
            return Err(refusal);
        }
        let folded = self.membrane.folded(site.shape.channels, self.origin());
        if folded.iter().all(|&(factor, constant)| (factor, constant) == (1.0, 0.0)) {
            return Ok(inputs.remove(0));
        }
        let factors: Vec<f64> = folded.iter().map(|&(factor, _)| factor).collect();
        Ok(inputs.remove(0).affine(&factors, site, |c, constant| factors[c] * constant + folded[c].1))
    }
}

/// State of the neurons of a layer.
struct Firing {
    neuron: Neuron,
    membranes: Membranes,
    /// Spikes of the step before.
    fired: Map,
}

impl Memory for Firing {
    fn step(&mut self, input: &Map) -> Map {
        let Self { neuron, membranes, fired } = self;
        let shape = input.shape();
        let mut spikes = Map::filled(shape, 0.0);
        for (n, &x) in input.data.iter().enumerate() {
            let (threshold, to) = (at(&neuron.threshold, n, shape), at(&neuron.reset_to, n, shape));
            let late = neuron.when != ResetStep::Same && fired.data[n] == 1.0;
            if late && neuron.when == ResetStep::Next && neuron.reset == SpikeReset::Hard {
                membranes.v.data[n] = to;
            }
            let mut v = membranes.charged(n, x);
            match neuron.reset {
                SpikeReset::Subtract if late => v -= threshold,
                SpikeReset::Hard if late && neuron.when == ResetStep::NextWithInput => v = to,
                _ => {}
            }
            if v > threshold || (v == threshold && !neuron.strict) {
                spikes.data[n] = 1.0;
                match neuron.reset {
                    SpikeReset::Hard if neuron.when == ResetStep::Same => v = to,
                    SpikeReset::Subtract if neuron.when == ResetStep::Same => v -= threshold,
                    _ => {}
                }
            }
            membranes.v.data[n] = v;
        }
        fired.data.copy_from_slice(&spikes.data);
        spikes
    }
}

/// `Neuron(leak: 0.5, threshold: 1.0)`; every number may be a tensor with a value a channel or a neuron instead.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct NeuronSpec {
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
    #[serde(default, skip_serializing_if = "Option::is_none", with = "optional_current")]
    pub current: Option<CurrentSpec>,
    /// Firing threshold; 1 if left out.
    #[serde(default = "one")]
    pub threshold: Parameter,
    /// Whether it takes more than the threshold to fire.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub strict: bool,
    /// What a spike does to the membrane.
    #[serde(default)]
    pub reset: SpikeReset,
    /// Where a hard reset leaves the membrane.
    #[serde(default = "zero", skip_serializing_if = "is_zero")]
    pub reset_to: Parameter,
    /// When the reset acts.
    #[serde(default)]
    pub when: ResetStep,
}

/// `(keep: 0.5)`: a synaptic current.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CurrentSpec {
    /// Part of it that a step keeps, 0 to 1.
    pub keep: Parameter,
    /// By how much a unit of input moves it.
    #[serde(default = "one", skip_serializing_if = "is_one")]
    pub gain: Parameter,
}

super::spec::optional!(optional_current: super::CurrentSpec);

pub(super) fn zero() -> Parameter {
    Parameter::Number(0.0)
}

pub(super) fn one() -> Parameter {
    Parameter::Number(1.0)
}

pub(super) fn is_zero(parameter: &Parameter) -> bool {
    *parameter == zero()
}

pub(super) fn is_one(parameter: &Parameter) -> bool {
    *parameter == one()
}

/// The numbers of a membrane as a model file has them.
pub(super) struct MembraneSpec<'a> {
    pub leak: &'a Parameter,
    pub gain: &'a Parameter,
    pub rest: &'a Parameter,
    pub start: &'a Parameter,
    pub current: Option<&'a CurrentSpec>,
}

impl MembraneSpec<'_> {
    /// With their tensors; parts of a whole are 0 to 1.
    pub fn rule(&self, file: &mut Resolver<'_>) -> Option<MembraneRule> {
        let leak = part(file, "leak", self.leak);
        let gain = file.parameter("gain", self.gain);
        let rest = file.parameter("rest", self.rest);
        let start = file.parameter("start", self.start);
        let current = match self.current {
            Some(spec) => {
                let keep = part(file, "current", &spec.keep);
                let gain = file.parameter("current", &spec.gain);
                Some(CurrentRule { keep: keep?, gain: gain? })
            }
            None => None,
        };
        Some(MembraneRule { leak: leak?, gain: gain?, rest: rest?, start: start?, current })
    }
}

/// A parameter from 0 to 1.
fn part(file: &mut Resolver<'_>, field: &str, parameter: &Parameter) -> Option<Vec<f64>> {
    let values = file.parameter(field, parameter)?;
    match values.iter().find(|value| !(0.0..=1.0).contains(*value)) {
        None => Some(values),
        Some(found) => {
            let message = format!("{field} is {found}, expected 0 to 1");
            file.invalid(field, message, "it is the part of a value that a step takes or keeps")
        }
    }
}

impl Spec for NeuronSpec {
    type Layer = Neuron;

    fn layer(&self, file: &mut Resolver<'_>) -> Option<Neuron> {
        let Self { leak, gain, rest, start, current, .. } = self;
        let membrane = MembraneSpec { leak, gain, rest, start, current: current.as_ref() }.rule(file);
        let threshold = file.parameter("threshold", &self.threshold);
        let reset_to = file.parameter("reset_to", &self.reset_to);
        if self.reset != SpikeReset::Hard && !is_zero(&self.reset_to) {
            let message = "reset_to would change nothing: the reset is not `Hard`".into();
            return file.invalid("reset_to", message, "leave it out");
        }
        let &Self { strict, reset, when, .. } = self;
        Some(Neuron { membrane: membrane?, threshold: threshold?, strict, reset, reset_to: reset_to?, when })
    }
}
