//! Tests as files: verifier rules, passes and errors, each an input, a command and the text that it must give.
//!
//! Every `.test` file in the folders below is a test (`cargo test -p snnc-compiler --test files NAME`). `BLESS=1`
//! writes what the commands give into the files; the difference is then reviewed like any other. [`document`] tells
//! the form.

mod bases;
mod commands;
mod coverage;
mod document;
mod edit;

use std::path::{Path, PathBuf};

use commands::{ACCEPTED, Task};
use document::{Case, Document};
use libtest_mimic::{Arguments, Failed, Trial};
use snnc_compiler::ir::spiking::SpikingIr;
use snnc_targets::Code;

/// Where the test files lie.
const ROOT: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/files");
/// Folders of test files; each must hold some.
const FOLDERS: [&str; 4] = ["spiking", "program", "mapping", "models"];

fn main() {
    let mut arguments = Arguments::from_args();
    if blessing() {
        // What is written first is the input of what comes later.
        arguments.test_threads = Some(1);
    }
    let mut trials = bases::trials();
    for folder in FOLDERS {
        let files = files(&Path::new(ROOT).join(folder));
        if files.is_empty() {
            trials.push(Trial::test(folder, || Err("the folder holds no test file".into())));
        }
        trials.extend(files.into_iter().map(|path| {
            let name = format!("{folder}/{}", path.file_stem().unwrap_or_default().display());
            Trial::test(name, move || check(&path))
        }));
    }
    trials.push(Trial::test("every_code_has_a_file", coverage::every_code_has_a_file));
    trials.push(Trial::test("edits_are_strict", edits_are_strict));
    trials.push(Trial::test("sums_beyond_32_bits_are_unsupported", sums_beyond_32_bits_are_unsupported));
    libtest_mimic::run(&arguments, trials).exit();
}

/// The test files of a folder in order.
fn files(folder: &Path) -> Vec<PathBuf> {
    let entries = std::fs::read_dir(folder).into_iter().flatten().flatten();
    let mut files: Vec<PathBuf> = entries.map(|entry| entry.path()).collect();
    files.retain(|path| path.extension().is_some_and(|extension| extension == "test"));
    files.sort();
    files
}

/// Whether expectations are to be written and not compared. Never where `CI` is set.
fn blessing() -> bool {
    std::env::var_os("BLESS").is_some_and(|value| value == "1") && std::env::var_os("CI").is_none()
}

/// Compares a text with the file that holds it, or writes it there.
fn compare(path: &Path, found: &str) -> Result<(), Failed> {
    let expected = std::fs::read_to_string(path).unwrap_or_default();
    if expected == found {
        return Ok(());
    }
    if blessing() {
        return std::fs::write(path, found).map_err(|error| format!("{}: {error}", path.display()).into());
    }
    let diff = similar::TextDiff::from_lines(expected.as_str(), found);
    let diff = diff.unified_diff().context_radius(4).header("expected", "found").to_string();
    let name = path.display();
    Err(format!("{name} differs; if what is found is right, run the test with BLESS=1\n{diff}").into())
}

/// Runs all cases of a file.
fn check(path: &Path) -> Result<(), Failed> {
    let text = std::fs::read_to_string(path)?;
    let in_file = |problem: String| Failed::from(format!("{}: {problem}", path.display()));
    let document = Document::parse(&text).map_err(in_file)?;
    let inputs = Inputs::read(&document, path).map_err(in_file)?;
    inputs.accepted().map_err(in_file)?;
    let mut outputs = Vec::new();
    for case in &document.cases {
        let output = inputs.run(case);
        outputs.push(output.map_err(|problem| in_file(format!("case `{}`: {problem}", case.name)))?);
        if case.expected.is_empty() && !blessing() {
            return Err(in_file(format!("case `{}` expects nothing; run the test with BLESS=1", case.name)));
        }
    }
    compare(path, &document.with_expectations(&outputs))
}

/// The texts that the cases of a file edit.
struct Inputs<'a> {
    document: &'a Document,
    folder: &'a Path,
    text: String,
    target: Option<String>,
}

impl<'a> Inputs<'a> {
    fn read(document: &'a Document, path: &'a Path) -> Result<Self, String> {
        let folder = path.parent().ok_or("lies in no folder")?;
        let read = |path: PathBuf| {
            std::fs::read_to_string(&path).map_err(|error| format!("{}: {error}", path.display()))
        };
        let target = document.settings.get("target").map(|name| read(built_in(name))).transpose()?;
        let text = match (&document.input, document.settings.get("base")) {
            (Some(text), None) => text.clone(),
            (None, Some(base)) => match base.strip_prefix("target ") {
                Some(name) => read(built_in(name))?,
                None => read(folder.join(base))?,
            },
            _ => return Err("needs either a line `base: ...` or a text after `input:`".into()),
        };
        Ok(Self { document, folder, text, target })
    }

