//! Sweeps: points are those of separate runs, whatever the order, the threads and the parts in which they are done.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use snnc::samples::SampleChoice;
use snnc::sweep::point::PointOutcome;
use snnc::sweep::{self, Plan, Sweep, SweepFile, SweepOptions};
use snnc::{Code, CompileOptions, Model, Session, SessionOptions};
use snnc_targets::Provenance;
use snnc_targets::schema::Sourced;

fn examples() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("examples")
}

/// A sweep file in a folder: two memories, one of them too small for a kernel, at two widths.
fn written(folder: &Path, more: &str) -> PathBuf {
    let model = examples().join("bars-events");
    let path = folder.join("sweep.ron");
    let text = format!(
        "(format: \"snnc.sweep/1\", model: \"{0}/model.ron\", input: \"{0}/inputs.npy\", labels: \"{0}/labels.npy\",\n \
         samples: 2, efforts: \"fast\", weights: [8, 4],\n set: {{\"core.synapse_memory_bits\": [2^20, 64]}},{more})",
        model.display()
    );
    std::fs::write(&path, text).unwrap();
    path
}

fn done(path: &Path, out: &Path, options: SweepOptions) -> sweep::Swept {
    let plan = Plan::new(SweepFile::read(path).unwrap()).unwrap();
    sweep::run(&plan, out, options, &()).unwrap()
}

fn contents(folder: &Path) -> BTreeMap<String, Vec<u8>> {
    let entries = std::fs::read_dir(folder).unwrap().map(Result::unwrap);
    entries.map(|e| (e.file_name().into_string().unwrap(), std::fs::read(e.path()).unwrap())).collect()
}

#[test]
fn points_are_those_of_separate_runs() {
    let folder = tempfile::tempdir().unwrap();
    let path = written(folder.path(), "");
    let sweep = done(&path, &folder.path().join("out"), SweepOptions::default()).sweep;
    let model = Model::load(examples().join("bars-events/model.ron")).unwrap();
    let input = examples().join("bars-events/inputs.npy");
    let fed = SampleChoice { path: Some(&input), ..SampleChoice::default() };
    let (network, values) = snnc::samples::for_mapping(model.loaded(), ("network", None), fed).unwrap();
    let model = model.with_activity(&network, values);
    // Order: memories outermost, then weights.
    for (index, (bits, weights)) in [(1 << 20, 8), (1 << 20, 4), (64, 8), (64, 4)].into_iter().enumerate() {
        let mut target = snnc::target("loihi-like").unwrap();
        target.core.synapse_memory_bits = Sourced(bits, Provenance::Assumed("a test".into()));
        // What messages call it.
        target.name = format!("loihi-like[core.synapse_memory_bits={bits}]");
        let mut options = CompileOptions::default();
        options.lower.weight_bits = Some(weights);
        options.search.effort = "fast".parse().unwrap();
        options.place.effort = options.search.effort;
        let compiled = model.compile(&target, &options);
        match (&sweep.outcomes[&index], compiled) {
            (PointOutcome::Done(found), Ok(program)) => {
                let network = snnc::samples::network(&program.mapped().model, None).unwrap();
                let choice = SampleChoice { path: Some(&input), most: Some(2), ..SampleChoice::default() };
                let (fed, _) = snnc::samples::read(&program.mapped().model, network, choice).unwrap();
                let session = Session::new(&program, SessionOptions::default()).unwrap();
                let report = session.run(&fed).unwrap().report();
                assert_eq!((found.items, found.spikes), (2, report.totals.spikes));
                assert_eq!((found.energy_j, found.time_s), (report.totals.energy_j, report.totals.time_s));
                assert_eq!(found.cores_used, report.mapping.cores_used);
                assert!(found.accuracy.is_some() && found.spikes > 0);
            }
            (PointOutcome::Failed(found), Err(problems)) => {
                assert_eq!(found.code, problems.0[0].code.to_string());
                assert_eq!(found.reason, problems.0[0].message);
            }
            (found, compiled) => panic!("point {index}: {found:?}, {:?}", compiled.err()),
        }
    }
    let failed = sweep.outcomes.values().filter(|o| matches!(o, PointOutcome::Failed(_))).count();
    assert_eq!(failed, 2, "a memory of 64 bits holds nothing");
    let csv = std::fs::read_to_string(folder.path().join("out/sweep.csv")).unwrap();
    let mut reader = csv::Reader::from_reader(csv.as_bytes());
    let names: Vec<String> = reader.headers().unwrap().iter().map(str::to_owned).collect();
    let column = |name: &str| names.iter().position(|found| found == name).unwrap();
    let rows: Vec<csv::StringRecord> = reader.records().map(Result::unwrap).collect();
    let cells = |name: &str| rows.iter().map(|row| row[column(name)].to_owned()).collect::<Vec<_>>();
    assert_eq!(cells("core.synapse_memory_bits"), ["1048576", "1048576", "64", "64"]);
    assert_eq!(cells("weight_bits"), ["8", "4", "8", "4"]);
    assert_eq!(cells("status"), ["done", "done", "failed", "failed"]);
    assert!(cells("on_front").contains(&"true".into()) && cells("on_front")[2].is_empty());
    let PointOutcome::Done(first) = &sweep.outcomes[&0] else { panic!("point 0 ran") };
    assert_eq!(cells("energy_j")[0].parse::<f64>().unwrap(), first.energy_j);
    let parts = names.iter().filter(|name| name.starts_with("energy_") && name.ends_with("_j"));
    let parts = parts.filter(|name| {
        !["energy_j", "energy_low_j", "energy_high_j", "energy_per_sample_j"].contains(&name.as_str())
    });
    let sum: f64 = parts.map(|name| cells(name)[0].parse::<f64>().unwrap()).sum();
    assert!((sum / first.energy_j - 1.0).abs() < 1e-9, "{sum} J by component, {} J", first.energy_j);
    page_shows(&folder.path().join("out/pareto.html"), &names, &rows);
}

