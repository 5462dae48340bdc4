//! NIR files of other frameworks: the spikes that these recorded, refusals by name, damaged files, and the way back.

use std::path::{Path, PathBuf};

use snnc::golden::{GoldenFile, GoldenReport, check_samples};
use snnc::samples::input::{SampleShape, samples};
use snnc::{Code, CompileOptions, Model, Session, SessionOptions};
use snnc_compiler::frontend::load;
use snnc_compiler::frontend::nir::dialect::Overrides;
use snnc_compiler::frontend::nir::node::{NirFile, NirNode};
use snnc_compiler::frontend::nir::{Dialect, NirOptions, ReadOut, export, import, model};
use snnc_compiler::reference::Interpreter;
use snnc_targets::Diagnostics;

/// Steps with an input of the recorded single neuron, of 1000.
const STIMULUS: [usize; 34] = [
    60, 220, 270, 310, 320, 350, 370, 400, 410, 430, 440, 450, 460, 470, 480, 490, 500, 510, 520, 530, 670,
    680, 690, 700, 710, 720, 730, 740, 750, 760, 770, 780, 840, 850,
];

fn file(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data/nir").join(name)
}

fn example(network: &str, name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("examples").join(network).join(name)
}

fn reading(dialect: Dialect, timesteps: usize) -> NirOptions {
    let overrides = Overrides { dialect: Some(dialect), ..Overrides::default() };
    NirOptions { overrides, timesteps: Some(timesteps), ..NirOptions::default() }
}

fn nir(name: &str, options: &NirOptions) -> Model {
    Model::load_nir(file(name), options).unwrap_or_else(|problems| panic!("{name}: {problems}"))
}

fn refused(name: &str, options: &NirOptions) -> Diagnostics {
    Model::load_nir(file(name), options).expect_err(name)
}

/// A model against the recording of an example.
fn against(model: &Model, network: &str) -> GoldenReport {
    let loaded = model.loaded();
    let shape = SampleShape::of(&Interpreter::new(&loaded.graphs["net"]).unwrap());
    let values = samples(&example(network, "inputs.npy"), shape, None).unwrap();
    let golden = GoldenFile::read(&example(network, "golden.safetensors")).unwrap();
    check_samples(loaded, "net", &values, &golden, &()).unwrap()
}

fn agrees(model: &Model, network: &str, layers: usize) {
    let report = against(model, network);
    assert_eq!(report.rows.len(), 4 * (layers + 1) + 1, "{network}");
    for row in &report.rows {
        assert_eq!((row.mismatches, row.pass), (0, true), "{network} {}", row.name);
    }
}

fn trained() -> [(&'static str, &'static str, NirOptions, usize); 3] {
    let cnn = NirOptions {
        constant_input: true,
        read_out: Some(ReadOut::Mean),
        ..reading(Dialect::SpikingJelly, 4)
    };
    [
        ("bars_events.nir", "bars-events", reading(Dialect::SpikingJelly, 20), 3),
        ("digits_leaky.nir", "digits-leaky", reading(Dialect::SnnTorch, 25), 3),
        ("digits_cnn.nir", "digits-cnn", cnn, 4),
    ]
}

#[test]
fn exported_networks_give_the_spikes_that_their_frameworks_recorded() {
    for (name, network, options, layers) in trained() {
        agrees(&nir(name, &options), network, layers);
    }
    let remarks = nir("digits_leaky.nir", &reading(Dialect::SnnTorch, 25)).remarks().join("\n");
    assert!(remarks.contains("`lif2`: 5 of 64 neurons have a negative time constant"), "{remarks}");
    assert!(remarks.contains("takes the threshold off the membrane in the next step"), "{remarks}");
}

#[test]
fn another_dialect_reads_other_spikes() {
    // Read as NIR's text says, with `>`, 569 spikes of this file are wrong: counted with the package `nir` and NumPy.
    let literal = against(&nir("bars_events.nir", &reading(Dialect::Lava, 20)), "bars-events");
    let spikes = literal.rows.iter().filter(|row| row.name.contains(".spikes."));
    assert_eq!(spikes.map(|row| row.mismatches).sum::<usize>(), 569);
    let strict = Overrides { strict: Some(false), ..reading(Dialect::Lava, 20).overrides };
    agrees(
        &nir("bars_events.nir", &NirOptions { overrides: strict, ..reading(Dialect::Lava, 20) }),
        "bars-events",
        3,
    );
}

/// The stimulus of the single neuron as spikes `[1000, 1]`.
fn stimulus() -> Vec<f64> {
    let mut spikes = vec![0.0; 1000];
    STIMULUS.iter().for_each(|&step| spikes[step] = 1.0);
    spikes
}

