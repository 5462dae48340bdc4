//! The command as a user runs it: outputs, exit codes, error messages.

use std::process::{Command, Output};

use crate::common::example;

fn snnc(arguments: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_snnc")).args(arguments).output().unwrap()
}

fn ok(arguments: &[&str]) -> String {
    let output = snnc(arguments);
    assert!(output.status.success(), "{arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap()
}

/// Fails with exit code 1 and an error that has a code, a place and a hint.
fn fails(code: &str, arguments: &[&str]) -> String {
    let output = snnc(arguments);
    let text = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(1), "{arguments:?}: {text}");
    assert!(text.contains(&format!("error[{code}]")) && text.contains("-->"), "{arguments:?}: {text}");
    text
}

#[test]
fn compile_then_simulate_equals_run() {
    let folder = tempfile::tempdir().unwrap();
    let path = |name: &str| folder.path().join(name).to_str().unwrap().to_owned();
    let model = example();
    let model = model.to_str().unwrap();
    let report = ok(&["compile", model, "--target", "loihi-like", "-o", &path("m.snnx")]);
    assert!(report.contains("cores on 1 chip ") && report.contains("synapse memory (bits)"), "{report}");
    ok(&["simulate", &path("m.snnx"), "--images", "2", "--seed", "5", "--out", &path("a"), "--threads", "1"]);
    let text = ok(&["run", model, "--images", "2", "--seed", "5", "--out", &path("b"), "--json"]);
    let json: serde_json::Value = serde_json::from_str(&text).unwrap();
    for name in ["image_0000.png", "image_0001.png", "contact.png", "tokens.npy", "timesteps.csv"] {
        let (a, b) = (
            std::fs::read(folder.path().join("a").join(name)),
            std::fs::read(folder.path().join("b").join(name)),
        );
        assert_eq!(a.unwrap(), b.unwrap(), "{name}");
    }
    checks_out(&json);
    timesteps_add_up(&std::fs::read_to_string(folder.path().join("b/timesteps.csv")).unwrap(), &json);
    let saved: serde_json::Value =
        serde_json::from_slice(&std::fs::read(folder.path().join("b/report.json")).unwrap()).unwrap();
    assert_eq!(saved, json);
    let profiled = ok(&["compile", model, "--profile", &path("b")]);
    assert!(profiled.contains("in an image or sample of the recorded run"), "{profiled}");
}

/// timesteps.csv against report.json.
fn timesteps_add_up(csv: &str, json: &serde_json::Value) {
    let mut lines = csv.lines().map(|line| line.split(',').collect::<Vec<_>>());
    let header = lines.next().unwrap();
    let column = |name: &str| header.iter().position(|cell| *cell == name).unwrap();
    let [image, time, packets, spikes] = ["image", "time_s", "packets", "spikes"].map(column);
    let rows: Vec<_> = lines.collect();
    let totals = &json["totals"];
    assert_eq!(rows.len() as u64, totals["timesteps"].as_u64().unwrap());
    assert!(rows.is_sorted_by_key(|row| row[image].parse::<u64>().unwrap()));
    let sum = |column: usize| rows.iter().map(|row| row[column].parse::<f64>().unwrap()).sum::<f64>();
    assert_eq!(sum(packets), totals["packets"].as_f64().unwrap());
    assert_eq!(sum(spikes), totals["spikes"].as_f64().unwrap());
    spikes_by_layer_add_up(&header, &rows, json);
    let whole = totals["time_s"].as_f64().unwrap() - json["time"]["host_s"].as_f64().unwrap();
    assert!((sum(time) - whole).abs() < 1e-9 * whole, "{} {whole}", sum(time));
}

