//! `snnc generate`: whole sets of images for statistics.

use std::process::ExitCode;

use snnc_targets::Diagnostics;

use super::compile::compile;
use super::{changes_nothing, files, print};
use crate::cli::arguments::{MappingArgs, SetArgs};
use crate::cli::errors;
use crate::cli::process::signals;
use crate::cli::progress::Bar;
use crate::program::Program;
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
        ];
        if let Some((option, _)) = named.into_iter().find(|&(_, given)| given) {
            let why =
                "the weights of a compiled program are rounded already; `snnc compile` takes the option";
            return Err(changes_nothing(option, why).into());
        }
    }
    let program = if compiled {
        Program::load(&args.model.model)?
    } else {
        compile(&args.model, &MappingArgs::default(), None)?
    };
    errors::warn(&program.warnings());
    let manifest = ImageSetManifest::new(&program, args.images, args.seed, args.format.into());
    signals::advise("the same command goes on where it stopped");
    let bar = Bar::new("generating");
    let ReusedImages { whole, damaged } = streaming::run(&program, &manifest, &args.out, &bar)?;
    drop(bar);
    let made = args.images - whole;
    let damaged = if damaged > 0 { format!(", {damaged} of them found damaged") } else { String::new() };
    let (images, out) = (args.images, args.out.display());
    print(&format!("{images} images in {out} ({made} made now{damaged}, {whole} found)\n"));
    Ok(ExitCode::SUCCESS)
}