/// Steps in which a layer of one neuron fires.
fn fired(model: &Model, layer: &str, input: &[f64]) -> Vec<usize> {
    let interpreter = Interpreter::new(&model.loaded().graphs["net"]).unwrap();
    let trace = interpreter.pass(input).unwrap();
    let signal = trace.signal(layer).expect(layer);
    (0..input.len()).filter(|&t| signal.at(t).data[0] == 1.0).collect()
}

fn with_step(dialect: Dialect, timesteps: usize, dt: f64) -> NirOptions {
    let mut options = reading(dialect, timesteps);
    options.overrides.dt = Some(dt);
    options
}

#[test]
fn a_single_neuron_fires_when_each_framework_recorded_it() {
    let mut snntorch = with_step(Dialect::SnnTorch, 1000, 1e-4);
    // snnTorch reads LIF nodes as neurons that are reset to 0 at once.
    snntorch.overrides.reset = Some("hard".parse().unwrap());
    let recorded = [460, 510, 710, 760];
    for options in [
        with_step(Dialect::Norse, 1000, 1e-4),
        snntorch,
        with_step(Dialect::Nengo, 1000, 1e-4),
        with_step(Dialect::Exact, 1000, 1e-4),
        with_step(Dialect::Lava, 1000, 1e-4),
    ] {
        assert_eq!(fired(&nir("lif_norse.nir", &options), "1", &stimulus()), recorded, "{options:?}");
    }
    // Rockpool's own file, but for the shape of its Output; its timestep follows from r.
    let mut rockpool = NirFile::read(&file("lif_rockpool.nir")).unwrap();
    rockpool.graph.nodes.insert("output".into(), NirNode::Output(vec![1]));
    let options = NirOptions { timesteps: Some(1000), ..NirOptions::default() };
    let found = model(&rockpool, &options).unwrap();
    assert!(found.remarks[0].contains("rockpool writes NIR (guessed from the file)"), "{:?}", found.remarks);
    let dt: f64 =
        found.remarks[0].split("timestep is ").nth(1).unwrap().split(' ').next().unwrap().parse().unwrap();
    assert!((dt - 1e-4).abs() < 1e-9, "{dt}");
    assert_eq!(fired(&found.loaded.into(), "1_LIFNeuronTorch", &stimulus()), [450, 500, 710, 760]);
}

/// Read-outs of a pass on a chip.
fn on_chip(model: &Model, target: &str, input: Vec<f64>) -> Vec<f64> {
    let program = model.compile(&snnc::target(target).unwrap(), &CompileOptions::default()).unwrap();
    let samples = program.samples("net", input).unwrap();
    Session::new(&program, SessionOptions::default()).unwrap().run(&samples).unwrap().items.remove(0)
}

#[test]
fn a_single_neuron_on_chips_fires_as_loihi_2_did() {
    // Loihi 2 fired in steps 461, 511, 711 and 761 of its clock, one behind the input's: four times, and each within a
    // prefix that ends behind it.
    for (steps, count) in
        [(460, 0.0), (461, 1.0), (510, 1.0), (511, 2.0), (711, 3.0), (760, 3.0), (761, 4.0), (1000, 4.0)]
    {
        let model = nir("lif_norse.nir", &with_step(Dialect::Lava, steps, 1e-4));
        for target in ["loihi-like", "loihi2-like"] {
            assert_eq!(on_chip(&model, target, stimulus()[..steps].to_vec()), [count], "{target} {steps}");
        }
    }
}

#[test]
fn a_leak_above_the_threshold_fires_by_itself() {
    // v = 1.2 (1 - 0.9^n) is above 1 from n = 18 on; its weight of 1 moves the second neuron nowhere near 20.
    let model = nir("two_lif_neurons.nir", &with_step(Dialect::Norse, 100, 1e-3));
    let silent = vec![0.0; 100];
    assert_eq!(fired(&model, "lif1", &silent), [17, 35, 53, 71, 89]);
    assert!(fired(&model, "lif2", &silent).is_empty());
    let file = NirFile::read(&file("two_lif_neurons.nir")).unwrap();
    let mut first = file.clone();
    first.graph.edges.retain(|(a, b)| a != "linear2" && b != "linear2" && a != "lif2" && b != "lif2");
    first.graph.nodes.shift_remove("linear2");
    first.graph.nodes.shift_remove("lif2");
    first.graph.edges.push(("lif1".into(), "out".into()));
    let first = self::model(&first, &with_step(Dialect::Norse, 100, 1e-3)).unwrap().loaded.into();
    for target in ["loihi-like", "loihi2-like"] {
        assert_eq!(on_chip(&first, target, silent.clone()), [5.0], "{target}");
    }
}

