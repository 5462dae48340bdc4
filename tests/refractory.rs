//! Refractory neurons by model file: the chip's spikes are the float reference's, and there are fewer than without.

#![cfg(unix)]

use crate::common::process::{fails, ok, snnc};

const FOLDER: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/examples/feed-forward");

/// The example's network of convolutions with other neurons, verified; agreement and rate of its layers.
fn verified(neurons: &str, target: &str) -> Vec<(f64, f64)> {
    let folder = tempfile::tempdir().unwrap();
    let file = |name: &str| folder.path().join(name);
    let model = std::fs::read_to_string(format!("{FOLDER}/model.ron")).unwrap();
    assert!(model.contains("If(threshold: 4.0)"));
    std::fs::write(file("model.ron"), model.replace("If(threshold: 4.0)", neurons)).unwrap();
    std::fs::copy(format!("{FOLDER}/weights.safetensors"), file("weights.safetensors")).unwrap();
    let picture = |i: u32| ((i * 37 % 144) as f32 / 72.0 - 1.0).to_le_bytes();
    let header = "{'descr': '<f4', 'fortran_order': False, 'shape': (1, 1, 12, 12), }";
    let mut npy = [b"\x93NUMPY\x01\x00".as_slice(), &118u16.to_le_bytes(), header.as_bytes()].concat();
    npy.resize(127, b' ');
    npy.push(b'\n');
    npy.extend((0..144).flat_map(picture));
    std::fs::write(file("x.npy"), npy).unwrap();
    let run =
        ["verify", "model.ron", "--target", target, "--input", "x.npy", "--network", "classifier", "--json"];
    let output = ok(snnc(run).current_dir(folder.path()));
    let report: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
    let layer = |layer: &serde_json::Value| {
        (layer["spike_agreement"].as_f64().unwrap(), layer["rate_float"].as_f64().unwrap())
    };
    report["layers"].as_array().unwrap().iter().map(layer).collect()
}

#[test]
fn the_chip_is_silent_when_the_float_reference_is() {
    let free = verified("If(threshold: 4.0)", "loihi-like");
    for (neurons, target) in [
        ("If(threshold: 4.0, refractory: 2)", "loihi-like"),
        ("If(threshold: 4.0, refractory: 2)", "spinnaker2-like"),
        ("If(threshold: 4.0, refractory: 1, soft_reset: true)", "loihi2-like"),
    ] {
        let layers = verified(neurons, target);
        assert!(
            layers.len() == 3 && layers.iter().all(|layer| layer.0 > 0.999),
            "{neurons} {target} {layers:?}"
        );
        assert!(layers[0].1 > 0.0 && layers[0].1 < free[0].1, "{neurons} {target} {layers:?} {free:?}");
    }
}

#[test]
fn a_chip_that_cannot_count_refuses_by_name() {
    let folder = tempfile::tempdir().unwrap();
    let model = std::fs::read_to_string(format!("{FOLDER}/model.ron")).unwrap();
    std::fs::write(
        folder.path().join("model.ron"),
        model.replace("threshold: 4.0", "threshold: 4.0, refractory: 2"),
    )
    .unwrap();
    std::fs::copy(format!("{FOLDER}/weights.safetensors"), folder.path().join("weights.safetensors"))
        .unwrap();
    let mut compile = snnc(["compile", "model.ron", "--target", "truenorth-like"]);
    fails(compile.current_dir(folder.path()), "E0011", "never refractory");
}
