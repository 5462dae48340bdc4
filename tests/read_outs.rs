//! Read-outs and sums of currents against what their definitions give by hand: the first spike, and a constant input
//! beside spikes.

use snnc::{CompileOptions, Model, Program, Samples, Session, SessionOptions};
use snnc_compiler::frontend::Description;
use snnc_compiler::ir::NetworkId;
use snnc_compiler::ir::spiking::Bias;
use snnc_compiler::reference::Interpreter;
use snnc_compiler::weights::Tensor;
use snnc_simulator::execute::{Chip, oracle};
use snnc_targets::Code;

const NET: NetworkId = NetworkId(0);

/// A network of these layers and tensors.
fn described(steps: usize, layers: &str, tensors: &[(&str, &[usize], &[f64])]) -> Description {
    let tensors = tensors
        .iter()
        .map(|(name, shape, values)| ((*name).to_owned(), Tensor::new(shape.to_vec(), values.to_vec())));
    let text = format!(
        "(format: \"snnc.model/1\", name: \"net\", weights: {{\"w\": \"w.safetensors\"}}, networks: {{ \"net\": \
         (timesteps: {steps}, layers: [{layers}]) }})"
    );
    Description::new("model.ron", text, tensors.collect()).unwrap()
}

fn compiled(description: &Description, target: &str) -> (Model, Program) {
    let model = Model::describe(description).unwrap();
    let program = model.compile(&snnc::target(target).unwrap(), &CompileOptions::default()).unwrap();
    (model, program)
}

/// Spikes `[t][neuron]` of four samples, three neurons and `steps` timesteps.
fn trains(steps: usize) -> Vec<Vec<Vec<bool>>> {
    let mut state = 5u64;
    let mut draw = || {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (state >> 33).is_multiple_of(4)
    };
    let mut step = || (0..3).map(|_| draw()).collect::<Vec<bool>>();
    let mut samples: Vec<Vec<Vec<bool>>> = (0..3).map(|_| (0..steps).map(|_| step()).collect()).collect();
    samples.push(vec![vec![false; 3]; steps]);
    samples
}

fn flat(samples: &[Vec<Vec<bool>>]) -> Vec<f64> {
    samples.iter().flatten().flatten().map(|&fired| f64::from(u8::from(fired))).collect()
}

#[test]
fn the_first_spike_is_read_as_how_early_it_is() {
    const STEPS: usize = 9;
    // Neurons that fire with every second spike that they receive, and the input itself.
    let neurons = r#"(name: "x", op: Input(shape: (3, 1, 1), spikes: true)),
        (name: "fc", from: ["x"], op: Linear(weight: ("w", "one"))),
        (name: "s", from: ["fc"], op: If(threshold: 2.0)),
        (name: "out", from: ["s"], op: FirstSpike),"#;
    let input = r#"(name: "x", op: Input(shape: (3, 1, 1), spikes: true)),
        (name: "out", from: ["x"], op: FirstSpike),"#;
    let one = [1.0, 0.0, 0.0, 0.0, 1.0, 0.0, 0.0, 0.0, 1.0];
    let samples = trains(STEPS);
    for (layers, needed) in [(neurons, 2), (input, 1)] {
        let description = described(STEPS, layers, &[("one", &[3, 3], &one)]);
        // Of T timesteps T less the one in which so many spikes have come, counted from 0; 0 without.
        let early = |sample: &Vec<Vec<bool>>, neuron: usize| {
            let spikes = (0..STEPS).filter(|&t| sample[t][neuron]);
            spikes.clone().nth(needed - 1).map_or(0.0, |t| (STEPS - t) as f64)
        };
        let expected: Vec<Vec<f64>> =
            samples.iter().map(|sample| (0..3).map(|neuron| early(sample, neuron)).collect()).collect();
        assert!(expected.iter().flatten().filter(|&&value| value > 0.0).count() > 4, "{expected:?}");
        assert_eq!(expected[3], [0.0; 3]);
        let (model, program) = compiled(&description, "loihi-like");
        let fed = Samples::new(&program.mapped().model, NET, flat(&samples)).unwrap();
        let session = Session::new(&program, SessionOptions::default()).unwrap();
        let items = session.run(&fed).unwrap().items;
        let close = |a: &Vec<f64>, b: &Vec<f64>| a.iter().zip(b).all(|(a, b)| (a - b).abs() < 1e-9);
        assert!(items.iter().zip(&expected).all(|(a, b)| close(a, b)), "{items:?} {expected:?}");
        let interpreter = Interpreter::new(&model.loaded().graphs["net"]).unwrap();
        for (index, expected) in (0..).zip(&expected) {
            assert_eq!(interpreter.pass(&fed.sample(index)).unwrap().output().data, *expected);
        }
    }
}

#[test]
fn the_first_spike_of_what_is_not_spikes_is_refused_where_it_stands() {
    let layers = r#"(name: "x", op: Input(shape: (3, 1, 1), spikes: true)),
(name: "fc", from: ["x"], op: Linear(weight: ("w", "one"))),
(name: "out", from: ["fc"], op: FirstSpike),"#;
    let refused = |layers: &str| described(4, layers, &[("one", &[3, 3], &[1.0; 9])]).build().unwrap_err();
    let problems = refused(layers);
    assert_eq!(problems.codes(), [Code::LayerShape]);
    let text = problems.to_string();
    assert!(
        text.contains("reads \"fc\" (Linear), which is not spikes") && text.contains("net.out"),
        "{text}"
    );
    let text = refused(&layers.replace("[\"fc\"]", "[\"fd\"]")).to_string();
    assert!(text.contains("no layer of the network has that name") && text.contains("near names"), "{text}");
    let text = refused(&layers.replace("[\"fc\"], op: F", "[\"fc\", \"x\"], op: F")).to_string();
    assert!(text.contains("has 2 inputs"), "{text}");
}

