//! What NIR leaves open, as each framework decides it: the length of a timestep, how an equation becomes a step,
//! when a neuron fires, and what a spike does.
//!
//! A NIR file says differential equations. Frameworks step them in different ways, and their exporters undo their
//! own way when they write; so the same numbers mean other spikes in another framework. Sources: the code of each
//! framework's own NIR module (snnTorch 1.0.0, SpikingJelly 2.0.0, Norse 1.1.0, Sinabs 3.1.3, Rockpool 3.1.0), and
//! traces recorded from them; docs/nir.md has the table.

use std::fmt;
use std::str::FromStr;

use snnc_targets::{Code, Diagnostic, Place, Subject};

use super::flat::{Flat, FlatNode};
use super::node::{NirNeuron, NirNode};
use crate::layers::{ResetStep, SpikeReset};
use crate::weights::Tensor;

/// The timestep that snnTorch, SpikingJelly and Lava write into their files, in seconds.
const USUAL_STEP: f64 = 1e-4;
/// Relative difference up to which numbers of a file count as equal: they are 32-bit floats.
const EQUAL: f64 = 1e-5;

macro_rules! dialects {
    ($($name:ident $word:literal $about:literal;)*) => {
        /// Whose conventions a file is read by.
        #[derive(Debug, Clone, Copy, PartialEq, Eq)]
        pub enum Dialect { $(#[doc = $about] $name,)* }

        impl Dialect {
            /// All, in the order of the documentation.
            pub const ALL: &'static [Self] = &[$(Self::$name,)*];

            /// Its name on the command line.
            pub fn word(self) -> &'static str {
                match self { $(Self::$name => $word,)* }
            }
        }
    };
}

dialects! {
    SnnTorch "snntorch" "snnTorch: forward Euler, strict, reset by subtraction one step later.";
    SpikingJelly "spikingjelly" "SpikingJelly: forward Euler, fires at the threshold, hard reset, starts at the reset.";
    Norse "norse" "Norse: forward Euler, strict, hard reset; an IF adds its input whole.";
    Sinabs "sinabs" "Sinabs: time in steps, exponential decay, input whole, fires at the threshold, subtracts.";
    Rockpool "rockpool" "Rockpool: exponential decay, input whole, fires at the threshold, subtracts.";
    Lava "lava" "Lava: forward Euler, strict, hard reset.";
    Nengo "nengo" "Nengo: exponential Euler, strict, hard reset.";
    Exact "exact" "NIR's own text: exact for an input that is constant within a step, strict, hard reset.";
}

impl fmt::Display for Dialect {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.word())
    }
}

impl FromStr for Dialect {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let found = Self::ALL.iter().find(|dialect| dialect.word() == text);
        found.copied().ok_or_else(|| format!("expected one of {}", words()))
    }
}

/// The dialects in words.
fn words() -> String {
    Dialect::ALL.iter().map(|dialect| dialect.word()).collect::<Vec<_>>().join(", ")
}

/// A reset as the command line names it: what a spike does, and when.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ResetRule {
    /// What it does.
    pub kind: SpikeReset,
    /// When.
    pub when: ResetStep,
}

/// Names of resets.
const RESETS: [(&str, SpikeReset, ResetStep); 6] = [
    ("hard", SpikeReset::Hard, ResetStep::Same),
    ("subtract", SpikeReset::Subtract, ResetStep::Same),
    ("none", SpikeReset::Nothing, ResetStep::Same),
    ("hard-next", SpikeReset::Hard, ResetStep::Next),
    ("subtract-next", SpikeReset::Subtract, ResetStep::Next),
    ("blank-next", SpikeReset::Hard, ResetStep::NextWithInput),
];

impl FromStr for ResetRule {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let found = RESETS.iter().find(|(name, ..)| *name == text);
        found
            .map(|&(_, kind, when)| Self { kind, when })
            .ok_or_else(|| format!("expected one of {}", RESETS.map(|(name, ..)| name).join(", ")))
    }
}

impl ResetRule {
    /// Its name on the command line.
    pub fn word(self) -> &'static str {
        let same =
            |&&(_, kind, when): &&(&str, SpikeReset, ResetStep)| (kind, when) == (self.kind, self.when);
        // Of a reset that does nothing it does not matter when.
        RESETS.iter().find(same).map_or("none", |(name, ..)| name)
    }
}

