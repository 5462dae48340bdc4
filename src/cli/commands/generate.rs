//! `snnc generate`: whole sets of images for statistics.

use std::process::ExitCode;

use snnc_targets::Diagnostics;

use super::compile::compile;
use super::{changes_nothing, files, print};
use crate::cli::arguments::{Feedback, Goal, MappingArgs, SetArgs};
use crate::cli::errors;
use crate::cli::process::signals;
use crate::cli::progress::Bar;
use crate::program::Program;
use crate::report::units::counted;
use crate::streaming::{self, ImageSetManifest, ReusedImages};

pub fn run(args: &SetArgs) -> Result<ExitCode, Diagnostics> {
    let _inputs = files::model(&args.model);
    let compiled = args.model.model.extension().is_some_and(|e| e == "snnx");
    if compiled {
        let given = &args.model.quantise;
        let named = [
            ("--weights", given.weights.is_some()),
            ("--calibrate", given.calibrate.is_some()),
            ("--calibrate-input", given.calibrate_input.is_some()),
            ("--no-relays", given.no_relays),
            ("--feedback", given.feedback != Feedback::Model),
            ("--set", !args.model.target.set.is_empty()),
        ];
        let named = named.into_iter().find_map(|(option, given)| given.then_some(option));
        if let Some(option) = named.or_else(|| super::nir::given(&args.model.nir)) {
            let why =
                "a compiled program has its target and rounded weights; `snnc compile` takes the option";
            return Err(changes_nothing(option, why).into());
        }
    }
    let program = if compiled {
        Program::load(&args.model.model)?
    } else {
        // Images do not depend on the mapping, so the one that is made soonest will do.
        compile(&args.model, &MappingArgs { objective: Goal::Cores, ..MappingArgs::default() }, None)?
    };
    errors::warn(&program.warnings());
    let manifest = ImageSetManifest {
        temperature: args.temperature,
        shard: args.shard,
        ..ImageSetManifest::new(&program, args.images, args.seed, args.format.into())
    };
    signals::advise("the same command goes on where it stopped");
    let bar = Bar::new("generating", "images");
    let ReusedImages { whole, damaged } = streaming::run(&program, &manifest, &args.out, &bar)?;
    drop(bar);
    let made = manifest.wanted() - whole;
    let damaged = if damaged > 0 { format!(", {damaged} of them found damaged") } else { String::new() };
    let (images, out) = (manifest.wanted(), args.out.display());
    let images = counted(images, "image");
    print(&format!("{images} in {out} ({made} made now{damaged}, {whole} found)\n"));
    Ok(ExitCode::SUCCESS)
}
