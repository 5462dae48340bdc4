//! `snnc reconstruct`: images through encoder and decoder on the chip.

use std::process::ExitCode;

use snnc_compiler::{driver, frontend};
use snnc_targets::{Diagnostics, output, registry};

use super::{json, print};
use crate::cli::ReconstructArgs;
use crate::float_stepper::{interpreter, pipeline};
use crate::reconstruction::{input, reconstruct};
use crate::report::images::{Image, image_name, write_image};

pub fn run(args: &ReconstructArgs) -> Result<ExitCode, Diagnostics> {
    let model = frontend::load(&args.model.model)?;
    let target = registry::load(&args.model.target)?;
    let options = super::compile::options(&args.model.quantise);
    let (program, encoding) = driver::compile_codec(&model, &target, options)?;
    let encoder = pipeline(&model)?.encoder.as_deref().unwrap_or_default();
    let shape = interpreter(&model, encoder)?.input_shape();
    let mut images = Vec::new();
    for path in &args.images {
        images.extend(input::read(path, shape)?);
    }
    let result = reconstruct(&model, &program, &encoding, &images, shape)?;
    if let Some(out) = &args.out {
        for (index, (shape, pixels)) in result.pictures.iter().enumerate() {
            write_image(&out.join(image_name(index)), &Image::new(*shape, pixels.clone())?)?;
        }
        output::write_atomic(&out.join("reconstruct.json"), json(&result).as_bytes())?;
    }
    print(&if args.json { json(&result) } else { result.to_string() })?;
    Ok(ExitCode::SUCCESS)
}
