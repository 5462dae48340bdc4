//! Neurons of a layer graph in the numbers of a NIR dialect.
//!
//! A NIR reader applies one convention to all neurons of a file, so all firing layers of a network must share
//! comparison and reset. Time constants and resistances are those from which the reader's formulas give the
//! neurons' own numbers back, to the last bit where a neighbouring float does.

use snnc_targets::{Code, Diagnostic, Diagnostics};

use crate::frontend::nir::dialect::{Conventions, Dialect, ResetRule};
use crate::frontend::nir::node::NirNeuron;
use crate::graph::{Graph, Op};
use crate::ir::Shape;
use crate::layers::{LeakyReset, MembraneRule, ResetStep, SpikeReset};
use crate::weights::Tensor;

/// Seconds of a timestep in files that are written.
const STEP: f64 = 1e-4;
/// How many neighbouring floats are tried.
const NEIGHBOURS: i64 = 16;

/// How the neurons of a file are written.
#[derive(Debug, Clone, Copy)]
pub struct Written {
    conventions: Conventions,
    /// Whether neurons said what they are.
    any: bool,
}

/// The numbers of neurons that fire.
struct FiringNumbers {
    membrane: MembraneRule,
    threshold: Vec<f64>,
    reset_to: Vec<f64>,
    reset: ResetRule,
    strict: bool,
}

/// The conventions that all neurons of a network share.
///
/// # Errors
/// [`Code::Unsupported`] for layers whose neurons do not share them, or start where no reader starts them.
pub fn common(graph: &Graph) -> Result<Written, Diagnostics> {
    let mut common: Option<(ResetRule, bool, String)> = None;
    let mut starts_at_reset = true;
    for layer in graph.net.node_weights() {
        let Some(found) = firing(&layer.op) else { continue };
        let refuse = |message: String, hint: &str| {
            Diagnostic::new(Code::Unsupported, graph.place(&layer.name), message).hint(hint.to_owned())
        };
        if refractory(&layer.op) > 0 {
            let message = "it is refractory after a spike, which NIR cannot say".into();
            return Err(refuse(message, "train without `refractory`").into());
        }
        let equal = |a: &[f64], b: &[f64]| {
            (0..a.len().max(b.len()))
                .all(|n| a[if a.len() == 1 { 0 } else { n }] == b[if b.len() == 1 { 0 } else { n }])
        };
        let (at_reset, at_zero) =
            (equal(&found.membrane.start, &found.reset_to), found.membrane.start.iter().all(|&v| v == 0.0));
        if !(at_reset || at_zero) {
            return Err(refuse(
                "its membrane starts neither at 0 nor at the reset, which NIR cannot say".into(),
                "start it at 0",
            )
            .into());
        }
        starts_at_reset &= at_reset;
        match &common {
            None => common = Some((found.reset, found.strict, layer.name.clone())),
            Some((reset, strict, _)) if (*reset, *strict) == (found.reset, found.strict) => {}
            Some((.., first)) => {
                let message = format!(
                    "its reset or comparison is not that of `{first}`, and a NIR file is read by one convention"
                );
                return Err(refuse(message, "give all neurons of the network the same").into());
            }
        }
    }
    let (reset, strict) = match &common {
        Some((reset, strict, _)) => (*reset, *strict),
        None => (ResetRule { kind: SpikeReset::Hard, when: ResetStep::Same }, true),
    };
    let dialect = match (reset.kind, reset.when, strict) {
        (SpikeReset::Subtract, ResetStep::Next, true) => Dialect::SnnTorch,
        (SpikeReset::Hard, ResetStep::Same, false) if starts_at_reset => Dialect::SpikingJelly,
        _ => Dialect::Lava,
    };
    let conventions = Conventions { dialect, guessed: false, dt: Some(STEP), reset, strict };
    Ok(Written { conventions, any: common.is_some() })
}

/// Timesteps after a spike in which a layer is silent.
fn refractory(op: &Op) -> u32 {
    match op {
        Op::Lif(lif) => lif.refractory,
        Op::If(neuron) => neuron.refractory,
        Op::Leaky(leaky) => leaky.refractory,
        _ => 0,
    }
}

/// The numbers of a layer that fires.
fn firing(op: &Op) -> Option<FiringNumbers> {
    let plain = |leak: Vec<f64>, gain: Vec<f64>, rest: f64| MembraneRule {
        leak,
        gain,
        rest: vec![rest],
        start: vec![rest],
        current: None,
    };
    let at_once = |subtract: bool| ResetRule {
        kind: if subtract { SpikeReset::Subtract } else { SpikeReset::Hard },
        when: ResetStep::Same,
    };
    Some(match op {
        Op::Lif(lif) => FiringNumbers {
            membrane: plain(
                vec![1.0 / lif.tau],
                vec![if lif.decay_input { 1.0 / lif.tau } else { 1.0 }],
                lif.reset,
            ),
            threshold: vec![lif.threshold],
            reset_to: vec![lif.reset],
            reset: at_once(lif.soft_reset),
            strict: lif.strict,
        },
        Op::If(neuron) => FiringNumbers {
            membrane: plain(vec![0.0], vec![1.0], 0.0),
            threshold: vec![neuron.threshold],
            reset_to: vec![0.0],
            reset: at_once(neuron.soft_reset),
            strict: neuron.strict,
        },
        Op::Leaky(leaky) => {
            let lost = |kept: &[f64]| kept.iter().map(|kept| 1.0 - kept).collect::<Vec<_>>();
            let mut membrane = plain(lost(&leaky.beta), vec![1.0], 0.0);
            membrane.current = leaky
                .alpha
                .as_ref()
                .map(|alpha| crate::layers::CurrentRule { keep: alpha.clone(), gain: vec![1.0] });
            let (kind, when) = match leaky.reset {
                LeakyReset::Subtract => (SpikeReset::Subtract, ResetStep::Next),
                LeakyReset::Zero => (SpikeReset::Hard, ResetStep::Next),
                LeakyReset::None => (SpikeReset::Nothing, ResetStep::Same),
            };
            let reset = ResetRule { kind, when };
            FiringNumbers {
                membrane,
                threshold: leaky.threshold.clone(),
                reset_to: vec![0.0],
                reset,
                strict: true,
            }
        }
        Op::Neuron(neuron) => FiringNumbers {
            membrane: neuron.membrane.clone(),
            threshold: neuron.threshold.clone(),
            reset_to: neuron.reset_to.clone(),
            reset: ResetRule { kind: neuron.reset, when: neuron.when },
            strict: neuron.strict,
        },
        _ => return None,
    })
}

