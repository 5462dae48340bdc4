//! Cases of the generation workload: what was recorded, typed and seen to fit the model.
//!
//! All records are read before anything is run, and all that is wrong is reported at once.

use std::collections::BTreeSet;

use snnc_compiler::event_driven::EventDriven;
use snnc_compiler::ir::Shape;
use snnc_simulator::workload::generation::{LoopParameters, RecordedUniforms};
use snnc_targets::{Diagnostic, Diagnostics};

use super::Networks;
use crate::golden::file::GoldenFile;
use crate::golden::records::{GoldenValues, RecordedSpikes, map_shapes};

/// `sdid.K`.
pub(super) struct DenoiserCase {
    pub tokens: Vec<u32>,
    pub t: u32,
    pub spikes: Vec<RecordedSpikes>,
    pub logits: Option<GoldenValues<f64>>,
}

/// `decoder.K`.
pub(super) struct DecoderCase {
    pub tokens: Vec<u32>,
    pub spikes: Vec<RecordedSpikes>,
    pub membrane: Option<GoldenValues<f64>>,
}

/// `encoder.K`.
pub(super) struct EncoderCase {
    pub pixels: Vec<u8>,
    pub spikes: Vec<RecordedSpikes>,
    pub tokens: Option<GoldenValues<u32>>,
}

/// `loop.K`.
pub(super) struct LoopCase {
    pub parameters: LoopParameters,
    pub uniforms: RecordedUniforms,
    /// After each iteration, `[iterations, h, w]`.
    pub tokens: Option<GoldenValues<u32>>,
    pub membrane: Option<GoldenValues<f64>>,
    pub pixels: Option<GoldenValues<u8>>,
}

/// All cases of a golden file.
pub(super) struct Cases {
    pub denoiser: Vec<DenoiserCase>,
    pub decoder: Vec<DecoderCase>,
    pub encoder: Vec<EncoderCase>,
    pub loops: Vec<LoopCase>,
    /// Keys that name none of these.
    pub ignored: Vec<String>,
}

impl Cases {
    /// Reads every case of `golden`.
    ///
    /// # Errors
    /// [`snnc_targets::Code::GoldenInvalid`] for each record that is missing, malformed or does not fit the model.
    pub(super) fn read(golden: &GoldenFile, networks: &Networks<'_>) -> Result<Self, Diagnostics> {
        let mut errors = Diagnostics::default();
        let reader = CaseReader { golden, networks };
        let cases = Self {
            denoiser: reader.all("sdid", CaseReader::denoiser, &mut errors),
            decoder: reader.all("decoder", CaseReader::decoder, &mut errors),
            encoder: reader.all("encoder", CaseReader::encoder, &mut errors),
            loops: reader.all("loop", CaseReader::generation, &mut errors),
            ignored: golden.keys().filter(|key| parts(key).is_none()).map(str::to_owned).collect(),
        };
        errors.into_result(cases)
    }
}

/// (group, K, rest) of a key that the check knows.
fn parts(key: &str) -> Option<(&str, u32, &str)> {
    let (group, rest) = key.split_once('.')?;
    let (number, what) = rest.split_once('.')?;
    let known: &[&str] = match group {
        "sdid" => &["tokens", "t", "logits"],
        "decoder" => &["tokens", "membrane"],
        "encoder" => &["pixels", "tokens"],
        "loop" => &["u_unmask", "u_token", "tokens", "membrane", "pixels"],
        _ => return None,
    };
    let known = known.contains(&what) || (group != "loop" && what.starts_with("spikes."));
    let case = number.parse().ok().filter(|n: &u32| n.to_string() == number)?;
    known.then_some((group, case, what))
}

/// Reads cases; every reader gives the first fault of its case.
struct CaseReader<'a, 'm> {
    golden: &'a GoldenFile,
    networks: &'a Networks<'m>,
}

impl CaseReader<'_, '_> {
    /// The cases of a group, ascending by K.
    fn all<C>(
        &self,
        group: &str,
        read: impl Fn(&Self, &str) -> Result<C, Diagnostic>,
        errors: &mut Diagnostics,
    ) -> Vec<C> {
        let numbers: BTreeSet<u32> =
            self.golden.keys().filter_map(parts).filter(|p| p.0 == group).map(|p| p.1).collect();
        let mut cases = Vec::new();
        for number in numbers {
            match read(self, &format!("{group}.{number}")) {
                Ok(case) => cases.push(case),
                Err(error) => errors.push(error),
            }
        }
        cases
    }

