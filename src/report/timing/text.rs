//! What a person reads about time.

use super::data::{CoreUtilisation, LinkUse, SimulatedTimesteps, Utilisation};
use crate::report::Report;
use crate::report::text::{prose, table};
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
    let mut rows = Vec::new();
    for bound in r.time.bounds.iter().filter(|b| b.timesteps > 0) {
        let part = share(bound.timesteps as f64, r.totals.timesteps as f64);
        let what = "of timesteps: busiest of all".into();
        rows.push(vec![bound.bound.clone(), count(bound.timesteps), part, what]);
    }
    if let Some(s) = &r.time.simulated {
        let part = share(s.beyond_busiest_s, s.drained_s);
        let what = "of the time simulated: latencies, queues, back-pressure".into();
        rows.push(vec!["beyond the busiest".into(), si(s.beyond_busiest_s, "s"), part, what]);
    }
    for (name, seconds) in [("barriers", r.time.barrier_s), ("host transfers", r.time.host_s)] {
        rows.push(vec![name.into(), si(seconds, "s"), share(seconds, time), "of the time".into()]);
    }
    prose(&mut rows, 3);
    table("What the time waits for", &rows, 1)
}

/// `12.3 %` of a share.
fn percent(part: f64) -> String {
    share(part, 1.0)
}

fn at([x, y]: [u32; 2]) -> String {
    format!("({x}, {y})")
}

fn busy(u: &Utilisation) -> String {
    let mut rows = vec![["", "used", "mean", "busiest", ""].map(String::from).to_vec()];
    for unit in u.units.iter().filter(|unit| unit.cores > 0) {
        rows.push(vec![
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
        rows.push(vec!["link".into(), used, percent(u.link_mean), percent(most.busy), way]);
    }
    prose(&mut rows, 4);
    table("Busy (events x initiation interval, share of the timesteps' time)", &rows, 1)
}

/// Its busiest unit's share.
fn most(core: &CoreUtilisation) -> f64 {
    [core.synapse, core.neuron, core.axon_in, core.axon_out, core.delivery].into_iter().fold(0.0, f64::max)
}

fn busiest_cores(u: &Utilisation) -> String {
    let mut cores: Vec<&CoreUtilisation> = u.cores.iter().filter(|core| most(core) > 0.0).collect();
    // Stable: of equals the lower number comes first.
    cores.sort_by(|a, b| most(b).total_cmp(&most(a)));
    let header =
        ["", "tile", "unit", "busy", "synapse", "neuron", "axon_in", "axon_out", "delivery", "layers"];
    let mut rows = vec![header.map(String::from).to_vec()];
    for core in cores.into_iter().take(BUSIEST) {
        let shares = [core.synapse, core.neuron, core.axon_in, core.axon_out, core.delivery].map(percent);
        let mut row =
            vec![format!("core {}", core.core), at(core.tile), core.busiest.clone(), percent(most(core))];
        row.extend(shares);
        row.push(core.layers.join(" "));
        rows.push(row);
    }
    prose(&mut rows, header.len() - 1);
    if rows.len() > 1 { table("Busiest cores", &rows, 3) } else { String::new() }
}

fn busiest_links(u: &Utilisation) -> String {
    let row = |link: &LinkUse| {
        let way = format!("{} to {}", at(link.from), at(link.to));
        vec![way, link.kind.clone(), count(link.packets), percent(link.busy)]
    };
    let mut rows = vec![["", "kind", "packets", "busy"].map(String::from).to_vec()];
    rows.extend(u.links.iter().take(BUSIEST).map(row));
    if rows.len() > 1 { table("Busiest links", &rows, 2) } else { String::new() }
}

/// What the simulated packets showed.
fn packets(s: &SimulatedTimesteps) -> String {
    let half =
        |value: Option<f64>, unit: &str| value.map_or("unknown".into(), |v| format!("+- {}", si(v, unit)));
    let mut rows = vec![
        vec!["timesteps simulated".into(), count(s.timesteps)],
        vec!["time, 95 % interval".into(), half(s.time_half_width_s, "s")],
        vec!["energy, 95 % interval".into(), half(s.energy_half_width_j, "J")],
        vec!["packets simulated".into(), count(s.packets)],
        vec!["latency, mean".into(), si(s.latency_mean_s, "s")],
        vec!["the same in an empty network".into(), si(s.zero_load_mean_s, "s")],
        vec!["latency, longest".into(), si(s.latency_max_s, "s")],
        vec!["neuron units stopped, all cores".into(), si(s.neuron_units_stopped_s, "s")],
        vec!["axon-out units stopped, all cores".into(), si(s.axon_out_units_stopped_s, "s")],
    ];
    for class in &s.latency_histogram {
        rows.push(vec![format!("latency below {}", si(class.below_s, "s")), count(class.packets)]);
    }
    table("Simulated packets", &rows, 1)
}

fn slowest(s: &SimulatedTimesteps) -> String {
    if s.slowest_packets.is_empty() {
        return String::new();
    }
    let images = s.slowest_packets.iter().any(|packet| packet.image.is_some());
    let (item, pass) = if images { ("image", "iteration") } else { ("sample", "pass") };
    let header = ["latency", "empty", "hops", "operations", "from", "layer", "to", item, pass, "timestep"];
    let mut rows = vec![header.map(String::from).to_vec()];
    for p in &s.slowest_packets {
        rows.push(vec![
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
    table("Slowest packets", &rows, 0)
}
