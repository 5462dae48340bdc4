//! One rule an operation: from the inputs' shapes and kinds to the output's, or what does not fit.
//!
//! Pure functions of the operation and its inputs; they know no graph. Arithmetic is checked throughout, since sizes
//! come from files.

use snnc_targets::{Code, Diagnostic};

use super::{ELEMENTS_MAX, Flow, Kind};
use crate::graph::{Conv, Op, Synapses};
use crate::ir::{AxisMap, Shape};
use crate::weights::Tensor;

/// A diagnostic that does not know its layer yet.
pub(super) struct Fault {
    code: Code,
    message: String,
    hint: Option<&'static str>,
}

impl Fault {
    fn shape(message: String) -> Self {
        Self { code: Code::LayerShape, message, hint: None }
    }

    fn hint(mut self, hint: &'static str) -> Self {
        self.hint = Some(hint);
        self
    }

    /// The diagnostic of the layer at `place`.
    pub(super) fn at(self, place: String) -> Diagnostic {
        let new = Diagnostic::new(self.code, place, self.message);
        match self.hint {
            Some(hint) => new.hint(hint),
            None => new,
        }
    }
}

/// Output of `op` for its inputs in port order.
pub(super) fn output(op: &Op, inputs: &[Flow], timesteps: usize) -> Result<Flow, Fault> {
    let flow = match (op, inputs) {
        (Op::Input { shape }, []) => Flow { shape: *shape, kind: Kind::Constant },
        (Op::Embedding { table }, &[input]) => embedding(table, input)?,
        (Op::Conv2d(conv), &[input]) => convolution(conv, input, false)?,
        (Op::ConvTranspose2d(conv), &[input]) => convolution(conv, input, true)?,
        (Op::Linear { weight, bias }, &[input]) => linear(weight, bias.as_ref(), input)?,
        (Op::Flatten, &[input]) => Flow { shape: Shape::new(input.shape.len(), 1, 1), ..input },
        (Op::Sparse(synapses), &[input]) => sparse(synapses, input)?,
        (Op::BatchNorm { scale, shift, mean, variance, .. }, &[input]) => {
            batch_norm([("scale", scale), ("shift", shift), ("mean", mean), ("variance", variance)], input)?
        }
        (Op::Lif { .. } | Op::If { .. }, &[input]) => spiking(op.name(), input)?,
        (Op::Concat, [first, rest @ ..]) => concat(*first, rest)?,
        (Op::MeanOverTime, &[input]) => read_out("MeanOverTime", input)?,
        (Op::WeightedSum { coefficients }, &[input]) => weighted_sum(coefficients, input, timesteps)?,
        (Op::Mix { .. }, &[first, second]) => mix(first, second)?,
        (Op::NearestCode { table }, &[input]) => nearest_code(table, input)?,
        _ => return Err(arity(op, inputs.len())),
    };
    bounded(flow, timesteps)
}

fn arity(op: &Op, found: usize) -> Fault {
    let expected = match op {
        Op::Input { .. } => "none",
        Op::Mix { .. } => "2",
        Op::Concat => "at least 1",
        _ => "1",
    };
    let message = format!("{} has {found} inputs, {expected} expected", op.name());
    Fault { code: Code::GraphInvalid, message, hint: None }
}

/// Refuses empty maps and maps beyond [`ELEMENTS_MAX`].
fn bounded(flow: Flow, timesteps: usize) -> Result<Flow, Fault> {
    let Shape { channels, height, width } = flow.shape;
    let steps = if flow.kind == Kind::Series { timesteps } else { 1 };
    let elements = [height, width, steps].iter().try_fold(channels, |product, &n| product.checked_mul(n));
    match elements {
        Some(0) if steps > 0 => Err(Fault::shape(format!("the output {} is empty", flow.shape))),
        Some(n) if n <= ELEMENTS_MAX => Ok(flow),
        _ => Err(Fault::shape(format!(
            "the output {} over {steps} timesteps is too large: at most {ELEMENTS_MAX} elements expected",
            flow.shape
        ))),
    }
}

/// Sides of a `[rows, width]` table.
fn table_sides(table: &Tensor) -> Result<(usize, usize), Fault> {
    match table.shape[..] {
        [rows, width] if rows > 0 && width > 0 => Ok((rows, width)),
        _ => Err(Fault::shape(format!("table has shape {:?}, [rows, width] expected", table.shape))),
    }
}

fn embedding(table: &Tensor, input: Flow) -> Result<Flow, Fault> {
    let (_, width) = table_sides(table)?;
    if input.kind != Kind::Constant {
        let message =
            format!("Embedding reads a signal that is {}, one constant over time expected", input.kind);
        return Err(Fault::shape(message));
    }
    if input.shape.channels != 1 {
        let message = format!("Embedding reads {}, one channel of row numbers expected", input.shape);
        return Err(Fault::shape(message));
    }
    Ok(Flow { shape: Shape { channels: width, ..input.shape }, ..input })
}

