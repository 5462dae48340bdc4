//! Parity: the float reference on the example model against traces recorded from the original implementation.

use std::path::Path;
use std::sync::atomic::{AtomicU64, Ordering};

use safetensors::{Dtype, SafeTensors, tensor::TensorView};
use snnc::golden::{GoldenFile, GoldenReport, check, check_samples};
use snnc::progress::Progress;
use snnc_compiler::frontend::{LoadedModel, load};
use snnc_compiler::graph::Op;
use snnc_compiler::reference::{Interpreter, Map};
use snnc_targets::{Code, Diagnostics};

const MODEL: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/examples/spiking-diffusion-mnist/model.ron");
const GOLDEN: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/data/golden.safetensors");

fn model() -> LoadedModel {
    load(Path::new(MODEL)).unwrap_or_else(|errors| panic!("{errors}"))
}

fn run(model: &LoadedModel, golden: &GoldenFile) -> Result<GoldenReport, Diagnostics> {
    check(model, golden, &())
}

/// A tensor of a golden file that is being edited.
#[derive(Clone)]
struct Record {
    key: String,
    dtype: Dtype,
    shape: Vec<usize>,
    data: Vec<u8>,
}

/// The recorded tensors whose keys start with `prefix`.
fn records(prefix: &str) -> Vec<Record> {
    let bytes = std::fs::read(GOLDEN).unwrap();
    let tensors = SafeTensors::deserialize(&bytes).unwrap().tensors();
    let of_prefix = tensors.into_iter().filter(|(key, _)| key.starts_with(prefix));
    of_prefix
        .map(|(key, view)| Record {
            key,
            dtype: view.dtype(),
            shape: view.shape().to_vec(),
            data: view.data().to_vec(),
        })
        .collect()
}

/// A golden file of these tensors.
fn golden(records: &[Record]) -> GoldenFile {
    let views = records.iter().map(|r| (&r.key, TensorView::new(r.dtype, r.shape.clone(), &r.data).unwrap()));
    GoldenFile::parse(&safetensors::serialize(views, None).unwrap(), "edited").unwrap()
}

fn find<'r>(records: &'r mut [Record], key: &str) -> &'r mut Record {
    records.iter_mut().find(|record| record.key == key).unwrap()
}

fn failed(report: &GoldenReport) -> Vec<&str> {
    report.failures().map(|row| row.name.as_str()).collect()
}

/// Steps that were announced, and steps that were done.
#[derive(Default)]
struct Counted {
    ahead: AtomicU64,
    done: AtomicU64,
}

impl Progress for Counted {
    fn begin(&self, steps: u64) {
        self.ahead.fetch_add(steps, Ordering::Relaxed);
    }

    fn advance(&self, steps: u64) {
        self.done.fetch_add(steps, Ordering::Relaxed);
    }
}

#[test]
fn every_recorded_trace_is_reproduced() {
    let steps = Counted::default();
    let golden = GoldenFile::read(Path::new(GOLDEN)).unwrap();
    let report = check(&model(), &golden, &steps).unwrap();
    println!("{}", report.text());
    assert!(report.pass, "{}", report.text());
    assert!(report.ignored.is_empty());
    // 3 x (5 layers + logits), 4 x (3 layers + membrane), 4 x (3 layers + tokens), 2 x (tokens, membrane, pixels).
    assert_eq!(report.rows.len(), 18 + 16 + 16 + 6);
    let loops: Vec<_> = report.rows.iter().filter(|row| row.name.starts_with("loop.")).collect();
    assert_eq!(loops[0].compared, 49 * 49);
    let total = 3 + 4 + 4 + 2 * 49;
    assert_eq!((steps.ahead.into_inner(), steps.done.into_inner()), (total, total));
}

#[test]
fn a_changed_spike_is_found_and_named() {
    let mut records = records("sdid.0");
    // Timestep 3, bit 10 of conv2 [128, 7, 7]: channel 0, row 1, column 3.
    find(&mut records, "sdid.0.spikes.sdid.conv2").data[3 * 784 + 1] ^= 1 << 2;
    let report = run(&model(), &golden(&records)).unwrap();
    assert_eq!(failed(&report), ["sdid.0.spikes.sdid.conv2"]);
    let row = report.failures().next().unwrap();
    assert_eq!((row.mismatches, row.compared), (1, 16 * 128 * 49));
    assert!(row.detail.as_ref().unwrap().starts_with("first at timestep 3, [0, 1, 3]:"), "{row:?}");
    assert!(report.text().contains("1 of 6 records differ"));
}

