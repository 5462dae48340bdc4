//! Every number of every built-in target, replaced by absurd ones: the target is refused, or a small network is
//! compiled
//! for it and simulated, in bounded memory.

use rayon::prelude::*;
use snnc_compiler::driver::{CompileOptions, compile};
use snnc_compiler::frontend::LoadedModel;
use snnc_compiler::graph::{Builder, Op};
use snnc_compiler::ir::{NetworkId, Shape};
use snnc_compiler::layers::{Conv, Flatten, If, Input, Linear, MeanOverTime};
use snnc_compiler::weights::Tensor;
use snnc_simulator::charge::Meter;
use snnc_simulator::execute::Chip;
use snnc_simulator::execute::slice::SliceTrace;
use snnc_simulator::time::Fidelity;
use snnc_targets::{Code, Target, registry};

/// What is written in a number's place.
const ABSURD: [&str; 9] =
    ["0", "1", "-1", "4294967295", "18446744073709551615", "1e300", "0.00000001", "NaN", "inf"];
/// Bytes beyond which memory is out of all proportion to a network of 52 neurons.
const MEMORY_MAX: u64 = 2 << 30;

/// `[1, 4, 4]` -> 2 firing channels -> 1 firing channel -> sum of 4 outputs.
fn model() -> LoadedModel {
    let conv = |outputs: usize, inputs: usize| {
        let length = outputs * inputs * 9;
        let weights = (0..length).map(|i| (i % 5) as f64 / 2.0 - 0.5).collect();
        let weight = Tensor::new(vec![outputs, inputs, 3, 3], weights);
        Op::Conv(Conv { padding: (1, 1), ..Conv::new(weight) })
    };
    let fires = || Op::If(If::new(1.0));
    let linear = Op::Linear(Linear { weight: Tensor::new(vec![4, 16], vec![0.5; 64]), bias: None });
    let input = Op::Input(Input::constant(Shape::new(1, 4, 4)));
    let ops = [input, conv(2, 1), fires(), conv(1, 2), fires(), Flatten.into(), linear, MeanOverTime.into()];
    let graph = Builder::chain("small", 3, ops).finish().unwrap();
    LoadedModel {
        name: "small".into(),
        graphs: [("small".into(), graph)].into_iter().collect(),
        pipeline: None,
        origin: Default::default(),
    }
}

/// Start and end of each number of a RON text, outside of strings and comments.
fn numbers(text: &str) -> Vec<(usize, usize)> {
    let (bytes, mut found, mut at) = (text.as_bytes(), Vec::new(), 0);
    let name = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'_' || byte == b'.';
    while at < bytes.len() {
        if bytes[at..].starts_with(b"//") {
            at += text[at..].find('\n').unwrap_or(text.len() - at);
        } else if bytes[at] == b'"' {
            at += 2 + text[at + 1..].find('"').unwrap_or(text.len() - at - 2);
        } else if bytes[at].is_ascii_digit() {
            let end = at + bytes[at..].iter().take_while(|&&byte| name(byte)).count();
            found.push((at, end));
            at = end;
        } else if name(bytes[at]) {
            at += bytes[at..].iter().take_while(|&&byte| name(byte)).count();
        } else {
            at += 1;
        }
    }
    found
}

/// Compiles and simulates; whether the target holds the network.
fn runs(model: &LoadedModel, target: &Target) -> bool {
    let Ok((_, program, report)) = compile(model, target, CompileOptions::default()) else { return false };
    assert!(!report.to_string().is_empty());
    if program.needs_timesteps().is_err() {
        return true;
    }
    let chip = Chip::new(program.clone());
    let outcome = chip.run(NetworkId(0), &[1.0; 16]).unwrap();
    for fidelity in [Fidelity::None, Fidelity::Analytic, Fidelity::Cycle { every: 1 }] {
        let Ok(meter) = Meter::new(&program, &chip.table, fidelity) else { continue };
        let mut record = meter.record();
        let traces: &[SliceTrace] = &outcome.traces;
        meter.add_pass(&mut record, 0, &outcome.counts, traces);
        let total = record.ledger.total();
        assert_eq!(total.total(), record.ledger.by_slice().iter().map(|breakdown| breakdown.total()).sum());
    }
    true
}

#[test]
fn absurd_numbers_are_refused_or_simulated() {
    let model = model();
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/targets");
    let texts: Vec<(&str, String)> = registry::names()
        .map(|name| (name, std::fs::read_to_string(format!("{folder}/{name}.ron")).unwrap()))
        .collect();
    let mutations: Vec<(&str, String, String)> = texts
        .iter()
        .flat_map(|(name, text)| {
            assert!(runs(&model, &registry::load(name).unwrap()), "{name} holds the network as it is");
            numbers(text).into_iter().flat_map(move |(start, end)| {
                let line = text[..start].lines().count();
                ABSURD.iter().map(move |absurd| {
                    let place = format!("{name}.ron:{line}: {} -> {absurd}", &text[start..end]);
                    (*name, place, format!("{}{absurd}{}", &text[..start], &text[end..]))
                })
            })
        })
        .collect();
    assert!(mutations.len() > 5_000, "{}", mutations.len());
    let held: usize = mutations
        .par_iter()
        .map(|(_, place, text)| match registry::parse(text, place) {
            Err(refused) => {
                let known = |code: &Code| [Code::RonSyntax, Code::TargetInvalid].contains(code);
                assert!(refused.codes().iter().all(known), "{place}: {refused}");
                let says = |d: &snnc_targets::Diagnostic| {
                    d.code == Code::RonSyntax || d.message.contains("expected")
                };
                assert!(refused.0.iter().all(says), "{place}: {refused}");
                0
            }
            Ok(target) => usize::from(runs(&model, &target)),
        })
        .sum();
    assert!(held > 1_000, "only {held} of {} were simulated", mutations.len());
    let peak = snnc::report::memory::peak_bytes();
    assert!(peak < MEMORY_MAX, "{peak} bytes were taken");
}
