//! A model without a generation pipeline, from its file to the chip: convolutions, linear layers, lists of synapses.
//!
//! Its weights are numbers that 8 bits hold exactly, so the chip is compared with the float reference spike by spike.

use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use snnc::fit::fit;
use snnc::npy;
use snnc_compiler::driver::{CompileOptions, compile};
use snnc_compiler::frontend::{LoadedModel, load};
use snnc_compiler::ir::program::Program;
use snnc_compiler::ir::spiking::SpikingIr;
use snnc_compiler::ir::{NetworkId, PopulationId};
use snnc_compiler::mapping::partition::search::SearchOptions;
use snnc_compiler::reference::{Interpreter, Map};
use snnc_simulator::charge::Meter;
use snnc_simulator::execute::{Chip, oracle, plain};
use snnc_simulator::time::Fidelity;
use snnc_targets::registry;

fn example() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("examples/feed-forward/model.ron")
}

/// Compiled for cores with at most so many neurons.
fn compiled(neurons_max: Option<u32>) -> (LoadedModel, SpikingIr, Program) {
    let model = load(&example()).unwrap();
    let target = registry::load("loihi-like").unwrap();
    let search = SearchOptions { neurons_max, ..SearchOptions::default() };
    let (ir, program, _) =
        compile(&model, &target, CompileOptions { search, ..CompileOptions::default() }).unwrap();
    (model, ir, program)
}

/// Multiples of 1 / `parts` in -1 to 1: few enough that the host's rounding to bias integers decides no spike.
fn input(length: usize, seed: u64, parts: u64) -> Vec<f64> {
    let mut state = seed;
    let mut draw = || {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (state >> 33) % (2 * parts + 1)
    };
    (0..length).map(|_| draw() as f64 / parts as f64 - 1.0).collect()
}

#[test]
fn the_chip_fires_as_the_spiking_ir_and_as_the_float_reference() {
    let cores = [None, Some(24)].map(|neurons_max| fires_as_the_references(compiled(neurons_max)));
    assert!(cores[1] > 4 * cores[0], "the mappings must differ: {cores:?}");
}

/// Compares every spike, count and read-out; the number of cores.
fn fires_as_the_references((model, ir, program): (LoadedModel, SpikingIr, Program)) -> usize {
    let chip = Chip::new(program.clone());
    for (index, (name, graph)) in (0..).zip(&model.graphs) {
        let network = NetworkId(index);
        let interpreter = Interpreter::new(graph).unwrap();
        let mut fired = vec![0usize; ir.model.populations.len()];
        for seed in 0..5 {
            let data = input(interpreter.input_shape().len(), seed, if name == "classifier" { 1 } else { 8 });
            let trace = interpreter.run(&Map::new(interpreter.input_shape(), data.clone())).unwrap();
            let truth = oracle::run(&ir, network, &data);
            let outcome = chip.run(network, &data).unwrap();
            assert_eq!(outcome.counts.bias_saturations, 0, "inputs of -1 to 1 are never clipped");
            let plain = plain::run(&chip, network, &data);
            for (&id, expected) in &truth {
                let population = &ir.model.populations[id];
                assert_eq!(chip.spikes(&outcome, id), expected.spikes, "{name}.{}", population.name);
                assert_eq!(
                    (expected.events.accumulator_overflows, expected.events.state_saturations),
                    (0, 0)
                );
                if population.dynamics.fires() {
                    let float = trace.spikes(&population.name).unwrap();
                    assert_eq!(expected.spikes, float, "{name}.{}, input {seed}", population.name);
                    fired[id.0 as usize] += float.iter().flatten().filter(|&&spike| spike).count();
                }
            }
            for (step, events) in plain.events.iter().enumerate() {
                assert_eq!(outcome.counts.steps[step].events, *events);
            }
            let differ = |(a, b): (&f64, &f64)| (a - b).abs() > 1e-9;
            let float = &trace.output().data;
            assert_eq!(float.len(), outcome.readouts[0].len());
            assert!(!outcome.readouts[0].iter().zip(float).any(differ), "{:?} {float:?}", outcome.readouts);
        }
        for (id, population) in ir.model.populations_of(network).filter(|(_, p)| p.dynamics.fires()) {
            let slots = 5 * population.shape.len() * graph.timesteps;
            let spikes = fired[id.0 as usize];
            assert!(spikes * 50 > slots && spikes * 10 < slots * 9, "{}: {spikes}/{slots}", population.name);
        }
    }
    program.cores.len()
}

