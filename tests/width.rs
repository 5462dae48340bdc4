//! No line of what commands tell people is wider than a terminal of 80 columns, but for the paths that users give.

use std::path::{Path, PathBuf};

use crate::common::process::{ok, snnc};

fn example(name: &str) -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("examples").join(name)
}

/// Runs a command in a folder, so that no long path is told; every line fits.
fn fits(folder: &Path, arguments: &[&str]) -> String {
    let output = ok(snnc(arguments).current_dir(folder));
    let text = String::from_utf8(output.stdout).unwrap();
    assert!(text.lines().count() > 3, "{arguments:?}: {text}");
    let wide: Vec<&str> = text.lines().filter(|line| line.chars().count() > 80).collect();
    assert!(wide.is_empty(), "{arguments:?}:\n{}", wide.join("\n"));
    text
}

/// Networks, a chip that has their neurons, and the closest model of its time.
const CLASSIFIERS: [(&str, &str, &str); 5] = [
    ("digits-cnn", "loihi-like", "cycle"),
    ("digits-leaky", "loihi2-like", "cycle"),
    ("digits-recurrent", "spinnaker2-like", "analytic"),
    ("digits-residual", "loihi2-like", "cycle"),
    ("bars-events", "loihi-like", "cycle"),
];

/// A folder with the files of an example.
fn copied(name: &str) -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    for entry in std::fs::read_dir(example(name)).unwrap() {
        let path = entry.unwrap().path();
        if path.is_file() {
            std::fs::copy(&path, folder.path().join(path.file_name().unwrap())).unwrap();
        }
    }
    folder
}

#[test]
fn classifiers() {
    for (name, target, timing) in CLASSIFIERS {
        let folder = copied(name);
        let fits = |arguments: &[&str]| fits(folder.path(), arguments);
        let on = ["model.ron", "--target", target];
        let fed = ["--input", "inputs.npy", "--labels", "labels.npy", "--samples", "2"];
        let run = [&["run"][..], &on, &fed].concat();
        fits(
            &[&run[..], &["--effort", "fast", "--timing", "analytic", "--sensitivity", "--out", "a"]]
                .concat(),
        );
        let told = fits(&[&["-v"][..], &run[..], &["--timing", timing, "--out", "b", "--html"]].concat());
        assert_eq!(told.contains("Slowest packets"), timing == "cycle", "{told}");
        assert!(told.contains("Energy by constant"), "{told}");
        fits(&["compare", "a", "b"]);
        fits(&[&["compile", "--effort", "fast"][..], &on].concat());
        fits(&[&["-v", "compile"][..], &on].concat());
        fits(&[&["verify"][..], &on, &["--input", "inputs.npy", "--samples", "2"]].concat());
        if name == "digits-cnn" {
            fits(&["fit", "model.ron"]);
            fits(&["fit", "model.ron", "--objectives", "--target", "loihi-like"]);
        }
    }
}

#[test]
fn generation_on_every_target_that_holds_it() {
    let folder = copied("spiking-diffusion-mnist");
    let model = std::fs::read_to_string(folder.path().join("model.ron")).unwrap();
    let short = model.replace("iterations: 49", "iterations: 2");
    assert_ne!(short, model);
    std::fs::write(folder.path().join("model.ron"), short).unwrap();
    for target in ["loihi-like", "loihi-like-sanafe", "loihi2-like", "spinnaker2-like", "darwin3-like"] {
        let run = ["-v", "run", "model.ron", "--images", "2", "--effort", "fast", "--timing", "analytic"];
        let told = fits(folder.path(), &[&run[..], &["--sensitivity", "--target", target]].concat());
        assert!(told.contains("Each constant at the ends of its range"), "{target}: {told}");
    }
}

#[test]
fn every_target() {
    let folder = tempfile::tempdir().unwrap();
    let list = String::from_utf8(ok(&mut snnc(["targets"])).stdout).unwrap();
    let names = list.lines().filter(|line| !line.starts_with(' ')).filter_map(|line| line.split(' ').next());
    let names: Vec<&str> = names.collect();
    assert!(names.len() >= 8, "{names:?}");
    for name in names {
        fits(folder.path(), &["targets", "show", name]);
    }
}
