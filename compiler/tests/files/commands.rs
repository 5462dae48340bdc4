//! What a test file may ask for: each command turns a text into the text that a case expects.

use std::path::Path;

use snnc_compiler::driver::{self, CompileOptions};
use snnc_compiler::frontend::{self, LoadedModel};
use snnc_compiler::ir::program::Program;
use snnc_compiler::ir::spiking::SpikingIr;
use snnc_compiler::mapping::interchange::MappingFile;
use snnc_compiler::mapping::interchange::partition::PartitionFile;
use snnc_compiler::passes::LowerOptions;
use snnc_compiler::weights::write_safetensors;
use snnc_targets::{Diagnostics, Target, registry};

use crate::bases::layout;
use crate::document::Document;

/// What a command is given: the texts after a case's edits, and the file that asks.
pub struct Task<'a> {
    /// The test file.
    pub document: &'a Document,
    /// The folder of the test file.
    pub folder: &'a Path,
    /// The input.
    pub text: &'a str,
    /// The RON text of the target, where the file names one.
    pub target: Option<&'a str>,
}

/// What is printed where a command finds nothing wrong.
pub const ACCEPTED: &str = "accepted";

impl Task<'_> {
    /// Runs the command of the file.
    ///
    /// # Errors
    /// What is wrong with the test itself: an input that the command cannot even read.
    pub fn run(&self) -> Result<String, String> {
        let command = self.document.required("command")?;
        let words: Vec<&str> = command.split_whitespace().collect();
        match words[..] {
            ["verify", "spiking"] => Ok(told(self.spiking()?.verify())),
            ["components"] => self.components(),
            ["verify", "program"] => Ok(told(self.program()?.verify())),
            ["compare", "program"] => self.compare(),
            ["verify", "partition"] => self.partition(),
            ["read", "spiking"] => Ok(told(SpikingIr::from_text(self.text, "input").map_err(Into::into))),
            ["read", "program"] => Ok(told(Program::from_text(self.text, "input").map_err(Into::into))),
            ["check", "target"] => Ok(told(registry::parse(self.text, "input"))),
            ["map"] => Ok(told(driver::map(&self.spiking()?, &self.target()?, self.options()?))),
            ["load"] => self.model(|model| model.map(|_| ACCEPTED.into())),
            ["lower"] => {
                let (target, options) = (self.target()?, self.options()?);
                self.model(|model| driver::lower(&model?, &target, options.lower).map(|_| ACCEPTED.into()))
            }
            ["compile"] => {
                let (target, options) = (self.target()?, self.options()?);
                self.model(|model| driver::compile(&model?, &target, options).map(|_| ACCEPTED.into()))
            }
            ["pass", name] => {
                let (target, options) = (self.target()?, self.options()?);
                let text = self.model(|model| driver::emit_after(&model?, &target, options.lower, name))?;
                // The last pass gives a spiking IR, which has a shorter layout in test files.
                let ir = SpikingIr::from_text(&text, "output").ok();
                ir.map_or(Ok(text.clone()), |ir| layout(&text, &ir)).map(|text| text.trim_end().to_owned())
            }
            _ => Err(format!("`{command}` is no command")),
        }
    }

    fn spiking(&self) -> Result<SpikingIr, String> {
        SpikingIr::from_text(self.text, "input").map_err(|problem| problem.to_string())
    }

    /// The populations of each component, those of a cycle marked.
    fn components(&self) -> Result<String, String> {
        let ir = self.spiking()?;
        ir.verify().map_err(|problems| problems.to_string())?;
        let lines = ir.components().all.into_iter().map(|component| {
            let names: Vec<String> = component.populations.iter().map(ToString::to_string).collect();
            names.join(" ") + if component.cyclic { ", a cycle" } else { "" }
        });
        Ok(lines.collect::<Vec<_>>().join("\n"))
    }

    fn program(&self) -> Result<Program, String> {
        Program::from_text(self.text, "input").map_err(|problem| problem.to_string())
    }

    /// The spiking IR of the line `against`.
    fn original(&self) -> Result<SpikingIr, String> {
        let path = self.folder.join(self.document.required("against")?);
        let text = std::fs::read_to_string(&path).map_err(|error| format!("{}: {error}", path.display()))?;
        SpikingIr::from_text(&text, &path.display().to_string()).map_err(|problem| problem.to_string())
    }

    /// Compares a program, sound by itself, with its spiking IR.
    fn compare(&self) -> Result<String, String> {
        let program = self.program()?;
        let sound = program.verify();
        sound.map_err(|problems| format!("the program is broken by itself:\n{problems}"))?;
        Ok(told(program.verify_against(&self.original()?)))
    }

    fn partition(&self) -> Result<String, String> {
        let file = PartitionFile::from_text(self.text, "input").map_err(|problem| problem.to_string())?;
        let ir = self.original()?;
        Ok(told(file.resolve(&ir).and_then(|partition| partition.verify(&ir))))
    }

    fn target(&self) -> Result<Target, String> {
        let text = self.target.ok_or("has no line `target: ...`")?;
        registry::parse(text, "target").map_err(|problems| problems.to_string())
    }

    fn options(&self) -> Result<CompileOptions, String> {
        let bits = self.document.settings.get("weight_bits").map(|bits| bits.parse());
        let weight_bits = bits.transpose().map_err(|_| "`weight_bits` is no number")?;
        let lower = LowerOptions { weight_bits, ..LowerOptions::default() };
        Ok(CompileOptions { lower, ..CompileOptions::fewest_cores() })
    }

    /// Loads the model from a folder of its own, beside its weights, and uses it. Paths are told without the folder.
    fn model(
        &self,
        used: impl FnOnce(Result<LoadedModel, Diagnostics>) -> Result<String, Diagnostics>,
    ) -> Result<String, String> {
        let folder = tempfile::tempdir().map_err(|error| error.to_string())?;
        let path = folder.path().join("model.ron");
        std::fs::write(&path, self.text).map_err(|error| error.to_string())?;
        write_safetensors(&folder.path().join("w.safetensors"), &self.document.tensors)
            .map_err(|problem| problem.to_string())?;
        let text = used(frontend::load(&path)).unwrap_or_else(|problems| problems.to_string());
        Ok(text.replace(&format!("{}/", folder.path().display()), "").trim_end().to_owned())
    }
}

/// What the author of the input reads.
fn told<T>(result: Result<T, Diagnostics>) -> String {
    result.err().map_or(ACCEPTED.to_owned(), |problems| problems.to_string())
}
