//! Images through a pipeline's encoder and decoder.

use indexmap::IndexMap;
use snnc_targets::{Code, Diagnostic, Subject};

use super::generation::tokens;
use super::{Nothing, Recorder, Workload};
use crate::frontend::LoadedModel;
use crate::frontend::model::PipelineSpec;
use crate::graph::Graph;
use crate::ir::NetworkId;
use crate::ir::workload::WorkloadSpec;

/// Most channels of an image.
const CHANNELS: usize = 4;
/// Pixels / 255 - 0.5.
const PIXELS: (f64, f64) = (-0.5, 0.5);

/// Encoder and decoder.
#[derive(Debug, Clone, Copy)]
pub struct Reconstruction<'m> {
    pipeline: &'m PipelineSpec,
    encoder: &'m str,
}

impl<'m> Reconstruction<'m> {
    /// Those that a model's pipeline names.
    ///
    /// # Errors
    /// [`Code::ModelInvalid`] without an encoder.
    pub fn new(model: &'m LoadedModel) -> Result<Self, Diagnostic> {
        let named = model.pipeline.as_ref().and_then(|p| Some((p, p.encoder.as_deref()?)));
        let (pipeline, encoder) = named.ok_or_else(|| {
            let message = "the pipeline names no encoder, so there is nothing to reconstruct with";
            Diagnostic::new(Code::ModelInvalid, Subject::Model(model.name.clone()), message)
                .hint("add `encoder: Some(\"...\")` to the pipeline")
        })?;
        Ok(Self { pipeline, encoder })
    }

    /// Name of the encoder.
    pub fn encoder(&self) -> &'m str {
        self.encoder
    }

    /// Name of the decoder.
    pub fn decoder(&self) -> &'m str {
        &self.pipeline.decoder
    }
}

impl Workload for Reconstruction<'_> {
    fn networks(&self) -> Vec<&str> {
        vec![self.encoder, &self.pipeline.decoder]
    }

    fn input_ranges(&self, network: &Graph) -> Option<Vec<(f64, f64)>> {
        if network.name == self.pipeline.decoder {
            Some(vec![tokens(self.pipeline)])
        } else {
            Some(vec![PIXELS; CHANNELS])
        }
    }

    /// Mixing features and finding the nearest code is the host's.
    fn has_host_tail(&self, network: &str) -> bool {
        network == self.encoder
    }

    fn recorder(&self, _: usize) -> Box<dyn Recorder + '_> {
        Box::new(Nothing)
    }

    fn unrecorded(&self) -> Option<&'static str> {
        Some("encoder and decoder are compiled without the denoiser, whose tokens would be recorded")
    }

    fn spec(&self, _: &IndexMap<String, NetworkId>) -> Option<WorkloadSpec> {
        None
    }
}
