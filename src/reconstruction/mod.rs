//! Encode and decode images, on the chip and in floats, and compare what comes out with what went in.
//!
//! Images are independent of each other; threads cannot change a figure.

pub mod input;
mod text;

use std::path::PathBuf;
use std::sync::Arc;

use rayon::prelude::*;
use serde::Serialize;
use snnc_compiler::driver::{self, CompileOptions};
use snnc_compiler::event_driven::EventDriven;
use snnc_compiler::frontend::LoadedModel;
use snnc_compiler::ir::program::Program;
use snnc_compiler::ir::spiking::{HostTail, HostWork};
use snnc_compiler::ir::{NetworkId, Shape};
use snnc_compiler::workload;
use snnc_simulator::execute::Chip;
use snnc_simulator::workload::generation::pixels;
use snnc_targets::{Code, Diagnostic, Diagnostics, Subject, Target};

use crate::comparison::pictures::{beside, psnr, ssim};
use crate::comparison::{Estimate, pixel_mse};
use crate::float_driver::interpreter;
use crate::model::Model;
use crate::progress::{CompilerProgress, Progress, go_on};

/// The result over some images.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct ReconstructionReport {
    /// Name of the model.
    pub model: String,
    /// Name of the target.
    pub target: String,
    /// Bits of a weight.
    pub weight_bits: u32,
    /// Cores that encoder and decoder take.
    pub cores_used: usize,
    /// Images.
    pub images: usize,
    /// Chip against the input.
    pub chip: Quality,
    /// Float model against the input.
    pub float: Quality,
    /// Chip's mean squared error / float's, less 1; null if the float's is 0.
    pub mse_increase: Option<f64>,
    /// Share of equal tokens.
    pub token_agreement: f64,
    /// Spikes of the chip in both networks, an image.
    pub spikes_per_image: f64,
    /// Synaptic operations of the chip in both networks, an image.
    pub synaptic_operations_per_image: f64,
    /// Values that left their width on the chip.
    pub overflows: u64,
    /// What the host computes for an image: constant inputs of both networks, the encoder's tail, read-outs.
    pub host: Vec<HostWork>,
    /// Input, float and chip side by side, one an image.
    #[serde(skip)]
    pub pictures: Vec<(Shape, Vec<u8>)>,
}

/// How alike reconstruction and input are; pixels in 0 to 1.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Quality {
    /// Mean squared error.
    pub mse: Estimate,
    /// Of the mean squared error; null if it is 0.
    pub psnr_db: Option<f64>,
    /// Structural similarity.
    pub ssim: Estimate,
}

/// What one image gave.
struct ReconstructedImage {
    float: Vec<u8>,
    chip: Vec<u8>,
    equal: f64,
    spikes: u64,
    operations: u64,
    overflows: u64,
}

/// Both sides of encoder and decoder.
struct Codec<'a> {
    chip: Chip,
    tail: &'a HostTail,
    decoder: NetworkId,
    float: [EventDriven<'a>; 2],
}

/// Compiles encoder and decoder for a target and reconstructs the images of some files; steps of the progress are
/// images.
///
/// # Errors
/// What the compiler refuses, what is wrong with a file, and those of [`reconstruct_observed`].
pub fn reconstruct_files(
    model: &Model,
    target: &Target,
    options: &CompileOptions,
    files: &[PathBuf],
    progress: &dyn Progress,
) -> Result<ReconstructionReport, Diagnostics> {
    let model = model.loaded();
    progress.stage("compiling", "");
    let observer = CompilerProgress::new(progress);
    let (program, tail) = driver::compile_reconstruction_observed(model, target, *options, &observer)?;
    let encoder = workload::Reconstruction::new(model)?.encoder();
    let shape = interpreter(model, encoder)?.input_shape();
    let mut images = Vec::new();
    for path in files {
        images.extend(input::read(path, shape)?);
    }
    reconstruct_observed(model, &program.into(), &tail, (&images, shape), progress)
}

/// Reconstructs images `[c, h, w]`.
///
/// # Errors
/// [`Code::ModelInvalid`] or [`Code::LayerShape`] if model and images do not fit each other.
pub fn reconstruct(
    model: &LoadedModel,
    program: &Arc<Program>,
    tail: &HostTail,
    images: &[Vec<u8>],
    shape: Shape,
) -> Result<ReconstructionReport, Diagnostics> {
    reconstruct_observed(model, program, tail, (images, shape), &())
}

