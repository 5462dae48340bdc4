//! What other frameworks have and snnc does not, by the names under which people look for it.
//!
//! A misspelt name has near names; these have a reason and another way to the same result. `E0024`.

use std::sync::Arc;

use snnc_targets::ron_tree::reading::{Problem, ReadingFault};
use snnc_targets::ron_tree::{RonKind, RonNode};
use snnc_targets::{Code, Diagnostic, Place, Source};

/// What is wrong, and what to do instead.
type Words = (String, &'static str);

/// Operations of other frameworks: their names, and what to do instead.
const OPERATIONS: &[(&[&str], &str)] = &[
    (
        &["AvgPool1d", "AvgPool", "AdaptiveAvgPool2d"],
        "write an AvgPool2d(kernel: (rows, columns)): over maps of height 1, or with a window as large as the map",
    ),
    (
        &["SumPool1d", "SumPool"],
        "write a SumPool2d(kernel: (rows, columns)), over maps of height 1 if there is one dimension",
    ),
    (
        &["MaxPool1d", "MaxPool", "AdaptiveMaxPool2d"],
        "write a MaxPool2d(kernel: (rows, columns)) of spikes: over maps of height 1, or with a window as large \
         as the map",
    ),
    (
        &["Dropout1d", "Dropout2d", "AlphaDropout", "Identity"],
        "it does nothing to a trained network: write `Dropout`, or let its readers read its input",
    ),
    (&["ConvTranspose1d"], "write a ConvTranspose2d over maps of height 1: weight [in, out / groups, 1, k]"),
    (&["Conv3d", "ConvTranspose3d"], "maps have two dimensions here: [channels, height, width]"),
    (
        &["Sum", "Residual", "Skip"],
        "it is `Add` here, which reads two layers of one shape or more: spikes, or the currents of layers with weights",
    ),
    (
        &["Interpolate", "UpsamplingNearest2d", "UpsamplingBilinear2d"],
        "nearest upsampling by whole factors is `Upsample(factor: (rows, columns))` here",
    ),
    (
        &["ReLU", "ReLU6", "LeakyReLU", "Sigmoid", "Tanh", "GELU", "SiLU", "ELU", "Softmax"],
        "networks here are spiking: train with `Lif` or `If` neurons in its place",
    ),
    (
        &["LIF", "LIFNode", "LIFCell", "LeakyIntegrateAndFire"],
        "it is `Lif(tau: ..., threshold: ..., reset: ...)` here; snnTorch's neurons are `Leaky(beta: ...)`",
    ),
    (&["IF", "IFNode", "IntegrateAndFire"], "it is `If(threshold: ...)` here"),
    (
        &["CubaLif", "CubaLIF", "CuBaLIF", "Synaptic", "Cuba"],
        "a neuron with a synaptic current is `Leaky(alpha: ..., beta: ...)` here, as in snnTorch",
    ),
    (
        &["RLeaky", "RSynaptic", "Recurrent"],
        "write its parts: a `Delay(steps: 1, shape: ...)` of its spikes, a `Linear`, an `Add` and a `Leaky` \
         that reads the sum",
    ),
    (&["ParametricLIFNode", "PLIF"], "it is `Lif(tau: ...)` here, with the tau that was learned"),
    (&["AdaptiveLIF", "ALIF", "Alpha"], "train with `Lif` or `Leaky`"),
    (
        &["LayerNorm", "GroupNorm", "InstanceNorm2d", "RMSNorm"],
        "its statistics depend on the input; train with BatchNorm, which folds into the weights",
    ),
    (&["View", "Unflatten"], "it is `Reshape(shape: (c, h, w))` here, or `Flatten`"),
    (
        &["Permute", "Transpose", "Squeeze"],
        "axes keep their order here; `Reshape(shape: (c, h, w))` gives the elements another shape",
    ),
    (&["Multiply"], "it is `Scale(factor: ...)` here, by a number or one a channel"),
    (&["Affine"], "it is `Linear(weight: ..., bias: Some(...))` here"),
    (
        &["LSTM", "GRU", "RNN", "RNNCell"],
        "networks here are spiking: a loop of spikes goes through a `Delay(steps: 1, shape: ...)`",
    ),
    (
        &["MultiheadAttention", "Attention", "Transformer"],
        "attention multiplies activations, which spikes cannot",
    ),
];

/// Fields of layers in other frameworks: operations that have them (none: all), names, what to do instead.
const FIELDS: &[(&[&str], &[&str], &str)] = &[
    (
        &["Lif", "If", "Leaky"],
        &["refractory_steps", "refractory_period", "refractory_delay", "t_ref", "tau_ref"],
        "it is `refractory: N` here, the timesteps after that of a spike in which a neuron is silent",
    ),
    (
        &["Lif", "If"],
        &["tau_syn", "tau_s", "tau_synapse", "alpha", "synaptic_decay"],
        "a neuron with a synaptic current is `Leaky(alpha: ..., beta: ...)` here",
    ),
    (
        &["Lif", "If"],
        &["reset_mechanism", "reset_by_subtraction", "subtract"],
        "a reset by subtraction is `soft_reset: true` here",
    ),
    (
        &["If"],
        &["reset", "v_reset"],
        "`If` resets to 0; subtract the reset from the threshold, which is the same",
    ),
    (&["If"], &["tau", "beta", "leak"], "`If` has no leak; a neuron with one is `Lif`"),
    (&["Lif"], &["v_reset"], "it is called `reset` here"),
    (&["Lif", "If"], &["v_threshold", "v_th", "vth", "threshold_value"], "it is called `threshold` here"),
    (
        &["Lif"],
        &["beta", "decay", "leak"],
        "`tau` says it, 1 / (1 - beta); or write the neuron as `Leaky(beta: ...)`",
    ),
    (
        &["Lif", "If"],
        &["surrogate_function", "spike_grad", "detach_reset", "step_mode", "backend", "init_hidden"],
        "it matters in training only: leave it out",
    ),
    (
        &["Conv2d", "ConvTranspose2d"],
        &["kernel_size", "kernel", "in_channels", "out_channels"],
        "the weight's shape says it: leave it out",
    ),
    (&["Conv2d", "ConvTranspose2d"], &["padding_mode"], "borders are always padded with zeros: leave it out"),
    (&["AvgPool2d", "SumPool2d", "MaxPool2d"], &["kernel_size", "pool_size"], "it is called `kernel` here"),
    (
        &["AvgPool2d"],
        &["ceil_mode", "count_include_pad", "divisor_override"],
        "rows and columns that fill no window are left out and padding counts as zeros, as in PyTorch unless asked \
         otherwise: leave the field out",
    ),
    (&["Linear"], &["in_features", "out_features"], "the weight's shape says it: leave it out"),
    (
        &["BatchNorm"],
        &["weight", "bias", "running_mean", "running_var", "eps"],
        "the fields are called scale, shift, mean, variance and epsilon here",
    ),
    (
        &["BatchNorm"],
        &["momentum", "affine", "track_running_stats"],
        "it matters in training only: leave it out",
    ),
];

/// The error in the words of a feature that is missing; `None` if it is none that is known.
pub(super) fn missing(layer: &RonNode, fault: &ReadingFault, source: &Arc<Source>) -> Option<Diagnostic> {
    let op = layer.field("op").map(RonNode::name).unwrap_or_default();
    let (message, remedy) = match &fault.problem {
        Problem::UnknownVariant { found, .. } if fault.path.last().is_some_and(|name| name == "op") => {
            operation(found)?
        }
        Problem::UnknownField { found, .. } => field(op, found)?,
        Problem::Type { .. } => {
            let name = fault.path.last()?;
            value(op, name, layer.field("op")?.field(name)?)?
        }
        _ => return None,
    };
    let place = Place::bytes(source, fault.span.clone());
    Some(Diagnostic::new(Code::FeatureMissing, place, message).hint(remedy))
}

fn operation(found: &str) -> Option<Words> {
    let known = |names: &&[&str]| names.iter().any(|name| name.eq_ignore_ascii_case(found) && *name != "If");
    let (_, remedy) = OPERATIONS.iter().find(|(names, _)| known(names))?;
    Some((format!("the operation `{found}` is not supported"), remedy))
}

fn field(op: &str, found: &str) -> Option<Words> {
    let (.., remedy) = FIELDS.iter().find(|(ops, names, _)| ops.contains(&op) && names.contains(&found))?;
    Some((format!("`{op}` has no field `{found}`"), remedy))
}

/// Values of another kind than the field's, where that kind means a feature.
fn value(op: &str, name: &str, found: &RonNode) -> Option<Words> {
    let neuron = ["Lif", "If"].contains(&op);
    match (name, &found.kind) {
        ("reset", RonKind::Word(word)) if neuron && word == "None" => Some((
            "neurons without a reset value (reset by subtraction) are not supported".into(),
            "`reset` is the value after a spike; train with a hard reset (SpikingJelly: v_reset=0.0)",
        )),
        ("tau" | "threshold" | "reset", RonKind::Tuple { .. } | RonKind::List(_) | RonKind::Text(_))
            if neuron =>
        {
            Some((
                format!(
                    "`{name}` is {}: one value for each channel or neuron is not supported",
                    found.describe()
                ),
                "a layer has one value; give the channels of each value a layer of their own and join them by a Concat",
            ))
        }
        ("padding", RonKind::Word(word)) if word == "same" => {
            Some(("`padding` is a word, expected a text".into(), "write \"same\" in quotes"))
        }
        ("padding", RonKind::Text(text) | RonKind::Word(text)) if text == "valid" => {
            Some(("padding \"valid\" is not supported".into(), "it means no padding: leave `padding` out"))
        }
        ("bias", RonKind::Word(word)) if ["true", "True", "false", "False"].contains(&word.as_str()) => {
            Some((
                format!("`bias` is `{word}`, expected a tensor: Some((\"weight file\", \"name\"))"),
                "name the bias tensor; leave `bias` out if there is none",
            ))
        }
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use snnc_targets::ron_tree::{parse, reading};

    use super::*;
    use crate::frontend::model::LayerSpec;

    #[test]
    fn no_name_stands_twice_and_none_is_our_own() {
        let mut names: Vec<&str> = OPERATIONS.iter().flat_map(|(names, _)| names.iter().copied()).collect();
        let count = names.len();
        names.sort_unstable();
        names.dedup();
        assert_eq!(names.len(), count);
        for name in names {
            let text = format!("(name: \"x\", op: {name})");
            let tree = parse(&text).unwrap();
            let fault = reading::read::<LayerSpec>(&tree).unwrap_err();
            let error = missing(&tree, &fault, &Source::new("m.ron", text.as_str()));
            assert_eq!(error.map(|error| error.code), Some(Code::FeatureMissing), "{name}");
        }
    }
}
