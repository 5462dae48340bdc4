//! The float reference as the host loop's other end: what a chip without rounding would answer.
//!
//! Place in the flow: beside the chip simulation, behind the same [`Stepper`] trait. The traces of the last passes stay
//! readable, so that a verifier can compare spikes layer by layer.
//! Invariants: latent grid, denoiser and decoder fit each other, so that any tokens below the mask can be decoded.
//! Refused, at construction: models without a pipeline, or whose networks do not fit it.

use snnc_compiler::frontend::LoadedModel;
use snnc_compiler::frontend::model::PipelineSpec;
use snnc_compiler::graph::Op;
use snnc_compiler::ir::Shape;
use snnc_compiler::layers::Embedding;
use snnc_compiler::reference::{Interpreter, Map, Trace};
use snnc_simulator::host::{LoopParameters, Stepper};
use snnc_targets::{Code, Diagnostic, Diagnostics};

/// Two float interpreters, denoiser and decoder, driven by the host loop.
#[derive(Debug, Clone)]
pub struct FloatStepper<'m> {
    denoiser: Interpreter<'m>,
    decoder: Interpreter<'m>,
    parameters: LoopParameters,
    last_denoiser: Option<Trace>,
    last_decoder: Option<Trace>,
}

impl<'m> FloatStepper<'m> {
    /// A stepper over the networks that the model's pipeline names.
    ///
    /// # Errors
    /// [`Code::ModelInvalid`] when there is no pipeline, when it names a network that does not exist, or when the
    /// networks' shapes contradict it; shape inference's own.
    pub fn new(model: &'m LoadedModel) -> Result<Self, Diagnostics> {
        let pipeline = pipeline(model)?;
        let new = Self {
            denoiser: interpreter(model, &pipeline.denoiser)?,
            decoder: interpreter(model, &pipeline.decoder)?,
            parameters: loop_parameters(model, pipeline)?,
            last_denoiser: None,
            last_decoder: None,
        };
        new.misfits(&model.name, pipeline).into_result(new)
    }

    /// The loop as the model file states it.
    pub fn parameters(&self) -> LoopParameters {
        self.parameters
    }

    /// The denoiser: input `[2, h, w]` (token ids as numbers, t), output logits `[codes, h, w]`.
    pub fn denoiser(&self) -> &Interpreter<'m> {
        &self.denoiser
    }

    /// The decoder: input `[1, h, w]` (token ids as numbers), output membrane `[c, H, W]`.
    pub fn decoder(&self) -> &Interpreter<'m> {
        &self.decoder
    }

    /// Trace of the last denoiser pass that the host loop asked for.
    pub fn last_denoiser(&self) -> Option<&Trace> {
        self.last_denoiser.as_ref()
    }

    /// Trace of the last decoder pass that the host loop asked for.
    pub fn last_decoder(&self) -> Option<&Trace> {
        self.last_decoder.as_ref()
    }

    /// A denoiser pass on tokens `[h, w]` at iteration `t`.
    ///
    /// # Errors
    /// [`Code::LayerShape`] when there are not `h` x `w` tokens.
    pub fn denoiser_trace(&self, tokens: &[u32], t: u32) -> Result<Trace, Diagnostic> {
        let times = std::iter::repeat_n(f64::from(t), tokens.len());
        let planes = tokens.iter().map(|&token| f64::from(token)).chain(times).collect();
        run(&self.denoiser, planes)
    }

    /// A decoder pass on tokens `[h, w]`.
    ///
    /// # Errors
    /// [`Code::LayerShape`] when there are not `h` x `w` tokens, [`Code::Argument`] when one is not in the codebook.
    pub fn decoder_trace(&self, tokens: &[u32]) -> Result<Trace, Diagnostic> {
        run(&self.decoder, tokens.iter().map(|&token| f64::from(token)).collect())
    }

    /// Shapes that contradict the pipeline.
    fn misfits(&self, model: &str, pipeline: &PipelineSpec) -> Diagnostics {
        let mut errors = Diagnostics::default();
        let (rows, columns) = pipeline.latent;
        let shapes = [
            ("denoiser's input", self.denoiser.input_shape(), Shape::new(2, rows, columns)),
            ("denoiser's output", self.denoiser.output_shape(), Shape::new(pipeline.mask, rows, columns)),
            ("decoder's input", self.decoder.input_shape(), Shape::new(1, rows, columns)),
        ];
        for (what, found, expected) in shapes.into_iter().filter(|(_, found, expected)| found != expected) {
            errors.push(invalid(model, format!("the {what} is {found}, the pipeline expects {expected}")));
        }
        for layer in self.decoder.graph().net.node_weights() {
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

impl Stepper for FloatStepper<'_> {
    fn denoise(&mut self, tokens: &[u32], t: u32) -> Result<Vec<f64>, Diagnostic> {
        let trace = self.denoiser_trace(tokens, t)?;
        Ok(self.last_denoiser.insert(trace).output().data.clone())
    }

    fn decode(&mut self, tokens: &[u32]) -> Result<Vec<f64>, Diagnostic> {
        let trace = self.decoder_trace(tokens)?;
        Ok(self.last_decoder.insert(trace).output().data.clone())
    }
}

/// The model's pipeline.
///
/// # Errors
/// [`Code::ModelInvalid`] when it has none.
pub(crate) fn pipeline(model: &LoadedModel) -> Result<&PipelineSpec, Diagnostic> {
    model.pipeline.as_ref().ok_or_else(|| {
        invalid(&model.name, "there is no `pipeline`, so it cannot generate".into())
            .hint("add `pipeline: Some((latent: ..., denoiser: ..., decoder: ..., ...))` to the model file")
    })
}

/// An interpreter of the network `name`.
///
/// # Errors
/// [`Code::ModelInvalid`] when there is no such network; shape inference's own.
pub(crate) fn interpreter<'m>(model: &'m LoadedModel, name: &str) -> Result<Interpreter<'m>, Diagnostics> {
    let graph = model.graphs.get(name).ok_or_else(|| {
        let known: Vec<_> = model.graphs.keys().map(String::as_str).collect();
        invalid(&model.name, format!("the pipeline names network `{name}`, found {}", known.join(", ")))
    })?;
    Interpreter::new(graph)
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

