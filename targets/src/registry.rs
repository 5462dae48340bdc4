//! Finding a target: a built-in name or the path of a user's file, which may start from another target.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use serde::Deserialize;

use crate::derived::{self, Override, Resolved};
use crate::file_kind::FileKind;
use crate::layer_cores::LayerCores;
use crate::near::near;
use crate::ron_tree::reading::{self, Problem, ReadingFault};
use crate::ron_tree::{self, RonKind, RonNode, words};
use crate::schema::{
    AreaSpec, AxonSpec, CoreLimits, EnergySpec, NeuronSpec, NocSpec, ScalingSpec, SynapseSpec, TimingSpec,
    TopologySpec,
};
use crate::{Code, Diagnostic, Diagnostics, Place, Source, Subject, Target, input};

/// Built-in targets: name and file text. Adding a target is adding a file and a line here.
const BUILT_IN: &[(&str, &str)] = &[
    ("loihi-like", include_str!("../loihi-like.ron")),
    ("loihi-like-sanafe", include_str!("../loihi-like-sanafe.ron")),
    ("loihi2-like", include_str!("../loihi2-like.ron")),
    ("truenorth-like", include_str!("../truenorth-like.ron")),
    ("spinnaker2-like", include_str!("../spinnaker2-like.ron")),
    ("speck-like", include_str!("../speck-like.ron")),
    ("paicore-like", include_str!("../paicore-like.ron")),
    ("darwin3-like", include_str!("../darwin3-like.ron")),
];

/// Names of the built-in targets.
pub fn names() -> impl Iterator<Item = &'static str> {
    BUILT_IN.iter().map(|&(name, _)| name)
}

/// The first 16 digits of the BLAKE3 of all built-in targets, names and texts.
pub fn fingerprint() -> String {
    let mut hasher = blake3::Hasher::new();
    for (name, text) in BUILT_IN {
        hasher.update(format!("{name} {}\n", text.len()).as_bytes()).update(text.as_bytes());
    }
    hasher.finalize().to_hex()[..16].to_owned()
}

/// Resolves `--target`: a built-in name, or a path if it ends in `.ron`.
///
/// # Errors
/// [`Code::TargetUnknown`], [`Code::FileUnreadable`], [`Code::RonSyntax`] or [`Code::TargetInvalid`].
pub fn load(name_or_path: &str) -> Result<Target, Diagnostics> {
    load_with(name_or_path, &[])
}

/// Resolves `--target` with other values for some of its fields. Its name then tells them.
///
/// # Errors
/// Those of [`load`]; what the overrides make wrong is told of them.
pub fn load_with(name_or_path: &str, overrides: &[Override]) -> Result<Target, Diagnostics> {
    parse_with(&source(name_or_path)?, overrides)
}

/// The text of a built-in target, or of a file.
///
/// # Errors
/// [`Code::TargetUnknown`] or [`Code::FileUnreadable`].
pub fn source(name_or_path: &str) -> Result<Arc<Source>, Diagnostics> {
    Ok(match name_or_path.ends_with(".ron") {
        true => FileKind::Target.read(Path::new(name_or_path), input::TARGET.longest)?,
        false => built_in(name_or_path, Subject::value("--target", name_or_path))?,
    })
}

/// What a target with overrides has in some fields, as written and without sources; nothing where a field is missing
/// or the target cannot be read.
pub fn values(source: &Arc<Source>, overrides: &[Override], fields: &[String]) -> Vec<Option<String>> {
    let Ok(Resolved { text, .. }) = derived::resolve(source, 0) else { return vec![None; fields.len()] };
    derived::values(&derived::overridden(text, overrides), fields)
}

/// The files that make up a target: its own and those that it starts from; none of a built-in one.
pub fn files_of(name_or_path: &str) -> Vec<PathBuf> {
    match name_or_path.ends_with(".ron") {
        true => derived::files(Path::new(name_or_path), 0),
        false => Vec::new(),
    }
}

/// The text of a built-in target; `asked` is what names it.
///
/// # Errors
/// [`Code::TargetUnknown`].
pub(crate) fn built_in(name: &str, asked: Subject) -> Result<Arc<Source>, Diagnostic> {
    if let Some(&(name, text)) = BUILT_IN.iter().find(|(known, _)| *known == name) {
        return Ok(Source::new(format!("targets/{name}.ron"), text));
    }
    let known: Vec<_> = names().collect();
    let near = near(name, &known).map_or_else(String::new, |near| format!("near names: {near}; "));
    Err(Diagnostic::new(Code::TargetUnknown, asked, format!("no built-in target is called `{name}`"))
        .hint(format!("{near}built in are {}; or give the path of a .ron file", known.join(", "))))
}

