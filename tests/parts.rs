//! Parts of a run of samples and of a comparison: put together they are the folder of one process, byte for byte; what
//! makes no whole is refused.

use crate::common;
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use crate::common::process::{contents, fails, ok, snnc};
use snnc_compiler::weights::{Element, Stored, Tensor, write_safetensors};

pub fn examples(path: &str) -> String {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("examples").join(path).display().to_string()
}

/// A command with arguments that are separated by blanks; `@` stands for a folder.
pub fn words(line: &str, folder: &Path) -> Vec<String> {
    line.split_whitespace().map(|word| word.replace('@', folder.to_str().unwrap())).collect()
}

/// Files of a folder by name, without the list of files. Of a report.json what a process took is left out: it is the
/// only thing that may differ.
pub fn compared(folder: &Path) -> BTreeMap<String, Vec<u8>> {
    let mut files: BTreeMap<String, Vec<u8>> = contents(folder).into_iter().collect();
    files.remove("manifest.json").expect("a whole set has a list of its files");
    files.remove(".snnc-lock");
    if let Some(report) = files.get_mut("report.json") {
        let mut value: serde_json::Value = serde_json::from_slice(report).unwrap();
        for (group, field) in
            [("totals", "wall_s"), ("totals", "peak_memory_bytes"), ("mapping", "compile_s")]
        {
            assert!(value[group].as_object_mut().unwrap().remove(field).is_some(), "{field}");
        }
        *report = serde_json::to_vec_pretty(&value).unwrap();
    }
    files
}

/// Runs all parts of a command into `@/NAME-1` and so on; their folders, the last part first.
fn parts(line: &str, name: &str, of: usize, folder: &Path) -> Vec<PathBuf> {
    let make = |part: usize| {
        let out = folder.join(format!("{name}-{part}"));
        // Threads are no matter.
        let threads =
            if line.starts_with("verify") { String::new() } else { format!("--threads {}", 1 + part % 2) };
        let line = format!("{line} --shard {part}/{of} {threads} --out {}", out.display());
        let told = ok(&mut snnc(words(&line, folder)));
        let told = String::from_utf8(told.stdout).unwrap();
        assert!(told.starts_with(&format!("part {part}/{of}: ")), "{told}");
        out
    };
    (1..=of).rev().map(make).collect()
}

fn merge(folders: &[PathBuf], out: &Path) -> std::process::Command {
    let mut command = snnc(["merge"]);
    command.args(folders).arg("-o").arg(out);
    command
}

/// Whatever the number of parts, the whole is that of one process; the names of its files.
fn make_the_whole(line: &str, counts: &[usize], folder: &Path) -> Vec<String> {
    let whole = folder.join("whole");
    ok(&mut snnc(words(&format!("{line} --out {}", whole.display()), folder)));
    let expected = compared(&whole);
    for &of in counts {
        let folders = parts(line, &format!("of{of}"), of, folder);
        let all = folder.join(format!("all{of}"));
        ok(&mut merge(&folders, &all));
        let found = compared(&all);
        assert_eq!(found.keys().collect::<Vec<_>>(), expected.keys().collect::<Vec<_>>(), "{of} parts");
        for (name, bytes) in &expected {
            assert!(&found[name] == bytes, "{name} of {of} parts differs from that of one process");
        }
    }
    expected.into_keys().collect()
}

#[test]
fn parts_of_spiking_samples_make_the_whole() {
    let folder = tempfile::tempdir().unwrap();
    let bars = examples("bars-events");
    let line = format!(
        "run {bars}/model.ron --target loihi-like --effort fast --input {bars}/inputs.npy --labels {bars}/labels.npy \
         --samples 7 --spikes --membranes 1,7:0,2 --sensitivity"
    );
    let names = make_the_whole(&line, &[1, 3, 9], folder.path());
    let expected = [
        "confusion.csv",
        "cores.csv",
        "membranes.npz",
        "predictions.csv",
        "preview.npy",
        "readout.npy",
        "report.json",
        "spikes.npz",
        "timesteps.csv",
    ];
    assert_eq!(names, expected);
    let report = std::fs::read_to_string(folder.path().join("all3/report.json")).unwrap();
    let report: serde_json::Value = serde_json::from_str(&report).unwrap();
    assert_eq!((&report["totals"]["samples"], &report["classification"]["samples"]), (&7.into(), &7.into()));
    assert!(report["sensitivity"].is_array() && report["totals"]["spikes"].as_u64().unwrap() > 1000);
    // A page is made of the files of a merged run as of any other.
    ok(&mut snnc(words("report @/all3 --html", folder.path())));
    assert!(folder.path().join("all3/report.html").is_file());
}

