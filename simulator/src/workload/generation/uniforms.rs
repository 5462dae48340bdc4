//! The random numbers of the loop.

/// Uniform numbers in `[0, 1)`. Row n belongs to iteration `t = iterations - n`; positions are row-major.
pub trait Uniforms {
    /// Decides whether a masked position is unmasked.
    fn unmask(&self, row: usize, position: usize) -> f64;

    /// Chooses the token of an unmasked position.
    fn token(&self, row: usize, position: usize) -> f64;
}

impl<U: Uniforms> Uniforms for &U {
    fn unmask(&self, row: usize, position: usize) -> f64 {
        (**self).unmask(row, position)
    }

    fn token(&self, row: usize, position: usize) -> f64 {
        (**self).token(row, position)
    }
}
