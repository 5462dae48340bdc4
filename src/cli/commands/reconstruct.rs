//! `snnc reconstruct`: images through encoder and decoder on the chip.

use std::process::ExitCode;

use snnc_targets::Diagnostics;
use snnc_targets::output::{self, ResultSet};
use snnc_targets::text_width::folded;

use super::{files, json_of, print};
use crate::cli::arguments::ReconstructArgs;
use crate::cli::progress::Bar;
use crate::reconstruction::reconstruct_files;
use crate::report::images::{PngImage, image_name, write_image};
use crate::report::is_result;

/// Schema of the JSON form.
const SCHEMA: &str = "snnc.reconstruct/1";

pub fn run(args: &ReconstructArgs) -> Result<ExitCode, Diagnostics> {
    let mut inputs = files::model(&args.model);
    args.images.iter().for_each(|path| inputs.add(path));
    let set =
        args.out.as_ref().map(|out| ResultSet::begin(out, "snnc reconstruct", is_result)).transpose()?;
    let target = args.model.target.load()?;
    let options = super::compile::options(&args.model.quantise);
    let bar = Bar::waiting("compiling");
    let result = reconstruct_files(
        &super::compile::load(&args.model.model, &args.model.nir, &args.model.quantise, None)?,
        &target,
        &options,
        &args.images,
        &bar,
    )?;
    drop(bar);
    if let Some(set) = set {
        for (index, (shape, pixels)) in result.pictures.iter().enumerate() {
            write_image(&set.place(&image_name(index))?, &PngImage::new(*shape, pixels.clone())?)?;
        }
        output::write_atomic(&set.place("reconstruct.json")?, json_of(SCHEMA, &result).as_bytes())?;
        set.commit()?;
    }
    print(&if args.json { json_of(SCHEMA, &result) } else { folded(&result.to_string()) });
    Ok(ExitCode::SUCCESS)
}