/// Adds `change` to all weights of the denoiser's convolution that lies `steps` layers before `layer`.
fn shift_weights(model: &mut LoadedModel, layer: &str, steps: usize, change: f64) {
    let graph = &mut model.graphs["sdid"];
    let node = (0..steps).fold(graph.find(layer).unwrap(), |node, _| graph.inputs(node)[0]);
    let Op::Conv(conv) = &mut graph.net[node].op else {
        panic!("{} is no convolution", graph.net[node].name)
    };
    conv.weight.data.edit(|weights| weights.iter_mut().for_each(|w| *w += change));
}

#[test]
fn changed_weights_are_found_from_their_layer_on() {
    let mut model = model();
    shift_weights(&mut model, "conv3", 2, 1e-3);
    let report = run(&model, &golden(&records("sdid.0"))).unwrap();
    let behind = ["conv3", "conv4", "conv5"].map(|layer| format!("sdid.0.spikes.sdid.{layer}"));
    let expected: Vec<&str> = behind.iter().map(String::as_str).chain(["sdid.0.logits"]).collect();
    assert_eq!(failed(&report), expected);
}

#[test]
fn weights_changed_by_a_hair_show_in_the_logits_alone() {
    let mut model = model();
    shift_weights(&mut model, "logits", 1, 1e-8);
    let report = run(&model, &golden(&records("sdid.0"))).unwrap();
    assert_eq!(failed(&report), ["sdid.0.logits"]);
    let error = report.failures().next().unwrap().max_abs_error.unwrap();
    assert!((1e-8..1e-4).contains(&error), "{error}");
}

#[test]
fn a_changed_membrane_and_token_are_found() {
    let mut records = records("decoder.0");
    records.extend(self::records("encoder.0"));
    let membrane = find(&mut records, "decoder.0.membrane");
    let value = f64::from_le_bytes(membrane.data[..8].try_into().unwrap());
    membrane.data[..8].copy_from_slice(&(value + 2e-9).to_le_bytes());
    find(&mut records, "encoder.0.tokens").data[0] ^= 1;
    let report = run(&model(), &golden(&records)).unwrap();
    assert_eq!(failed(&report), ["decoder.0.membrane", "encoder.0.tokens"]);
}

#[test]
fn malformed_recordings_are_refused_before_anything_is_run() {
    let refused = |edit: &dyn Fn(&mut Vec<Record>), message: &str| {
        let mut records = records("sdid.0");
        records.extend(self::records("loop.0"));
        edit(&mut records);
        let errors = run(&model(), &golden(&records)).unwrap_err();
        assert!(errors.codes().iter().all(|&code| code == Code::GoldenInvalid), "{errors}");
        assert!(errors.to_string().contains(message), "{errors}");
    };
    refused(&|r| r.retain(|r| r.key != "sdid.0.t"), "edited: sdid.0.t");
    refused(&|r| r.retain(|r| r.key != "sdid.0.tokens"), "edited: sdid.0.tokens");
    refused(&|r| r.retain(|r| r.key != "loop.0.u_token"), "edited: loop.0.u_token");
    refused(&|r| r.retain(|r| r.key != "loop.0.u_unmask"), "edited: loop.0.u_unmask");
    refused(&|r| r.clear(), "nothing to compare");
    refused(&|r| find(r, "sdid.0.tokens").data[0] = 129, "holds 129, numbers from 0 to 128");
    refused(&|r| find(r, "sdid.0.tokens").shape = vec![49], "is I64 [49], I64 [7, 7] expected");
    refused(&|r| find(r, "sdid.0.logits").dtype = Dtype::I64, "is I64 [128, 7, 7], F64 [128, 7, 7] expected");
    refused(&|r| find(r, "sdid.0.logits").data[..8].fill(0xff), "holds NaN, finite numbers expected");
    refused(
        &|r| find(r, "loop.0.u_token").data[..8].copy_from_slice(&1f64.to_le_bytes()),
        "below 1 expected",
    );
    refused(&|r| find(r, "sdid.0.spikes.sdid.conv1").key += "x", "`sdid.conv1x` is no spiking layer");
}

