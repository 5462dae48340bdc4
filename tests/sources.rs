//! Networks whose input spikes the host draws: the same spikes enter float reference and chip, on any number of
//! threads, in any batch, as if they had been given in a file.

use std::path::{Path, PathBuf};
use std::process::Command;

use snnc::comparison::compare_samples;
use snnc::{CompileOptions, Model, Program, Samples, Session, SessionOptions, Workload};
use snnc_compiler::ir::NetworkId;

const NET: NetworkId = NetworkId(0);

/// The event classifier with another input; its file lies in `folder`.
fn model_file(folder: &Path, source: &str) -> PathBuf {
    let example = Path::new(env!("CARGO_MANIFEST_DIR")).join("examples/bars-events");
    let text = std::fs::read_to_string(example.join("model.ron")).unwrap();
    let weights = example.join("weights.pth");
    let text = text.replace("weights.pth", weights.to_str().unwrap());
    assert!(text.contains("spikes: true)"));
    let changed = text.replace("spikes: true)", &format!("{source})"));
    let path = folder.join("model.ron");
    std::fs::write(&path, changed).unwrap();
    path
}

fn compiled(folder: &Path, source: &str) -> (Model, Program) {
    let model = Model::load(model_file(folder, source)).unwrap();
    let program = model.compile(&snnc::target("loihi-like").unwrap(), &CompileOptions::default()).unwrap();
    (model, program)
}

/// Read-outs of samples on so many threads.
fn readouts(program: &Program, samples: &Samples, threads: usize) -> Vec<Vec<f64>> {
    let options = SessionOptions { threads: Some(threads), ..SessionOptions::default() };
    Session::new(program, options).unwrap().run(samples).unwrap().items
}

#[test]
fn drawn_spikes_are_the_same_everywhere() {
    let folder = tempfile::tempdir().unwrap();
    let (model, program) = compiled(folder.path(), "source: Poisson(rate: Hz(40.0, 0.001), seed: 9)");
    let drawn = |samples, seed| Samples::drawn(&program.mapped().model, NET, (samples, Vec::new()), seed);
    let six = drawn(6, None).unwrap();
    let answers = readouts(&program, &six, 1);
    assert_eq!(answers, readouts(&program, &six, 2));
    assert_eq!(answers[..2], readouts(&program, &drawn(2, Some(9)).unwrap(), 2));
    assert_ne!(answers, readouts(&program, &drawn(6, Some(10)).unwrap(), 1));
    // Given as values, to the network that is given its spikes.
    let values: Vec<f64> = (0..6).flat_map(|sample| six.sample(sample).into_owned()).collect();
    let rate = values.iter().sum::<f64>() / values.len() as f64;
    assert!((rate - 0.04).abs() < 0.004, "{rate}");
    let (_, given) = compiled(folder.path(), "spikes: true");
    let samples = Samples::new(&given.mapped().model, NET, values).unwrap();
    assert_eq!(answers, readouts(&given, &samples, 2));
    let compared = compare_samples(&model, &program, &six, None, &()).unwrap();
    assert_eq!(compared.samples, 6);
    assert!(compared.layers.iter().all(|layer| layer.spike_agreement > 0.97), "{:?}", compared.layers);
    // The program in a file draws the same.
    let path = folder.path().join("program.snnx");
    program.save(&path).unwrap();
    let read = Program::load(&path).unwrap();
    assert!(!read.generates());
    let again = Samples::drawn(&read.mapped().model, NET, (6, Vec::new()), None).unwrap();
    assert_eq!(answers, readouts(&read, &again, 1));
}

#[test]
fn rates_of_an_image_give_each_neuron_its_own() {
    let folder = tempfile::tempdir().unwrap();
    let (_, program) = compiled(folder.path(), "source: Regular(rate: PerStep(0.5), of_input: true)");
    // Images of 0, 1 / 10, 2 / 10 ... 1.
    let image: Vec<f64> = (0..512).map(|neuron| f64::from(neuron % 11) / 10.0).collect();
    let values = [image.clone(), vec![0.0; 512]].concat();
    let samples = Samples::drawn(&program.mapped().model, NET, (0, values), None).unwrap();
    assert_eq!(samples.len(), 2);
    let spikes = samples.sample(0);
    for (neuron, value) in image.iter().enumerate() {
        let count = spikes.iter().skip(neuron).step_by(512).sum::<f64>();
        // Of 20 timesteps; a sum of twenty tenths is not exact.
        assert!(
            (count - (20.0 * 0.5 * value).floor()).abs() <= f64::from(u8::from(*value > 0.0)),
            "{neuron}"
        );
    }
    assert!(samples.sample(1).iter().all(|&value| value == 0.0));
    let beyond = Samples::drawn(&program.mapped().model, NET, (0, vec![3.0; 512]), None).unwrap_err();
    assert!(beyond.message.contains("sample 0 holds 3 at value 0: 1.5 spikes a timestep"), "{beyond}");
}

#[test]
fn the_command_runs_without_a_file_and_refuses_what_it_would_ignore() {
    let folder = tempfile::tempdir().unwrap();
    let path = model_file(folder.path(), "source: Poisson(rate: PerStep(0.05))");
    let (model, out) = (path.to_str().unwrap(), folder.path().join("out"));
    let run = |more: &[&str]| {
        let output = Command::new(env!("CARGO_BIN_EXE_snnc"))
            .args(["run", model, "--target", "loihi-like"])
            .args(more)
            .output()
            .unwrap();
        (output.status.success(), String::from_utf8_lossy(&output.stderr).into_owned())
    };
    assert!(run(&["--samples", "3", "--seed", "4", "--out", out.to_str().unwrap()]).0);
    let table = std::fs::read_to_string(out.join("predictions.csv")).unwrap();
    assert_eq!(table.lines().count(), 4);
    for option in [["--input", "x.npy"], ["--dt", "10"]] {
        let (succeeded, message) = run(&option);
        assert!(!succeeded && message.contains("would change nothing"), "{message}");
    }
    model_file(folder.path(), "spikes: true");
    let (succeeded, message) = run(&["--seed", "4"]);
    assert!(!succeeded && message.contains("draws no spikes"), "{message}");
    model_file(folder.path(), "source: Poisson(rate: PerStep(1.0), of_input: true)");
    let (succeeded, message) = run(&[]);
    assert!(!succeeded && message.contains("[n, 2, 16, 16]"), "{message}");
}
