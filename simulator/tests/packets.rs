//! One definition of a packet: one spike to one input axon of one core, and a core has an axon for each projection
//! (each part of a cut kernel) that reaches it. What partitioner, mapping report, simulator and exported hypergraph say
//! is held equal to a count that knows none of them: from the spiking IR's synapses, tap by tap, where the neurons are,
//! and how often each fires.

use crate::common;
use std::collections::{BTreeMap, BTreeSet};

use crate::common::random::cases;
use crate::common::{Random, irregular_network, network, recurrent_network};
use snnc_compiler::driver::{CompileOptions, assemble, map};
use snnc_compiler::ir::program::{Program, Slice};
use snnc_compiler::ir::spiking::{Connectivity, Convolution, SpikingIr};
use snnc_compiler::ir::{AxisMap, CoreId, NetworkId, PopulationId};
use snnc_compiler::mapping::Partition;
use snnc_compiler::mapping::effort::Effort;
use snnc_compiler::mapping::hypergraph::from_ir::{NetworkGraph, network_graph};
use snnc_compiler::mapping::hypergraph::{self, BlockId, Blocks, HypergraphOptions, Limits, hgr};
use snnc_compiler::mapping::partition::Rates;
use snnc_compiler::mapping::partition::search::{Method, Objective, SearchOptions, search};
use snnc_compiler::mapping::place::{PlaceOptions, place};
use snnc_compiler::mapping::report::MappingReport;
use snnc_compiler::mapping::traffic::{CoreTraffic, StepShares, by_timestep};
use snnc_simulator::execute::Chip;
use snnc_targets::Target;
use snnc_targets::schema::{InputAxonKind, OutputAxonKind};

/// A neuron, as the outside numbers it: flat `[c, h, w]`.
type Neuron = (PopulationId, usize);
/// How often each neuron fires.
type Spikes = BTreeMap<PopulationId, Vec<u64>>;

/// Packets from core to core.
#[derive(Debug, Default, PartialEq, Eq)]
struct Counted(BTreeMap<(CoreId, CoreId), u64>);

impl Counted {
    fn all(&self) -> u64 {
        self.0.values().sum()
    }

    fn leaving(&self) -> u64 {
        self.0.iter().filter(|((from, to), _)| from != to).map(|(_, packets)| packets).sum()
    }

    fn local(&self) -> u64 {
        self.all() - self.leaving()
    }
}

/// Sources of each target along an axis: by the definition of a (transposed) convolution, looked at from the target.
fn joined(axis: &AxisMap) -> BTreeSet<(usize, usize)> {
    let mut pairs = BTreeSet::new();
    for target in 0..axis.output as i64 {
        for tap in axis.first_tap as i64..(axis.first_tap + axis.kernel) as i64 {
            let (stride, shift) = (axis.stride as i64, tap * axis.dilation as i64 - axis.padding as i64);
            let source = match axis.transposed {
                false => Some(target * stride + shift),
                true => Some(target - shift).filter(|at| at % stride == 0).map(|at| at / stride),
            };
            pairs.extend(
                source.filter(|s| (0..axis.input as i64).contains(s)).map(|s| (s as usize, target as usize)),
            );
        }
    }
    pairs
}

/// Every (source neuron, target neuron) of a projection.
fn synapses(
    ir: &SpikingIr,
    source: PopulationId,
    target: PopulationId,
    joins: &Connectivity,
) -> Vec<(usize, usize)> {
    let Convolution { map, kernel } = match joins {
        Connectivity::Sparse(lists) => {
            let of = |from: usize| lists.targets_of(from).iter().map(move |&to| (from, to as usize));
            return (0..lists.sources()).flat_map(of).collect();
        }
        Connectivity::Conv(conv) => conv,
    };
    let shape = |id: PopulationId| ir.model.populations[id].shape;
    let (from, to, channels) = (shape(source), shape(target), kernel.channels);
    let mut all = Vec::new();
    for (group, member) in (0..channels.groups).flat_map(|g| (0..channels.inputs).map(move |i| (g, i))) {
        let c = channels.first_input + group * channels.inputs + member;
        for &(y, ty) in &joined(&map.rows) {
            for &(x, tx) in &joined(&map.cols) {
                let first = channels.first_output + group * channels.outputs;
                all.extend((first..first + channels.outputs).map(|tc| (from.at(c, y, x), to.at(tc, ty, tx))));
            }
        }
    }
    all
}

