//! `snnc verify`: the float reference against recorded traces, or the chip against the float reference.

use std::path::Path;
use std::process::ExitCode;

use snnc_simulator::workload::Workload;
use snnc_targets::output::{Inputs, ResultSet};
use snnc_targets::text_width::folded;
use snnc_targets::{Code, Diagnostic, Diagnostics, Subject, registry};

use super::samples::{self, Fed};
use super::{json_of, parts, print};
use crate::cli::arguments::{Feedback, QuantiseArgs, VerifyArgs, overrides};
use crate::cli::errors;
use crate::cli::progress::Bar;
use crate::mapping_files::MappingFiles;
use crate::model::Model;
use crate::parts::comparisons::{self, ComparedPart, SCHEMA};
use crate::program::Program;
use crate::report::is_result;
use crate::shard::Shard;
use crate::{comparison, golden};

pub fn run(args: &VerifyArgs) -> Result<ExitCode, Diagnostics> {
    let mut inputs = Inputs::new(Model::files(&args.model));
    args.golden.iter().for_each(|path| inputs.add(path));
    args.target.iter().flat_map(|name| registry::files_of(name)).for_each(|path| inputs.add(&path));
    samples::protect(&args.samples, &mut inputs);
    super::files::calibration(&args.quantise, &mut inputs);
    let part = parts::asked_of_verify(args)?;
    let out = args.out.as_ref().filter(|_| part.is_none());
    let set = out.map(|out| ResultSet::begin(out, comparisons::COMMAND, is_result)).transpose()?;
    let model = super::compile::load(&args.model, &args.nir, &args.quantise, Some(&args.samples))?;
    super::nir::remark(&model);
    if let Some(traces) = &args.golden {
        return golden(args, &model, traces);
    }
    // The command line demands one of the two.
    let target = args.target.as_deref().unwrap_or("loihi-like");
    let target = registry::load_with(target, &overrides(&args.set)?)?;
    let options = super::compile::options(&args.quantise);
    let waiting = Bar::waiting("compiling");
    let program = model.compile_observed(&target, &options, &MappingFiles::default(), &waiting)?;
    drop(waiting);
    if !args.json {
        errors::warn(&program.warnings());
    }
    if !program.generates() {
        return samples(args, &model, &program, (part, set));
    }
    samples::refuse(&args.samples)?;
    let weight_bits = program.mapped().model.neuron.weight_bits;
    let calibration_passes = options.lower.passes(weight_bits) as u64;
    let (images, seed) = (args.images.unwrap_or(1), args.seed.unwrap_or(1));
    let compared = comparison::ComparisonOptions { images, seed, calibration_passes };
    if let Some((shard, out)) = part {
        let compared_part = ComparedPart { path: &args.model, model: &model, program: &program, shard };
        let made =
            comparisons::verify_images(compared_part, compared, out, &Bar::new("comparing", "passes"))?;
        return Ok(parts::told((shard, out), (made, images), "image"));
    }
    let comparison = comparison::compare(&model, &program, compared, &Bar::new("comparing", "passes"))?;
    if let Some(set) = set {
        comparisons::write_images(set, &comparison)?;
    }
    print(&if args.json { json_of(SCHEMA, &comparison) } else { folded(&comparison.to_string()) });
    Ok(ExitCode::SUCCESS)
}

/// The float reference against recorded traces.
fn golden(args: &VerifyArgs, model: &Model, traces: &Path) -> Result<ExitCode, Diagnostics> {
    let QuantiseArgs { weights, calibrate, calibrate_input, no_relays, feedback, .. } = &args.quantise;
    let lowers = *no_relays || *feedback != Feedback::Model;
    if weights.is_some() || calibrate.is_some() || calibrate_input.is_some() || lowers {
        let message = "recorded traces are compared with the float reference, which is never rounded";
        return Err(Diagnostic::new(
            Code::Argument,
            Subject::argument("--weights, --calibrate, --calibrate-input, --no-relays, --feedback"),
            message,
        )
        .into());
    }
    let recorded = golden::GoldenFile::read(traces)?;
    let bar = Bar::new("checking", "passes");
    let report = match &model.loaded().pipeline {
        Some(_) => {
            samples::refuse(&args.samples)?;
            golden::check(model.loaded(), &recorded, &bar)?
        }
        None => {
            let (network, fed) = samples::of_model(model.loaded(), &args.samples)?;
            if let Some(events) = fed.events.filter(|_| !args.json) {
                print(&folded(&format!("{events}\n")));
            }
            let values = fed.content.into_values();
            golden::check_samples(model.loaded(), network, &values, &recorded, &bar)?
        }
    };
    drop(bar);
    print(&if args.json { report.json() } else { folded(&report.text()) });
    Ok(if report.pass { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

/// Samples on both sides, for a model without a pipeline.
fn samples(
    args: &VerifyArgs,
    model: &Model,
    program: &Program,
    (part, set): (Option<(Shard, &Path)>, Option<ResultSet>),
) -> Result<ExitCode, Diagnostics> {
    samples::refuse_images(args.images, None)?;
    let fed = Fed::read(&program.mapped().model, &args.samples, args.seed)?;
    let labels = fed.labels.as_deref();
    let bar = Bar::new("comparing", "samples");
    if let Some((shard, out)) = part {
        let compared = ComparedPart { path: &args.model, model, program, shard };
        let made = comparisons::verify_samples(compared, &fed.samples, fed.described(), out, &bar)?;
        drop(bar);
        return Ok(parts::told((shard, out), (made, fed.samples.len()), "sample"));
    }
    let mut comparison = comparison::compare_samples(model, program, &fed.samples, labels, &bar)?;
    comparison.events = fed.events;
    drop(bar);
    if let Some(set) = set {
        comparisons::write_samples(set, &comparison)?;
    }
    print(&if args.json { json_of(SCHEMA, &comparison) } else { folded(&comparison.to_string()) });
    Ok(ExitCode::SUCCESS)
}
