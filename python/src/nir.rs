//! What Python says of what a NIR file leaves open.

use pyo3::prelude::*;
use snnc::Diagnostic;
use snnc::compiler::frontend::nir::dialect::Overrides;
use snnc::compiler::frontend::nir::{NirOptions, ReadOut};

use crate::errors::argument;

/// The keyword arguments of `snnc.load`.
#[derive(FromPyObject)]
#[pyo3(from_item_all)]
pub struct NirAsked {
    dialect: Option<String>,
    timesteps: Option<usize>,
    dt: Option<f64>,
    reset: Option<String>,
    compare: Option<String>,
    constant_input: bool,
    readout: Option<String>,
}

impl NirAsked {
    /// As the library takes them.
    ///
    /// # Errors
    /// An argument error for a word that is none of the option's.
    pub fn read(self) -> Result<NirOptions, Diagnostic> {
        let wrong = |option: &'static str| {
            move |message: String| argument(option, message, "docs/nir.md says what each means")
        };
        let strict = self.compare.map(|word| match word.as_str() {
            "at" => Ok(false),
            "above" => Ok(true),
            other => Err(wrong("compare")(format!("found \"{other}\", expected at or above"))),
        });
        let read_out = self.readout.map(|word| match word.as_str() {
            "sum" => Ok(ReadOut::Sum),
            "mean" => Ok(ReadOut::Mean),
            "last" => Ok(ReadOut::Last),
            other => Err(wrong("readout")(format!("found \"{other}\", expected sum, mean or last"))),
        });
        let overrides = Overrides {
            dialect: self.dialect.map(|word| word.parse().map_err(wrong("dialect"))).transpose()?,
            dt: self.dt,
            reset: self.reset.map(|word| word.parse().map_err(wrong("reset"))).transpose()?,
            strict: strict.transpose()?,
        };
        Ok(NirOptions {
            overrides,
            timesteps: self.timesteps,
            samples: None,
            constant_input: self.constant_input,
            read_out: read_out.transpose()?,
        })
    }
}
