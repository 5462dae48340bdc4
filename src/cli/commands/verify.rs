//! `snnc verify`: the float reference against recorded traces, or the chip against the float reference.

use std::path::Path;
use std::process::ExitCode;
use std::sync::Arc;

use snnc_compiler::driver;
use snnc_compiler::frontend::{self, LoadedModel};
use snnc_compiler::ir::program::Program;
use snnc_compiler::ir::spiking::SpikingIr;
use snnc_simulator::workload::{Generation, Workload};
use snnc_targets::output::{self, Inputs, ResultSet};
use snnc_targets::{Code, Diagnostic, Diagnostics, registry};

use super::samples::{self, Fed};
use super::{json, print};
use crate::cli::arguments::VerifyArgs;
use crate::cli::{errors, progress};
use crate::comparison::compare_samples;
use crate::report::images::{Image, image_name, write_image};
use crate::report::is_result;
use crate::{comparison, golden};

pub fn run(args: &VerifyArgs) -> Result<ExitCode, Diagnostics> {
    let mut inputs = Inputs::new(frontend::files_of(&args.model));
    [args.golden.as_deref(), args.target.as_ref().map(Path::new)]
        .into_iter()
        .flatten()
        .for_each(|p| inputs.add(p));
    samples::protect(&args.samples, &mut inputs);
    let set = args.out.as_ref().map(|out| ResultSet::begin(out, "snnc verify", is_result)).transpose()?;
    let model = frontend::load(&args.model)?;
    if let Some(traces) = &args.golden {
        if args.quantise.weights.is_some() || args.quantise.calibrate.is_some() {
            let message = "recorded traces are compared with the float reference, which is never rounded";
            return Err(Diagnostic::new(Code::Argument, "--weights, --calibrate", message).into());
        }
        let recorded = golden::GoldenFile::read(traces)?;
        let bar = progress::bar(0, "checking");
        let report = golden::check(&model, &recorded, &mut |at| {
            bar.set_length(at.total as u64);
            bar.set_position(at.done as u64);
        })
        .map_err(|problems| model.origin.locate(problems))?;
        bar.finish_and_clear();
        print(&if args.json { report.json() } else { report.text() });
        return Ok(if report.pass { ExitCode::SUCCESS } else { ExitCode::FAILURE });
    }
    // The command line demands one of the two.
    let target = registry::load(args.target.as_deref().unwrap_or("loihi-like"))?;
    let options = super::compile::options(&args.quantise);
    let (ir, program, _) = driver::compile(&model, &target, options)?;
    let program = Arc::new(program);
    let found = program.warnings();
    if !args.json {
        errors::warn(&found);
    }
    if program.model.workload.is_none() {
        return samples(args, &model, (ir, &program), set);
    }
    samples::refuse(&args.samples)?;
    let (images, seed) = (args.images.unwrap_or(1), args.seed.unwrap_or(1));
    let passes = Generation::new(&program.model, seed, images)?.passes();
    let bar = progress::bar(images.saturating_mul(passes), "comparing");
    let calibration_passes = options.lower.passes(ir.model.neuron.weight_bits) as u64;
    let compared = comparison::Options { images, seed, calibration_passes };
    let comparison = comparison::compare(&model, (ir, &program), compared, &|| bar.inc(1))?;
    bar.finish_and_clear();
    if let Some(set) = set {
        write(set, &comparison)?;
    }
    print(&if args.json { json(&comparison) } else { comparison.to_string() });
    Ok(ExitCode::SUCCESS)
}

/// Samples on both sides, for a model without a pipeline.
fn samples(
    args: &VerifyArgs,
    model: &LoadedModel,
    (ir, program): (SpikingIr, &Arc<Program>),
    set: Option<ResultSet>,
) -> Result<ExitCode, Diagnostics> {
    samples::refuse_images(args.images, args.seed)?;
    let fed = Fed::read(&program.model, &args.samples)?;
    let bar = progress::bar(fed.samples.len(), "comparing");
    let labels = fed.labels.as_deref();
    let comparison = compare_samples(model, (ir, program), &fed.samples, labels, &|| bar.inc(1))?;
    bar.finish_and_clear();
    if let Some(set) = set {
        output::write_atomic(&set.place("verify.json")?, json(&comparison).as_bytes())?;
        set.commit()?;
    }
    print(&if args.json { json(&comparison) } else { comparison.to_string() });
    Ok(ExitCode::SUCCESS)
}

/// One picture an image (float, chip on the same tokens, chip running freely), and the comparison.
fn write(set: ResultSet, comparison: &comparison::Comparison) -> Result<(), Diagnostics> {
    for (index, (shape, pixels)) in comparison.pictures.iter().enumerate() {
        write_image(&set.place(&image_name(index))?, &Image::new(*shape, pixels.clone())?)?;
    }
    output::write_atomic(&set.place("verify.json")?, json(comparison).as_bytes())?;
    Ok(set.commit()?)
}
