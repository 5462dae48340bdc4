//! Runs the float reference on each golden case and collects the rows.

use snnc_compiler::event_driven::EventDriven;
use snnc_simulator::workload::generation::{Diffusion, pixels};
use snnc_simulator::workload::{Course, Driver, Generation};
use snnc_targets::{Diagnostic, Diagnostics};

use super::cases::{Cases, DecoderCase, DenoiserCase, EncoderCase, LoopCase};
use super::{DECODER, DENOISER, Networks};
use crate::golden::records::{layers, size};
use crate::golden::{GoldenRow, compare};
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
    let trace = networks.float.trace(DENOISER, &planes(&case.tokens, Some(case.t)))?;
    let mut rows = layers(&case.spikes, &trace);
    let output = trace.output();
    rows.extend(
        case.logits.as_ref().map(|r| compare::floats(r, "logits", &output.data, size(output.shape()))),
    );
    Ok(rows)
}

fn decoder(case: &DecoderCase, networks: &Networks<'_>) -> Result<Vec<GoldenRow>, Diagnostic> {
    let trace = networks.float.trace(DECODER, &planes(&case.tokens, None))?;
    let mut rows = layers(&case.spikes, &trace);
    let output = trace.output();
    rows.extend(
        case.membrane.as_ref().map(|r| compare::floats(r, "membrane", &output.data, size(output.shape()))),
    );
    Ok(rows)
}

fn encoder(case: &EncoderCase, network: &EventDriven<'_>) -> Result<Vec<GoldenRow>, Diagnostic> {
    let input: Vec<f64> = case.pixels.iter().map(|&pixel| f64::from(pixel) / 255.0 - 0.5).collect();
    let trace = network.answer(&input)?;
    let mut rows = layers(&case.spikes, &trace);
    let found = [trace.output().data.iter().map(|&token| token as u32).collect()];
    let columns = network.interpreter().output_shape().width;
    rows.extend(case.tokens.as_ref().map(|recorded| compare::tokens(recorded, &found, columns)));
    Ok(rows)
}

/// A whole loop, driven by the recorded random numbers and nothing else.
fn generation(
    case: &LoopCase,
    networks: &mut Networks<'_>,
    step: &mut dyn FnMut(),
) -> Result<Vec<GoldenRow>, Diagnostic> {
    let image = networks.decoder().output_shape();
    let generation = Generation {
        parameters: case.parameters,
        denoiser: DENOISER,
        decoder: DECODER,
        image,
        seed: 0,
        images: 1,
    };
    let mut course = Diffusion::new(&generation, &case.uniforms);
    let mut after = Vec::new();
    while let Some((network, input)) = course.input() {
        let readouts = networks.float.pass(network, input)?;
        let denoised = course.iteration().is_some();
        course.answer(&readouts)?;
        if denoised {
            after.push(course.tokens().to_vec());
            step();
        }
    }
    let (size, membrane) = (size(image), course.membrane());
    let tokens = case.tokens.as_ref().map(|r| compare::tokens(r, &after, case.parameters.columns));
    let row = case.membrane.as_ref().map(|r| compare::floats(r, "membrane", membrane, size));
    let drawn = case.pixels.as_ref().map(|r| compare::pixels(r, &pixels(membrane), size));
    Ok([tokens, row, drawn].into_iter().flatten().collect())
}

/// What a network of the loop reads: tokens, and the iteration for the denoiser.
fn planes(tokens: &[u32], t: Option<u32>) -> Vec<f64> {
    let times = t.into_iter().flat_map(|t| std::iter::repeat_n(f64::from(t), tokens.len()));
    tokens.iter().map(|&token| f64::from(token)).chain(times).collect()
}
