//! The comparison as a person reads it.

use std::fmt;

use super::Comparison;

impl fmt::Display for Comparison {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{} on {} against the float reference", self.model, self.target)?;
        writeln!(
            f,
            "{} image(s), seed {}; both sides get the float trajectory's tokens\n",
            self.images, self.seed
        )?;
        writeln!(
            f,
            "  {:<14} {:>12} {:>12} {:>12} {:>12}",
            "layer", "agreement", "overlap", "rate float", "rate chip"
        )?;
        for layer in &self.layers {
            writeln!(
                f,
                "  {:<14} {:>12.5} {:>12.4} {:>12.4} {:>12.4}",
                layer.name, layer.spike_agreement, layer.spike_overlap, layer.rate_float, layer.rate_chip
            )?;
        }
        let (l, t, p) = (&self.logits, &self.tokens, &self.pixels);
        writeln!(
            f,
            "\n  logits   largest error {:.3}, rms {:.3}, KL {:.4} nats (masked positions)",
            l.max_abs_error, l.rms_error, l.kl
        )?;
        writeln!(
            f,
            "  tokens   {:.1} % of {} drawn agree; {:.1} % when the chip runs freely",
            t.agreement * 100.0,
            t.drawn,
            t.free_running_agreement * 100.0
        )?;
        writeln!(
            f,
            "  pixels   mean squared error {:.6} on the same tokens; {:.4} when the chip runs freely",
            p.mse, p.free_running_mse
        )?;
        writeln!(f, "  {} overflows or clipped values on the chip", self.overflows)
    }
}
