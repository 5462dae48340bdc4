//! Programs from anybody's partition and placement, and back: built, and verified as a whole.

use snnc_targets::{Code, Diagnostic, Diagnostics, Target, Topology};

use crate::ir::program::{Core, Program};
use crate::ir::spiking::SpikingIr;
use crate::mapping::partition::Rates;
use crate::mapping::traffic::CoreTraffic;
use crate::mapping::{Partition, Placement, build_cores, route};

/// Refuses neurons that the chip does not have: nothing stands in for them.
pub(super) fn has_neurons(ir: &SpikingIr, target: &Target) -> Result<(), Diagnostics> {
    let mut problems = Diagnostics::default();
    for (id, lacking) in ir.model.lacking(&target.neuron) {
        let message = format!("{lacking} ({})", target.name);
        let place = ir.model.layer_place(id);
        let hint = "choose a target whose `neuron` group has it (`snnc targets show NAME`), or other neurons";
        problems.push(Diagnostic::new(Code::Unsupported, place, message).hint(hint));
    }
    problems.into_result(())
}

/// Builds a program from any author's partition and placement, and verifies all of it.
///
/// # Errors
/// What a verifier finds, or what `placement` refuses.
pub fn assemble(
    ir: &SpikingIr,
    target: &Target,
    partition: &Partition,
    placement: impl FnOnce(&CoreTraffic) -> Result<Placement, Diagnostics>,
) -> Result<Program, Diagnostics> {
    assemble_for_rates(ir, target, partition, &Rates::default(), placement)
}

/// As [`assemble`]; the placement is told of packets at expected rates.
pub(super) fn assemble_for_rates(
    ir: &SpikingIr,
    target: &Target,
    partition: &Partition,
    rates: &Rates,
    placement: impl FnOnce(&CoreTraffic) -> Result<Placement, Diagnostics>,
) -> Result<Program, Diagnostics> {
    let target = &target.for_weight_bits(ir.model.neuron.weight_bits);
    partition.verify(ir)?;
    let ir = ir.reordered(&partition.orders);
    let cut = ir.with_parts(&partition.kernel_parts);
    let cores = build_cores(&cut, partition, target.axons.atoms_max());
    let on_chip = partition.cores.len();
    let placement = placement(&CoreTraffic::expected(&cores, rates).among(on_chip))?;
    placement.verify(on_chip, target)?;
    let Placement { chips, mut sites } = placement;
    let port = Topology::new(&target.topology, chips).input_site();
    cores.keys().skip(on_chip).filter_map(|_| port).for_each(|port| {
        sites.push(port);
    });
    let program = Program {
        target: target.clone(),
        model: ir.model.clone(),
        kernel_parts: partition.kernel_parts.clone(),
        cores,
        sites,
        chips,
        held: None,
    };
    route::check(&program)?;
    program.verify()?;
    program.verify_against(&ir)?;
    Ok(program)
}

/// Where the cores of a program sit.
pub fn placement_of(program: &Program) -> Placement {
    let sites = program.chip_cores().map(|(core, _)| program.sites[core]).collect();
    Placement { chips: program.chips, sites }
}

/// The partition that a program was built from.
pub fn partition_of(program: &Program) -> Partition {
    let slices = |core: &Core| core.slices.iter().map(|s| s.slice.clone()).collect();
    Partition {
        cores: program.chip_cores().map(|(_, core)| slices(core)).collect(),
        kernel_parts: program.kernel_parts.clone(),
        orders: program
            .model
            .populations
            .iter()
            .filter_map(|(id, population)| Some((id, population.order.clone()?)))
            .collect(),
    }
}
