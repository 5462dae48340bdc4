//! `snnc generate`: whole sets of images for statistics.

use std::process::ExitCode;

use snnc_compiler::ir::program::Program;
use snnc_targets::Diagnostics;

use super::compile::compile;
use super::{changes_nothing, print};
use crate::cli::{MappingArgs, SetArgs};
use crate::progress;
use crate::streaming::{self, Manifest};

pub fn run(args: &SetArgs) -> Result<ExitCode, Diagnostics> {
    let compiled = args.model.model.extension().is_some_and(|e| e == "snnx");
    if compiled {
        let given = args.model.quantise;
        let named = [("--weights", given.weights.is_some()), ("--calibrate", given.calibrate.is_some())];
        if let Some((option, _)) = named.into_iter().find(|&(_, given)| given) {
            let why =
                "the weights of a compiled program are rounded already; `snnc compile` takes the option";
            return Err(changes_nothing(option, why).into());
        }
    }
    let program = if compiled {
        Program::load(&args.model.model)?
    } else {
        compile(&args.model, &MappingArgs::default())?.program
    };
    let manifest = Manifest::new(&program, args.images, args.seed, args.format);
    let bar = progress::bar(args.images, "generating");
    let earlier = streaming::run(&program, &manifest, &args.out, &|images| bar.inc(images))?;
    bar.finish_and_clear();
    let made = args.images - earlier;
    print(&format!("{} images in {} ({made} made now, {earlier} found)\n", args.images, args.out.display()))?;
    Ok(ExitCode::SUCCESS)
}
