//! The loop: mask everything; for t = iterations..1 unmask each masked position with probability 1/t and draw its
//! token from the denoiser's logits; then decode.
//!
//! Invariants: a position changes once, from the mask to a token; after t = 1 none is masked (every number is below
//! 1/1). The denoiser runs in every iteration, also when no position was chosen, as the original does.

use snnc_compiler::ir::NetworkId;
use snnc_targets::Diagnostic;

use super::{Generation, Uniforms, draw, pixels};
use crate::workload::Course;

/// The loop's constants.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct LoopParameters {
    /// Token rows, h.
    pub rows: usize,
    /// Token columns, w.
    pub columns: usize,
    /// Id of the mask.
    pub mask: u32,
    /// t runs from this to 1.
    pub iterations: usize,
    /// Softmax temperature, more than 0.
    pub temperature: f64,
}

/// One generated image.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct GeneratedImage {
    /// Final tokens, `[h, w]` row-major.
    pub tokens: Vec<u32>,
    /// The iteration, from 0, in which each position got its token, `[h, w]` row-major.
    pub unmasked_at: Vec<u32>,
    /// Pixels, `[c, H, W]` row-major.
    pub pixels: Vec<u8>,
}

/// One image in the making.
#[derive(Debug, Clone)]
pub struct Diffusion<U> {
    parameters: LoopParameters,
    denoiser: NetworkId,
    decoder: NetworkId,
    uniforms: U,
    /// Iterations answered; this one is `t = iterations - row`.
    row: usize,
    /// `[h, w]` row-major, the mask's id where masked.
    tokens: Vec<u32>,
    /// `[h, w]` row-major; 0 where masked.
    unmasked_at: Vec<u32>,
    /// The decoder's read-out `[c, H, W]`, once it has answered.
    membrane: Option<Vec<f64>>,
    /// What goes into the next pass.
    planes: Vec<f64>,
}

impl<U: Uniforms> Diffusion<U> {
    /// The loop's beginning: everything is masked.
    pub fn new(generation: &Generation, uniforms: U) -> Self {
        let Generation { parameters, denoiser, decoder, .. } = *generation;
        let tokens = vec![parameters.mask; parameters.rows * parameters.columns];
        let unmasked_at = vec![0; tokens.len()];
        let (membrane, planes) = (None, Vec::new());
        Self { parameters, denoiser, decoder, uniforms, row: 0, tokens, unmasked_at, membrane, planes }
    }

    /// Tokens `[h, w]` after the iterations answered so far; the mask's id where masked.
    pub fn tokens(&self) -> &[u32] {
        &self.tokens
    }

    /// The iteration that comes next, from 0; none while and after decoding.
    pub fn iteration(&self) -> Option<usize> {
        (self.row < self.parameters.iterations).then_some(self.row)
    }

    /// The decoder's read-out, at the end.
    pub fn membrane(&self) -> &[f64] {
        self.membrane.as_deref().unwrap_or_default()
    }

    /// Positions that are unmasked in the next iteration: those whose number is below 1/t.
    pub fn chosen(&self) -> Vec<usize> {
        let (p, row) = (&self.parameters, self.row);
        let t = p.iterations.saturating_sub(row);
        let masked = (0..self.tokens.len()).filter(|&i| self.tokens[i] == p.mask);
        masked.filter(|&i| self.uniforms.unmask(row, i) < 1.0 / t as f64).collect()
    }

    /// The token that logits `[codes, h, w]` give a position in the next iteration.
    pub fn draw(&self, logits: &[f64], position: usize) -> u32 {
        let column = logits.iter().skip(position).step_by(self.tokens.len());
        draw(column.copied(), self.parameters.temperature, self.uniforms.token(self.row, position))
    }
}

impl<U: Uniforms> Course for Diffusion<U> {
    type Item = GeneratedImage;

    fn input(&mut self) -> Option<(NetworkId, &[f64])> {
        if self.membrane.is_some() {
            return None;
        }
        let iteration = self.iteration();
        self.planes.clear();
        self.planes.extend(self.tokens.iter().map(|&token| f64::from(token)));
        let Some(row) = iteration else { return Some((self.decoder, &self.planes)) };
        let t = u32::try_from(self.parameters.iterations - row).unwrap_or(u32::MAX);
        self.planes.resize(2 * self.tokens.len(), f64::from(t));
        Some((self.denoiser, &self.planes))
    }

    fn answer(&mut self, readouts: &[Vec<f64>]) -> Result<(), Diagnostic> {
        let values = readouts.first().map(Vec::as_slice).unwrap_or_default();
        if self.iteration().is_none() {
            self.membrane = Some(values.to_vec());
            return Ok(());
        }
        for position in self.chosen() {
            self.tokens[position] = self.draw(values, position);
            self.unmasked_at[position] = u32::try_from(self.row).unwrap_or(u32::MAX);
        }
        self.row += 1;
        Ok(())
    }

    fn finish(self) -> GeneratedImage {
        GeneratedImage { pixels: pixels(self.membrane()), tokens: self.tokens, unmasked_at: self.unmasked_at }
    }
}