#[test]
fn synapses_stay_a_list_and_their_neurons_keep_one_threshold_and_a_bias_each() {
    let (_, ir, _) = compiled(None);
    let sparse: Vec<_> = ir.projections.values().filter_map(|p| Some((p.target, p.sparse()?))).collect();
    assert_eq!(sparse.iter().map(|(_, s)| s.synapses()).collect::<Vec<_>>(), [600, 400]);
    for (target, _) in sparse {
        let population = &ir.model.populations[target];
        assert!(matches!(&population.bias, snnc_compiler::ir::spiking::Bias::Neuron(b) if b.len() > 1));
        assert_eq!(population.shape.channels, 1);
    }
    let hidden = ir.model.populations.iter().find(|(_, p)| p.name == "hidden").unwrap();
    let kernel = ir.projections.values().find(|p| p.target == hidden.0).unwrap().conv().unwrap();
    assert_eq!((kernel.kernel.height, kernel.kernel.width, kernel.kernel.channels.inputs), (3, 3, 12));
    assert!(ir.model.populations.keys().all(|id: PopulationId| ir.model.populations[id].window.steps >= 12));
}

/// PAICORE's routers fork packets.
#[test]
fn it_is_timed_cycle_by_cycle_where_packets_fork() {
    let target = registry::load("paicore-like").unwrap();
    let program = compile(&load(&example()).unwrap(), &target, CompileOptions::default()).unwrap().1;
    let chip = Chip::new(program.clone());
    let [analytic, cycle] = [Fidelity::Analytic, Fidelity::Cycle { every: 1 }]
        .map(|fidelity| Meter::new(&program, &chip.table, fidelity).unwrap());
    for (id, network) in program.model.networks.iter() {
        let size =
            program.model.inputs.iter().filter(|i| program.model.populations[i.population].network == id);
        let length = size.map(|i| i.input.len()).max().unwrap();
        let outcome = chip.run(id, &input(length, 1, 8)).unwrap();
        let time = |meter: &Meter| {
            let mut record = meter.record();
            meter.add_pass(&mut record, 0, &outcome.counts, &outcome.traces).unwrap()
        };
        let (bound, simulated) = (time(&analytic), time(&cycle));
        for (a, c) in bound.steps.iter().zip(&simulated.steps) {
            assert!(c.total_ps >= a.total_ps, "{}", network.name);
        }
        let delivered: u64 = simulated.steps.iter().map(|step| step.simulated.unwrap().packets.packets).sum();
        let multicast: u64 =
            outcome.counts.steps.iter().flat_map(|s| &s.multicast_flows).map(|cast| cast.spikes).sum();
        assert!(delivered > multicast && multicast > 100, "{}: {delivered} of {multicast}", network.name);
    }
}

#[test]
fn every_target_says_what_it_makes_of_it() {
    let targets: Vec<_> = registry::names().map(|name| registry::load(name).unwrap()).collect();
    let answer = fit(&load(&example()).unwrap(), &targets, CompileOptions::default(), &());
    let row = |name: &str| answer.targets.iter().find(|row| row.target == name).unwrap();
    assert!(row("loihi-like").fits && row("loihi2-like").fits, "{answer}");
    for row in &answer.targets {
        assert_eq!(row.fits, row.problems.is_empty(), "{answer}");
    }
}

fn snnc(arguments: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_snnc")).args(arguments).output().unwrap()
}

/// Three samples of a network as a float64 array, and what the float reference makes of them.
fn samples(model: &LoadedModel, name: &str, path: &Path) -> Vec<Vec<f64>> {
    let interpreter = Interpreter::new(&model.graphs[name]).unwrap();
    let shape = interpreter.input_shape();
    let parts = if name == "classifier" { 1 } else { 8 };
    let inputs: Vec<Vec<f64>> = (0..3).map(|seed| input(shape.len(), seed, parts)).collect();
    let mut bytes = npy::header("<f8", &format!("(3, {})", shape.len()));
    bytes.extend(inputs.iter().flatten().flat_map(|value| value.to_le_bytes()));
    std::fs::write(path, bytes).unwrap();
    let run =
        |data: &Vec<f64>| interpreter.run(&Map::new(shape, data.clone())).unwrap().output().data.clone();
    inputs.iter().map(run).collect()
}

fn succeeded(output: &Output) -> String {
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout.clone()).unwrap()
}

fn first_largest(values: &[f64]) -> usize {
    let most = values.iter().copied().fold(f64::NEG_INFINITY, f64::max);
    values.iter().position(|&value| value == most).unwrap()
}

