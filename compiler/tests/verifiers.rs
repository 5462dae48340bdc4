//! One negative test for every rule of the verifiers, and the text and file forms that must round-trip.

mod common;

use common::{irregular, network, target};
use snnc_compiler::driver::{assemble, partition_of};
use snnc_compiler::ir::program::{AxonEntry, Destination, Program, Slice, SynapseList};
use snnc_compiler::ir::spiking::parts::Parts;
use snnc_compiler::ir::spiking::{
    Bias, Connectivity, Convolution, Dynamics, HostStage, Sparse, SpikingIr, Window,
};
use snnc_compiler::ir::{CoreId, NetworkId, PopulationId, ProjectionId, Shape};
use snnc_compiler::mapping::partition::tiling::Tiling;
use snnc_compiler::mapping::place::{PlaceOptions, place};
use snnc_compiler::mapping::{Partition, Placement};
use snnc_targets::schema::{InputAxonKind, OutputAxonKind};
use snnc_targets::{Code, Diagnostics, Provenance, Site, Sourced};

/// Breaks one rule and demands that the verifier says so.
fn refuses<T>(
    code: Code,
    what: &str,
    expected: &str,
    mut value: T,
    breaks: impl FnOnce(&mut T),
    verify: impl FnOnce(&T) -> Result<(), Diagnostics>,
) {
    breaks(&mut value);
    let error = verify(&value).expect_err(what);
    assert!(error.codes().iter().all(|&c| c == code), "{what}: {error}");
    assert!(error.to_string().contains(expected), "{what}: expected \"{expected}\" in\n{error}");
}

fn bad_ir(what: &str, expected: &str, breaks: impl FnOnce(&mut SpikingIr)) {
    refuses(Code::SpikingIr, what, expected, network(), breaks, SpikingIr::verify);
}

fn conv(ir: &mut SpikingIr, id: ProjectionId) -> &mut Convolution {
    let Connectivity::Conv(conv) = &mut ir.projections[id].connectivity else { unreachable!() };
    conv
}

fn sparse(ir: &mut SpikingIr, id: ProjectionId) -> &mut Sparse {
    let Connectivity::Sparse(sparse) = &mut ir.projections[id].connectivity else { unreachable!() };
    sparse
}

fn bad_irregular(what: &str, expected: &str, breaks: impl FnOnce(&mut SpikingIr)) {
    refuses(Code::SpikingIr, what, expected, irregular(), breaks, SpikingIr::verify);
}

/// The irregular network on three cores, the middle layer numbered backwards.
fn irregular_program() -> Program {
    let line = |population, cols| Slice { population, channels: 0..1, rows: 0..1, cols };
    let partition = Partition {
        cores: vec![
            vec![line(FIRST, 0..6)],
            vec![line(SECOND, 3..5), line(SUM, 0..1), line(SECOND, 0..2)],
            vec![line(SECOND, 2..3), line(SUM, 1..3)],
        ]
        .into(),
        orders: [(SECOND, vec![4, 3, 2, 1, 0])].into(),
        ..Partition::default()
    };
    let sites = |_: &_| Ok(Placement { chips: 1, sites: (0..3).map(Site).collect() });
    assemble(&irregular(), &target(), &partition, sites).unwrap()
}

fn bad_lists(what: &str, expected: &str, breaks: impl FnOnce(&mut Program)) {
    refuses(Code::ProgramInvalid, what, expected, irregular_program(), breaks, |p| {
        p.verify().expect("only the comparison with the spiking IR can see this");
        p.verify_against(&irregular())
    });
}

fn program() -> Program {
    // A core for every few rows of each layer.
    let (ir, target) = (network(), target());
    let mut partition = Partition::default();
    for (id, population) in ir.model.populations.iter() {
        let tiling = Tiling { channels: 1, rows: if id == SECOND { 5 } else { 3 }, cols: 1 };
        tiling.slices(id, population.shape).into_iter().for_each(|slice| {
            partition.cores.push(vec![slice]);
        });
    }
    assemble(&ir, &target, &partition, |traffic| {
        Ok(place(partition.cores.len(), traffic, &target, PlaceOptions::default())?)
    })
    .unwrap()
}

fn bad_program(what: &str, expected: &str, breaks: impl FnOnce(&mut Program)) {
    refuses(Code::ProgramInvalid, what, expected, program(), breaks, Program::verify);
}