/// Where each neuron is.
fn homes(program: &Program) -> BTreeMap<Neuron, CoreId> {
    let mut homes = BTreeMap::new();
    for (core, content) in program.cores.iter() {
        for slice in content.slices.iter().map(|placed| &placed.slice) {
            let population = &program.model.populations[slice.population];
            for (c, y) in slice.channels.clone().flat_map(|c| slice.rows.clone().map(move |y| (c, y))) {
                for x in slice.cols.clone() {
                    let neuron = population.shape.at(c as usize, y as usize, x as usize);
                    assert_eq!(homes.insert((slice.population, population.outside(neuron)), core), None);
                }
            }
        }
    }
    homes
}

/// The independent count. `ir` has cut kernels in parts.
fn count(ir: &SpikingIr, homes: &BTreeMap<Neuron, CoreId>, spikes: &Spikes) -> Counted {
    let mut counted = Counted::default();
    for projection in ir.projections.values() {
        let mut reached: BTreeSet<(usize, CoreId)> = BTreeSet::new();
        for (from, to) in synapses(ir, projection.source, projection.target, &projection.connectivity) {
            reached.insert((from, homes[&(projection.target, to)]));
        }
        for (from, core) in reached {
            let flow = (homes[&(projection.source, from)], core);
            *counted.0.entry(flow).or_default() += spikes[&projection.source][from];
        }
    }
    counted.0.retain(|_, packets| *packets > 0);
    counted
}

/// Every neuron fires as often as its population's rate says.
fn at_rates(ir: &SpikingIr, rate: impl Fn(PopulationId) -> u64) -> Spikes {
    ir.model.populations.iter().map(|(id, p)| (id, vec![rate(id); p.shape.len()])).collect()
}

/// The spikes of a pass.
fn recorded(chip: &Chip, outcome: &snnc_simulator::execute::PassOutcome) -> Spikes {
    let of = |id: PopulationId| {
        let mut sums = vec![0; chip.program.model.populations[id].shape.len()];
        for flags in chip.spikes(outcome, id) {
            sums.iter_mut().zip(flags).for_each(|(sum, fired)| *sum += u64::from(fired));
        }
        (id, sums)
    };
    chip.program.model.populations.keys().map(of).collect()
}

/// Packets of the simulator's pass, from core to core.
fn simulated(chip: &Chip, outcome: &snnc_simulator::execute::PassOutcome) -> Counted {
    let mut counted = Counted::default();
    for flow in outcome.counts.steps.iter().flat_map(|step| &step.flows) {
        *counted.0.entry((chip.table.cores[flow.source as usize], flow.target)).or_default() += flow.packets;
    }
    counted
}

/// Packets that nets of these weights send away: km1, and one more for each spike from outside, which is on no core.
fn away(km1: u64, graph: &NetworkGraph, weights: &[u64]) -> u64 {
    let nets = graph.graph.incidence.all_nets().zip(graph.senders.iter().zip(weights));
    let entering = nets.filter(|(net, (sender, _))| {
        sender.vertex.is_none() && !graph.graph.incidence.pins_of(*net).is_empty()
    });
    km1 + entering.map(|(_, (_, weight))| weight).sum::<u64>()
}

