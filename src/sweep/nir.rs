//! How the model of a sweep is read if it is a NIR file: the group `nir` of `sweep.ron`, whose fields are those options
//! of the command line. Words that are none of an option's are refused where they stand.

use std::path::Path;
use std::str::FromStr;

use serde::de::Error;
use serde::{Deserialize, Deserializer};
use snnc_compiler::frontend::nir::dialect::Overrides;
use snnc_compiler::frontend::nir::{Dialect, NirOptions, ReadOut, ResetRule};

use crate::samples::input::sides;

/// What a NIR file leaves open.
#[derive(Debug, Clone, Default, PartialEq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct NirFields {
    /// Whose conventions it is read by.
    #[serde(deserialize_with = "word")]
    pub dialect: Option<Dialect>,
    /// Timesteps of a pass; left out, those of the samples.
    #[serde(deserialize_with = "some")]
    pub timesteps: Option<usize>,
    /// Seconds of a timestep.
    #[serde(deserialize_with = "some")]
    pub dt: Option<f64>,
    /// What a spike does, and when.
    #[serde(deserialize_with = "word")]
    pub reset: Option<ResetRule>,
    /// Whether it takes more than the threshold to fire: `above`, else `at`.
    #[serde(deserialize_with = "compare")]
    pub compare: Option<bool>,
    /// Whether the input is one map for all timesteps.
    pub constant_input: bool,
    /// What of the Output's series is the result: `sum`, `mean` or `last`.
    #[serde(deserialize_with = "read_out")]
    pub readout: Option<ReadOut>,
}

impl NirFields {
    /// As the reader takes them; samples in an array say the timesteps where no field does.
    pub fn options(&self, samples: Option<&Path>) -> NirOptions {
        NirOptions {
            overrides: Overrides {
                dialect: self.dialect,
                dt: self.dt,
                reset: self.reset,
                strict: self.compare,
            },
            timesteps: self.timesteps,
            samples: samples.and_then(sides),
            constant_input: self.constant_input,
            read_out: self.readout,
        }
    }
}

/// A value of a field that may be left out, written without `Some`.
fn some<'de, D: Deserializer<'de>, T: Deserialize<'de>>(value: D) -> Result<Option<T>, D::Error> {
    T::deserialize(value).map(Some)
}

fn word<'de, D: Deserializer<'de>, T: FromStr<Err = String>>(value: D) -> Result<Option<T>, D::Error> {
    String::deserialize(value)?.parse().map(Some).map_err(D::Error::custom)
}

fn compare<'de, D: Deserializer<'de>>(value: D) -> Result<Option<bool>, D::Error> {
    one_of(&String::deserialize(value)?, &[("at", false), ("above", true)])
}

fn read_out<'de, D: Deserializer<'de>>(value: D) -> Result<Option<ReadOut>, D::Error> {
    let known = [("sum", ReadOut::Sum), ("mean", ReadOut::Mean), ("last", ReadOut::Last)];
    one_of(&String::deserialize(value)?, &known)
}

fn one_of<T: Copy, E: Error>(word: &str, known: &[(&str, T)]) -> Result<Option<T>, E> {
    let found = known.iter().find(|(name, _)| *name == word).map(|&(_, value)| value);
    let names = || known.iter().map(|(name, _)| *name).collect::<Vec<_>>().join(", ");
    found.map(Some).ok_or_else(|| E::custom(format!("expected one of {}", names())))
}