    fn denoiser(&self, case: &str) -> Result<DenoiserCase, Diagnostic> {
        let network = self.networks.denoiser();
        let mask = self.networks.parameters.mask;
        let t = self.golden.numbers(&format!("{case}.t"), &[vec![1], vec![]], u32::MAX)?;
        Ok(DenoiserCase {
            tokens: self.golden.numbers(&format!("{case}.tokens"), &[self.grid()], mask)?,
            t: t[0],
            spikes: self.golden.spikes(case, network)?,
            logits: self.golden.map(format!("{case}.logits"), network.output_shape())?,
        })
    }

    fn decoder(&self, case: &str) -> Result<DecoderCase, Diagnostic> {
        let network = self.networks.decoder();
        Ok(DecoderCase {
            tokens: self.golden.numbers(&format!("{case}.tokens"), &[self.grid()], self.last_code())?,
            spikes: self.golden.spikes(case, network)?,
            membrane: self.golden.map(format!("{case}.membrane"), network.output_shape())?,
        })
    }

    fn encoder(&self, case: &str) -> Result<EncoderCase, Diagnostic> {
        let Some(network) = self.networks.encoder.as_ref().map(EventDriven::interpreter) else {
            return Err(self
                .golden
                .invalid(case, "is a case of the encoder, but the model's pipeline names none"));
        };
        let grid = network.output_shape();
        let shapes = map_shapes(Shape { channels: 1, ..grid });
        Ok(EncoderCase {
            pixels: self
                .golden
                .bytes(&format!("{case}.pixels"), &map_shapes(network.input_shape()))?
                .to_vec(),
            spikes: self.golden.spikes(case, network)?,
            tokens: self.golden.optional(format!("{case}.tokens"), |key| {
                self.golden.numbers(key, &shapes, self.last_code())
            })?,
        })
    }

    fn generation(&self, case: &str) -> Result<LoopCase, Diagnostic> {
        let unmask_key = format!("{case}.u_unmask");
        let iterations = self.golden.shape(&unmask_key)?.first().copied().unwrap_or(0);
        if iterations == 0 || u32::try_from(iterations).is_err() {
            return Err(self
                .golden
                .invalid(&unmask_key, format!("has {iterations} iterations, 1 or more expected")));
        }
        let stated = self.networks.parameters;
        let rows = [vec![iterations, stated.rows, stated.columns]];
        let output = self.networks.decoder().output_shape();
        let temperature = self.golden.temperature().unwrap_or(stated.temperature);
        Ok(LoopCase {
            parameters: LoopParameters { iterations, temperature, ..stated },
            uniforms: RecordedUniforms::new(
                stated.rows * stated.columns,
                self.uniforms(&unmask_key, &rows)?,
                self.uniforms(&format!("{case}.u_token"), &rows)?,
            ),
            tokens: self
                .golden
                .optional(format!("{case}.tokens"), |key| self.golden.numbers(key, &rows, stated.mask))?,
            membrane: self.golden.map(format!("{case}.membrane"), output)?,
            pixels: self.golden.optional(format!("{case}.pixels"), |key| {
                Ok(self.golden.bytes(key, &map_shapes(output))?.to_vec())
            })?,
        })
    }

    /// `[h, w]` of the latent grid.
    fn grid(&self) -> Vec<usize> {
        let stated = self.networks.parameters;
        vec![stated.rows, stated.columns]
    }

    /// The largest token that is not the mask.
    fn last_code(&self) -> u32 {
        self.networks.parameters.mask.saturating_sub(1)
    }

    fn uniforms(&self, key: &str, shapes: &[Vec<usize>]) -> Result<Vec<f64>, Diagnostic> {
        let values = self.golden.floats(key, shapes)?;
        match values.iter().find(|u| !(0.0..1.0).contains(*u)) {
            Some(u) => {
                Err(self.golden.invalid(key, format!("holds {u}, numbers from 0 and below 1 expected")))
            }
            None => Ok(values),
        }
    }
}