/// Reads a target file, whatever its name.
///
/// # Errors
/// [`Code::FileUnreadable`], [`Code::WrongFile`], [`Code::RonSyntax`] or [`Code::TargetInvalid`].
pub fn read(path: &Path) -> Result<Target, Diagnostics> {
    parse_with(&FileKind::Target.read(path, input::TARGET.longest)?, &[])
}

/// Parses and checks a target's text; `place` names it in errors.
///
/// # Errors
/// [`Code::RonSyntax`] with line and column, or [`Code::TargetInvalid`] for every contradiction.
pub fn parse(text: &str, place: &str) -> Result<Target, Diagnostics> {
    parse_with(&Source::new(place, text), &[])
}

/// Parses and checks a target's text with other values for some of its fields.
///
/// # Errors
/// Those of [`load_with`].
pub fn parse_with(source: &Arc<Source>, overrides: &[Override]) -> Result<Target, Diagnostics> {
    let Resolved { text, base, described } = derived::resolve(source, 0)?;
    let text = derived::overridden(text, overrides);
    let mut target = match text.source() {
        Some(plain) => parse_plain(plain)?,
        None => {
            let whole = Source::new(source.name.clone(), text.text());
            parse_plain(&whole).map_err(|problems| text.blame(problems, &whole))?
        }
    };
    if let Some(base) = base.filter(|_| !described) {
        target.description = format!("{base}, but for what {} says", source.name);
    }
    derived::rename(&mut target, overrides);
    Ok(target)
}

fn parse_plain(source: &Arc<Source>) -> Result<Target, Diagnostics> {
    let tree = ron_tree::parse(&source.text);
    let target: Target = ron::from_str(&source.text).map_err(|error| match &tree {
        Some(tree) => misread(tree, source, &error),
        None => syntax(source, &error).into(),
    })?;
    let place = |problems| match &tree {
        Some(tree) => located(problems, tree, source),
        None => problems,
    };
    if target.operating_point.is_some() {
        let field = Place::from(Subject::Field("operating_point".into())).within(&source.name);
        let message = "expected None: it tells of constants that were scaled already";
        let hint = "say with `scaling` how constants follow the supply, and at which one the chip runs";
        return Err(place(Diagnostic::new(Code::TargetInvalid, field, message).hint(hint).into()));
    }
    target.check(&source.name).map_err(place)?;
    let target = target.at_operating_point();
    target.check(&source.name).map_err(place)?;
    Ok(target)
}

/// Why a text is no RON at all; nothing for one that is.
pub fn syntax_error(source: &Arc<Source>) -> Option<Diagnostic> {
    let error = ron::from_str::<serde::de::IgnoredAny>(&source.text).err()?;
    Some(syntax(source, &error))
}

/// An error of the `ron` crate.
pub fn syntax(source: &Arc<Source>, error: &ron::error::SpannedError) -> Diagnostic {
    let (start, end) = (error.span.start, error.span.end);
    let start = source.byte(start.line, start.col);
    let end = source.byte(end.line, end.col).clamp(start, source.text.len());
    let message = format!("the text does not follow RON's grammar: {}", error.code);
    Diagnostic::new(Code::RonSyntax, Place::bytes(source, start..end), message)
        .hint("brackets close in pairs, a comma stands between values, texts stand in quotation marks")
}

/// What of a well-formed text is no target: the first fault of each part.
fn misread(tree: &RonNode, source: &Arc<Source>, error: &ron::error::SpannedError) -> Diagnostics {
    let parts = [
        part::<TopologySpec>(tree, "topology"),
        part::<CoreLimits>(tree, "core"),
        part::<AxonSpec>(tree, "axons"),
        part::<SynapseSpec>(tree, "synapses"),
        part::<Option<LayerCores>>(tree, "layer_cores"),
        part::<NeuronSpec>(tree, "neuron"),
        part::<TimingSpec>(tree, "timing"),
        part::<EnergySpec>(tree, "energy"),
        part::<Option<NocSpec>>(tree, "network"),
        part::<Option<AreaSpec>>(tree, "area"),
        part::<Option<ScalingSpec>>(tree, "scaling"),
    ];
    let mut faults: Vec<ReadingFault> = parts.into_iter().flatten().collect();
    // A fault of the whole that lies in a part was said with the part.
    faults.extend(
        reading::read::<Target>(tree).err().filter(|fault| fault.path.is_empty() || faults.is_empty()),
    );
    let mut found: Diagnostics = faults.iter().map(|fault| fault.diagnostic(source)).collect();
    for (fault, told) in faults.iter().zip(&mut found.0) {
        // What the schema itself refuses is well-formed.
        if matches!(fault.problem, Problem::Other(_)) {
            told.code = Code::TargetInvalid;
        }
    }
    if found.0.is_empty() {
        found.push(syntax(source, error));
    }
    found.sort();
    found
}

