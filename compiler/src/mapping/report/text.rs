//! The mapping report as a person reads it.

use std::fmt;

use snnc_targets::names;
use snnc_targets::numbers::{count, counted};
use snnc_targets::text_table::{TextTable, left, name_and_figures, right};

use super::relays::RelayFigures;
use super::{Expected, LimitUse, MappingReport};
use crate::ir::spiking::HostWork;
use crate::mapping::activity::ActivitySource;

impl fmt::Display for MappingReport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "mapping of {} on {}", self.model, self.target)?;
        let least = self.core_bounds.iter().map(|bound| bound.least).max().unwrap_or(0);
        writeln!(
            f,
            "  {} on {} ({} there), {} the least",
            counted(self.cores as u64, "core"),
            counted(self.chips as u64, "chip"),
            counted(self.cores_available as u64, "core"),
            times(self.cores as u64, least)
        )?;
        for bound in &self.core_bounds {
            writeln!(f, "    at least {} by {}", count(bound.least), bound.by)?;
        }
        write!(f, "\n{}\n{}", self.layers_table(), self.limits_table())?;
        self.relays_text(f)?;
        self.constants_text(f)?;
        self.memory(f)?;
        self.traffic_text(f)?;
        self.expected_text(f)?;
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
                count(layer.neurons as u64),
                count(layer.cores as u64),
                format!("{:?}", layer.tile),
                kib(layer.synapse_bits_max),
                count(layer.packets),
            ]);
        }
        table
    }

    fn limits_table(&self) -> TextTable {
        let figures = ["min", "mean", "max", "limit", "max/lim"];
        let mut table = TextTable::new(2, name_and_figures("use of a core", figures));
        for limit in &self.limits {
            let (of, share) = match limit.of {
                Some(of) => (count(of), format!("{:.1} %", limit.max as f64 / of as f64 * 100.0)),
                None => ("none".into(), String::new()),
            };
            let (min, max) = (count(limit.min), count(limit.max));
            table.row([limit.limit.to_string(), min, tenths(limit.mean), max, of, share]);
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
            "\n  {} in {} repeat spikes that wait longer than the chip's delays",
            counted(neurons as u64, "relay neuron"),
            counted(populations as u64, "layer")
        )
    }

    fn constants_text(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.layers.iter().filter(|layer| names::is_constant(&layer.name)).count() {
            0 => Ok(()),
            1 => writeln!(
                f,
                "\n  1 neuron fires in every timestep for constants that the chip cannot add to a \
                 synaptic current"
            ),
            some => writeln!(
                f,
                "\n  {some} neurons fire in every timestep for constants that the chip cannot add to a \
                 synaptic current"
            ),
        }
    }

    fn memory(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let s = &self.synapses;
        let (weights, synapses) = (counted(s.weights, "weight"), counted(s.synapses, "synapse"));
        writeln!(f, "\n  {weights}, {synapses} unrolled")?;
        writeln!(
            f,
            "  synapse memory {} KiB in use; {} KiB with every kernel once a core, {} KiB unshared",
            kib(s.stored_bits),
            kib(s.shared_bits),
            kib(s.unshared_bits)
        )
    }

    fn host_text(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.host.is_empty() {
            return Ok(());
        }
        write!(f, "\n  computed by the host in each pass, not by the chip:\n{}", HostWork::table(&self.host))
    }

    fn expected_text(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Some(Expected { objective, exceptions, estimate }) = &self.expected else { return Ok(()) };
        let spikes = match estimate.activity {
            ActivitySource::Uniform => "if every neuron fires once in a pass, evenly over its window",
            ActivitySource::Profile => "with the rates of the recorded run, evenly over each window",
            ActivitySource::Recorded => "with the spikes of a short run, timestep by timestep",
        };
        writeln!(f, "\n  made for {}; of each item, {spikes}:", objective.name())?;
        exceptions.iter().try_for_each(|exception| writeln!(f, "    but {exception}"))?;
        let mut table = TextTable::new(4, [left(""), right(""), left("")]);
        let cores = counted(estimate.cores as u64, "core");
        let least = |value: f64, least: f64, unit: &str| {
            let ratio = if least > 0.0 { format!(" ({:.2} x)", value / least) } else { String::new() };
            format!("at least {} on {cores}{ratio}", quantity(least, unit))
        };
        let (time, energy) = (estimate.time_s, estimate.energy_j);
        table.row(["time", &quantity(time, "s"), &least(time, estimate.time_least_s, "s")]);
        table.row(["energy", &quantity(energy, "J"), &least(energy, estimate.energy_least_j, "J")]);
        write!(f, "{table}")?;
        for network in &estimate.networks {
            let longest = &network.longest;
            let whose = match longest.core {
                Some(core) => format!("{} of core {core} ({})", longest.unit, longest.layers.join(", ")),
                None => format!("a {}", longest.unit),
            };
            let mean = if longest.core.is_some() {
                format!(", {} on the mean", quantity(longest.mean_s, "s"))
            } else {
                String::new()
            };
            writeln!(
                f,
                "    {} takes {}, {} of it barriers; longest is timestep {}: {whose}, {}{mean}",
                network.name,
                quantity(network.time_s, "s"),
                quantity(network.barriers_s, "s"),
                longest.timestep,
                quantity(longest.busy_s, "s"),
            )?;
        }
        let share = |limit: &LimitUse| Some(limit.mean / limit.of? as f64 * 100.0);
        let fullest = self.limits.iter().filter_map(|limit| Some((share(limit)?, &limit.limit)));
        match fullest.max_by(|a, b| a.0.total_cmp(&b.0)) {
            Some((percent, limit)) => {
                writeln!(
                    f,
                    "    what keeps work from moving: {limit} of the cores are {percent:.0} % full on the mean"
                )
            }
            None => Ok(()),
        }
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
        let packets = format!("at least {} ({})", count(t.packets_bound), times(t.packets, t.packets_bound));
        let hops = format!(
            "at least {} for these cores ({}), {:.2} hops a packet",
            count(t.hops_bound),
            times(t.hops, t.hops_bound),
            per_packet(t.hops)
        );
        let mut table = TextTable::new(4, [left(""), right(""), left("")]);
        let mut row = |name: &str, figure: u64, remark: String| table.row([name, &count(figure), &remark]);
        row("packets", t.packets, packets);
        row("packets x hops", t.hops, hops);
        row("within a tile", t.within_tile, share(t.within_tile));
        row("between chips", t.chip_crossings, share(t.chip_crossings));
        row("busiest link", t.max_link, format!("mean {}", count(t.mean_link.round() as u64)));
        if let Some(m) = &t.multicast {
            row(
                "multicast trees",
                m.trees as u64,
                format!("{} with separate packets", counted(m.unicast_hops, "hop")),
            );
            let of =
                m.of.map_or("packets carry their way".to_owned(), |of| format!("of {}", count(of.into())));
            row("fullest router", m.max.into(), format!("table entries, {of}; mean {:.1}", m.mean));
        }
        table
    }
}

/// Memory of a chip, in one unit.
fn kib(bits: u64) -> String {
    tenths(bits as f64 / 8192.0)
}

/// A figure of any size with one decimal.
fn tenths(value: f64) -> String {
    let tenths = (value * 10.0).round() as u64;
    format!("{}.{}", count(tenths / 10), tenths % 10)
}

/// A figure with four digits and an SI prefix.
fn quantity(value: f64, unit: &str) -> String {
    let prefixes = [(1.0, ""), (1e-3, "m"), (1e-6, "u"), (1e-9, "n"), (1e-12, "p")];
    let (scale, prefix) = prefixes.into_iter().find(|(scale, _)| value >= *scale).unwrap_or((1e-12, "p"));
    if value == 0.0 { format!("0 {unit}") } else { format!("{:.4} {prefix}{unit}", value / scale) }
}

/// A figure as a multiple of its lower bound.
fn times(found: u64, least: u64) -> String {
    if least == 0 { "-".into() } else { format!("{:.2} x", found as f64 / least as f64) }
}
