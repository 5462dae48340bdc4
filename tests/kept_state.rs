//! Samples that begin where the one before them ended, and membranes of chosen neurons, through session and command.

use std::io::Read;
use std::path::Path;
use std::process::{Command, Output};

use snnc::npy::NpyHeader;
use snnc::samples::membranes::{MembraneChoice, PassMembranes, WatchedLayer};
use snnc::samples::spikes::PackedSpikes;
use snnc::{CompileOptions, Diagnostic, Model, Observer, Program, Samples, Session, SessionOptions};
use snnc_compiler::driver::map;
use snnc_compiler::frontend::Description;
use snnc_compiler::ir::NetworkId;
use snnc_compiler::weights::Tensor;
use snnc_simulator::charge::MeterRecord;
use snnc_simulator::execute::oracle;
use snnc_simulator::time::cycle::Watcher;

const NET: NetworkId = NetworkId(0);
const SAMPLES: usize = 5;
const STEPS: usize = 6;

/// A recurrent layer with a synaptic current and refractory steps before another, of `steps` timesteps.
fn description(steps: usize) -> Description {
    let weights = |rows: usize, columns: usize, from: usize| {
        let value = |i: usize| ((i * 29 + from) % 31) as f64 / 16.0 - 0.75;
        Tensor::new(vec![rows, columns], (0..rows * columns).map(value).collect())
    };
    let tensors = [
        ("fc", weights(8, 12, 7)),
        ("rec", weights(8, 8, 3)),
        ("next", weights(6, 8, 11)),
        ("out", weights(3, 6, 5)),
    ];
    let tensors = tensors.map(|(name, tensor)| (name.to_owned(), tensor));
    let text = format!(
        r#"(format: "snnc.model/1", name: "kept", weights: {{ "w": "w.safetensors" }}, networks: {{ "net": (
            timesteps: {steps},
            layers: [
                (name: "x", op: Input(shape: (12, 1, 1), spikes: true)),
                (name: "fc", from: ["x"], op: Linear(weight: ("w", "fc"))),
                (name: "back", from: ["s"], op: Delay(steps: 2, shape: (8, 1, 1))),
                (name: "rec", from: ["back"], op: Linear(weight: ("w", "rec"))),
                (name: "sum", from: ["fc", "rec"], op: Add),
                (name: "s", from: ["sum"], op: Leaky(beta: 0.875, alpha: 0.5, reset: Zero, refractory: 1)),
                (name: "n", from: ["s"], op: Linear(weight: ("w", "next"))),
                (name: "t", from: ["n"], op: Lif(tau: 2.0, threshold: 0.75)),
                (name: "o", from: ["t"], op: Linear(weight: ("w", "out"))),
                (name: "total", from: ["o"], op: SumOverTime),
            ]) }})"#
    );
    Description::new("model.ron", text, tensors.into_iter().collect()).unwrap()
}

/// The network on its chip.
fn compiled() -> Program {
    let model = Model::describe(&description(STEPS)).unwrap();
    model.compile(&snnc::target("loihi-like").unwrap(), &CompileOptions::default()).unwrap()
}

/// The same integers for one sample that is as long as all of them.
fn longer(program: &Program) -> Program {
    let (mut ir, by) = (program.spiking().unwrap().clone(), ((SAMPLES - 1) * STEPS) as u32);
    for network in ir.model.networks.values_mut() {
        (network.timesteps, network.pass_steps) = (network.timesteps + by, network.pass_steps + by);
    }
    ir.model.populations.values_mut().for_each(|population| population.window.steps += by);
    ir.verify().unwrap();
    map(&ir, program.target(), CompileOptions::default()).unwrap().into()
}

/// Spikes of the input of all samples, `[n, t, 12]`.
fn input() -> Vec<f64> {
    (0..SAMPLES * STEPS * 12).map(|i| f64::from(u8::from(i * i % 11 < 3))).collect()
}

