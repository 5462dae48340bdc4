//! Model files, right and wrong: every rule of the loader has a negative test.

mod support;

use std::path::PathBuf;

use snnc_compiler::frontend::{LoadedModel, load};
use snnc_compiler::weights::{Stored, Values, write_safetensors};
use snnc_targets::{Code, Diagnostics};
use support::codes;
use tempfile::TempDir;

/// A small model of every operation, with `REPLACED` parts for the tests.
const MODEL: &str = r#"(
  format: "snnc.model/1",
  name: "tiny",
  weights: {"w": "w.safetensors"},
  networks: {
    "denoiser": (timesteps: 3, layers: [
      (name: "input", op: Input(shape: (2, 4, 4))),
      (name: "conv", from: ["input"], op: Conv2d(weight: ("w", "conv"), bias: Some(("w", "two")), padding: (1, 1))),
      (name: "norm", from: ["conv"], op: BatchNorm(scale: ("w", "two"), shift: ("w", "two"), mean: ("w", "two"), variance: ("w", "two"), epsilon: 1e-5)),
      (name: "lif", from: ["norm"], op: Lif(tau: 2.0, threshold: 1.0, reset: 0.0)),
      (name: "extra", from: ["input"], op: Conv2d(weight: ("w", "single"))),
      (name: "skip", from: ["lif", "conv", "extra"], op: Concat),
      (name: "logits", from: ["skip"], op: MeanOverTime),
    ]),
    "decoder": (timesteps: 3, layers: [
      (name: "tokens", op: Input(shape: (1, 4, 4))),
      (name: "codes", from: ["tokens"], op: Embedding(table: ("w", "table"))),
      (name: "up", from: ["codes"], op: ConvTranspose2d(weight: ("w", "up"), stride: (2, 2), padding: (1, 1), output_padding: (1, 1))),
      (name: "spikes", from: ["up"], op: Lif(tau: 2.0, threshold: 1.0, reset: 0.0)),
      (name: "psp", from: ["spikes"], op: WeightedSum(coefficients: ("w", "three"))),
      (name: "rate", from: ["spikes"], op: MeanOverTime),
      (name: "feature", from: ["psp", "rate"], op: Mix(alpha: ("w", "one"))),
      (name: "token", from: ["feature"], op: NearestCode(table: ("w", "table"))),
    ]),
  },
  pipeline: Some((latent: (4, 4), mask: 5, iterations: 16, temperature: 0.65, denoiser: "denoiser", decoder: "decoder", codebook: "codes")),
)"#;

fn folder() -> TempDir {
    let folder = TempDir::new().unwrap();
    let tensor = |name: &str, shape: &[usize]| Stored {
        name: name.into(),
        shape: shape.to_vec(),
        values: Values::F32(vec![0.5; shape.iter().product()]),
    };
    let tensors = [
        tensor("conv", &[2, 2, 3, 3]),
        tensor("up", &[2, 2, 3, 3]),
        tensor("table", &[5, 2]),
        tensor("one", &[]),
        tensor("two", &[2]),
        tensor("single", &[1, 2, 1, 1]),
        tensor("three", &[3, 1, 1, 1, 1]),
    ];
    write_safetensors(&folder.path().join("w.safetensors"), &tensors).unwrap();
    folder
}

fn load_text(text: &str) -> (TempDir, PathBuf, Result<LoadedModel, Diagnostics>) {
    let folder = folder();
    let path = folder.path().join("model.ron");
    std::fs::write(&path, text).unwrap();
    let loaded = load(&path);
    (folder, path, loaded)
}

/// The model with parts replaced is refused with these codes; gives the whole message.
fn refused(replaced: &[(&str, &str)], expected: &[Code]) -> String {
    let mut text = MODEL.to_owned();
    for (old, new) in replaced {
        assert!(text.contains(old), "the model has no `{old}`");
        text = text.replacen(old, new, 1);
    }
    let errors = load_text(&text).2.expect_err(&format!("{replaced:?} was accepted"));
    let message = errors.to_string();
    assert_eq!(codes(&errors), expected, "{replaced:?}\n{message}");
    message
}

#[test]
fn the_model_itself_loads() {
    let model = load_text(MODEL).2.unwrap();
    assert_eq!(model.graphs["denoiser"].net.edge_count(), 8);
    assert_eq!(model.graphs["decoder"].timesteps, 3);
    assert!(model.pipeline.is_some());
}

#[test]
fn syntax_errors_name_line_and_column() {
    for (old, new, at) in [
        ("name: \"tiny\"", "name: \"tiny\", colour: 3", ":3:17"),
        ("padding: (1, 1))),\n      (name: \"norm\"", "pading: (1, 1))),\n      (name: \"norm\"", ":8:"),
        ("timesteps: 3", "timesteps: -3", ":6:"),
        ("op: Concat", "op: Conkat", ":12:"),
        ("(name: \"input\"", "(nam", ":7:"),
    ] {
        let message = refused(&[(old, new)], &[Code::RonSyntax]);
        assert!(message.contains(&format!("model.ron{at}")), "{new}: {message}");
    }
    assert_eq!(codes(&load_text("").2.unwrap_err()), [Code::RonSyntax]);
    assert_eq!(codes(&load_text(&"(".repeat(100_000)).2.unwrap_err()), [Code::RonSyntax]);
}

