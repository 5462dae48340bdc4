//! What the cycle-accurate model refuses.

use snnc_compiler::ir::program::trees::{MulticastTrees, TreeId};
use snnc_compiler::ir::program::{Program, Slice};
use snnc_targets::schema::{NocSpec, RouterAllocation};
use snnc_targets::topology::{Direction, Routing};
use snnc_targets::{Code, Diagnostic, Subject, Target};

use super::cores::CoreCycles;
use super::mesh::MeshSpec;

/// Most places of all router buffers.
const MOST_PLACES: u64 = 1 << 24;
/// Most links of all multicast trees.
const MOST_LINKS: u64 = 1 << 26;
/// Channels of a router: a word has a bit for each.
const MOST_CHANNELS: u32 = 64;

fn refuse(program: &Program, message: &str) -> Diagnostic {
    Diagnostic::new(Code::Unsupported, Subject::target(&program.target.name), message)
}

/// The network of a target that a program is on, whose packets the mesh can carry.
pub fn network<'a>(program: &Program, target: &'a Target) -> Result<&'a NocSpec, Diagnostic> {
    let ports = Direction::COUNT as u32 + program.topology().cores_per_tile;
    if ports > MOST_CHANNELS {
        let message = format!(
            "has routers of {ports} ports; the cycle-accurate mesh has at most {MOST_CHANNELS} channels a router \
             (ports x virtual channels)"
        );
        return Err(refuse(program, &message).hint("use `--timing analytic`"));
    }
    target.network.as_ref().ok_or_else(|| {
        refuse(program, "describes no queues and routers, so it cannot be timed cycle by cycle")
            .hint("add a `network` section to the target file, or use `--timing analytic`")
    })
}

/// Sizes and times within what is simulated.
pub fn sizes(
    program: &Program,
    mesh: &MeshSpec,
    core: &CoreCycles,
    trees: Option<&MulticastTrees>,
) -> Result<(), Diagnostic> {
    let analytic = "use `--timing analytic`";
    if mesh.columns.max(mesh.rows) > 65_535 || mesh.places() > MOST_PLACES {
        return Err(refuse(program, "has too many router buffers for a simulation").hint(analytic));
    }
    if core.longest().max(mesh.longest()) > 1 << 32 {
        return Err(refuse(program, "has a time of more than 2^32 cycles of its clock")
            .hint("give a longer `clock_ns`"));
    }
    trees.map_or(Ok(()), |trees| forks(program, mesh, trees))
}

/// Trees that the mesh can hold, and packets that can fork.
fn forks(program: &Program, mesh: &MeshSpec, trees: &MulticastTrees) -> Result<(), Diagnostic> {
    if mesh.interconnect.channel_classes() > 1 {
        let message = format!(
            "forks packets on a {}; the cycle-accurate simulation forks them on meshes only",
            mesh.interconnect
        );
        return Err(refuse(program, &message).hint(
            "use `--timing analytic`, which counts each link of a multicast tree once, or set `routing` to Unicast",
        ));
    }
    if mesh.allocation == RouterAllocation::Staged {
        let message = "forks packets in routers of staged allocation; the cycle-accurate mesh forks them in those of \
                       joint allocation only";
        return Err(refuse(program, message).hint(
            "use `--timing analytic`, which counts each link of a multicast tree once, or set `network.allocation` to \
             Joint",
        ));
    }
    let flits = mesh.flits_per_packet;
    if flits > 1 {
        let message =
            format!("forks packets of {flits} flits; the cycle-accurate mesh forks those of one flit only");
        return Err(refuse(program, &message).hint(
            "use `--timing analytic`, which counts each link of a multicast tree once, or set `flits_per_packet` to 1",
        ));
    }
    let ids = (0..trees.all().len()).map(|id| TreeId(id as u32));
    let links: u64 = ids.map(|id| trees.links(id).len() as u64 + 1).sum();
    let slices = program.cores.values().flat_map(|core| &core.slices);
    // Where zeros are skipped, channels of a position differ in their work.
    let apart =
        |slice: &Slice| if program.target.skips_zeros() { slice.neurons() } else { slice.positions() };
    let positions: u64 = slices.map(|placed| u64::from(apart(&placed.slice))).sum();
    if links > MOST_LINKS || positions >= 1 << 32 {
        let message = format!(
            "has trees of {links} links for {positions} positions; at most {MOST_LINKS} links for less than 2^32 \
             positions are simulated"
        );
        return Err(refuse(program, &message).hint("use `--timing analytic`"));
    }
    Ok(())
}