/// The columns of layers: in a row they are its spikes, and down a column the layer's; empty in passes of other
/// networks.
fn spikes_by_layer_add_up(header: &[&str], rows: &[Vec<&str>], json: &serde_json::Value) {
    let network = header.iter().position(|cell| *cell == "network").unwrap();
    let spikes = header.iter().position(|cell| *cell == "spikes").unwrap();
    let layers: Vec<(usize, &str)> = (header.iter().enumerate())
        .filter_map(|(at, name)| Some((at, name.strip_prefix("spikes.")?)))
        .collect();
    let number = |cell: &str| cell.parse::<u64>().unwrap();
    for row in rows {
        let own = |name: &str| name.split_once('.').unwrap().0 == row[network];
        assert!(layers.iter().all(|&(at, name)| own(name) != row[at].is_empty()), "{row:?}");
        let sum: u64 = layers.iter().filter(|(_, name)| own(name)).map(|&(at, _)| number(row[at])).sum();
        assert_eq!(sum, number(row[spikes]));
    }
    let reported = json["layers"].as_array().unwrap().iter().filter(|layer| layer["spikes"] != 0);
    for layer in reported {
        let (at, _) =
            layers.iter().find(|(_, name)| layer["name"] == *name).expect("a column a firing layer");
        let sum: u64 = rows.iter().filter(|row| !row[*at].is_empty()).map(|row| number(row[*at])).sum();
        assert_eq!(sum, layer["spikes"].as_u64().unwrap(), "{}", layer["name"]);
    }
    assert!(layers.len() > 5, "{layers:?}");
}

/// Fields and sums of report.json.
fn checks_out(json: &serde_json::Value) {
    assert_eq!(json["schema"], "snnc.report/1");
    assert_eq!((&json["target"]["name"], &json["fidelity"]), (&"loihi-like".into(), &"analytic".into()));
    assert!(json["mapping"]["cores_used"].as_u64().unwrap() > 100 && json["mapping"]["chips_used"] == 1);
    let total = |name: &str| json["totals"][name].as_f64().unwrap();
    assert_eq!((total("images"), total("timesteps")), (2.0, 2.0 * (49.0 * 21.0 + 19.0)));
    let near = |a: f64, b: f64| assert!((a - b).abs() <= 1e-12 * b.abs().max(1.0), "{a} {b}");
    let components = json["energy_j"].as_object().unwrap();
    assert_eq!(components.len(), 6);
    near(components.values().map(|v| v.as_f64().unwrap()).sum(), total("energy_j"));
    let layers = json["layers"].as_array().unwrap();
    let sum = |name: &str| layers.iter().map(|l| l[name].as_f64().unwrap()).sum::<f64>();
    for name in ["energy_j", "spikes", "synaptic_operations", "packets"] {
        near(sum(name), total(name));
    }
    // Direct-coded inputs and read-outs: one word a neuron and pass.
    assert_eq!(total("host_writes"), 2.0 * (49.0 * 3136.0 + 784.0));
    assert_eq!(total("host_reads"), 2.0 * (49.0 * 6272.0 + 784.0));
    assert!(total("time_s") > 0.0 && total("energy_j") > 0.0 && total("hops") > 0.0);
}

#[test]
fn user_errors_have_code_place_and_hint() {
    let folder = tempfile::tempdir().unwrap();
    let write = |name: &str, text: &str| {
        let path = folder.path().join(name);
        std::fs::write(&path, text).unwrap();
        path.to_str().unwrap().to_owned()
    };
    let model = std::fs::read_to_string(example()).unwrap();
    assert!(fails("E0001", &["compile", "nowhere/model.ron"]).contains("hint"));
    let path = write("unknown.ron", &model.replacen("timesteps: 16", "timesteps: 16, colour: 3", 1));
    assert!(fails("E0002", &["compile", &path]).contains("colour"));
    let text = fails("E0004", &["compile", example().to_str().unwrap(), "--target", "loihi"]);
    assert!(text.contains("loihi-like"), "{text}");
    // The weights are not beside this copy.
    fails("E0001", &["compile", &write("elsewhere.ron", &model)]);
    fails(
        "E0016",
        &["simulate", &write("text.snnx", "this is not a program, however long the text may be ......")],
    );
    for absurd in [["--images", "0"], ["--images", "1152921504606846976"], ["--threads", "1000000000"]] {
        fails("E0021", &["run", example().to_str().unwrap(), absurd[0], absurd[1]]);
    }
    let flows = write("flows.txt", "0 1 5\n");
    for absurd in [["4294967295", "1"], ["1", "0"], ["4096", "4097"]] {
        fails("E0021", &["place", &flows, "--columns", absurd[0], "--rows", absurd[1]]);
    }
    fails("E0021", &["explain", "E9999"]);
    assert!(ok(&["explain", "e0013"]).contains("does not fit"));
    assert_eq!(snnc(&["run"]).status.code(), Some(2));
    assert_eq!(snnc(&["run", "x.ron", "--timing", "cycles"]).status.code(), Some(2));
}

