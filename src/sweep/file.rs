//! `sweep.ron`: what is varied, and on what every point runs.
//!
//! Paths are relative to the file. A list may have one value without brackets, and numbers may be powers (`2^20`).
//! Read through [`snnc_targets::ron_tree`], since values of fields are any RON and keep their place in the file.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use serde::de::DeserializeOwned;
use snnc_compiler::mapping::effort::Effort;
use snnc_compiler::mapping::partition::search::{Method, Objective};
use snnc_simulator::time::Fidelity;
use snnc_targets::composed::ComposedText;
use snnc_targets::derived::Override;
use snnc_targets::file_kind::FileKind;
use snnc_targets::ron_tree::{self, RonKind, RonNode, reading, words};
use snnc_targets::{Code, Diagnostic, Diagnostics, Place, Source, Subject, input, registry};

use super::nir::NirFields;

/// Format string of sweep files that are read.
pub const FORMAT: &str = "snnc.sweep/1";
/// Every field.
const FIELDS: [&str; 24] = [
    "format",
    "model",
    "nir",
    "targets",
    "set",
    "variants",
    "weights",
    "objectives",
    "partitioners",
    "efforts",
    "mapping_seed",
    "timing",
    "images",
    "seed",
    "input",
    "labels",
    "network",
    "dt",
    "samples",
    "calibrate",
    "calibrate_input",
    "calibrate_network",
    "group",
    "verify",
];
/// Longest list of samples that are recorded for the rounding.
const PASSES_MAX: usize = 1024;

/// A field of the targets and the values that it takes, one after the other.
#[derive(Debug, Clone)]
pub struct Axis {
    /// Names with dots between them.
    pub field: String,
    /// As overrides of the field.
    pub values: Vec<Override>,
}

/// What a sweep file says.
#[derive(Debug, Clone)]
pub struct SweepFile {
    /// The model file, or a NIR file.
    pub model: PathBuf,
    /// How the NIR file is read, if anything is said of that.
    pub nir: Option<NirFields>,
    /// Built-in targets and paths of target files.
    pub targets: Vec<String>,
    /// Fields that are varied independently.
    pub set: Vec<Axis>,
    /// Sets of overrides that are tried one after the other; one empty set if none are given.
    pub variants: Vec<Vec<Override>>,
    /// Bits of a weight; the target's own where none are given.
    pub weights: Vec<Option<u32>>,
    /// What the partition makes small.
    pub objectives: Vec<Objective>,
    /// How networks are cut.
    pub partitioners: Vec<Method>,
    /// How hard the mapping searches.
    pub efforts: Vec<Effort>,
    /// Seed of the placement.
    pub mapping_seed: u64,
    /// How time is modelled.
    pub timing: Fidelity,
    /// Images of generating models.
    pub images: Vec<u64>,
    /// Seed of the images.
    pub seed: Option<u64>,
    /// Samples of other models.
    pub input: Option<PathBuf>,
    /// Their classes.
    pub labels: Option<PathBuf>,
    /// The network that is fed.
    pub network: Option<String>,
    /// Length of a timestep, for event lists.
    pub dt: Option<f64>,
    /// Only the first samples.
    pub samples: Vec<u64>,
    /// Passes recorded for the rounding.
    pub calibrate: Option<usize>,
    /// Samples that are recorded for the rounding.
    pub calibrate_input: Option<PathBuf>,
    /// The network that these are for.
    pub calibrate_network: Option<String>,
    /// Whether each point is compared with the float reference.
    pub verify: bool,
}

impl SweepFile {
    /// Reads a file; all that is wrong with it is told at once.
    ///
    /// # Errors
    /// [`Code::FileUnreadable`], [`Code::WrongFile`], [`Code::RonSyntax`], [`Code::SweepInvalid`].
    pub fn read(path: impl AsRef<Path>) -> Result<Self, Diagnostics> {
        let path = path.as_ref();
        let source = FileKind::Sweep.read(path, input::TARGET.longest)?;
        let text = ComposedText::of(&source);
        let whole = Source::new(source.name.clone(), text.text());
        let Some(tree) = ron_tree::parse(text.text()) else {
            let error = ron_error(&whole);
            return Err(text.blame(error.into(), &whole));
        };
        let folder = path.parent().unwrap_or(Path::new("")).to_owned();
        let mut reader =
            SweepReader { text: &text, whole: &whole, tree: &tree, folder, problems: Diagnostics::default() };
        let file = reader.file();
        let mut problems = text.blame(reader.problems, &whole);
        problems.sort();
        problems.into_result(file)
    }

    /// The files that it names, those of the targets and of the model with them.
    pub fn files(&self) -> Vec<PathBuf> {
        let mut files = crate::model::Model::files(&self.model);
        files.extend(self.targets.iter().flat_map(|target| registry::files_of(target)));
        let arrays = [&self.input, &self.labels, &self.calibrate_input].into_iter().flatten();
        files.extend(arrays.map(|path| crate::samples::array_file::split_key(path).0));
        files
    }

