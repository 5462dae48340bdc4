//! One network over ranks, here threads of this process: each reads and runs the cores of its chips, and has the
//! outcome of one process.

use std::path::Path;

use snnc::ranks::network;
use snnc::samples::SampleChoice;
use snnc::{Code, CompileOptions, Fidelity, Model, Program, Samples, Session, SessionOptions, Target};
use snnc_compiler::ir::program::held::ProgramOutline;
use snnc_simulator::exchange::threads::together;

use super::examples;

/// Chips of two small cores, so that a small network takes several.
fn small_chips() -> Target {
    let mut target = snnc::target("loihi2-like").unwrap();
    target.core.neurons.0 = 24;
    let topology = &mut target.topology;
    (topology.mesh_columns.0, topology.mesh_rows.0, topology.cores_per_tile.0) = (1, 1, 2);
    target
}

fn compiled(example: &str, path: &Path) -> Program {
    let model = Model::load(format!("{}/model.ron", examples(example))).unwrap();
    let mut options = CompileOptions::default();
    (options.search.effort, options.place.effort) = ("fast".parse().unwrap(), "fast".parse().unwrap());
    model.compile(&small_chips(), &options).unwrap().save(path).unwrap();
    Program::load(path).unwrap()
}

fn samples(program: &Program, example: &str) -> Samples {
    let input = examples(example) + "/inputs.npy";
    let choice = SampleChoice { path: Some(Path::new(&input)), most: Some(3), ..SampleChoice::default() };
    let model = &program.mapped().model;
    let network = snnc::samples::network(model, None).unwrap();
    snnc::samples::read(model, network, choice).unwrap().0
}

/// A report without what the process took, and what only who holds all synapses can say.
fn compared(report: &snnc::Report) -> serde_json::Value {
    let mut value = serde_json::to_value(report).unwrap();
    for (group, field) in [("totals", "wall_s"), ("totals", "peak_memory_bytes"), ("mapping", "compile_s")] {
        assert!(value[group].as_object_mut().unwrap().remove(field).is_some(), "{field}");
    }
    let notes = value["notes"].as_array_mut().unwrap();
    notes.retain(|note| !note.as_str().unwrap().starts_with("ranks ran one network"));
    value["warnings"].take();
    value
}

#[test]
fn any_number_of_ranks_has_the_outcome_of_one_process() {
    let folder = tempfile::tempdir().unwrap();
    // With cycles, and without.
    for (example, most) in [("digits-recurrent", 4), ("bars-events", 2)] {
        let path = folder.path().join(example);
        let program = compiled(example, &path);
        let memories = |program: &Program| -> usize {
            program.mapped().cores.values().map(|core| core.weights.len() + core.entries.len()).sum()
        };
        for fidelity in [Fidelity::Analytic, Fidelity::None] {
            let options = SessionOptions { fidelity, ..SessionOptions::default() };
            let whole = Session::new(&program, options).unwrap();
            let whole = whole.run(&samples(&program, example)).unwrap();
            assert!(whole.report().totals.spikes > 100);
            for ranks in [1, 2, most] {
                let held = together(ranks, |exchange| {
                    let (own, ranks) = network::load(&path, exchange).unwrap();
                    let session = Session::on_ranks(&own, options, false, &ranks).unwrap();
                    let made = session.run(&samples(&own, example)).unwrap();
                    assert_eq!(made.items, whole.items);
                    assert_eq!(compared(&made.report()), compared(&whole.report()), "{example}, {ranks:?}");
                    memories(&own)
                });
                assert_eq!(held.iter().sum::<usize>(), memories(&program));
                assert!(ranks == 1 || held.iter().all(|&held| held < memories(&program)), "{held:?}");
            }
        }
    }
}

#[test]
fn what_ranks_cannot_run_together_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("m.snnx");
    let program = compiled("digits-recurrent", &path);
    let codes = |path: &Path, ranks: usize| {
        together(ranks, |exchange| network::load(path, exchange).map(|_| ()).unwrap_err().codes())
    };
    assert_eq!(codes(&path, 40), vec![vec![Code::Ranks]; 40]);
    assert_eq!(codes(&folder.path().join("none"), 2), vec![vec![Code::FileUnreadable]; 2]);
    for timing in [None, Some(Fidelity::Cycle { every: 16 })] {
        assert_eq!(network::check_timing(timing).unwrap_err().code, Code::Ranks);
    }
    // Damage.
    let mut bytes = std::fs::read(&path).unwrap();
    let middle = bytes.len() / 2;
    bytes[middle] ^= 1;
    std::fs::write(&path, bytes).unwrap();
    assert_eq!(codes(&path, 2), vec![vec![Code::SnnxMalformed]; 2]);
    let mut forks = (**program.mapped()).clone();
    forks.target.topology.routing.0 = snnc_targets::schema::RoutingScheme::Multicast { table_entries: None };
    forks.save(&path).unwrap();
    assert_eq!(codes(&path, 2), vec![vec![Code::Ranks]; 2]);
}

#[test]
fn what_one_process_refuses_some_rank_refuses() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("m.snnx");
    let program = compiled("digits-recurrent", &path);
    let whole = program.mapped();
    let cores = whole.cores.len();
    let mut refused = 0;
    for core in (0..cores).filter(|&core| !whole.is_port(snnc_compiler::ir::CoreId(core as u32))) {
        let id = snnc_compiler::ir::CoreId(core as u32);
        for damage in 0..5 {
            let mut program = (**whole).clone();
            let held = &mut program.cores[id];
            match damage {
                0 => held.weights.edit(|weights| weights[0] = i16::MAX),
                1 => held.lists[0].first_atom += 1000,
                2 => held.axons[0].first_entry = u32::MAX,
                3 => held.slices[0].route_starts[0] = 1,
                _ => {
                    let Some(to) = held.slices[0].destinations.first_mut() else { continue };
                    to.axon = if to.axon == 0 { 1 } else { 0 };
                }
            }
            program.save(&path).unwrap();
            let alone = Program::load(&path).is_err();
            let read = [0, 1].map(|rank| {
                let outline = ProgramOutline::load(&path);
                outline.and_then(|outline| outline.read(&path, |core| core.0 % 2 == rank))
            });
            let edges: std::collections::BTreeSet<_> =
                read.iter().flatten().flat_map(|own| own.edges()).collect();
            let by_rank = read.map(|own| own.and_then(|own| own.complete(edges.clone())).is_err());
            assert_eq!(by_rank.contains(&true), alone, "damage {damage} of core {core}");
            refused += usize::from(alone);
        }
    }
    assert!(refused > 3 * cores, "{refused}");
}
