//! Which targets hold the example. The table is a snapshot: a change of mapping, target or wording shows here.

use crate::common;
use std::process::Command;

use snnc::fit::fit;
use snnc_compiler::driver::CompileOptions;
use snnc_targets::registry;

#[test]
fn the_example_on_every_target_side_by_side() {
    let targets: Vec<_> = registry::names().map(|name| registry::load(name).unwrap()).collect();
    let answer = fit(&common::model(), &targets, CompileOptions::default(), &());
    insta::assert_snapshot!(answer.to_string());
    for row in &answer.targets {
        assert_eq!(row.fits, row.problems.is_empty());
        assert!(!row.fits || row.mapping.is_some());
        for problem in &row.problems {
            assert!(problem.remedy.is_some() && problem.place.contains("layer "), "{problem:?}");
        }
    }
    let row = |name: &str| answer.targets.iter().find(|row| row.target == name).unwrap();
    let cores = |name: &str| row(name).mapping.as_ref().unwrap().cores;
    assert!(row("loihi2-like").fits && cores("loihi2-like") <= 32, "{} cores", cores("loihi2-like"));
    assert_eq!(cores("loihi-like"), cores("loihi-like-sanafe"));
    let speck = &row("speck-like").problems;
    assert!(
        speck.iter().any(|p| p.place == "layer sdid.conv4" && p.message.contains("2097152 (2 Mi) words"))
    );
    assert!(row("truenorth-like").problems.iter().any(|p| p.message.contains("4 bits of weight")));
}

#[test]
fn a_users_target_and_narrower_weights_as_json() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("tiny.ron");
    let loihi = include_str!("../targets/loihi-like.ron");
    let tiny = loihi.replacen("\"loihi-like\"", "\"tiny\"", 1).replacen(
        "synapse_memory_bits: (1048576",
        "synapse_memory_bits: (64",
        1,
    );
    std::fs::write(&path, tiny).unwrap();
    let model = common::example();
    let output = Command::new(env!("CARGO_BIN_EXE_snnc"))
        .args([
            "fit",
            model.to_str().unwrap(),
            "--target",
            "truenorth-like",
            "--target",
            path.to_str().unwrap(),
            "--weights",
            "2",
            "--json",
        ])
        .output()
        .unwrap();
    assert_eq!(
        output.status.code(),
        Some(1),
        "neither holds it: {}",
        String::from_utf8_lossy(&output.stderr)
    );
    let json: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
    let rows = json["targets"].as_array().unwrap();
    assert_eq!(rows.len(), 2, "only those that were asked for");
    assert!(rows.iter().all(|row| row["weight_bits"] == 2));
    let tiny = &rows[1];
    assert_eq!((&tiny["target"], &tiny["fits"]), (&"tiny".into(), &false.into()));
    assert_eq!(tiny["problems"][0]["code"], "E0013");
    let at = tiny["problems"][0]["at"].as_str().unwrap();
    assert!(at.contains("model.ron:"), "{at}");
    assert!(tiny["problems"][0]["message"].as_str().unwrap().contains("synapse memory (bits)"));
    // 2-bit weights: 576 sources take two axons each.
    let crossbar = rows.iter().find(|row| row["target"] == "truenorth-like").unwrap();
    let problems = crossbar["problems"].as_array().unwrap();
    assert!(problems.iter().any(|p| p["message"].as_str().unwrap().contains("1152 input axons (2 bits")));

    let wide = Command::new(env!("CARGO_BIN_EXE_snnc"))
        .args(["fit", model.to_str().unwrap(), "--target", "missing.ron"])
        .output()
        .unwrap();
    assert_eq!(wide.status.code(), Some(1));
}

#[test]
fn samples_say_how_busy_cores_are() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("x.npy");
    let pictures: Vec<Vec<f64>> =
        (0..4).map(|i| (0..144).map(|j| f64::from((i * 31 + j * 7) % 17) / 8.0 - 1.0).collect()).collect();
    snnc::npy::write_floats(&path, &pictures, &[1, 12, 12]).unwrap();
    let input = path.to_str().unwrap();
    let fit = |more: &[&str]| {
        let mut asked = Command::new(env!("CARGO_BIN_EXE_snnc"));
        asked.args(["fit", "examples/feed-forward/model.ron", "--target", "loihi-like", "--json"]).args(more);
        asked.current_dir(env!("CARGO_MANIFEST_DIR")).output().unwrap()
    };
    let rows = |more: &[&str]| -> serde_json::Value {
        let output = fit(more);
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        let json: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
        json["targets"][0]["rows"].clone()
    };
    let plain = rows(&["--objectives"]);
    let fed = rows(&["--objectives", "--input", input, "--network", "classifier"]);
    let of = |rows: &serde_json::Value, objective: &str| {
        rows.as_array().unwrap().iter().find(|row| row["objective"] == objective).unwrap()["mapping"].clone()
    };
    // What every neuron is expected to fire tells time and energy, and no number of cores.
    assert_ne!(of(&plain, "time")["estimate"], of(&fed, "time")["estimate"]);
    assert_eq!(of(&plain, "cores")["cores"], of(&fed, "cores")["cores"]);
    for (wrong, found) in [
        (&["--input", input][..], "without --objectives"),
        (&["--objectives", "--input", input], "several networks"),
        (
            &["--objectives", "--input", input, "--network", "classifier", "--dt", "2"],
            "one map for all timesteps",
        ),
        (&["--objectives", "--input", "missing.npy", "--network", "classifier"], "missing.npy"),
    ] {
        let output = fit(wrong);
        let text = String::from_utf8_lossy(&output.stderr);
        assert!(!output.status.success() && text.contains(found), "{wrong:?}: {text}");
    }
}
