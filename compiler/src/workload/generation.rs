//! Absorbing-state diffusion over a grid of tokens, then decoding, as a model's pipeline says it.
//!
//! What is recorded are short trajectories of the loop: inputs as the networks will see them, at a fraction of the
//! passes. The loop unmasks each position in an iteration of its own choosing; before iteration t a position is still
//! masked with probability t / iterations. A short trajectory visits a few t and unmasks between them with the
//! probability that keeps this law, so grids of every degree of completion are seen as often as in a whole run. The
//! decoder is shown their finished grids.

use std::collections::BTreeMap;

use indexmap::IndexMap;

use super::{Recorder, RecordingObserver, Workload};
use crate::frontend::model::PipelineSpec;
use crate::graph::Graph;
use crate::ir::NetworkId;
use crate::ir::workload::{DrivenNetwork, WorkloadSpec};
use crate::passes::calibrate::{RecordedPass, run};
use crate::passes::collect::Collected;
use crate::random::SplitMix64;

/// Passes of a trajectory.
const PASSES: usize = 8;
/// Seed of all draws.
const SEED: u64 = 0x5eed_0fca_11b7_a7e5;

/// The loop of a pipeline.
#[derive(Debug, Clone, Copy)]
pub struct Generation<'m> {
    pipeline: &'m PipelineSpec,
    observer: &'m dyn RecordingObserver,
}

impl<'m> Generation<'m> {
    /// As the pipeline says it.
    pub fn new(pipeline: &'m PipelineSpec) -> Self {
        Self { pipeline, observer: &() }
    }

    /// The same; the observer is told of recorded passes.
    #[must_use]
    pub fn observed(self, observer: &'m dyn RecordingObserver) -> Self {
        Self { observer, ..self }
    }

    /// Ranges by role: the denoiser reads tokens and the iteration, the decoder tokens.
    fn roles(&self) -> [NetworkRole<'m>; 2] {
        let (p, tokens) = (self.pipeline, tokens(self.pipeline));
        [
            NetworkRole {
                name: "denoiser",
                network: &p.denoiser,
                ranges: vec![tokens, (1.0, p.iterations as f64)],
            },
            NetworkRole { name: "decoder", network: &p.decoder, ranges: vec![tokens] },
        ]
    }
}

/// What a network of the loop is called in it, and what it is fed.
struct NetworkRole<'m> {
    name: &'static str,
    network: &'m str,
    ranges: Vec<(f64, f64)>,
}

/// Token ids, the mask among them.
pub(super) fn tokens(pipeline: &PipelineSpec) -> (f64, f64) {
    (0.0, pipeline.mask as f64)
}

impl Workload for Generation<'_> {
    fn networks(&self) -> Vec<&str> {
        vec![&self.pipeline.denoiser, &self.pipeline.decoder]
    }

    fn input_ranges(&self, network: &Graph) -> Option<Vec<(f64, f64)>> {
        self.roles().into_iter().find(|role| role.network == network.name).map(|role| role.ranges)
    }

    fn recorder(&self, passes: usize) -> Box<dyn Recorder + '_> {
        let Self { pipeline, observer } = *self;
        Box::new(Trajectories { pipeline, observer, passes, finished: Vec::new() })
    }

    fn observer(&self) -> &dyn RecordingObserver {
        self.observer
    }

    fn unrecorded(&self) -> Option<&'static str> {
        None
    }

    fn spec(&self, networks: &IndexMap<String, NetworkId>) -> Option<WorkloadSpec> {
        let p = self.pipeline;
        let networks = self.roles().map(|NetworkRole { name, network, ranges }| {
            (name.into(), DrivenNetwork { network: networks[network], ranges })
        });
        let numbers = [
            ("rows", p.latent.0 as f64),
            ("columns", p.latent.1 as f64),
            ("mask", p.mask as f64),
            ("iterations", p.iterations as f64),
            ("temperature", p.temperature),
        ];
        Some(WorkloadSpec {
            kind: "generation".into(),
            networks: BTreeMap::from(networks),
            numbers: numbers.into_iter().map(|(name, number)| (name.into(), number)).collect(),
        })
    }
}