/// The page carries the cells of the table, its front and its failures, and reaches for no network.
fn page_shows(path: &Path, names: &[String], rows: &[csv::StringRecord]) {
    let page = std::fs::read_to_string(path).unwrap();
    let (_, rest) = page.split_once("<script type=\"application/json\" id=\"data\">").unwrap();
    let data: serde_json::Value = serde_json::from_str(rest.split_once("</script>").unwrap().0).unwrap();
    let sweep = &data["sweep"];
    assert_eq!(sweep["columns"], serde_json::json!(names));
    assert_eq!(sweep["varied"], serde_json::json!(["core.synapse_memory_bits", "weight_bits"]));
    let shown = sweep["rows"].as_array().unwrap();
    assert_eq!(shown.len(), rows.len());
    for (cells, row) in shown.iter().zip(rows) {
        for (cell, text) in cells.as_array().unwrap().iter().zip(row) {
            match cell {
                serde_json::Value::Null => assert_eq!(text, ""),
                serde_json::Value::String(words) => assert_eq!(words, text),
                other => assert_eq!(other.to_string().parse::<f64>().ok(), text.parse().ok(), "{text}"),
            }
        }
    }
    let own = page.split("<script>").next().unwrap();
    assert!(own.contains("Reasons of failures") && own.contains("The front, least energy first"));
    assert!(own.contains("default-src 'none'") && !own.contains("href=\"http"));
}

#[test]
fn a_stopped_sweep_goes_on_and_parts_make_the_whole() {
    let folder = tempfile::tempdir().unwrap();
    let path = written(folder.path(), "");
    let at = |name: &str| folder.path().join(name);
    done(&path, &at("whole"), SweepOptions { threads: Some(1), ..SweepOptions::default() });
    let whole = contents(&at("whole"));
    // Stopped in the middle of a line; and a line that was damaged.
    let points = std::fs::read(at("whole/sweep.points")).unwrap();
    std::fs::write(at("whole/sweep.points"), &points[..points.len() - 9]).unwrap();
    let again = done(&path, &at("whole"), SweepOptions::default());
    assert_eq!((again.found, contents(&at("whole"))), (3, whole.clone()));
    let mut damaged = points.clone();
    let digit = damaged.iter().position(|byte| byte.is_ascii_digit()).unwrap() + 90;
    damaged[digit] ^= 1;
    std::fs::write(at("whole/sweep.points"), damaged).unwrap();
    let again = done(&path, &at("whole"), SweepOptions::default());
    assert_eq!((again.found, contents(&at("whole"))), (3, whole.clone()));
    assert_eq!(done(&path, &at("whole"), SweepOptions::default()).found, 4);

    for part in 1..=3 {
        let shard = Some(format!("{part}/3").parse().unwrap());
        let options = SweepOptions { threads: Some(2), jobs: Some(part), shard };
        done(&path, &at(&format!("part{part}")), options);
    }
    let parts = |list: &[&str]| list.iter().map(|name| at(name)).collect::<Vec<_>>();
    sweep::merge(&parts(&["part3", "part1", "part2"]), &at("all")).unwrap();
    assert_eq!(contents(&at("all")), whole);
    let gap = sweep::merge(&parts(&["part1", "part3"]), &at("gap")).unwrap_err();
    assert_eq!(gap.codes(), [Code::SweepInvalid]);
    assert!(gap.0[0].message.contains("point 1") && gap.0[0].hint.as_ref().unwrap().contains("2/3"), "{gap}");
    let twice = sweep::merge(&parts(&["part1", "part2", "part3", "part1"]), &at("twice")).unwrap_err();
    assert!(twice.0[0].message.contains("part1 too"), "{twice}");
    let other = written(folder.path(), " mapping_seed: 5");
    let options = SweepOptions { shard: Some("2/3".parse().unwrap()), ..SweepOptions::default() };
    done(&other, &at("other"), options);
    let mixed = sweep::merge(&parts(&["part1", "other", "part3"]), &at("mixed")).unwrap_err();
    assert!(mixed.0[0].message.contains("mapping_seed"), "{mixed}");
    let plan = Plan::new(SweepFile::read(&other).unwrap()).unwrap();
    let refused = sweep::run(&plan, &at("whole"), SweepOptions::default(), &()).unwrap_err();
    assert!(refused.0[0].message.contains("another sweep (mapping_seed differ)"), "{refused}");
    assert!(!at("gap").exists() && !at("twice").exists() && !at("mixed").exists());
    assert_eq!(Sweep::load(at("part2")).unwrap().outcomes.len(), 1);
}

