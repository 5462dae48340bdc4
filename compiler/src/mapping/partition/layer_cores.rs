//! Partition and placement at once on a chip whose cores differ and take one whole layer each.
//!
//! Which layer goes on which core is a bipartite matching, found by augmenting paths: exact, so a refusal is a proof.
//! Where layers compete, the refusal names a set of layers that together have too few cores (Hall's condition).

use snnc_targets::entity::EntityMap;
use snnc_targets::layer_cores::LayerCores;
use snnc_targets::{Code, Diagnostic, Diagnostics, Site, Subject, Target};

use super::Partition;
use super::tiling::Tiling;
use crate::ir::PopulationId;
use crate::ir::program::layer_cores::{LayerDemand, unable, words};
use crate::ir::spiking::SpikingIr;
use crate::mapping::Placement;

/// One layer a core.
///
/// # Errors
/// [`Code::DoesNotFit`]: every layer that no core can hold, or else a set of layers that share too few.
pub fn assign(
    ir: &SpikingIr,
    target: &Target,
    layers: &LayerCores,
) -> Result<(Partition, Placement), Diagnostics> {
    let demands: Vec<(PopulationId, LayerDemand)> =
        ir.model.populations.keys().map(|id| (id, LayerDemand::new(ir, id))).collect();
    let mut problems = Diagnostics::default();
    for (id, demand) in &demands {
        alone(ir, target, layers, *id, demand).into_iter().for_each(|problem| problems.push(problem));
    }
    problems.into_result(())?;
    let sites = matching(layers, &demands).map_err(|few| crowded(ir, target, layers, &demands, &few))?;
    let mut partition = Partition::default();
    for (id, _) in &demands {
        let whole = Tiling { channels: 1, rows: 1, cols: 1 };
        partition.cores.push(whole.slices(*id, ir.model.populations[*id].shape));
    }
    let sites = sites.into_iter().map(|site| Site(site as u32)).collect::<Vec<_>>();
    Ok((partition, Placement { chips: 1, sites: EntityMap::from(sites) }))
}

/// Why no core holds a layer.
fn alone(
    ir: &SpikingIr,
    target: &Target,
    layers: &LayerCores,
    id: PopulationId,
    demand: &LayerDemand,
) -> Vec<Diagnostic> {
    let refuse = |message: String, hint: &str| {
        let place = ir.model.layer_place(id);
        Diagnostic::new(Code::DoesNotFit, place, message).hint(hint)
    };
    let mut problems: Vec<_> =
        unable(ir, layers, id).into_iter().map(|(message, hint)| refuse(message, hint)).collect();
    if layers.cores.0.iter().any(|core| demand.fits(core)) {
        return problems;
    }
    let kernel = layers.cores.0.iter().map(|core| u64::from(core.kernel_words)).max().unwrap_or(0);
    let neurons = layers.cores.0.iter().map(|core| u64::from(core.neuron_words)).max().unwrap_or(0);
    let name = &target.name;
    if demand.kernel_words > kernel {
        let message =
            format!("{}, a core of {name} has at most {}", demand.kernel_arithmetic(), words(kernel));
        problems.push(refuse(message, "use fewer channels or a smaller kernel"));
    }
    if demand.neuron_words > neurons {
        let message = format!(
            "{} words of neuron memory, a core of {name} has at most {}",
            words(demand.neuron_words),
            words(neurons)
        );
        problems.push(refuse(message, "use fewer channels or a smaller map"));
    }
    if demand.kernel_words <= kernel && demand.neuron_words <= neurons {
        let message = format!(
            "{} and {} words of neuron memory: no core of {name} has both",
            demand.kernel_arithmetic(),
            words(demand.neuron_words)
        );
        problems.push(refuse(message, "use fewer channels, a smaller kernel or a smaller map"));
    }
    problems
}

/// A core for every layer, or the layers that compete for too few.
fn matching(layers: &LayerCores, demands: &[(PopulationId, LayerDemand)]) -> Result<Vec<usize>, Vec<usize>> {
    let mut holder: Vec<Option<usize>> = vec![None; layers.cores.0.len()];
    for layer in 0..demands.len() {
        let mut visited = vec![false; holder.len()];
        if !augment(layers, demands, layer, &mut holder, &mut visited) {
            let mut few: Vec<usize> = holder
                .iter()
                .zip(&visited)
                .filter(|(_, seen)| **seen)
                .filter_map(|(held, _)| *held)
                .collect();
            few.push(layer);
            few.sort_unstable();
            return Err(few);
        }
    }
    let mut sites = vec![0; demands.len()];
    for (site, held) in holder.iter().enumerate() {
        if let Some(layer) = held {
            sites[*layer] = site;
        }
    }
    Ok(sites)
}

/// Finds `layer` a core, moving others if need be. Recursion is as deep as there are cores at most.
fn augment(
    layers: &LayerCores,
    demands: &[(PopulationId, LayerDemand)],
    layer: usize,
    holder: &mut [Option<usize>],
    visited: &mut [bool],
) -> bool {
    for site in 0..holder.len() {
        if visited[site] || !demands[layer].1.fits(&layers.cores.0[site]) {
            continue;
        }
        visited[site] = true;
        if holder[site].is_none_or(|other| augment(layers, demands, other, holder, visited)) {
            holder[site] = Some(layer);
            return true;
        }
    }
    false
}

fn crowded(
    ir: &SpikingIr,
    target: &Target,
    layers: &LayerCores,
    demands: &[(PopulationId, LayerDemand)],
    few: &[usize],
) -> Diagnostic {
    let cores = layers.cores.0.iter().filter(|core| few.iter().any(|&l| demands[l].1.fits(core))).count();
    let names: Vec<String> = few.iter().map(|&l| ir.model.layer_name(demands[l].0)).collect();
    let message = format!("{} layers have only {cores} cores that hold them", few.len());
    Diagnostic::new(Code::DoesNotFit, Subject::Target { target: target.name.clone(), layers: names }, message)
        .hint("use fewer layers, or make some of them small enough for other cores")
}
