//! A concatenation of spikes with what is constant over time is, for the layer behind it, the sum of two layers: one
//! for each part, with its part of the weights.

use snnc::comparison::compare_samples;
use snnc::{CompileOptions, Model, Program, Samples};
use snnc_compiler::frontend::Description;
use snnc_compiler::ir::NetworkId;
use snnc_compiler::weights::Tensor;
use snnc_simulator::execute::Chip;

const NET: NetworkId = NetworkId(0);

/// Multiples of 1/8 from -1 to 1, so that sums are exact in any order.
fn eighths(shape: Vec<usize>, seed: usize) -> Tensor {
    let count = shape.iter().product();
    Tensor::new(
        shape,
        (0..count).map(|i| ((i * 11 + seed * 5) % 17) as f64 / 8.0 - 1.0).collect::<Vec<f64>>(),
    )
}

/// The channels `from` to `to` of the inputs of a kernel `[4, 5, 3, 3]`.
fn part(whole: &Tensor, from: usize, to: usize) -> Tensor {
    let values = whole.data.to_vec();
    let rows = (0..4).flat_map(|o| (from..to).map(move |i| (o * 5 + i) * 9));
    let kept: Vec<f64> = rows.flat_map(|at| values[at..at + 9].to_vec()).collect();
    Tensor::new(vec![4, to - from, 3, 3], kept)
}

/// Two channels of spikes and three constant ones, joined in this order and convolved: by a concatenation, or by hand.
fn model(joined: &str) -> Model {
    let whole = eighths(vec![4, 5, 3, 3], 3);
    let mut tensors = vec![
        ("first".to_owned(), eighths(vec![2, 2, 3, 3], 1)),
        ("still".to_owned(), eighths(vec![3, 2, 1, 1], 2)),
        ("spikes".to_owned(), part(&whole, 0, 2)),
        ("constant".to_owned(), part(&whole, 2, 5)),
        ("eight".to_owned(), eighths(vec![4, 8, 1, 1], 5)),
        ("bias".to_owned(), eighths(vec![4], 7)),
    ];
    tensors.push(("whole".to_owned(), whole));
    let text = format!(
        r#"(format: "snnc.model/1", name: "joined", weights: {{"w": "w.safetensors"}}, networks: {{ "net": (
        timesteps: 8, layers: [
            (name: "x", op: Input(shape: (2, 4, 4))),
            (name: "first", from: ["x"], op: Conv2d(weight: ("w", "first"), padding: (1, 1))),
            (name: "s", from: ["first"], op: If(threshold: 1.0)),
            (name: "still", from: ["x"], op: Conv2d(weight: ("w", "still"))),
            {joined}
            (name: "t", from: ["sum"], op: If(threshold: 1.0)),
            (name: "out", from: ["t"], op: SumOverTime),
        ]) }})"#
    );
    Model::describe(&Description::new("model.ron", text, tensors.into_iter().collect()).unwrap()).unwrap()
}

fn compiled(model: &Model) -> Program {
    model.compile(&snnc::target("loihi-like").unwrap(), &CompileOptions::default()).unwrap()
}

/// Spikes of the neurons behind the joined currents, and the read-out.
fn answers(program: &Program, input: &[f64]) -> (Vec<Vec<bool>>, Vec<Vec<f64>>) {
    let chip = Chip::new(program.mapped().clone());
    let outcome = chip.run(NET, input).unwrap();
    let last = chip.program.model.populations.iter().find(|(_, p)| p.name == "t").unwrap().0;
    (chip.spikes(&outcome, last), outcome.readouts)
}

#[test]
fn a_constant_stands_among_channels_of_spikes() {
    let joined = model(
        r#"(name: "both", from: ["s", "still"], op: Concat),
           (name: "sum", from: ["both"], op: Conv2d(weight: ("w", "whole"), bias: Some(("w", "bias")), 
             padding: (1, 1))),"#,
    );
    let by_hand = model(
        r#"(name: "a", from: ["s"], op: Conv2d(weight: ("w", "spikes"), bias: Some(("w", "bias")), padding: (1, 1))),
           (name: "b", from: ["still"], op: Conv2d(weight: ("w", "constant"), padding: (1, 1))),
           (name: "sum", from: ["a", "b"], op: Add),"#,
    );
    let (chip, other) = (compiled(&joined), compiled(&by_hand));
    let inputs: Vec<f64> = (0..5 * 32).map(|i| ((i * 13 + 4) % 9) as f64 / 8.0 - 0.5).collect();
    let mut fired = [0; 2];
    for input in inputs.chunks(32) {
        let found = answers(&chip, input);
        assert_eq!(found, answers(&other, input));
        found.0.iter().flatten().for_each(|&spike| fired[usize::from(spike)] += 1);
    }
    assert!(fired.iter().all(|&count| count > 50), "{fired:?}");
    // The host does no more than by hand but for handing the channels on.
    let adds = |program: &Program| -> u64 {
        program.mapped().model.host_work(NET).iter().map(|work| work.multiply_adds_per_pass).sum()
    };
    assert!(adds(&chip) >= adds(&other), "{} {}", adds(&chip), adds(&other));
    // And both are the network as it was trained, as far as rounding goes.
    let samples = Samples::new(&chip.mapped().model, NET, inputs).unwrap();
    for (model, program) in [(&joined, &chip), (&by_hand, &other)] {
        let compared = compare_samples(model, program, &samples, None, &()).unwrap();
        assert!(compared.layers.iter().all(|layer| layer.spike_agreement > 0.95), "{:?}", compared.layers);
    }
}

#[test]
fn several_constants_in_a_concatenation_are_refused_by_name() {
    let model = model(
        r#"(name: "more", from: ["x"], op: Conv2d(weight: ("w", "still"))),
           (name: "both", from: ["s", "still", "more"], op: Concat),
           (name: "sum", from: ["both"], op: Conv2d(weight: ("w", "eight"))),"#,
    );
    let problems =
        model.compile(&snnc::target("loihi-like").unwrap(), &CompileOptions::default()).unwrap_err();
    let text = problems.to_string();
    assert!(text.contains("both") && text.contains("several currents that are constant over time"), "{text}");
}
