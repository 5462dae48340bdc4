//! From a run's record to what the report says about time.

use std::collections::HashMap;

use snnc_compiler::ir::CoreId;
use snnc_simulator::charge::{LocatedSlowPacket, SliceTally, TimeTally};
use snnc_simulator::time::{Bottleneck, Fidelity};
use snnc_targets::LinkKind;

use super::data::{
    BoundCount, CoreUtilisation, LatencyClass, LinkUse, SimulatedTimesteps, SlowestPacket, Time, UnitUse,
    Utilisation,
};
use crate::report::ReportInput;
use crate::report::build::seconds;
use crate::report::exact::Exact;

/// Units of a core, in the order of [`snnc_simulator::time::Analytic::busy_of`].
const UNITS: [&str; 5] = ["synapse", "neuron", "axon_in", "axon_out", "delivery"];

/// Where the time went.
pub fn time(input: &ReportInput) -> Time {
    let tally = input.run.total.tally.total();
    let time = tally.time;
    let bounds = Bottleneck::ALL.into_iter().zip(time.bounds);
    let timed = |ps| input.timed().then_some(Exact(ps));
    let network = input.run.total.layers.first().map(|times| times.network);
    let (barrier_tiles, barrier_each_ps) = input.meter.analytic().barrier();
    let simulated = matches!(input.run.total.fidelity, Fidelity::Cycle { .. });
    Time {
        host_s: seconds(time.host_ps),
        barrier_s: seconds(time.barrier_ps),
        host_ps: timed(time.host_ps),
        barrier_ps: timed(time.barrier_ps),
        barrier_each_ps: timed(barrier_each_ps.into()),
        barrier_tiles: input.timed().then_some(barrier_tiles),
        network_s: network.map(|network| seconds(network.ps)),
        network_ps: network.map(|network| Exact(network.ps)),
        bounds: bounds.map(|(b, timesteps)| BoundCount { bound: b.name().into(), timesteps }).collect(),
        utilisation: input.timed().then(|| utilisation(input, &tally.slices, &time)),
        simulated: simulated.then(|| packets(input, &time)),
    }
}

fn utilisation(input: &ReportInput, slices: &[SliceTally], time: &TimeTally) -> Utilisation {
    let timesteps_ps = time.total_ps - time.host_ps;
    let cores = cores(input, slices, timesteps_ps);
    let links = links(input, timesteps_ps);
    let units = UNITS.iter().enumerate().map(|(i, name)| unit(name, i, &cores)).collect();
    let link_mean = mean(links.iter().map(|link| link.busy));
    Utilisation { timesteps_s: seconds(timesteps_ps), units, link_mean, cores, links }
}

/// 0 of nothing.
fn share(busy_ps: u64, of_ps: u128) -> f64 {
    if of_ps == 0 { 0.0 } else { busy_ps as f64 / of_ps as f64 }
}

/// 0 of nothing.
fn mean(values: impl Iterator<Item = f64>) -> f64 {
    let (sum, n) = values.fold((0.0, 0u64), |(sum, n), value| (sum + value, n + 1));
    if n == 0 { 0.0 } else { sum / n as f64 }
}

fn cores(input: &ReportInput, slices: &[SliceTally], of_ps: u128) -> Vec<CoreUtilisation> {
    let topology = input.program.topology();
    let core = |id: CoreId| {
        let range = input.slices.starts[id.0 as usize]..input.slices.starts[id.0 as usize + 1];
        let mut sum = SliceTally::default();
        slices[range].iter().for_each(|&slice| sum += slice);
        let busy = input.meter.analytic().busy_of(id, &sum.unit_events(), sum.departures);
        let shares = busy.map(|busy| share(busy, of_ps));
        let [synapse, neuron, axon_in, axon_out, delivery] = shares;
        let tile = topology.tile_of(input.program.sites[id]);
        let layers = input.layers_on(id);
        let busiest = UNITS[first_most(&shares)].into();
        let core = id.0.into();
        CoreUtilisation {
            core,
            tile: [tile.x, tile.y],
            layers,
            busiest,
            synapse,
            neuron,
            axon_in,
            axon_out,
            delivery,
        }
    };
    input.program.cores.keys().map(core).collect()
}

/// Index of the largest value, the first of equals.
fn first_most(values: &[f64]) -> usize {
    (1..values.len()).fold(0, |most, i| if values[i] > values[most] { i } else { most })
}

