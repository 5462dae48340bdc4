//! The mapping report as a person reads it.

use std::fmt;

use super::MappingReport;

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
        self.layers_table(f)?;
        self.limits_table(f)?;
        self.memory(f)?;
        self.traffic_text(f)?;
        self.host_text(f)
    }
}

impl MappingReport {
    fn layers_table(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(
            f,
            "\n  {:<16} {:>16} {:>8} {:>6} {:>14} {:>12} {:>14}",
            "layer", "shape", "neurons", "cores", "largest tile", "synapse KiB", "packets"
        )?;
        for layer in &self.layers {
            writeln!(
                f,
                "  {:<16} {:>16} {:>8} {:>6} {:>14} {:>12.1} {:>14}",
                layer.name,
                format!("{:?}", layer.shape),
                layer.neurons,
                layer.cores,
                format!("{:?}", layer.tile),
                layer.synapse_bits_max as f64 / 8192.0,
                layer.packets
            )?;
        }
        Ok(())
    }

    fn limits_table(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(
            f,
            "\n  {:<24} {:>10} {:>12} {:>10} {:>10} {:>7}",
            "use of a core", "min", "mean", "max", "limit", "max/lim"
        )?;
        for limit in &self.limits {
            let (of, share) = match limit.of {
                Some(of) => (of.to_string(), format!("{:.1} %", limit.max as f64 / of as f64 * 100.0)),
                None => ("none".into(), String::new()),
            };
            writeln!(
                f,
                "  {:<24} {:>10} {:>12.1} {:>10} {:>10} {:>7}",
                limit.limit, limit.min, limit.mean, limit.max, of, share
            )?;
        }
        Ok(())
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
        writeln!(f, "\n  computed by the host in each pass, not by the chip:")?;
        self.host.iter().try_for_each(|work| writeln!(f, "{work}"))
    }

    fn traffic_text(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let t = &self.traffic;
        let per_packet = |n: u64| n as f64 / t.packets.max(1) as f64;
        let when = if t.measured {
            "in an image or sample of the recorded run"
        } else {
            "if every neuron fires once"
        };
        writeln!(f, "\n  {when}:")?;
        writeln!(
            f,
            "    packets         {:>12}   at least {} ({})",
            t.packets,
            t.packets_bound,
            times(t.packets, t.packets_bound)
        )?;
        writeln!(
            f,
            "    packets x hops  {:>12}   at least {} for these cores ({}), {:.2} hops a packet",
            t.hops,
            t.hops_bound,
            times(t.hops, t.hops_bound),
            per_packet(t.hops)
        )?;
        writeln!(
            f,
            "    within a tile   {:>12}   {:.1} %",
            t.within_tile,
            per_packet(t.within_tile) * 100.0
        )?;
        writeln!(
            f,
            "    between chips   {:>12}   {:.1} %",
            t.chip_crossings,
            per_packet(t.chip_crossings) * 100.0
        )?;
        writeln!(f, "    busiest link    {:>12}   mean {:.0}", t.max_link, t.mean_link)?;
        let Some(m) = &t.multicast else { return Ok(()) };
        writeln!(f, "    multicast trees {:>12}   {} hops with separate packets", m.trees, m.unicast_hops)?;
        let of = m.of.map_or("packets carry their way".to_owned(), |of| format!("of {of}"));
        writeln!(f, "    fullest router  {:>12}   table entries, {of}; mean {:.1}", m.max, m.mean)
    }
}

/// A figure as a multiple of its lower bound.
fn times(found: u64, least: u64) -> String {
    if least == 0 { "-".into() } else { format!("{:.2} x", found as f64 / least as f64) }
}
