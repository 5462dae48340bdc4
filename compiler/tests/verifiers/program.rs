//! Rules of a program by itself: sites, memories, routes, limits, lists.

use snnc_compiler::ir::program::{AxonDestination, AxonEntry, InputAxon, Program, SynapseList, SynapseRun};
use snnc_compiler::ir::{CoreId, NetworkId, PopulationId, ProjectionId};
use snnc_targets::schema::{InputAxonKind, OutputAxonKind, RoutingScheme};
use snnc_targets::{Code, Provenance, Site, Sourced};

use crate::common::irregular;
use crate::support::{FIRST, SECOND, SUM, bad_lists, bad_program, irregular_program, receiver, refuses};

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
    bad_program("neurons that 32 bits do not count", "on another core too", |p| {
        let mut all = p.cores[CoreId(0)].slices[0].clone();
        all.slice.rows = 0..5;
        p.cores[CoreId(0)].slices = vec![all; 9];
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
        p.cores[core].entries.insert(first + 1, twin);
        p.cores[core].axons[0].entries = 2;
        p.cores[core].axons[1..].iter_mut().for_each(|axon| axon.first_entry += 1);
        change(p, core, twin.list as usize);
    };
    bad_program("slice twice", "touches slice 0 after slice 0", |p| doubled(p, &|_, _, _| ()));
    bad_program("two projections", "joins proj", |p| {
        doubled(p, &|p, core, twin| p.cores[core].lists[twin].projection = ProjectionId(77))
    });
    let two_populations = |p: &mut Program| {
        // What an axon of the second layer touches, and a neuron of the third beside it.
        let core = &mut p.cores[CoreId(1)];
        let first = core.axons[0].first_entry as usize;
        let list = core.lists[core.entries[first].list as usize].clone();
        core.lists.push(SynapseList {
            slice: 1,
            runs: vec![SynapseRun { target: 0, weight: 0, len: 1 }],
            ..list
        });
        let twin = AxonEntry { list: core.lists.len() as u32 - 1, target: core.slices[1].first_neuron };
        core.entries.insert(first + 1, twin);
        core.axons[0].entries = 2;
        core.axons[1..].iter_mut().for_each(|axon| axon.first_entry += 1);
    };
    refuses(
        Code::ProgramInvalid,
        "two populations",
        "touches pop2 and pop1",
        irregular_program(),
        two_populations,
        Program::verify,
    );
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
    // Lists over few weights that say they have more, which only copies of the weights would read.
    bad_program("last channel outside", "reads weight", |p| {
        let core = receiver(p);
        p.cores[core].weights.pop();
    });
    bad_program("endless channel", "reads weight 4294967295", |p| {
        let core = receiver(p);
        (p.cores[core].lists[0].weights, p.cores[core].lists[0].atoms) = (0, 1);
        p.cores[core].lists[0].atom_stride = u32::MAX;
    });
    bad_program("run beyond its channel", "of its source channel", |p| {
        let core = receiver(p);
        p.cores[core].lists[0].runs[0].weight += 1 << 20;
    });
    bad_program("run beyond its slice", "of a slice of", |p| {
        let core = receiver(p);
        let neurons = p.cores[core].slices[0].slice.neurons();
        p.cores[core].lists[0].runs.last_mut().unwrap().target = neurons;
    });
    bad_program("weights that overlap", "weights of lists overlap", |p| {
        let core = receiver(p);
        let mut other = p.cores[core].lists[0].clone();
        other.weights += 1;
        p.cores[core].weights.push(0);
        p.cores[core].lists.push(other);
    });
    bad_program("entries of another axon", "is another axon's", |p| {
        let core = receiver(p);
        let first = p.cores[core].axons[0].first_entry;
        p.cores[core].axons[1].first_entry = first;
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
    bad_program("no destinations", "arrives nowhere", |p| {
        // A multicast tree would follow it before any limit is looked at.
        p.target.topology.routing.0 = RoutingScheme::Multicast { table_entries: Some(1) };
        p.cores[CoreId(0)].slices[0].destinations[0].core = CoreId(900)
    });
    bad_program("met twice", "twice through proj0", |p| {
        // A second axon for the same position.
        let to = p.cores[CoreId(0)].slices[0].destinations[0];
        let core = &mut p.cores[to.core];
        let old = core.axons[to.axon as usize];
        let first_entry = core.entries.len() as u32;
        core.entries.extend_from_within(old.first_entry as usize..(old.first_entry + old.entries) as usize);
        core.axons.push(InputAxon { first_entry, ..old });
        let axon = core.axons.len() as u32 - 1;
        let slice = &mut p.cores[CoreId(0)].slices[0];
        slice.destinations.insert(0, AxonDestination { axon, ..to });
        slice.route_starts[1..].iter_mut().for_each(|start| *start += 1);
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
        // The same program with its first two populations the other way round.
        let (first, second) = (p.model.populations[FIRST].clone(), p.model.populations[SECOND].clone());
        (p.model.populations[FIRST], p.model.populations[SECOND]) = (second, first);
        p.model.inputs[0].population = SECOND;
        for placed in p.cores.values_mut().flat_map(|core| &mut core.slices) {
            placed.slice.population = [SECOND, FIRST, SUM][placed.slice.population.0 as usize];
        }
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