#[test]
fn a_model_that_does_not_fit_says_why() {
    let folder = tempfile::tempdir().unwrap();
    let target = include_str!("../targets/loihi-like.ron").replacen(
        "synapse_memory_bits: (1048576",
        "synapse_memory_bits: (10000",
        1,
    );
    let path = folder.path().join("small.ron");
    std::fs::write(&path, target).unwrap();
    let text = fails("E0013", &["compile", example().to_str().unwrap(), "--target", path.to_str().unwrap()]);
    assert!(
        text.contains("layer sdid.conv") && text.contains("synapse memory") && text.contains("hint"),
        "{text}"
    );
    ok(&["targets", "check", path.to_str().unwrap()]);
}

#[test]
fn a_target_file_whose_routers_fork_packets_is_timed_cycle_by_cycle() {
    let folder = tempfile::tempdir().unwrap();
    let unicast =
        "routing: (Unicast, Published(\"Davies 2018: one spike message for each destination core\"))";
    let forking = "routing: (Multicast(table_entries: None), Assumed(\"what if\"))";
    let loihi = include_str!("../targets/loihi-like.ron");
    assert!(loihi.contains(unicast));
    let run = |text: String| -> serde_json::Value {
        let path = folder.path().join("target.ron");
        std::fs::write(&path, text).unwrap();
        let (model, path) = (example(), path.to_str().unwrap());
        let (model, timing) = (model.to_str().unwrap(), "cycle:1/64");
        let arguments = ["run", model, "--target", path, "--images", "1", "--timing", timing, "--json"];
        serde_json::from_str(&ok(&arguments)).unwrap()
    };
    let (apart, forked) = (run(loihi.into()), run(loihi.replacen(unicast, forking, 1)));
    let of = |report: &serde_json::Value, name: &str| report["totals"][name].as_u64().unwrap();
    assert_eq!(of(&apart, "spikes"), of(&forked, "spikes"));
    assert!(of(&apart, "hops") > 4 * of(&forked, "hops"), "{} and {}", apart["totals"], forked["totals"]);
    assert!(forked["time"]["simulated"]["timesteps"].as_u64() > Some(0), "{}", forked["time"]);
    // Longer packets are not forked.
    let path = folder.path().join("flits.ron");
    let text =
        loihi.replacen(unicast, forking, 1).replacen("flits_per_packet: (1,", "flits_per_packet: (2,", 1);
    std::fs::write(&path, text).unwrap();
    let (model, path) = (example(), path.to_str().unwrap());
    let model = model.to_str().unwrap();
    let text = fails("E0011", &["run", model, "--target", path, "--images", "1", "--timing", "cycle"]);
    assert!(text.contains("forks packets of 2 flits") && text.contains("hint"), "{text}");
}

#[test]
fn targets_and_intermediate_forms_print() {
    assert!(ok(&["targets"]).contains("loihi-like"));
    let shown = ok(&["targets", "show", "loihi-like"]);
    assert!(
        shown.contains("synaptic_operation_pj") && shown.contains("published") && shown.contains("assumed")
    );
    let model = example();
    let model = model.to_str().unwrap();
    let graph = ok(&["compile", model, "--emit", "graph"]);
    assert!(
        graph.contains("conv6") && graph.contains("[128, 7, 7]") && graph.contains("<- conv5, conv1"),
        "{graph}"
    );
    assert!(ok(&["compile", model, "--emit", "spiking"]).starts_with("// model spiking-diffusion-mnist"));
    assert!(
        ok(&["compile", model, "--objective", "cores", "--emit", "program"])
            .starts_with("// program for loihi-like")
    );
    let json: serde_json::Value = serde_json::from_str(&ok(&["compile", model, "--json"])).unwrap();
    // Layers share cores.
    let cores = json["cores"].as_u64().unwrap();
    let by_layer = json["layers"].as_array().unwrap().iter().map(|l| l["cores"].as_u64().unwrap());
    assert!((1..=by_layer.sum()).contains(&cores), "{cores}");
}