#[test]
fn samples_are_run_from_a_file_and_answered_by_read_outs_and_predictions() {
    let folder = tempfile::tempdir().unwrap();
    let at = |name: &str| folder.path().join(name);
    let text = |path: &Path| path.to_str().unwrap().to_owned();
    let (model, program, out) = (example(), at("model.snnx"), at("out"));
    let loaded = load(&model).unwrap();
    let [model_text, program_text, out_text] = [&model, &program, &out].map(|path| text(path));
    succeeded(&snnc(&["compile", &model_text, "--target", "loihi-like", "-o", &program_text]));
    for name in loaded.graphs.keys() {
        let float = samples(&loaded, name, &at("x.npy"));
        let classes: Vec<usize> = float.iter().map(|values| first_largest(values)).collect();
        // The last label is wrong.
        let labels: Vec<u8> =
            vec![classes[0] as u8, classes[1] as u8, ((classes[2] + 1) % float[2].len()) as u8];
        std::fs::write(at("y.npy"), [npy::header("|u1", "(3,)"), labels.clone()].concat()).unwrap();
        let (x, y) = (text(&at("x.npy")), text(&at("y.npy")));
        let fed = ["--network", name, "--input", &x, "--labels", &y];
        let run = [&["simulate", &program_text, "--out", &out_text, "--json"][..], &fed].concat();
        let report: serde_json::Value = serde_json::from_str(&succeeded(&snnc(&run))).unwrap();
        let totals = &report["totals"];
        assert_eq!((&totals["samples"], totals.get("images")), (&3.into(), None));
        assert!((totals["accuracy"].as_f64().unwrap() - 2.0 / 3.0).abs() < 1e-12);
        let classification = &report["classification"];
        assert_eq!((&classification["samples"], &classification["correct"]), (&3.into(), &2.into()));
        // Wilson's interval in another form: where (share - p)^2 = z^2 p (1 - p) / n.
        for end in ["low", "high"] {
            let p = classification["accuracy_interval"][end].as_f64().unwrap();
            let found = (2.0f64 / 3.0 - p).powi(2) / (p * (1.0 - p) / 3.0);
            assert!((found.sqrt() - 1.96).abs() < 1e-4, "{end} {p}: {found}");
        }
        let places = classification["confusion"]["classes"].as_array().unwrap();
        let place = |class: usize| places.iter().position(|known| *known == class).unwrap();
        let count =
            |label: u8, class| &classification["confusion"]["counts"][place(label.into())][place(class)];
        assert_eq!(count(labels[2], classes[2]), &1);
        let pairs = labels.iter().zip(&classes);
        assert!(pairs.clone().all(|(&label, &class)| count(label, class).as_u64().unwrap() >= 1));
        assert!(report.get("iterations").is_none() && report.get("per_image").is_none());
        assert_eq!(
            (report["passes"][0]["passes"].as_u64(), report["per_sample"][2]["sample"].as_u64()),
            (Some(3), Some(2))
        );
        let sum = |field: &str, energy: &dyn Fn(&serde_json::Value) -> f64| {
            let total = report["totals"]["energy_j"].as_f64().unwrap();
            let found: f64 = report[field].as_array().unwrap().iter().map(energy).sum();
            assert!((found - total).abs() < 1e-9 * total && total > 0.0, "{field}: {found} of {total}");
        };
        let energy = |value: &serde_json::Value| value["energy_j"].as_f64().unwrap();
        for field in ["passes", "per_sample", "layers", "cores"] {
            sum(field, &energy);
        }
        let bytes = std::fs::read(out.join("readout.npy")).unwrap();
        let header = npy::NpyHeader::read(&mut bytes.as_slice()).unwrap();
        assert_eq!(header.shape, [3, float[0].len()]);
        let found: Vec<f64> =
            bytes[header.length as usize..].as_chunks().0.iter().map(|&b| f64::from_le_bytes(b)).collect();
        assert_eq!(found.len(), 3 * float[0].len());
        for (found, float) in found.iter().zip(float.iter().flatten()) {
            assert!((found - float).abs() < 1e-9, "{name}: {found} {float}");
        }
        let table = std::fs::read_to_string(out.join("predictions.csv")).unwrap();
        for (line, (sample, class)) in table.lines().skip(1).zip(classes.iter().enumerate()) {
            let cells: Vec<&str> = line.split(',').collect();
            assert_eq!((cells[0], cells[2]), (sample.to_string().as_str(), class.to_string().as_str()));
            assert_eq!(cells.len(), 3 + float[0].len());
        }
        let rows = std::fs::read_to_string(out.join("timesteps.csv")).unwrap();
        assert!(rows.starts_with("sample,pass,network,timestep,"), "{rows}");
        let verify = [&["verify", &model_text, "--target", "loihi-like", "--json"][..], &fed].concat();
        let found: serde_json::Value = serde_json::from_str(&succeeded(&snnc(&verify))).unwrap();
        assert!(
            found["layers"].as_array().unwrap().iter().all(|layer| layer["spike_agreement"] == 1.0),
            "{found}"
        );
        assert!(found["readout"]["max_abs_error"].as_f64().unwrap() < 1e-9, "{found}");
        assert_eq!(found["predictions"]["agreement"], 1.0);
        for side in ["float", "chip"] {
            assert_eq!(found["predictions"][side], *classification, "{side}");
        }
        let verify = [&["verify", &model_text, "--target", "loihi-like"][..], &fed].concat();
        let printed = succeeded(&snnc(&verify));
        for text in
            ["in floats; 95 % interval (Wilson score)", "confusion on the chip", "label \\ prediction"]
        {
            let words = printed.split_whitespace().collect::<Vec<_>>().join(" ");
            assert!(words.contains(text), "{text}: {printed}");
        }
        assert_eq!((&found["samples"], found["departure"].is_null()), (&3.into(), true), "{found}");
    }
    // The first sample alone: its share of the energy, and texts that speak of samples.
    let x = text(&at("x.npy"));
    let one = ["--network", "classifier", "--samples", "1", "--input", &x];
    samples(&loaded, "classifier", &at("x.npy"));
    let run = [&["run", &model_text, "--target", "loihi-like", "--timing", "cycle", "-v"][..], &one].concat();
    let printed = succeeded(&snnc(&run));
    assert!(printed.contains("1 sample ") && printed.contains("per sample"), "{printed}");
    let words = printed.split(|c: char| !c.is_alphanumeric());
    let foreign = ["image", "images", "iteration", "iterations", "denoising"];
    assert_eq!(words.filter(|word| foreign.contains(word)).collect::<Vec<_>>(), [""; 0], "{printed}");
}

