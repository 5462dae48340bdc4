//! A reconstruction as a person reads it.

use std::fmt;

use snnc_compiler::ir::spiking::HostWork;
use snnc_targets::numbers::counted;
use snnc_targets::text_table::{TextTable, name_and_figures};

use super::{Quality, ReconstructionReport};

impl fmt::Display for ReconstructionReport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(
            f,
            "{} on {}: {} encoded and decoded, {}-bit weights, {}\n",
            self.model,
            self.target,
            counted(self.images as u64, "image"),
            self.weight_bits,
            counted(self.cores_used as u64, "core")
        )?;
        let figures = ["mean squared error", "PSNR", "SSIM"];
        let mut table = TextTable::new(2, name_and_figures("against", figures));
        table.row(cells("float", &self.float));
        table.row(cells("chip", &self.chip));
        write!(f, "{table}")?;
        if let Some(increase) = self.mse_increase {
            let side = if increase < 0.0 { "below" } else { "above" };
            let percent = increase.abs() * 100.0;
            writeln!(f, "\n  the chip's error is {percent:.2} % {side} the float model's")?;
        }
        writeln!(f, "  {:.2} % of the tokens agree", self.token_agreement * 100.0)?;
        writeln!(
            f,
            "  {:.0} spikes and {:.0} synaptic operations an image; {} overflows or clipped values",
            self.spikes_per_image, self.synaptic_operations_per_image, self.overflows
        )?;
        let host = HostWork::table(&self.host);
        write!(f, "\n  computed by the host for each image, not by the chip:\n{host}")
    }
}

fn cells(name: &str, quality: &Quality) -> [String; 4] {
    let interval = |half: Option<f64>| half.map_or(String::new(), |half| format!(" +- {half:.5}"));
    let mse = format!("{:.5}{}", quality.mse.mean, interval(quality.mse.half_width));
    let ssim = format!("{:.4}{}", quality.ssim.mean, interval(quality.ssim.half_width));
    let psnr = quality.psnr_db.map_or("infinite".into(), |db| format!("{db:.2} dB"));
    [name.to_owned(), mse, psnr, ssim]
}
