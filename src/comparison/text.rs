//! The comparison as a person reads it.

use std::fmt;

use super::{Comparison, Estimate};

impl fmt::Display for Comparison {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{} on {} against the float reference", self.model, self.target)?;
        writeln!(
            f,
            "{} image(s), seed {}; both sides get the float trajectory's tokens; {}-bit weights, {}\n",
            self.images,
            self.seed,
            self.weight_bits,
            match self.calibration_passes {
                0 => "rounded to nearest".to_owned(),
                passes => format!("rounded on {passes} recorded passes"),
            }
        )?;
        self.layers(f)?;
        self.alone(f)?;
        self.results(f)
    }
}

impl Comparison {
    fn layers(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let [a, b, c, d, e] = ["agreement", "overlap", "free running", "rate float", "rate chip"];
        writeln!(f, "  {:<14} {a:>12} {b:>12} {c:>12} {d:>12} {e:>12}", "layer")?;
        for layer in &self.layers {
            writeln!(
                f,
                "  {:<14} {:>12.5} {:>12.4} {:>12.5} {:>12.4} {:>12.4}",
                layer.name,
                layer.spike_agreement,
                layer.spike_overlap,
                layer.free_running_agreement,
                layer.rate_float,
                layer.rate_chip
            )?;
        }
        Ok(())
    }

    fn alone(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(
            f,
            "\n  each layer alone, on the float's spikes: answers changed, and by which property alone"
        )?;
        let [a, b, c, d, e, g] = ["changed", "weights", "decay", "strict", "ties", "membrane rms"];
        writeln!(f, "  {:<14} {a:>9} {b:>9} {c:>9} {d:>9} {e:>9} {g:>13}", "layer")?;
        for check in &self.layerwise {
            writeln!(
                f,
                "  {:<14} {:>9} {:>9} {:>9} {:>9} {:>9} {:>13.5}",
                check.name,
                check.changed,
                check.by_weights,
                check.by_decay,
                check.by_strictness,
                check.ties,
                check.membrane_error
            )?;
        }
        writeln!(f, "  {}", self.departure.as_deref().unwrap_or("no layer departs"))
    }

    fn results(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (l, t, p, s) = (&self.logits, &self.tokens, &self.pixels, &self.saturation);
        writeln!(
            f,
            "\n  logits   largest error {:.3}, rms {:.3}, KL {:.4}{} nats (masked positions), {:.4} (positions drawn)",
            l.max_abs_error,
            l.rms_error,
            l.kl,
            interval(l.kl_per_image, 1.0, 4),
            l.kl_drawn
        )?;
        writeln!(
            f,
            "  tokens   {:.1}{} % of {} drawn agree; {:.1} % when the chip runs freely",
            t.agreement * 100.0,
            interval(t.agreement_per_image, 100.0, 1),
            t.drawn,
            t.free_running_agreement * 100.0
        )?;
        writeln!(
            f,
            "  pixels   mean squared error {:.6}{}, PSNR {}, SSIM {:.4} on the same tokens",
            p.mse,
            interval(p.mse_per_image, 1.0, 6),
            p.psnr_db.map_or("infinite".into(), |db| format!("{db:.1} dB")),
            p.ssim
        )?;
        writeln!(
            f,
            "           mean squared error {:.4}, SSIM {:.4} when the chip runs freely",
            p.free_running_mse, p.free_running_ssim
        )?;
        writeln!(
            f,
            "  {} overflows or clipped values on the chip (input sums {}, membranes {}, biases {})",
            self.overflows, s.accumulator, s.state, s.bias
        )
    }
}

/// ` +- x`, with 95 % confidence; empty for one image.
fn interval(estimate: Estimate, scale: f64, digits: usize) -> String {
    estimate.half_width.map_or(String::new(), |half| format!(" +- {:.digits$}", half * scale))
}
