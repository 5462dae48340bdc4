//! Targets that start from another target: `base: "loihi-like"`, then only what differs; and overrides of single
//! fields.
//!
//! Both are laid over the base as texts ([`ComposedText`]), field by field and group by group, before the whole is read
//! and checked like any other target ([`overlay`]). Ranges of energies and times are joined by constant: who gives a
//! constant another value without a range takes the base's range away, which was one of the base's value.
//!
//! Refused: bases in a circle or deeper than [`DEEPEST`], a derived target without a name of its own.

mod overlay;
#[cfg(test)]
mod tests;

use std::ops::Range;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use self::overlay::{inside_some, laid_over, sourced};
use crate::composed::ComposedText;
use crate::diagnostic::{Source, Span};
use crate::file_kind::FileKind;
use crate::ron_tree::{self, Field, RonKind, RonNode};
use crate::schema::Target;
use crate::{Code, Diagnostic, Diagnostics, Place, Subject, input, registry};

/// Most bases, one behind the other.
pub const DEEPEST: usize = 8;

/// Another value for a field of a target: `core.synapse_memory_bits=1048576`.
#[derive(Debug, Clone)]
pub struct Override {
    /// Names of groups and the field, with dots between them.
    path: ComposedText,
    value: ComposedText,
    /// What the report says of it.
    said: String,
}

impl Override {
    /// An option of the command line, such as `--set core.neurons=2^10`.
    ///
    /// # Errors
    /// [`Code::Argument`] for a text that is no `FIELD=VALUE`.
    pub fn of_option(option: &str, text: &str) -> Result<Self, Diagnostic> {
        let whole = ComposedText::of(&Source::new(option, text));
        let equals = whole.text().find('=').filter(|&at| at > 0 && at + 1 < whole.text().len());
        let Some(equals) = equals else {
            let message = "expected a field of the target and its value, FIELD=VALUE";
            return Err(Diagnostic::new(Code::Argument, Subject::value(option, text), message)
                .hint("such as core.synapse_memory_bits=2^20; `snnc targets show` lists the fields"));
        };
        let said = format!("{option} {text}");
        Self::new(whole.slice(0..equals), whole.slice(equals + 1..whole.text().len()), &said)
    }

    /// A field by its path, and the RON of its value; `said` is where that comes from.
    ///
    /// # Errors
    /// [`Code::Argument`] for a path that is none, [`Code::RonSyntax`] for a value that is no RON.
    pub fn new(path: ComposedText, value: ComposedText, said: &str) -> Result<Self, Diagnostic> {
        let said: String = said.chars().map(|c| if c.is_control() { ' ' } else { c }).collect();
        let name = |step: &str| {
            step.starts_with(|c: char| c.is_ascii_alphabetic())
                && step.chars().all(|c| c.is_ascii_alphanumeric() || c == '_')
        };
        if !path.text().trim().split('.').all(name) || path.text().split('.').count() > 16 {
            let place = place(&path, Subject::Field(path.text().trim().into()));
            return Err(Diagnostic::new(Code::Argument, place, "expected names with dots between them")
                .hint("such as core.synapse_memory_bits; `snnc targets show` lists the fields"));
        }
        if ron_tree::parse(value.text()).is_none() {
            let message = format!("`{}` is no value", value.text().trim());
            return Err(Diagnostic::new(
                Code::RonSyntax,
                place(&value, Subject::Field(path.text().into())),
                message,
            )
            .hint("write a number, a word such as Unicast, or whatever stands in a target file"));
        }
        Ok(Self { path, value, said })
    }

    /// `core.neurons=512`, on one line.
    pub fn label(&self) -> String {
        let value: Vec<&str> = self.value.text().split_whitespace().collect();
        format!("{}={}", self.path.text().trim(), value.join(" "))
    }

    /// The field's path.
    pub fn field(&self) -> &str {
        self.path.text().trim()
    }

    /// As a target file that says nothing else: `(core: (neurons: 512))`.
    fn overlay(&self) -> ComposedText {
        let whole = 0..self.path.text().len();
        let Some(span) = self.path.span(&whole) else { return self.path.clone() };
        let glue = |text: &str| ComposedText::standing_for(text, &span);
        let (mut text, mut at) = (glue("("), 0);
        let steps: Vec<&str> = self.path.text().split('.').collect();
        for (i, step) in steps.iter().enumerate() {
            text = text.then(&self.path.slice(at..at + step.len()));
            text = text.then(&glue(if i + 1 < steps.len() { ": (" } else { ": " }));
            at += step.len() + 1;
        }
        text.then(&self.value).then(&glue(&")".repeat(steps.len())))
    }
}

/// A place at the beginning of a text.
fn place(text: &ComposedText, subject: Subject) -> Place {
    match text.span(&(0..text.text().len())) {
        Some(Span { source, range }) => Place::from(subject).at(&source, range),
        None => subject.into(),
    }
}

