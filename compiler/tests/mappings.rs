//! Mappings by hand: what is built of them, and placements that no file can name.

use std::path::Path;

use snnc_compiler::driver::{assemble, partition_of};
use snnc_compiler::ir::program::{Program, Slice};
use snnc_compiler::ir::spiking::SpikingIr;
use snnc_compiler::ir::spiking::parts::Parts;
use snnc_compiler::ir::{CoreId, PopulationId, ProjectionId};
use snnc_compiler::mapping::{Partition, Placement};
use snnc_targets::{Code, Site, Target};

const FIRST: PopulationId = PopulationId(0);
const SECOND: PopulationId = PopulationId(1);
const SUM: PopulationId = PopulationId(2);

fn target() -> Target {
    snnc_targets::registry::load("loihi-like").unwrap()
}

/// A network of the test files.
fn network(name: &str) -> SpikingIr {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(format!("tests/files/networks/{name}.spiking"));
    SpikingIr::from_text(&std::fs::read_to_string(path).unwrap(), name).unwrap()
}

/// Channels of a population of 3 x 3 positions.
fn all(population: PopulationId, channels: std::ops::Range<u32>) -> Slice {
    Slice { population, channels, rows: 0..3, cols: 0..3 }
}

fn built(ir: &SpikingIr, partition: &Partition) -> Program {
    let sites = (0..partition.cores.len() as u32).map(Site).collect();
    assemble(ir, &target(), partition, |_| Ok(Placement { chips: 1, sites })).unwrap()
}

/// A placement file names a core of a tile of a chip, so it cannot say what is refused here.
#[test]
fn placements_of_any_author_are_checked() {
    let refused = |chips, sites: &[u32], expected: &str| {
        let placement = Placement { chips, sites: sites.iter().copied().map(Site).collect() };
        let error = placement.verify(2, &target()).unwrap_err();
        assert!(error.codes().iter().all(|&code| code == Code::MappingInvalid), "{error}");
        assert!(error.to_string().contains(expected), "expected \"{expected}\" in\n{error}");
    };
    let good = Placement { chips: 1, sites: vec![Site(3), Site(1)].into() };
    good.verify(2, &target()).unwrap();
    refused(0, &[3, 1], "0 chips");
    refused(1, &[3, 1, 9], "3 sites for 2 cores");
    refused(1, &[3, 128], "outside the board");
    refused(1, &[3, 3], "already holds core0");
}

/// A partition file names layers, so it cannot say what is refused here.
#[test]
fn partitions_of_unknown_populations_are_refused() {
    let ir = network("small");
    let whole = || vec![vec![all(FIRST, 0..2), all(SECOND, 0..3), all(SUM, 0..2)]];
    let refused = |partition: Partition, expected: &str| {
        let error = partition.verify(&ir).unwrap_err();
        assert_eq!(error.codes(), [Code::MappingInvalid], "{error}");
        assert!(error.to_string().contains(expected), "expected \"{expected}\" in\n{error}");
    };
    Partition { cores: whole().into(), ..Partition::default() }.verify(&ir).unwrap();
    let mut more = whole();
    more.push(vec![all(PopulationId(6), 0..1)]);
    refused(Partition { cores: more.into(), ..Partition::default() }, "does not exist");
    let orders = [(PopulationId(9), vec![0])].into();
    refused(Partition { cores: whole().into(), orders, ..Partition::default() }, "does not exist");
    let kernel_parts = [(ProjectionId(77), Parts { rows: 2, cols: 1 })].into();
    refused(Partition { cores: whole().into(), kernel_parts, ..Partition::default() }, "cannot be cut");
}

#[test]
fn a_hand_written_mapping_is_built() {
    let ir = network("small");
    // All layers on one core.
    let partition = Partition {
        cores: vec![vec![all(FIRST, 0..2), all(SECOND, 0..3), all(SUM, 0..2)]].into(),
        // One kernel in an axon for each of its rows.
        kernel_parts: [(ProjectionId(0), Parts { rows: 3, cols: 1 })].into(),
        ..Partition::default()
    };
    let place = |_: &_| Ok(Placement { chips: 1, sites: vec![Site(77)].into() });
    let program = assemble(&ir, &target(), &partition, place).unwrap();
    assert_eq!(program.cores.len(), 1);
    assert_eq!(partition_of(&program), partition);
}

/// A foreign partition cuts groups: its slices are cut once more, and no channel sends where it meets no synapse.
#[test]
fn slices_of_any_author_are_cut_where_groups_end() {
    let cores =
        vec![vec![all(FIRST, 0..4)], vec![all(SECOND, 0..4)], vec![all(SECOND, 4..6), all(SUM, 0..3)]];
    let program = built(&network("groups"), &Partition { cores: cores.into(), ..Partition::default() });
    let channels = |core: u32| -> Vec<_> {
        let slices = program.cores[CoreId(core)].slices.iter();
        slices.map(|s| (s.slice.population, s.slice.channels.clone())).collect()
    };
    // Groups of the first kernel end in channels 2 and 3, those of the second in 2, 4 and 1, 2.
    assert_eq!(channels(0), [(FIRST, 0..2), (FIRST, 2..4)]);
    assert_eq!(channels(1), [(SECOND, 0..3), (SECOND, 3..4)]);
    assert_eq!(channels(2), [(SECOND, 4..6), (SUM, 0..3)]);
    // From the position in the middle.
    let sent = |core: u32, slice: usize| -> Vec<u32> {
        let routes = program.cores[CoreId(core)].slices[slice].routes(4);
        routes.iter().map(|to| to.core.0).collect()
    };
    // The skip to the sum, and the core with the own group.
    assert_eq!(sent(0, 0), [1, 2]);
    assert_eq!(sent(0, 1), [1, 2, 2]);
    assert_eq!(sent(1, 0), [2]);
    let stored: usize = program.cores.values().map(|core| core.weights.len()).sum();
    assert_eq!(stored, 9 * (2 * 2 * 3 + 3 * 2 + 4 * 3));
}

/// Each neuron on a core of its own, and cores that may hold none.
#[test]
fn findings_beyond_fifty_are_counted() {
    let ir = network("small");
    let one = |population, c, at: u32| Slice {
        population,
        channels: c..c + 1,
        rows: at / 3..at / 3 + 1,
        cols: at % 3..at % 3 + 1,
    };
    let mut cores = Vec::new();
    for (population, channels) in [(FIRST, 2), (SECOND, 3), (SUM, 2)] {
        cores.extend((0..channels * 9).map(|i| vec![one(population, i / 9, i % 9)]));
    }
    let partition = Partition { cores: cores.into(), ..Partition::default() };
    let mut program = built(&ir, &partition);
    program.target.core.neurons.0 = 0;
    let error = program.verify().unwrap_err();
    assert_eq!((error.0.len(), (2 + 3 + 2) * 9), (50, 63));
    assert!(error.to_string().ends_with("\n... and 13 more"), "{error}");
}
