//! A small model, the folder that it lies in, and the command that reads it there.

use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use snnc::cli::errors::render;
use snnc_compiler::frontend;
use snnc_compiler::weights::{Stored, Values, write_safetensors};
use snnc_targets::registry;
use tempfile::TempDir;

/// A network of one firing layer; tests replace its parts.
pub const MODEL: &str = r#"(
  format: "snnc.model/1",
  name: "small",
  weights: {"w": "w.safetensors"},
  networks: {
    "net": (timesteps: 4, layers: [
      (name: "in", op: Input(shape: (1, 6, 6))),
      (name: "c1", from: ["in"], op: Conv2d(weight: ("w", "c1"), padding: (1, 1))),
      (name: "s1", from: ["c1"], op: Lif(tau: 2.0, threshold: 1.0, reset: 0.0)),
      (name: "x", from: ["s1"], op: Conv2d(weight: ("w", "w1x1"))),
      (name: "out", from: ["x"], op: MeanOverTime),
    ]),
  },
)"#;
/// The layer that most tests replace.
pub const X: &str = r#"(name: "x", from: ["s1"], op: Conv2d(weight: ("w", "w1x1"))),"#;

/// A folder with the weights of the model.
pub struct Folder(TempDir);

impl Folder {
    pub fn new() -> Self {
        let folder = Self(TempDir::new().unwrap());
        let tensor = |name: &str, shape: &[usize]| Stored {
            name: name.into(),
            shape: shape.to_vec(),
            values: Values::F32(vec![0.5; shape.iter().product()]),
        };
        let tensors = [
            tensor("c1", &[4, 1, 3, 3]),
            tensor("w1x1", &[4, 4, 1, 1]),
            tensor("c4", &[4, 4, 3, 3]),
            tensor("four", &[4]),
        ];
        write_safetensors(&folder.path("w.safetensors"), &tensors).unwrap();
        folder
    }

    pub fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    pub fn write(&self, name: &str, bytes: impl AsRef<[u8]>) {
        std::fs::write(self.path(name), bytes).unwrap();
    }

    /// Runs the command in the folder.
    pub fn snnc(&self, arguments: &[&str]) -> Output {
        Command::new(env!("CARGO_BIN_EXE_snnc")).args(arguments).current_dir(self.0.path()).output().unwrap()
    }

    /// The errors of the command, which ends with exit code 1.
    pub fn refused(&self, arguments: &[&str]) -> String {
        let output = self.snnc(arguments);
        let text = String::from_utf8(output.stderr).unwrap();
        assert_eq!(output.status.code(), Some(1), "{arguments:?}: {text}");
        self.anonymous(&text)
    }

    pub fn anonymous(&self, text: &str) -> String {
        text.replace(self.0.path().to_str().unwrap(), "FOLDER")
    }

    /// The drawn errors of a model text.
    pub fn of_model(&self, text: &str) -> Option<String> {
        self.write("model.ron", text);
        let problems = frontend::load(&self.path("model.ron")).and_then(|model| {
            let target = registry::load("loihi-like")?;
            snnc_compiler::driver::compile(&model, &target, Default::default())
        });
        problems.err().map(|problems| self.anonymous(&render::plain(&problems, 80)))
    }
}

/// The model with parts replaced.
pub fn replaced(parts: &[(&str, &str)]) -> String {
    parts.iter().fold(MODEL.to_owned(), |text, (old, new)| {
        assert!(text.contains(old), "the model has no `{old}`");
        text.replacen(old, new, 1)
    })
}

/// A built-in target with parts replaced.
pub fn target(name: &str, parts: &[(&str, &str)]) -> String {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("targets");
    let text = std::fs::read_to_string(folder.join(format!("{name}.ron"))).unwrap();
    parts.iter().fold(text, |text, (old, new)| {
        assert!(text.contains(old), "the target has no `{old}`");
        text.replacen(old, new, 1)
    })
}