#[test]
fn missing_files_are_named() {
    let errors = load(&folder().path().join("none.ron")).unwrap_err();
    assert_eq!(codes(&errors), [Code::FileUnreadable]);
    let message = refused(&[("w.safetensors", "none.safetensors")], &[Code::FileUnreadable]);
    assert!(
        message.contains("none.safetensors") && message.contains("denoiser.conv"),
        "told once: {message}"
    );
}

#[test]
fn the_format_string_is_checked() {
    refused(&[("snnc.model/1", "snnc.model/9")], &[Code::ModelInvalid]);
}

#[test]
fn names_of_layers_tensors_and_handles_resolve() {
    let dangling = refused(&[(r#"from: ["norm"]"#, r#"from: ["nrm"]"#)], &[Code::GraphInvalid]);
    assert!(dangling.contains("layer denoiser.lif") && dangling.contains("near names: `norm`"), "{dangling}");
    let doubled =
        refused(&[(r#"(name: "norm""#, r#"(name: "conv""#)], &[Code::GraphInvalid, Code::GraphInvalid]);
    assert!(doubled.contains("two layers have this name"), "{doubled}");
    refused(&[(r#"(name: "rate""#, r#"(name: """#)], &[Code::GraphInvalid, Code::GraphInvalid]);
    let missing = refused(&[(r#"("w", "conv")"#, r#"("w", "convv")"#)], &[Code::TensorMissing]);
    assert!(missing.contains("layer denoiser.conv") && missing.contains("near names: `conv`"), "{missing}");
    refused(&[(r#"("w", "conv")"#, r#"("ww", "conv")"#)], &[Code::ModelInvalid]);
}

#[test]
fn numbers_of_inputs_follow_from_the_operation() {
    for (old, new) in [
        (r#"from: ["lif", "conv", "extra"]"#, r#"from: ["lif"]"#),
        (r#"from: ["psp", "rate"]"#, r#"from: ["psp"]"#),
        (r#"from: ["norm"], "#, ""),
        (r#"from: ["norm"]"#, r#"from: ["norm", "conv"]"#),
        (r#"(name: "input","#, r#"(name: "input", from: ["conv"],"#),
    ] {
        refused(&[(old, new)], &[Code::GraphInvalid]);
    }
    let second = r#"(name: "more", op: Input(shape: (2, 4, 4))), (name: "skip""#;
    refused(&[(r#"(name: "skip""#, second)], &[Code::GraphInvalid]);
}

#[test]
fn cycles_are_refused() {
    refused(
        &[(r#"(name: "conv", from: ["input"]"#, r#"(name: "conv", from: ["norm"]"#)],
        &[Code::GraphInvalid],
    );
    refused(&[(r#"(name: "lif", from: ["norm"]"#, r#"(name: "lif", from: ["lif"]"#)], &[Code::GraphInvalid]);
}

#[test]
fn tensors_of_a_layer_agree() {
    for (old, new) in [
        (r#"("w", "conv")"#, r#"("w", "table")"#),
        (r#"("w", "up")"#, r#"("w", "three")"#),
        (r#"Some(("w", "two"))"#, r#"Some(("w", "table"))"#),
        (r#"mean: ("w", "two")"#, r#"mean: ("w", "three")"#),
        (r#"mean: ("w", "two")"#, r#"mean: ("w", "one")"#),
        (r#"coefficients: ("w", "three")"#, r#"coefficients: ("w", "two")"#),
        (r#"alpha: ("w", "one")"#, r#"alpha: ("w", "two")"#),
        (r#"Embedding(table: ("w", "table"))"#, r#"Embedding(table: ("w", "two"))"#),
    ] {
        let message = refused(&[(old, new)], &[Code::TensorShape]);
        assert!(message.contains("expected") && message.contains(": layer "), "{message}");
    }
}

#[test]
fn parameters_are_in_range() {
    let padding = "padding: (1, 1))";
    for (old, new) in [
        ("tau: 2.0", "tau: 0.0"),
        ("tau: 2.0", "tau: inf"),
        ("threshold: 1.0", "threshold: NaN"),
        ("threshold: 1.0", "threshold: 0.0"),
        ("epsilon: 1e-5", "epsilon: -1.0"),
        (padding, "stride: (0, 1))"),
        (padding, "dilation: (1, 0))"),
        (padding, "padding: (1, 18446744073709551615))"),
        (padding, "groups: 0)"),
        (padding, "groups: 3)"),
        ("output_padding: (1, 1)", "output_padding: (2, 2)"),
        ("shape: (2, 4, 4)", "shape: (2, 0, 4)"),
        ("shape: (2, 4, 4)", "shape: (4294967296, 4294967296, 4)"),
    ] {
        let pipeline_too = new.starts_with("shape").then_some(Code::ModelInvalid);
        let expected: Vec<Code> = [Code::GraphInvalid].into_iter().chain(pipeline_too).collect();
        refused(&[(old, new)], &expected);
    }
}

#[test]
fn timesteps_are_in_range() {
    for timesteps in ["timesteps: 0", "timesteps: 4097"] {
        refused(&[("timesteps: 3", timesteps)], &[Code::ModelInvalid]);
    }
}

#[test]
fn the_pipeline_is_checked() {
    for (old, new) in [
        ("latent: (4, 4)", "latent: (0, 4)"),
        ("mask: 5", "mask: 4"),
        ("iterations: 16", "iterations: 0"),
        ("temperature: 0.65", "temperature: 0.0"),
        ("temperature: 0.65", "temperature: inf"),
        (r#"denoiser: "denoiser""#, r#"denoiser: "denoisr""#),
        (r#"decoder: "decoder""#, r#"decoder: "d""#),
        (r#"codebook: "codes""#, r#"encoder: Some("none"), codebook: "codes""#),
        (r#"codebook: "codes""#, r#"codebook: "code""#),
        (r#"codebook: "codes""#, r#"codebook: "up""#),
        ("shape: (1, 4, 4)", "shape: (1, 4, 5)"),
    ] {
        // The grid is that of both inputs and of the logits; each code has a row and a logit.
        let count = match new {
            "latent: (0, 4)" => 4,
            "mask: 4" => 2,
            _ => 1,
        };
        let message = refused(&[(old, new)], &vec![Code::ModelInvalid; count]);
        assert!(message.contains("model.ron:") && message.contains(": pipeline"), "{message}");
    }
}

#[test]
fn floods_are_bounded() {
    let errors: String =
        (0..5000).map(|i| format!("(name: \"x{i}\", from: [\"y{i}\"], op: MeanOverTime),")).collect();
    let flooded = MODEL.replacen("(name: \"conv\"", &format!("{errors}(name: \"conv\""), 1);
    assert!(load_text(&flooded).2.unwrap_err().0.len() < 500);
}

#[test]
fn more_weights_than_fit_in_memory_are_not_read() {
    // A sparse file of 2^33 bytes whose index is right.
    let folder = folder();
    let header = r#"{"conv":{"dtype":"U8","shape":[8589934592],"data_offsets":[0,8589934592]}}"#;
    let path = folder.path().join("w.safetensors");
    std::fs::write(&path, [&(header.len() as u64).to_le_bytes(), header.as_bytes()].concat()).unwrap();
    let file = std::fs::OpenOptions::new().write(true).open(&path).unwrap();
    file.set_len(8 + header.len() as u64 + (1 << 33)).unwrap();
    let layers = r#"(name: "i", op: Input(shape: (2, 4, 4))), (name: "c", from: ["i"], op: Conv2d(weight: ("w", "conv"))), (name: "d", from: ["c"], op: Conv2d(weight: ("w", "conv")))"#;
    let text = format!(
        r#"(format: "snnc.model/1", name: "big", weights: {{"w": "w.safetensors"}}, networks: {{"n": (timesteps: 1, layers: [{layers}])}})"#
    );
    let path = folder.path().join("big.ron");
    std::fs::write(&path, text).unwrap();
    let errors = load(&path).unwrap_err();
    assert_eq!(codes(&errors), [Code::ModelInvalid], "told once: {errors}");
}

#[test]
fn many_errors_are_collected() {
    let replaced = [("tau: 2.0", "tau: -1.0"), ("(\"w\", \"up\")", "(\"w\", \"upp\")"), ("0.65", "-1.0")];
    refused(&replaced, &[Code::GraphInvalid, Code::TensorMissing, Code::ModelInvalid]);
}

#[test]
fn feed_forward_layers_are_checked_as_they_are_read() {
    let network = |op: &str| {
        let layers = format!(
            "(name: \"in\", op: Input(shape: (1, 1, 2))), (name: \"layer\", from: [\"in\"], op: {op})"
        );
        format!("\"plain\": (timesteps: 3, layers: [{layers}]), \"decoder\": (timesteps")
    };
    let sparse = |sources: &str, targets: &str, outputs: usize| {
        format!(
            "Sparse(sources: (\"w\", \"{sources}\"), targets: (\"w\", \"{targets}\"), weights: (\"w\", \"two\"), outputs: {outputs})"
        )
    };
    for (op, code, part) in [
        (String::from(r#"Linear(weight: ("w", "two"))"#), Code::TensorShape, "[out, in]"),
        (
            String::from(r#"Linear(weight: ("w", "table"), bias: Some(("w", "two")))"#),
            Code::TensorShape,
            "[5]",
        ),
        (sparse("two", "table", 3), Code::TensorShape, "expected [2]"),
        (sparse("two", "two", 3), Code::TensorShape, "entry 0 of `two` of `w` is 0.5"),
        (sparse("two", "two", 0), Code::GraphInvalid, "0 outputs"),
        (String::from("If(threshold: 0.0)"), Code::GraphInvalid, "threshold is 0"),
    ] {
        let message = refused(&[("\"decoder\": (timesteps", &network(&op))], &[code]);
        assert!(message.contains(part) && message.contains("layer plain.layer"), "{message}");
    }
}