/// One pass on the flat `input`.
fn run(network: &Interpreter<'_>, input: Vec<f64>) -> Result<Trace, Diagnostic> {
    network.run(&Map::checked(network.input_shape(), input, &network.graph().name)?)
}

fn invalid(model: &str, message: String) -> Diagnostic {
    Diagnostic::new(Code::ModelInvalid, format!("model {model}"), message)
}

#[cfg(test)]
mod tests {
    use snnc_compiler::graph::{Builder, Graph};
    use snnc_compiler::layers::{Conv, Input, Lif, MeanOverTime};
    use snnc_compiler::weights::Tensor;

    use super::*;

    const LIF: Op = Op::Lif(Lif { tau: 2.0, threshold: 1.0, reset: 0.0 });

    /// A chain of layers `l0`, `l1` ... of 4 timesteps.
    fn chain(name: &str, ops: Vec<Op>) -> (String, Graph) {
        (name.into(), Builder::chain(name, 4, ops).finish().unwrap())
    }

    /// Logits of `codes` codes on a 1 x 2 grid, a codebook of `rows` rows; the pipeline says 3.
    fn model(codes: usize, rows: usize) -> LoadedModel {
        let conv = Conv::new(Tensor::new(vec![codes, 2, 1, 1], vec![0.5; codes * 2]));
        let denoiser = [
            Op::Input(Input { shape: Shape::new(2, 1, 2) }),
            Op::Conv(conv),
            LIF,
            Op::MeanOverTime(MeanOverTime),
        ];
        let table = Tensor::new(vec![rows, 1], vec![2.0; rows]);
        let decoder = [
            Op::Input(Input { shape: Shape::new(1, 1, 2) }),
            Op::Embedding(Embedding { table }),
            LIF,
            Op::MeanOverTime(MeanOverTime),
        ];
        let graphs =
            [chain("denoiser", denoiser.into()), chain("decoder", decoder.into())].into_iter().collect();
        let pipeline = PipelineSpec {
            latent: (1, 2),
            mask: 3,
            iterations: 5,
            temperature: 1.0,
            denoiser: "denoiser".into(),
            decoder: "decoder".into(),
            codebook: "l1".into(),
            encoder: None,
        };
        LoadedModel { name: "toy".into(), graphs, pipeline: Some(pipeline), origin: Default::default() }
    }

    fn refusal(model: &LoadedModel) -> String {
        let errors = FloatStepper::new(model).unwrap_err();
        assert!(errors.codes().iter().all(|&code| code == Code::ModelInvalid), "{errors}");
        errors.to_string()
    }

    #[test]
    fn passes_answer_and_stay_readable() {
        let model = model(3, 3);
        let mut stepper = FloatStepper::new(&model).unwrap();
        assert!(stepper.last_denoiser().is_none());
        // x = (3 + 1) / 2 and (0 + 1) / 2: the one fires always, the other never.
        assert_eq!(stepper.denoise(&[3, 0], 1).unwrap(), [1.0, 0.0, 1.0, 0.0, 1.0, 0.0]);
        let spikes = stepper.last_denoiser().and_then(|trace| trace.spikes("l2")).unwrap();
        assert_eq!(spikes, vec![vec![true, false, true, false, true, false]; 4]);
        assert_eq!(stepper.decode(&[2, 0]).unwrap(), [1.0, 1.0]);
        assert_eq!(stepper.last_decoder().unwrap().spiking().collect::<Vec<_>>(), ["l2"]);
    }

    #[test]
    fn passes_on_foreign_tokens_are_errors() {
        let model = model(3, 3);
        let mut stepper = FloatStepper::new(&model).unwrap();
        assert_eq!(stepper.decode(&[3]).unwrap_err().code, Code::LayerShape);
        assert_eq!(stepper.denoise(&[], 1).unwrap_err().code, Code::LayerShape);
        assert_eq!(stepper.decoder_trace(&[3, 0]).unwrap_err().code, Code::Argument);
        assert_eq!(stepper.denoiser_trace(&[3], 1).unwrap_err().code, Code::LayerShape);
    }

    #[test]
    fn contradictions_with_the_pipeline_are_collected() {
        let text = refusal(&model(4, 2));
        assert!(text.contains("denoiser's output is [4, 1, 2], the pipeline expects [3, 1, 2]"), "{text}");
        assert!(text.contains("codebook `l1` has 2 rows, the pipeline expects 3"), "{text}");
        let mut model = model(3, 3);
        model.graphs.shift_remove("decoder");
        assert!(refusal(&model).contains("names network `decoder`, found denoiser"));
        model.pipeline = None;
        assert!(refusal(&model).contains("there is no `pipeline`"));
    }
}
