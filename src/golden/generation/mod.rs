//! Recordings of Spiking-Diffusion's loop and of its networks.
//!
//! Keys (K counts from 0): `sdid.K.{tokens,t,logits}`, `decoder.K.{tokens,membrane}`, `encoder.K.{pixels,tokens}`,
//! `{sdid,decoder,encoder}.K.spikes.LAYER`, `loop.K.{u_unmask,u_token,tokens,membrane,pixels}`. Of these only inputs
//! must be there; what else is there is compared. `sdid` is the denoiser, whatever the model calls it.

mod cases;
mod checks;

use snnc_compiler::event_driven::EventDriven;
use snnc_compiler::frontend::LoadedModel;
use snnc_compiler::frontend::model::PipelineSpec;
use snnc_compiler::graph::Op;
use snnc_compiler::ir::{NetworkId, Shape};
use snnc_compiler::layers::Embedding;
use snnc_compiler::reference::Interpreter;
use snnc_simulator::workload::generation::LoopParameters;
use snnc_targets::{Code, Diagnostic, Diagnostics, Subject};

use super::{GoldenFile, GoldenRow};
use crate::float_driver::{FloatDriver, interpreter};
use crate::progress::Progress;
use cases::Cases;

/// The first network that the workload runs.
const DENOISER: NetworkId = NetworkId(0);
/// The second.
const DECODER: NetworkId = NetworkId(1);
/// Examples of keys.
pub(super) const KEYS: &str =
    "keys are `sdid.0.tokens`, `sdid.0.spikes.sdid.conv1`, `loop.0.u_unmask` and so on";

/// Rows of all cases, and the keys that name none.
///
/// # Errors
/// [`Code::GoldenInvalid`] for each record that is malformed or does not fit the model; [`Code::ModelInvalid`] for an
/// inconsistent pipeline.
pub(super) fn check(
    model: &LoadedModel,
    pipeline: &PipelineSpec,
    golden: &GoldenFile,
    progress: &dyn Progress,
) -> Result<(Vec<GoldenRow>, Vec<String>), Diagnostics> {
    let mut networks = Networks::new(model, pipeline)?;
    let cases = Cases::read(golden, &networks)?;
    let rows = checks::run(&cases, &mut networks, progress)?;
    Ok((rows, cases.ignored))
}

/// The model's networks in the roles of the golden keys. Grid, denoiser and decoder fit each other, so that any tokens
/// below the mask can be decoded.
struct Networks<'m> {
    float: FloatDriver<'m>,
    parameters: LoopParameters,
    encoder: Option<EventDriven<'m>>,
}

impl<'m> Networks<'m> {
    fn new(model: &'m LoadedModel, pipeline: &PipelineSpec) -> Result<Self, Diagnostics> {
        let encoder = pipeline
            .encoder
            .as_deref()
            .map(|name| interpreter(model, name))
            .transpose()?
            .map(EventDriven::new);
        let parameters = loop_parameters(model, pipeline)?;
        let new = Self { float: FloatDriver::new(model)?, parameters, encoder };
        new.misfits(&model.name, pipeline).into_result(new)
    }

    fn denoiser(&self) -> &Interpreter<'m> {
        self.float.network(DENOISER).expect("a pipeline has a denoiser").interpreter()
    }

    fn decoder(&self) -> &Interpreter<'m> {
        self.float.network(DECODER).expect("a pipeline has a decoder").interpreter()
    }

    /// Shapes that contradict the pipeline.
    fn misfits(&self, model: &str, pipeline: &PipelineSpec) -> Diagnostics {
        let mut errors = Diagnostics::default();
        let (rows, columns) = pipeline.latent;
        let shapes = [
            ("denoiser's input", self.denoiser().input_shape(), Shape::new(2, rows, columns)),
            ("denoiser's output", self.denoiser().output_shape(), Shape::new(pipeline.mask, rows, columns)),
            ("decoder's input", self.decoder().input_shape(), Shape::new(1, rows, columns)),
        ];
        for (what, found, expected) in shapes.into_iter().filter(|(_, found, expected)| found != expected) {
            errors.push(invalid(model, format!("the {what} is {found}, the pipeline expects {expected}")));
        }
        for layer in self.decoder().graph().net.node_weights() {
            if let Op::Embedding(Embedding { table }) = &layer.op
                && table.shape[0] < pipeline.mask
            {
                let (rows, codes) = (table.shape[0], pipeline.mask);
                let message =
                    format!("codebook `{}` has {rows} rows, the pipeline expects {codes}", layer.name);
                errors.push(invalid(model, message));
            }
        }
        errors
    }
}

fn loop_parameters(model: &LoadedModel, pipeline: &PipelineSpec) -> Result<LoopParameters, Diagnostic> {
    let number = |what: &str, value: usize| {
        u32::try_from(value)
            .map_err(|_| invalid(&model.name, format!("{what} is {value}, below 2^32 expected")))
    };
    if number("iterations", pipeline.iterations)? == 0 {
        return Err(invalid(&model.name, "there are 0 iterations, at least 1 expected".into()));
    }
    Ok(LoopParameters {
        rows: pipeline.latent.0,
        columns: pipeline.latent.1,
        mask: number("mask", pipeline.mask)?,
        iterations: pipeline.iterations,
        temperature: pipeline.temperature,
    })
}

fn invalid(model: &str, message: String) -> Diagnostic {
    Diagnostic::new(Code::ModelInvalid, Subject::Model(model.into()), message)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::float_driver::tests::model;

    fn refusal(model: &LoadedModel) -> String {
        let errors = Networks::new(model, model.pipeline.as_ref().unwrap()).err().unwrap();
        assert!(errors.codes().iter().all(|&code| code == Code::ModelInvalid), "{errors}");
        errors.to_string()
    }

    #[test]
    fn contradictions_with_the_pipeline_are_collected() {
        let text = refusal(&model(4, 2));
        assert!(text.contains("denoiser's output is [4, 1, 2], the pipeline expects [3, 1, 2]"), "{text}");
        assert!(text.contains("codebook `l1` has 2 rows, the pipeline expects 3"), "{text}");
        let mut model = model(3, 3);
        model.graphs.shift_remove("decoder");
        assert!(refusal(&model).contains("names network `decoder`, found denoiser"));
    }
}