#[test]
fn what_is_missing_or_would_be_ignored_is_said() {
    let folder = tempfile::tempdir().unwrap();
    let at = |name: &str| folder.path().join(name).to_str().unwrap().to_owned();
    let (model, program, x) = (example().to_str().unwrap().to_owned(), at("model.snnx"), at("x.npy"));
    succeeded(&snnc(&["compile", &model, "--target", "loihi-like", "-o", &program]));
    samples(&load(&example()).unwrap(), "classifier", &folder.path().join("x.npy"));
    let named = ["simulate", &program, "--network", "classifier"];
    let fed = [&named[..], &["--input", &x]].concat();
    std::fs::write(at("nan.npy"), {
        let length =
            Interpreter::new(&load(&example()).unwrap().graphs["classifier"]).unwrap().input_shape().len();
        let mut bytes = npy::header("<f4", &format!("(2, {length})"));
        bytes
            .extend((0..2 * length).flat_map(|i| if i == length + 3 { f32::NAN } else { 0.0 }.to_le_bytes()));
        bytes
    })
    .unwrap();
    let (nan, none) = (at("nan.npy"), at("none.npy"));
    let generating =
        PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("examples/spiking-diffusion-mnist/model.ron");
    let generating = generating.to_str().unwrap();
    let cases: [(Vec<&str>, &[&str]); 11] = [
        (named.to_vec(), &["E0021", "--input", "float32", "np.save"]),
        (vec!["simulate", &program, "--input", &x], &["E0021", "--network", "classifier"]),
        ([&fed[..], &["--network", "nobody"]].concat(), &["cannot be used multiple times"]),
        ([&fed[..], &["--images", "1"]].concat(), &["E0021", "--images 1", "would change nothing"]),
        ([&fed[..], &["--seed", "2"]].concat(), &["E0021", "--seed 2", "would change nothing"]),
        (
            [&fed[..], &["--temperature", "0.5"]].concat(),
            &["E0021", "--temperature 0.5", "would change nothing"],
        ),
        (vec!["run", generating, "--temperature", "0"], &["E0021", "--temperature 0", "a positive number"]),
        ([&fed[..], &["--samples", "0"]].concat(), &["E0021", "--samples 0", "at least one sample"]),
        ([&named[..], &["--input", &nan]].concat(), &["E0021", "nan.npy", "sample 1 holds NaN at value 3"]),
        ([&named[..], &["--input", &none]].concat(), &["E0001", "none.npy"]),
        (vec!["run", generating, "--images", "1", "--input", &x], &["E0021", "--input", "takes no samples"]),
    ];
    for (arguments, expected) in cases {
        let output = snnc(&arguments);
        let message = String::from_utf8_lossy(&output.stderr);
        assert!(!output.status.success(), "{arguments:?}");
        assert!(expected.iter().all(|text| message.contains(text)), "{expected:?} in {message}");
    }
}