#[test]
fn import_names_the_checkpoint_that_it_cannot_read() {
    let text = fails("E0001", &["import", "--vq", "no.pth", "--sdid", "no.pth", "-o", "out"]);
    assert!(text.contains("no.pth"), "{text}");
    assert!(!std::path::Path::new("out").exists());
}

#[test]
fn import_fills_a_description_with_a_state_dict() {
    let folder = tempfile::tempdir().unwrap();
    let digits = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("examples/digits-cnn");
    let path = |path: std::path::PathBuf| path.to_str().unwrap().to_owned();
    let (pth, like) = (path(digits.join("weights.pth")), path(digits.join("model.ron")));
    let out = path(folder.path().join("digits"));
    let text = ok(&["import", "--pth", &pth, "--like", &like, "-o", &out]);
    assert!(text.contains("tensors 12") && !text.contains("left over"), "{text}");
    let graph = |model: &str| ok(&["compile", model, "--emit", "graph"]);
    assert_eq!(graph(&format!("{out}/model.ron")), graph(&like));
    for wrong in [["--pth", "a"], ["--like", "a"], ["--vq", "a"]] {
        let output = snnc(&["import", wrong[0], wrong[1], "-o", &out]);
        assert_eq!(output.status.code(), Some(2), "{wrong:?}");
    }
}

#[test]
fn a_folder_that_cannot_be_made_is_told_before_the_work() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("file");
    std::fs::write(&file, "x").unwrap();
    let out = file.join("run");
    let text = fails("E0017", &["run", example().to_str().unwrap(), "--out", out.to_str().unwrap()]);
    assert!(text.contains("cannot make folder"), "{text}");
}

#[test]
fn a_set_continues_where_it_stopped() {
    let folder = tempfile::tempdir().unwrap();
    let path = |name: &str| folder.path().join(name).to_str().unwrap().to_owned();
    let model = example();
    let program = path("m.snnx");
    ok(&["compile", model.to_str().unwrap(), "--objective", "cores", "-o", &program]);
    let set = |out: &str, seed: &str| -> Vec<String> {
        ["generate", &program, "--images", "3", "--seed", seed, "--out", &path(out)].map(String::from).into()
    };
    let run = |arguments: Vec<String>| ok(&arguments.iter().map(String::as_str).collect::<Vec<_>>());
    run(set("whole", "4"));
    run(set("torn", "4"));
    // As if killed while the chunk was written: its checksums are not there yet.
    let torn = folder.path().join("torn");
    for name in ["images.npy", "tokens.npy"] {
        let whole = std::fs::read(torn.join(name)).unwrap();
        let kept = if name == "images.npy" { 128 + 784 + 100 } else { 128 + 2 * 49 * 8 };
        std::fs::write(torn.join(format!("{name}.part")), &whole[..kept]).unwrap();
        std::fs::remove_file(torn.join(name)).unwrap();
    }
    std::fs::write(torn.join("generate.sums"), "0 3 12").unwrap();
    assert!(run(set("torn", "4")).contains("3 made now, 0 found"));
    assert!(run(set("torn", "4")).contains("0 made now, 3 found"));
    for name in ["images.npy", "tokens.npy", "generate.json", "generate.sums"] {
        let read = |out: &str| std::fs::read(folder.path().join(out).join(name)).unwrap();
        assert_eq!(read("whole"), read("torn"), "{name}");
    }
    let arguments = set("torn", "5");
    fails("E0021", &arguments.iter().map(String::as_str).collect::<Vec<_>>());
}

