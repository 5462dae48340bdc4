//! Runs the float reference on each golden case and collects the rows.

use snnc_compiler::ir::Shape;
use snnc_compiler::reference::{Interpreter, Map, Trace};
use snnc_simulator::host;
use snnc_targets::{Diagnostic, Diagnostics};

use super::cases::{Cases, DecoderCase, DenoiserCase, EncoderCase, LoopCase, RecordedSpikes};
use super::{GoldenRow, Networks, compare};
use crate::progress::Progress;

/// Rows of all cases, in the order denoiser, decoder, encoder, loops.
///
/// # Errors
/// Those of a network pass; cases that were read against the same networks have none.
pub(super) fn run(
    cases: &Cases,
    networks: &mut Networks<'_>,
    progress: &dyn Progress,
) -> Result<Vec<GoldenRow>, Diagnostics> {
    let single = cases.denoiser.len() + cases.decoder.len() + cases.encoder.len();
    let total = single + cases.loops.iter().map(|case| case.parameters.iterations).sum::<usize>();
    progress.begin(total as u64);
    let mut step = || progress.advance(1);
    let mut rows = Vec::new();
    for case in &cases.denoiser {
        rows.extend(denoiser(case, networks)?);
        step();
    }
    for case in &cases.decoder {
        rows.extend(decoder(case, networks)?);
        step();
    }
    for (case, network) in cases.encoder.iter().zip(networks.encoder.iter().cycle()) {
        rows.extend(encoder(case, network)?);
        step();
    }
    for case in &cases.loops {
        rows.extend(generation(case, networks, &mut step)?);
    }
    Ok(rows)
}

fn denoiser(case: &DenoiserCase, networks: &Networks<'_>) -> Result<Vec<GoldenRow>, Diagnostic> {
    let trace = networks.stepper.denoiser_trace(&case.tokens, case.t)?;
    let mut rows = layers(&case.spikes, &trace);
    let output = trace.output();
    rows.extend(
        case.logits.as_ref().map(|r| compare::floats(r, "logits", &output.data, size(output.shape()))),
    );
    Ok(rows)
}

fn decoder(case: &DecoderCase, networks: &Networks<'_>) -> Result<Vec<GoldenRow>, Diagnostic> {
    let trace = networks.stepper.decoder_trace(&case.tokens)?;
    let mut rows = layers(&case.spikes, &trace);
    let output = trace.output();
    rows.extend(
        case.membrane.as_ref().map(|r| compare::floats(r, "membrane", &output.data, size(output.shape()))),
    );
    Ok(rows)
}

fn encoder(case: &EncoderCase, network: &Interpreter<'_>) -> Result<Vec<GoldenRow>, Diagnostic> {
    let input = case.pixels.iter().map(|&pixel| f64::from(pixel) / 255.0 - 0.5).collect();
    let trace = network.run(&Map::checked(network.input_shape(), input, &network.graph().name)?)?;
    let mut rows = layers(&case.spikes, &trace);
    let found = [trace.output().data.iter().map(|&token| token as u32).collect()];
    let columns = network.output_shape().width;
    rows.extend(case.tokens.as_ref().map(|recorded| compare::tokens(recorded, &found, columns)));
    Ok(rows)
}

/// A whole loop, driven by the recorded random numbers and nothing else.
fn generation(
    case: &LoopCase,
    networks: &mut Networks<'_>,
    step: &mut dyn FnMut(),
) -> Result<Vec<GoldenRow>, Diagnostic> {
    let stepper = &mut networks.stepper;
    let found = host::generate(&case.parameters, stepper, &case.uniforms, &mut |_| step())?;
    let size = size(stepper.decoder().output_shape());
    let tokens = case.tokens.as_ref().map(|r| compare::tokens(r, &found.tokens, case.parameters.columns));
    let membrane = case.membrane.as_ref().map(|r| compare::floats(r, "membrane", &found.membrane, size));
    let pixels = case.pixels.as_ref().map(|r| compare::pixels(r, &host::pixels(&found.membrane), size));
    Ok([tokens, membrane, pixels].into_iter().flatten().collect())
}

/// Spikes of every recorded layer.
fn layers(recorded: &[RecordedSpikes], trace: &Trace) -> Vec<GoldenRow> {
    let row = |layer: &RecordedSpikes| {
        let signal = trace.signal(&layer.layer).expect("cases hold only layers of their network");
        compare::spikes(layer, signal)
    };
    recorded.iter().map(row).collect()
}

/// (height, width).
fn size(shape: Shape) -> (usize, usize) {
    (shape.height, shape.width)
}
