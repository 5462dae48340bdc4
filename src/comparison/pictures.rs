//! How alike two images are, and both of them in one picture. Pixels `[c, h, w]`, 8 bits, full scale 1.

use snnc_compiler::ir::Shape;

/// Side and standard deviation of the window of the structural similarity (Wang et al. 2004).
const WINDOW: (usize, f64) = (11, 1.5);
/// Its two constants for a full scale of 1: 0.01^2 and 0.03^2.
const STABILISERS: (f64, f64) = (1e-4, 9e-4);

/// Peak signal-to-noise ratio of a mean squared error, in dB; none for equal images.
pub fn psnr(mse: f64) -> Option<f64> {
    (mse > 0.0).then(|| -10.0 * mse.log10())
}

/// Mean structural similarity over all positions of a Gaussian window inside the image, and over channels.
pub fn ssim(shape: Shape, a: &[u8], b: &[u8]) -> f64 {
    let side = WINDOW.0.min(shape.height).min(shape.width);
    let weights = gaussian(side);
    let (mut sum, mut count) = (0.0, 0.0);
    for c in 0..shape.channels {
        for y in 0..=shape.height - side {
            for x in 0..=shape.width - side {
                let at = |image: &[u8], i: usize| {
                    f64::from(image[shape.at(c, y + i / side, x + i % side)]) / 255.0
                };
                sum += window(&weights, |i| (at(a, i), at(b, i)));
                count += 1.0;
            }
        }
    }
    if count > 0.0 { sum / count } else { 1.0 }
}

/// Similarity in one window.
fn window(weights: &[f64], at: impl Fn(usize) -> (f64, f64)) -> f64 {
    let [mut a, mut b, mut aa, mut bb, mut ab] = [0.0; 5];
    for (i, weight) in weights.iter().enumerate() {
        let (x, y) = at(i);
        a += weight * x;
        b += weight * y;
        aa += weight * x * x;
        bb += weight * y * y;
        ab += weight * x * y;
    }
    let (c1, c2) = STABILISERS;
    (2.0 * a * b + c1) * (2.0 * (ab - a * b) + c2)
        / ((a * a + b * b + c1) * ((aa - a * a) + (bb - b * b) + c2))
}

/// A normalised Gaussian window, row-major.
fn gaussian(side: usize) -> Vec<f64> {
    let middle = (side as f64 - 1.0) / 2.0;
    let line = |i: usize| (-(i as f64 - middle).powi(2) / (2.0 * WINDOW.1 * WINDOW.1)).exp();
    let all: Vec<f64> = (0..side * side).map(|i| line(i / side) * line(i % side)).collect();
    let sum: f64 = all.iter().sum();
    all.iter().map(|w| w / sum).collect()
}

/// Images of one shape side by side, left to right, as one image `[c, h, w x n]`.
pub fn beside(shape: Shape, images: &[&[u8]]) -> (Shape, Vec<u8>) {
    let wide = Shape { width: shape.width * images.len(), ..shape };
    let mut pixels = Vec::with_capacity(wide.len());
    for line in 0..shape.channels * shape.height {
        for image in images {
            pixels.extend_from_slice(&image[line * shape.width..(line + 1) * shape.width]);
        }
    }
    (wide, pixels)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn equal_images_are_wholly_alike_and_inverted_ones_are_not() {
        let shape = Shape::new(1, 16, 16);
        let a: Vec<u8> = (0..256).map(|i| (i * 37 % 256) as u8).collect();
        let b: Vec<u8> = a.iter().map(|p| 255 - p).collect();
        assert!((ssim(shape, &a, &a) - 1.0).abs() < 1e-12);
        assert!(ssim(shape, &a, &b) < 0.0);
        // Constant images: only the means differ.
        let (x, y) = (51.0 / 255.0, 102.0 / 255.0);
        let expected = (2.0 * x * y + 1e-4) / (x * x + y * y + 1e-4);
        assert!((ssim(shape, &[51; 256], &[102; 256]) - expected).abs() < 1e-9);
        assert_eq!((psnr(0.0), psnr(0.01)), (None, Some(20.0)));
    }

    #[test]
    fn images_lie_side_by_side_line_by_line() {
        let (shape, pixels) = beside(Shape::new(1, 2, 1), &[&[1, 2], &[3, 4]]);
        assert_eq!((shape, pixels), (Shape::new(1, 2, 2), vec![1, 3, 2, 4]));
    }
}