fn unit(name: &str, index: usize, cores: &[CoreUtilisation]) -> UnitUse {
    let shares: Vec<f64> =
        cores.iter().map(|c| [c.synapse, c.neuron, c.axon_in, c.axon_out, c.delivery][index]).collect();
    let most = first_most(&shares);
    UnitUse {
        unit: name.into(),
        cores: shares.iter().filter(|&&share| share > 0.0).count() as u64,
        mean: mean(shares.iter().copied().filter(|&share| share > 0.0)),
        most: shares.get(most).copied().unwrap_or(0.0),
        core: most as u64,
    }
}

fn links(input: &ReportInput, of_ps: u128) -> Vec<LinkUse> {
    let topology = input.program.topology();
    let packets = &input.run.total.timesteps.link_packets;
    let used = input.meter.network().links().iter().zip(packets).filter(|(_, packets)| **packets > 0);
    let mut links: Vec<LinkUse> = used
        .map(|(&(link, kind), &packets)| {
            let (tile, to) = (link.tile(), topology.end_of(link));
            LinkUse {
                from: [tile % topology.width(), tile / topology.width()],
                to: [to.x, to.y],
                kind: kind_name(kind).into(),
                packets,
                busy: share(input.meter.analytic().busy_link(kind, packets), of_ps),
            }
        })
        .collect();
    links.sort_by(|a, b| b.busy.total_cmp(&a.busy).then(a.from.cmp(&b.from)).then(a.to.cmp(&b.to)));
    links
}

fn kind_name(kind: LinkKind) -> &'static str {
    match kind {
        LinkKind::EastWest => "east_west",
        LinkKind::NorthSouth => "north_south",
        LinkKind::Chip => "chip",
    }
}

fn packets(input: &ReportInput, time: &TimeTally) -> SimulatedTimesteps {
    let TimeTally { packets, sampled, .. } = time;
    let half_width_s = sampled.half_width_ps().map(|ps| ps / 1e12);
    let power_w = input.meter.static_watts();
    let classes = packets.classes.iter().enumerate().filter(|(_, count)| **count > 0);
    let histogram =
        classes.map(|(i, &packets)| LatencyClass { below_s: (1u64 << i) as f64 / 1e12, packets }).collect();
    let names: HashMap<_, _> =
        input.program.model.populations.keys().map(|id| (id, input.program.model.layer_name(id))).collect();
    let slow = |slow: &LocatedSlowPacket| {
        let layer = names[&input.slices.populations[slow.packet.slice as usize]].clone();
        slowest(input, slow, layer)
    };
    SimulatedTimesteps {
        timesteps: sampled.simulated,
        time_half_width_s: half_width_s,
        energy_half_width_j: half_width_s.map(|s| s * power_w),
        packets: packets.packets,
        latency_mean_s: packets.mean() / 1e12,
        latency_max_s: packets.longest as f64 / 1e12,
        latency_histogram: histogram,
        zero_load_mean_s: seconds(time.zero_load_ps) / packets.packets.max(1) as f64,
        drained_s: seconds(time.simulated_ps),
        beyond_busiest_s: seconds(beyond_busiest_ps(time)),
        neuron_units_stopped_s: seconds(time.neurons_stopped_ps),
        axon_out_units_stopped_s: seconds(time.makers_stopped_ps),
        slowest_packets: input.run.total.timesteps.slowest.iter().map(slow).collect(),
    }
}

/// A simulated timestep lasts at least as long as its busiest unit.
fn beyond_busiest_ps(time: &TimeTally) -> u128 {
    time.simulated_ps - time.busiest_ps
}

fn slowest(input: &ReportInput, slow: &LocatedSlowPacket, source_layer: String) -> SlowestPacket {
    let (packet, topology) = (&slow.packet, input.program.topology());
    let source = input.slices.cores[packet.slice as usize];
    let site = |core: CoreId| input.program.sites[core];
    let target = CoreId(packet.core);
    let zero_load_ps = input.meter.cycle().map_or(0, |cycle| {
        let [from, to] = [source, target].map(|core| cycle.tiles()[core.0 as usize]);
        cycle.zero_load_routes().between(from, to) * cycle.clock_ps()
    });
    let ((item, pass, timestep), images) = (slow.at, input.generates());
    SlowestPacket {
        image: images.then_some(item),
        iteration: images.then_some(pass as u64),
        sample: (!images).then_some(item),
        pass: (!images).then_some(pass as u64),
        timestep: timestep as u64,
        source_core: source.0.into(),
        source_layer,
        destination_core: target.0.into(),
        hops: topology.distance(site(source), site(target)).into(),
        operations: packet.operations.into(),
        latency_s: packet.latency as f64 / 1e12,
        zero_load_s: zero_load_ps as f64 / 1e12,
    }
}
