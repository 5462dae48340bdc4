//! The float reference as a driver: what a chip without rounding would answer.
//!
//! Place in the flow: beside the chip simulation, behind the same [`Driver`] trait. The networks are those that the
//! model's workload runs on the chip, numbered as in the compiled program. They run event-driven, which gives the bits
//! of the interpreter.

use snnc_compiler::event_driven::EventDriven;
use snnc_compiler::frontend::LoadedModel;
use snnc_compiler::ir::NetworkId;
use snnc_compiler::reference::{Interpreter, Trace};
use snnc_compiler::workload;
use snnc_simulator::workload::Driver;
use snnc_targets::{Code, Diagnostic, Diagnostics, Subject};

/// The networks of a model in floats.
#[derive(Debug, Clone)]
pub struct FloatDriver<'m> {
    networks: Vec<EventDriven<'m>>,
}

impl<'m> FloatDriver<'m> {
    /// The networks that a model's workload runs.
    ///
    /// # Errors
    /// [`Code::ModelInvalid`] when a network does not exist; shape inference's own.
    pub fn new(model: &'m LoadedModel) -> Result<Self, Diagnostics> {
        let workload = workload::of(model);
        let (mut networks, mut problems) = (Vec::new(), Diagnostics::default());
        for name in workload.networks() {
            match interpreter(model, name) {
                Ok(network) => networks.push(EventDriven::new(network)),
                Err(found) => problems.merge(found),
            }
        }
        problems.into_result(Self { networks })
    }

    /// A network.
    ///
    /// # Errors
    /// [`Code::Argument`] if there is none of that number.
    pub fn network(&self, id: NetworkId) -> Result<&EventDriven<'m>, Diagnostic> {
        self.networks.get(id.0 as usize).ok_or_else(|| {
            let message = format!("the model runs {} networks", self.networks.len());
            Diagnostic::new(Code::Argument, Subject::IrNetwork(id, None), message)
        })
    }

    /// The spikes and the output of a pass, on an input `[c, h, w]`, or of spikes `[t, c, h, w]`.
    ///
    /// # Errors
    /// [`Code::LayerShape`] for an input of another length, [`Code::Argument`] for ids that a table does not have.
    pub fn trace(&self, id: NetworkId, input: &[f64]) -> Result<Trace, Diagnostic> {
        self.network(id)?.answer(input)
    }
}

impl Driver for FloatDriver<'_> {
    fn pass(&mut self, network: NetworkId, input: &[f64]) -> Result<Vec<Vec<f64>>, Diagnostic> {
        Ok(vec![self.trace(network, input)?.output().data.clone()])
    }
}

/// An interpreter of the network `name`.
///
/// # Errors
/// [`Code::ModelInvalid`] when there is no such network; shape inference's own.
pub(crate) fn interpreter<'m>(model: &'m LoadedModel, name: &str) -> Result<Interpreter<'m>, Diagnostics> {
    let graph = model.graphs.get(name).ok_or_else(|| {
        let known: Vec<_> = model.graphs.keys().map(String::as_str).collect();
        let message = format!("the pipeline names network `{name}`, found {}", known.join(", "));
        Diagnostic::new(Code::ModelInvalid, Subject::Model(model.name.clone()), message)
    })?;
    Interpreter::new(graph)
}

#[cfg(test)]
pub(crate) mod tests {
    use snnc_compiler::frontend::model::PipelineSpec;
    use snnc_compiler::graph::{Builder, Graph, Op};
    use snnc_compiler::ir::Shape;
    use snnc_compiler::layers::{Conv, Embedding, Input, Lif, MeanOverTime};
    use snnc_compiler::weights::Tensor;

    use super::*;

    const LIF: Op = Op::Lif(Lif::new(2.0, 1.0, 0.0));

    /// A chain of layers `l0`, `l1` ... of 4 timesteps.
    fn chain(name: &str, ops: Vec<Op>) -> (String, Graph) {
        (name.into(), Builder::chain(name, 4, ops).finish().unwrap())
    }

    /// Logits of `codes` codes on a 1 x 2 grid, a codebook of `rows` rows; the pipeline says 3.
    pub(crate) fn model(codes: usize, rows: usize) -> LoadedModel {
        let conv = Conv::new(Tensor::new(vec![codes, 2, 1, 1], vec![0.5; codes * 2]));
        let input = |channels| Op::from(Input::constant(Shape::new(channels, 1, 2)));
        let denoiser = [input(2), conv.into(), LIF, MeanOverTime.into()];
        let table = Tensor::new(vec![rows, 1], vec![2.0; rows]);
        let decoder = [input(1), Embedding { table }.into(), LIF, MeanOverTime.into()];
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

    #[test]
    fn passes_answer_with_the_read_out_and_keep_their_spikes() {
        let model = model(3, 3);
        let mut driver = FloatDriver::new(&model).unwrap();
        let (denoiser, decoder) = (NetworkId(0), NetworkId(1));
        // x = (3 + 1) / 2 and (0 + 1) / 2: the one fires always, the other never.
        let input = [3.0, 0.0, 1.0, 1.0];
        assert_eq!(driver.pass(denoiser, &input).unwrap(), [[1.0, 0.0, 1.0, 0.0, 1.0, 0.0]]);
        let trace = driver.trace(denoiser, &input).unwrap();
        assert_eq!(trace.spikes("l2").unwrap(), vec![vec![true, false, true, false, true, false]; 4]);
        assert_eq!(driver.pass(decoder, &[2.0, 0.0]).unwrap(), [[1.0, 1.0]]);
    }

    #[test]
    fn inputs_that_a_network_does_not_take_are_errors() {
        let model = model(3, 3);
        let mut driver = FloatDriver::new(&model).unwrap();
        let mut code = |network, input: &[f64]| driver.pass(NetworkId(network), input).unwrap_err().code;
        assert_eq!(code(1, &[3.0]), Code::LayerShape);
        assert_eq!(code(0, &[]), Code::LayerShape);
        assert_eq!(code(0, &[3.0, 1.0]), Code::LayerShape);
        assert_eq!(code(1, &[3.0, 0.0]), Code::Argument);
        assert_eq!(code(2, &[3.0, 0.0]), Code::Argument);
    }
}
