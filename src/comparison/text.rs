//! The comparison as a person reads it.

use std::fmt;

use snnc_compiler::ir::spiking::HostWork;
use snnc_targets::numbers::counted;
use snnc_targets::text_table::{TextTable, name_and_figures};

use super::{Comparison, Estimate, LayerCheck, LayerComparison, SampleComparison};

impl fmt::Display for Comparison {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{} on {} against the float reference", self.model, self.target)?;
        writeln!(
            f,
            "{}, seed {}; both sides get the float trajectory's tokens; {}-bit weights, {}\n",
            counted(self.images, "image"),
            self.seed,
            self.weight_bits,
            match self.calibration_passes {
                0 => "rounded such that sums stay".to_owned(),
                passes => format!("rounded on {}", counted(passes, "recorded pass|recorded passes")),
            }
        )?;
        write!(f, "{}", layers(&self.layers))?;
        alone(f, &self.layerwise, self.departure.as_deref())?;
        self.results(f)?;
        host(f, &self.host)
    }
}

impl Comparison {
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
        if let Some(bars) = by_iteration(&t.by_iteration) {
            writeln!(f, "           {bars}")?;
        }
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

impl fmt::Display for SampleComparison {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{} on {} against the float reference", self.model, self.target)?;
        writeln!(
            f,
            "{} for network {}; {}-bit weights",
            counted(self.samples, "sample"),
            self.network,
            self.weight_bits
        )?;
        self.events.iter().try_for_each(|events| writeln!(f, "{events}"))?;
        writeln!(f)?;
        write!(f, "{}", layers(&self.layers))?;
        alone(f, &self.layerwise, self.departure.as_deref())?;
        let (r, p, s) = (&self.readout, &self.predictions, &self.saturation);
        writeln!(f, "\n  read-out     largest error {:.3e}, rms {:.3e}", r.max_abs_error, r.rms_error)?;
        write!(f, "  predictions  {:.2} % agree", p.agreement * 100.0)?;
        for (side, found) in [("in floats", &p.float), ("on the chip", &p.chip)] {
            let Some(found) = found else { continue };
            write!(f, "\n  accuracy     {} {side}; 95 % interval (Wilson score)", found.percent())?;
            if let Some(confusion) = &found.confusion {
                write!(f, "\n  confusion {side} (samples)\n{}", confusion.table(4).to_string().trim_end())?;
            }
        }
        writeln!(
            f,
            "\n  {} overflows or clipped values on the chip (input sums {}, membranes {}, biases {})",
            self.overflows, s.accumulator, s.state, s.bias
        )?;
        host(f, &self.host)
    }
}

/// Spikes of each layer on both sides.
fn layers(layers: &[LayerComparison]) -> TextTable {
    let free = layers.iter().any(|layer| layer.free_running_agreement.is_some());
    let mut figures = vec!["agreement", "overlap"];
    figures.extend(free.then_some("free running"));
    figures.extend(["rate float", "rate chip"]);
    let mut table = TextTable::new(2, name_and_figures("layer", figures));
    for layer in layers {
        let (agreement, overlap) = (layer.spike_agreement, layer.spike_overlap);
        let mut row = vec![layer.name.clone(), format!("{agreement:.5}"), format!("{overlap:.4}")];
        if free {
            row.push(layer.free_running_agreement.map_or("-".into(), |share| format!("{share:.5}")));
        }
        row.extend([layer.rate_float, layer.rate_chip].map(|rate| format!("{rate:.4}")));
        table.row(row);
    }
    table
}

/// What each layer changes by itself.
fn alone(f: &mut fmt::Formatter<'_>, layerwise: &[LayerCheck], departure: Option<&str>) -> fmt::Result {
    writeln!(f, "\n  each layer alone, on the float's spikes: answers changed, and by which property alone")?;
    let counts = ["changed", "weights", "decay", "strict", "overflow", "ties", "membrane rms"];
    let mut table = TextTable::new(2, name_and_figures("layer", counts));
    for check in layerwise {
        table.row([
            check.name.clone(),
            check.changed.to_string(),
            check.by_weights.to_string(),
            check.by_decay.map_or("-".into(), |count| count.to_string()),
            check.by_strictness.to_string(),
            check.by_overflow.to_string(),
            check.ties.to_string(),
            format!("{:.5}", check.membrane_error),
        ]);
    }
    writeln!(f, "{table}  {}", departure.unwrap_or("no layer departs"))
}

/// What the host computes for both sides.
fn host(f: &mut fmt::Formatter<'_>, tasks: &[HostWork]) -> fmt::Result {
    let table = HostWork::table(tasks);
    write!(f, "\n  computed by the host in floats in each pass, on both sides:\n{table}")
}

/// ` +- x`, with 95 % confidence; empty for one image.
fn interval(estimate: Estimate, scale: f64, digits: usize) -> String {
    estimate.half_width.map_or(String::new(), |half| format!(" +- {:.digits$}", half * scale))
}

/// Most bars of a line.
const BARS: usize = 49;

/// Agreement by iteration as bars from the first (all masked) to the last, neighbours together where there are many;
/// none without draws. A full bar is 100 %, the lowest 50 % or less, a space no draw.
fn by_iteration(shares: &[Option<f64>]) -> Option<String> {
    const LEVELS: [char; 8] = ['▁', '▂', '▃', '▄', '▅', '▆', '▇', '█'];
    let group = shares.len().div_ceil(BARS).max(1);
    let means: Vec<Option<f64>> = shares.chunks(group).map(mean).collect();
    let worst = means.iter().flatten().copied().reduce(f64::min)?;
    let bar = |mean: &Option<f64>| {
        mean.map_or(' ', |m| LEVELS[((m - 0.5).max(0.0) * 2.0 * (LEVELS.len() - 1) as f64).round() as usize])
    };
    let bars: String = means.iter().map(bar).collect();
    let each = if group == 1 { "iteration".to_owned() } else { format!("{group} iterations") };
    Some(format!("by {each}, first to last: {bars} (lowest {:.1} %)", worst * 100.0))
}

/// Mean of the iterations that drew.
fn mean(shares: &[Option<f64>]) -> Option<f64> {
    let drawn: Vec<f64> = shares.iter().flatten().copied().collect();
    (!drawn.is_empty()).then(|| drawn.iter().sum::<f64>() / drawn.len() as f64)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bars_go_from_half_to_all_and_skip_what_was_not_drawn() {
        let shares = [Some(1.0), None, Some(0.5), Some(0.25), Some(0.75)];
        let text = by_iteration(&shares).unwrap();
        assert_eq!(text, "by iteration, first to last: █ ▁▁▅ (lowest 25.0 %)");
        assert_eq!(by_iteration(&[None, None]), None);
        let many: Vec<_> = (0..98).map(|i| Some(if i % 2 == 0 { 0.5 } else { 1.0 })).collect();
        assert_eq!(by_iteration(&many).unwrap().matches('▅').count(), 49);
    }
}