/// The packets that leave their core as the exported file says it, every vertex in the block of its core; its nets
/// weigh `spikes`, or what the file says.
fn exported(
    graph: &NetworkGraph,
    program: &Program,
    homes: &BTreeMap<Neuron, CoreId>,
    spikes: Option<&Spikes>,
) -> u64 {
    let neurons = |group: &hypergraph::from_ir::Group| -> Vec<Neuron> {
        let shape = program.model.populations[group.population].shape;
        let at = |c: u32| (group.population, shape.at(c as usize, group.y as usize, group.x as usize));
        group.channels.clone().map(at).collect()
    };
    let block = |group: &hypergraph::from_ir::Group| {
        let cores: BTreeSet<CoreId> = neurons(group).iter().map(|neuron| homes[neuron]).collect();
        assert_eq!(cores.len(), 1, "a vertex is on one core");
        BlockId(cores.first().unwrap().0)
    };
    let blocks: Vec<BlockId> = graph.groups.iter().map(block).collect();
    let mut read = hgr::parse(&hgr::write(&graph.graph), "net.hgr").unwrap();
    if let Some(spikes) = spikes {
        let fired = |group| neurons(group).iter().map(|&(id, neuron)| spikes[&id][neuron]).sum();
        read.net_weights = graph.senders.iter().map(|sender| fired(&sender.neurons)).collect();
    }
    away(read.km1(&blocks), graph, &read.net_weights)
}

/// A random network of one of three kinds, and a target that holds it.
fn case(random: &mut Random) -> (SpikingIr, Target, bool) {
    let mut target = common::target(random, 1024);
    target.core.neurons.0 = random.between(100, 300) as u32;
    target.core.threshold_profiles = None;
    if random.one_in(2) {
        target.axons.output.0 = OutputAxonKind::Discrete;
    }
    if random.one_in(3) {
        target.axons.input.0 = InputAxonKind::Discrete;
    }
    let (kind, irregular) = (random.between(0, 2), random.one_in(2));
    let ir = match kind {
        0 => network(random, &target),
        1 => irregular_network(random, &target),
        _ => recurrent_network(random, &target, irregular),
    };
    (ir, target, kind == 2)
}

/// Holds report, simulator and exported hypergraph to the count under a built partition; the count for a spike of
/// every neuron, and how many packets the simulator sent between cores.
fn hold(seed: u64, ir: &SpikingIr, program: Program, input: &[f64], random: &mut Random) -> (Counted, u64) {
    let parts = ir.with_parts(&program.kernel_parts);
    let homes = homes(&program);
    let graph = network_graph(&parts, NetworkId(0), 1).unwrap();
    let once = count(&parts, &homes, &at_rates(ir, |_| 1));
    assert_eq!(
        MappingReport::new(ir, &program, &Rates::default()).traffic.packets,
        once.all(),
        "seed {seed}"
    );
    let traffic = CoreTraffic::uniform(&program.cores);
    let flows = traffic.flows.iter().map(|(&pair, &packets)| (pair, packets));
    assert_eq!(flows.collect::<BTreeMap<_, _>>(), {
        let away = once.0.iter().filter(|((from, to), _)| from != to);
        away.map(|(&pair, &packets)| (pair, packets)).collect()
    });
    assert_eq!(traffic.local, once.local(), "seed {seed}");
    assert_eq!(exported(&graph, &program, &homes, None), once.leaving(), "seed {seed}");

    // Layers that fire unequally often; whole numbers, so that nothing is rounded.
    let rate: BTreeMap<PopulationId, u64> =
        ir.model.populations.keys().map(|id| (id, random.between(0, 5) as u64)).collect();
    let rates = Rates::of_neurons(rate.iter().map(|(&id, &rate)| (id, rate as f64)));
    let often = at_rates(ir, |id| rate[&id]);
    let weighed = count(&parts, &homes, &often);
    assert_eq!(MappingReport::new(ir, &program, &rates).traffic.packets, weighed.all(), "seed {seed}");
    assert_eq!(exported(&graph, &program, &homes, Some(&often)), weighed.leaving(), "seed {seed}");

    let chip = Chip::new(program);
    let outcome = chip.run(NetworkId(0), input).unwrap();
    let spikes = recorded(&chip, &outcome);
    let sent = count(&parts, &homes, &spikes);
    assert_eq!(simulated(&chip, &outcome), sent, "seed {seed}");
    assert_eq!(exported(&graph, &chip.program, &homes, Some(&spikes)), sent.leaving(), "seed {seed}");
    (once, sent.leaving())
}

