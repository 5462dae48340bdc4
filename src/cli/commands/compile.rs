//! `snnc compile`.

use std::path::Path;
use std::process::ExitCode;

use snnc_compiler::driver::{self, CompileOptions};
use snnc_compiler::mapping::interchange::MappingFile;
use snnc_compiler::mapping::interchange::partition::PartitionFile;
use snnc_compiler::mapping::interchange::placement::PlacementFile;
use snnc_compiler::mapping::place::PlaceOptions;
use snnc_compiler::mapping::report::MappingReport;
use snnc_compiler::passes::pipeline;
use snnc_compiler::passes::quantise;
use snnc_targets::Diagnostics;
use snnc_targets::text_width::folded;

use super::{changes_nothing, files, json_of, mapping, nir, print, samples};
use crate::cli::arguments::{
    CompileArgs, Emit, Feedback, MappingArgs, ModelArgs, NirArgs, QuantiseArgs, SampleArgs,
};
use crate::cli::errors;
use crate::cli::progress::Bar;
use crate::model::Model;
use crate::program::{Compilation, Program};
use crate::report::quantisation;
use crate::warnings;

/// What `--json` prints: the mapping report and what rounding made of each layer.
#[derive(serde::Serialize)]
struct CompileJson<'a> {
    #[serde(flatten)]
    mapping: &'a MappingReport,
    quantisation: &'a [quantise::LayerQuantisation],
    warnings: Vec<warnings::Warning>,
    /// What was decided about a NIR file, and loops that are longer on the chip.
    #[serde(skip_serializing_if = "<[String]>::is_empty")]
    notes: &'a [String],
}

/// Compiler options as asked for, of a command whose answer does not depend on the mapping: the one that is made
/// soonest will do.
pub fn options(args: &QuantiseArgs) -> CompileOptions {
    let mut options = CompileOptions::fewest_cores();
    options.lower.weight_bits = args.weights;
    options.lower.calibration = args.calibrate;
    options.lower.no_relays = args.no_relays;
    options.lower.feedback_chip = args.feedback == Feedback::Chip;
    options
}

/// Loads a model, with the samples that its rounding looks at.
pub fn load(
    path: &Path,
    nir: &NirArgs,
    args: &QuantiseArgs,
    fed: Option<&SampleArgs>,
) -> Result<Model, Diagnostics> {
    let model = super::nir::load(path, nir, fed)?;
    let Some(input) = &args.calibrate_input else { return Ok(model) };
    if model.loaded().pipeline.is_some() {
        let why = "the model generates, and its loop gives the inputs";
        return Err(changes_nothing("--calibrate-input", why).into());
    }
    let (network, values) = samples::for_calibration(&model, input, args.calibrate_network.as_deref())?;
    model.with_calibration(&network, values)
}

/// Loads, lowers and maps; the mapping looks at the samples that the model will be fed, if they are known.
pub fn compile(
    args: &ModelArgs,
    mapping: &MappingArgs,
    fed: Option<&SampleArgs>,
) -> Result<Program, Diagnostics> {
    let target = args.target.load()?;
    let options = CompileOptions {
        search: self::mapping::search(mapping),
        place: PlaceOptions { seed: mapping.mapping_seed, effort: mapping.effort },
        ..options(&args.quantise)
    };
    let mut model = load(&args.model, &args.nir, &args.quantise, fed)?;
    if let Some((network, values)) = fed.and_then(|fed| samples::first(&model, fed)) {
        model = model.with_activity(&network, values);
    }
    let bar = Bar::waiting("compiling");
    model.compile_observed(&target, &options, &self::mapping::files(mapping), &bar)
}

