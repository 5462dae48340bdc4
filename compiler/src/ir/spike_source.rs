//! Spikes that the host draws as the input of a network, instead of reading them from a file.
//!
//! Place in the flow: an input layer of a model file holds one, a program carries it as numbers of its
//! [`WorkloadSpec`], and the simulator draws the spikes. Here is only what they are drawn from.

use serde::Serialize;

use super::NetworkId;
use super::workload::{DrivenNetwork, WorkloadSpec};

/// The kind of workload that carries sources.
pub const KIND: &str = "sources";
/// Seeds are carried as float64, which holds every whole number up to here.
pub const SEED_MAX: u64 = 1 << 53;

/// Where the input spikes of a network come from. Each neuron of the input has a rate r, spikes a timestep.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct SpikeSource {
    /// When a neuron of rate r fires.
    pub pattern: SpikePattern,
    /// Spikes a timestep, 0 to 1; with `of_input` those of an input value of 1.
    pub rate: f64,
    /// Whether each neuron's rate is `rate` times a value of a sample `[c, h, w]`; else all have the same.
    pub of_input: bool,
    /// Seed of the random draws, at most [`SEED_MAX`].
    pub seed: u64,
}

/// When a neuron of rate r fires.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub enum SpikePattern {
    /// In each timestep with probability r, whatever happened before: a Poisson process in bins of a timestep, each of
    /// which holds one spike at most.
    Poisson,
    /// In timestep t if `floor(phase + (t + 1) r) > floor(phase + t r)`: every 1 / r timesteps.
    Regular {
        /// Share of an interval that has passed before the first timestep, 0 to less than 1.
        phase: f64,
    },
}

impl SpikeSource {
    /// What is wrong with its numbers, if anything.
    pub fn problem(&self) -> Option<String> {
        let most = if self.of_input { f64::MAX } else { 1.0 };
        if !(0.0..=most).contains(&self.rate) {
            let expected = if self.of_input { "0 or more" } else { "0 to 1" };
            return Some(format!("the rate is {} spikes a timestep, expected {expected}", self.rate));
        }
        if self.seed > SEED_MAX {
            return Some(format!("the seed is {}, expected at most {SEED_MAX}", self.seed));
        }
        match self.pattern {
            SpikePattern::Regular { phase } if !(0.0..1.0).contains(&phase) => {
                Some(format!("the phase is {phase}, expected 0 to less than 1"))
            }
            SpikePattern::Poisson | SpikePattern::Regular { .. } => None,
        }
    }

    /// Enters the source of a network of so many input channels into what a program carries.
    pub fn enter(&self, spec: &mut WorkloadSpec, name: &str, (network, channels): (NetworkId, usize)) {
        spec.kind = KIND.into();
        spec.networks.insert(name.into(), DrivenNetwork { network, ranges: vec![(0.0, 1.0); channels] });
        let mut number = |what: &str, value: f64| spec.numbers.insert(format!("{name}.{what}"), value);
        number("rate", self.rate);
        number("of_input", f64::from(u8::from(self.of_input)));
        number("seed", self.seed as f64);
        if let SpikePattern::Regular { phase } = self.pattern {
            number("phase", phase);
        }
    }

    /// The source of a network, if a program carries one for it.
    ///
    /// # Errors
    /// What is wrong with the numbers that it carries.
    pub fn of(spec: Option<&WorkloadSpec>, network: NetworkId) -> Result<Option<Self>, String> {
        let Some(spec) = spec.filter(|spec| spec.kind == KIND) else { return Ok(None) };
        let Some((name, _)) = spec.networks.iter().find(|(_, driven)| driven.network == network) else {
            return Ok(None);
        };
        let number = |what: &str| spec.numbers.get(&format!("{name}.{what}")).copied();
        let seed = number("seed").unwrap_or(f64::NAN);
        if seed.fract() != 0.0 || !(0.0..=SEED_MAX as f64).contains(&seed) {
            return Err(format!("the seed of {name} is {seed}, expected a whole number"));
        }
        let source = Self {
            pattern: number("phase").map_or(SpikePattern::Poisson, |phase| SpikePattern::Regular { phase }),
            rate: number("rate").unwrap_or(f64::NAN),
            of_input: number("of_input") == Some(1.0),
            seed: seed as u64,
        };
        source.problem().map_or(Ok(Some(source)), Err)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SOURCE: SpikeSource =
        SpikeSource { pattern: SpikePattern::Poisson, rate: 0.25, of_input: false, seed: 7 };

    #[test]
    fn a_program_carries_all_of_a_source() {
        let regular = SpikePattern::Regular { phase: 0.5 };
        for source in [SOURCE, SpikeSource { pattern: regular, rate: 3.0, of_input: true, seed: SEED_MAX }] {
            let mut spec = WorkloadSpec::default();
            source.enter(&mut spec, "net", (NetworkId(1), 2));
            assert_eq!(SpikeSource::of(Some(&spec), NetworkId(1)), Ok(Some(source)));
            assert_eq!(SpikeSource::of(Some(&spec), NetworkId(0)), Ok(None));
            spec.numbers.insert("net.rate".into(), -1.0);
            assert!(SpikeSource::of(Some(&spec), NetworkId(1)).is_err());
            spec.kind = "generation".into();
            assert_eq!(SpikeSource::of(Some(&spec), NetworkId(1)), Ok(None));
        }
    }

    #[test]
    fn numbers_out_of_range_are_told() {
        let of = |change: fn(&mut SpikeSource)| {
            let mut source = SOURCE;
            change(&mut source);
            source.problem().unwrap_or_default()
        };
        assert_eq!(of(|_| {}), "");
        assert!(of(|s| s.rate = 1.5).contains("1.5 spikes a timestep, expected 0 to 1"));
        assert!(of(|s| s.rate = f64::NAN).contains("NaN"));
        assert_eq!(of(|s| (s.rate, s.of_input) = (1.5, true)), "");
        assert!(of(|s| s.pattern = SpikePattern::Regular { phase: 1.0 }).contains("the phase is 1"));
        assert!(of(|s| s.seed = SEED_MAX + 1).contains("the seed"));
    }
}
