//! What the generation loop asks of the world: a denoiser, a decoder and uniform numbers.

use snnc_targets::Diagnostic;

/// Answers the loop's two questions; a pass each.
pub trait Stepper {
    /// Logits `[codes, h, w]` for the tokens `[h, w]` (row-major; the mask id where masked) in iteration `t`.
    ///
    /// # Errors
    /// For tokens of another grid.
    fn denoise(&mut self, tokens: &[u32], t: u32) -> Result<Vec<f64>, Diagnostic>;

    /// Membrane `[c, H, W]` of the decoder for tokens `[h, w]` without masks.
    ///
    /// # Errors
    /// For tokens of another grid, or outside the codebook.
    fn decode(&mut self, tokens: &[u32]) -> Result<Vec<f64>, Diagnostic>;
}

/// Uniform numbers in `[0, 1)`. Row n belongs to iteration `t = iterations - n`; positions are row-major.
pub trait Uniforms {
    /// Decides whether a masked position is unmasked.
    fn unmask(&self, row: usize, position: usize) -> f64;

    /// Chooses the token of an unmasked position.
    fn token(&self, row: usize, position: usize) -> f64;
}