fn snnc(arguments: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_snnc")).args(arguments).output().unwrap()
}

#[test]
fn what_a_file_gets_wrong_is_told_at_its_place() {
    let folder = tempfile::tempdir().unwrap();
    let model = examples().join("bars-events/model.ron");
    let model = model.display();
    let fed = format!("input: \"{}\"", examples().join("bars-events/inputs.npy").display());
    let path = folder.path().join("s.ron");
    for (text, code, words) in [
        ("modl: 5".to_owned(), "E0002", &["near names: `model`", "s.ron:1:26"][..]),
        (
            format!("model: \"{model}\", {fed},\nset: {{\"core.neuron\": [1, 2]}}"),
            "E0002",
            &["s.ron:2:13", "`neurons`"],
        ),
        (
            format!("model: \"{model}\", {fed},\nset: {{\"core.neurons\": []}}"),
            "E0034",
            &["s.ron:2:6", "no point"],
        ),
        (format!("model: \"{model}\", {fed},\nweights: [8, \"x\"]"), "E0002", &["s.ron:2:14"]),
        (format!("model: \"{model}\", {fed},\nobjectives: [speed]"), "E0002", &["s.ron:2:14"]),
        (
            format!("model: \"{model}\", {fed},\nobjectives: \"speed\""),
            "E0034",
            &["s.ron:2:13", "cores, packets"],
        ),
        (format!("model: \"{model}\", {fed},\ntiming: \"cycles\""), "E0034", &["s.ron:2:9"]),
        (format!("model: \"{model}\", {fed}, targets: [\"loihi\"]"), "E0004", &["targets", "loihi-like"]),
        (format!("model: \"{model}\""), "E0034", &["input", "samples"]),
        (format!("model: \"{model}\", {fed}, images: 3"), "E0034", &["images", "change nothing"]),
        (
            format!(
                "model: \"{model}\", {fed},\nset: {{\"core.neurons\": 5}}, variants: [{{\"core.neurons\": 6}}]"
            ),
            "E0034",
            &["s.ron:2:37", "two values"],
        ),
        (format!("model: \"{model}\", {fed},\nweights: [8,"), "E0002", &["s.ron:2:"]),
    ] {
        std::fs::write(&path, format!("(format: \"snnc.sweep/1\", {text})").replace("8,)", "8,")).unwrap();
        let output =
            snnc(&["sweep", path.to_str().unwrap(), "-o", folder.path().join("out").to_str().unwrap()]);
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        assert_eq!(output.status.code(), Some(1), "{text}: {said}");
        let all = said.contains(&format!("error[{code}]")) && words.iter().all(|word| said.contains(word));
        assert!(all, "{text}: {said}");
        assert!(!folder.path().join("out").exists(), "nothing has begun");
    }
    for arguments in [&["--shard", "0/3"][..], &["--shard", "4/3"], &["--threads", "x"]] {
        let all = [&["sweep", path.to_str().unwrap(), "-o", "out"][..], arguments].concat();
        assert_eq!(snnc(&all).status.code(), Some(2), "{arguments:?}");
    }
}

#[test]
fn the_examples_are_sweeps_and_the_command_says_what_is_on_the_front() {
    let folder = tempfile::tempdir().unwrap();
    let mut names: Vec<PathBuf> =
        std::fs::read_dir(examples().join("sweeps")).unwrap().map(|entry| entry.unwrap().path()).collect();
    names.sort();
    let points: Vec<usize> =
        names.iter().map(|path| Plan::new(SweepFile::read(path).unwrap()).unwrap().len()).collect();
    // Clocks, flits, memories, links, supplies, widths on two chips.
    assert_eq!(points, [4, 3, 2, 3, 5, 10], "{names:?}");

    let (path, out) = (written(folder.path(), ""), folder.path().join("out"));
    let (path, out) = (path.to_str().unwrap(), out.to_str().unwrap());
    let output = snnc(&["sweep", path, "-o", out, "--jobs", "1"]);
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    assert!(output.status.success() && output.stderr.is_empty(), "{output:?}");
    for words in [
        "2 of 4 points ran, 2 failed",
        "Nothing beats these",
        "accuracy",
        "failed: point 3",
        "4 points made now, 0 found",
    ] {
        assert!(text.contains(words), "{words}: {text}");
    }
    assert!(!text.contains("objective"), "all have the same: {text}");
    let quiet = snnc(&["-q", "sweep", path, "-o", out]);
    assert!(quiet.status.success() && quiet.stdout.is_empty() && quiet.stderr.is_empty(), "{quiet:?}");
    let gone = snnc(&["merge", folder.path().to_str().unwrap(), "-o", out]);
    assert!(String::from_utf8_lossy(&gone.stderr).contains("sweep.json"), "{gone:?}");
}