#[test]
fn a_constant_input_is_added_to_what_comes_from_spikes() {
    const STEPS: usize = 6;
    // A recurrent layer with direct coding: v += A x + b + B s(t - 1), fires at 1 and goes to 0.
    let layers = r#"(name: "x", op: Input(shape: (2, 1, 1))),
        (name: "fc", from: ["x"], op: Linear(weight: ("w", "a"), bias: Some(("w", "b")))),
        (name: "late", from: ["s"], op: Delay(steps: 1, shape: (3, 1, 1))),
        (name: "back", from: ["late"], op: Linear(weight: ("w", "back"))),
        (name: "sum", from: ["fc", "back"], op: Add),
        (name: "half", from: ["sum"], op: Scale(factor: 0.5)),
        (name: "s", from: ["half"], op: If(threshold: 1.0)),
        (name: "out", from: ["s"], op: SumOverTime),"#;
    let a = [-0.6, -0.47, 0.43, 1.15, -0.51, 1.05];
    let b = [0.32, 0.27, 0.23];
    let back = [0.0, 0.5, -0.75, 0.25, 0.0, 1.0, -0.5, 0.75, 0.0];
    let tensors: [(&str, &[usize], &[f64]); 3] =
        [("a", &[3, 2], &a), ("b", &[3], &b), ("back", &[3, 3], &back)];
    let description = described(STEPS, layers, &tensors);
    let (model, program) = compiled(&description, "loihi-like");
    let ir = program.spiking().unwrap();
    let (id, population) = ir.model.populations.iter().find(|(_, p)| p.name == "s").unwrap();
    assert_eq!(population.bias, Bias::Host);
    assert!(ir.projections.values().any(|projection| projection.target == id));
    let interpreter = Interpreter::new(&model.loaded().graphs["net"]).unwrap();
    let chip = Chip::new(program.mapped().clone());
    let (mut fired, mut closest) = (0, f64::INFINITY);
    for input in [[1.0, 0.5], [0.25, 0.75], [-0.5, 1.0], [1.0, -1.0]] {
        let (mut v, mut before) = ([0.0; 3], [false; 3]);
        let mut expected: Vec<Vec<bool>> = Vec::new();
        for _ in 0..STEPS {
            let mut now = [false; 3];
            for n in 0..3 {
                let constant = a[2 * n] * input[0] + a[2 * n + 1] * input[1] + b[n];
                let spikes: f64 = (0..3).filter(|&m| before[m]).map(|m| back[3 * n + m]).sum();
                v[n] += 0.5 * (constant + spikes);
                closest = (v[n] - 1.0).abs().min(closest);
                now[n] = v[n] >= 1.0;
                v[n] = if now[n] { 0.0 } else { v[n] };
            }
            before = now;
            expected.push(now.to_vec());
        }
        fired += expected.iter().flatten().filter(|&&spike| spike).count();
        assert_eq!(interpreter.pass(&input).unwrap().spikes("s").unwrap(), expected, "{input:?}");
        let outcome = chip.run(NET, &input).unwrap();
        assert_eq!(chip.spikes(&outcome, id), oracle::run(ir, NET, &input)[&id].spikes);
        assert_eq!(chip.spikes(&outcome, id), expected, "{input:?}");
    }
    // No membrane comes so near its threshold that a rounded bias could decide.
    assert!(fired > 10 && closest > 0.05, "{fired} spikes, {closest}");
}

#[test]
fn a_constant_beside_spikes_is_refused_by_name_where_it_has_no_form() {
    let refused = |layers: &str| {
        let tensors: [(&str, &[usize], &[f64]); 1] = [("k", &[2, 2, 1, 1], &[1.0; 4])];
        let model = Model::describe(&described(4, layers, &tensors)).unwrap();
        model
            .compile(&snnc::target("loihi-like").unwrap(), &CompileOptions::default())
            .unwrap_err()
            .to_string()
    };
    let begin = r#"(name: "x", op: Input(shape: (2, 2, 2))),
        (name: "c", from: ["x"], op: Conv2d(weight: ("w", "k"))),
        (name: "s", from: ["c"], op: If(threshold: 1.0)),"#;
    let second = r#"(name: "d", from: ["s"], op: Conv2d(weight: ("w", "k"))),"#;
    let end =
        r#"(name: "t", from: ["e"], op: If(threshold: 1.0)), (name: "out", from: ["t"], op: MeanOverTime),"#;
    let pooled = r#"(name: "sum", from: ["d", "c"], op: Add),
        (name: "e", from: ["sum"], op: AvgPool2d(kernel: (2, 2))),"#;
    let text = refused(&format!("{begin}{second}{pooled}{end}"));
    assert!(text.contains("net.e") && text.contains("put neurons between the two"), "{text}");
    let read = r#"(name: "e", from: ["d", "c"], op: Add), (name: "out", from: ["e"], op: MeanOverTime),"#;
    let text = refused(&format!("{begin}{second}{read}"));
    assert!(text.contains("net.out") && text.contains("put neurons between the two"), "{text}");
}
