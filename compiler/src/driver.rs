//! Runs the stages in order and verifies after each: a stage cannot forget.

use snnc_targets::entity::EntityMap;
use snnc_targets::{Diagnostics, Target};

use crate::frontend::LoadedModel;
use crate::ir::program::Program;
use crate::ir::spiking::{Encoding, SpikingIr};
use crate::mapping::partition::Rates;
use crate::mapping::partition::search::SearchOptions;
use crate::mapping::place::PlaceOptions;
use crate::mapping::report::MappingReport;
use crate::mapping::traffic::Traffic;
use crate::mapping::{Partition, Placement, build_cores, partition, place};
use crate::passes::{self, LowerOptions};

/// Choices of the compiler; the defaults are what `snnc compile` uses.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct CompileOptions {
    /// Rounding.
    pub lower: LowerOptions,
    /// Partition search.
    pub search: SearchOptions,
    /// Placement.
    pub place: PlaceOptions,
}

/// Lowers a model for a target.
///
/// # Errors
/// What the passes refuse, or what the verifier of the spiking IR finds.
pub fn lower(model: &LoadedModel, target: &Target, options: LowerOptions) -> Result<SpikingIr, Diagnostics> {
    let ir = passes::lower(model, target, options)?;
    ir.verify()?;
    Ok(ir)
}

/// Maps a spiking IR: partition, cores, placement.
///
/// # Errors
/// [`snnc_targets::Code::DoesNotFit`], or what a verifier finds.
pub fn map(ir: &SpikingIr, target: &Target, options: CompileOptions) -> Result<Program, Diagnostics> {
    // A crossbar spends axons on the bits that the model's weights have.
    let target = &target.for_weight_bits(ir.model.neuron.weight_bits);
    if let Some(layers) = &target.layer_cores {
        let (partition, placement) = partition::layer_cores::assign(ir, target, layers)?;
        return assemble(ir, target, &partition, |_| Ok(placement));
    }
    let partition = partition::search(ir, target, &Rates::default(), options.search)?.partition;
    assemble(ir, target, &partition, |traffic| {
        Ok(place::place(partition.cores.len(), traffic, target, options.place)?)
    })
}

/// Builds a program from any author's partition and placement, and verifies all of it.
///
/// # Errors
/// What a verifier finds, or what `placement` refuses.
pub fn assemble(
    ir: &SpikingIr,
    target: &Target,
    partition: &Partition,
    placement: impl FnOnce(&Traffic) -> Result<Placement, Diagnostics>,
) -> Result<Program, Diagnostics> {
    partition.verify(ir)?;
    let cut = ir.with_parts(&partition.kernel_parts);
    let cores = build_cores(&cut, partition);
    let placement = placement(&Traffic::uniform(&cores))?;
    placement.verify(cores.len(), target)?;
    let Placement { chips, sites } = placement;
    let program = Program {
        target: target.clone(),
        model: ir.model.clone(),
        kernel_parts: partition.kernel_parts.clone(),
        cores,
        sites,
        chips,
    };
    program.verify()?;
    program.verify_against(ir)?;
    Ok(program)
}

/// Lowers and maps, with the mapping report.
///
/// # Errors
/// Those of [`lower`] and [`map`].
pub fn compile(
    model: &LoadedModel,
    target: &Target,
    options: CompileOptions,
) -> Result<(SpikingIr, Program, MappingReport), Diagnostics> {
    let ir = lower(model, target, options.lower)?;
    let program = map(&ir, target, options)?;
    let report = MappingReport::new(&ir, &program);
    Ok((ir, program, report))
}

/// Lowers and maps encoder and decoder, with what the host makes of the encoder's read-outs.
///
/// # Errors
/// Those of [`passes::lower_codec`] and [`map`].
pub fn compile_codec(
    model: &LoadedModel,
    target: &Target,
    options: CompileOptions,
) -> Result<(Program, Encoding), Diagnostics> {
    let (ir, encoding) = passes::lower_codec(model, target, options.lower)?;
    ir.verify()?;
    Ok((map(&ir, target, options)?, encoding))
}

/// The partition that a program was built from.
pub fn partition_of(program: &Program) -> Partition {
    let slices = |core: &crate::ir::program::Core| core.slices.iter().map(|s| s.slice.clone()).collect();
    Partition {
        cores: EntityMap::from(program.cores.values().map(slices).collect::<Vec<_>>()),
        kernel_parts: program.kernel_parts.clone(),
    }
}