pub fn run(args: &CompileArgs) -> Result<ExitCode, Diagnostics> {
    let _inputs = files::mapped(&args.model, &args.mapping);
    files::outputs(&[("--output", args.output.as_ref())])?;
    let calibrates = calibration(&args.model.quantise);
    if let Some(option) = calibrates.filter(|_| args.emit == Some(Emit::Graph) && args.output.is_none()) {
        let why = "the layer graph holds the weights as trained; `--emit spiking` shows them rounded";
        return Err(changes_nothing(option, why).into());
    }
    if let Some(emit @ (Emit::Graph | Emit::Spiking)) = args.emit {
        print(&unmapped(emit, &args.model)?);
        if args.output.is_none() {
            return Ok(ExitCode::SUCCESS);
        }
    }
    if let Some(pass) = &args.emit_after {
        print(&after(pass, &args.model, calibrates.filter(|_| args.output.is_none()))?);
        if args.output.is_none() {
            return Ok(ExitCode::SUCCESS);
        }
    }
    let program = compile(&args.model, &args.mapping, None)?;
    if let Some(path) = &args.output {
        program.save(path)?;
    }
    if !args.json {
        errors::warn(&program.warnings());
    }
    print(&printed(args, &program));
    Ok(ExitCode::SUCCESS)
}

/// The option that asks for a rounding by recorded inputs, if one is given.
pub fn calibration(args: &QuantiseArgs) -> Option<&'static str> {
    let passes = args.calibrate.is_some_and(|passes| passes > 0);
    let given = [("--calibrate", passes), ("--calibrate-input", args.calibrate_input.is_some())];
    given.into_iter().find_map(|(option, given)| given.then_some(option))
}

/// What a pass of the compiler gives; refuses recorded passes that only a later one would look at.
fn after(pass: &str, args: &ModelArgs, calibrates: Option<&str>) -> Result<String, Diagnostics> {
    if let Some(option) = calibrates
        && !pipeline::sees_activity(pipeline::find(pass)?)
    {
        let why = format!("activity is recorded after `{pass}`");
        return Err(changes_nothing(option, &why).into());
    }
    let target = args.target.load()?;
    let model = load(&args.model, &args.nir, &args.quantise, None)?;
    nir::remark(&model);
    let bar = Bar::waiting("compiling");
    model.after_pass_observed(&target, options(&args.quantise).lower, pass, &bar)
}

/// A form that needs no core.
fn unmapped(emit: Emit, args: &ModelArgs) -> Result<String, Diagnostics> {
    let target = args.target.load()?;
    let model = load(&args.model, &args.nir, &args.quantise, None)?;
    nir::remark(&model);
    match emit {
        Emit::Spiking => {
            let bar = Bar::waiting("compiling");
            Ok(model.lower_observed(&target, options(&args.quantise).lower, &bar)?.to_text())
        }
        _ => model.table(),
    }
}

/// What is asked for of a program.
fn printed(args: &CompileArgs, program: &Program) -> String {
    let (Some(Compilation { ir, seconds, remarks, .. }), Some(report)) =
        (program.compilation(), program.mapping_report())
    else {
        return String::new();
    };
    let mapped = program.mapped();
    let layers = quantise::summary(ir);
    match args.emit {
        None if args.emit_after.is_some() => String::new(),
        Some(Emit::Program) => mapped.to_text(),
        Some(Emit::Partition) => PartitionFile::new(ir, &driver::partition_of(mapped)).to_text(),
        Some(Emit::Placement) => {
            PlacementFile::new(&driver::placement_of(mapped), program.target()).to_text()
        }
        Some(Emit::Graph | Emit::Spiking) => String::new(),
        None if args.json => json_of(
            "snnc.mapping/1",
            &CompileJson {
                mapping: report,
                quantisation: &layers,
                warnings: warnings::of(&program.warnings()),
                notes: remarks,
            },
        ),
        None => {
            let quantisation = quantisation::print(&layers, ir.model.neuron.weight_bits);
            let wrote =
                args.output.as_ref().map_or(String::new(), |path| format!("wrote {}\n", path.display()));
            let notes: String = remarks.iter().map(|remark| format!("note: {remark}\n")).collect();
            folded(&format!("{report}{quantisation}\n{notes}compiled in {seconds:.2} s\n{wrote}"))
        }
    }
}
