//! One network on several ranks: each holds the cores of its chips.

use std::path::Path;
use std::sync::Arc;

use snnc_compiler::ir::PopulationId;
use snnc_compiler::ir::program::held::{ProgramOutline, ReadCores};
use snnc_simulator::exchange::Exchange;
use snnc_simulator::execute::share::{CoreOwners, owners_by_chip};
use snnc_simulator::time::Fidelity;
use snnc_targets::schema::RoutingScheme;
use snnc_targets::{Code, Diagnostic, Diagnostics, NamedPart, Subject, Target};

use crate::program::Program;

/// The ranks that run one network together, and what this one of them runs of it.
#[derive(Debug, Clone)]
pub struct NetworkRanks {
    /// The rank of each core.
    pub owners: CoreOwners,
    /// How they exchange.
    pub exchange: Arc<dyn Exchange>,
}

/// Reads the part of a program file that this rank runs: whole chips, about as much of them as of every other rank. The
/// file is read twice, core by core, and verified by all ranks together.
///
/// # Errors
/// [`Code::Ranks`] for targets whose networks are not run by ranks, and with more ranks than chips in use; those of
/// [`Program::load`].
pub fn load(path: &Path, exchange: Arc<dyn Exchange>) -> Result<(Program, NetworkRanks), Diagnostics> {
    let read = read(path, &*exchange);
    // Every rank tells what it knows, also one that has failed, for which the others would wait.
    let own = read.as_ref().map(|(cores, _)| cores.edges()).unwrap_or_default();
    let own: Vec<u32> = own.into_iter().flat_map(|(from, to)| [from.0, to.0]).collect();
    let all = exchange.gather(&own);
    let edge = |&[from, to]: &[u32; 2]| (PopulationId(from), PopulationId(to));
    let edges = all.iter().flat_map(|words| words.as_chunks::<2>().0).map(edge).collect();
    let (cores, owners) = read?;
    Ok((cores.complete(edges)?.into(), NetworkRanks { owners, exchange }))
}

/// The cores of this rank, and the ranks of all.
fn read(path: &Path, exchange: &dyn Exchange) -> Result<(ReadCores, CoreOwners), Diagnostics> {
    let outline = ProgramOutline::load(path)?;
    let program = outline.program();
    check_target(&program.target)?;
    let topology = program.topology();
    let chips: std::collections::BTreeSet<u32> =
        program.chip_cores().map(|(core, _)| topology.chip_of(program.sites[core])).collect();
    let (chips, ranks) = (chips.len(), exchange.ranks());
    if chips < ranks {
        let message = format!("{ranks} ranks for a program on {chips} chips: a rank runs whole chips");
        return Err(Diagnostic::new(Code::Ranks, NamedPart::Program, message)
            .hint(format!("start {chips} ranks, or compile for more and smaller chips"))
            .into());
    }
    let owners = owners_by_chip(program, ranks, |core| outline.size(core));
    let rank = exchange.rank();
    let cores = outline.read(path, |core| owners[core] == rank)?;
    Ok((cores, owners))
}

/// What of a target needs all cores in one place.
fn check_target(target: &Target) -> Result<(), Diagnostic> {
    let lacks = match () {
        () if target.topology.routing.get() != RoutingScheme::Unicast => "its routers fork packets",
        () if target.axons.repeats_work() => "it repeats work for copies of neurons and bits of weights",
        () if target.skips_zeros() => {
            "it leaves weights of 0 out, which are told by kernels that other ranks hold"
        }
        () => return Ok(()),
    };
    let message = format!("its networks are not run by several ranks: {lacks}");
    Err(Diagnostic::new(Code::Ranks, Subject::target(&target.name), message)
        .hint("spread samples over the ranks: `--over-ranks samples`"))
}

/// Whether time can be modelled so where no rank holds all cores.
///
/// # Errors
/// [`Code::Ranks`] for simulated times, and where none is named, since how much work a simulation is no rank knows.
pub fn check_timing(timing: Option<Fidelity>) -> Result<(), Diagnostic> {
    if let Some(Fidelity::None | Fidelity::Analytic) = timing {
        return Ok(());
    }
    let found = timing.map_or("nothing".into(), |timing| timing.to_string());
    let message = format!("ranks that run one network follow no single packets; found {found}");
    Err(Diagnostic::new(Code::Ranks, Subject::argument("--timing"), message)
        .hint("give `--timing analytic` or `--timing none`"))
}
