//! The denoiser under the four settings of a Loihi-like core in which uniform tilings are known to be optimal:
//! kernels stored once or once a variant, output axons for populations or for neurons. Prints a table.
//! `cargo bench --bench mapping`

use std::path::Path;
use std::time::Instant;

use snnc_compiler::driver::{assemble, lower};
use snnc_compiler::frontend::load;
use snnc_compiler::ir::NetworkId;
use snnc_compiler::ir::spiking::SpikingIr;
use snnc_compiler::mapping::effort::Effort;
use snnc_compiler::mapping::partition::Rates;
use snnc_compiler::mapping::partition::search::{Objective, SearchOptions, search};
use snnc_compiler::mapping::place;
use snnc_compiler::mapping::traffic::CoreTraffic;
use snnc_targets::entity::EntityMap;
use snnc_targets::schema::{KernelSharing, OutputAxonKind};
use snnc_targets::{Target, registry};

/// (name, sharing, output axons, cores of the best uniform tiling, its packets if known).
const SETTINGS: [(&str, KernelSharing, OutputAxonKind, u32); 4] = [
    ("stored once, population", KernelSharing::Ideal, OutputAxonKind::Population { atoms_per_slot: 32 }, 70),
    ("stored once, discrete", KernelSharing::Ideal, OutputAxonKind::Discrete, 312),
    (
        "per variant, population",
        KernelSharing::PerVariant,
        OutputAxonKind::Population { atoms_per_slot: 32 },
        144,
    ),
    ("per variant, discrete", KernelSharing::PerVariant, OutputAxonKind::Discrete, 978),
];

fn main() {
    let base = registry::load("loihi-like").expect("a built-in target");
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("examples/spiking-diffusion-mnist/model.ron");
    let model = load(&path).expect("the example loads");
    let ir = denoiser(&lower(&model, &base, Default::default()).expect("the example lowers"));
    println!(
        "{:<26} {:<8} {:>8} {:>6} {:>7} {:>10} {:>7}",
        "setting", "smallest", "uniform", "cores", "change", "packets", "s"
    );
    for (name, sharing, output, uniform) in SETTINGS {
        for objective in [Objective::Cores, Objective::Packets] {
            let mut target = base.clone();
            target.synapses.kernel_sharing.0 = sharing;
            target.axons.output.0 = output;
            measure(&ir, &target, name, uniform, objective);
        }
    }
}

fn measure(ir: &SpikingIr, target: &Target, name: &str, uniform: u32, objective: Objective) {
    let start = Instant::now();
    let options = SearchOptions { objective, ..SearchOptions::default() };
    let partition = match search(ir, target, &Rates::default(), options) {
        Ok(found) => found.partition,
        Err(problems) => return println!("{name}: {problems}"),
    };
    let seconds = start.elapsed().as_secs_f64();
    let place = |traffic: &CoreTraffic| {
        Ok(place::place(
            partition.cores.len(),
            traffic,
            target,
            place::PlaceOptions { seed: 0, effort: Effort::Fast },
        )?)
    };
    let program = assemble(ir, target, &partition, place).expect("a legal mapping");
    let packets = CoreTraffic::uniform(&program.cores).packets();
    let cores = program.cores.len();
    let change = (cores as f64 / f64::from(uniform) - 1.0) * 100.0;
    let objective = format!("{objective:?}").to_lowercase();
    println!(
        "{name:<26} {objective:<8} {uniform:>8} {cores:>6} {change:>+6.1}% {packets:>10} {seconds:>7.2}"
    );
}

/// The first network alone.
fn denoiser(ir: &SpikingIr) -> SpikingIr {
    let mut ir = ir.clone();
    let network = NetworkId(0);
    let populations: Vec<_> = ir.model.populations_of(network).map(|(id, _)| id).collect();
    ir.model.populations = populations.iter().map(|&id| ir.model.populations[id].clone()).collect();
    ir.projections = ir
        .projections
        .values()
        .filter(|p| populations.contains(&p.source))
        .cloned()
        .collect::<EntityMap<_, _>>();
    ir.model.inputs.retain(|input| populations.contains(&input.population));
    ir.model.readouts.retain(|readout| populations.contains(&readout.population));
    ir.model.networks = ir.model.networks.values().take(1).cloned().collect();
    ir.model.workload = None;
    ir
}