/// As [`reconstruct`]; steps of the progress are images.
///
/// # Errors
/// Those of [`reconstruct`], and [`Code::Stopped`] if the progress says so.
pub fn reconstruct_observed(
    model: &LoadedModel,
    program: &Arc<Program>,
    tail: &HostTail,
    (images, shape): (&[Vec<u8>], Shape),
    progress: &dyn Progress,
) -> Result<ReconstructionReport, Diagnostics> {
    program.needs_timesteps()?;
    let names = workload::Reconstruction::new(model)?;
    let float = [interpreter(model, names.encoder())?, interpreter(model, names.decoder())?];
    for (side, found) in [("input", float[0].input_shape()), ("output", float[1].output_shape())] {
        if found != shape {
            let message = format!("the images are {shape}, the model's {side} is {found}");
            return Err(Diagnostic::new(Code::LayerShape, Subject::Model(model.name.clone()), message).into());
        }
    }
    let networks = program.model.networks.iter();
    let decoder = networks.filter(|(_, n)| n.name == names.decoder()).map(|(id, _)| id).next();
    let decoder = decoder.ok_or_else(|| {
        Diagnostic::new(Code::ModelInvalid, Subject::Model(model.name.clone()), "the program has no decoder")
    })?;
    let codec = Codec { chip: Chip::new(program.clone()), tail, decoder, float: float.map(EventDriven::new) };
    progress.stage("reconstructing", "images");
    progress.begin(images.len() as u64);
    let one = |image: &Vec<u8>| {
        go_on(progress)?;
        let outcome = codec.image(image);
        progress.advance(1);
        outcome
    };
    let outcomes: Vec<ReconstructedImage> = images.par_iter().map(one).collect::<Result<_, Diagnostic>>()?;
    let model = &program.model;
    let mut host = model.host_work(tail.network);
    host.extend(tail.host_work(model));
    host.extend(model.host_work(decoder));
    Ok(summary(program, images, shape, &outcomes, host))
}

impl Codec<'_> {
    fn image(&self, image: &[u8]) -> Result<ReconstructedImage, Diagnostic> {
        let input: Vec<f64> = image.iter().map(|&p| f64::from(p) / 255.0 - 0.5).collect();
        let [encoder, decoder] = &self.float;
        let tokens = encoder.answer(&input)?.output().clone();
        let float = decoder.answer(&tokens.data)?.output().data.clone();
        let encoded = self.chip.run(self.tail.network, &input)?;
        let chip_tokens = self.tail.codes(&encoded.readouts);
        let mut decoded = self.chip.run(self.decoder, &chip_tokens)?;
        let equal = tokens.data.iter().zip(&chip_tokens).filter(|(a, b)| a == b).count();
        let mut outcome = ReconstructedImage {
            float: pixels(&float),
            chip: pixels(&decoded.readouts.swap_remove(0)),
            equal: equal as f64 / chip_tokens.len().max(1) as f64,
            spikes: 0,
            operations: 0,
            overflows: encoded.counts.bias_saturations + decoded.counts.bias_saturations,
        };
        let steps = encoded.counts.steps.iter().chain(&decoded.counts.steps);
        for events in steps.flat_map(|step| &step.events) {
            outcome.spikes += events.spikes;
            outcome.operations += events.synaptic_operations;
            outcome.overflows += events.accumulator_overflows + events.state_saturations;
        }
        Ok(outcome)
    }
}

fn summary(
    program: &Program,
    images: &[Vec<u8>],
    shape: Shape,
    outcomes: &[ReconstructedImage],
    host: Vec<HostWork>,
) -> ReconstructionReport {
    let quality = |side: fn(&ReconstructedImage) -> &Vec<u8>| {
        let pairs = || images.iter().zip(outcomes.iter().map(side));
        let mse = Estimate::of(&pairs().map(|(a, b)| pixel_mse(a, b)).collect::<Vec<_>>());
        let alike = Estimate::of(&pairs().map(|(a, b)| ssim(shape, a, b)).collect::<Vec<_>>());
        Quality { mse, psnr_db: psnr(mse.mean), ssim: alike }
    };
    let (chip, float) = (quality(|o| &o.chip), quality(|o| &o.float));
    let mean = |value: fn(&ReconstructedImage) -> f64| {
        outcomes.iter().map(value).sum::<f64>() / outcomes.len().max(1) as f64
    };
    ReconstructionReport {
        model: program.model.name.clone(),
        target: program.target.name.clone(),
        weight_bits: program.model.neuron.weight_bits,
        cores_used: program.chip_cores().count(),
        images: images.len(),
        chip,
        float,
        mse_increase: (float.mse.mean > 0.0).then(|| chip.mse.mean / float.mse.mean - 1.0),
        token_agreement: mean(|o| o.equal),
        spikes_per_image: mean(|o| o.spikes as f64),
        synaptic_operations_per_image: mean(|o| o.operations as f64),
        overflows: outcomes.iter().map(|o| o.overflows).sum(),
        host,
        pictures: (images.iter().zip(outcomes))
            .map(|(input, o)| beside(shape, &[input, &o.float, &o.chip]))
            .collect(),
    }
}