#[cfg(test)]
mod tests {
    use snnc_compiler::ir::Shape;

    use super::*;
    use crate::workload::generation::{PhiloxUniforms, RecordedUniforms};
    use crate::workload::{Driver, Workload, drive};

    const DENOISER: NetworkId = NetworkId(3);
    const DECODER: NetworkId = NetworkId(1);

    /// Logits of 5 codes that depend on tokens, t and position; remembers what it was asked.
    #[derive(Default)]
    struct Fake {
        asked: Vec<(NetworkId, Vec<f64>)>,
    }

    impl Driver for Fake {
        fn pass(&mut self, network: NetworkId, input: &[f64]) -> Result<Vec<Vec<f64>>, Diagnostic> {
            self.asked.push((network, input.to_vec()));
            if network == DECODER {
                return Ok(vec![input.iter().map(|&token| token / 100.0).collect()]);
            }
            let n = input.len() / 2;
            let t = input.last().map_or(0, |&t| t as usize);
            let logit = |i| f64::from((i * 7 + input[i % n] as usize + t) as u32 % 11) * 0.3;
            Ok(vec![(0..5 * n).map(logit).collect()])
        }
    }

    const P: LoopParameters =
        LoopParameters { rows: 2, columns: 3, mask: 5, iterations: 8, temperature: 0.65 };

    fn generation(parameters: LoopParameters) -> Generation {
        let (denoiser, decoder, image) = (DENOISER, DECODER, Shape::new(1, 2, 3));
        Generation { parameters, denoiser, decoder, image, seed: 7, images: 4 }
    }

    #[test]
    fn every_position_is_unmasked_once_and_the_denoiser_always_runs() {
        let mut course = Diffusion::new(&generation(P), PhiloxUniforms::new(7, 0));
        let (mut fake, mut tokens) = (Fake::default(), vec![course.tokens().to_vec()]);
        while let Some((network, input)) = course.input() {
            let readouts = fake.pass(network, input).unwrap();
            course.answer(&readouts).unwrap();
            tokens.push(course.tokens().to_vec());
        }
        assert_eq!(fake.asked.len(), 9);
        for (row, (network, input)) in fake.asked[..8].iter().enumerate() {
            let planes = tokens[row].iter().map(|&k| f64::from(k)).chain([(8 - row) as f64; 6]);
            assert_eq!((*network, input), (DENOISER, &planes.collect()));
        }
        assert_eq!(tokens[0], [5; 6]);
        for pair in tokens.windows(2) {
            assert!(pair[0].iter().zip(&pair[1]).all(|(a, b)| *a == 5 || a == b));
        }
        let last = &tokens[8];
        assert!(last.iter().all(|&k| k < 5));
        assert_eq!(fake.asked[8], (DECODER, last.iter().map(|&k| f64::from(k)).collect()));
        assert_eq!(course.membrane(), last.iter().map(|&k| f64::from(k) / 100.0).collect::<Vec<_>>());
        let image = course.finish();
        assert_eq!((&image.tokens, image.pixels.len()), (last, 6));
        // Masked before the iteration that is named, not masked after it.
        for (position, &row) in image.unmasked_at.iter().enumerate() {
            let row = row as usize;
            assert_eq!([tokens[row][position] == 5, tokens[row + 1][position] == 5], [true, false]);
        }
    }

    #[test]
    fn a_position_is_chosen_below_one_over_t_and_not_at_it() {
        let p = LoopParameters { rows: 1, columns: 2, mask: 5, iterations: 2, temperature: 1.0 };
        let uniforms = RecordedUniforms::new(2, vec![0.5, 0.499, 0.0, 0.0], vec![0.0, 0.999, 0.0, 0.0]);
        let mut course = Diffusion::new(&generation(p), uniforms);
        let mut fake = Fake::default();
        for expected in [[5, 4], [0, 4]] {
            let (network, input) = course.input().unwrap();
            let readouts = fake.pass(network, input).unwrap();
            course.answer(&readouts).unwrap();
            assert_eq!(course.tokens(), expected);
        }
    }

    #[test]
    fn an_image_does_not_depend_on_its_batch() {
        let workload = generation(P);
        let batch = |images: &[u64]| -> Vec<GeneratedImage> {
            let mut shared = Fake::default();
            images.iter().map(|&i| drive(workload.begin(i), &mut shared, &mut || ()).unwrap()).collect()
        };
        let four = batch(&[0, 1, 2, 3]);
        assert_eq!(batch(&[2])[0], four[2]);
        assert_eq!(batch(&[3, 1])[1], four[1]);
        assert_ne!(four[0], four[1]);
    }

    #[test]
    fn no_iterations_and_no_positions_do_not_panic() {
        let passes = |p: LoopParameters| {
            let mut fake = Fake::default();
            drive(generation(p).begin(0), &mut fake, &mut || ()).unwrap();
            fake.asked.len()
        };
        assert_eq!(passes(LoopParameters { iterations: 0, ..P }), 1);
        assert_eq!(passes(LoopParameters { rows: 0, ..P }), 9);
    }
}