impl fmt::Display for ResetRule {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match (self.kind, self.when) {
            (SpikeReset::Hard, ResetStep::Same) => "a spike sets the membrane to v_reset at once",
            (SpikeReset::Subtract, ResetStep::Same) => "a spike takes the threshold off the membrane at once",
            (SpikeReset::Nothing, _) => "a spike leaves the membrane as it is",
            (SpikeReset::Hard, ResetStep::Next) => {
                "a spike sets the membrane to v_reset before the next step"
            }
            (SpikeReset::Hard, ResetStep::NextWithInput) => {
                "a spike sets the membrane to v_reset in the next step, whose input is lost"
            }
            (SpikeReset::Subtract, _) => "a spike takes the threshold off the membrane in the next step",
        })
    }
}

/// What is decided beside the file.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct Overrides {
    /// Whose conventions; guessed where the file makes it certain.
    pub dialect: Option<Dialect>,
    /// Seconds of a timestep.
    pub dt: Option<f64>,
    /// Another reset.
    pub reset: Option<ResetRule>,
    /// Whether it takes more than the threshold to fire.
    pub strict: Option<bool>,
}

/// How the neurons of a file step.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Conventions {
    /// Whose.
    pub dialect: Dialect,
    /// Whether the file said so.
    pub guessed: bool,
    /// Seconds of a timestep; none where time is counted in steps.
    pub dt: Option<f64>,
    /// What a spike does.
    pub reset: ResetRule,
    /// Whether it takes more than the threshold to fire.
    pub strict: bool,
}

impl fmt::Display for Conventions {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let how = if self.guessed { "guessed from the file" } else { "as asked for" };
        write!(f, "read as {} writes NIR ({how}): ", self.dialect)?;
        match self.dt {
            Some(dt) => write!(f, "a timestep is {dt} s, ")?,
            None => f.write_str("time constants are in timesteps, ")?,
        }
        f.write_str(match self.dialect {
            Dialect::SnnTorch | Dialect::SpikingJelly | Dialect::Norse | Dialect::Lava => "forward Euler",
            Dialect::Nengo | Dialect::Exact => "exact for an input that is constant within a step",
            Dialect::Sinabs | Dialect::Rockpool => "exponential decay, inputs whole",
        })?;
        let comparison = if self.strict { "above" } else { "at" };
        write!(f, "; neurons fire {comparison} the threshold, {}; ", self.reset)?;
        f.write_str("spikes that come back act in the next step")
    }
}

impl Conventions {
    /// As asked for, else as the file makes certain.
    ///
    /// # Errors
    /// [`Code::Argument`] where it is not certain, with the choices and what the file's numbers fit; for a timestep
    /// that is no time, or one that is missing.
    pub fn of(flat: &Flat<'_>, asked: &Overrides) -> Result<Self, Diagnostic> {
        let guess = guess(flat);
        let dialect = match asked.dialect.or(guess) {
            Some(dialect) => dialect,
            None if !matters(flat) => Dialect::Exact,
            None => return Err(undecided(flat)),
        };
        let (reset, strict) = match dialect {
            Dialect::SnnTorch => ("subtract-next", true),
            Dialect::SpikingJelly => ("hard", false),
            Dialect::Norse | Dialect::Lava | Dialect::Nengo | Dialect::Exact => ("hard", true),
            Dialect::Sinabs | Dialect::Rockpool => ("subtract", false),
        };
        let reset = reset
            .parse()
            .map_err(|why: String| Diagnostic::new(Code::Argument, Place::file(&flat.file.path), why))?;
        let own = match dialect {
            Dialect::SnnTorch | Dialect::SpikingJelly | Dialect::Lava => Some(USUAL_STEP),
            // The default of their own readers.
            Dialect::Norse | Dialect::Nengo => Some(1e-3),
            Dialect::Rockpool => rockpool_step(flat).or(Some(1e-3)),
            Dialect::Sinabs | Dialect::Exact => None,
        };
        let dt = asked.dt.or(own);
        check_step(dialect, asked.dt, dt, flat)?;
        Ok(Self {
            dialect,
            guessed: asked.dialect.is_none(),
            dt,
            reset: asked.reset.unwrap_or(reset),
            strict: asked.strict.unwrap_or(strict),
        })
    }

    /// Where membranes start: where a spike leaves them in SpikingJelly, else at 0.
    pub fn starts_at_reset(&self) -> bool {
        self.dialect == Dialect::SpikingJelly
    }