fn bad_synapses(what: &str, expected: &str, breaks: impl FnOnce(&mut Program)) {
    refuses(Code::ProgramInvalid, what, expected, program(), breaks, |p| {
        p.verify().expect("only the comparison with the spiking IR can see this");
        p.verify_against(&network())
    });
}

const FIRST: PopulationId = PopulationId(0);
const SECOND: PopulationId = PopulationId(1);
const SUM: PopulationId = PopulationId(2);

#[test]
fn the_unbroken_values_pass() {
    network().verify().unwrap();
    program().verify().unwrap();
    program().verify_against(&network()).unwrap();
    assert!(program().cores.len() > 6);
}

#[test]
fn spiking_ir_populations() {
    bad_ir("unknown network", "net7 does not exist", |ir| ir.model.populations[FIRST].network = NetworkId(7));
    bad_ir("layer twice", "used twice", |ir| ir.model.populations[SECOND].name = "first".into());
    bad_ir("network twice", "used twice", |ir| {
        let copy = ir.model.networks[NetworkId(0)].clone();
        ir.model.networks.push(copy);
    });
    bad_ir("no timestep", "at least one timestep", |ir| ir.model.networks[NetworkId(0)].timesteps = 0);
    bad_ir("long pass", "end of the last window", |ir| ir.model.networks[NetworkId(0)].pass_steps = 11);
    bad_ir("empty shape", "must hold 1", |ir| ir.model.populations[SUM].shape = Shape::new(0, 5, 5));
    bad_ir("window outside", "inside the pass", |ir| {
        ir.model.populations[SUM].window = Window { start: 3, steps: 9 };
    });
    bad_ir("leak", "without a fractional leak", |ir| ir.model.neuron.decay_bits = 0);
    bad_ir("decay", "decay 5000 exceeds", |ir| {
        ir.model.populations[SUM].dynamics = Dynamics::Integrator { decay: 5000 }
    });
    bad_ir("shift", "input shift 7", |ir| ir.model.populations[SUM].input_shift = 7);
    bad_ir("few thresholds", "1 thresholds for 4", |ir| {
        ir.model.populations[FIRST].dynamics = Dynamics::Lif { decay: 0, thresholds: vec![1] };
    });
    bad_ir("threshold range", "threshold mantissa is outside", |ir| {
        ir.model.populations[FIRST].dynamics = Dynamics::Lif { decay: 0, thresholds: vec![0, 1, 2, 3] };
    });
    bad_ir("few biases", "2 biases for 6", |ir| {
        ir.model.populations[SECOND].bias = Bias::Channel(vec![0; 2])
    });
    bad_ir("bias form", "mantissa << exponent", |ir| {
        ir.model.populations[SECOND].bias = Bias::Channel(vec![8193; 6]);
    });
    bad_ir("neuron format", "width is out of range", |ir| ir.model.neuron.state_bits = 40);
}

#[test]
fn spiking_ir_projections() {
    let projection = ProjectionId(0);
    bad_ir("dangling", "does not exist", |ir| ir.projections[projection].source = PopulationId(9));
    bad_ir("backward", "must come before", |ir| ir.projections[projection].source = SECOND);
    bad_ir("silent source", "never fires", |ir| {
        ir.model.populations[FIRST].dynamics = Dynamics::Integrator { decay: 0 };
    });
    bad_ir("delay", "at least 1", |ir| ir.projections[projection].delay = 0);
    bad_ir("late", "outside the target's window", |ir| ir.projections[projection].delay = 2);
    bad_ir("kernel volume", "holds 215 weights", |ir| {
        conv(ir, projection).kernel.weights.pop();
    });
    bad_ir("weight width", "weight is outside", |ir| conv(ir, projection).kernel.weights[0] = 128);
    bad_ir("channels", "kernel joins 4 to 6 channels", |ir| {
        conv(ir, ProjectionId(1)).kernel = conv(ir, projection).kernel.clone()
    });
    bad_ir("geometry", "does not fit kernel", |ir| conv(ir, projection).map.rows.input = 6);
    bad_ir("stride", "out of range", |ir| conv(ir, projection).map.cols.stride = 0);
    bad_ir("two networks", "joins two networks", |ir| {
        let mut other = ir.model.networks[NetworkId(0)].clone();
        other.name = "other".into();
        let other = ir.model.networks.push(other);
        ir.model.networks[NetworkId(0)].pass_steps = 9;
        ir.model.populations[SUM].network = other;
    });
    bad_ir("wide sum", "does not fit 32 bits", |ir| {
        let p = conv(ir, projection);
        (p.kernel.height, p.kernel.width) = (4096, 4096);
    });
}