#[test]
fn partitioner_report_simulator_and_export_count_the_same_packets() {
    let (mut tiled, mut sent, mut shared) = (0, 0, 0);
    cases(48, 4100, |random| {
        let seed = random.next();
        let (ir, target, cyclic) = case(random);
        let input = common::input(random, &ir);
        let method =
            if random.one_in(2) { Method::Hypergraph { group: random.between(1, 4) } } else { Method::Auto };
        let objective = [Objective::Cores, Objective::Packets][random.between(0, 1)];
        let options = SearchOptions { method, objective, effort: Effort::Fast, ..SearchOptions::default() };
        let found = search(&ir, &target, &Rates::default(), options).unwrap();
        let placed =
            |traffic: &_| Ok(place(found.partition.cores.len(), traffic, &target, PlaceOptions::default())?);
        let program = assemble(&ir, &target, &found.partition, placed).unwrap();
        let (once, packets) = hold(seed, &ir, program, &input, random);
        assert_eq!(found.packets, once.all() as f64, "seed {seed}: what the search counts");
        if method == Method::Auto && !cyclic {
            tiled += 1;
        }
        sent += packets;
        let fed = |id| ir.projections.values().filter(|p| p.source == id).count();
        shared += usize::from(ir.model.populations.keys().any(|id| fed(id) > 1));
    });
    // Nothing is said by one core, by silence, or where no population feeds two.
    assert!(sent > 4_000 && tiled > 5 && shared > 5, "{sent} packets, {tiled} tiled, {shared} that feed two");
}

#[test]
fn the_partitioners_cost_is_the_packets_that_leave_the_cores_of_its_blocks() {
    let mut leaving = 0;
    cases(40, 4200, |random| {
        let seed = random.next();
        let (ir, target, _) = case(random);
        // Balance alone, as a partitioner of another author knows it.
        let target = roomy(target);
        let graph = network_graph(&ir, NetworkId(0), random.between(1, 5)).unwrap();
        let heaviest = graph.graph.vertex_weights.iter().max().unwrap();
        let limits = Limits::scalar((graph.graph.vertex_weights.iter().sum::<u64>() / 3).max(2 * heaviest));
        let options = HypergraphOptions { effort: Effort::Fast, seed };
        let solution = hypergraph::partition(&graph.graph, &limits, Blocks::Fewest, options).unwrap();
        let partition = graph.to_partition(&ir, &solution.blocks);
        let placed =
            |traffic: &_| Ok(place(partition.cores.len(), traffic, &target, PlaceOptions::default())?);
        let program = assemble(&ir, &target, &partition, placed).unwrap();
        let once = count(&ir, &homes(&program), &at_rates(&ir, |_| 1));
        assert_eq!(away(solution.cost, &graph, &graph.graph.net_weights), once.leaving(), "seed {seed}");
        leaving += once.leaving();
    });
    assert!(leaving > 5_000, "{leaving} packets");
}

/// Without limits that would keep a layer from one core.
fn roomy(mut target: Target) -> Target {
    (target.core.input_axons.0, target.core.output_axons.0) = (1 << 20, 1 << 20);
    target.core.synapse_memory_bits.0 = 1 << 40;
    target.core.neurons.0 = 1 << 20;
    target.topology.chips_max.0 = 1 << 10;
    target
}

/// A core for each layer.
fn layer_by_layer(ir: &SpikingIr) -> Partition {
    let on_cores = ir.model.populations.iter().filter(|(_, p)| !p.dynamics.is_port());
    let whole = |(population, p): (PopulationId, &snnc_compiler::ir::spiking::Population)| {
        let [channels, rows, cols] =
            [p.shape.channels, p.shape.height, p.shape.width].map(|side| 0..side as u32);
        vec![Slice { population, channels, rows, cols }]
    };
    Partition { cores: on_cores.map(whole).collect(), ..Partition::default() }
}