    /// Part of the membrane that a step loses and by how much a unit of current moves it, of a leak of `tau` and a
    /// resistance `r`.
    pub fn leaky(&self, tau: f64, r: f64) -> (f64, f64) {
        let steps = self.dt.unwrap_or(1.0) / tau;
        let lost = -(-steps).exp_m1();
        match self.dialect {
            // Its exporter writes (1 - beta) into tau and r, also of a beta that running clips to 1.
            Dialect::SnnTorch => (steps.clamp(0.0, 1.0), steps * r),
            Dialect::SpikingJelly | Dialect::Norse | Dialect::Lava => (steps, steps * r),
            Dialect::Nengo | Dialect::Exact => (lost, lost * r),
            // Its exporter writes r = tau / dt exp(-dt / tau) for neurons that take their input whole.
            Dialect::Rockpool => (lost, steps * r * steps.exp()),
            Dialect::Sinabs => (lost, r),
        }
    }

    /// The same of a synaptic current with time constant `tau` and input weight `weight`: the part that a step keeps,
    /// and by how much a unit of input moves it.
    pub fn synapse(&self, tau: f64, weight: f64) -> (f64, f64) {
        let steps = self.dt.unwrap_or(1.0) / tau;
        let kept = (-steps).exp();
        match self.dialect {
            Dialect::SnnTorch => ((1.0 - steps).clamp(0.0, 1.0), steps * weight),
            Dialect::SpikingJelly | Dialect::Norse | Dialect::Lava => (1.0 - steps, steps * weight),
            Dialect::Nengo | Dialect::Exact => (kept, -(-steps).exp_m1() * weight),
            // The input joins before the decay.
            Dialect::Rockpool | Dialect::Sinabs => (kept, kept * weight),
        }
    }

    /// By how much a unit of current moves a membrane without a leak, of resistance `r`.
    pub fn integrating(&self, r: f64) -> f64 {
        match self.dialect {
            // Their readers add the input as it is.
            Dialect::SnnTorch | Dialect::Norse | Dialect::Sinabs => r,
            _ => r * self.dt.unwrap_or(1.0),
        }
    }

    /// Whether a beta above 1, which its exporter writes as a negative time constant, is clipped to 1.
    pub fn clips(&self) -> bool {
        self.dialect == Dialect::SnnTorch
    }

    /// What is said about synaptic currents where each equation is solved by itself.
    pub fn remark_on_currents(&self, flat: &Flat<'_>) -> Option<String> {
        let solved = matches!(self.dialect, Dialect::Nengo | Dialect::Exact);
        (solved && neurons(flat).any(|(_, neuron)| neuron.synapse.is_some())).then(|| {
            "a synaptic current is taken as constant within a step, at its value after the step: each of the two \
             equations is solved exactly, not both together"
                .into()
        })
    }

    /// What is said about clipped time constants.
    pub fn remark(&self, name: &str, tau: &Tensor) -> Option<String> {
        let negative = tau.data.iter().filter(|&tau| tau < 0.0).count();
        (self.clips() && negative > 0).then(|| {
            format!(
                "`{name}`: {negative} of {} neurons have a negative time constant: their beta was learned above 1, \
                 which snnTorch clips to 1 when it runs and its exporter does not; taken as 1",
                tau.data.len()
            )
        })
    }
}

/// Neurons of a graph with their names.
fn neurons<'a>(flat: &'a Flat<'_>) -> impl Iterator<Item = (&'a str, &'a NirNeuron)> {
    flat.nodes.iter().filter_map(|(name, node)| match node {
        FlatNode::Node(NirNode::Neuron(neuron)) => Some((name.as_str(), neuron)),
        _ => None,
    })
}

/// Whether anything of a graph depends on the dialect.
fn matters(flat: &Flat<'_>) -> bool {
    flat.nodes.iter().any(|(_, node)| {
        matches!(node, FlatNode::Node(NirNode::Neuron(_) | NirNode::Threshold(_) | NirNode::Delay(_)))
    })
}