#[test]
fn spiking_ir_irregular_projections() {
    irregular().verify().unwrap();
    let projection = ProjectionId(0);
    bad_irregular("row starts", "do not belong together", |ir| sparse(ir, projection).starts[2] = 99);
    bad_irregular("weights", "do not belong together", |ir| sparse(ir, projection).weights.truncate(3));
    bad_irregular("sources", "do not belong together", |ir| {
        sparse(ir, projection).starts.pop();
    });
    bad_irregular("target twice", "are not ascending", |ir| {
        let targets = &mut sparse(ir, projection).targets;
        targets[1] = targets[0];
    });
    bad_irregular("target outside", "not below 5", |ir| {
        let row = sparse(ir, projection).range(5);
        sparse(ir, projection).targets[row.end - 1] = 5;
    });
    bad_irregular("weight width", "weight is outside", |ir| sparse(ir, projection).weights[0] = 128);
    bad_irregular("no line", "joins lines [1, 1, n]", |ir| {
        ir.model.populations[SUM].shape = Shape::new(1, 3, 1);
    });
    bad_irregular("few biases", "4 biases for 5 neurons", |ir| {
        ir.model.populations[SECOND].bias = Bias::Neuron(vec![0; 4])
    });
    bad_irregular("neuron twice in order", "order is no permutation of 5", |ir| {
        ir.model.populations[SECOND].order = Some(vec![0, 1, 2, 3, 3])
    });
    bad_irregular("short order", "order is no permutation of 5", |ir| {
        ir.model.populations[SECOND].order = Some(vec![0, 1, 2, 3])
    });
    bad_ir("order of a map", "is no single line", |ir| {
        ir.model.populations[SUM].order = Some((0..75).collect())
    });
    bad_irregular("convolution of renumbered neurons", "numbered anew by a convolution", |ir| {
        let mut other = network();
        ir.projections[projection].connectivity = Connectivity::Conv(conv(&mut other, projection).clone());
        ir.model.populations[SECOND].order = Some(vec![1, 0, 2, 3, 4]);
    });
}

#[test]
fn program_lists() {
    let program = irregular_program();
    program.verify_against(&irregular()).unwrap();
    assert!(program.cores.values().flat_map(|c| &c.axons).any(|axon| axon.entries == 2));
    bad_lists("weight", "synapses on core1 differ", |p| p.cores[CoreId(1)].weights[0] += 1);
    bad_lists("target", "synapses on core1 differ", |p| {
        let core = &mut p.cores[CoreId(1)];
        let two_wide = |list: &SynapseList| list.slice == 0 && list.synapses() == 1;
        let list = core.lists.iter().position(two_wide).unwrap() as u32;
        let first = core.slices[0].first_neuron;
        let entry = core.entries.iter_mut().find(|entry| entry.list == list).unwrap();
        entry.target = first + 1 - (entry.target - first);
    });
    bad_lists("half a list", "synapses on", |p| {
        let lists = p.cores.values_mut().flat_map(|core| &mut core.lists);
        let run = lists.flat_map(|list| &mut list.runs).find(|run| run.len > 1).unwrap();
        run.len -= 1;
    });
    bad_lists("an entry missing", "synapses are on cores, expected", |p| {
        let axon = p.cores[CoreId(1)].axons.iter_mut().find(|axon| axon.entries == 2).unwrap();
        axon.entries = 1;
    });
    bad_lists("another order", "model differs", |p| {
        p.model.populations[SECOND].order = Some(vec![0, 1, 2, 3, 4])
    });
}

