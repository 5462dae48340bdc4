//! What does not fit, in words: found, expected, and what to write instead.
//!
//! Knows RON and the shapes of values that snnc's files have in common; what a file's own fields mean is added by
//! whoever reads it.

use std::ops::Range;
use std::sync::Arc;

use super::reading::{Problem, ReadingFault};
use crate::diagnostic::Source;
use crate::near::near;
use crate::{Code, Diagnostic, Place};

/// Longest quotation of a file, in characters.
const QUOTED: usize = 40;

/// The bytes of a source on one line, shortened.
pub fn quote(source: &Source, range: &Range<usize>) -> String {
    let text = source.text.get(range.clone()).unwrap_or_default();
    let words: Vec<&str> = text.split_whitespace().collect();
    let line = words.join(" ");
    match line.char_indices().nth(QUOTED) {
        Some((cut, _)) => format!("{}...", &line[..cut]),
        None => line,
    }
}

impl ReadingFault {
    /// The error, at its place in the file. `E0002`.
    pub fn diagnostic(&self, source: &Arc<Source>) -> Diagnostic {
        let place = Place::bytes(source, self.span.clone());
        let (message, hint) = self.words(source);
        let found = Diagnostic::new(Code::RonSyntax, place, message);
        match hint {
            Some(hint) => found.hint(hint),
            None => found,
        }
    }

    /// The last field on the way to the value, in quotation marks.
    fn field(&self) -> Option<String> {
        self.path.last().map(|name| format!("`{name}`"))
    }

    fn words(&self, source: &Source) -> (String, Option<String>) {
        match &self.problem {
            Problem::Type { found, expected } => {
                let subject = self
                    .field()
                    .map_or_else(|| format!("found {found}"), |name| format!("{name} is {found}"));
                let hint = instead(expected, &quote(source, &self.span));
                (format!("{subject}, expected {}", expectation(expected)), hint)
            }
            Problem::UnknownField { found, known } => {
                (format!("there is no field `{found}` here"), Some(one_of("fields", found, known)))
            }
            Problem::UnknownVariant { found, known } => {
                let place = self.field().map_or_else(String::new, |name| format!(" of {name}"));
                (format!("`{found}` is no value{place}"), Some(one_of("values", found, known)))
            }
            Problem::Missing(field) => {
                (format!("the field `{field}` is missing"), Some(format!("add `{field}: ...`")))
            }
            Problem::Twice(field) => {
                (format!("the field `{field}` stands here twice"), Some("remove one of them".into()))
            }
            Problem::Other(message) => (message.clone(), None),
        }
    }
}

/// Near names, or all there are.
pub fn one_of(what: &str, found: &str, known: &[&str]) -> String {
    match near(found, known) {
        Some(near) => format!("near names: {near}"),
        None if known.is_empty() => format!("there are no {what}"),
        None => {
            let all: Vec<String> = known.iter().map(|name| format!("`{name}`")).collect();
            format!("the {what} are {}", all.join(", "))
        }
    }
}

/// Serde's words for what it expects, in those of a person.
fn expectation(expected: &str) -> String {
    match expected {
        "a tuple of size 2" => "a pair (a, b)".into(),
        "a tuple of size 3" => "three values (a, b, c)".into(),
        other if other.starts_with("tuple struct TensorRef") => "a tensor (\"weight file\", \"name\")".into(),
        other if other.starts_with("tuple struct Sourced") => "a value with its source".into(),
        "option" => "None or Some(...)".into(),
        "usize" | "u64" | "u32" => "a whole number, 0 or more".into(),
        "f64" => "a number".into(),
        "a string" => "a text in quotation marks".into(),
        "a boolean" => "true or false".into(),
        other if other.starts_with("struct ") => "a group of fields (name: value, ...)".into(),
        other => other.to_owned(),
    }
}

/// What to write instead of `found`, where that follows.
fn instead(expected: &str, found: &str) -> Option<String> {
    let number = found.parse::<f64>().is_ok();
    let text = found.starts_with('"');
    match expected {
        "a tuple of size 2" if number => Some(format!("write ({found}, {found}): (vertical, horizontal)")),
        other if other.starts_with("tuple struct Sourced") && found.starts_with('(') => {
            Some("write (value, Published(\"where it is printed\")), or Measured, Derived, Assumed".into())
        }
        other if other.starts_with("tuple struct Sourced") => Some(format!(
            "write ({found}, Published(\"where it is printed\")), or Measured, Derived, Assumed with who or why"
        )),
        other if other.starts_with("tuple struct TensorRef") && text => {
            Some(format!("write (\"HANDLE\", {found}) with a handle from `weights`"))
        }
        "option" if found.ends_with("...") => Some("write Some(...) around it".into()),
        "option" => Some(format!("write Some({found})")),
        other if text && other.contains("`Published`") => Some(format!("write Published({found})")),
        "usize" | "u64" | "u32" => Some("write digits alone, such as 4".into()),
        "f64" => Some("write a number, such as 1.0".into()),
        "a list in [ ]" if text => Some(format!("write [{found}]")),
        "a string" if !found.contains(['(', '[', '{']) => Some(format!("write \"{found}\"")),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::super::{parse, reading};
    use super::*;
    use crate::schema::CoreLimits;

    /// The error of a core's limits as written.
    fn said(text: &str) -> String {
        let tree = parse(text).unwrap();
        let fault = reading::read::<CoreLimits>(&tree).unwrap_err();
        fault.diagnostic(&Source::new("t.ron", text)).to_string()
    }

    #[test]
    fn what_is_wrong_is_said_with_what_to_write() {
        let source = "Assumed(\"x\")";
        let core = |neurons: &str, profiles: &str| {
            format!(
                "(neurons: {neurons}, input_axons: (1, {source}), output_axons: (1, {source}),\n \
                 synapse_memory_bits: (1, {source}), threshold_profiles: {profiles})"
            )
        };
        assert!(
            reading::read::<CoreLimits>(&parse(&core(&format!("(1, {source})"), "None")).unwrap()).is_ok()
        );
        let bare = said(&core("1024", "None"));
        assert!(bare.contains("`neurons` is the number 1024, expected a value with its source"), "{bare}");
        assert!(bare.contains("write (1024, Published(") && bare.contains("t.ron:1:11"), "{bare}");
        let negative = said(&core(&format!("(-5, {source})"), "None"));
        assert!(
            negative.contains("expected a whole number") && negative.contains("t.ron:1:12"),
            "{negative}"
        );
        let plain = said(&core("(1, \"Davies 2018\")", "None"));
        assert!(plain.contains("write Published(\"Davies 2018\")"), "{plain}");
        let some = said(&core(&format!("(1, {source})"), &format!("(16, {source})")));
        assert!(some.contains("write Some((16, Assumed(\"x\")))") && some.contains("t.ron:2:"), "{some}");
        let variant = said(&core("(1, Publishd(\"x\"))", "None"));
        assert!(variant.contains("near names: `Published`") && variant.contains("t.ron:1:15"), "{variant}");
        let missing = said("(neurons: (1, Assumed(\"x\")))");
        assert!(missing.contains("the field `input_axons` is missing"), "{missing}");
        let unknown = said("(neuron: (1, Assumed(\"x\")))");
        assert!(unknown.contains("near names: `neurons`") && unknown.contains("t.ron:1:2"), "{unknown}");
        let twice = said(&core("(1, Assumed(\"x\")), neurons: (1, Assumed(\"x\"))", "None"));
        assert!(twice.contains("stands here twice"), "{twice}");
    }
}
