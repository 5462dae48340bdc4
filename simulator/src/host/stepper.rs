//! What the generation loop asks of the world: a denoiser, a decoder and uniform numbers.

/// Answers the loop's two questions; a pass each.
pub trait Stepper {
    /// Logits `[codes, h, w]` for the tokens `[h, w]` (row-major; the mask id where masked) in iteration `t`.
    fn denoise(&mut self, tokens: &[u32], t: u32) -> Vec<f64>;

    /// Membrane `[c, H, W]` of the decoder for tokens `[h, w]` without masks.
    fn decode(&mut self, tokens: &[u32]) -> Vec<f64>;
}

/// Uniform numbers in `[0, 1)`. Row n belongs to iteration `t = iterations - n`; positions are row-major.
pub trait Uniforms {
    /// Decides whether a masked position is unmasked.
    fn unmask(&self, row: usize, position: usize) -> f64;

    /// Chooses the token of an unmasked position.
    fn token(&self, row: usize, position: usize) -> f64;
}
