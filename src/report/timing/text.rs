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
    let mut sections = vec![waits(r), layers(r)];
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

/// Whose work the busiest units of timesteps do, and how busy units are with each layer. Empty without a time.
fn layers(r: &Report) -> String {
    let Some(time) = r.totals.time_s.filter(|_| r.layers.iter().any(|layer| layer.time.is_some())) else {
        return String::new();
    };
    let ranged = r.time_range_s.is_some();
    let columns = [left(""), right("timesteps"), right("time"), right("share")].into_iter();
    let ends = ["at lowest", "at highest"].map(right).into_iter().filter(|_| ranged);
    let units = ["synapse", "neuron", "axon_in", "axon_out"].map(|unit| right(format!("{unit} busy")));
    let mut table = TextTable::new(INDENT, columns.chain(ends).chain(units));
    let rest = |cells: Vec<String>| cells.into_iter().chain(std::iter::repeat_n("-".to_owned(), 4));
    for layer in &r.layers {
        let Some(of) = &layer.time else { continue };
        let ends = of.binding_range_s.iter().flat_map(|ends| [si(ends.low, "s"), si(ends.high, "s")]);
        let units = [of.busy_s.synapse, of.busy_s.neuron, of.busy_s.axon_in, of.busy_s.axon_out];
        let own = [
            layer.name.clone(),
            count(of.binding_timesteps),
            si(of.binding_s, "s"),
            share(of.binding_s, time),
        ];
        table.row(own.into_iter().chain(ends).chain(units.map(|seconds| si(seconds, "s"))));
    }
    if let Some(network) = r.time.network_s.filter(|&network| network > 0.0) {
        let own = ["links and ports", "-", &si(network, "s"), &share(network, time)].map(str::to_owned);
        let ends = std::iter::repeat_n("-".to_owned(), if ranged { 2 } else { 0 });
        table.row(rest(own.into_iter().chain(ends).collect()));
    }
    titled(
        &format!("Time by layer (of each timestep's busiest unit; busy: all cores; all {}s)", r.item_name()),
        &table,
    )
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