#[test]
fn parts_of_a_program_with_simulated_time_make_the_whole() {
    let folder = tempfile::tempdir().unwrap();
    let digits = examples("digits-cnn");
    let compile = format!("compile {digits}/model.ron --target loihi-like --effort fast -o @/m.snnx");
    ok(&mut snnc(words(&compile, folder.path())));
    let line = format!("simulate @/m.snnx --input {digits}/inputs.npy --samples 4 --timing cycle:1/3");
    let names = make_the_whole(&line, &[3], folder.path());
    assert!(!names.contains(&"confusion.csv".into()) && names.contains(&"timesteps.csv".into()));
    let report = std::fs::read_to_string(folder.path().join("all3/report.json")).unwrap();
    let report: serde_json::Value = serde_json::from_str(&report).unwrap();
    assert!(
        !report["time"]["simulated"]["slowest_packets"].as_array().unwrap().is_empty(),
        "{}",
        report["time"]
    );
}

#[test]
fn parts_of_long_drawn_samples_make_the_whole() {
    let folder = tempfile::tempdir().unwrap();
    let weights = |rows: usize, columns: usize| {
        let value = |i: usize| ((i * 29 + 7) % 31) as f64 / 16.0 - 0.75;
        Tensor::new(vec![rows, columns], (0..rows * columns).map(value).collect())
    };
    let stored = [("fc", weights(8, 12)), ("out", weights(3, 8))];
    let stored = stored.map(|(name, tensor)| Stored::from_tensor(name, tensor, Element::F32));
    write_safetensors(&folder.path().join("w.safetensors"), &stored).unwrap();
    let text = r#"(format: "snnc.model/1", name: "stream", weights: { "w": "w.safetensors" }, networks: { "net": (
        timesteps: 9000,
        layers: [
            (name: "x", op: Input(shape: (12, 1, 1), source: Poisson(rate: PerStep(0.1), seed: 5))),
            (name: "fc", from: ["x"], op: Linear(weight: ("w", "fc"))),
            (name: "s", from: ["fc"], op: Leaky(beta: 0.875, reset: Zero)),
            (name: "o", from: ["s"], op: Linear(weight: ("w", "out"))),
            (name: "mean", from: ["o"], op: MeanOverTime),
        ]) })"#;
    std::fs::write(folder.path().join("model.ron"), text).unwrap();
    let line = "run @/model.ron --target loihi2-like --samples 3 --seed 4 --spikes --membranes s:1,3";
    make_the_whole(line, &[2], folder.path());
    // Nine thousand timesteps do not run in one part, so a sample is told in several pieces.
    let rows = std::fs::read_to_string(folder.path().join("all2/timesteps.csv")).unwrap().lines().count();
    assert!(rows > 27_000, "{rows}");
}

#[test]
fn parts_of_event_lists_and_of_runs_without_time_make_the_whole() {
    let folder = tempfile::tempdir().unwrap();
    let events: String =
        (0..400).map(|i| format!("{},{},{},{},{}\n", i * 7 % 21, i % 16, i * 3 % 16, i % 2, i % 5)).collect();
    std::fs::write(folder.path().join("e.csv"), format!("t,x,y,p,n\n{events}")).unwrap();
    let bars = examples("bars-events");
    let line = format!(
        "run {bars}/model.ron --target loihi-like --effort fast --input @/e.csv --dt 1 --timing none"
    );
    let names = make_the_whole(&line, &[2], folder.path());
    assert!(!names.contains(&"timesteps.csv".into()), "{names:?}");
    let report = std::fs::read_to_string(folder.path().join("all2/report.json")).unwrap();
    let report: serde_json::Value = serde_json::from_str(&report).unwrap();
    assert_eq!((&report["events"]["events"], &report["events"]["samples"]), (&400.into(), &5.into()));
}

#[test]
fn parts_of_a_comparison_over_samples_make_the_whole() {
    let folder = tempfile::tempdir().unwrap();
    let bars = examples("bars-events");
    let line = format!(
        "verify {bars}/model.ron --target loihi-like --input {bars}/inputs.npy --labels {bars}/labels.npy --samples 5"
    );
    assert_eq!(make_the_whole(&line, &[1, 3, 6], folder.path()), ["verify.json"]);
    // A comparison and a run are no parts of one work.
    let run = format!(
        "run {bars}/model.ron --target loihi-like --effort fast --input {bars}/inputs.npy --samples 5"
    );
    let runs = parts(&run, "run", 3, folder.path());
    let mixed = [runs[0].clone(), folder.path().join("of3-2"), folder.path().join("of3-1")];
    fails(&mut merge(&mixed, &folder.path().join("mixed")), "E0034", "command");
}

#[test]
fn parts_of_a_comparison_over_images_make_the_whole() {
    let folder = tempfile::tempdir().unwrap();
    let line = format!("verify {} --target loihi-like --images 2 --calibrate 0", common::example().display());
    assert_eq!(
        make_the_whole(&line, &[2], folder.path()),
        ["image_0000.png", "image_0001.png", "verify.json"]
    );
}

