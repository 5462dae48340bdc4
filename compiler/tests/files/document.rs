//! What a test file says: a command, an input, and cases with the text that each must give.
//!
//! ```text
//! # Why these cases belong together.
//! command: verify spiking
//! base: small.spiking
//!
//! === name of a case
//! @ model populations "second"
//! - input_shift: 6
//! + input_shift: 7
//! ---
//! error[E0014]: ...
//! ```
//!
//! Settings are lines `key: value`. A model may follow the line `input:` instead of standing in a file of its own, and
//! lines `tensor NAME [SHAPE] = VALUES` give its weights (the values are repeated until the tensor is full).

use std::collections::BTreeMap;

use snnc_compiler::weights::{Stored, Values};

use crate::edit::Edit;

/// A test file.
pub struct Document {
    /// Everything before the first case, as written.
    pub head: String,
    /// `key: value` lines.
    pub settings: BTreeMap<String, String>,
    /// Weights of a model.
    pub tensors: Vec<Stored>,
    /// A text that stands in the file itself.
    pub input: Option<String>,
    /// The cases in order.
    pub cases: Vec<Case>,
}

/// One case of a file.
pub struct Case {
    /// What the case is about.
    pub name: String,
    /// The edits as written.
    pub written: String,
    /// What is changed of the input and of the target.
    pub edits: Vec<Edit>,
    /// The text that the command must give.
    pub expected: String,
}

/// Every key that a file may set.
const KEYS: [&str; 5] = ["command", "base", "target", "against", "weight_bits"];

impl Document {
    /// Reads a test file.
    ///
    /// # Errors
    /// What is wrong with its form, in words.
    pub fn parse(text: &str) -> Result<Self, String> {
        let start = text.find("\n=== ").map(|at| at + 1).ok_or("has no case (a line `=== NAME`)")?;
        let (head, rest) = text.split_at(start);
        let mut document = Self {
            head: head.to_owned(),
            settings: BTreeMap::new(),
            tensors: Vec::new(),
            input: None,
            cases: Vec::new(),
        };
        let (settings, input) = head.split_once("\ninput:\n").map_or((head, None), |(a, b)| (a, Some(b)));
        document.input = input.map(|text| text.trim_end().to_owned() + "\n");
        for line in settings.lines().filter(|line| !line.is_empty() && !line.starts_with('#')) {
            document.setting(line)?;
        }
        for case in rest.split("\n=== ") {
            let case = Case::parse(case.strip_prefix("=== ").unwrap_or(case))?;
            if document.cases.iter().any(|other| other.name == case.name) {
                return Err(format!("has two cases `{}`", case.name));
            }
            document.cases.push(case);
        }
        Ok(document)
    }

    fn setting(&mut self, line: &str) -> Result<(), String> {
        if let Some(tensor) = line.strip_prefix("tensor ") {
            self.tensors.push(parse_tensor(tensor).ok_or_else(|| format!("`{line}` is no tensor"))?);
            return Ok(());
        }
        let (key, value) = line.split_once(": ").ok_or_else(|| format!("`{line}` is no setting"))?;
        if !KEYS.contains(&key) {
            return Err(format!("`{key}` is none of {}", KEYS.join(", ")));
        }
        match self.settings.insert(key.to_owned(), value.to_owned()) {
            Some(_) => Err(format!("sets `{key}` twice")),
            None => Ok(()),
        }
    }

    /// The value of a setting.
    ///
    /// # Errors
    /// If the file has no such line.
    pub fn required(&self, key: &str) -> Result<&str, String> {
        self.settings.get(key).map(String::as_str).ok_or_else(|| format!("has no line `{key}: ...`"))
    }

    /// The file with these texts as its expectations.
    pub fn with_expectations(&self, outputs: &[String]) -> String {
        let cases = self.cases.iter().zip(outputs);
        let cases = cases.map(|(case, output)| format!("=== {}\n{}---\n{output}\n", case.name, case.written));
        self.head.clone() + &cases.collect::<Vec<_>>().join("\n")
    }
}

impl Case {
    fn parse(text: &str) -> Result<Self, String> {
        let (name, body) = text.split_once('\n').unwrap_or((text, ""));
        let (written, expected) = match body.strip_prefix("---") {
            Some(expected) => ("", expected),
            None => body.split_once("\n---").map_or((body, ""), |(written, rest)| (written, rest)),
        };
        let written = if written.is_empty() { String::new() } else { written.trim_end().to_owned() + "\n" };
        Ok(Self {
            name: name.to_owned(),
            edits: Edit::parse_all(&written).map_err(|problem| format!("case `{name}`: {problem}"))?,
            written,
            expected: expected.trim_matches('\n').to_owned(),
        })
    }
}

/// `NAME [2, 1] = 0.5 -1`, `NAME [2, 1] f64 = 1e200` for tensors of 64 bits, `i64` for whole numbers.
fn parse_tensor(text: &str) -> Option<Stored> {
    let (declared, values) = text.split_once(" = ")?;
    let (name, shape) = declared.split_once(" [")?;
    let (shape, kind) = shape.split_once(']')?;
    let shape: Vec<usize> = shape
        .split(", ")
        .filter(|side| !side.is_empty())
        .map(|side| side.parse().ok())
        .collect::<Option<_>>()?;
    let values: Vec<f64> = values.split_whitespace().map(|word| word.parse().ok()).collect::<Option<_>>()?;
    let all = values.into_iter().cycle().take(shape.iter().product());
    let values = match kind.trim() {
        "" => Values::F32(all.map(|value| value as f32).collect()),
        "f64" => Values::F64(all.collect()),
        "i64" => Values::I64(all.map(|value| value as i64).collect()),
        _ => return None,
    };
    Some(Stored { name: name.to_owned(), shape, values })
}
