//! What a run leaves behind, shown: pages, runs side by side, and reports against their published schema. What pages
//! look like in a browser is looked at by tests/page.sh.

use std::path::{Path, PathBuf};

use crate::common::process::{fails, ok, snnc};
use serde_json::Value;

fn example(name: &str) -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("examples").join(name)
}

/// `snnc run` of ten digits into a folder, with more options; what it printed.
fn run(out: &Path, more: &[&str]) -> String {
    let digits = example("digits-cnn");
    let mut command = snnc(["run"]);
    command.arg(digits.join("model.ron")).arg("--input").arg(digits.join("inputs.npy"));
    let output = ok(command.args(["--samples", "10", "--out"]).arg(out).args(more));
    String::from_utf8(output.stdout).unwrap()
}

fn read(path: &Path) -> String {
    std::fs::read_to_string(path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

fn printed(output: std::process::Output) -> String {
    String::from_utf8(output.stdout).unwrap()
}

/// The data that the scripts of a page read.
fn data(page: &str) -> Value {
    let (_, rest) = page.split_once("<script type=\"application/json\" id=\"data\">").unwrap();
    serde_json::from_str(rest.split_once("</script>").unwrap().0).unwrap()
}

fn schema() -> jsonschema::Validator {
    let path = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("docs/report.schema.json");
    jsonschema::validator_for(&serde_json::from_str(&read(&path)).unwrap()).unwrap()
}

fn follows(schema: &jsonschema::Validator, report: &Value) {
    let problems: Vec<String> =
        schema.iter_errors(report).map(|error| format!("{}: {error}", error.instance_path())).collect();
    assert!(problems.is_empty(), "{problems:#?}");
}

/// Rows of a table by heading.
fn rows(path: &Path) -> Vec<std::collections::BTreeMap<String, String>> {
    csv::Reader::from_path(path).unwrap().deserialize().map(Result::unwrap).collect()
}

/// What cores did by timestep adds up to cores.csv, and the busiest core of a timestep is what timesteps.csv waits for.
fn by_core_and_timestep(out: &Path, report: &Value, shown: &Value) {
    let (steps, cores) = (rows(&out.join("core_timesteps.csv")), rows(&out.join("cores.csv")));
    assert!(!steps.is_empty() && !cores.is_empty());
    for core in &cores {
        for name in ["spikes", "synaptic_operations"] {
            let of_core =
                steps.iter().filter(|row| row["core"] == core["core"] && row["pass"] == core["pass"]);
            let sum: u64 = of_core.map(|row| row[name].parse::<u64>().unwrap()).sum();
            assert_eq!(sum.to_string(), core[name], "{name} of core {}", core["core"]);
        }
    }
    // The page holds them all: 16-bit words, here in units of one, of each timestep and core.
    let timesteps: u64 =
        shown["passes"].as_array().unwrap().iter().map(|pass| pass["timesteps"].as_u64().unwrap()).sum();
    let samples = report["totals"]["samples"].as_u64().unwrap();
    assert_eq!(timesteps * samples, report["totals"]["timesteps"].as_u64().unwrap());
    let cells = timesteps * shown["cores"].as_u64().unwrap();
    for name in ["spikes", "synaptic_operations"] {
        let bytes = base64::Engine::decode(
            &base64::engine::general_purpose::STANDARD,
            shown[name]["data"].as_str().unwrap(),
        );
        let bytes = bytes.unwrap();
        assert_eq!((bytes.len() as u64, shown[name]["unit"].as_f64()), (2 * cells, Some(1.0)), "{name}");
        let sum: u64 = bytes.chunks(2).map(|pair| u64::from(u16::from_le_bytes([pair[0], pair[1]]))).sum();
        assert_eq!(Some(sum), report["totals"][name].as_u64(), "{name}");
    }
}

#[test]
fn the_busiest_core_of_a_timestep_is_what_it_waits_for() {
    let folder = tempfile::tempdir().unwrap();
    let out = folder.path().join("out");
    let digits = example("digits-cnn");
    let mut command = snnc(["run", "--html", "--timing", "analytic", "--samples", "1", "--out"]);
    ok(command.arg(&out).arg(digits.join("model.ron")).arg("--input").arg(digits.join("inputs.npy")));
    let (steps, cores) = (rows(&out.join("timesteps.csv")), rows(&out.join("core_timesteps.csv")));
    let seconds = |text: &String| text.parse::<f64>().unwrap();
    let mut cores_wait = 0;
    for step in &steps {
        let busy =
            cores.iter().filter(|row| row["timestep"] == step["timestep"]).map(|row| seconds(&row["busy_s"]));
        let (most, waited) = (busy.fold(0.0, f64::max), seconds(&step["busiest_s"]));
        assert!(most <= waited, "{most} of {waited}");
        if !["link", "barrier"].contains(&step["bound"].as_str()) {
            assert_eq!(most, waited, "timestep {}", step["timestep"]);
            cores_wait += 1;
        }
    }
    assert!(cores_wait > 0);
    // Without a page nobody asks for them.
    run(&folder.path().join("plain"), &["--timing", "analytic"]);
    assert!(!folder.path().join("plain/core_timesteps.csv").exists());
}

#[test]
fn a_run_leaves_a_page_of_its_own_figures() {
    let folder = tempfile::tempdir().unwrap();
    let out = folder.path().join("out");
    let labels = example("digits-cnn").join("labels.npy");
    let text = run(&out, &["--html", "--timing", "cycle", "--labels", labels.to_str().unwrap()]);
    assert!(
        text.contains("report.html") && text.contains("cores.csv") && text.contains("preview.npy"),
        "{text}"
    );
    let page = read(&out.join("report.html"));
    let report: Value = serde_json::from_str(&read(&out.join("report.json"))).unwrap();
    follows(&schema(), &report);
    let shown = &data(&page)["runs"][0];
    for part in
        ["totals", "energy_j", "layers", "cores", "time", "energy_constants", "classification", "options"]
    {
        assert_eq!(shown["report"][part], report[part], "{part}");
    }
    assert_eq!(shown["left_out"], serde_json::json!([]));
    assert_eq!(shown["pictures"]["images"].as_array().unwrap().len(), 10);
    assert_eq!(shown["timesteps"]["rows"], report["totals"]["timesteps"]);
    assert_eq!(shown["predictions"]["rows"], 10);
    let spikes: f64 = (shown["timesteps"]["columns"]["spikes"].as_array().unwrap().iter())
        .map(|spikes| spikes.as_f64().unwrap())
        .sum();
    assert_eq!(spikes, report["totals"]["spikes"].as_f64().unwrap());
    let by_layer: f64 = (shown["timesteps"]["columns"].as_object().unwrap().iter())
        .filter(|(name, _)| name.starts_with("spikes."))
        .flat_map(|(_, spikes)| spikes.as_array().unwrap())
        .map(|spikes| spikes.as_f64().unwrap())
        .sum();
    assert_eq!(by_layer, spikes);
    // Cores tell where they are and what they hold; neurons of all parts are those of all layers.
    let sum = |list: &Value, of: fn(&Value) -> u64| list.as_array().unwrap().iter().map(of).sum::<u64>();
    let held = sum(&report["cores"], |core| {
        core["parts"].as_array().unwrap().iter().map(|part| part["neurons"].as_u64().unwrap()).sum()
    });
    assert_eq!(held, sum(&report["layers"], |layer| layer["neurons"].as_u64().unwrap()));
    by_core_and_timestep(&out, &report, &shown["core_steps"]);
    for name in ["spikes", "synaptic_operations"] {
        let of_cores: u64 =
            report["cores"].as_array().unwrap().iter().map(|c| c[name].as_u64().unwrap()).sum();
        assert_eq!(of_cores, report["totals"][name].as_u64().unwrap());
    }
}

/// Against what Python would see in spikes.npz: the bits of one neuron of each layer, of the first sample.
#[test]
fn the_raster_shows_the_spikes_that_were_written() {
    let folder = tempfile::tempdir().unwrap();
    let out = folder.path().join("out");
    run(&out, &["--html", "--spikes"]);
    let shown = &data(&read(&out.join("report.html")))["runs"][0];
    let report: Value = serde_json::from_str(&read(&out.join("report.json"))).unwrap();
    follows(&schema(), &report);
    let layers = shown["raster"]["layers"].as_array().unwrap();
    assert!(!layers.is_empty());
    let mut archive = zip::ZipArchive::new(std::fs::File::open(out.join("spikes.npz")).unwrap()).unwrap();
    for layer in layers {
        let name = layer["name"].as_str().unwrap();
        let mut bytes = Vec::new();
        std::io::Read::read_to_end(&mut archive.by_name(&format!("{name}.npy")).unwrap(), &mut bytes)
            .unwrap();
        let header = 10 + usize::from(u16::from_le_bytes([bytes[8], bytes[9]]));
        let text = String::from_utf8_lossy(&bytes[10..header]).into_owned();
        let sides = text.split_once("'shape': (").unwrap().1.split_once(')').unwrap().0;
        let sides: Vec<usize> = sides.split(',').filter_map(|side| side.trim().parse().ok()).collect();
        let step: usize = sides[2..].iter().product();
        let neurons = layer["neurons"].as_u64().unwrap() as usize;
        let row = neurons / sides[2..sides.len() - 1].iter().product::<usize>();
        let mut expected = Vec::new();
        for t in 0..sides[1] {
            for (index, neuron) in layer["picked"].as_array().unwrap().iter().enumerate() {
                let neuron = neuron.as_u64().unwrap() as usize;
                let byte =
                    bytes[header + t * step + neuron / row * sides[sides.len() - 1] + neuron % row / 8];
                if byte >> (7 - neuron % row % 8) & 1 == 1 {
                    expected.push(serde_json::json!([t, index]));
                }
            }
        }
        assert_eq!(layer["spikes"], serde_json::json!(expected), "{name}");
    }
    let drawn: usize = layers.iter().map(|layer| layer["spikes"].as_array().unwrap().len()).sum();
    assert!(drawn > 0);
    // Timesteps add up, and power is energy over time.
    let over_time = &report["spikes_over_time"];
    let sum: u64 = over_time["spikes"].as_array().unwrap().iter().map(|n| n.as_u64().unwrap()).sum();
    assert_eq!(sum, report["totals"]["spikes"].as_u64().unwrap());
    let table = read(&out.join("timesteps.csv"));
    let mut table = csv::Reader::from_reader(table.as_bytes());
    let names: Vec<String> = table.headers().unwrap().iter().map(str::to_owned).collect();
    let place = |name: &str| names.iter().position(|found| found == name).unwrap();
    let [time, energy, power] = ["time_s", "energy_j", "power_w"].map(place);
    let mut sum = 0.0;
    for row in table.records().map(Result::unwrap) {
        let [time, energy, power] = [time, energy, power].map(|place| row[place].parse::<f64>().unwrap());
        assert!((energy / time / power - 1.0).abs() < 1e-9);
        sum += energy;
    }
    // What is left are the host's transfers, and the static power during them.
    let total = report["totals"]["energy_j"].as_f64().unwrap();
    assert!(sum < total && sum > 0.5 * total, "{sum} J in timesteps of {total} J");
}

#[test]
fn constants_follow_the_supply_and_the_report_says_so() {
    let folder = tempfile::tempdir().unwrap();
    let path = |name: &str| folder.path().join(name);
    run(&path("a"), &[]);
    run(&path("b"), &["--set", "scaling.supply_v=0.6"]);
    let [plain, low] =
        ["a", "b"].map(|name| serde_json::from_str::<Value>(&read(&path(name).join("report.json"))).unwrap());
    follows(&schema(), &low);
    let of = |report: &Value, name: &str| {
        let constants = report["energy_constants"].as_array().unwrap().iter();
        let found = constants.clone().find(|constant| constant["name"] == name).unwrap();
        (found["energy_j"].as_f64().unwrap(), found["events"].as_u64().unwrap(), found["source"].to_string())
    };
    // (0.6 / 0.75)^2 = 0.64 of the same events.
    let (before, after) = (of(&plain, "synaptic_operation_pj"), of(&low, "synaptic_operation_pj"));
    assert_eq!(before.1, after.1);
    assert!((after.0 / before.0 - 0.64).abs() < 1e-6, "{after:?} {before:?}");
    assert!(after.2.contains("23.6 x 0.6400 for 0.6 V; published: Davies"), "{}", after.2);
    assert_eq!(of(&plain, "host_write_pj").0, of(&low, "host_write_pj").0);
    assert!(low["totals"]["time_s"].as_f64() > plain["totals"]["time_s"].as_f64());
    assert_eq!(low["target"]["operating_point"]["supply_v"], 0.6);
    assert!(plain["target"].get("operating_point").is_none());
    let notes = low["notes"].to_string();
    assert!(
        notes.contains("scaled to 0.6 V from 0.75 V") && notes.contains("square of the supply"),
        "{notes}"
    );
}

#[test]
fn pages_are_made_of_folders_and_belong_to_them() {
    let folder = tempfile::tempdir().unwrap();
    let path = |name: &str| folder.path().join(name);
    run(&path("a"), &["--timing", "none"]);
    let report: Value = serde_json::from_str(&read(&path("a/report.json"))).unwrap();
    follows(&schema(), &report);
    // Twice: the second page takes the place of the first.
    for _ in 0..2 {
        ok(snnc(["report", "--html"]).arg(path("a")));
    }
    assert!(read(&path("a/manifest.json")).contains("report.html"));
    ok(snnc(["report", "--html"]).arg(path("a")).arg("-o").arg(path("page.html")));
    assert_eq!(read(&path("page.html")), read(&path("a/report.html")));
    // Of text, the report as the run printed it, but for what a run alone knows.
    let text = printed(ok(snnc(["report"]).arg(path("a"))));
    assert!(text.starts_with("Energy report\n") && text.contains("synaptic operations"), "{text}");
    let json: Value = serde_json::from_str(&printed(ok(snnc(["report", "--json"]).arg(path("a"))))).unwrap();
    assert_eq!(json, report);
    // The next run takes the page along; a page that somebody changed stays.
    run(&path("a"), &["--timing", "none"]);
    assert!(!path("a/report.html").exists());
    std::fs::write(path("a/report.html"), "mine").unwrap();
    fails(snnc(["report", "--html"]).arg(path("a")), "E0017", "report.html");
    fails(snnc(["report"]).arg(path("nothing")), "E0001", "nothing");
    std::fs::write(path("a/report.html"), "mine").unwrap();
    std::fs::write(path("a/cores.csv"), "damaged").unwrap();
    fails(snnc(["report"]).arg(path("a")), "E0017", "changed");
    std::fs::remove_file(path("a/manifest.json")).unwrap();
    fails(snnc(["report", "--html"]).arg(path("a")), "E0017", "-o");
    std::fs::write(path("a/cores.csv"), "core,spikes\n0,many\n").unwrap();
    fails(snnc(["report", "--html"]).arg(path("a")).arg("-o").arg(path("page.html")), "E0001", "cores.csv:2");
    fails(
        snnc(["run", "--html"])
            .arg(example("digits-cnn/model.ron"))
            .arg("--input")
            .arg(example("digits-cnn/inputs.npy")),
        "E0021",
        "--out",
    );
}

#[test]
fn runs_are_put_side_by_side() {
    let folder = tempfile::tempdir().unwrap();
    let path = |name: &str| folder.path().join(name);
    run(&path("a"), &[]);
    run(&path("b"), &["--weights", "4", "--target", "loihi2-like"]);
    let both = [path("a"), path("b")];
    let text = printed(ok(snnc(["compare"]).args(&both)));
    assert!(text.contains("loihi2-like") && text.contains("--weights") && text.contains("B/A"), "{text}");
    assert_eq!(printed(ok(snnc(["report"]).args(&both))), text);
    let json: Value = serde_json::from_str(&printed(ok(snnc(["compare", "--json"]).args(&both)))).unwrap();
    assert_eq!(json["schema"], "snnc.runs/1");
    let reports =
        ["a", "b"].map(|name| serde_json::from_str::<Value>(&read(&path(name).join("report.json"))).unwrap());
    let energies = reports.each_ref().map(|report| report["totals"]["energy_j"].as_f64().unwrap());
    let sections = json["sections"].as_array().unwrap();
    let energy = sections.iter().find(|section| section["title"] == "Energy").unwrap();
    assert_eq!(energy["rows"][0]["values"], serde_json::json!(energies));
    let ratio = energy["rows"][0]["ratios"][1].as_f64().unwrap();
    assert!((ratio - energies[1] / energies[0]).abs() < 1e-12);
    ok(snnc(["report", "--html"]).args(&both).arg("-o").arg(path("page.html")));
    let page = data(&read(&path("page.html")));
    assert_eq!(page["comparison"], json);
    // In the current folder, unless said otherwise.
    ok(snnc(["report", "--html", "a", "b"]).current_dir(folder.path()));
    assert!(path("comparison.html").exists());
    assert_eq!(snnc(["compare"]).arg(path("a")).output().unwrap().status.code(), Some(2));
}

#[test]
fn whatever_is_printed_as_json_names_its_schema() {
    let digits = example("digits-cnn/model.ron");
    let model = digits.to_str().unwrap();
    let inputs = example("digits-cnn/inputs.npy");
    let inputs = inputs.to_str().unwrap();
    for (arguments, schema) in [
        (vec!["compile", model, "--json"], "snnc.mapping/1"),
        (vec!["fit", model, "--target", "loihi-like", "--json"], "snnc.fit/1"),
        (vec!["passes", "--json"], "snnc.passes/1"),
        (vec!["targets", "show", "loihi-like", "--json"], "snnc.target/1"),
        (vec!["run", model, "--input", inputs, "--samples", "1", "--json"], "snnc.report/1"),
        (
            vec!["verify", model, "--target", "loihi-like", "--input", inputs, "--samples", "1", "--json"],
            "snnc.verify/1",
        ),
    ] {
        let text = printed(ok(&mut snnc(&arguments)));
        let json: Value = serde_json::from_str(&text).unwrap();
        assert_eq!(json["schema"], schema, "{arguments:?}");
        assert_eq!(text.matches("\"schema\"").count(), 1, "{arguments:?}");
    }
}