#[test]
fn spiking_ir_host_side() {
    bad_ir("written twice", "written twice", |ir| {
        let copy = ir.model.inputs[0].clone();
        ir.model.inputs.push(copy);
    });
    bad_ir("nobody writes", "populations with host biases", |ir| ir.model.inputs.clear());
    bad_ir("stages", "stages turn", |ir| ir.model.inputs[0].input = Shape::new(2, 5, 5));
    bad_ir("huge stage", "stages turn", |ir| {
        let HostStage::Conv { map, .. } = &mut ir.model.inputs[0].stages[0] else { unreachable!() };
        map.rows.output = 1 << 30;
    });
    bad_ir("scale", "finite scale", |ir| ir.model.inputs[0].scale[1] = f64::NAN);
    bad_ir("unknown input", "does not exist", |ir| ir.model.inputs[0].population = PopulationId(8));
    bad_ir("unknown readout", "does not exist", |ir| ir.model.readouts[0].population = PopulationId(8));
    bad_ir("readout fires", "read-outs are integrators", |ir| ir.model.readouts[0].population = SECOND);
    bad_ir("readout scale", "finite scale and offset", |ir| ir.model.readouts[0].offset.clear());
    let generation = |ir: &mut SpikingIr| {
        ir.model.generation = Some(snnc_compiler::ir::spiking::Generation {
            rows: 5,
            columns: 5,
            mask: 3,
            iterations: 4,
            temperature: 0.0,
            denoiser: NetworkId(0),
            decoder: NetworkId(0),
        });
    };
    bad_ir("generation inputs", "must have shape [2, 5, 5]", generation);
    bad_ir("temperature", "temperature must be positive", generation);
    bad_ir("decoder inputs", "decoder's inputs must have shape [1, 5, 5]", |ir| {
        generation(ir);
        ir.model.inputs[0].input = Shape::new(2, 5, 5);
        let HostStage::Conv { inputs, weights, .. } = &mut ir.model.inputs[0].stages[0] else {
            unreachable!()
        };
        *inputs = 2;
        weights.resize(72, 0.0);
    });
    bad_ir("no membrane", "the decoder must have one read-out", |ir| {
        generation(ir);
        ir.model.readouts.clear();
    });
    bad_ir("no logits", "read-out of shape", |ir| {
        generation(ir);
        ir.model.readouts.clear();
    });
}

#[test]
fn program_sites_and_neurons() {
    bad_program("chips", "0 chips", |p| p.chips = 0);
    bad_program("site missing", "sites for", |p| p.sites = p.sites.values().skip(1).copied().collect());
    bad_program("site outside", "outside the board", |p| p.sites[CoreId(0)] = Site(100_000));
    bad_program("site twice", "already holds", |p| p.sites[CoreId(0)] = p.sites[CoreId(1)]);
    bad_program("unknown population", "does not exist", |p| {
        p.cores[CoreId(0)].slices[0].slice.population = PopulationId(9)
    });
    bad_program("slice outside", "lies outside", |p| p.cores[CoreId(0)].slices[0].slice.rows.end = 6);
    bad_program("numbering", "starts at neuron", |p| p.cores[CoreId(0)].slices[0].first_neuron = 1);
    bad_program("neuron twice", "on another core too", |p| {
        let copy = p.cores[CoreId(1)].slices[0].slice.clone();
        p.cores[CoreId(0)].slices[0].slice = copy;
    });
    bad_program("neuron missing", "are on no core", |p| p.cores[CoreId(0)].slices[0].slice.channels.end -= 1);
    bad_program("no room", "cores hold", |p| p.target.core.neurons.0 = 1);
    bad_program("two networks", "holds slices of two networks", |p| {
        let mut other = p.model.networks[NetworkId(0)].clone();
        other.name = "other".into();
        let other = p.model.networks.push(other);
        p.model.networks[NetworkId(0)].pass_steps = 9;
        p.model.populations[SUM].network = other;
        let last = p.cores.keys().last().unwrap();
        let moved = p.cores[last].slices.pop().unwrap();
        let mut moved = moved;
        moved.first_neuron = p.cores[CoreId(0)].neurons();
        p.cores[CoreId(0)].slices.push(moved);
    });
}

/// A core with input axons.
fn receiver(p: &Program) -> CoreId {
    p.cores.iter().find(|(_, c)| !c.axons.is_empty()).unwrap().0
}

