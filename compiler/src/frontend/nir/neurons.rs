//! Neurons of NIR as layers, by the conventions of a dialect.

use snnc_targets::{Code, Diagnostic, Diagnostics};

use super::dialect::{Conventions, number};
use super::node::{NirFile, NirNeuron, place};
use crate::frontend::model::OpSpec;
use crate::ir::Shape;
use crate::layers::{
    CurrentSpec, LeakyIntegratorSpec, LeakySumSpec, NeuronSpec, Parameter, ScaleSpec, SpikeReset, SumOverTime,
};

/// Where the numbers of a layer go that are more than one: gives the reference to a tensor of that name.
pub trait TensorStore {
    /// Keeps a tensor of one value a channel or a neuron.
    fn keep(&mut self, name: &str, values: Vec<f64>) -> Parameter;
}

/// A node of neurons.
pub struct NeuronNode<'a> {
    /// The file, for diagnostics.
    pub file: &'a NirFile,
    /// The node's path in it.
    pub name: &'a str,
    /// The node.
    pub neuron: &'a NirNeuron,
    /// Shape of the neurons.
    pub shape: Shape,
    /// How they step.
    pub conventions: &'a Conventions,
}

/// The numbers of a membrane, one a neuron.
struct Membrane {
    leak: Vec<f64>,
    gain: Vec<f64>,
    rest: Vec<f64>,
    start: Vec<f64>,
    /// Part that is kept, and gain.
    current: Option<(Vec<f64>, Vec<f64>)>,
}

impl NeuronNode<'_> {
    /// The layer; a membrane that does not fire is one too.
    ///
    /// # Errors
    /// [`Code::ModelInvalid`] for time constants that the timestep is too long for, or that are no times.
    pub fn layer(&self, store: &mut dyn TensorStore) -> Result<OpSpec, Diagnostics> {
        let membrane = self.membrane()?;
        let mut keep = |name: &str, values: &[f64]| parameter(store, name, values, self.shape);
        let leak = keep("leak", &membrane.leak);
        let gain = keep("gain", &membrane.gain);
        let rest = keep("rest", &membrane.rest);
        let start = keep("start", &membrane.start);
        let current = membrane
            .current
            .as_ref()
            .map(|(kept, gain)| CurrentSpec { keep: keep("keep", kept), gain: keep("current_gain", gain) });
        let Some((threshold, v_reset)) = &self.neuron.fires else {
            return Ok(LeakyIntegratorSpec { leak, gain, rest, start, current }.into());
        };
        let reset = self.conventions.reset;
        let reset_to = match reset.kind {
            SpikeReset::Hard => keep("reset_to", &self.each(|n| number(v_reset, n))),
            SpikeReset::Subtract | SpikeReset::Nothing => Parameter::Number(0.0),
        };
        Ok(NeuronSpec {
            leak,
            gain,
            rest,
            start,
            current,
            threshold: keep("threshold", &self.each(|n| number(threshold, n))),
            strict: self.conventions.strict,
            reset: reset.kind,
            reset_to,
            when: reset.when,
        }
        .into())
    }

    /// For a membrane that does not fire and that the network ends in: the read-out that is its last value, with a
    /// factor before it, if a chip has one.
    ///
    /// # Errors
    /// Those of [`NeuronNode::layer`].
    pub fn read_out(
        &self,
        store: &mut dyn TensorStore,
    ) -> Result<Option<(Option<OpSpec>, OpSpec)>, Diagnostics> {
        let Membrane { leak, gain, rest, start, current } = self.membrane()?;
        let plain = current.is_none() && [&start, &rest].into_iter().flatten().all(|&v| v == 0.0);
        if !plain || leak.iter().any(|&other| other != leak[0]) {
            return Ok(None);
        }
        let positions = self.shape.positions();
        if gain.chunks(positions).any(|channel| channel.iter().any(|&other| other != channel[0])) {
            return Ok(None);
        }
        let scale = gain
            .iter()
            .any(|&gain| gain != 1.0)
            .then(|| OpSpec::from(ScaleSpec { factor: parameter(store, "gain", &gain, self.shape) }));
        let sum = match leak[0] {
            0.0 => OpSpec::from(SumOverTime),
            leak => OpSpec::from(LeakySumSpec { beta: 1.0 - leak }),
        };
        Ok(Some((scale, sum)))
    }

    fn each(&self, value: impl Fn(usize) -> f64) -> Vec<f64> {
        (0..self.shape.len()).map(value).collect()
    }

    fn membrane(&self) -> Result<Membrane, Diagnostics> {
        let (neuron, conventions) = (self.neuron, self.conventions);
        self.check_times()?;
        let moves = |n: usize| match &neuron.tau {
            Some(tau) => conventions.leaky(number(tau, n), number(&neuron.r, n)),
            None => (0.0, conventions.integrating(number(&neuron.r, n))),
        };
        let (leak, gain): (Vec<f64>, Vec<f64>) = (0..self.shape.len()).map(moves).unzip();
        let current: Option<(Vec<f64>, Vec<f64>)> = neuron.synapse.as_ref().map(|(tau, weight)| {
            (0..self.shape.len()).map(|n| conventions.synapse(number(tau, n), number(weight, n))).unzip()
        });
        let kept = current.iter().flat_map(|(kept, _)| kept.iter().map(|kept| 1.0 - kept));
        if let Some(lost) = leak.iter().copied().chain(kept).find(|lost| !(0.0..=1.0).contains(lost)) {
            let dt = conventions.dt.unwrap_or(1.0);
            let message = format!(
                "a timestep of {dt} s is longer than a time constant: a step would lose {lost} of it"
            );
            return Err(Diagnostic::new(Code::ModelInvalid, place(&self.file.path, self.name), message)
                .hint("give a shorter timestep with --nir-dt, or another --dialect")
                .into());
        }
        let rest = self.each(|n| neuron.v_leak.as_ref().map_or(0.0, |leak| number(leak, n)));
        let start = self.each(|n| match &neuron.fires {
            Some((_, reset)) if conventions.starts_at_reset() => number(reset, n),
            _ => 0.0,
        });
        Ok(Membrane { leak, gain, rest, start, current })
    }

    /// Times are above 0, but where snnTorch's exporter writes negative ones.
    fn check_times(&self) -> Result<(), Diagnostic> {
        let taus = self.neuron.parameters().into_iter().filter(|(name, _)| name.starts_with("tau"));
        let wrong = |tau: f64| tau == 0.0 || (tau < 0.0 && !self.conventions.clips());
        for (name, tau) in taus {
            let Some(n) = tau.data.iter().position(wrong) else { continue };
            let part = format!("{}.{name}", self.name);
            let message =
                format!("element {n} (row-major) is {} s, expected a time above 0", tau.data.get(n));
            let hint =
                "snnTorch's exporter writes negative times for a beta above 1: is it --dialect snntorch?";
            return Err(
                Diagnostic::new(Code::ModelInvalid, place(&self.file.path, &part), message).hint(hint)
            );
        }
        Ok(())
    }
}

/// One number if all are equal, else a tensor of one a channel if that is enough, else of one a neuron.
pub fn parameter(store: &mut dyn TensorStore, name: &str, values: &[f64], shape: Shape) -> Parameter {
    if values.iter().all(|value| *value == values[0]) {
        return Parameter::Number(values[0]);
    }
    let mut channels = values.chunks(shape.positions());
    let values = match channels.all(|channel| channel.iter().all(|value| *value == channel[0])) {
        true => values.iter().copied().step_by(shape.positions()).collect(),
        false => values.to_vec(),
    };
    store.keep(name, values)
}
