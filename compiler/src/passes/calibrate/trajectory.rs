//! Short trajectories of the generation loop: inputs as the networks will see them, at a fraction of the passes.
//!
//! The loop unmasks each position in an iteration of its own choosing; before iteration t a position is still masked
//! with probability t / iterations. A short trajectory visits a few t and unmasks between them with the probability
//! that keeps this law, so grids of every degree of completion are seen as often as in a whole run.

use super::float::{Pass, run};
use crate::frontend::model::PipelineSpec;
use crate::passes::collect::Collected;

/// Passes of a trajectory.
const PASSES: usize = 8;
/// Seed of all draws.
const SEED: u64 = 0x5eed_0fca_11b7_a7e5;

/// `passes` recorded passes of the denoiser, and the tokens of every finished grid.
pub fn denoiser(network: &Collected, pipeline: &PipelineSpec, passes: usize) -> (Vec<Pass>, Vec<Vec<f64>>) {
    let mut random = Random(SEED);
    let (mut recorded, mut finished) = (Vec::new(), Vec::new());
    while recorded.len() < passes {
        let length = PASSES.min(passes - recorded.len());
        let mut tokens = vec![pipeline.mask as f64; pipeline.latent.0 * pipeline.latent.1];
        for k in 0..length {
            let (now, next) = (visited(pipeline, k, length), visited(pipeline, k + 1, length));
            let mut input = tokens.clone();
            input.resize(tokens.len() * 2, now as f64);
            let mut pass = run(network, &input);
            let masked: Vec<bool> = tokens.iter().map(|&token| token == pipeline.mask as f64).collect();
            let left = next as f64 / now as f64;
            for position in (0..tokens.len()).filter(|&p| masked[p]) {
                if random.uniform() >= left {
                    tokens[position] = draw(&pass.output, position, pipeline, tokens.len(), &mut random);
                }
            }
            pass.relevant = masked;
            recorded.push(pass);
        }
        finished.push(tokens);
    }
    (recorded, finished)
}

/// One recorded pass of the decoder for each finished grid.
pub fn decoder(network: &Collected, finished: &[Vec<f64>]) -> Vec<Pass> {
    finished.iter().map(|tokens| run(network, tokens)).collect()
}

/// The iteration of pass k of a short trajectory: evenly from `iterations` to 0, which is never run.
fn visited(pipeline: &PipelineSpec, k: usize, length: usize) -> usize {
    (pipeline.iterations * (length - k)).div_ceil(length)
}

/// A code drawn from softmax(logits / temperature) at a position; the exponential is a software one, so that integers
/// do not depend on the platform's mathematical library.
fn draw(logits: &[f32], position: usize, p: &PipelineSpec, positions: usize, random: &mut Random) -> f64 {
    let scaled: Vec<f64> =
        logits.iter().skip(position).step_by(positions).map(|&l| f64::from(l) / p.temperature).collect();
    let most = scaled.iter().copied().fold(f64::NEG_INFINITY, f64::max);
    let weights: Vec<f64> = scaled.iter().map(|s| libm::exp(s - most)).collect();
    let mut left = random.uniform() * weights.iter().sum::<f64>();
    for (code, weight) in weights.iter().enumerate() {
        left -= weight;
        if left < 0.0 {
            return code as f64;
        }
    }
    (weights.len().max(1) - 1) as f64
}

/// SplitMix64 (Steele, Lea and Flood 2014).
struct Random(u64);

impl Random {
    /// In `[0, 1)`.
    fn uniform(&mut self) -> f64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        ((z ^ (z >> 31)) >> 11) as f64 / (1u64 << 53) as f64
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pipeline(iterations: usize) -> PipelineSpec {
        PipelineSpec {
            latent: (1, 2),
            mask: 2,
            iterations,
            temperature: 1.0,
            denoiser: "d".into(),
            decoder: "e".into(),
            codebook: "c".into(),
            encoder: None,
        }
    }

    #[test]
    fn a_short_trajectory_starts_at_the_first_iteration_and_never_runs_0() {
        let visits = |iterations, length| -> Vec<usize> {
            (0..=length).map(|k| visited(&pipeline(iterations), k, length)).collect()
        };
        assert_eq!(visits(49, 8), [49, 43, 37, 31, 25, 19, 13, 7, 0]);
        assert_eq!(visits(2, 4), [2, 2, 1, 1, 0]);
    }

    #[test]
    fn draws_follow_the_softmax() {
        let mut random = Random(1);
        // Position 1 of two: logits ln 3 and 0.
        let logits = [0.0, 3f32.ln(), 0.0, 0.0];
        let draws = 4000;
        let second = (0..draws).filter(|_| draw(&logits, 1, &pipeline(1), 2, &mut random) == 1.0).count();
        assert!((second as f64 / f64::from(draws) - 0.25).abs() < 0.03, "{second}");
    }
}