/// What a run was seen to do.
#[derive(Default)]
struct Seen {
    spikes: Vec<Vec<u8>>,
    membranes: Vec<Vec<i32>>,
    spike_counts: Vec<u64>,
}

impl Observer for Seen {
    fn item(&mut self, _: u64, record: &MeterRecord) -> Result<(), Diagnostic> {
        self.spike_counts.push(record.tally.total().total().spikes());
        Ok(())
    }

    fn sees_spikes(&self) -> bool {
        true
    }

    fn spikes(&mut self, _: u64, passes: &[PackedSpikes]) -> Result<(), Diagnostic> {
        for pass in passes {
            self.spikes.resize(pass.layers.len(), Vec::new());
            self.spikes.iter_mut().zip(&pass.layers).for_each(|(all, more)| all.extend(more));
        }
        Ok(())
    }

    fn membranes(&mut self, _: u64, passes: &[PassMembranes]) -> Result<(), Diagnostic> {
        for PassMembranes(layers) in passes {
            self.membranes.resize(layers.len(), Vec::new());
            self.membranes.iter_mut().zip(layers).for_each(|(all, more)| all.extend(more));
        }
        Ok(())
    }

    fn watcher(&mut self) -> Option<&mut dyn Watcher> {
        None
    }
}

/// Runs all samples; their read-outs.
fn run(program: &Program, keep_state: bool, threads: usize) -> (Vec<Vec<f64>>, Seen) {
    let model = &program.mapped().model;
    let options = SessionOptions { keep_state, threads: Some(threads), ..SessionOptions::default() };
    let watched = WatchedLayer::of(model, NET, &"s,net.t:0,3".parse().unwrap()).unwrap();
    let session = Session::watching(program, options, watched).unwrap();
    let samples = Samples::new(model, NET, input()).unwrap();
    let mut seen = Seen::default();
    (session.run_observed(&samples, &mut seen, &()).unwrap().items, seen)
}

#[test]
fn samples_that_keep_state_are_one_long_sample() {
    let short = compiled();
    let long = longer(&short);
    let ((whole, long_seen), (items, seen)) = (run(&long, false, 1), run(&short, true, 1));
    assert_eq!((whole.len(), items.len()), (1, SAMPLES));
    assert_eq!(seen.spikes, long_seen.spikes);
    assert_eq!(seen.membranes, long_seen.membranes);
    assert_eq!(seen.spike_counts.iter().sum::<u64>(), long_seen.spike_counts[0]);
    // Read-outs are of one sample each, so those of the long one are their sum.
    for class in 0..3 {
        let sum: f64 = items.iter().map(|item| item[class]).sum();
        assert!((sum - whole[0][class]).abs() < 1e-9, "{items:?} {whole:?}");
    }
    let (again, on_two) = run(&short, true, 2);
    assert_eq!((again, on_two.membranes), (items.clone(), seen.membranes));
    let (cleared, _) = run(&short, false, 1);
    assert_eq!(cleared[0], items[0]);
    assert_ne!(cleared, items);
}

#[test]
fn membranes_are_those_of_the_spiking_ir_in_the_units_of_the_model() {
    let program = compiled();
    let (_, seen) = run(&program, false, 2);
    let ir = program.spiking().unwrap();
    let (id, _) = ir.model.populations.iter().find(|(_, p)| p.name == "t").unwrap();
    let mut expected = Vec::new();
    for sample in input().chunks(STEPS * 12) {
        oracle::run_observed(ir, NET, sample, |step, traces| {
            if ir.model.populations[id].window.contains(step) {
                expected.extend([0, 3].map(|neuron| traces[&id].membranes[neuron]));
            }
        });
    }
    assert_eq!(seen.membranes[1], expected);
    assert!(expected.iter().any(|&v| v != 0));
    // The threshold of 0.75 stands above 0 in the units of the model.
    let watched = WatchedLayer::of(&ir.model, NET, &"t".parse().unwrap()).unwrap();
    let population = &ir.model.populations[id];
    let threshold =
        f64::from(population.dynamics.thresholds()[0]) * 2f64.powi(ir.model.neuron.threshold_shift as i32);
    let mapped = threshold * watched[0].scale[0] + watched[0].rest[0];
    assert!((mapped - 0.75).abs() < 0.01, "{mapped}");
    for (choice, told) in [
        ("x", "have no membrane"),
        ("fc", "is no layer of neurons"),
        ("s:8", "has 8 neurons and none of number 8"),
        ("s,net.s", "twice"),
    ] {
        let choice: MembraneChoice = choice.parse().unwrap();
        let problem = WatchedLayer::of(&ir.model, NET, &choice).unwrap_err();
        assert!(problem.message.contains(told), "{problem}");
    }
}

