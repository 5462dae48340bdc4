//! Writes a model folder from the checkpoints of the Spiking-Diffusion authors (arXiv 2308.10187).
//!
//! `checkpoint` opens a state dict, `sizes` reads every size off its tensors and checks them against each other,
//! `networks` lays the authors' architecture over them.
//! The finished model is built once by the loader's own rules before anything is written; `model.ron` is written
//! last, so a folder with a `model.ron` is whole.
//!
//! Taken from the tensors: channels, kernels, codebook, timesteps, number of denoiser layers. Taken from the
//! authors' code because no tensor tells: strides and paddings, LIF constants, the skip from `conv1` to the last
//! layer, the loop's constants. Refused: other depths of encoder and decoder (their strides would be a guess), even
//! kernels, tensors that contradict each other.

mod checkpoint;
mod networks;
mod sizes;

use std::path::{Path, PathBuf};

use indexmap::IndexMap;
use snnc_targets::output::{self, Folder, Inputs};
use snnc_targets::{Code, Diagnostic, Diagnostics, Subject, ron_text};

use super::Origin;
use super::build::{TensorSource, build};
use super::model::{FORMAT, ModelFile, PipelineSpec, TensorRef};
use crate::weights::{Tensor, write_safetensors};
use checkpoint::Checkpoint;
use sizes::Sizes;

/// Image pixels to tokens, per axis: encoder and decoder each have two layers of stride 2.
const REDUCTION: usize = 4;
/// Longest side of an image, in pixels.
const LONGEST_SIDE: usize = 4096;
/// The authors' softmax temperature.
const TEMPERATURE: f64 = 0.65;

/// What an import found and wrote.
#[derive(Debug, Clone, PartialEq, serde::Serialize)]
pub struct ImportSummary {
    /// The model file; the weight files lie beside it.
    pub model: PathBuf,
    /// Images, `[channels, height, width]`.
    pub image: (usize, usize, usize),
    /// Token grid, (rows, columns).
    pub latent: (usize, usize),
    /// Codebook, (codes, width).
    pub codebook: (usize, usize),
    /// Timesteps of a pass.
    pub timesteps: usize,
    /// Output channels of the denoiser's convolutions, first to last.
    pub denoiser: Vec<usize>,
}

/// Imports the checkpoints `vq` (VQ-SVAE) and `sdid` (denoiser) of a model of square images with sides of
/// `image_size` pixels: writes `model.ron`, `vq_svae.safetensors` and `sdid.safetensors` into the folder `out`.
///
/// # Errors
/// [`Code::Argument`] for an image size that is no multiple of 4; what [`crate::weights::WeightFile`] says of the
/// files; [`Code::TensorMissing`] and [`Code::TensorShape`] for state dicts of another architecture;
/// [`Code::OutputFailed`].
pub fn import(vq: &Path, sdid: &Path, image_size: usize, out: &Path) -> Result<ImportSummary, Diagnostics> {
    check_image_size(image_size)?;
    let checkpoints = Checkpoints {
        vq: Checkpoint::open(vq, "vq_svae", "vq_layer.embeddings.weight")?,
        sdid: Checkpoint::open(sdid, "sdid", "conv1.0.weight")?,
    };
    let sizes = Sizes::read(&checkpoints.vq, &checkpoints.sdid)?;
    let model = model(&checkpoints, &sizes, image_size, out);
    build(&model, "imported model", &mut &checkpoints, Origin::default())?;
    let text = print(&model, &sizes, image_size).map_err(|error| unprintable(out, &error))?;
    let path = out.join("model.ron");
    let weights = [&checkpoints.vq, &checkpoints.sdid].map(|c| (out.join(c.file_name()), c));
    let _inputs = Inputs::new([vq, sdid]);
    let _owned = Folder::claim(out)?;
    weights.iter().map(|(file, _)| file).chain([&path]).try_for_each(|file| output::check(file))?;
    // An older model must not stand beside new weights if this is cut off: a folder with a model.ron is whole.
    output::remove(&path)?;
    for (file, checkpoint) in weights {
        write_safetensors(&file, &checkpoint.stored()?)?;
    }
    output::write_atomic(&path, text.as_bytes())?;
    Ok(summary(path, &sizes, image_size))
}