#[test]
fn files_of_other_frameworks_load_map_and_run() {
    let subtract = |reset: &str| {
        let overrides = Overrides { reset: Some(reset.parse().unwrap()), ..Overrides::default() };
        NirOptions { overrides, timesteps: Some(16), ..NirOptions::default() }
    };
    // Loihi 1 knows no reset but to 0, and its biases join the membrane: a neuron that always fires is added for those
    // that join a synaptic current.
    let mut hard = reading(Dialect::Sinabs, 6);
    hard.overrides.reset = Some("hard".parse().unwrap());
    for (name, options, (inputs, outputs), target) in [
        ("cnn_sinabs.nir", reading(Dialect::Sinabs, 6), (2 * 34 * 34, 10), "loihi2-like"),
        ("cnn_sinabs.nir", hard, (2 * 34 * 34, 10), "loihi-like"),
        ("braille_noDelay_bias_zero.nir", subtract("hard"), (12, 7), "loihi2-like"),
        ("braille_noDelay_bias_zero.nir", subtract("hard"), (12, 7), "loihi-like"),
        ("braille_noDelay_noBias_subtract.nir", subtract("subtract"), (12, 7), "loihi2-like"),
        ("braille_noDelay_noBias_subtract.nir", subtract("hard"), (12, 7), "loihi-like"),
    ] {
        let (model, steps) = (nir(name, &options), options.timesteps.unwrap());
        let input: Vec<f64> = (0..steps * inputs).map(|i| f64::from(u8::from(i * i % 7 == 1))).collect();
        let reference = Interpreter::new(&model.loaded().graphs["net"]).unwrap().pass(&input).unwrap();
        let (float, chip) = (reference.output().data.clone(), on_chip(&model, target, input));
        assert_eq!((float.len(), chip.len()), (outputs, outputs), "{name}");
        // Weights of 8 bits move a spike here and there.
        let apart: f64 = float.iter().zip(&chip).map(|(a, b)| (a - b).abs()).sum();
        assert!(
            float.iter().sum::<f64>() > 0.0 && apart <= 0.2 * float.iter().sum::<f64>() + 2.0,
            "{name} {target} {float:?} {chip:?}"
        );
    }
}

#[test]
fn faults_of_files_are_named() {
    let given = NirOptions { timesteps: Some(4), ..NirOptions::default() };
    let rockpool = refused("lif_rockpool.nir", &given);
    assert_eq!(rockpool.codes(), [Code::LayerShape]);
    assert!(rockpool.to_string().contains("gives [1], `output` takes [1, 1, 1]"), "{rockpool}");
    let subgraph = refused("braille_noDelay_bias_zero_subgraph.nir", &given);
    assert!(subgraph.to_string().contains("`lif` -> `lin` of the subgraph `lif1` names `lif`"), "{subgraph}");
    let undecided = refused("bars_events.nir", &given);
    assert_eq!(undecided.codes(), [Code::Argument]);
    let text = undecided.to_string();
    for word in ["r is tau / 0.0001 s", "--dialect", "snntorch", "spikingjelly", "exact"] {
        assert!(text.contains(word), "{text}");
    }
    assert!(refused("lif_norse.nir", &reading(Dialect::Exact, 4)).to_string().contains("--nir-dt"));
    assert!(
        refused("lif_norse.nir", &with_step(Dialect::Norse, 4, 1.0))
            .to_string()
            .contains("longer than a time constant")
    );
    assert!(refused("lif_norse.nir", &with_step(Dialect::Norse, 4, -1.0)).to_string().contains("above 0"));
    let without = NirOptions { timesteps: None, ..reading(Dialect::Norse, 1) };
    assert!(refused("lif_norse.nir", &without).to_string().contains("--timesteps"));
    let negative = refused("digits_leaky.nir", &reading(Dialect::Norse, 25));
    assert!(negative.to_string().contains("expected a time above 0"), "{negative}");
}