fn convolution(conv: &Conv, input: Flow, transposed: bool) -> Result<Flow, Fault> {
    let channels = conv_channels(conv, input.shape, transposed)?;
    if let Some(bias) = &conv.bias {
        per_channel("bias", bias, channels)?;
    }
    conv_options(conv, transposed)?;
    let [_, _, rows, columns] = conv.weight.shape[..] else { return Err(conv_rank(conv, transposed)) };
    let axis = |length, kernel, pick: fn((usize, usize)) -> usize| {
        let (stride, padding, dilation) = (pick(conv.stride), pick(conv.padding), pick(conv.dilation));
        if transposed {
            let extra = pick(conv.output_padding);
            AxisMap::transposed_output(length, kernel, stride, padding, dilation, extra)
        } else {
            AxisMap::conv_output(length, kernel, stride, padding, dilation)
        }
    };
    let height = axis(input.shape.height, rows, |pair| pair.0);
    let width = axis(input.shape.width, columns, |pair| pair.1);
    let (Some(height), Some(width)) = (height, width) else {
        let message = format!("a {rows}x{columns} kernel on {} gives no output map", input.shape);
        return Err(
            Fault::shape(message).hint("check kernel, padding, dilation and the input's height and width")
        );
    };
    Ok(Flow { shape: Shape::new(channels, height, width), ..input })
}

fn conv_rank(conv: &Conv, transposed: bool) -> Fault {
    let expected = if transposed { "[in, out / groups, kh, kw]" } else { "[out, in / groups, kh, kw]" };
    Fault::shape(format!("weight has shape {:?}, {expected} expected", conv.weight.shape))
}

/// Output channels, after weight and groups were seen to fit the input channels.
fn conv_channels(conv: &Conv, input: Shape, transposed: bool) -> Result<usize, Fault> {
    let [first, second, ..] = conv.weight.shape[..] else { return Err(conv_rank(conv, transposed)) };
    let whole = second.checked_mul(conv.groups).filter(|_| conv.groups > 0 && first % conv.groups == 0);
    let Some(grouped) = whole else {
        let message = format!("weight {:?} cannot be split into {} groups", conv.weight.shape, conv.groups);
        return Err(Fault::shape(message));
    };
    let (expected, output) = if transposed { (first, grouped) } else { (grouped, first) };
    if input.channels == expected {
        Ok(output)
    } else {
        Err(Fault::shape(format!(
            "the input {input} has {} channels, but the weight {:?} in {} groups reads {expected}",
            input.channels, conv.weight.shape, conv.groups
        )))
    }
}

fn conv_options(conv: &Conv, transposed: bool) -> Result<(), Fault> {
    for (name, pair) in [("stride", conv.stride), ("dilation", conv.dilation)] {
        if pair.0 == 0 || pair.1 == 0 {
            return Err(Fault::shape(format!("{name} is {pair:?}, at least (1, 1) expected")));
        }
    }
    let limit = (conv.stride.0.max(conv.dilation.0), conv.stride.1.max(conv.dilation.1));
    let extra = conv.output_padding;
    if transposed && (extra.0 >= limit.0 || extra.1 >= limit.1) {
        let message =
            format!("output padding {extra:?} is not below the larger of stride and dilation {limit:?}");
        return Err(Fault::shape(message));
    }
    if !transposed && extra != (0, 0) {
        return Err(Fault::shape(format!("output padding {extra:?}, (0, 0) expected on a Conv2d")));
    }
    Ok(())
}

fn per_channel(name: &str, tensor: &Tensor, channels: usize) -> Result<(), Fault> {
    if tensor.shape[..] == [channels] {
        Ok(())
    } else {
        Err(Fault::shape(format!("{name} has shape {:?}, [{channels}] expected", tensor.shape)))
    }
}

fn linear(weight: &Tensor, bias: Option<&Tensor>, input: Flow) -> Result<Flow, Fault> {
    let [outputs, inputs] = weight.shape[..] else {
        return Err(Fault::shape(format!("weight has shape {:?}, [out, in] expected", weight.shape)));
    };
    if inputs != input.shape.len() {
        let message = format!(
            "the input {} has {} elements, but the weight {:?} reads {inputs}",
            input.shape,
            input.shape.len(),
            weight.shape
        );
        return Err(Fault::shape(message));
    }
    if let Some(bias) = bias {
        per_channel("bias", bias, outputs)?;
    }
    Ok(Flow { shape: Shape::new(outputs, 1, 1), ..input })
}

