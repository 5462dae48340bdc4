//! Model and target files: read, and what is accepted is compiled; small programs are executed.

use std::path::{Path, PathBuf};
use std::sync::OnceLock;

use snnc_compiler::driver::{CompileOptions, compile};
use snnc_compiler::frontend::{LoadedModel, load};
use snnc_compiler::reference::Interpreter;
use snnc_compiler::weights::{Stored, Values, write_safetensors};
use snnc_targets::{Target, registry};
use tempfile::TempDir;

use super::{Answer, all_told, programs, told};

/// Models of every kind of layer, small: one that generates, one of lists, one with a wider skip.
pub const TEXTS: [&str; 3] = [
    r#"(
  format: "snnc.model/1",
  name: "tiny",
  weights: {"w": "w.safetensors"},
  networks: {
    "denoiser": (timesteps: 3, layers: [
      (name: "input", op: Input(shape: (2, 3, 3))),
      (name: "conv", from: ["input"], op: Conv2d(weight: ("w", "conv"), bias: Some(("w", "two")), padding: (1, 1))),
      (name: "norm", from: ["conv"], op: BatchNorm(scale: ("w", "two"), shift: ("w", "two"), mean: ("w", "two"),
        variance: ("w", "two"), epsilon: 1e-5)),
      (name: "first", from: ["norm"], op: If(threshold: 1.0)),
      (name: "conv2", from: ["first"], op: Conv2d(weight: ("w", "conv"), padding: (1, 1))),
      (name: "second", from: ["conv2"], op: If(threshold: 1.0)),
      (name: "skip", from: ["first", "second"], op: Concat),
      (name: "conv3", from: ["skip"], op: Conv2d(weight: ("w", "logits"))),
      (name: "logits", from: ["conv3"], op: MeanOverTime),
    ]),
    "decoder": (timesteps: 3, layers: [
      (name: "tokens", op: Input(shape: (1, 3, 3))),
      (name: "codes", from: ["tokens"], op: Embedding(table: ("w", "table"))),
      (name: "up", from: ["codes"], op: ConvTranspose2d(weight: ("w", "conv"), stride: (2, 2), padding: (1, 1),
        output_padding: (1, 1))),
      (name: "spikes", from: ["up"], op: If(threshold: 1.0)),
      (name: "grey", from: ["spikes"], op: Conv2d(weight: ("w", "grey"))),
      (name: "image", from: ["grey"], op: MeanOverTime),
    ]),
  },
  pipeline: Some((latent: (3, 3), mask: 5, iterations: 3, temperature: 0.65, denoiser: "denoiser",
    decoder: "decoder", codebook: "codes")),
)"#,
    r#"(
  format: "snnc.model/1",
  name: "lists",
  weights: {"w": "w.safetensors"},
  networks: {
    "net": (timesteps: 4, layers: [
      (name: "current", op: Input(shape: (1, 1, 6))),
      (name: "scaled", from: ["current"], op: Conv2d(weight: ("w", "one"))),
      (name: "line", from: ["scaled"], op: If(threshold: 1.0)),
      (name: "synapses", from: ["line"], op: Sparse(sources: ("w", "sources"), targets: ("w", "targets"),
        weights: ("w", "values"), outputs: 5)),
      (name: "second", from: ["synapses"], op: Lif(tau: 2.0, threshold: 1.0, reset: 0.0)),
      (name: "flat", from: ["second"], op: Flatten),
      (name: "sums", from: ["flat"], op: Linear(weight: ("w", "linear"), bias: Some(("w", "three")))),
      (name: "answer", from: ["sums"], op: MeanOverTime),
    ]),
  },
)"#,
    r#"(
  format: "snnc.model/1",
  name: "events",
  weights: {"w": "w.safetensors"},
  networks: {
    "net": (timesteps: 4, layers: [
      (name: "events", op: Input(shape: (2, 3, 3), spikes: true)),
      (name: "conv", from: ["events"], op: Conv2d(weight: ("w", "conv"), padding: (1, 1))),
      (name: "late", from: ["first"], op: Delay(steps: 1, shape: (2, 3, 3))),
      (name: "back", from: ["late"], op: Conv2d(weight: ("w", "conv"), padding: (1, 1))),
      (name: "sum", from: ["conv", "back"], op: Add),
      (name: "first", from: ["sum"], op: Leaky(beta: 0.5, threshold: 1.0)),
      (name: "grey", from: ["first"], op: Conv2d(weight: ("w", "grey"))),
      (name: "image", from: ["grey"], op: SumOverTime),
    ]),
  },
)"#,
];
/// Most neurons times timesteps of a model that is compiled here.
const WORK_MAX: usize = 1 << 14;

