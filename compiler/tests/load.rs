//! Model files. What the loader refuses stands in the test files of `files/models`; here is what takes more than a
//! text.

use crate::support::codes;
use snnc_compiler::frontend::{LoadedModel, load};
use snnc_compiler::weights::{Stored, Values, write_safetensors};
use snnc_targets::{Code, Diagnostics};
use tempfile::TempDir;

/// A small model of every operation.
const MODEL: &str = include_str!("files/models/tiny.ron");

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

fn load_text(text: &str) -> Result<LoadedModel, Diagnostics> {
    let folder = folder();
    let path = folder.path().join("model.ron");
    std::fs::write(&path, text).unwrap();
    load(&path)
}

#[test]
fn the_model_itself_loads() {
    let model = load_text(MODEL).unwrap();
    assert_eq!(model.graphs["denoiser"].net.edge_count(), 8);
    assert_eq!(model.graphs["decoder"].timesteps, 3);
    assert!(model.pipeline.is_some());
}

#[test]
fn texts_without_a_model_are_syntax_errors() {
    assert_eq!(codes(&load_text("").unwrap_err()), [Code::RonSyntax]);
    assert_eq!(codes(&load_text(&"(".repeat(100_000)).unwrap_err()), [Code::RonSyntax]);
}

#[test]
fn a_model_that_does_not_exist_is_named() {
    let errors = load(&folder().path().join("none.ron")).unwrap_err();
    assert_eq!(codes(&errors), [Code::FileUnreadable]);
}

#[test]
fn floods_are_bounded() {
    let errors: String =
        (0..5000).map(|i| format!("(name: \"x{i}\", from: [\"y{i}\"], op: MeanOverTime),")).collect();
    let flooded = MODEL.replacen("(name: \"conv\"", &format!("{errors}(name: \"conv\""), 1);
    assert!(load_text(&flooded).unwrap_err().0.len() < 500);
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
    let layers = r#"(name: "i", op: Input(shape: (2, 4, 4))),
        (name: "c", from: ["i"], op: Conv2d(weight: ("w", "conv"))),
        (name: "d", from: ["c"], op: Conv2d(weight: ("w", "conv")))"#;
    let text = format!(
        r#"(format: "snnc.model/1", name: "big", weights: {{"w": "w.safetensors"}},
            networks: {{"n": (timesteps: 1, layers: [{layers}])}})"#
    );
    let path = folder.path().join("big.ron");
    std::fs::write(&path, text).unwrap();
    let errors = load(&path).unwrap_err();
    assert_eq!(codes(&errors), [Code::ModelInvalid], "told once: {errors}");
}