fn check_image_size(image_size: usize) -> Result<(), Diagnostic> {
    if image_size.is_multiple_of(REDUCTION) && (REDUCTION..=LONGEST_SIDE).contains(&image_size) {
        return Ok(());
    }
    let message =
        format!("image size is {image_size}, expected a multiple of {REDUCTION} up to {LONGEST_SIDE}");
    Err(Diagnostic::new(Code::Argument, Subject::argument("--image-size"), message)
        .hint("the side of the images in pixels: 28 for MNIST, 32 for CIFAR-10"))
}

/// The two state dicts, as a source of tensors by handle.
struct Checkpoints {
    vq: Checkpoint,
    sdid: Checkpoint,
}

impl TensorSource for &Checkpoints {
    fn fetch(&mut self, tensor: &TensorRef) -> Result<Tensor, Diagnostics> {
        let all = [&self.vq, &self.sdid];
        let named = all.into_iter().find(|checkpoint| checkpoint.handle() == tensor.0);
        Ok(named.unwrap_or(&self.vq).tensor(&tensor.1)?)
    }
}

fn model(checkpoints: &Checkpoints, sizes: &Sizes, image_size: usize, out: &Path) -> ModelFile {
    let latent = image_size / REDUCTION;
    let name = out.file_name().map_or_else(|| "spiking-diffusion".into(), |name| name.to_string_lossy());
    let weights = [&checkpoints.vq, &checkpoints.sdid].map(|c| (c.handle().to_owned(), c.file_name()));
    let networks = IndexMap::from([
        (String::from("sdid"), networks::denoiser(&checkpoints.sdid, sizes, latent)),
        (String::from("decoder"), networks::decoder(&checkpoints.vq, sizes, latent)),
        (String::from("encoder"), networks::encoder(&checkpoints.vq, sizes, image_size)),
    ]);
    ModelFile {
        format: FORMAT.to_owned(),
        name: name.into_owned(),
        weights: IndexMap::from(weights),
        networks,
        pipeline: Some(pipeline(sizes, latent)),
    }
}

fn pipeline(sizes: &Sizes, latent: usize) -> PipelineSpec {
    PipelineSpec {
        latent: (latent, latent),
        mask: sizes.codes,
        iterations: latent * latent,
        temperature: TEMPERATURE,
        denoiser: String::from("sdid"),
        decoder: String::from("decoder"),
        codebook: String::from("codes"),
        encoder: Some(String::from("encoder")),
    }
}

/// The model file's text: a header for people, then one line a layer.
fn print(model: &ModelFile, sizes: &Sizes, image_size: usize) -> Result<String, ron::Error> {
    let style = ron::ser::PrettyConfig::new().indentor("  ").depth_limit(4);
    let body = ron_text::print(model, style)?;
    let (latent, planes) = (image_size / REDUCTION, sizes.planes);
    Ok(format!(
        "// Spiking-Diffusion (arXiv 2308.10187): VQ-SVAE encoder and decoder, SDID denoiser.\n\
         // Written by `snnc import` from the state dicts of the authors' code; tensors keep their names there.\n\
         // Images [{planes}, {image_size}, {image_size}], tokens {latent} x {latent}, codebook {codes} x {width}, \
         {timesteps} timesteps.\n\
         // From the tensors: channels, kernels, codebook, timesteps. From the authors' code: strides, paddings,\n\
         // LIF constants, batch norm epsilon, and the pipeline's iterations and temperature.\n\
         // A layer reads the layers in `from`; a tensor is (weight file, name); spiking layers bear short names.\n\
         {body}\n",
        codes = sizes.codes,
        width = sizes.width,
        timesteps = sizes.timesteps,
    ))
}

fn unprintable(out: &Path, error: &ron::Error) -> Diagnostic {
    Diagnostic::new(Code::OutputFailed, out, format!("the model does not print: {error}"))
}

fn summary(model: PathBuf, sizes: &Sizes, image_size: usize) -> ImportSummary {
    let latent = image_size / REDUCTION;
    ImportSummary {
        model,
        image: (sizes.planes, image_size, image_size),
        latent: (latent, latent),
        codebook: (sizes.codes, sizes.width),
        timesteps: sizes.timesteps,
        denoiser: sizes.denoiser.iter().map(|conv| conv.outputs).collect(),
    }
}
