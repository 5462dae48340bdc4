//! The generation loop against the networks: what can be said without shape inference.
//!
//! All findings are `E0020`. Shapes that follow through layers are left to shape inference.

use indexmap::IndexMap;
use snnc_targets::near::near;
use snnc_targets::{Code, Diagnostic, Diagnostics, NamedPart};

use crate::frontend::Origin;
use crate::frontend::model::{OpSpec, PipelineSpec, TrainedNetworkSpec};
use crate::graph::{Graph, Op};
use crate::ir::Shape;
use crate::layers::{Embedding, InputSpec};

/// Longest side of the token grid.
const LONGEST_SIDE: usize = 4096;
/// Most denoising iterations.
const MOST_ITERATIONS: usize = 1 << 20;

/// Everything that is wrong with the pipeline; `graphs` lacks the networks that could not be built.
pub(super) fn check(
    spec: &PipelineSpec,
    origin: &Origin,
    networks: &IndexMap<String, TrainedNetworkSpec>,
    graphs: &IndexMap<String, Graph>,
) -> Diagnostics {
    let mut check = PipelineCheck { origin, errors: Diagnostics::default() };
    check.numbers(spec);
    check.names(spec, networks);
    check.input("denoiser", &spec.denoiser, (2, spec.latent), networks);
    check.input("decoder", &spec.decoder, (1, spec.latent), networks);
    if let Some(denoiser) = graphs.get(&spec.denoiser) {
        check.logits(spec, denoiser);
    }
    if let Some(decoder) = graphs.get(&spec.decoder) {
        check.codebook(spec, decoder);
    }
    check.errors
}

struct PipelineCheck<'a> {
    origin: &'a Origin,
    errors: Diagnostics,
}

impl PipelineCheck<'_> {
    fn push(&mut self, field: &str, message: String, hint: &str) {
        let pipeline = self.origin.tree().and_then(|tree| tree.field("pipeline"));
        let range = pipeline.and_then(|pipeline| pipeline.field(field)).map(|field| field.span.clone());
        let place = self.origin.place(NamedPart::Pipeline, range);
        self.errors.push(Diagnostic::new(Code::ModelInvalid, place, message).hint(hint));
    }

    fn numbers(&mut self, spec: &PipelineSpec) {
        let (rows, columns) = spec.latent;
        if [rows, columns].iter().any(|side| !(1..=LONGEST_SIDE).contains(side)) {
            let message = format!("latent is ({rows}, {columns}), expected 1 to {LONGEST_SIDE} each");
            self.push("latent", message, "`latent` is (rows, columns) of the token grid");
        }
        if spec.mask == 0 {
            self.push(
                "mask",
                String::from("mask is 0, expected the number of codes"),
                "tokens run from 0 to mask - 1",
            );
        }
        if !(1..=MOST_ITERATIONS).contains(&spec.iterations) {
            let message = format!("{} iterations, expected 1 to {MOST_ITERATIONS}", spec.iterations);
            self.push("iterations", message, "the authors take one for each token");
        }
        if !(spec.temperature.is_finite() && spec.temperature > 0.0) {
            let message = format!("temperature is {}, expected a positive number", spec.temperature);
            self.push("temperature", message, "1.0 samples from the softmax as it is; the authors take 0.65");
        }
    }

    fn names(&mut self, spec: &PipelineSpec, networks: &IndexMap<String, TrainedNetworkSpec>) {
        let known: Vec<&str> = networks.keys().map(String::as_str).collect();
        let roles = [
            ("denoiser", Some(&spec.denoiser)),
            ("decoder", Some(&spec.decoder)),
            ("encoder", spec.encoder.as_ref()),
        ];
        for (role, name) in roles {
            let Some(name) = name.filter(|name| !networks.contains_key(*name)) else { continue };
            let hint = match near(name, &known) {
                Some(near) => format!("near names: {near}"),
                None => format!("the networks are: {}", known.join(", ")),
            };
            self.push(role, format!("the {role} `{name}` is no network of the model"), &hint);
        }
    }

    /// The input of a network that reads tokens has the grid's shape.
    fn input(
        &mut self,
        role: &str,
        network: &str,
        (channels, (rows, columns)): (usize, (usize, usize)),
        networks: &IndexMap<String, TrainedNetworkSpec>,
    ) {
        let layers = networks.get(network).map(|spec| spec.layers.as_slice()).unwrap_or_default();
        for layer in layers {
            let OpSpec::Input(InputSpec { shape, .. }) = layer.op else { continue };
            if shape != (channels, rows, columns) {
                let message = format!(
                    "the {role}'s input has shape {shape:?}, expected {:?}",
                    (channels, rows, columns)
                );
                self.push(
                    "latent",
                    message,
                    "the denoiser reads two planes (tokens, t), the decoder one, both of `latent` size",
                );
            }
        }
    }

    /// The denoiser gives a logit for each code at each place of the grid.
    fn logits(&mut self, spec: &PipelineSpec, denoiser: &Graph) {
        let (Ok(shapes), &[output]) = (denoiser.shapes(), denoiser.outputs().as_slice()) else { return };
        let expected = Shape::new(spec.mask, spec.latent.0, spec.latent.1);
        if shapes[output] != expected {
            let message = format!(
                "the denoiser's output has shape {}, expected {expected}: a logit for each code and place",
                shapes[output]
            );
            self.push("mask", message, "`mask` is the number of codes, `latent` the grid");
        }
    }

    /// The codebook is an embedding of the decoder with a row for each token.
    fn codebook(&mut self, spec: &PipelineSpec, decoder: &Graph) {
        let name = &spec.codebook;
        let Some(layer) = decoder.find(name) else {
            let layers: Vec<&str> = decoder.net.node_weights().map(|layer| layer.name.as_str()).collect();
            let hint = near(name, &layers).map_or_else(
                || String::from("name the decoder's Embedding layer"),
                |near| format!("near names: {near}"),
            );
            let message = format!("the codebook `{name}` is no layer of network `{}`", decoder.name);
            return self.push("codebook", message, &hint);
        };
        match &decoder.net[layer].op {
            Op::Embedding(Embedding { table }) if table.shape.first() == Some(&spec.mask) => {}
            Op::Embedding(Embedding { table }) => {
                let rows = table.shape.first().copied().unwrap_or_default();
                let message = format!("the codebook `{name}` has {rows} rows, mask is {}", spec.mask);
                self.push("mask", message, "mask is the number of codes");
            }
            other => self.push(
                "codebook",
                format!("the codebook `{name}` is a {}, expected an Embedding", other.name()),
                "name the decoder's Embedding layer",
            ),
        }
    }
}
