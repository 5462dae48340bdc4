//! The generation loop: mask everything; for t = iterations..1 unmask each masked position with probability 1/t and
//! draw its token from the denoiser's logits; then decode.
//!
//! Invariants: a position changes once, from the mask to a token; after t = 1 none is masked (every number is below
//! 1/1). The denoiser runs in every iteration, also when no position was chosen, as the original does.

use snnc_targets::Diagnostic;

use super::{Stepper, Uniforms, sample};

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

/// What one image went through.
#[derive(Debug, Clone, PartialEq)]
pub struct Trajectory {
    /// Tokens `[h, w]` row-major after each iteration.
    pub tokens: Vec<Vec<u32>>,
    /// Membrane `[c, H, W]` of the decoder.
    pub membrane: Vec<f64>,
}

/// Generates one image. `after_iteration` gets the number of iterations done, 1 to `iterations`.
///
/// # Errors
/// The stepper's.
pub fn generate<S: Stepper>(
    p: &LoopParameters,
    stepper: &mut S,
    uniforms: &dyn Uniforms,
    after_iteration: &mut dyn FnMut(usize),
) -> Result<Trajectory, Diagnostic> {
    let mut tokens = vec![p.mask; p.rows * p.columns];
    let mut history = Vec::with_capacity(p.iterations);
    for row in 0..p.iterations {
        iterate(p, stepper, uniforms, row, &mut tokens)?;
        history.push(tokens.clone());
        after_iteration(row + 1);
    }
    let membrane = stepper.decode(&tokens)?;
    Ok(Trajectory { tokens: history, membrane })
}

/// Iteration `t = iterations - row`: choose positions, denoise, draw their tokens.
fn iterate<S: Stepper>(
    p: &LoopParameters,
    stepper: &mut S,
    uniforms: &dyn Uniforms,
    row: usize,
    tokens: &mut [u32],
) -> Result<(), Diagnostic> {
    let t = p.iterations - row;
    let chosen: Vec<usize> = (0..tokens.len())
        .filter(|&i| tokens[i] == p.mask && uniforms.unmask(row, i) < 1.0 / t as f64)
        .collect();
    let logits = stepper.denoise(tokens, u32::try_from(t).unwrap_or(u32::MAX))?;
    for position in chosen {
        let column = logits.iter().skip(position).step_by(tokens.len());
        tokens[position] = sample(column.copied(), p.temperature, uniforms.token(row, position));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::host::{PhiloxUniforms, RecordedUniforms};

    /// Logits that depend on tokens, t and position; remembers what it was asked.
    #[derive(Default)]
    struct Fake {
        asked: Vec<(Vec<u32>, u32)>,
    }

    impl Stepper for Fake {
        fn denoise(&mut self, tokens: &[u32], t: u32) -> Result<Vec<f64>, Diagnostic> {
            self.asked.push((tokens.to_vec(), t));
            let n = tokens.len();
            let logit = |i| f64::from((i * 7 + tokens[i % n] as usize + t as usize) as u32 % 11) * 0.3;
            Ok((0..5 * n).map(logit).collect())
        }

        fn decode(&mut self, tokens: &[u32]) -> Result<Vec<f64>, Diagnostic> {
            Ok(tokens.iter().map(|&k| f64::from(k)).collect())
        }
    }

    const P: LoopParameters =
        LoopParameters { rows: 2, columns: 3, mask: 5, iterations: 8, temperature: 0.65 };

    #[test]
    fn every_position_is_unmasked_once_and_the_denoiser_always_runs() {
        let mut fake = Fake::default();
        let mut done = Vec::new();
        let image = generate(&P, &mut fake, &PhiloxUniforms::new(7, 0), &mut |n| done.push(n)).unwrap();
        assert_eq!(done, (1..=8).collect::<Vec<_>>());
        assert_eq!(fake.asked.iter().map(|a| a.1).collect::<Vec<_>>(), (1..=8).rev().collect::<Vec<_>>());
        assert_eq!(fake.asked[0].0, [5; 6]);
        for (asked, before) in fake.asked[1..].iter().zip(&image.tokens) {
            assert_eq!(&asked.0, before);
        }
        for pair in image.tokens.windows(2) {
            assert!(pair[0].iter().zip(&pair[1]).all(|(a, b)| *a == 5 || a == b));
        }
        let last = image.tokens.last().unwrap();
        assert!(last.iter().all(|&k| k < 5));
        assert_eq!(image.membrane, last.iter().map(|&k| f64::from(k)).collect::<Vec<_>>());
    }

    #[test]
    fn a_position_is_chosen_below_one_over_t_and_not_at_it() {
        let p = LoopParameters { rows: 1, columns: 2, mask: 5, iterations: 2, temperature: 1.0 };
        let uniforms = RecordedUniforms::new(2, vec![0.5, 0.499, 0.0, 0.0], vec![0.0, 0.999, 0.0, 0.0]);
        let image = generate(&p, &mut Fake::default(), &uniforms, &mut |_| ()).unwrap();
        assert_eq!(image.tokens[0], [5, 4]);
        assert_eq!(image.tokens[1], [0, 4]);
    }

    #[test]
    fn an_image_does_not_depend_on_its_batch() {
        let batch = |images: &[u64]| -> Vec<Trajectory> {
            let mut shared = Fake::default();
            images
                .iter()
                .map(|&i| generate(&P, &mut shared, &PhiloxUniforms::new(3, i), &mut |_| ()).unwrap())
                .collect()
        };
        let four = batch(&[0, 1, 2, 3]);
        assert_eq!(batch(&[2])[0], four[2]);
        assert_eq!(batch(&[3, 1])[1], four[1]);
        assert_ne!(four[0], four[1]);
    }

    #[test]
    fn no_iterations_and_no_positions_do_not_panic() {
        let tokens = |p: &LoopParameters| {
            generate(p, &mut Fake::default(), &PhiloxUniforms::new(0, 0), &mut |_| ()).unwrap().tokens.len()
        };
        assert_eq!(tokens(&LoopParameters { iterations: 0, ..P }), 0);
        assert_eq!(tokens(&LoopParameters { rows: 0, ..P }), 8);
    }
}