#[test]
fn program_memories() {
    bad_program("list missing", "does not exist", |p| {
        let core = receiver(p);
        p.cores[core].entries[0].list = 999;
    });
    bad_program("entries missing", "outside the core's", |p| {
        let core = receiver(p);
        p.cores[core].axons[0].first_entry = u32::MAX;
    });
    bad_program("no entries", "outside the core's", |p| {
        let core = receiver(p);
        p.cores[core].axons[0].entries = 0;
    });
    // An axon that touches what the next one touches, too.
    let doubled = |p: &mut Program, change: &dyn Fn(&mut Program, CoreId, usize)| {
        let core = receiver(p);
        let first = p.cores[core].axons[0].first_entry as usize;
        let list = p.cores[core].lists[p.cores[core].entries[first].list as usize].clone();
        let target = p.cores[core].entries[first].target;
        p.cores[core].lists.push(list);
        let twin = AxonEntry { list: p.cores[core].lists.len() as u32 - 1, target };
        let (at, old) = (p.cores[core].entries.len() as u32, p.cores[core].entries[first]);
        p.cores[core].entries.extend([old, twin]);
        (p.cores[core].axons[0].first_entry, p.cores[core].axons[0].entries) = (at, 2);
        change(p, core, twin.list as usize);
    };
    bad_program("slice twice", "touches slice 0 after slice 0", |p| doubled(p, &|_, _, _| ()));
    bad_program("two projections", "joins proj", |p| {
        doubled(p, &|p, core, twin| p.cores[core].lists[twin].projection = ProjectionId(77))
    });
    bad_program("two populations", "touches pop", |p| {
        doubled(p, &|p, core, twin| {
            // One neuron of another population moves in.
            let last = p.cores.keys().last().unwrap();
            let mut moved = p.cores[last].slices[0].clone();
            moved.first_neuron = p.cores[core].neurons();
            p.cores[last].slices[0].slice.channels.start += 1;
            moved.slice.channels.end = moved.slice.channels.start + 1;
            p.cores[core].slices.push(moved);
            p.cores[core].lists[twin].slice = p.cores[core].slices.len() as u32 - 1;
        })
    });
    bad_program("slice missing", "slice 5 does not exist", |p| {
        let core = receiver(p);
        p.cores[core].lists[0].slice = 5;
    });
    bad_program("weight width", "a weight is outside", |p| {
        let core = receiver(p);
        p.cores[core].weights[0] = 300;
    });
    bad_program("neuron format", "is not that of loihi-like", |p| p.model.neuron.state_bits = 30);
    bad_program("wide sums", "do not fit 32 bits", |p| {
        let core = receiver(p);
        let list = p.cores[core].entries[0].list as usize;
        (p.cores[core].lists[list].atoms, p.cores[core].lists[list].atom_stride) = (1 << 26, 0);
        p.cores[core].axons[0].atoms = 1 << 26;
    });
    bad_program("empty list", "is empty", |p| {
        let core = receiver(p);
        p.cores[core].lists[0].runs.clear();
    });
    bad_program("runs overlap", "overlaps the one before", |p| {
        let core = receiver(p);
        let first = p.cores[core].lists[0].runs[0];
        p.cores[core].lists[0].runs.push(first);
    });
    bad_program("weights outside", "reads weight", |p| {
        let core = receiver(p);
        p.cores[core].weights.truncate(3);
    });
    bad_program("copies", "neurons, target has 1024", |p| {
        p.target.axons.output.0 = OutputAxonKind::NeuronCopies;
        p.target.core.output_axons.0 = 1 << 20;
        let most =
            p.cores.values().flat_map(|c| &c.slices).map(|s| s.slice.atoms() as usize * s.destinations.len());
        let most = most.max().unwrap() as u32;
        p.target.axons.input.0 = InputAxonKind::BitPlanes { planes: 1024 / most + 1 };
        p.target.core.input_axons.0 = 1 << 20;
    });
    bad_program("merged", "neurons, target has 1024", |p| {
        p.target.axons.input.0 = InputAxonKind::Discrete;
        p.target.core.input_axons.0 = 1;
        p.target.core.fan_in_merge = Some(Sourced(1 << 10, Provenance::Assumed("test".into())));
    });
    bad_program("atoms", "outside the list's", |p| {
        let core = receiver(p);
        p.cores[core].axons[0].first_atom = 100;
    });
    bad_program("delay", "delay 0", |p| {
        let core = receiver(p);
        p.cores[core].axons[0].delay = 0;
    });
    bad_program("targets outside", "outside its slice's neurons", |p| {
        let core = receiver(p);
        p.cores[core].entries[0].target += 1000;
    });
}

