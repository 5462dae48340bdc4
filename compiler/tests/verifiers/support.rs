//! A small program to break, and the demand that a verifier says so.

use snnc_compiler::driver::assemble;
use snnc_compiler::ir::program::{Program, Slice};
use snnc_compiler::ir::spiking::{Connectivity, Convolution, SparseSynapses, SpikingIr};
use snnc_compiler::ir::{CoreId, PopulationId, ProjectionId};
use snnc_compiler::mapping::partition::tiling::Tiling;
use snnc_compiler::mapping::place::{PlaceOptions, place};
use snnc_compiler::mapping::{Partition, Placement};
use snnc_targets::{Code, Diagnostics, Site};

use crate::common::{irregular, network, target};

/// Breaks one rule and demands that the verifier says so.
pub fn refuses<T>(
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

pub fn bad_ir(what: &str, expected: &str, breaks: impl FnOnce(&mut SpikingIr)) {
    refuses(Code::SpikingIr, what, expected, network(), breaks, SpikingIr::verify);
}

pub fn conv(ir: &mut SpikingIr, id: ProjectionId) -> &mut Convolution {
    let Connectivity::Conv(conv) = &mut ir.projections[id].connectivity else { unreachable!() };
    conv
}

pub fn sparse(ir: &mut SpikingIr, id: ProjectionId) -> &mut SparseSynapses {
    let Connectivity::Sparse(sparse) = &mut ir.projections[id].connectivity else { unreachable!() };
    sparse
}

pub fn bad_irregular(what: &str, expected: &str, breaks: impl FnOnce(&mut SpikingIr)) {
    refuses(Code::SpikingIr, what, expected, irregular(), breaks, SpikingIr::verify);
}

/// The irregular network on three cores, the middle layer numbered backwards.
pub fn irregular_program() -> Program {
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

pub fn bad_lists(what: &str, expected: &str, breaks: impl FnOnce(&mut Program)) {
    refuses(Code::ProgramInvalid, what, expected, irregular_program(), breaks, |p| {
        p.verify().expect("only the comparison with the spiking IR can see this");
        p.verify_against(&irregular())
    });
}

pub fn program() -> Program {
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

pub fn bad_program(what: &str, expected: &str, breaks: impl FnOnce(&mut Program)) {
    refuses(Code::ProgramInvalid, what, expected, program(), breaks, Program::verify);
}

pub fn bad_synapses(what: &str, expected: &str, breaks: impl FnOnce(&mut Program)) {
    refuses(Code::ProgramInvalid, what, expected, program(), breaks, |p| {
        p.verify().expect("only the comparison with the spiking IR can see this");
        p.verify_against(&network())
    });
}

pub const FIRST: PopulationId = PopulationId(0);
pub const SECOND: PopulationId = PopulationId(1);
pub const SUM: PopulationId = PopulationId(2);

/// A core with input axons.
pub fn receiver(p: &Program) -> CoreId {
    p.cores.iter().find(|(_, c)| !c.axons.is_empty()).unwrap().0
}
