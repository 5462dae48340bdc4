//! Recorded uniform numbers: a trajectory of another implementation, repeated.

use super::Uniforms;

/// Two tables `[rows, positions]`, row-major; row n is iteration `t = iterations - n`.
#[derive(Debug, Clone, PartialEq)]
pub struct RecordedUniforms {
    positions: usize,
    unmask: Vec<f64>,
    token: Vec<f64>,
}

impl RecordedUniforms {
    /// `unmask` and `token` `[rows, positions]`. Asked beyond its rows, a table answers 0: unmask, first class.
    pub fn new(positions: usize, unmask: Vec<f64>, token: Vec<f64>) -> Self {
        Self { positions, unmask, token }
    }

    fn look_up(&self, table: &[f64], row: usize, position: usize) -> f64 {
        table.get(row * self.positions + position).copied().unwrap_or(0.0)
    }
}

impl Uniforms for RecordedUniforms {
    fn unmask(&self, row: usize, position: usize) -> f64 {
        self.look_up(&self.unmask, row, position)
    }

    fn token(&self, row: usize, position: usize) -> f64 {
        self.look_up(&self.token, row, position)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tables_are_row_major() {
        let u = RecordedUniforms::new(3, (0..6).map(f64::from).collect(), (10..16).map(f64::from).collect());
        assert_eq!((u.unmask(1, 2), u.token(1, 0), u.unmask(2, 0)), (5.0, 13.0, 0.0));
    }
}
