//! `snnc import`.

use std::process::ExitCode;

use snnc_compiler::frontend::{ImportSummary, import};
use snnc_targets::Diagnostics;

use crate::cli::arguments::ImportArgs;

pub fn run(args: &ImportArgs) -> Result<ExitCode, Diagnostics> {
    let summary = import(&args.vq, &args.sdid, args.image_size, &args.output)?;
    super::print(&if args.json { super::json(&summary) } else { text(&summary) });
    Ok(ExitCode::SUCCESS)
}

fn text(summary: &ImportSummary) -> String {
    let ImportSummary { model, image, latent, codebook, timesteps, denoiser } = summary;
    format!(
        "wrote {} and its weight files\n  \
         images {image:?} (channels, height, width), tokens {} x {}, codebook {} x {}, {timesteps} timesteps\n  \
         denoiser channels {denoiser:?}\n",
        model.display(),
        latent.0,
        latent.1,
        codebook.0,
        codebook.1,
    )
}
