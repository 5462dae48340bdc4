//! Rules that hold between a program and its spiking IR, partitions and placements of any author.

use snnc_compiler::driver::{assemble, partition_of};
use snnc_compiler::ir::program::{Program, Slice};
use snnc_compiler::ir::spiking::parts::Parts;
use snnc_compiler::ir::{CoreId, PopulationId, ProjectionId};
use snnc_compiler::mapping::{Partition, Placement};
use snnc_targets::{Code, Site};

use crate::common::{network, target};
use crate::support::{FIRST, SECOND, SUM, bad_synapses, program, receiver, refuses};

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