    /// The fields that points differ in, each once.
    pub fn fields(&self) -> Vec<String> {
        let mut fields: Vec<String> = Vec::new();
        let varied = self.variants.iter().flatten().map(Override::field);
        for field in self.set.iter().map(|axis| axis.field.as_str()).chain(varied) {
            if !fields.iter().any(|known| known == field) {
                fields.push(field.to_owned());
            }
        }
        fields
    }
}

/// Why a text is no RON.
fn ron_error(source: &Arc<Source>) -> Diagnostic {
    match registry::syntax_error(source) {
        Some(problem) => problem,
        None => {
            Diagnostic::new(Code::RonSyntax, Place::file(&source.name), "this is no RON that can be read")
        }
    }
}

struct SweepReader<'a> {
    text: &'a ComposedText,
    whole: &'a Arc<Source>,
    tree: &'a RonNode,
    folder: PathBuf,
    problems: Diagnostics,
}

impl SweepReader<'_> {
    fn file(&mut self) -> SweepFile {
        self.known_fields();
        if self.one::<String>("format").is_none_or(|format| format != FORMAT) {
            self.refuse("format", format!("expected \"{FORMAT}\""));
        }
        let model = self.path("model").unwrap_or_default();
        if self.tree.field("model").is_none() {
            self.refuse("model", "the model is missing: `model: \"model.ron\"`".into());
        }
        let set = self.axes();
        let variants = self.variants();
        self.each_field_once(&set, &variants);
        let weights = self.many::<u32>("weights").into_iter().map(Some).collect();
        let group = self.one("group").unwrap_or(16);
        let folder = self.folder.clone();
        let mut targets = self.many::<String>("targets");
        for target in targets.iter_mut().filter(|target| target.ends_with(".ron")) {
            *target = folder.join(&*target).display().to_string();
        }
        SweepFile {
            model,
            nir: self.one("nir"),
            targets: or(targets, "loihi-like".into()),
            set,
            variants: or(variants, Vec::new()),
            weights: or(weights, None),
            objectives: self
                .words("objectives", &Objective::ALL.map(|objective| (objective.name(), objective))),
            partitioners: self.words(
                "partitioners",
                &[
                    ("auto", Method::Auto),
                    ("tiles", Method::Tiles),
                    ("hypergraph", Method::Hypergraph { group }),
                ],
            ),
            efforts: self.words(
                "efforts",
                &[("default", Effort::Default), ("fast", Effort::Fast), ("best", Effort::Best)],
            ),
            mapping_seed: self.one("mapping_seed").unwrap_or(0),
            timing: self.timing(),
            images: self.many("images"),
            seed: self.one("seed"),
            input: self.path("input"),
            labels: self.path("labels"),
            network: self.one("network"),
            dt: self.one("dt"),
            samples: self.many("samples"),
            calibrate: self.calibrate(),
            calibrate_input: self.path("calibrate_input"),
            calibrate_network: self.one("calibrate_network"),
            verify: self.one("verify").unwrap_or(false),
        }
    }

    fn known_fields(&mut self) {
        let RonKind::Struct { fields, .. } = &self.tree.kind else {
            let message =
                format!("found {}, expected a group of fields (name: value, ...)", self.tree.describe());
            let place = Place::bytes(self.whole, self.tree.head());
            self.problems.push(Diagnostic::new(Code::RonSyntax, place, message));
            return;
        };
        for (i, field) in fields.iter().enumerate() {
            let place = Place::bytes(self.whole, field.span.clone());
            if !FIELDS.contains(&field.name.as_str()) {
                let message = format!("there is no field `{}` here", field.name);
                let hint = words::one_of("fields", &field.name, &FIELDS);
                self.problems.push(Diagnostic::new(Code::RonSyntax, place, message).hint(hint));
            } else if fields[..i].iter().any(|earlier| earlier.name == field.name) {
                let message = format!("the field `{}` stands here twice", field.name);
                self.problems
                    .push(Diagnostic::new(Code::RonSyntax, place, message).hint("remove one of them"));
            }
        }
    }

    /// A contradiction, told of a field.
    fn refuse(&mut self, field: &str, message: String) {
        let node = self.tree.field(field).map_or_else(|| self.tree.head(), |node| node.span.clone());
        let place = Place::from(Subject::Field(field.into())).at(self.whole, node);
        self.problems.push(Diagnostic::new(Code::SweepInvalid, place, message));
    }

    fn read<T: DeserializeOwned>(&mut self, node: &RonNode) -> Option<T> {
        match reading::read(node) {
            Ok(value) => Some(value),
            Err(fault) => {
                self.problems.push(fault.diagnostic(self.whole));
                None
            }
        }
    }

    fn one<T: DeserializeOwned>(&mut self, name: &str) -> Option<T> {
        let tree = self.tree;
        self.read(tree.field(name)?)
    }

    /// The values of a list, or a single value without brackets. An empty list is refused, as there would be no point.
    fn many<T: DeserializeOwned>(&mut self, name: &str) -> Vec<T> {
        let tree = self.tree;
        let Some(node) = tree.field(name) else { return Vec::new() };
        match &node.kind {
            RonKind::List(items) if items.is_empty() => {
                self.refuse(name, "an empty list makes no point".into());
                Vec::new()
            }
            RonKind::List(items) => items.iter().filter_map(|item| self.read(item)).collect(),
            _ => self.read(node).into_iter().collect(),
        }
    }

    fn path(&mut self, name: &str) -> Option<PathBuf> {
        let path: String = self.one(name)?;
        Some(self.folder.join(path))
    }

    /// Words for choices; the first choice if none is given.
    fn words<T: Copy>(&mut self, name: &str, choices: &[(&str, T)]) -> Vec<T> {
        let given: Vec<String> = self.many(name);
        let mut found = Vec::new();
        for word in &given {
            match choices.iter().find(|(known, _)| known == word) {
                Some(&(_, choice)) => found.push(choice),
                None => {
                    let known: Vec<&str> = choices.iter().map(|&(known, _)| known).collect();
                    self.refuse(name, format!("`{word}` is none of {}", known.join(", ")));
                }
            }
        }
        or(found, choices[0].1)
    }

    fn timing(&mut self) -> Fidelity {
        let Some(text) = self.one::<String>("timing") else { return Fidelity::Analytic };
        text.parse().unwrap_or_else(|problem: Diagnostic| {
            self.refuse("timing", problem.message);
            Fidelity::Analytic
        })
    }

    fn calibrate(&mut self) -> Option<usize> {
        let passes = self.one("calibrate")?;
        if passes > PASSES_MAX {
            self.refuse("calibrate", format!("found {passes}, expected 0 to {PASSES_MAX} passes"));
        }
        Some(passes)
    }

    fn axes(&mut self) -> Vec<Axis> {
        let tree = self.tree;
        let Some(node) = tree.field("set") else { return Vec::new() };
        let RonKind::Map(entries) = &node.kind else {
            self.refuse("set", format!("found {}, expected {{\"field\": [values], ...}}", node.describe()));
            return Vec::new();
        };
        let mut axes = Vec::new();
        for (key, value) in entries {
            let single = std::slice::from_ref(value);
            let items = if let RonKind::List(items) = &value.kind { items } else { single };
            let values: Vec<Override> = items.iter().filter_map(|item| self.change(key, item)).collect();
            match values.first() {
                Some(first) => axes.push(Axis { field: first.field().to_owned(), values }),
                None => self
                    .refuse("set", "each field needs a value or more: an empty list makes no point".into()),
            }
        }
        axes
    }

    fn variants(&mut self) -> Vec<Vec<Override>> {
        let tree = self.tree;
        let Some(node) = tree.field("variants") else { return Vec::new() };
        let single = std::slice::from_ref(node);
        let items = if let RonKind::List(items) = &node.kind { items } else { single };
        if items.is_empty() {
            self.refuse("variants", "an empty list makes no point; {} is the target as it is".into());
        }
        let mut all = Vec::new();
        for item in items {
            let RonKind::Map(entries) = &item.kind else {
                self.refuse(
                    "variants",
                    format!("found {}, expected {{\"field\": value, ...}}", item.describe()),
                );
                continue;
            };
            all.push(entries.iter().filter_map(|(key, value)| self.change(key, value)).collect());
        }
        all
    }

    /// An override of the field that a key names.
    fn change(&mut self, key: &RonNode, value: &RonNode) -> Option<Override> {
        let place = || Place::bytes(self.whole, key.span.clone());
        let Some(field) = key.text() else {
            let message =
                format!("found {}, expected the name of a field in quotation marks", key.describe());
            self.problems.push(Diagnostic::new(Code::RonSyntax, place(), message));
            return None;
        };
        let said = format!("{}: {field} is {}", self.whole.name, words::quote(self.whole, &value.span));
        let name = self.text.slice(key.span.start + 1..key.span.end - 1);
        match Override::new(name, self.text.slice(value.span.clone()), &said) {
            Ok(change) => Some(change),
            Err(problem) => {
                self.problems.push(problem);
                None
            }
        }
    }

    /// Of two values for a field of one point, one would be ignored.
    fn each_field_once(&mut self, set: &[Axis], variants: &[Vec<Override>]) {
        let twice = |fields: Vec<&str>| {
            let repeated = fields.iter().enumerate().find(|(i, field)| fields[..*i].contains(field));
            repeated.map(|(_, field)| (*field).to_owned())
        };
        let axes = || set.iter().map(|axis| axis.field.as_str());
        let found = match variants {
            [] => twice(axes().collect()),
            some => {
                some.iter().find_map(|one| twice(axes().chain(one.iter().map(Override::field)).collect()))
            }
        };
        if let Some(field) = found {
            let message = format!("`{field}` has two values in one point");
            self.refuse(if variants.is_empty() { "set" } else { "variants" }, message);
        }
    }
}

/// The values, or one that stands for none.
fn or<T>(values: Vec<T>, otherwise: T) -> Vec<T> {
    if values.is_empty() { vec![otherwise] } else { values }
}