#[test]
fn images_are_reconstructed_on_the_chip() {
    let folder = tempfile::tempdir().unwrap();
    let model = example();
    let model = model.to_str().unwrap();
    let set = folder.path().join("set").to_str().unwrap().to_owned();
    ok(&["generate", model, "--images", "2", "--format", "png", "--out", &set]);
    let image = format!("{set}/image_000001.png");
    let json: serde_json::Value =
        serde_json::from_str(&ok(&["reconstruct", model, &image, &image, "--json"])).unwrap();
    let mse = |side: &str| json[side]["mse"]["mean"].as_f64().unwrap();
    assert_eq!((&json["images"], &json["overflows"]), (&2.into(), &0.into()));
    assert!(mse("float") < 0.03 && mse("chip") < 1.2 * mse("float"), "{json}");
    assert!(json["token_agreement"].as_f64().unwrap() > 0.8, "{json}");
    let text = fails("E0021", &["reconstruct", model, "Cargo.toml"]);
    assert!(text.contains("not a PNG"), "{text}");
}

#[test]
fn fewer_weight_bits_are_calibrated_and_more_are_refused() {
    let folder = tempfile::tempdir().unwrap();
    let out = folder.path().to_str().unwrap();
    let model = example();
    let model = model.to_str().unwrap();
    let verify = ["verify", model, "--target", "loihi-like", "--weights", "4", "--json", "--out", out];
    let json: serde_json::Value = serde_json::from_str(&ok(&verify)).unwrap();
    assert_eq!((&json["weight_bits"], &json["calibration_passes"]), (&4.into(), &16.into()));
    assert!(json["logits"]["kl"].as_f64().unwrap() < 0.05, "{}", json["logits"]);
    assert!(json["pixels"]["mse"].as_f64().unwrap() < 0.01, "{}", json["pixels"]);
    assert!(json["departure"].as_str().unwrap().starts_with("sdid.conv1 departs first"), "{json}");
    assert_eq!(json["layerwise"].as_array().unwrap().len(), 8);
    assert!(folder.path().join("image_0000.png").exists());
    fails("E0021", &["compile", model, "--weights", "9"]);
}

#[test]
fn calibration_is_refused_where_it_would_change_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let path = |name: &str| folder.path().join(name).to_str().unwrap().to_owned();
    let model = example();
    let model = model.to_str().unwrap();
    let feed_forward = "examples/feed-forward/model.ron";
    let idle = |arguments: &[&str], why: &str| {
        let text = fails("E0021", arguments);
        assert!(
            text.contains("would change nothing") && text.contains(why) && text.contains("hint"),
            "{text}"
        );
    };
    idle(&["compile", feed_forward, "--calibrate", "4"], "--calibrate-input");
    idle(&["compile", feed_forward, "--weights", "3", "--calibrate", "1"], "--calibrate-input");
    // Rounding to nearest is what happens there.
    ok(&["compile", feed_forward, "--calibrate", "0", "-o", &path("ff.snnx")]);
    idle(
        &["generate", &path("ff.snnx"), "--images", "1", "--out", &path("a"), "--calibrate", "4"],
        "compiled",
    );
    idle(&["generate", &path("ff.snnx"), "--images", "1", "--out", &path("a"), "--weights", "4"], "compiled");
    idle(&["compile", model, "--emit", "graph", "--calibrate", "4"], "as trained");
    let hgr = path("net.hgr");
    idle(&["export", model, "--to", "hgr", "-o", &hgr, "--calibrate", "4"], "no rounded weights");
    let mut options = snnc_compiler::driver::CompileOptions::default();
    options.lower.calibration = Some(4);
    let loaded = snnc_compiler::frontend::load(&example()).unwrap();
    let target = snnc_targets::registry::load("loihi-like").unwrap();
    let error = snnc_compiler::driver::compile_reconstruction(&loaded, &target, options).unwrap_err();
    assert!(error.to_string().contains("without the denoiser"), "{error}");
}

