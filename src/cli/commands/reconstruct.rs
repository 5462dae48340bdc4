//! `snnc reconstruct`: images through encoder and decoder on the chip.

use std::process::ExitCode;

use snnc_compiler::{driver, frontend};
use snnc_targets::output::{self, ResultSet};
use snnc_targets::{Diagnostics, registry};

use super::{files, json, print};
use crate::cli::arguments::ReconstructArgs;
use crate::float_stepper::{interpreter, pipeline};
use crate::reconstruction::{input, reconstruct};
use crate::report::images::{Image, image_name, write_image};
use crate::report::is_result;

pub fn run(args: &ReconstructArgs) -> Result<ExitCode, Diagnostics> {
    let mut inputs = files::model(&args.model);
    args.images.iter().for_each(|path| inputs.add(path));
    let set =
        args.out.as_ref().map(|out| ResultSet::begin(out, "snnc reconstruct", is_result)).transpose()?;
    let model = frontend::load(&args.model.model)?;
    let target = registry::load(&args.model.target)?;
    let options = super::compile::options(&args.model.quantise);
    let (program, tail) = driver::compile_reconstruction(&model, &target, options)?;
    let encoder = pipeline(&model)?.encoder.as_deref().unwrap_or_default();
    let shape = interpreter(&model, encoder)?.input_shape();
    let mut images = Vec::new();
    for path in &args.images {
        images.extend(input::read(path, shape)?);
    }
    let result = reconstruct(&model, &program.into(), &tail, &images, shape)?;
    if let Some(set) = set {
        for (index, (shape, pixels)) in result.pictures.iter().enumerate() {
            write_image(&set.place(&image_name(index))?, &Image::new(*shape, pixels.clone())?)?;
        }
        output::write_atomic(&set.place("reconstruct.json")?, json(&result).as_bytes())?;
        set.commit()?;
    }
    print(&if args.json { json(&result) } else { result.to_string() });
    Ok(ExitCode::SUCCESS)
}
