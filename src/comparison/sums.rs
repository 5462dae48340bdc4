//! What one image adds up to, and how images add up to the comparison.

use serde::{Deserialize, Serialize};
use snnc_compiler::ir::Shape;
use snnc_compiler::ir::program::Program;
use snnc_simulator::workload::generation::{Diffusion, LoopParameters, Uniforms};

use super::layer_sums::LayerSums;
use super::metrics::{Mean, kl, pixel_mse, ratio};
use super::pictures::{beside, psnr, ssim};
use super::{Comparison, Estimate, LogitComparison, PixelComparison, TokenComparison};
use crate::report::data::Overflows;

/// GenerationSums over some images.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub struct GenerationSums {
    /// Whatever the workload.
    pub layers: LayerSums,
    max_abs_error: f64,
    squared_error: Mean,
    kl: Mean,
    kl_drawn: Mean,
    /// (equal, drawn) by iteration.
    draws: Vec<(u64, u64)>,
    free_equal: Mean,
    images: Vec<ImageSums>,
    pictures: Vec<(Shape, Vec<u8>)>,
}

/// Figures of one image.
#[derive(Debug, Clone, Copy, Serialize, Deserialize)]
struct ImageSums {
    agreement: f64,
    kl: f64,
    mse: f64,
    ssim: f64,
    free_mse: f64,
    free_ssim: f64,
}

impl GenerationSums {
    /// Compares logits `[codes, h, w]` over the masked positions of a course's iteration, and tokens over those drawn
    /// in it.
    pub fn logits(
        &mut self,
        p: &LoopParameters,
        course: &Diffusion<impl Uniforms>,
        (float, chip): (&[f64], &[f64]),
    ) {
        let Some(row) = course.iteration() else { return };
        self.draws.resize(p.iterations, (0, 0));
        let (tokens, chosen) = (course.tokens(), course.chosen());
        let of = |logits: &[f64], position: usize| -> Vec<f64> {
            logits.iter().skip(position).step_by(tokens.len()).copied().collect()
        };
        for position in (0..tokens.len()).filter(|&i| tokens[i] == p.mask) {
            let (of_float, of_chip) = (of(float, position), of(chip, position));
            for (a, b) in of_float.iter().zip(&of_chip) {
                self.max_abs_error = self.max_abs_error.max((a - b).abs());
                self.squared_error.add((a - b) * (a - b));
            }
            let divergence = kl(&of_float, &of_chip, p.temperature);
            self.kl.add(divergence);
            if chosen.contains(&position) {
                let equal = course.draw(float, position) == course.draw(chip, position);
                self.kl_drawn.add(divergence);
                self.draws[row].0 += u64::from(equal);
                self.draws[row].1 += 1;
            }
        }
    }

    /// Compares final tokens and the three images: float, chip on the same tokens, chip running freely.
    pub fn image(&mut self, shape: Shape, tokens: (&[u32], &[u32]), [float, chip, free]: [&[u8]; 3]) {
        for (a, b) in tokens.0.iter().zip(tokens.1) {
            self.free_equal.add(f64::from(u8::from(a == b)));
        }
        let (equal, drawn) = self.drawn();
        self.images.push(ImageSums {
            agreement: ratio(equal, drawn),
            kl: self.kl.get(),
            mse: pixel_mse(float, chip),
            ssim: ssim(shape, float, chip),
            free_mse: pixel_mse(float, free),
            free_ssim: ssim(shape, float, free),
        });
        self.pictures.push(beside(shape, &[float, chip, free]));
    }

    fn drawn(&self) -> (u64, u64) {
        self.draws.iter().fold((0, 0), |sum, draw| (sum.0 + draw.0, sum.1 + draw.1))
    }

    /// Adds the sums of later images.
    pub fn merge(&mut self, other: Self) {
        self.layers.merge(other.layers);
        self.max_abs_error = self.max_abs_error.max(other.max_abs_error);
        self.squared_error.merge(other.squared_error);
        self.kl.merge(other.kl);
        self.kl_drawn.merge(other.kl_drawn);
        self.draws.resize(self.draws.len().max(other.draws.len()), (0, 0));
        for (sum, draw) in self.draws.iter_mut().zip(other.draws) {
            *sum = (sum.0 + draw.0, sum.1 + draw.1);
        }
        self.free_equal.merge(other.free_equal);
        self.images.extend(other.images);
        self.pictures.extend(other.pictures);
    }

    /// The comparison that they amount to.
    pub fn comparison(self, program: &Program, calibration_passes: u64, seed: u64) -> Comparison {
        let Overflows { accumulator, state, bias } = self.layers.saturation;
        Comparison {
            model: program.model.name.clone(),
            target: program.target.name.clone(),
            weight_bits: program.model.neuron.weight_bits,
            calibration_passes,
            images: self.images.len() as u64,
            seed,
            layers: self.layers.layers(program),
            departure: self.layers.departure(),
            logits: self.logit_comparison(),
            tokens: self.token_comparison(),
            pixels: self.pixel_comparison(),
            overflows: accumulator + state + bias,
            saturation: self.layers.saturation,
            warnings: crate::warnings::of(&program.warnings()),
            host: program.model.networks.keys().flat_map(|id| program.model.host_work(id)).collect(),
            layerwise: self.layers.checks.into_values().collect(),
            pictures: self.pictures,
        }
    }

    fn estimate(&self, value: impl Fn(&ImageSums) -> f64) -> Estimate {
        Estimate::of(&self.images.iter().map(value).collect::<Vec<_>>())
    }

    fn logit_comparison(&self) -> LogitComparison {
        LogitComparison {
            max_abs_error: self.max_abs_error,
            rms_error: self.squared_error.get().sqrt(),
            kl: self.kl.get(),
            kl_per_image: self.estimate(|i| i.kl),
            kl_drawn: self.kl_drawn.get(),
        }
    }

    fn token_comparison(&self) -> TokenComparison {
        let (equal, drawn) = self.drawn();
        let share = |&(equal, drawn): &(u64, u64)| (drawn > 0).then(|| ratio(equal, drawn));
        TokenComparison {
            agreement: ratio(equal, drawn),
            agreement_per_image: self.estimate(|i| i.agreement),
            drawn,
            by_iteration: self.draws.iter().map(share).collect(),
            free_running_agreement: self.free_equal.get(),
        }
    }

    fn pixel_comparison(&self) -> PixelComparison {
        let mse = self.estimate(|i| i.mse);
        PixelComparison {
            mse: mse.mean,
            mse_per_image: mse,
            psnr_db: psnr(mse.mean),
            ssim: self.estimate(|i| i.ssim).mean,
            free_running_mse: self.estimate(|i| i.free_mse).mean,
            free_running_ssim: self.estimate(|i| i.free_ssim).mean,
        }
    }
}