#[test]
fn program_routes() {
    bad_program("route table", "route table", |p| p.cores[CoreId(0)].slices[0].route_starts[1] = 9999);
    bad_program("nowhere", "arrives nowhere", |p| {
        p.cores[CoreId(0)].slices[0].destinations[0].core = CoreId(900)
    });
    bad_program("no source", "has 0 sources", |p| {
        let to = p.cores[CoreId(0)].slices[0].destinations[0];
        p.cores[CoreId(0)].slices[0].destinations[1] = to;
    });
    bad_program("two sources", "has 2 sources", |p| {
        let slice = &mut p.cores[CoreId(0)].slices[0];
        slice.destinations.push(slice.destinations[0]);
        *slice.route_starts.last_mut().unwrap() += 1;
    });
    bad_program("atoms differ", "axon serves", |p| {
        let to = p.cores[CoreId(0)].slices[0].destinations[0];
        p.cores[to.core].axons[to.axon as usize].atoms -= 1;
    });
    bad_program("late", "outside the target's window", |p| {
        let to = p.cores[CoreId(0)].slices[0].destinations[0];
        p.cores[to.core].axons[to.axon as usize].delay = 8;
    });
    bad_program("two networks", "joins two networks", |p| {
        let mut other = p.model.networks[NetworkId(0)].clone();
        other.name = "other".into();
        let other = p.model.networks.push(other);
        p.model.networks[NetworkId(0)].pass_steps = 9;
        p.model.populations[SUM].network = other;
    });
    bad_program("silent", "never fires but has routes", |p| {
        let core = p.cores.keys().last().unwrap();
        let to = p.cores[CoreId(0)].slices[0].destinations[0];
        p.cores[core].slices[0].destinations.push(to);
        *p.cores[core].slices[0].route_starts.last_mut().unwrap() += 1;
    });
    bad_program("backward", "must come before", |p| {
        let (core, to) = (receiver(p), p.cores[CoreId(0)].slices[0].destinations[0]);
        let last = p.cores[core].slices[0].slice.positions() as usize;
        p.cores[core].slices[0].destinations.push(to);
        p.cores[core].slices[0].route_starts[last] += 1;
    });
}

#[test]
fn program_limits() {
    bad_program("neurons", "neurons, target has", |p| {
        p.target.core.neurons.0 = p.cores.values().map(|c| c.neurons()).max().unwrap() - 1;
    });
    bad_program("input axons", "input axons, target has 3", |p| p.target.core.input_axons.0 = 3);
    bad_program("output axons", "output axons, target has 3", |p| p.target.core.output_axons.0 = 3);
    bad_program("memory", "synapse memory (bits), target has 64", |p| {
        p.target.core.synapse_memory_bits.0 = 64
    });
    bad_program("profiles", "threshold profiles, target has 1", |p| {
        p.target.core.threshold_profiles.as_mut().unwrap().0 = 1;
    });
    bad_program("atoms", "atoms on an axon", |p| {
        p.target.axons.atoms_max.as_mut().unwrap().0 = 1;
        p.target.core.output_axons.0 = 1 << 20;
    });
}