#[test]
fn hostile_files_are_refused_without_memory_for_them() {
    let given = reading(Dialect::Exact, 4);
    for (name, expected) in [
        ("hostile_cycle.nir", "more than 32 deep"),
        ("hostile_branches.nir", "groups nest more than 32 deep"),
        ("hostile_bomb.nir", "unpack to far more than a file of"),
    ] {
        let found = refused(name, &given).to_string();
        assert!(found.contains(expected), "{name}: {found}");
    }
    // The sides [256, 128] of a weight become 2^61 and 2^33.
    let mut bytes = std::fs::read(file("cnn_sinabs.nir")).unwrap();
    let sides = [256u64.to_le_bytes(), 128u64.to_le_bytes()].concat();
    let at = bytes.windows(16).position(|window| window == sides).unwrap();
    for (side, expected) in [(1u64 << 61, "which no memory holds"), (1 << 33, "unpack to far more")] {
        bytes[at..at + 8].copy_from_slice(&side.to_le_bytes());
        let found = NirFile::parse(bytes.clone(), Path::new("huge.nir")).unwrap_err().to_string();
        assert!(found.contains(expected), "{found}");
    }
    let whole = std::fs::read(file("two_lif_neurons.nir")).unwrap();
    for length in [0, 7, 8, 100, 1000, whole.len() / 2] {
        NirFile::parse(whole[..length].to_vec(), Path::new("cut.nir")).unwrap_err();
    }
}

#[test]
fn imported_models_are_the_same_networks() {
    for (name, network, options, layers) in trained() {
        let folder = tempfile::tempdir().unwrap();
        let out = folder.path().join("model");
        let summary = import(&file(name), &options, &out).unwrap();
        assert_eq!(summary.model, out.join("model.ron"));
        agrees(&Model::load(&summary.model).unwrap(), network, layers);
    }
}

#[test]
fn exported_models_read_back_as_the_same_networks() {
    let recurrent = (reading(Dialect::SnnTorch, 24), 3);
    let [events, leaky, cnn] = trained().map(|(_, _, options, layers)| (options, layers));
    for (network, (options, layers)) in [
        ("bars-events", events),
        ("digits-leaky", leaky),
        ("digits-cnn", cnn),
        ("digits-recurrent", recurrent),
    ] {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("net.nir");
        let loaded = load(&example(network, "model.ron")).unwrap();
        let exported =
            export(&loaded.graphs["net"], &path).unwrap_or_else(|found| panic!("{network}: {found}"));
        let dialect = options.overrides.dialect.unwrap();
        assert!(exported.reading.contains(dialect.word()), "{}", exported.reading);
        agrees(&Model::load_nir(&path, &options).unwrap(), network, layers);
    }
    let residual = load(&example("digits-residual", "model.ron")).unwrap();
    let folder = tempfile::tempdir().unwrap();
    let found = export(&residual.graphs["net"], &folder.path().join("net.nir")).unwrap_err();
    assert!(found.codes().iter().all(|code| *code == Code::Unsupported), "{found}");
    assert!(found.to_string().contains("MaxPool2d"), "{found}");
}

#[test]
fn sweeps_take_nir_files() {
    let folder = tempfile::tempdir().unwrap();
    let sweep = folder.path().join("sweep.ron");
    let input = folder.path().join("x.npy");
    // 24 timesteps of 12 spikes, uint8, as NumPy writes them.
    let mut header = "{'descr': '|u1', 'fortran_order': False, 'shape': (1, 24, 12), }".to_owned();
    header += &" ".repeat(117 - header.len());
    let mut bytes = b"\x93NUMPY\x01\x00\x76\x00".to_vec();
    bytes.extend(header.bytes().chain(*b"\n").chain((0..24 * 12).map(|i| u8::from(i % 3 == 0))));
    std::fs::write(&input, bytes).unwrap();
    let plan = |nir: &str| {
        let model = file("braille_noDelay_bias_zero.nir");
        let text = format!(
            "(format: \"snnc.sweep/1\", model: {model:?}, input: {input:?}, targets: [\"loihi-like\", \
             \"loihi2-like\"]{nir})"
        );
        std::fs::write(&sweep, text).unwrap();
        snnc::sweep::SweepFile::read(&sweep).and_then(snnc::sweep::Plan::new)
    };
    let (hard, soft) =
        (plan(", nir: (reset: \"hard\")").unwrap(), plan(", nir: (reset: \"subtract\")").unwrap());
    assert_eq!((hard.len(), hard.manifest(None).model_blake3.unwrap().len()), (2, 64));
    assert_ne!(hard.manifest(None).model_blake3, soft.manifest(None).model_blake3);
    for (wrong, said) in [
        (", nir: (reset: \"soft\")", "expected one of hard, subtract"),
        (", nir: (dialects: \"norse\")", "dialects"),
        (", nir: (readout: \"all\")", "expected one of sum, mean, last"),
    ] {
        let found = plan(wrong).unwrap_err().to_string();
        assert!(found.contains(said), "{found}");
    }
}
