//! `snnc compile`.

use std::process::ExitCode;
use std::sync::Arc;
use std::time::Instant;

use snnc_compiler::driver::{self, CompileOptions};
use snnc_compiler::frontend::{self, LoadedModel};
use snnc_compiler::ir::program::Program;
use snnc_compiler::ir::spiking::SpikingIr;
use snnc_compiler::mapping::interchange::MappingFile;
use snnc_compiler::mapping::interchange::partition::PartitionFile;
use snnc_compiler::mapping::interchange::placement::PlacementFile;
use snnc_compiler::mapping::place::PlaceOptions;
use snnc_compiler::mapping::report::MappingReport;
use snnc_compiler::passes::quantise;
use snnc_targets::{Diagnostics, Target, registry};

use super::{changes_nothing, files, json, mapping, print};
use crate::cli::arguments::{CompileArgs, Emit, MappingArgs, ModelArgs, QuantiseArgs};
use crate::cli::errors;
use crate::report::quantisation;
use crate::warnings;

/// What `--json` prints: the mapping report and what rounding made of each layer.
#[derive(serde::Serialize)]
struct Printed<'a> {
    #[serde(flatten)]
    mapping: &'a MappingReport,
    quantisation: &'a [quantise::LayerQuantisation],
    warnings: Vec<warnings::Warning>,
}

/// A compiled model and how long it took.
pub struct Compiled {
    /// The spiking IR.
    pub ir: SpikingIr,
    /// The program.
    pub program: Arc<Program>,
    /// The mapping report.
    pub report: MappingReport,
    /// Seconds from reading the model to the verified program.
    pub seconds: f64,
}

/// Compiler options as asked for.
pub fn options(args: &QuantiseArgs) -> CompileOptions {
    let mut options = CompileOptions::default();
    options.lower.weight_bits = args.weights;
    options.lower.calibration = args.calibrate;
    options
}

/// Loads, lowers and maps.
pub fn compile(args: &ModelArgs, mapping: &MappingArgs) -> Result<Compiled, Diagnostics> {
    let start = Instant::now();
    let target = registry::load(&args.target)?;
    let model = frontend::load(&args.model)?;
    let mut options = options(&args.quantise);
    options.search = mapping::search(mapping);
    options.place = PlaceOptions { seed: mapping.mapping_seed, effort: mapping.effort };
    let ir = driver::lower(&model, &target, options.lower)?;
    let given = mapping::given(mapping, &ir, &target)?;
    let program = driver::map_given(&ir, &target, options, &given)
        .map_err(|problems| self::mapping::of_partition(mapping, model.origin.locate(problems)))?;
    let report = MappingReport::new(&ir, &program, &given.rates);
    Ok(Compiled { ir, program: program.into(), report, seconds: start.elapsed().as_secs_f64() })
}

pub fn run(args: &CompileArgs) -> Result<ExitCode, Diagnostics> {
    let _inputs = files::mapped(&args.model, &args.mapping);
    files::outputs(&[("--output", args.output.as_ref())])?;
    let calibrates = args.model.quantise.calibrate.is_some_and(|passes| passes > 0);
    if calibrates && args.emit == Some(Emit::Graph) && args.output.is_none() {
        let why = "the layer graph holds the weights as trained; `--emit spiking` shows them rounded";
        return Err(changes_nothing("--calibrate", why).into());
    }
    if let Some(emit @ (Emit::Graph | Emit::Spiking)) = args.emit {
        let target = registry::load(&args.model.target)?;
        let model = frontend::load(&args.model.model)?;
        print(&emitted(emit, &model, &target, &args.model.quantise)?);
        if args.output.is_none() {
            return Ok(ExitCode::SUCCESS);
        }
    }
    let compiled = compile(&args.model, &args.mapping)?;
    if let Some(path) = &args.output {
        compiled.program.save(path)?;
    }
    let layers = quantise::summary(&compiled.ir);
    let found = compiled.ir.warnings();
    if !args.json {
        errors::warn(&found);
    }
    match args.emit {
        Some(Emit::Program) => print(&compiled.program.to_text()),
        Some(Emit::Partition) => {
            let partition = driver::partition_of(&compiled.program);
            print(&PartitionFile::new(&compiled.ir, &partition).to_text());
        }
        Some(Emit::Placement) => {
            let placement = driver::placement_of(&compiled.program);
            print(&PlacementFile::new(&placement, &compiled.program.target).to_text());
        }
        Some(Emit::Graph | Emit::Spiking) => {}
        None if args.json => {
            print(&json(&Printed {
                mapping: &compiled.report,
                quantisation: &layers,
                warnings: warnings::of(&found),
            }));
        }
        None => {
            print(&compiled.report.to_string());
            print(&quantisation::print(&layers, compiled.ir.model.neuron.weight_bits));
            print(&format!("\ncompiled in {:.2} s\n", compiled.seconds));
            if let Some(path) = &args.output {
                print(&format!("wrote {}\n", path.display()));
            }
        }
    }
    Ok(ExitCode::SUCCESS)
}

fn emitted(
    emit: Emit,
    model: &LoadedModel,
    target: &Target,
    quantise: &QuantiseArgs,
) -> Result<String, Diagnostics> {
    if emit == Emit::Spiking {
        return Ok(driver::lower(model, target, options(quantise).lower)?.to_text());
    }
    let mut text = String::new();
    for graph in model.graphs.values() {
        text += &graph.table()?;
    }
    Ok(text)
}