#[test]
fn program_synapses() {
    bad_synapses("model", "model differs", |p| p.model.name = "other".into());
    bad_synapses("weight", "weights differ", |p| {
        let core = receiver(p);
        p.cores[core].weights[0] += 1;
    });
    bad_synapses("missing axon", "synapses are on cores, expected", |p| {
        let slice = &mut p.cores[CoreId(0)].slices[0];
        let to = slice.destinations.remove(0);
        for start in &mut slice.route_starts[1..] {
            *start -= 1;
        }
        // Take the axon away too, so that every remaining axon keeps one source.
        p.cores[to.core].axons.remove(to.axon as usize);
        for core in p.cores.values_mut() {
            for d in core.slices.iter_mut().flat_map(|s| &mut s.destinations) {
                if d.core == to.core && d.axon > to.axon {
                    d.axon -= 1;
                }
            }
        }
    });
    bad_synapses("shifted target", "differ from those", |p| {
        // An axon whose position has an inner neighbour may point one position too far and stay in range.
        let core = p.cores.keys().find(|&c| p.cores[c].entries.iter().any(|e| e.target > 0)).unwrap();
        let atoms = p.cores[core].slices[0].slice.atoms();
        let entry = p.cores[core].entries.iter_mut().find(|e| e.target >= atoms).unwrap();
        entry.target -= atoms;
    });
    bad_synapses("cut position", "differ from those", |p| {
        let core = receiver(p);
        let run = &mut p.cores[core].lists[0].runs[0];
        run.len -= 1;
    });
    bad_synapses("shared list", "shares a list that means other taps", |p| {
        // A list of one position, entered from positions whose single taps differ.
        let shape = |p: &Program, a: usize, b: usize, core: CoreId| {
            let lists = &p.cores[core].lists;
            let runs = |i: usize| lists[i].runs.iter().map(|r| (r.target, r.len)).collect::<Vec<_>>();
            a != b && lists[a].projection == lists[b].projection && runs(a) == runs(b)
        };
        let found = p.cores.keys().find_map(|core| {
            let n = p.cores[core].lists.len();
            (0..n * n).map(|i| (i / n, i % n)).find(|&(a, b)| shape(p, a, b, core)).map(|(a, b)| (core, a, b))
        });
        let (core, a, b) = found.unwrap();
        for entry in p.cores[core].entries.iter_mut().filter(|entry| entry.list as usize == b) {
            entry.list = a as u32;
        }
    });
    bad_synapses("arrives twice", "arrives twice for", |p| {
        let to = p.cores[CoreId(0)].slices[0].destinations[0];
        let axon = p.cores[to.core].axons[to.axon as usize];
        p.cores[to.core].axons.push(axon);
        let twin = Destination { core: to.core, axon: p.cores[to.core].axons.len() as u32 - 1 };
        let slice = &mut p.cores[CoreId(0)].slices[0];
        slice.destinations.insert(1, twin);
        slice.route_starts[1..].iter_mut().for_each(|start| *start += 1);
    });
    bad_synapses("other projection", "does not exist", |p| {
        let core = receiver(p);
        p.cores[core].lists[0].projection = ProjectionId(77);
    });
}

#[test]
fn an_axon_that_reads_another_slices_channels_is_found() {
    let ir = network();
    let all = |population, channels| Slice { population, channels, rows: 0..5, cols: 0..5 };
    let cores = vec![vec![all(FIRST, 0..2)], vec![all(FIRST, 2..4)], vec![all(SECOND, 0..6), all(SUM, 0..3)]];
    let sites = |_: &_| Ok(Placement { chips: 1, sites: (0..3).map(Site).collect() });
    let mut program =
        assemble(&ir, &target(), &Partition { cores: cores.into(), ..Partition::default() }, sites).unwrap();
    let axon = program.cores[CoreId(2)].axons.iter_mut().find(|a| a.first_atom == 2).unwrap();
    axon.first_atom = 1;
    program.verify().unwrap();
    let error = program.verify_against(&ir).unwrap_err();
    assert!(error.to_string().contains("does not carry"), "{error}");
}

#[test]
fn partitions_and_placements_of_any_author_are_checked() {
    let ir = network();
    let verify = |p: &Partition| p.verify(&ir);
    let whole = partition_of(&program());
    let bad = |what: &str, expected: &str, breaks: &dyn Fn(&mut Partition)| {
        refuses(Code::MappingInvalid, what, expected, whole.clone(), breaks, verify);
    };
    bad("empty core", "holds nothing", &|p| {
        p.cores.push(Vec::new());
    });
    bad("twice", "on another core too", &|p| {
        let copy = p.cores[CoreId(0)].clone();
        p.cores.push(copy);
    });
    bad("missing", "are on no core", &|p| p.cores[CoreId(1)][0].rows.start += 1);
    bad("outside", "lies outside", &|p| p.cores[CoreId(0)][0].cols.end = 99);
    bad("too many parts", "cannot be cut", &|p| {
        p.kernel_parts.insert(ProjectionId(0), Parts { rows: 4, cols: 1 });
    });
    bad("parts of nothing", "cannot be cut", &|p| {
        p.kernel_parts.insert(ProjectionId(77), Parts { rows: 2, cols: 1 });
    });
    bad("order of a map", "is no single line", &|p| {
        p.orders.insert(SECOND, (0..150).collect());
    });
    bad("order of nothing", "does not exist", &|p| {
        p.orders.insert(PopulationId(9), vec![0]);
    });
    bad("unknown", "does not exist", &|p| p.cores[CoreId(0)][0].population = PopulationId(6));

    let target = target();
    let good = Placement { chips: 1, sites: vec![Site(3), Site(1)].into() };
    let verify = |p: &Placement| p.verify(2, &target);
    verify(&good).unwrap();
    let bad = |what: &str, expected: &str, breaks: &dyn Fn(&mut Placement)| {
        refuses(Code::MappingInvalid, what, expected, good.clone(), breaks, verify);
    };
    bad("chips", "0 chips", &|p| p.chips = 0);
    bad("count", "3 sites for 2 cores", &|p| {
        p.sites.push(Site(9));
    });
    bad("outside", "outside the board", &|p| p.sites[CoreId(1)] = Site(128));
    bad("twice", "already holds core0", &|p| p.sites[CoreId(1)] = Site(3));
}