    /// A verifier must accept the input before an edit breaks it; or a case would show another fault than its own.
    fn accepted(&self) -> Result<(), String> {
        let command = self.document.required("command")?;
        if command.starts_with("pass ") || command == "components" {
            return Ok(());
        }
        let output = self.task(&self.text, self.target.as_deref()).run()?;
        let accepted = output == ACCEPTED;
        accepted.then_some(()).ok_or_else(|| format!("the input is refused before any edit:\n{output}"))
    }

    fn task<'t>(&'t self, text: &'t str, target: Option<&'t str>) -> Task<'t> {
        Task { document: self.document, folder: self.folder, text, target }
    }

    fn run(&self, case: &Case) -> Result<String, String> {
        let (mut text, mut target) = (self.text.clone(), self.target.clone());
        for edit in &case.edits {
            match (edit.in_target, &mut target) {
                (false, _) => text = edit.apply(&text)?,
                (true, Some(target)) => *target = edit.apply(target)?,
                (true, None) => return Err("edits a target, but the file has no line `target: ...`".into()),
            }
        }
        self.task(&text, target.as_deref()).run()
    }
}

/// The file of a built-in target.
fn built_in(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join(format!("../targets/{name}.ron"))
}

/// What would let a case pass without testing anything is refused.
fn edits_are_strict() -> Result<(), Failed> {
    let text =
        "(\n  a: (\n    x: 1,\n  ),\n  b: [\n    /*[0]*/ (x: 1),\n    /*[1]*/ (x: 2, y: 2),\n  ],\n)\n";
    let edited = |edits: &str| -> Result<String, String> {
        edit::Edit::parse_all(edits)?.iter().try_fold(text.to_owned(), |text, edit| edit.apply(&text))
    };
    assert_eq!(edited("@ b [1]\n- x: 2\n+ x: 9\n")?, text.replace("x: 2", "x: 9"));
    assert_eq!(edited("@ a\n- x: 1\n+ x: 7\n- x: 7\n+ x: 8\n")?, text.replacen("x: 1", "x: 8", 1));
    for (edits, problem) in [
        ("- x: 1\n+ x: 2\n", "is 2 times"),
        ("@ b [1]\n- x: 1\n", "is 0 times"),
        ("@ b [2]\n- x\n", "leads nowhere at `[2]`"),
        ("@ b [1]\n- 2\n", "is 2 times"),
        ("@ b\n+ x\n", "stands behind no line"),
        ("@ b\n-\n+ x\n", "changes nothing"),
        ("@ b [1]\n- x: 2\n+ x: 2\n", "changes nothing"),
        ("x: 1\n", "is no part of an edit"),
    ] {
        let found = edited(edits).err().ok_or("is accepted")?;
        assert!(found.contains(problem), "{found}");
    }
    assert!(Document::parse("command: verify spiking\n").is_err_and(|problem| problem.contains("no case")));
    let twice = "command: load\n\n=== a\n---\nx\n\n=== a\n---\nx\n";
    assert!(Document::parse(twice).is_err_and(|problem| problem.contains("two cases")));
    Ok(())
}

/// The only rule of the spiking IR without a file: a sum beyond 32 bits needs a kernel of 400,000 weights.
fn sums_beyond_32_bits_are_unsupported() -> Result<(), Failed> {
    let zeros = "0 ".repeat(2 * 257 * 257 * 3 - 2 * 3 * 3 * 3);
    let edits = format!(
        "@ model neuron\n- weight_bits: 8\n+ weight_bits: 16\n\
         @ projections [0]\n- rows: (kernel: 3\n+ rows: (kernel: 257\n- cols: (kernel: 3\n+ cols: (kernel: 257\n\
         - height: 3, width: 3, weights: \"\n+ height: 257, width: 257, weights: \"{zeros}\n"
    );
    let text = std::fs::read_to_string(Path::new(ROOT).join("networks/small.spiking"))?;
    let edits = edit::Edit::parse_all(&edits)?;
    let wide = edits.iter().try_fold(text, |text, edit| edit.apply(&text))?;
    // What a network may ask for is no broken invariant.
    let problems = SpikingIr::from_text(&wide, "input")?.verify().err().ok_or("is accepted")?;
    assert_eq!(problems.codes(), [Code::Unsupported], "{problems}");
    assert!(problems.to_string().contains("does not fit 32 bits"), "{problems}");
    Ok(())
}