impl Written {
    /// Seconds of a timestep.
    pub fn step(&self) -> f64 {
        STEP
    }

    /// The options that read the file back.
    pub fn options(&self) -> String {
        let Conventions { dialect, reset, strict, .. } = self.conventions;
        if !self.any || dialect != Dialect::Lava {
            return format!("--dialect {dialect}");
        }
        let comparison = if strict { "above" } else { "at" };
        format!("--dialect {dialect} --reset {} --compare {comparison}", reset.word())
    }

    /// A node of neurons, if the layer is one; their shape in NIR is `sides`.
    pub fn neuron(&self, op: &Op, shape: Shape, sides: Vec<usize>) -> Option<NirNeuron> {
        let (membrane, fires) = match op {
            Op::LeakyIntegrator(integrator) => (integrator.0.clone(), None),
            op => {
                let found = firing(op)?;
                (found.membrane, Some((found.threshold, found.reset_to)))
            }
        };
        let tensor = |values: &[f64]| {
            let at = |n: usize| match values.len() {
                1 => values[0],
                length if length == shape.channels => values[n / shape.positions()],
                _ => values[n],
            };
            Tensor::new(sides.clone(), (0..shape.len()).map(at).collect())
        };
        let (leak, gain, rest) = (tensor(&membrane.leak), tensor(&membrane.gain), tensor(&membrane.rest));
        let fires = fires.map(|(threshold, reset)| (tensor(&threshold), tensor(&reset)));
        let current = membrane.current.map(|current| (tensor(&current.keep), tensor(&current.gain)));
        Some(self.node((leak, gain, rest), current, fires))
    }

    /// A membrane that never fires, of gain 1 and this leak.
    pub fn integrator(&self, leak: f64, sides: Vec<usize>) -> NirNeuron {
        let tensor = |value: f64| Tensor::new(sides.clone(), vec![value; sides.iter().product()]);
        self.node((tensor(leak), tensor(1.0), tensor(0.0)), None, None)
    }

    fn node(
        &self,
        (leak, gain, rest): (Tensor, Tensor, Tensor),
        current: Option<(Tensor, Tensor)>,
        fires: Option<(Tensor, Tensor)>,
    ) -> NirNeuron {
        let c = &self.conventions;
        // A membrane without a leak that must have a time constant gets one that no step notices.
        let leaks = leak.data.iter().any(|leak| leak != 0.0) || current.is_some();
        let (mut taus, mut rs) = (Vec::new(), Vec::new());
        for (leak, gain) in leak.data.iter().zip(gain.data.iter()) {
            let tau = near(STEP / leak.max(f64::EPSILON / 4.0), leak, |tau| c.leaky(tau, 1.0).0);
            let r = match leaks {
                true => near(gain * tau / STEP, gain, |r| c.leaky(tau, r).1),
                false => near(gain / c.integrating(1.0), gain, |r| c.integrating(r)),
            };
            taus.push(tau);
            rs.push(r);
        }
        let shaped = |values: Vec<f64>| Tensor::new(leak.shape.clone(), values);
        let synapse = current.map(|(keep, gain)| {
            let each = keep.data.iter().zip(gain.data.iter()).map(|(keep, gain)| {
                let tau =
                    near(STEP / (1.0 - keep).max(f64::EPSILON / 4.0), keep, |tau| c.synapse(tau, 1.0).0);
                (tau, near(gain * tau / STEP, gain, |weight| c.synapse(tau, weight).1))
            });
            let (taus, weights): (Vec<f64>, Vec<f64>) = each.unzip();
            (shaped(taus), shaped(weights))
        });
        let kind = match (leaks, synapse.is_some(), fires.is_some()) {
            (_, true, true) => "CubaLIF",
            (_, true, false) => "CubaLI",
            (true, false, true) => "LIF",
            (true, false, false) => "LI",
            (false, false, true) => "IF",
            (false, false, false) => "I",
        };
        NirNeuron {
            kind,
            tau: leaks.then(|| shaped(taus)),
            synapse,
            r: shaped(rs),
            v_leak: leaks.then_some(rest),
            fires,
        }
    }
}

/// The float at or near `guess` whose image is nearest to `wanted`.
fn near(guess: f64, wanted: f64, image: impl Fn(f64) -> f64) -> f64 {
    let neighbour = |steps: i64| f64::from_bits(guess.to_bits().saturating_add_signed(steps));
    let error = |value: f64| (image(value) - wanted).abs();
    let mut best = guess;
    for value in (-NEIGHBOURS..=NEIGHBOURS).map(neighbour).filter(|value| value.is_finite()) {
        if error(value) < error(best) {
            best = value;
        }
    }
    best
}
