//! No code without a test file.

use std::path::Path;

use libtest_mimic::Failed;
use snnc_targets::{Code, Severity};

use crate::{FOLDERS, ROOT, files};

/// Codes of errors that no command of a test file can give, and why.
const ELSEWHERE: &[(Code, &str)] = &[
    (Code::TargetUnknown, "an argument of the command names the target"),
    (Code::WeightsMalformed, "needs damaged bytes: `tests/weights.rs`"),
    (Code::PickleRefused, "needs the bytes of a pickle: `tests/weights.rs`"),
    (Code::SnnxMalformed, "needs damaged bytes: `tests/round_trips.rs`"),
    (Code::OutputFailed, "needs a path that cannot be written"),
    (Code::GoldenInvalid, "golden files are read by the root package"),
    (Code::Argument, "arguments of the command"),
    (Code::WrongFile, "needs a file of another kind"),
    (Code::SweepInvalid, "sweeps are made by the root package"),
    (Code::Stopped, "no command of a test file is stopped"),
    (Code::Ranks, "no command of a test file is spread over processes"),
    (Code::HypergraphInvalid, "hypergraph files: `src/mapping/hypergraph/hgr.rs`"),
];

/// Every code of an error stands in an expectation, or in [`ELSEWHERE`]; never in both.
pub fn every_code_has_a_file() -> Result<(), Failed> {
    let mut texts = String::new();
    for path in FOLDERS.iter().flat_map(|folder| files(&Path::new(ROOT).join(folder))) {
        texts += &std::fs::read_to_string(path)?;
    }
    let mut problems = Vec::new();
    for &code in Code::ALL.iter().filter(|code| code.severity() == Severity::Error) {
        let in_file = texts.contains(&format!("\nerror[{code}]: "));
        let elsewhere = ELSEWHERE.iter().any(|&(other, _)| other == code);
        match (in_file, elsewhere) {
            (false, false) => problems.push(format!("{code:?} ({code}) has no test file")),
            (true, true) => problems.push(format!("{code:?} ({code}) has a file: take it off the list")),
            _ => {}
        }
    }
    if problems.is_empty() { Ok(()) } else { Err(problems.join("\n").into()) }
}