fn snnc(arguments: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_snnc")).args(arguments).output().unwrap()
}

/// A member of an archive: its shape and its numbers.
fn member(archive: &Path, key: &str, descr: &str) -> (Vec<usize>, Vec<[u8; 8]>) {
    let mut archive = zip::ZipArchive::new(std::fs::File::open(archive).unwrap()).unwrap();
    let mut bytes = Vec::new();
    archive.by_name(&format!("{key}.npy")).unwrap().read_to_end(&mut bytes).unwrap();
    let header = NpyHeader::read(&mut bytes.as_slice()).unwrap();
    assert_eq!(header.descr, descr);
    (header.shape, bytes[header.length as usize..].as_chunks().0.to_vec())
}

#[test]
fn the_command_writes_membranes_and_says_that_state_is_kept() {
    let folder = tempfile::tempdir().unwrap();
    description(STEPS).write(folder.path()).unwrap();
    let at = |name: &str| folder.path().join(name).to_str().unwrap().to_owned();
    let mut array = snnc::npy::header("<f8", &format!("({SAMPLES}, {STEPS}, 12)"));
    array.extend(input().iter().flat_map(|value| value.to_le_bytes()));
    std::fs::write(at("x.npy"), array).unwrap();
    let (model, x, out) = (at("model.ron"), at("x.npy"), at("out"));
    let fed = ["run", &model, "--target", "loihi-like", "--input", &x];
    let asked = ["--keep-state", "--membranes", "s,net.t:0,3", "--out", &out, "--json"];
    let output = snnc(&[&fed[..], &asked].concat());
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let report: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(report["options"]["--keep-state"], "yes");
    let notes = report["notes"].as_array().unwrap();
    assert!(notes.iter().any(|note| note.as_str().unwrap().starts_with("state is kept")), "{notes:?}");
    let (_, seen) = run(&compiled(), true, 1);
    let archive = folder.path().join("out/membranes.npz");
    for (key, layer, neurons) in [("net.s", 0, vec![0, 1, 2, 3, 4, 5, 6, 7]), ("net.t", 1, vec![0, 3])] {
        let floats = |key: &str| {
            let (shape, values) = member(&archive, key, "<f8");
            (shape, values.into_iter().map(f64::from_le_bytes).collect::<Vec<f64>>())
        };
        let (shape, values) = floats(key);
        assert_eq!(shape, [SAMPLES, STEPS, neurons.len()]);
        let (scale, rest) = (floats(&format!("{key}.scale")).1, floats(&format!("{key}.rest")).1);
        let back =
            values.iter().zip(scale.iter().zip(&rest).cycle()).map(|(v, (scale, rest))| (v - rest) / scale);
        let integers: Vec<i32> = back.map(|v| v.round() as i32).collect();
        assert_eq!(integers, seen.membranes[layer], "{key}");
        let (_, numbers) = member(&archive, &format!("{key}.neurons"), "<i8");
        assert_eq!(numbers.into_iter().map(i64::from_le_bytes).collect::<Vec<i64>>(), neurons);
    }
    let refused = snnc(&[&fed[..], &["--membranes", "s"]].concat());
    let text = String::from_utf8_lossy(&refused.stderr).into_owned();
    assert_eq!(refused.status.code(), Some(1), "{text}");
    assert!(text.contains("membranes.npz is one of the results of a run"), "{text}");
}
