//! `snnc partition` and `snnc export` as a user runs them.

use crate::common;
use std::collections::BTreeMap;
use std::path::Path;
use std::process::{Command, Output};

fn snnc(folder: &Path, arguments: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_snnc")).current_dir(folder).args(arguments).output().unwrap()
}

fn error(output: &Output) -> String {
    assert_eq!(output.status.code(), Some(1));
    String::from_utf8_lossy(&output.stderr).into_owned()
}

#[test]
fn a_file_is_partitioned_under_its_limits() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    // Two triangles joined by one net.
    std::fs::write(folder.join("g.hgr"), "3 6 11\n5 1 2 3\n5 4 5 6\n2 3 4\n1\n1\n1\n1\n1\n1\n").unwrap();
    let run = ["partition", "g.hgr", "--limit", "3", "-o", "g.part", "--json"];
    let output = snnc(folder, &run);
    let json: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(
        (&json["blocks"], &json["km1"], &json["block_weight_max"][0]),
        (&2.into(), &2.into(), &3.into())
    );
    let parts = std::fs::read_to_string(folder.join("g.part")).unwrap();
    let parts: Vec<&str> = parts.lines().collect();
    assert!(
        parts[..3].iter().all(|part| *part == parts[0]) && parts[3..].iter().all(|part| *part == parts[5])
    );
    assert!(error(&snnc(folder, &["partition", "g.hgr", "--limit", "3,3"])).contains("E0021"));
    assert!(error(&snnc(folder, &["partition", "g.hgr", "--limit", "3", "--blocks", "1"])).contains("E0013"));
    std::fs::write(folder.join("bad.hgr"), "3 6\n1 2 7\n").unwrap();
    assert!(error(&snnc(folder, &["partition", "bad.hgr", "--limit", "3"])).contains("bad.hgr:2"));
}

#[test]
fn the_denoiser_is_exported() {
    let folder = tempfile::tempdir().unwrap();
    let model = common::example();
    let model = model.to_str().unwrap();
    let export = |rest: &[&str]| {
        let run = [&["export", model, "--to", "hgr", "-o", "sdid.hgr"], rest].concat();
        snnc(folder.path(), &run)
    };
    let text = String::from_utf8(export(&[]).stdout).unwrap();
    assert!(text.contains("sdid: 4,116 vertices, 3,920 nets, 489,104 pins"), "{text}");
    assert!(error(&export(&["--network", "no"])).contains("one of sdid"));
    let text = error(&snnc(folder.path(), &["export", "m.snnx", "--to", "hgr", "-o", "x"]));
    assert!(text.contains("model.ron"), "{text}");
}

#[test]
fn a_partition_of_an_export_is_read_back() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    let model = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("examples/feed-forward/model.ron");
    let model = model.to_str().unwrap();
    let net = ["--network", "irregular", "--group", "1"];
    let run = |arguments: &[&str]| {
        let output = snnc(folder, arguments);
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        String::from_utf8_lossy(&output.stdout).into_owned()
    };
    run(&[&["export", model, "--to", "hgr", "-o", "net.hgr"], &net[..]].concat());
    run(&["partition", "net.hgr", "--blocks", "3", "--limit", "75", "-o", "net.part"]);
    let read = [
        &["compile", model, "--objective", "cores", "--json"][..],
        &["--partition", "net.part", "--partition-network", "irregular"],
    ]
    .concat();
    let json: serde_json::Value =
        serde_json::from_str(&run(&[&read[..], &["--group", "1"]].concat())).unwrap();
    // The classifier's core is searched; the irregular network's three are read.
    assert_eq!(json["cores"], 4, "{json}");
    // What was not searched for the objective is said.
    let blocks = ["--partition", "net.part", "--partition-network", "irregular", "--group", "1"];
    let given = run(&[&["compile", model][..], &blocks].concat());
    assert!(given.contains("the partition was given"), "{given}");
    let graph = run(&["compile", model, "--partitioner", "hypergraph"]);
    assert!(
        graph.contains("made for time") && graph.contains("but irregular is cut by its hypergraph"),
        "{graph}"
    );
    // Another grouping has other vertices.
    assert!(error(&snnc(folder, &[&read[..], &["--group", "2"]].concat())).contains("E0031"));
    std::fs::write(folder.join("net.part"), "0\n1\n").unwrap();
    assert!(error(&snnc(folder, &[&read[..], &["--group", "1"]].concat())).contains("E0031"));
}

#[test]
fn flows_of_a_program_are_placed_as_those_of_its_report() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    let model = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("examples/feed-forward/model.ron");
    let run = |arguments: &[&str]| {
        let output = snnc(folder, arguments);
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        String::from_utf8_lossy(&output.stdout).into_owned()
    };
    let compile = ["compile", model.to_str().unwrap(), "--objective", "cores", "-o", "m.snnx", "--json"];
    let report: serde_json::Value = serde_json::from_str(&run(&compile)).unwrap();
    run(&["export", "m.snnx", "--to", "flows", "-o", "m.flows"]);
    let text = std::fs::read_to_string(folder.join("m.flows")).unwrap();
    let local: u64 = text.split_whitespace().nth(4).unwrap().parse().unwrap();
    let placed = run(&["place", "m.flows", "--columns", "4", "--rows", "4", "--json"]);
    let placed: serde_json::Value = serde_json::from_str(&placed).unwrap();
    assert_eq!(placed["cores"], report["cores"]);
    let between = placed["packets"].as_u64().unwrap();
    assert!(between > 0);
    assert_eq!(between + local, report["traffic"]["packets"].as_u64().unwrap(), "{text}");
    let refused = |more: &[&str]| error(&snnc(folder, &[&["export", "-o", "x"], more].concat()));
    assert!(refused(&[model.to_str().unwrap(), "--to", "flows"]).contains("expected a compiled program"));
    for option in [["--network", "irregular"], ["--group", "2"]] {
        let text = refused(&[&["m.snnx", "--to", "flows"], &option[..]].concat());
        assert!(text.contains("would change nothing") && text.contains(option[0]), "{text}");
    }
    let text = refused(&[model.to_str().unwrap(), "--to", "hgr", "--profile", "run"]);
    assert!(text.contains("would change nothing") && text.contains("--profile"), "{text}");
}

