//! From the decoder's membrane to 8-bit pixels.

/// `floor(255 * clip(tanh(m) + 0.5, 0, 1))` for every value, in the order given (`[c, H, W]`); NaN gives 0.
pub fn pixels(membrane: &[f64]) -> Vec<u8> {
    membrane.iter().map(|m| (255.0 * (libm::tanh(*m) + 0.5).clamp(0.0, 1.0)).floor() as u8).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pixels_clip_floor_and_survive_nan() {
        assert_eq!(
            pixels(&[-9.0, 9.0, 0.0, f64::NAN, 0.1]),
            [0, 255, 127, 0, (255.0 * (0.1f64.tanh() + 0.5)) as u8]
        );
        assert_eq!(pixels(&[-0.5f64.atanh(), 0.5f64.atanh() + 1e-9]), [0, 255]);
    }
}
