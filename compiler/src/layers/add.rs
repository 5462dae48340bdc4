//! Sum of maps of one shape: residual connections, of spikes or of currents.
//!
//! On the chip no neuron: the kernels of all inputs lead to the same targets, constants are added. Where two inputs
//! come from the same layer through kernels of the same form, these become one kernel with the sums of their weights.
//! One input may be constant over time: the host computes it and writes it as the bias of the neurons behind.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::current::{Current, CurrentSource, SpikeSum, Term, check_feeds};
use super::flow::joined_kind;
use super::{
    Arity, Evaluation, LayerFault, LayerKind, LoweringRefusal, LoweringSite, Resolver, SignalType, Spec,
};
use crate::ir::Shape;
use crate::passes::collect::KernelWiring;
use crate::reference::{Map, Signal};
use crate::weights::FloatArray;

/// Element by element.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Add;

impl LayerKind for Add {
    fn name(&self) -> &'static str {
        "Add"
    }

    fn arity() -> Arity {
        Arity::AtLeast(2)
    }

    fn output(&self, inputs: &[SignalType], _: usize) -> Result<SignalType, LayerFault> {
        let first = inputs[0].shape;
        if let Some(other) = inputs.iter().find(|input| input.shape != first) {
            let message = format!("Add reads {first} and {}, equal shapes expected", other.shape);
            return Err(LayerFault::shape(message));
        }
        let kind = joined_kind("Add", "reads", inputs.iter().map(|input| input.kind))?;
        Ok(SignalType { shape: first, kind })
    }

    fn evaluate(&self, inputs: &[&Signal], run: &Evaluation<'_>) -> Result<Signal, LayerFault> {
        Ok(Signal::joined(inputs, run.timesteps, |maps| {
            let mut sum = Map::filled(run.shape, 0.0);
            for map in maps {
                sum.data.iter_mut().zip(&map.data).for_each(|(sum, x)| *sum += x);
            }
            sum
        }))
    }

    fn keeps_host_current(&self) -> bool {
        true
    }

    fn current(&self, inputs: Vec<Current>, site: &LoweringSite<'_>) -> Result<Current, LoweringRefusal> {
        check_feeds(&inputs, site)?;
        let (shape, neurons) = (site.shape, site.shape.len());
        let bias = vec![0.0; shape.channels];
        let mut sum = SpikeSum { terms: Vec::new(), bias, bias_by: site.label(), host: None };
        for input in inputs {
            let host = match input.feed {
                CurrentSource::Spikes(spikes) => {
                    sum.bias = added(&sum.bias, &spikes.bias, neurons);
                    sum.terms.extend(spikes.terms);
                    spikes.host
                }
                CurrentSource::Host(path) => Some(path.with_weights(shape)),
            };
            if sum.host.is_some() && host.is_some() {
                let message = "adds several currents that are constant over time to what comes from spikes";
                return Err(LoweringRefusal::here(message).hint(
                    "fold them into one layer of the network's input, or put neurons behind one of them",
                ));
            }
            sum.host = sum.host.or(host);
        }
        sum.terms = merged(of_one_form(sum.terms, site.shape)?);
        Ok(Current::spikes(site.shape, sum))
    }
}

impl Spec for Add {
    type Layer = Self;

    fn layer(&self, _: &mut Resolver<'_>) -> Option<Self> {
        Some(self.clone())
    }
}

/// Constants, each one a channel or one a neuron of the only channel.
fn added(a: &[f64], b: &[f64], neurons: usize) -> Vec<f64> {
    let (length, at) = match a.len() == b.len() {
        true => (a.len(), [a.len(), b.len()]),
        false => (neurons, [a.len(), b.len()]),
    };
    (0..length).map(|i| a[i % at[0]] + b[i % at[1]]).collect()
}

/// Lists and kernels cannot feed the same neurons, whose thresholds they share; between lines a kernel is a list, too.
fn of_one_form(terms: Vec<Term>, to: Shape) -> Result<Vec<Term>, LoweringRefusal> {
    let is_list = |term: &Term| matches!(term.kernel.wiring, KernelWiring::Sparse { .. });
    if !terms.iter().any(is_list) {
        return Ok(terms);
    }
    terms.into_iter().map(|term| if is_list(&term) { Ok(term) } else { listed(term, to) }).collect()
}

/// A kernel between lines of neurons as a list of synapses.
fn listed(mut term: Term, to: Shape) -> Result<Term, LoweringRefusal> {
    let refused = |by: &str| {
        LoweringRefusal::here(format!(
            "adds {by} to a list of synapses, which only a line of neurons [1, 1, n] can be"
        ))
        .hint("give both inputs neurons of their own, or make it a `Sparse` too")
    };
    let KernelWiring::Conv { map, channels } = &term.kernel.wiring else { return Ok(term) };
    let line = (map.rows.input, map.rows.output, to.channels) == (1, 1, 1);
    if !line || channels.sources() != (0..1) || map.rows.reach(0, 0..1) != [(0, 0)] || map.rows.kernel != 1 {
        return Err(refused(&term.by));
    }
    let (mut sources, mut targets, mut weights) = (Vec::new(), Vec::new(), FloatArray::default());
    for source in 0..map.cols.input {
        for (target, tap) in map.cols.reach(source, 0..map.cols.output) {
            sources.push(source as u32);
            targets.push(target as u32);
            weights.push(term.kernel.weights.get(tap));
        }
    }
    term.kernel.wiring = KernelWiring::Sparse { sources, targets };
    term.kernel.weights = weights;
    Ok(term)
}

/// Terms of the same source and form as one.
fn merged(terms: Vec<Term>) -> Vec<Term> {
    let mut all: Vec<Term> = Vec::new();
    for term in terms {
        let same = |other: &&mut Term| {
            let lists =
                [&other.kernel.wiring, &term.kernel.wiring].map(|w| matches!(w, KernelWiring::Sparse { .. }));
            (other.kernel.source, other.kernel.delay) == (term.kernel.source, term.kernel.delay)
                && (lists == [true; 2] || other.kernel.wiring == term.kernel.wiring)
        };
        match all.iter_mut().find(same) {
            Some(other) => join(other, term),
            None => all.push(term),
        }
    }
    all
}

/// Adds a term of the same source and form.
fn join(sum: &mut Term, term: Term) {
    let KernelWiring::Sparse { sources, targets } = &sum.kernel.wiring else {
        let add = |sums: &mut [f64]| {
            sums.iter_mut().zip(term.kernel.weights.iter()).for_each(|(sum, weight)| *sum += weight);
        };
        sum.kernel.weights.edit(add);
        return;
    };
    let KernelWiring::Sparse { sources: more, targets: others } = &term.kernel.wiring else { return };
    let mut pairs: BTreeMap<(u32, u32), f64> = BTreeMap::new();
    let all = sources.iter().zip(targets).zip(sum.kernel.weights.iter());
    for ((&source, &target), weight) in all.chain(more.iter().zip(others).zip(term.kernel.weights.iter())) {
        *pairs.entry((source, target)).or_default() += weight;
    }
    let (ends, weights): (Vec<(u32, u32)>, Vec<f64>) = pairs.into_iter().unzip();
    let (sources, targets) = ends.into_iter().unzip();
    sum.kernel.wiring = KernelWiring::Sparse { sources, targets };
    sum.kernel.weights = weights.into();
}