#[test]
fn packets_by_timestep_add_up_to_all_of_them() {
    let mut spread = 0;
    cases(30, 4400, |random| {
        let seed = random.next();
        let (ir, target, _) = case(random);
        let program = map(&ir, &target, CompileOptions::fewest_cores()).unwrap();
        let mut shares = StepShares::new();
        for (id, population) in ir.model.populations.iter() {
            if random.one_in(2) {
                continue;
            }
            shares.insert(id, (0..population.window.steps).map(|_| random.between(0, 9) as u64).collect());
        }
        let rates = Rates::of_neurons(
            ir.model.populations.keys().map(|id| (id, random.between(0, 300) as f64 / 128.0)),
        );
        for rates in [Rates::default(), rates] {
            let steps = by_timestep(&program.cores, &ir.model, &rates, &shares);
            let mut sum = CoreTraffic::default();
            for step in &steps {
                sum.local += step.local;
                step.flows.iter().for_each(|(&pair, packets)| *sum.flows.entry(pair).or_default() += packets);
            }
            let mut all = CoreTraffic::expected(&program.cores, &rates);
            all.flows.retain(|_, packets| *packets > 0);
            assert_eq!(sum, all, "seed {seed}");
            spread += steps.iter().filter(|step| step.packets() > 0).count();
        }
    });
    assert!(spread > 200, "{spread} timesteps with packets");
}

#[test]
fn packets_by_timestep_are_the_simulators_where_neurons_of_a_layer_send_alike() {
    let (mut compared, mut sent) = (0, 0);
    cases(40, 4500, |random| {
        let seed = random.next();
        let (ir, target, _) = case(random);
        let input = common::input(random, &ir);
        let (target, partition) = (roomy(target), layer_by_layer(&ir));
        let placed =
            |traffic: &_| Ok(place(partition.cores.len(), traffic, &target, PlaceOptions::default())?);
        let program = assemble(&ir, &target, &partition, placed).unwrap();
        let chip = Chip::new(program);
        let outcome = chip.run(NetworkId(0), &input).unwrap();
        let (mut shares, mut rates) = (StepShares::new(), Vec::new());
        for (id, population) in ir.model.populations.iter() {
            let fired = chip.spikes(&outcome, id);
            let fired = fired.iter().map(|flags| flags.iter().filter(|&&fired| fired).count() as u64);
            let fired: Vec<u64> = fired.collect();
            rates.push((id, fired.iter().sum::<u64>() as f64 / population.shape.len() as f64));
            shares.insert(id, fired);
        }
        let steps = by_timestep(&chip.program.cores, &ir.model, &Rates::of_neurons(rates), &shares);
        for (core, content) in chip.program.cores.iter() {
            let slices = || content.slices.iter();
            let routes = |placed: &snnc_compiler::ir::program::CoreSlice, position| {
                placed.routes(position).iter().map(|to| to.core).collect::<Vec<_>>()
            };
            // Slices of one layer, from whose neurons every spike goes to the same cores.
            let first = routes(slices().next().unwrap(), 0);
            if !slices().all(|s| (0..s.slice.positions()).all(|position| routes(s, position) == first)) {
                continue;
            }
            let positions: u32 = slices().map(|s| s.slice.positions()).sum();
            for (counted, expected) in outcome.counts.steps.iter().zip(&steps) {
                let mut packets: BTreeMap<CoreId, u64> = BTreeMap::new();
                for flow in counted.flows.iter().filter(|f| chip.table.cores[f.source as usize] == core) {
                    *packets.entry(flow.target).or_default() += flow.packets;
                }
                for to in first.iter().copied().filter(|&to| to != core).collect::<BTreeSet<_>>() {
                    let expected = expected.flows.get(&(core, to)).copied().unwrap_or(0) as f64;
                    let simulated = packets.get(&to).copied().unwrap_or(0);
                    // Hundredths, rounded for every position and destination, and once for every timestep.
                    let rounding = f64::from(positions) * first.len() as f64 / 2.0 + 1.0;
                    let off = (expected - 100.0 * simulated as f64).abs();
                    assert!(off <= rounding, "seed {seed}: {expected} {simulated}");
                    (compared, sent) = (compared + usize::from(simulated > 0), sent + simulated);
                }
            }
        }
    });
    assert!(compared > 100 && sent > 2_000, "{compared} flows of a timestep, {sent} packets");
}