#[test]
fn files_that_are_no_recording_are_refused() {
    let code = |bytes: &[u8]| GoldenFile::parse(bytes, "bytes").unwrap_err().code;
    let whole = std::fs::read(GOLDEN).unwrap();
    assert_eq!(code(&whole[..whole.len() - 1]), Code::WeightsMalformed);
    assert_eq!(code(b"hello"), Code::WeightsMalformed);
    assert_eq!(code(&u64::MAX.to_le_bytes()), Code::WeightsMalformed);
    let hot = [("temperature".to_owned(), "-1".to_owned())].into();
    let bytes = safetensors::serialize(Vec::<(String, TensorView<'_>)>::new(), Some(hot)).unwrap();
    assert_eq!(code(&bytes), Code::GoldenInvalid);
    let missing = GoldenFile::read(Path::new("/no/such/golden.safetensors")).unwrap_err();
    assert_eq!(missing.code, Code::FileUnreadable);
}

/// Two samples of the irregular network, and records of what the float reference makes of them.
fn recorded_samples(model: &LoadedModel) -> (Vec<f64>, Vec<Record>) {
    let network = Interpreter::new(&model.graphs["irregular"]).unwrap();
    let shape = network.input_shape();
    let values: Vec<f64> = (0..2 * shape.len()).map(|i| (i * i % 9) as f64 / 4.0 - 1.0).collect();
    let (mut records, mut predictions) = (Vec::new(), Vec::new());
    for (k, sample) in values.chunks(shape.len()).enumerate() {
        let trace = network.run(&Map::new(shape, sample.to_vec())).unwrap();
        for layer in trace.spiking() {
            let steps = trace.spikes(layer).unwrap();
            let bytes = steps[0].len().div_ceil(8);
            let mut data = vec![0; steps.len() * bytes];
            for (t, i) in (0..steps.len()).flat_map(|t| (0..steps[0].len()).map(move |i| (t, i))) {
                data[t * bytes + i / 8] |= u8::from(steps[t][i]) << (i % 8);
            }
            let (key, shape) = (format!("{k}.spikes.{layer}"), vec![steps.len(), bytes]);
            records.push(Record { key, dtype: Dtype::U8, shape, data });
        }
        let output = &trace.output().data;
        let data = output.iter().flat_map(|value| value.to_le_bytes()).collect();
        let (key, shape) = (format!("{k}.readout"), vec![output.len()]);
        records.push(Record { key, dtype: Dtype::F64, shape, data });
        let most = output.iter().copied().fold(f64::NEG_INFINITY, f64::max);
        predictions.push(output.iter().position(|&value| value == most).unwrap() as i64);
    }
    let data = predictions.iter().flat_map(|class| class.to_le_bytes()).collect();
    records.push(Record { key: "predictions".into(), dtype: Dtype::I64, shape: vec![2], data });
    (values, records)
}

#[test]
fn recordings_of_samples_are_compared_and_what_differs_is_named() {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/examples/feed-forward/model.ron");
    let model = load(Path::new(path)).unwrap_or_else(|errors| panic!("{errors}"));
    let (values, mut records) = recorded_samples(&model);
    let run = |records: &[Record]| check_samples(&model, "irregular", &values, &golden(records), &());
    records.push(Record { key: "counts".into(), dtype: Dtype::U8, shape: vec![1], data: vec![0] });
    let whole = run(&records).unwrap();
    assert!(whole.pass, "{}", whole.text());
    assert_eq!((whole.rows.len(), &whole.ignored), (records.len() - 1, &vec!["counts".to_owned()]));
    find(&mut records, "1.spikes.line").data[2] ^= 4;
    let readout = &mut find(&mut records, "0.readout").data;
    let first = f64::from_le_bytes(readout[..8].try_into().unwrap()) + 1.0;
    readout[..8].copy_from_slice(&first.to_le_bytes());
    find(&mut records, "predictions").data[8] ^= 1;
    let report = run(&records).unwrap();
    assert_eq!(failed(&report), ["0.readout", "1.spikes.line", "predictions"]);
    assert!(report.failures().all(|row| row.mismatches == 1), "{}", report.text());
    find(&mut records, "1.readout").key = "2.readout".into();
    let errors = run(&records).unwrap_err();
    assert_eq!(errors.codes(), [Code::GoldenInvalid]);
    assert!(errors.to_string().contains("is of sample 2, there are 2"), "{errors}");
    let none: Vec<Record> = records.into_iter().filter(|record| record.key == "counts").collect();
    assert!(run(&none).unwrap_err().to_string().contains("nothing to compare"));
}
