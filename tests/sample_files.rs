//! Files around a run of samples: archives and event lists that it reads, samples that
//! rounding looks at, the archive of spikes that it writes.

use std::io::{Read, Write};
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use snnc::comparison::compare_samples;
use snnc::npy::{self, NpyHeader};
use snnc::samples::input::{self, SampleShape};
use snnc::{CompileOptions, Model};
use snnc_compiler::frontend::load;
use snnc_compiler::graph::Graph;
use snnc_compiler::reference::{Interpreter, Map};

fn example(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("examples").join(name)
}

fn snnc(arguments: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_snnc")).args(arguments).output().unwrap()
}

fn succeeded(arguments: &[&str]) -> String {
    let output = snnc(arguments);
    assert!(output.status.success(), "{arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap()
}

/// Standard error of a command that fails.
fn refused(arguments: &[&str]) -> String {
    let output = snnc(arguments);
    assert_eq!(output.status.code(), Some(1), "{arguments:?}");
    String::from_utf8(output.stderr).unwrap()
}

/// A member of an archive: its shape and data.
fn member(archive: &Path, key: &str) -> (Vec<usize>, Vec<u8>) {
    let mut archive = zip::ZipArchive::new(std::fs::File::open(archive).unwrap()).unwrap();
    let mut bytes = Vec::new();
    archive.by_name(&format!("{key}.npy")).unwrap().read_to_end(&mut bytes).unwrap();
    let header = NpyHeader::read(&mut bytes.as_slice()).unwrap();
    assert_eq!((header.descr.as_str(), header.fortran), ("|u1", false));
    (header.shape, bytes.split_off(header.length as usize))
}

/// Inputs of `count` samples: multiples of 1 / `parts` in -1 to 1, which the host's rounding to integers keeps.
fn inputs(count: usize, length: usize, parts: u64) -> Vec<Vec<f64>> {
    let mut state = 1u64;
    let mut draw = || {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        ((state >> 33) % (2 * parts + 1)) as f64 / parts as f64 - 1.0
    };
    (0..count).map(|_| (0..length).map(|_| draw()).collect()).collect()
}

/// An array of float64 samples `[n, length]`.
fn floats(samples: &[Vec<f64>]) -> Vec<u8> {
    let mut bytes = npy::header("<f8", &format!("({}, {})", samples.len(), samples[0].len()));
    bytes.extend(samples.iter().flatten().flat_map(|value| value.to_le_bytes()));
    bytes
}

/// Compares the spikes of an archive with those of the float reference; the number of spikes by layer.
fn spikes_of_reference(archive: &Path, graph: &Graph, samples: &[Vec<f64>]) -> Vec<(String, u64)> {
    let interpreter = Interpreter::new(graph).unwrap();
    let run = |data: &Vec<f64>| interpreter.run(&Map::new(interpreter.input_shape(), data.clone())).unwrap();
    let traces: Vec<_> = samples.iter().map(run).collect();
    let mut sums = Vec::new();
    for layer in traces[0].spiking() {
        let shape = interpreter.spiking_shape(layer).unwrap();
        let vector = shape.positions() == 1;
        let row = if vector { shape.channels } else { shape.width };
        let name = format!("{}.{layer}", graph.name);
        let (sides, bytes) = member(archive, &name);
        let mut expected = vec![samples.len(), graph.timesteps];
        expected.extend(if vector { vec![] } else { vec![shape.channels, shape.height] });
        expected.push(row.div_ceil(8));
        assert_eq!(sides, expected, "{name}");
        let mut rows = bytes.chunks(row.div_ceil(8));
        let mut fired = 0;
        for trace in &traces {
            for step in trace.spikes(layer).unwrap() {
                for flags in step.chunks(row) {
                    let packed = rows.next().unwrap();
                    // As np.unpackbits does: the most significant bit is the first.
                    let bit = |i: usize| packed[i / 8] & (0x80 >> (i % 8)) != 0;
                    assert!((0..row).all(|i| bit(i) == flags[i]), "{name}");
                    assert!((row..packed.len() * 8).all(|i| !bit(i)), "{name}: filled up with zeros");
                    fired += flags.iter().filter(|&&fired| fired).count() as u64;
                }
            }
        }
        assert!(rows.next().is_none() && fired > 0, "{name}");
        sums.push((name, fired));
    }
    sums
}

#[test]
fn spikes_are_those_of_the_float_reference_and_as_many_as_reported() {
    let folder = tempfile::tempdir().unwrap();
    let at = |name: &str| folder.path().join(name);
    let text = |name: &str| at(name).to_str().unwrap().to_owned();
    let path = example("feed-forward/model.ron");
    let (model, path) = (load(&path).unwrap(), path.to_str().unwrap());
    succeeded(&["compile", path, "--target", "loihi-like", "-o", &text("m.snnx")]);
    for (name, parts) in [("classifier", 1), ("irregular", 8)] {
        let graph = &model.graphs[name];
        // More than run at once.
        let samples = inputs(21, Interpreter::new(graph).unwrap().input_shape().len(), parts);
        std::fs::write(at("x.npy"), floats(&samples)).unwrap();
        let (program, x, one, two) = (text("m.snnx"), text("x.npy"), text("one"), text("two"));
        let fed = ["--network", name, "--input", &x, "--spikes", "--out"];
        let simulate = [&["simulate", &program][..], &fed, &[&one, "--json", "--threads", "1"]].concat();
        let report: serde_json::Value = serde_json::from_str(&succeeded(&simulate)).unwrap();
        let run = ["run", path, "--target", "loihi-like", "--timing", "none", "--threads", "2"];
        let printed = succeeded(&[&run[..], &fed, &[&two]].concat());
        let words: Vec<&str> = printed.split_whitespace().collect();
        assert!(words.join(" ").contains("cores.csv, spikes.npz and report.json to"), "{printed}");
        let [one, two] = ["one", "two"].map(|run| std::fs::read(at(run).join("spikes.npz")).unwrap());
        assert!(one == two, "the bytes depend on the spikes alone");
        for (layer, fired) in spikes_of_reference(&at("one").join("spikes.npz"), graph, &samples) {
            let reported = report["layers"].as_array().unwrap();
            let reported = reported.iter().find(|reported| reported["name"] == layer.as_str()).unwrap();
            assert_eq!(reported["spikes"], fired, "{layer}");
        }
        let manifest = std::fs::read_to_string(at("one").join("manifest.json")).unwrap();
        assert!(manifest.contains("\"spikes.npz\""), "{manifest}");
    }
}

#[test]
fn spikes_without_a_folder_and_membranes_of_generated_images_are_refused() {
    let folder = tempfile::tempdir().unwrap();
    let path = example("feed-forward/model.ron");
    let path = path.to_str().unwrap();
    std::fs::write(folder.path().join("x.npy"), floats(&inputs(1, 144, 1))).unwrap();
    let x = folder.path().join("x.npy");
    let run = ["run", path, "--network", "classifier", "--input", x.to_str().unwrap(), "--spikes"];
    let message = refused(&run);
    assert!(["E0021", "--spikes", "--out"].iter().all(|word| message.contains(word)), "{message}");
    let generating = example("spiking-diffusion-mnist/model.ron");
    let generate = ["run", generating.to_str().unwrap(), "--images", "1"];
    assert!(refused(&[&generate[..], &["--dt", "1"]].concat()).contains("takes no samples"));
    assert!(refused(&[&run[..6], &["--dt", "1"]].concat()).contains("one map for all timesteps"));
    let message = refused(&[&generate[..], &["--membranes", "sdid.conv1"]].concat());
    assert!(["E0021", "--membranes", "samples"].iter().all(|word| message.contains(word)), "{message}");
}

#[test]
fn spikes_of_generated_images_are_those_of_all_passes() {
    let folder = tempfile::tempdir().unwrap();
    let model = std::fs::read_to_string(example("spiking-diffusion-mnist/model.ron")).unwrap();
    for entry in std::fs::read_dir(example("spiking-diffusion-mnist")).unwrap() {
        let path = entry.unwrap().path();
        if path.is_file() {
            std::fs::copy(&path, folder.path().join(path.file_name().unwrap())).unwrap();
        }
    }
    let iterations = 3;
    let short = model.replace("iterations: 49", &format!("iterations: {iterations}"));
    assert_ne!(short, model);
    let path = folder.path().join("model.ron");
    std::fs::write(&path, short).unwrap();
    let out = folder.path().join("out");
    let (path, out) = (path.to_str().unwrap(), out.to_str().unwrap());
    let quick =
        ["run", path, "--images", "2", "--objective", "cores", "--effort", "fast", "--timing", "none"];
    let printed = succeeded(&[&quick[..], &["--spikes", "--json", "--out", out]].concat());
    let report: serde_json::Value = serde_json::from_str(&printed).unwrap();
    let mut archive =
        zip::ZipArchive::new(std::fs::File::open(Path::new(out).join("spikes.npz")).unwrap()).unwrap();
    let mut fired_layers = 0;
    for layer in report["layers"].as_array().unwrap() {
        let name = layer["name"].as_str().unwrap();
        let Ok(mut member) = archive.by_name(&format!("{name}.npy")) else {
            assert_eq!(layer["spikes"], 0, "{name}");
            continue;
        };
        let mut bytes = Vec::new();
        std::io::Read::read_to_end(&mut member, &mut bytes).unwrap();
        let header = 10 + usize::from(u16::from_le_bytes([bytes[8], bytes[9]]));
        let text = String::from_utf8_lossy(&bytes[10..header]).into_owned();
        let sides = text.split_once("'shape': (").unwrap().1.split_once(')').unwrap().0;
        let sides: Vec<usize> = sides.split(',').filter_map(|side| side.trim().parse().ok()).collect();
        // Two images; the denoiser's passes lie one after the other.
        let passes = if name.starts_with("sdid.") { iterations } else { 1 };
        assert_eq!((sides[0], sides[1] % passes, sides[1] > passes), (2, 0, true), "{name} {sides:?}");
        let fired: u32 = bytes[header..].iter().map(|byte| byte.count_ones()).sum();
        assert_eq!(layer["spikes"], fired, "{name}");
        fired_layers += usize::from(fired > 0);
    }
    assert!(fired_layers > 5, "{report}");
}

/// An archive of arrays by their keys.
fn archive(path: &Path, arrays: &[(&str, Vec<u8>)]) {
    let mut zip = zip::ZipWriter::new(std::fs::File::create(path).unwrap());
    for (key, bytes) in arrays {
        zip.start_file(format!("{key}.npy"), zip::write::SimpleFileOptions::default()).unwrap();
        zip.write_all(bytes).unwrap();
    }
    zip.finish().unwrap();
}

#[test]
fn samples_and_labels_of_an_archive_are_those_of_arrays() {
    let folder = tempfile::tempdir().unwrap();
    let at = |name: &str| folder.path().join(name);
    let text = |name: &str| at(name).to_str().unwrap().to_owned();
    let path = example("feed-forward/model.ron");
    let samples = inputs(3, 144, 1);
    let labels = [npy::header("|u1", "(3,)"), vec![0, 1, 2]].concat();
    std::fs::write(at("x.npy"), floats(&samples)).unwrap();
    std::fs::write(at("y.npy"), &labels).unwrap();
    archive(&at("all.npz"), &[("images", floats(&samples)), ("labels", labels)]);
    let run = ["run", path.to_str().unwrap(), "--network", "classifier", "--timing", "none", "--out"];
    let [arrays, keyed, x, y, all] = ["arrays", "keyed", "x.npy", "y.npy", "all.npz"].map(text);
    let keys = ["images", "labels"].map(|key| text(&format!("all.npz:{key}")));
    succeeded(&[&run[..], &[&arrays, "--input", &x, "--labels", &y]].concat());
    succeeded(&[&run[..], &[&keyed, "--input", &keys[0], "--labels", &keys[1]]].concat());
    for name in ["predictions.csv", "readout.npy"] {
        let [a, b] = ["arrays", "keyed"].map(|run| std::fs::read(at(run).join(name)).unwrap());
        assert!(a == b && !a.is_empty(), "{name}");
    }
    let message = refused(&[&run[..], &[&keyed, "--input", &all]].concat());
    assert!(message.contains("several arrays: images, labels"), "{message}");
    // An archive that is read is not written over either.
    let message = refused(&[&run[..], &[&keyed, "--input", &keys[0], "--trace-events", &all]].concat());
    assert!(message.contains("input of the command"), "{message}");
}

/// The events of spike trains `[n, t, c, h, w]` as columns n, t, x, y, p, the times within timesteps of 1000.
fn events(values: &[f64], shape: SampleShape) -> [Vec<u64>; 5] {
    let (map, steps) = (shape.map, shape.steps.unwrap());
    let mut columns: [Vec<u64>; 5] = Default::default();
    for (index, _) in values.iter().enumerate().filter(|&(_, &value)| value == 1.0) {
        let (rest, x) = (index / map.width, index % map.width);
        let (rest, y) = (rest / map.height, rest % map.height);
        let (rest, p) = (rest / map.channels, rest % map.channels);
        let (n, step) = (rest / steps, rest % steps);
        let t = step * 1000 + index * 7 % 1000;
        columns.iter_mut().zip([n, t, x, y, p]).for_each(|(column, value)| column.push(value as u64));
    }
    columns
}

#[test]
fn event_lists_are_the_spike_trains_that_they_come_from() {
    let folder = tempfile::tempdir().unwrap();
    let at = |name: &str| folder.path().join(name);
    let [model, recorded, trains] =
        ["model.ron", "golden.safetensors", "inputs.npy"].map(|name| example("bars-events").join(name));
    let loaded = load(&model).unwrap();
    let shape = SampleShape::of(&Interpreter::new(&loaded.graphs["net"]).unwrap());
    let values = input::samples(&trains, shape, None).unwrap();
    let columns = events(&values, shape);
    let mut table = "x,y,p,t,n\n".to_owned();
    // Backwards: an event list need not be in order. One event stands twice, one comes after the last timestep.
    let twice = (0..columns[0].len()).rev().chain([5]);
    for event in twice {
        let [n, t, x, y, p] = columns.each_ref().map(|column| column[event]);
        table += &format!("{x},{y},{p},{t},{n}\n");
    }
    table += &format!("0,0,0,{},99\n", shape.steps.unwrap() * 1000);
    std::fs::write(at("events.csv"), table).unwrap();
    let arrays = ["n", "t", "x", "y", "p"].into_iter().zip(&columns).map(|(key, column)| {
        let mut bytes = npy::header("<i4", &format!("({},)", column.len()));
        bytes.extend(column.iter().flat_map(|&value| (value as i32).to_le_bytes()));
        (key, bytes)
    });
    archive(&at("events.npz"), &arrays.collect::<Vec<_>>());
    for (name, more) in [("events.csv", 1), ("events.npz", 0)] {
        let read = input::read(&at(name), shape, Some(1000.0), None).unwrap();
        let summary = read.events.unwrap();
        assert!(read.content.into_values() == values, "{name}");
        assert_eq!((summary.merged, summary.after_last_timestep), (more, more), "{name}");
        assert_eq!(summary.events, columns[0].len() as u64 + 2 * more, "{name}");
        assert_eq!(summary.spikes, columns[0].len() as u64, "{name}");
    }
    let text = |path: &Path| path.to_str().unwrap().to_owned();
    let (model, recorded, events) = (text(&model), text(&recorded), text(&at("events.csv")));
    let verify = ["verify", &model, "--golden", &recorded, "--input", &events];
    let printed = succeeded(&[&verify[..], &["--dt", "1000"]].concat());
    assert!(printed.contains("1 merged") && printed.contains("of 100 samples"), "{printed}");
    let cases: [(&[&str], &str); 3] =
        [(&[], "needs --dt"), (&["--dt", "0"], "more than 0"), (&["--dt", "-1"], "more than 0")];
    for (more, expected) in &cases {
        let message = refused(&[&verify[..], more].concat());
        assert!(message.contains("E0021") && message.contains(expected), "{more:?}: {message}");
    }
}

#[test]
fn biases_are_made_for_the_range_of_the_given_samples() {
    let folder = tempfile::tempdir().unwrap();
    let at = |name: &str| folder.path().join(name).to_str().unwrap().to_owned();
    let scaled = |by: f64| {
        inputs(3, 144, 1).iter().map(|one| one.iter().map(|x| x * by).collect()).collect::<Vec<_>>()
    };
    let [large, other] = [at("large.npy"), at("other.npy")];
    std::fs::write(&large, floats(&scaled(64.0))).unwrap();
    std::fs::write(&other, floats(&scaled(4.0))).unwrap();
    let model = example("feed-forward/model.ron");
    let model = model.to_str().unwrap();
    let run = ["run", model, "--network", "classifier", "--timing", "none", "--json", "--input", &large];
    let clipped = |more: &[&str]| {
        let report: serde_json::Value = serde_json::from_str(&succeeded(&[&run[..], more].concat())).unwrap();
        report["overflows"]["bias"].as_u64().unwrap()
    };
    let given = |path| ["--calibrate-network", "classifier", "--calibrate-input", path];
    assert!(clipped(&[]) > 0 && clipped(&given(&other)) > 0);
    assert_eq!(clipped(&given(&large)), 0);
    // What cannot be used is said.
    let compile = ["compile", model, "--calibrate-input", &large];
    let generating = example("spiking-diffusion-mnist/model.ron");
    let generating = generating.to_str().unwrap();
    let events = example("bars-events/model.ron");
    let (events, trains) = (events.to_str().unwrap(), example("bars-events/inputs.npy"));
    let trains = trains.to_str().unwrap();
    let cases: [(Vec<&str>, &[&str]); 6] = [
        (compile.to_vec(), &["E0021", "--calibrate-network", "one of classifier, irregular"]),
        (
            [&compile[..], &["--calibrate-network", "irregular"]].concat(),
            &["E0021", "large.npy", "[n, 1, 1, 64]"],
        ),
        (vec!["compile", model, "--calibrate", "4"], &["E0021", "would change nothing", "--calibrate-input"]),
        (
            vec!["compile", generating, "--calibrate-input", &large],
            &["E0021", "would change nothing", "its loop"],
        ),
        (vec!["compile", events, "--calibrate-input", trains], &["E0021", "takes spikes"]),
        (
            vec!["export", model, "--to", "hgr", "-o", &other, "--calibrate-input", &large],
            &["E0021", "--calibrate-input", "would change nothing"],
        ),
    ];
    for (arguments, expected) in cases {
        let message = refused(&arguments);
        assert!(expected.iter().all(|text| message.contains(text)), "{arguments:?}: {message}");
    }
}

#[test]
fn recorded_samples_make_coarse_weights_better_on_others() {
    let shape = |model: &Model| SampleShape::of(&Interpreter::new(&model.loaded().graphs["net"]).unwrap());
    let plain = Model::load(example("digits-cnn/model.ron")).unwrap();
    let values = input::samples(&example("digits-cnn/inputs.npy"), shape(&plain), Some(56)).unwrap();
    // The first are compared, the others recorded.
    let (compared, recorded) = values.split_at(24 * shape(&plain).elements());
    let calibrated = plain.with_calibration("net", recorded.to_vec()).unwrap();
    let target = snnc::target("loihi-like").unwrap();
    let errors = [(&plain, 0), (&calibrated, 32)].map(|(model, passes)| {
        let mut options = CompileOptions::default();
        (options.lower.weight_bits, options.lower.calibration) = (Some(3), Some(passes));
        let program = model.compile(&target, &options).unwrap();
        let samples = program.samples("net", compared.to_vec()).unwrap();
        let found = compare_samples(model, &program, &samples, None, &()).unwrap();
        found.layers.iter().map(|layer| 1.0 - layer.spike_agreement).sum::<f64>()
    });
    assert!(errors[1] < 0.8 * errors[0] && errors[1] > 0.0, "{errors:?}");
}