/// What is wrong with a field of the target, if it is there.
fn part<'a, T: Deserialize<'a>>(tree: &'a RonNode, name: &str) -> Option<ReadingFault> {
    let RonKind::Struct { fields, .. } = &tree.kind else { return None };
    let field = fields.iter().find(|field| field.name == name)?;
    reading::read::<T>(&field.value).err()
}

/// Contradictions with their place in the file and the value that was found there.
fn located(mut problems: Diagnostics, tree: &RonNode, source: &Arc<Source>) -> Diagnostics {
    for problem in &mut problems.0 {
        let Subject::Field(path) = problem.place.subject().clone() else { continue };
        let mut shorter = path.as_str();
        // A field that was left out has no place; what should hold it has.
        let node = loop {
            match (tree.path(shorter), shorter.rfind(['.', '['])) {
                (Some(node), _) => break node,
                (None, Some(cut)) => shorter = &shorter[..cut],
                (None, None) => break tree,
            }
        };
        // The value of (value, source).
        let value = match &node.kind {
            RonKind::Tuple { name, items } if name.is_empty() && items.len() == 2 => &items[0],
            _ => node,
        };
        if shorter == path
            && !matches!(value.kind, RonKind::Struct { .. })
            && !problem.message.contains("found")
        {
            problem.message = format!("found {}, {}", words::quote(source, &value.span), problem.message);
        }
        let span = if shorter == path { value.span.clone() } else { node.head() };
        problem.place = problem.place.clone().at(source, span);
    }
    problems.sort();
    problems
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_built_in_target_parses_and_bears_its_name() {
        for (name, text) in BUILT_IN {
            assert_eq!(parse(text, name).unwrap().name, *name);
        }
    }

    #[test]
    fn unknown_names_fields_and_contradictions_are_refused() {
        assert_eq!(load("loihi").unwrap_err().codes(), [Code::TargetUnknown]);
        assert_eq!(load("missing.ron").unwrap_err().codes(), [Code::FileUnreadable]);
        let text = BUILT_IN[0].1;
        let misspelt = text.replacen("input_axons:", "input_axon:", 1);
        let error = parse(&misspelt, "t.ron").unwrap_err();
        assert_eq!(error.codes(), [Code::RonSyntax]);
        assert!(error.0[0].message.contains("input_axon"), "{error}");
        let broken = text.replacen("weight_bits: (8", "weight_bits: (0", 1).replacen(
            "neurons: (1024",
            "neurons: (0",
            1,
        );
        assert_ne!(broken, text);
        let error = parse(&broken, "t.ron").unwrap_err();
        assert_eq!(error.codes(), [Code::TargetInvalid; 2]);
        let places: Vec<String> = error.0.iter().map(|d| d.place.to_string()).collect();
        assert_eq!(places, ["t.ron:17:19: core.neurons", "t.ron:29:23: synapses.weight_bits"]);
        assert!(error.0[0].message.starts_with("found 0, expected 1"), "{error}");
    }

    #[test]
    fn a_fault_of_each_part_is_told_at_once() {
        let text = BUILT_IN[0]
            .1
            .replacen("mesh_columns: (8, Assumed", "mesh_columns: (8, Asumed", 1)
            .replacen("clock_ns: (0.01, Assumed(\"", "clock_ns: (\"fast\", Assumed(\"", 1);
        let error = parse(&text, "t.ron").unwrap_err();
        assert_eq!(error.codes(), [Code::RonSyntax; 2], "{error}");
        assert!(error.0[0].hint.as_ref().unwrap().contains("`Assumed`"), "{error}");
        assert!(error.0[1].message.contains("expected a number"), "{error}");
        let contradiction = BUILT_IN[0].1.replacen("name: \"loihi-like\"", "name: \"\"", 1);
        let error = parse(&contradiction, "t.ron").unwrap_err();
        assert_eq!(*error.0[0].place.subject(), Subject::Field("name".into()), "{error}");
        assert_eq!(error.0[0].place.position().unwrap(), "t.ron:5:11", "{error}");
    }
}