/// The dialect of a file, where its names or numbers leave no other.
fn guess(flat: &Flat<'_>) -> Option<Dialect> {
    let ends = |ending: &str| flat.nodes.iter().any(|(name, _)| name.ends_with(ending));
    if ["LIFNeuronTorch", "LIFTorch", "ExpSynTorch"].into_iter().any(ends) {
        return Some(Dialect::Rockpool);
    }
    // A recurrent layer is exported as a subgraph of these.
    if ends(".w_rec") && ends(".lif") {
        return Some(Dialect::SnnTorch);
    }
    // Only SpikingJelly writes an IF by its timestep.
    let integrating: Vec<&NirNeuron> = neurons(flat).map(|(_, n)| n).filter(|n| n.kind == "IF").collect();
    let by_step = |neuron: &&NirNeuron| neuron.r.data.iter().all(|r| equal(r, 1.0 / USUAL_STEP));
    (!integrating.is_empty() && integrating.iter().all(by_step)).then_some(Dialect::SpikingJelly)
}

fn equal(a: f64, b: f64) -> bool {
    (a - b).abs() <= EQUAL * a.abs().max(b.abs())
}

/// The number of a neuron, of a parameter with one for all or one each.
pub(super) fn number(tensor: &Tensor, n: usize) -> f64 {
    tensor.data.get(if tensor.data.len() == 1 { 0 } else { n })
}

/// The timestep by which all of a file's neurons are as Rockpool writes them, `r = tau / dt exp(-dt / tau)`.
fn rockpool_step(flat: &Flat<'_>) -> Option<f64> {
    let mut step: Option<f64> = None;
    for (_, neuron) in neurons(flat) {
        let tau = neuron.tau.as_ref()?;
        for n in 0..tau.data.len().max(neuron.r.data.len()) {
            let (tau, r) = (number(tau, n), number(&neuron.r, n));
            if !(tau > 0.0 && r > 0.0) {
                return None;
            }
            // x exp(x) = 1 / r, by Newton's method from a start above the root.
            let mut x = (1.0 / r).min(700.0);
            for _ in 0..100 {
                x -= (x - (-x).exp() / r) / (1.0 + (-x).exp() / r);
            }
            let found = x * tau;
            match step {
                Some(step) if !equal(step, found) => return None,
                Some(_) => {}
                None => step = Some(found),
            }
        }
    }
    step.filter(|step| step.is_finite() && *step > 0.0)
}

fn undecided(flat: &Flat<'_>) -> Diagnostic {
    let by_step = neurons(flat).filter(|(_, neuron)| neuron.tau.is_some()).all(|(_, neuron)| {
        let tau = neuron.tau.as_ref().unwrap_or(&neuron.r);
        (0..tau.data.len().max(neuron.r.data.len()))
            .all(|n| equal(number(&neuron.r, n), number(tau, n) / USUAL_STEP))
    });
    let leaky = neurons(flat).any(|(_, neuron)| neuron.tau.is_some());
    let whole = neurons(flat).all(|(_, neuron)| neuron.r.data.iter().all(|r| r == 1.0));
    let fits = if leaky && by_step {
        "; r is tau / 0.0001 s in every neuron, as snntorch writes it, and spikingjelly with decay_input=False"
    } else if whole {
        "; r is 1 in every neuron, as norse, sinabs, lava and nengo expect it, and spikingjelly with decay_input=True"
    } else {
        ""
    };
    let message = format!(
        "the file does not say how its equations become timesteps, nor what a spike does to the membrane{fits}"
    );
    Diagnostic::new(Code::Argument, Place::file(&flat.file.path), message)
        .hint(format!("say which framework it is from with --dialect: {}", words()))
}

/// The timestep is a time, there is one where it is needed, and none where it would change nothing.
fn check_step(
    dialect: Dialect,
    asked: Option<f64>,
    dt: Option<f64>,
    flat: &Flat<'_>,
) -> Result<(), Diagnostic> {
    if let Some(given) = asked {
        let refused =
            |message: &str| Diagnostic::new(Code::Argument, Subject::value("--nir-dt", given), message);
        if !(given.is_finite() && given > 0.0) {
            return Err(refused("expected seconds of a timestep, above 0").hint("often 1e-4 or 1e-3"));
        }
        if dialect == Dialect::Sinabs {
            return Err(refused("would change nothing: Sinabs writes time constants in timesteps")
                .hint("leave it out"));
        }
    }
    if dt.is_none() && dialect == Dialect::Exact && matters(flat) {
        let message = "the file says times in seconds, and not how long a timestep is";
        return Err(Diagnostic::new(Code::Argument, Place::file(&flat.file.path), message)
            .hint("give the seconds of a timestep with --nir-dt, for example 1e-4"));
    }
    Ok(())
}
