//! What a person reads about time.

use snnc_targets::text_table::{TextTable, left, name_and_figures, right};

use super::data::{CoreUtilisation, LinkUse, SimulatedTimesteps, Utilisation};
use crate::report::Report;
use crate::report::text::{INDENT, titled};
use crate::report::units::{count, share, si};

/// Cores and links shown; report.json has them all.
const BUSIEST: usize = 5;

/// What the time waits for, how busy units and links are, what simulated packets showed. Empty without a time.
pub fn print(r: &Report) -> String {
    let mut sections = vec![waits(r)];
    if let Some(use_of) = &r.time.utilisation {
        sections.extend([busy(use_of), busiest_cores(use_of), busiest_links(use_of)]);
    }
    if let Some(simulated) = &r.time.simulated {
        sections.extend([packets(simulated), slowest(simulated)]);
    }
    sections.retain(|section| !section.is_empty());
    sections.join("\n")
}

fn waits(r: &Report) -> String {
    let Some(time) = r.totals.time_s else { return String::new() };
    let mut table = TextTable::new(INDENT, [left(""), right(""), right(""), left("")]);
    for bound in r.time.bounds.iter().filter(|b| b.timesteps > 0) {
        let part = share(bound.timesteps as f64, r.totals.timesteps as f64);
        table.row([&bound.bound, &count(bound.timesteps), &part, "of timesteps: busiest of all"]);
    }
    if let Some(s) = &r.time.simulated {
        let part = share(s.beyond_busiest_s, s.drained_s);
        let what = "of the time simulated: latencies, queues, back-pressure";
        table.row(["beyond the busiest", &si(s.beyond_busiest_s, "s"), &part, what]);
    }
    for (name, seconds) in [("barriers", r.time.barrier_s), ("host transfers", r.time.host_s)] {
        table.row([name, &si(seconds, "s"), &share(seconds, time), "of the time"]);
    }
    titled("What the time waits for", &table)
}

/// `12.3 %` of a share.
fn percent(part: f64) -> String {
    share(part, 1.0)
}

fn at([x, y]: [u32; 2]) -> String {
    format!("({x}, {y})")
}

fn busy(u: &Utilisation) -> String {
    let mut table =
        TextTable::new(INDENT, name_and_figures("", ["used", "mean", "busiest"]).chain([left("")]));
    for unit in u.units.iter().filter(|unit| unit.cores > 0) {
        table.row([
            unit.unit.clone(),
            count(unit.cores),
            percent(unit.mean),
            percent(unit.most),
            format!("core {}", unit.core),
        ]);
    }
    if let Some(most) = u.links.first() {
        let way = format!("{} to {}", at(most.from), at(most.to));
        let used = count(u.links.len() as u64);
        table.row(["link", &used, &percent(u.link_mean), &percent(most.busy), &way]);
    }
    titled("Busy (events x initiation interval, share of the timesteps' time)", &table)
}

/// Its busiest unit's share.
fn most(core: &CoreUtilisation) -> f64 {
    [core.synapse, core.neuron, core.axon_in, core.axon_out, core.delivery].into_iter().fold(0.0, f64::max)
}

fn busiest_cores(u: &Utilisation) -> String {
    let mut cores: Vec<&CoreUtilisation> = u.cores.iter().filter(|core| most(core) > 0.0).collect();
    // Stable: of equals the lower number comes first.
    cores.sort_by(|a, b| most(b).total_cmp(&most(a)));
    let words = ["", "tile", "unit"].map(left);
    let shares = ["busy", "synapse", "neuron", "axon_in", "axon_out", "delivery"].map(right);
    let mut table = TextTable::new(INDENT, words.into_iter().chain(shares).chain([left("layers")]));
    for core in cores.into_iter().take(BUSIEST) {
        let shares = [core.synapse, core.neuron, core.axon_in, core.axon_out, core.delivery].map(percent);
        let mut row =
            vec![format!("core {}", core.core), at(core.tile), core.busiest.clone(), percent(most(core))];
        row.extend(shares);
        row.push(core.layers.join(" "));
        table.row(row);
    }
    if table.is_empty() { String::new() } else { titled("Busiest cores", &table) }
}

fn busiest_links(u: &Utilisation) -> String {
    let row = |link: &LinkUse| {
        let way = format!("{} to {}", at(link.from), at(link.to));
        [way, link.kind.clone(), count(link.packets), percent(link.busy)]
    };
    let mut table = TextTable::new(INDENT, [left(""), left("kind"), right("packets"), right("busy")]);
    u.links.iter().take(BUSIEST).map(row).for_each(|row| table.row(row));
    if table.is_empty() { String::new() } else { titled("Busiest links", &table) }
}

/// What the simulated packets showed.
fn packets(s: &SimulatedTimesteps) -> String {
    let half =
        |value: Option<f64>, unit: &str| value.map_or("unknown".into(), |v| format!("+- {}", si(v, unit)));
    let rows = [
        ("timesteps simulated", count(s.timesteps)),
        ("time, 95 % interval", half(s.time_half_width_s, "s")),
        ("energy, 95 % interval", half(s.energy_half_width_j, "J")),
        ("packets simulated", count(s.packets)),
        ("latency, mean", si(s.latency_mean_s, "s")),
        ("the same in an empty network", si(s.zero_load_mean_s, "s")),
        ("latency, longest", si(s.latency_max_s, "s")),
        ("neuron units stopped, all cores", si(s.neuron_units_stopped_s, "s")),
        ("axon-out units stopped, all cores", si(s.axon_out_units_stopped_s, "s")),
    ];
    let mut table = TextTable::new(INDENT, [left(""), right("")]);
    rows.iter().for_each(|(name, value)| table.row([*name, value]));
    for class in &s.latency_histogram {
        table.row([format!("latency below {}", si(class.below_s, "s")), count(class.packets)]);
    }
    titled("Simulated packets", &table)
}

fn slowest(s: &SimulatedTimesteps) -> String {
    if s.slowest_packets.is_empty() {
        return String::new();
    }
    let images = s.slowest_packets.iter().any(|packet| packet.image.is_some());
    let (item, pass) = if images { ("image", "iteration") } else { ("sample", "pass") };
    let header = ["latency", "empty", "hops", "synops", "from", "layer", "to", item, pass, "timestep"];
    let mut table = TextTable::new(INDENT, header.map(right));
    for p in &s.slowest_packets {
        table.row([
            si(p.latency_s, "s"),
            si(p.zero_load_s, "s"),
            count(p.hops),
            count(p.operations),
            format!("core {}", p.source_core),
            p.source_layer.clone(),
            format!("core {}", p.destination_core),
            p.image.or(p.sample).unwrap_or(0).to_string(),
            p.iteration.or(p.pass).unwrap_or(0).to_string(),
            p.timestep.to_string(),
        ]);
    }
    titled("Slowest packets", &table)
}