#[cfg(feature = "parquet")]
#[test]
fn traces_choose_images_and_overwrite_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let path = |name: &str| folder.path().join(name).to_str().unwrap().to_owned();
    let model = example();
    let program = path("m.snnx");
    ok(&["compile", model.to_str().unwrap(), "--objective", "cores", "-o", &program]);
    let run = ["simulate", &program, "--images", "2", "--timing", "cycle:1/20", "--json"];
    let report =
        |more: &[&str]| -> serde_json::Value { serde_json::from_str(&ok(&[&run, more].concat())).unwrap() };
    let choice = ["--trace-images", "1", "--trace-passes", "40..50", "--trace-timesteps", "0..21"];
    let trace = path("packets.parquet");
    let traced = report(&[&["--trace", &trace], &choice[..]].concat());
    assert_eq!(traced["totals"]["images"], 2);
    assert!(std::fs::metadata(&trace).unwrap().len() > 0);
    // Errors for people.
    let plain = &run[..run.len() - 1];
    let (a, detour) = (path("a"), path("./a"));
    fails("E0021", &[plain, &["--trace", &a, "--trace-events", &detour]].concat());
    let (out, own) = (path("out"), path("out/timesteps.csv"));
    fails("E0021", &[plain, &["--out", &out, "--trace", &own]].concat());
    fails("E0021", &[plain, &["--trace", &a, "--trace-images", "2"]].concat());
}

#[cfg(not(feature = "parquet"))]
#[test]
fn a_table_of_packets_is_refused_by_builds_without_parquet() {
    let folder = tempfile::tempdir().unwrap();
    let path = |name: &str| folder.path().join(name).to_str().unwrap().to_owned();
    let program = path("m.snnx");
    ok(&["compile", example().to_str().unwrap(), "-o", &program]);
    let trace = path("packets.parquet");
    let text = fails("E0021", &["simulate", &program, "--timing", "cycle:1/20", "--trace", &trace]);
    assert!(text.contains("--features parquet"), "{text}");
    assert!(!std::path::Path::new(&trace).exists());
}

#[test]
fn a_view_needs_a_terminal() {
    // Standard output is a pipe here.
    let message = fails("E0021", &["view", "anything.snnx"]);
    assert!(message.contains("terminal"), "{message}");
}

#[test]
fn no_two_options_share_a_name() {
    <snnc::cli::arguments::Cli as clap::CommandFactory>::command().debug_assert();
}

#[test]
fn passes_are_listed_and_each_prints_what_it_gives() {
    let list: serde_json::Value = serde_json::from_str(&ok(&["passes", "--json"])).unwrap();
    assert_eq!(list["schema"], "snnc.passes/1");
    let names: Vec<&str> =
        list["passes"].as_array().unwrap().iter().map(|pass| pass["name"].as_str().unwrap()).collect();
    assert_eq!(
        names,
        [
            "split-host-tail",
            "collect-neurons",
            "accept-feedback",
            "insert-constants",
            "insert-relays",
            "record-activity",
            "schedule",
            "quantise"
        ]
    );
    let plain = ok(&["passes"]);
    assert!(names.iter().all(|name| plain.contains(&format!("{name}\n  "))), "{plain}");
    let model = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("examples/feed-forward/model.ron");
    let model = model.to_str().unwrap();
    let after = |pass: &str| ok(&["compile", model, "--emit-after", pass]);
    assert!(after("split-host-tail").contains("  flat           Flatten"));
    let collected = after("collect-neurons");
    assert!(collected.contains("    <- conv2: kernel 3 x 3, channels "), "{collected}");
    assert!(collected.contains("    <- line: list of ") && !collected.contains("Flatten"), "{collected}");
    assert!(after("record-activity").contains("network classifier: 0 passes recorded"));
    assert!(after("schedule").contains("timesteps 1 to 13, conv1 after 1"));
    assert_eq!(after("quantise"), ok(&["compile", model, "--emit", "spiking"]));
    let unknown = fails("E0021", &["compile", model, "--emit-after", "colect"]);
    assert!(unknown.contains("the passes are split-host-tail, collect-neurons"), "{unknown}");
    let idle = ["compile", model, "--emit-after", "collect-neurons", "--calibrate", "3"];
    assert!(fails("E0021", &idle).contains("would change nothing"));
}