#[test]
fn a_hand_written_mapping_is_built() {
    let ir = network();
    let all = |population, channels| Slice { population, channels: 0..channels, rows: 0..5, cols: 0..5 };
    // All layers on one core.
    let partition = Partition {
        cores: vec![vec![all(FIRST, 4), all(SECOND, 6), all(SUM, 3)]].into(),
        // One kernel in an axon for each of its rows.
        kernel_parts: [(ProjectionId(0), Parts { rows: 3, cols: 1 })].into(),
        ..Partition::default()
    };
    let place = |_: &_| Ok(Placement { chips: 1, sites: vec![Site(77)].into() });
    let program = assemble(&ir, &target(), &partition, place).unwrap();
    assert_eq!(program.cores.len(), 1);
    assert_eq!(partition_of(&program), partition);
}

#[test]
fn text_forms_round_trip() {
    let ir = network();
    assert_eq!(SpikingIr::from_text(&ir.to_text(), "ir").unwrap(), ir);
    let lists = irregular();
    assert_eq!(SpikingIr::from_text(&lists.to_text(), "ir").unwrap(), lists);
    let program = irregular_program();
    assert_eq!(Program::from_text(&program.to_text(), "program").unwrap(), program);
    assert_eq!(Program::from_bytes(&program.to_bytes(), "program").unwrap(), program);
    let program = self::program();
    assert_eq!(Program::from_text(&program.to_text(), "program").unwrap(), program);
    let broken = ir.to_text().replacen("decay", "decoy", 1).replacen("decay: ", "decoy: ", 1);
    let error = SpikingIr::from_text(&broken, "ir.txt").unwrap_err();
    assert_eq!(error.code, Code::TextForm);
    assert!(error.place.starts_with("ir.txt:"), "{error}");
}

#[test]
fn program_files_round_trip_and_damage_is_found() {
    let program = program();
    let bytes = program.to_bytes();
    assert_eq!(Program::from_bytes(&bytes, "p.snnx").unwrap(), program);
    for length in (0..bytes.len()).step_by(97) {
        let error = Program::from_bytes(&bytes[..length], "p.snnx").unwrap_err();
        assert_eq!(error.codes(), [Code::SnnxMalformed]);
    }
    for at in (0..bytes.len()).step_by(61) {
        let mut damaged = bytes.clone();
        damaged[at] ^= 0x40;
        let error = Program::from_bytes(&damaged, "p.snnx").unwrap_err();
        assert_eq!(error.codes(), [Code::SnnxMalformed], "byte {at}");
    }
    let mut newer = bytes.clone();
    newer[4] = 99;
    let error = Program::from_bytes(&newer, "p.snnx").unwrap_err();
    assert!(error.to_string().contains("format version 99") && error.to_string().contains("hint"), "{error}");
}

#[test]
fn a_program_file_with_a_right_checksum_and_wrong_contents_is_refused() {
    let mut program = program();
    program.cores[CoreId(0)].slices[0].destinations[0].axon = u32::MAX;
    let error = Program::from_bytes(&program.to_bytes(), "p.snnx").unwrap_err();
    assert!(error.codes().contains(&Code::ProgramInvalid), "{error}");
    let folder = tempfile::tempdir().unwrap();
    let missing = Program::load(&folder.path().join("none.snnx")).unwrap_err();
    assert_eq!(missing.codes(), [Code::FileUnreadable]);
}
