//! A loop that leaves its spikes fewer timesteps than it has layers of neurons: refused, or run with the chip's delays,
//! which is the network with a longer delay.

use std::process::Command;

use snnc::comparison::compare_samples;
use snnc::{CompileOptions, Model, Program, Samples};
use snnc_compiler::frontend::Description;
use snnc_compiler::ir::NetworkId;
use snnc_compiler::weights::Tensor;
use snnc_simulator::execute::Chip;
use snnc_targets::Code;

const NET: NetworkId = NetworkId(0);
const STEPS: usize = 12;

/// Two layers of neurons in a loop, whose spikes come back so many timesteps later.
fn model(steps: usize) -> Model {
    Model::describe(&description(steps)).unwrap()
}

fn description(steps: usize) -> Description {
    let weights = |n: usize| (0..n * n).map(|i| ((i * 7 + 3) % 9) as f64 / 4.0 - 0.75).collect::<Vec<f64>>();
    let tensors = ["in", "a", "b"].map(|name| (name.to_owned(), Tensor::new(vec![4, 4], weights(4))));
    let text = format!(
        r#"(format: "snnc.model/1", name: "loop", weights: {{"w": "w.safetensors"}}, networks: {{ "net": (
        timesteps: {STEPS}, layers: [
            (name: "x", op: Input(shape: (4, 1, 1), spikes: true)),
            (name: "fc", from: ["x"], op: Linear(weight: ("w", "in"))),
            (name: "late", from: ["t"], op: Delay(steps: {steps}, shape: (4, 1, 1))),
            (name: "back", from: ["late"], op: Linear(weight: ("w", "b"))),
            (name: "sum", from: ["fc", "back"], op: Add),
            (name: "s", from: ["sum"], op: If(threshold: 1.5)),
            (name: "forth", from: ["s"], op: Linear(weight: ("w", "a"))),
            (name: "t", from: ["forth"], op: If(threshold: 1.0)),
            (name: "out", from: ["t"], op: SumOverTime),
        ]) }})"#
    );
    Description::new("model.ron", text, tensors.into_iter().collect()).unwrap()
}

fn compiled(model: &Model, feedback_chip: bool) -> Result<Program, snnc::Diagnostics> {
    let mut options = CompileOptions::default();
    options.lower.feedback_chip = feedback_chip;
    model.compile(&snnc::target("loihi-like").unwrap(), &options)
}

/// Spikes of both layers of neurons.
fn spikes(program: &Program, input: &[f64]) -> Vec<Vec<Vec<bool>>> {
    let chip = Chip::new(program.mapped().clone());
    let outcome = chip.run(NET, input).unwrap();
    let firing =
        chip.program.model.populations.iter().filter(|(_, p)| p.dynamics.fires() && !p.dynamics.is_port());
    firing.map(|(id, _)| chip.spikes(&outcome, id)).collect()
}

#[test]
fn a_short_loop_is_refused_or_runs_with_the_delays_of_the_chip() {
    let short = model(1);
    let problems = compiled(&short, false).unwrap_err();
    assert_eq!(problems.codes(), [Code::Unsupported]);
    let text = problems.to_string();
    assert!(text.contains("take 2 timesteps") && text.contains("`--feedback chip`"), "{text}");

    let accepted = compiled(&short, true).unwrap();
    let remarks = &accepted.compilation().unwrap().remarks;
    let [told] = &remarks[..] else { panic!("{remarks:?}") };
    assert!(
        told.contains("2 timesteps around the loop") && told.contains("1 in the trained network"),
        "{told}"
    );
    // What the chip runs is the network whose delay is as long as the chip's loop.
    let longer = compiled(&model(2), true).unwrap();
    assert!(longer.compilation().unwrap().remarks.is_empty());
    let input: Vec<f64> = (0..STEPS * 4).map(|i| f64::from(u8::from(i * 5 % 7 < 3))).collect();
    let found = spikes(&accepted, &input);
    assert_eq!(found, spikes(&longer, &input));
    let fired = found.iter().flatten().flatten().filter(|&&fired| fired).count();
    assert!(fired > 10, "{fired}");
    // The comparison is with the network as it was trained.
    let samples = Samples::new(&accepted.mapped().model, NET, input).unwrap();
    let compared = compare_samples(&short, &accepted, &samples, None, &()).unwrap();
    assert!(compared.layers.iter().any(|layer| layer.spike_agreement < 1.0), "{:?}", compared.layers);
}

#[test]
fn the_question_what_fits_hears_whose_delays_hold() {
    let folder = tempfile::tempdir().unwrap();
    let path = description(1).write(folder.path()).unwrap();
    let fits = |more: &[&str]| {
        let mut asked = Command::new(env!("CARGO_BIN_EXE_snnc"));
        asked
            .arg("fit")
            .arg(&path)
            .args(["--target", "loihi-like"])
            .args(more)
            .output()
            .unwrap()
            .status
            .code()
    };
    assert_eq!((fits(&[]), fits(&["--feedback", "chip"])), (Some(1), Some(0)));
}