/// A target's text with its bases, and the files that it was put together from.
#[derive(Debug)]
pub(crate) struct Resolved {
    pub(crate) text: ComposedText,
    /// Name of the base, for the description.
    pub(crate) base: Option<String>,
    /// Whether the derived file describes itself.
    pub(crate) described: bool,
}

/// The text of a target file over its bases.
pub(crate) fn resolve(source: &Arc<Source>, deep: usize) -> Result<Resolved, Diagnostics> {
    let own = ComposedText::of(source);
    let whole = |text| Ok(Resolved { text, base: None, described: true });
    let Some(tree) = ron_tree::parse(own.text()) else { return whole(own) };
    let Some(base) = base_of(&tree) else { return whole(own) };
    let at = |range: &Range<usize>, subject| match own.span(range) {
        Some(span) => Place::from(subject).at(&span.source, span.range),
        None => Place::file(&source.name),
    };
    let place = at(&base.value.span, Subject::Field("base".into()));
    let Some(name) = base.value.text() else {
        let message = format!("found {}, expected the name or the path of a target", base.value.describe());
        return Err(Diagnostic::new(Code::TargetInvalid, place, message)
            .hint("such as \"loihi-like\"")
            .into());
    };
    if deep >= DEEPEST {
        let message = format!("more than {DEEPEST} targets start from each other");
        return Err(Diagnostic::new(Code::TargetInvalid, place, message).hint("is there a circle?").into());
    }
    if tree.field("name").is_none() {
        let message = "a target that starts from another one needs a name of its own";
        return Err(Diagnostic::new(
            Code::TargetInvalid,
            at(&tree.span, Subject::Field("name".into())),
            message,
        )
        .hint("add `name: \"...\"`")
        .into());
    }
    let beneath = source_of(name, Path::new(&source.name)).map_err(|mut problem| {
        let Span { source, range } =
            own.span(&base.value.span).unwrap_or_else(|| Span { source: Arc::clone(source), range: 0..0 });
        problem.place = problem.place.at(&source, range);
        problem
    })?;
    let beneath = resolve(&beneath, deep + 1)?;
    let described = tree.field("description").is_some();
    let text = laid_over(&beneath.text, &own, None);
    Ok(Resolved { text, base: Some(name.to_owned()), described })
}

fn base_of(tree: &RonNode) -> Option<&Field> {
    let RonKind::Struct { fields, .. } = &tree.kind else { return None };
    fields.iter().find(|field| field.name == "base")
}

/// The text of a built-in target or of a file, whose path is relative to the folder of `from`.
fn source_of(name: &str, from: &Path) -> Result<Arc<Source>, Diagnostic> {
    if !name.ends_with(".ron") {
        return registry::built_in(name, Subject::Field("base".into()));
    }
    let path = from.parent().map_or_else(|| PathBuf::from(name), |folder| folder.join(name));
    FileKind::Target.read(&path, input::TARGET.longest)
}

/// The files that a target file is put together from, itself first, as far as they can be read.
pub(crate) fn files(path: &Path, deep: usize) -> Vec<PathBuf> {
    let mut all = vec![path.to_owned()];
    let Ok(source) = FileKind::Target.read(path, input::TARGET.longest) else { return all };
    let own = ComposedText::of(&source);
    let tree = ron_tree::parse(own.text());
    let base = tree.as_ref().and_then(base_of).and_then(|base| base.value.text());
    if let Some(base) = base.filter(|base| base.ends_with(".ron") && deep < DEEPEST) {
        all.extend(files(&path.parent().unwrap_or(Path::new("")).join(base), deep + 1));
    }
    all
}

/// Overrides over a target, one after the other.
pub(crate) fn overridden(text: ComposedText, overrides: &[Override]) -> ComposedText {
    overrides.iter().fold(text, |text, change| laid_over(&text, &change.overlay(), Some(&change.said)))
}

/// The values of some fields, as written and without sources.
pub(crate) fn values(text: &ComposedText, fields: &[String]) -> Vec<Option<String>> {
    let Some(tree) = ron_tree::parse(text.text()) else { return vec![None; fields.len()] };
    let value = |field: &String| {
        let mut node = inside_some(tree.path(field)?);
        if sourced(node) {
            node = node.items().first()?;
        }
        let words: Vec<&str> = text.text().get(node.span.clone())?.split_whitespace().collect();
        Some(words.join(" "))
    };
    fields.iter().map(value).collect()
}

/// Names a target that overrides have changed, unless one of them names it.
pub(crate) fn rename(target: &mut Target, overrides: &[Override]) {
    if overrides.is_empty() || overrides.iter().any(|change| change.field() == "name") {
        return;
    }
    let changes: Vec<String> = overrides.iter().map(Override::label).collect();
    let name = format!("{}[{}]", target.name, changes.join(", "));
    let short = format!("{}[{} fields set]", target.name, changes.len());
    target.name = if crate::names::fault(&name).is_none() { name } else { short };
}