/// Packets of each pair of cores, and of each timestep, of a file of flows by timestep.
fn sums(text: &str) -> (BTreeMap<[u64; 2], u64>, BTreeMap<u64, u64>) {
    let (mut pairs, mut steps) = (BTreeMap::new(), BTreeMap::new());
    for line in text.lines().filter(|line| !line.starts_with('#')) {
        let numbers: Vec<u64> = line.split(' ').map(|word| word.parse().unwrap()).collect();
        *pairs.entry([numbers[0], numbers[1]]).or_default() += numbers[2];
        *steps.entry(*numbers.get(3).unwrap_or(&0)).or_default() += numbers[2];
    }
    pairs.retain(|_, packets| *packets > 0);
    (pairs, steps)
}

#[test]
fn flows_by_timestep_are_those_in_all_and_follow_the_run() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    let run = |arguments: &[&str]| {
        let output = snnc(folder, arguments);
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        String::from_utf8_lossy(&output.stdout).into_owned()
    };
    let model = common::example();
    let compile = ["compile", model.to_str().unwrap(), "--target", "loihi2-like", "--objective", "cores"];
    run(&[&compile[..], &["-o", "m.snnx"]].concat());
    run(&["simulate", "m.snnx", "--images", "1", "--timing", "analytic", "--out", "run"]);
    let flows = |name: &str, more: &[&str]| {
        let said = run(&[&["export", "m.snnx", "--to", "flows", "-o", name], more].concat());
        (said, std::fs::read_to_string(folder.join(name)).unwrap())
    };
    let placed = |name: &str| {
        let text = run(&["place", name, "--columns", "8", "--rows", "8", "--json"]);
        let mut json: serde_json::Value = serde_json::from_str(&text).unwrap();
        json.as_object_mut().unwrap().remove("seconds");
        json
    };
    for profile in [&[][..], &["--profile", "run"]] {
        let (_, all) = flows("all.flows", profile);
        let (said, by_step) = flows("steps.flows", &[profile, &["--by-timestep"]].concat());
        let (pairs, steps) = sums(&by_step);
        assert_eq!(pairs, sums(&all).0);
        assert!(steps.len() > 4 && pairs.len() > 4, "{steps:?}");
        assert_eq!(placed("all.flows"), placed("steps.flows"));
        let spread = if profile.is_empty() { "spread evenly" } else { "in the timesteps of the run" };
        assert!(said.contains(spread), "{said}");
    }
    // A report without its table says no timesteps.
    std::fs::copy(folder.join("run/report.json"), folder.join("report.json")).unwrap();
    assert!(flows("x.flows", &["--profile", "report.json", "--by-timestep"]).0.contains("spread evenly"));
    let table = std::fs::read_to_string(folder.join("run/timesteps.csv")).unwrap();
    std::fs::write(folder.join("timesteps.csv"), table.replacen("spikes.sdid.", "spikes.other.", 1)).unwrap();
    let other = ["export", "m.snnx", "--to", "flows", "-o", "y", "--profile", "report.json", "--by-timestep"];
    let text = error(&snnc(folder, &other));
    assert!(text.contains("timesteps.csv") && text.contains("no column spikes.sdid."), "{text}");
    let text = error(&snnc(folder, &["export", "m.snnx", "--to", "sana-fe", "-o", "z", "--by-timestep"]));
    assert!(text.contains("would change nothing") && text.contains("--by-timestep"), "{text}");
}

#[test]
fn what_is_wrong_with_a_file_names_the_file() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    let model = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("examples/feed-forward/model.ron");
    let model = model.to_str().unwrap();
    let output = snnc(folder, &["compile", model, "--objective", "cores", "--emit", "partition"]);
    let text = String::from_utf8(output.stdout).unwrap();
    let refused = |name: &str, text: &str| {
        std::fs::write(folder.join(name), text).unwrap();
        error(&snnc(folder, &["compile", model, "--partition", name]))
    };
    let unknown = refused("a.ron", &text.replacen("classifier.conv2", "classifier.conv9", 1));
    // A core is a line of the file.
    let cores = text.lines().skip_while(|line| !line.contains("cores: [")).skip(1);
    let core = cores.take_while(|line| !line.contains("classifier.conv2")).count();
    assert!(unknown.contains(&format!("a.ron: core {core}")), "{unknown}");
    // A core without its first box leaves neurons without a core.
    let first = text.find("(layer").unwrap();
    let end = first + 1 + text[first + 1..].find("(layer").unwrap();
    let missing = refused("b.ron", &(text[..first].to_owned() + &text[end..]));
    assert!(missing.contains("b.ron: "), "{missing}");
    let network = ["compile", model, "--partition", "p.part", "--partition-network", "no"];
    std::fs::write(folder.join("p.part"), "0\n").unwrap();
    let text = error(&snnc(folder, &network));
    assert!(text.contains("--partition-network no") && text.contains("irregular"), "{text}");
}