/// Short trajectories, with the grids that they finished.
struct Trajectories<'m> {
    pipeline: &'m PipelineSpec,
    observer: &'m dyn RecordingObserver,
    passes: usize,
    finished: Vec<Vec<f64>>,
}

impl Recorder for Trajectories<'_> {
    fn record(&mut self, network: &str, collected: &Collected) -> Vec<RecordedPass> {
        if self.passes == 0 {
            return Vec::new();
        }
        if network == self.pipeline.denoiser {
            self.observer.begin(self.passes + self.passes.div_ceil(PASSES));
            self.denoiser(collected)
        } else {
            self.finished.iter().map(|tokens| self.pass(collected, tokens)).collect()
        }
    }
}

impl Trajectories<'_> {
    /// One pass, of which the observer is told.
    fn pass(&self, network: &Collected, input: &[f64]) -> RecordedPass {
        let pass = run(network, input);
        self.observer.recorded();
        pass
    }

    /// As many passes of the denoiser as are asked for.
    fn denoiser(&mut self, network: &Collected) -> Vec<RecordedPass> {
        let (pipeline, passes) = (self.pipeline, self.passes);
        let mut random = SplitMix64::new(SEED);
        let mut recorded = Vec::new();
        while recorded.len() < passes {
            let length = PASSES.min(passes - recorded.len());
            let mut tokens = vec![pipeline.mask as f64; pipeline.latent.0 * pipeline.latent.1];
            for k in 0..length {
                let (now, next) = (visited(pipeline, k, length), visited(pipeline, k + 1, length));
                let mut input = tokens.clone();
                input.resize(tokens.len() * 2, now as f64);
                let mut pass = self.pass(network, &input);
                let masked: Vec<bool> = tokens.iter().map(|&token| token == pipeline.mask as f64).collect();
                let left = next as f64 / now as f64;
                for position in (0..tokens.len()).filter(|&p| masked[p]) {
                    if random.unit() >= left {
                        tokens[position] = draw(&pass.output, position, pipeline, tokens.len(), &mut random);
                    }
                }
                pass.relevant = masked;
                recorded.push(pass);
            }
            self.finished.push(tokens);
        }
        recorded
    }
}

/// The iteration of pass k of a short trajectory: evenly from `iterations` to 0, which is never run.
fn visited(pipeline: &PipelineSpec, k: usize, length: usize) -> usize {
    (pipeline.iterations * (length - k)).div_ceil(length)
}

/// A code drawn from softmax(logits / temperature) at a position; the exponential is a software one, so that integers
/// do not depend on the platform's mathematical library.
fn draw(logits: &[f32], position: usize, p: &PipelineSpec, positions: usize, random: &mut SplitMix64) -> f64 {
    let scaled: Vec<f64> =
        logits.iter().skip(position).step_by(positions).map(|&l| f64::from(l) / p.temperature).collect();
    let most = scaled.iter().copied().fold(f64::NEG_INFINITY, f64::max);
    let weights: Vec<f64> = scaled.iter().map(|s| libm::exp(s - most)).collect();
    let mut left = random.unit() * weights.iter().sum::<f64>();
    for (code, weight) in weights.iter().enumerate() {
        left -= weight;
        if left < 0.0 {
            return code as f64;
        }
    }
    (weights.len().max(1) - 1) as f64
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
        let mut random = SplitMix64::new(1);
        // Position 1 of two: logits ln 3 and 0.
        let logits = [0.0, 3f32.ln(), 0.0, 0.0];
        let draws = 4000;
        let second = (0..draws).filter(|_| draw(&logits, 1, &pipeline(1), 2, &mut random) == 1.0).count();
        assert!((second as f64 / f64::from(draws) - 0.25).abs() < 0.03, "{second}");
    }
}
