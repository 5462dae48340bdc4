//! What one image adds up to, and how images add up to the comparison.

use std::collections::BTreeMap;

use snnc_compiler::ir::program::Program;
use snnc_compiler::ir::{PopulationId, Shape};
use snnc_simulator::host::{LoopParameters, PhiloxUniforms, Uniforms, sample};

use super::metrics::{Mean, Spikes, kl, pixel_mse, ratio};
use super::pictures::{beside, psnr, ssim};
use super::{
    Comparison, Estimate, LayerCheck, LayerComparison, LogitComparison, PixelComparison, Saturation,
    TokenComparison,
};

/// Sums over some images.
#[derive(Debug, Clone, Default)]
pub struct Sums {
    pub spikes: BTreeMap<PopulationId, Spikes>,
    pub free_spikes: BTreeMap<PopulationId, Spikes>,
    pub checks: BTreeMap<PopulationId, LayerCheck>,
    pub saturation: Saturation,
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
#[derive(Debug, Clone, Copy)]
struct ImageSums {
    agreement: f64,
    kl: f64,
    mse: f64,
    ssim: f64,
    free_mse: f64,
    free_ssim: f64,
}

impl Sums {
    /// Compares logits `[codes, h, w]` over the masked positions, and tokens over those drawn in iteration `row`.
    pub fn logits(
        &mut self,
        g: &LoopParameters,
        uniforms: &PhiloxUniforms,
        row: usize,
        tokens: &[u32],
        (float, chip): (&[f64], &[f64]),
    ) {
        self.draws.resize(g.iterations, (0, 0));
        let positions = tokens.len();
        let of = |logits: &[f64], p: usize| -> Vec<f64> {
            logits.iter().skip(p).step_by(positions).copied().collect()
        };
        for p in (0..positions).filter(|&p| tokens[p] == g.mask) {
            let (float, chip) = (of(float, p), of(chip, p));
            for (a, b) in float.iter().zip(&chip) {
                self.max_abs_error = self.max_abs_error.max((a - b).abs());
                self.squared_error.add((a - b) * (a - b));
            }
            let divergence = kl(&float, &chip, g.temperature);
            self.kl.add(divergence);
            if uniforms.unmask(row, p) < 1.0 / (g.iterations - row) as f64 {
                let draw =
                    |logits: Vec<f64>| sample(logits.into_iter(), g.temperature, uniforms.token(row, p));
                let equal = draw(float) == draw(chip);
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
        for (id, spikes) in other.spikes {
            self.spikes.entry(id).or_default().merge(&spikes);
        }
        for (id, spikes) in other.free_spikes {
            self.free_spikes.entry(id).or_default().merge(&spikes);
        }
        for (id, check) in other.checks {
            self.checks.entry(id).or_default().merge(&check);
        }
        self.saturation.accumulator += other.saturation.accumulator;
        self.saturation.state += other.saturation.state;
        self.saturation.bias += other.saturation.bias;
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
        let Saturation { accumulator, state, bias } = self.saturation;
        Comparison {
            model: program.model.name.clone(),
            target: program.target.name.clone(),
            weight_bits: program.model.neuron.weight_bits,
            calibration_passes,
            images: self.images.len() as u64,
            seed,
            layers: self.layers(program),
            departure: departure(&self.checks),
            logits: self.logit_comparison(),
            tokens: self.token_comparison(),
            pixels: self.pixel_comparison(),
            overflows: accumulator + state + bias,
            saturation: self.saturation,
            warnings: crate::warnings::of(&program.warnings()),
            host: program.model.networks.keys().flat_map(|id| program.model.host_work(id)).collect(),
            layerwise: self.checks.into_values().collect(),
            pictures: self.pictures,
        }
    }

    fn layers(&self, program: &Program) -> Vec<LayerComparison> {
        let layer = |(id, spikes): (&PopulationId, &Spikes)| {
            let (rate_float, rate_chip) = spikes.rates();
            LayerComparison {
                name: program.model.layer_name(*id),
                spike_agreement: spikes.agreement(),
                spike_overlap: spikes.overlap(),
                free_running_agreement: self.free_spikes.get(id).map_or(1.0, Spikes::agreement),
                rate_float,
                rate_chip,
            }
        };
        self.spikes.iter().map(layer).collect()
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

/// The first layer whose own arithmetic changes a spike, and what changes most of them.
fn departure(checks: &BTreeMap<PopulationId, LayerCheck>) -> Option<String> {
    let first = checks.values().find(|check| check.changed > 0)?;
    let cause = match first.cause() {
        Some(cause) => format!("most of them by {cause}"),
        None => "by no property alone, only by several together".into(),
    };
    Some(format!(
        "{} departs first: {} of {} answers change on the float's own input, {cause}",
        first.name,
        first.changed,
        first.answers(),
    ))
}
