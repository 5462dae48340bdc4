//! Means over images with their confidence.

use serde::Serialize;

/// A mean over images.
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize)]
pub struct Estimate {
    /// Mean of the images' own values.
    pub mean: f64,
    /// Half the width of its 95 % confidence interval (normal approximation over images); null for one image.
    pub half_width: Option<f64>,
}

impl Estimate {
    /// Of one value an image.
    pub fn of(values: &[f64]) -> Self {
        let n = values.len() as f64;
        let mean = values.iter().sum::<f64>() / n.max(1.0);
        let squares: f64 = values.iter().map(|v| (v - mean).powi(2)).sum();
        let half_width = (values.len() > 1).then(|| 1.96 * (squares / (n - 1.0) / n).sqrt());
        Self { mean, half_width }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_image_has_no_interval_and_four_have_that_of_the_mean() {
        assert_eq!(Estimate::of(&[3.0]), Estimate { mean: 3.0, half_width: None });
        let four = Estimate::of(&[1.0, 1.0, 3.0, 3.0]);
        assert_eq!(four.mean, 2.0);
        assert!((four.half_width.unwrap() - 1.96 * (4.0f64 / 3.0 / 4.0).sqrt()).abs() < 1e-12);
    }
}
