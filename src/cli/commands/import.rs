//! `snnc import`.

use std::process::ExitCode;

use snnc_compiler::frontend::nir::{self, NirSummary};
use snnc_compiler::frontend::{FillSummary, ImportSummary, fill, import};
use snnc_targets::Diagnostics;
use snnc_targets::text_width::folded;

use crate::cli::arguments::ImportArgs;

/// Side of the images of Spiking-Diffusion, in pixels, unless said otherwise.
const IMAGE_SIZE: usize = 28;

pub fn run(args: &ImportArgs) -> Result<ExitCode, Diagnostics> {
    if let Some(path) = &args.nir {
        let summary = nir::import(path, &super::nir::options(&args.reading, None), &args.output)?;
        super::print(&if args.json { super::json(&summary) } else { folded(&from_nir(&summary)) });
        return Ok(ExitCode::SUCCESS);
    }
    if let Some(option) = super::nir::given(&args.reading) {
        return Err(super::changes_nothing(option, "it is for NIR files, and none is given").into());
    }
    if let (Some(pth), Some(like)) = (&args.pth, &args.like) {
        let summary = fill(pth, like, &args.output)?;
        super::print(&if args.json {
            super::json_of("snnc.import/1", &summary)
        } else {
            folded(&filled(&summary))
        });
    }
    if let (Some(vq), Some(sdid)) = (&args.vq, &args.sdid) {
        let summary = import(vq, sdid, args.image_size.unwrap_or(IMAGE_SIZE), &args.output)?;
        super::print(&if args.json {
            super::json_of("snnc.import/1", &summary)
        } else {
            folded(&text(&summary))
        });
    }
    Ok(ExitCode::SUCCESS)
}

fn from_nir(summary: &NirSummary) -> String {
    let NirSummary { model, tensors, remarks } = summary;
    let notes: String = remarks.iter().map(|remark| format!("note: {remark}\n")).collect();
    format!("wrote {} and weights.safetensors\n  tensors {tensors}\n{notes}", model.display())
}

fn filled(summary: &FillSummary) -> String {
    let FillSummary { model, tensors, left_over } = summary;
    let mut text = format!("wrote {} and weights.safetensors\n  tensors {tensors}\n", model.display());
    if !left_over.is_empty() {
        text += &format!("  left over: no layer names {}\n", left_over.join(", "));
    }
    text
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
