//! The mapping report as a person reads it.

use std::fmt;

use snnc_targets::text_table::{TextTable, left, name_and_figures, right};

use super::MappingReport;
use super::relays::RelayFigures;
use crate::ir::spiking::HostWork;

impl fmt::Display for MappingReport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "mapping of {} on {}", self.model, self.target)?;
        let chips = if self.chips == 1 { "chip" } else { "chips" };
        let least = self.core_bounds.iter().map(|bound| bound.least).max().unwrap_or(0);
        writeln!(
            f,
            "  {} cores on {} {chips} ({} cores there), {} the least",
            self.cores,
            self.chips,
            self.cores_available,
            times(self.cores as u64, least)
        )?;
        for bound in &self.core_bounds {
            writeln!(f, "    at least {} by {}", bound.least, bound.by)?;
        }
        write!(f, "\n{}\n{}", self.layers_table(), self.limits_table())?;
        self.relays_text(f)?;
        self.memory(f)?;
        self.traffic_text(f)?;
        self.host_text(f)
    }
}

impl MappingReport {
    fn layers_table(&self) -> TextTable {
        let figures = ["shape", "neurons", "cores", "largest tile", "synapse KiB", "packets"];
        let mut table = TextTable::new(2, name_and_figures("layer", figures));
        for layer in &self.layers {
            table.row([
                layer.name.clone(),
                format!("{:?}", layer.shape),
                layer.neurons.to_string(),
                layer.cores.to_string(),
                format!("{:?}", layer.tile),
                format!("{:.1}", layer.synapse_bits_max as f64 / 8192.0),
                layer.packets.to_string(),
            ]);
        }
        table
    }

    fn limits_table(&self) -> TextTable {
        let figures = ["min", "mean", "max", "limit", "max/lim"];
        let mut table = TextTable::new(2, name_and_figures("use of a core", figures));
        for limit in &self.limits {
            let (of, share) = match limit.of {
                Some(of) => (of.to_string(), format!("{:.1} %", limit.max as f64 / of as f64 * 100.0)),
                None => ("none".into(), String::new()),
            };
            let (min, max) = (limit.min.to_string(), limit.max.to_string());
            table.row([limit.limit.to_string(), min, format!("{:.1}", limit.mean), max, of, share]);
        }
        table
    }

    fn relays_text(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let RelayFigures { populations, neurons } = self.relays;
        if populations == 0 {
            return Ok(());
        }
        writeln!(
            f,
            "\n  {neurons} relay neurons in {populations} layers repeat spikes that wait longer than the chip's delays"
        )
    }

    fn memory(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let s = &self.synapses;
        let mib = |bits: u64| bits as f64 / 8.0 / 1024.0 / 1024.0;
        writeln!(f, "\n  {} weights, {} synapses unrolled", s.weights, s.synapses)?;
        writeln!(
            f,
            "  synapse memory {:.2} MiB in use; {:.2} MiB with every kernel once a core, {:.2} MiB unshared",
            mib(s.stored_bits),
            mib(s.shared_bits),
            mib(s.unshared_bits)
        )
    }

    fn host_text(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.host.is_empty() {
            return Ok(());
        }
        write!(f, "\n  computed by the host in each pass, not by the chip:\n{}", HostWork::table(&self.host))
    }

    fn traffic_text(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let when = if self.traffic.measured {
            "in an image or sample of the recorded run"
        } else {
            "if every neuron fires once"
        };
        write!(f, "\n  {when}:\n{}", self.traffic_table())
    }

    fn traffic_table(&self) -> TextTable {
        let t = &self.traffic;
        let per_packet = |n: u64| n as f64 / t.packets.max(1) as f64;
        let share = |n: u64| format!("{:.1} %", per_packet(n) * 100.0);
        let packets = format!("at least {} ({})", t.packets_bound, times(t.packets, t.packets_bound));
        let hops = format!(
            "at least {} for these cores ({}), {:.2} hops a packet",
            t.hops_bound,
            times(t.hops, t.hops_bound),
            per_packet(t.hops)
        );
        let mut table = TextTable::new(4, [left(""), right(""), left("")]);
        let mut row = |name: &str, count: u64, remark: String| table.row([name, &count.to_string(), &remark]);
        row("packets", t.packets, packets);
        row("packets x hops", t.hops, hops);
        row("within a tile", t.within_tile, share(t.within_tile));
        row("between chips", t.chip_crossings, share(t.chip_crossings));
        row("busiest link", t.max_link, format!("mean {:.0}", t.mean_link));
        if let Some(m) = &t.multicast {
            row("multicast trees", m.trees as u64, format!("{} hops with separate packets", m.unicast_hops));
            let of = m.of.map_or("packets carry their way".to_owned(), |of| format!("of {of}"));
            row("fullest router", m.max.into(), format!("table entries, {of}; mean {:.1}", m.mean));
        }
        table
    }
}

/// A figure as a multiple of its lower bound.
fn times(found: u64, least: u64) -> String {
    if least == 0 { "-".into() } else { format!("{:.2} x", found as f64 / least as f64) }
}
