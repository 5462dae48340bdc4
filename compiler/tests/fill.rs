//! State dicts of any network fill the description of it.

use std::path::Path;

use snnc_compiler::frontend::{FillSummary, fill, load};
use snnc_compiler::reference::{Interpreter, Map};
use snnc_compiler::weights::{Stored, Values, WeightFile, write_safetensors};
use snnc_targets::{Code, Diagnostics};
use tempfile::TempDir;

const DIGITS: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../examples/digits-cnn");

/// Fills the text of a description with the state dict of the digits.
fn filled(text: &str, out: &Path) -> Result<FillSummary, Diagnostics> {
    let folder = TempDir::new().unwrap();
    let like = folder.path().join("net.ron");
    std::fs::write(&like, text).unwrap();
    fill(&Path::new(DIGITS).join("weights.pth"), &like, out)
}

fn digits() -> String {
    std::fs::read_to_string(Path::new(DIGITS).join("model.ron")).unwrap()
}

#[test]
fn a_filled_model_computes_what_the_state_dict_does() {
    let out = TempDir::new().unwrap();
    let text = digits().replace("weights.pth", "not yet there");
    let summary = filled(&text, out.path()).unwrap();
    assert_eq!((summary.tensors, summary.left_over.len()), (12, 0));
    let written = std::fs::read_to_string(out.path().join("model.ron")).unwrap();
    assert_eq!(written, digits().replace("weights.pth", "weights.safetensors"));
    let (ours, theirs) = (load(&out.path().join("model.ron")), load(&Path::new(DIGITS).join("model.ron")));
    let output = |graph: &snnc_compiler::graph::Graph| {
        let interpreter = Interpreter::new(graph).unwrap();
        let image = (0..784).map(|i| f64::from(i % 29) / 29.0).collect();
        interpreter.run(&Map::new(interpreter.input_shape(), image)).unwrap().output().clone()
    };
    assert_eq!(output(&ours.unwrap().graphs["net"]), output(&theirs.unwrap().graphs["net"]));
    // Written are the tensors that layers name, as they are.
    let (ours, theirs) = (WeightFile::open(&out.path().join("weights.safetensors")), "weights.pth");
    let (ours, theirs) = (ours.unwrap(), WeightFile::open(&Path::new(DIGITS).join(theirs)).unwrap());
    assert_eq!(ours.names().len(), 12);
    for name in ours.names() {
        assert_eq!(ours.tensor(name).unwrap(), theirs.tensor(name).unwrap(), "{name}");
        assert_eq!(ours.element(name).unwrap(), theirs.element(name).unwrap(), "{name}");
    }
}

#[test]
fn every_tensor_that_is_missing_or_left_over_is_named() {
    let out = TempDir::new().unwrap();
    let text = digits().replace("\"0.weight\"", "\"0.weigth\"").replace("\"11.weight\"", "\"head\"");
    let errors = filled(&text, out.path()).unwrap_err();
    assert_eq!(errors.codes(), [Code::TensorMissing; 3], "{errors}");
    let text = errors.to_string();
    assert!(text.contains("no tensor named `0.weigth`") && text.contains("near names: `0.weight`"), "{text}");
    assert!(text.contains("no tensor named `head`"), "{text}");
    assert!(text.contains("no layer names `0.weight`, `11.weight`"), "{text}");
    assert_eq!(std::fs::read_dir(out.path()).unwrap().count(), 0);
}

#[test]
fn tensors_that_no_layer_names_are_left_over() {
    let folder = TempDir::new().unwrap();
    let tensor = |name: &str, shape: &[usize]| Stored {
        name: name.into(),
        shape: shape.to_vec(),
        values: Values::F32(vec![0.5; shape.iter().product()]),
    };
    let tensors = [
        tensor("fc.weight", &[2, 4]),
        tensor("fc.bias", &[2]),
        tensor("norm.num_batches_tracked", &[]),
        tensor("lif.graded_spikes_factor", &[]),
    ];
    let state = folder.path().join("state.safetensors");
    write_safetensors(&state, &tensors).unwrap();
    let text = |weights: &str, shape: &str| {
        format!(
            "(format: \"snnc.model/1\", name: \"m\", weights: {weights}, \
             networks: {{\"net\": (timesteps: 2, layers: [\n\
             (name: \"x\", op: Input(shape: {shape})),\n\
             (name: \"fc\", from: [\"x\"], op: Linear(weight: (\"w\", \"fc.weight\"))),\n\
             (name: \"fire\", from: [\"fc\"], op: If(threshold: 1.0)),\n\
             (name: \"out\", from: [\"fire\"], op: MeanOverTime)])}})"
        )
    };
    let like = folder.path().join("net.ron");
    let run = |text: String| {
        std::fs::write(&like, text).unwrap();
        fill(&state, &like, &folder.path().join("out"))
    };
    let summary = run(text("{\"w\": \"\"}", "(4, 1, 1)")).unwrap();
    assert_eq!(summary.left_over, ["fc.bias", "lif.graded_spikes_factor"]);
    assert_eq!(summary.tensors, 1);
    let wrong = run(text("{\"w\": \"\"}", "(5, 1, 1)")).unwrap_err();
    assert_eq!(wrong.codes(), [Code::LayerShape], "{wrong}");
    let several = run(text("{\"w\": \"\", \"v\": \"\"}", "(4, 1, 1)")).unwrap_err();
    assert_eq!(several.codes(), [Code::ModelInvalid]);
    assert!(several.to_string().contains("names 2 weight files"), "{several}");
}