#[test]
fn what_makes_no_whole_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let at = |name: &str| folder.path().join(name);
    let bars = examples("bars-events");
    let line = |more: &str| {
        format!(
            "run {bars}/model.ron --target loihi-like --effort fast --input {bars}/inputs.npy --samples 4 {more}"
        )
    };
    let three = parts(&line(""), "p", 3, folder.path());
    let [third, second, first] = &three[..] else { panic!("three parts") };
    let out = at("all");
    let refused = |folders: &[&PathBuf], code: &str, word: &str| {
        let folders: Vec<PathBuf> = folders.iter().map(|folder| (*folder).clone()).collect();
        fails(&mut merge(&folders, &out), code, word);
        assert!(!out.exists(), "nothing was begun: {word}");
    };
    refused(&[first, third], "E0034", "--shard 2/3");
    refused(&[second], "E0034", "1/3, 3/3");
    refused(&[first, second, third, first], "E0034", "twice");
    let copy = at("copy");
    std::fs::create_dir(&copy).unwrap();
    for (name, bytes) in contents(second) {
        std::fs::write(copy.join(name), bytes).unwrap();
    }
    refused(&[first, second, third, &copy], "E0034", "part 2/3 is in");
    // Of another run: each by the word that says what differs.
    let other = |name: &str, line: &str| {
        let out = at(name);
        ok(&mut snnc(words(&format!("{line} --shard 2/3 --out {}", out.display()), folder.path())));
        out
    };
    for (name, more, word) in [
        ("timing", "--timing cycle:1/2", "--timing"),
        ("spikes", "--spikes", "--spikes"),
        ("mapping", "--mapping-seed 9", "--mapping-seed"),
        ("weights", "--weights 4", "program"),
        ("labels", &format!("--labels {bars}/labels.npy"), "--labels"),
    ] {
        refused(&[first, &other(name, &line(more)), third], "E0034", word);
    }
    let fewer = line("").replace("--samples 4", "--samples 3");
    refused(&[first, &other("fewer", &fewer), third], "E0034", "number of samples");
    let of_two = at("two");
    ok(&mut snnc(words(&format!("{} --shard 2/2 --out {}", line(""), of_two.display()), folder.path())));
    refused(&[first, &of_two], "E0034", "number of parts");
    // Other samples under the same name.
    let inputs = at("x.npy");
    let mut bytes = std::fs::read(format!("{bars}/inputs.npy")).unwrap();
    std::fs::write(&inputs, &bytes).unwrap();
    let own = |part: u64| {
        let line = line("").replace(&format!("{bars}/inputs.npy"), inputs.to_str().unwrap());
        let out = at(&format!("own{part}"));
        ok(&mut snnc(words(&format!("{line} --shard {part}/2 --out {}", out.display()), folder.path())));
        out
    };
    let before = own(1);
    // The last byte is of the last sample, which is not run; one in the middle of the first is.
    let middle = bytes.len() / (2 * 64);
    bytes[middle] = u8::from(bytes[middle] == 0);
    std::fs::write(&inputs, &bytes).unwrap();
    let after = own(2);
    refused(&[&before, &after], "E0034", "samples or labels");
    // Damaged.
    let records = second.join("part.records");
    let mut bytes = std::fs::read(&records).unwrap();
    bytes[100] ^= 1;
    std::fs::write(&records, &bytes).unwrap();
    refused(&[first, second, third], "E0017", "was changed");
    std::fs::remove_file(&records).unwrap();
    refused(&[first, second, third], "E0017", "missing");
    std::fs::remove_file(second.join("part.json")).unwrap();
    refused(&[first, second, third], "E0001", "part.json");
}

#[test]
fn options_of_a_whole_run_are_refused_in_a_part() {
    let folder = tempfile::tempdir().unwrap();
    let bars = examples("bars-events");
    let run = |more: &str| {
        let line = format!("run {bars}/model.ron --input {bars}/inputs.npy --shard 1/2 --out @/out {more}");
        snnc(words(&line, folder.path()))
    };
    for (more, word) in [
        ("--keep-state", "--keep-state"),
        ("--html", "snnc report"),
        ("--timing cycle --trace-events @/t.json", "--trace-events"),
    ] {
        fails(&mut run(more), "E0021", word);
    }
    let images = format!("run {} --effort fast --shard 1/2 --out @/out", common::example().display());
    fails(&mut snnc(words(&images, folder.path())), "E0021", "snnc generate --shard");
    assert!(!folder.path().join("out").exists());
    // Without a folder, and parts that are none.
    for line in ["--shard 1/2", "--shard 3/2 --out @/out", "--shard 0/2 --out @/out"] {
        let line = format!("run {bars}/model.ron --input {bars}/inputs.npy {line}");
        let output = snnc(words(&line, folder.path())).output().unwrap();
        assert_eq!(output.status.code(), Some(2), "{line}");
    }
}