/// A folder with the weights of the seeds.
pub fn folder() -> &'static TempDir {
    static FOLDER: OnceLock<TempDir> = OnceLock::new();
    FOLDER.get_or_init(|| {
        let folder = TempDir::new().expect("there is a temporary folder");
        write_safetensors(&folder.path().join("w.safetensors"), &tensors())
            .expect("a temporary folder can be written");
        folder
    })
}

/// The tensors that the seeds name.
pub fn tensors() -> Vec<Stored> {
    let store =
        |name: &str, shape: &[usize], values| Stored { name: name.into(), shape: shape.to_vec(), values };
    let floats = |name: &str, shape: &[usize]| {
        let count = shape.iter().product::<usize>();
        store(name, shape, Values::F32((0..count).map(|i| (i % 7) as f32 / 4.0 - 0.25).collect()))
    };
    vec![
        floats("conv", &[2, 2, 3, 3]),
        floats("logits", &[5, 4, 1, 1]),
        floats("grey", &[1, 2, 1, 1]),
        floats("table", &[5, 2]),
        floats("one", &[1, 1, 1, 1]),
        store("two", &[2], Values::F32(vec![0.5, 1.0])),
        store("three", &[3], Values::F64(vec![0.5, -0.5, 0.0])),
        floats("linear", &[3, 5]),
        store("sources", &[6], Values::I64(vec![0, 1, 2, 3, 4, 5])),
        store("targets", &[6], Values::I64(vec![0, 1, 2, 3, 4, 4])),
        floats("values", &[6]),
    ]
}

/// A file of this process, so that several may run at once.
pub fn file(name: &str, content: &[u8]) -> PathBuf {
    let path = folder().path().join(name);
    std::fs::write(&path, content).expect("a temporary folder can be written");
    path
}

/// The models.
pub fn seeds() -> Vec<Vec<u8>> {
    TEXTS.iter().map(|text| text.as_bytes().to_vec()).collect()
}

/// Reads a model beside the seeds' weights; small ones are evaluated, compiled and executed.
pub fn read(input: &[u8]) -> Answer {
    let path = file("model.ron", input);
    let model = load(Path::new(&path)).map_err(|problems| all_told(&problems))?;
    let mut work = 0;
    for graph in model.graphs.values() {
        let shapes = graph.shapes().map_err(|problems| all_told(&problems))?;
        let neurons = graph.net.node_indices().map(|node| shapes[node].len()).sum::<usize>();
        work += neurons.saturating_mul(graph.timesteps);
        if work > WORK_MAX {
            return Ok(());
        }
        let interpreter = Interpreter::new(graph).map_err(|problems| all_told(&problems))?;
        interpreter.pass(&vec![1.0; interpreter.input_len()]).map_err(|problem| told(&problem))?;
    }
    let target = registry::load("loihi-like").expect("built-in targets are right");
    used(&model, &target)
}

/// The built-in targets.
pub fn target_seeds() -> Vec<Vec<u8>> {
    let loaded = registry::names().map(|name| registry::load(name).expect("built-in targets are right"));
    loaded.map(|target| ron::to_string(&target).expect("targets are plain data").into_bytes()).collect()
}

/// Reads a target; a small model is compiled for it.
pub fn read_target(input: &[u8]) -> Answer {
    static MODEL: OnceLock<LoadedModel> = OnceLock::new();
    let text = std::str::from_utf8(input).map_err(|_| "no text".to_owned())?;
    let target = registry::parse(text, "fuzz.ron").map_err(|problems| all_told(&problems))?;
    let model = MODEL.get_or_init(|| load(&file("seed.ron", TEXTS[1].as_bytes())).expect("seeds are right"));
    used(model, &target)
}

/// Compiles and executes.
fn used(model: &LoadedModel, target: &Target) -> Answer {
    let compiled = compile(model, target, CompileOptions::default());
    let (_, program, report) = compiled.map_err(|problems| all_told(&problems))?;
    assert!(!report.to_string().is_empty());
    // What was compiled is no damaged file, so it must be read back.
    match programs::read(&program.to_bytes()) {
        Err(refused) if refused.starts_with("E0015") || refused.starts_with("E0016") => {
            panic!("a compiled program is refused: {refused}")
        }
        answer => answer,
    }
}