fn sparse(synapses: &Synapses, input: Flow) -> Result<Flow, Fault> {
    let Synapses { sources, targets, weights, bias, outputs } = synapses;
    let Shape { channels: 1, height: 1, width: inputs } = input.shape else {
        let message = format!("Sparse reads {}, a line of neurons [1, 1, n] expected", input.shape);
        return Err(Fault::shape(message).hint("give the input or the first convolution this shape"));
    };
    if sources.len() != targets.len() || sources.len() != weights.len() {
        let (s, t, w) = (sources.len(), targets.len(), weights.len());
        return Err(Fault::shape(format!(
            "{s} sources, {t} targets and {w} weights, equal numbers expected"
        )));
    }
    for (name, indices, length) in [("source", sources, inputs), ("target", targets, *outputs)] {
        if let Some(i) = indices.iter().position(|&index| index as usize >= length) {
            let message = format!("{name} {} of synapse {i} is not below {length}", indices[i]);
            return Err(Fault::shape(message).hint("neurons are counted from 0"));
        }
    }
    let mut pairs: Vec<(u32, u32)> = sources.iter().copied().zip(targets.iter().copied()).collect();
    pairs.sort_unstable();
    if let Some(pair) = pairs.windows(2).find(|pair| pair[0] == pair[1]) {
        let message = format!("two synapses from source {} to target {}", pair[0].0, pair[0].1);
        return Err(Fault::shape(message).hint("add their weights up and list the pair once"));
    }
    if let Some(bias) = bias {
        per_channel("bias", bias, *outputs)?;
    }
    Ok(Flow { shape: Shape::new(1, 1, *outputs), ..input })
}

fn batch_norm(tensors: [(&str, &Tensor); 4], input: Flow) -> Result<Flow, Fault> {
    for (name, tensor) in tensors {
        per_channel(name, tensor, input.shape.channels)?;
    }
    Ok(input)
}

fn spiking(name: &str, input: Flow) -> Result<Flow, Fault> {
    if input.kind == Kind::Final {
        let message =
            format!("{name} reads a signal that is {}, one that has timesteps expected", input.kind);
        return Err(Fault::shape(message).hint("neurons cannot follow a read-out within the same pass"));
    }
    Ok(Flow { kind: Kind::Series, ..input })
}

fn concat(first: Flow, rest: &[Flow]) -> Result<Flow, Fault> {
    rest.iter().try_fold(first, |joined, &next| {
        if (joined.shape.height, joined.shape.width) != (next.shape.height, next.shape.width) {
            let message =
                format!("Concat joins {} and {}, equal height and width expected", joined.shape, next.shape);
            return Err(Fault::shape(message));
        }
        let kind = match (joined.kind, next.kind) {
            (a, b) if a == b => a,
            (Kind::Final, _) | (_, Kind::Final) => {
                let message = "Concat joins a read-out with a signal that has timesteps, one sort expected";
                return Err(Fault::shape(message.to_owned()));
            }
            _ => Kind::Series,
        };
        let channels = joined.shape.channels.checked_add(next.shape.channels).ok_or_else(|| {
            Fault::shape(format!("Concat joins {} and {}: too many channels", joined.shape, next.shape))
        })?;
        Ok(Flow { shape: Shape { channels, ..joined.shape }, kind })
    })
}

fn read_out(name: &str, input: Flow) -> Result<Flow, Fault> {
    if input.kind == Kind::Series {
        return Ok(Flow { kind: Kind::Final, ..input });
    }
    let message = format!("{name} reads a signal that is {}, one map a timestep expected", input.kind);
    Err(Fault::shape(message)
        .hint("put spiking neurons (`Lif`, `If`) between the network's input and its read-out"))
}

fn weighted_sum(coefficients: &[f64], input: Flow, timesteps: usize) -> Result<Flow, Fault> {
    if coefficients.len() != timesteps {
        let message =
            format!("{} coefficients found, {timesteps} expected: one a timestep", coefficients.len());
        return Err(Fault::shape(message));
    }
    read_out("WeightedSum", input)
}

fn mix(first: Flow, second: Flow) -> Result<Flow, Fault> {
    if first.kind != Kind::Final || second.kind != Kind::Final {
        let message =
            format!("Mix reads signals that are {} and {}, two read-outs expected", first.kind, second.kind);
        return Err(Fault::shape(message));
    }
    if first.shape != second.shape {
        let message = format!("Mix reads {} and {}, equal shapes expected", first.shape, second.shape);
        return Err(Fault::shape(message));
    }
    Ok(first)
}

fn nearest_code(table: &Tensor, input: Flow) -> Result<Flow, Fault> {
    let (_, width) = table_sides(table)?;
    if input.kind != Kind::Final {
        let message = format!("NearestCode reads a signal that is {}, a read-out expected", input.kind);
        return Err(Fault::shape(message));
    }
    if input.shape.channels != width {
        let message =
            format!("NearestCode reads {}, {width} channels expected: the width of its table", input.shape);
        return Err(Fault::shape(message));
    }
    Ok(Flow { shape: Shape { channels: 1, ..input.shape }, ..input })
}
