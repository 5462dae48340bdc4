//! Text forms: RON with a comment header for people, compact number blocks, and a parser that gives back the same
//! value (`parse(print(x)) == x`).

use serde::Serialize;
use serde::de::DeserializeOwned;
use snnc_targets::{Code, Diagnostic};

/// Prints `value` as RON below `header` (each line becomes a comment).
pub fn print<T: Serialize>(header: &str, value: &T) -> String {
    let mut text: String = header.lines().map(|line| format!("// {line}\n")).collect();
    let style = ron::ser::PrettyConfig::new().compact_arrays(true).indentor("  ").struct_names(true);
    text += &ron::ser::to_string_pretty(value, style).expect("IRs hold only plain data");
    text.push('\n');
    text
}

/// Parses what [`print`] wrote; `place` names it in errors.
///
/// # Errors
/// [`Code::TextForm`] with line and column.
pub fn parse<T: DeserializeOwned>(text: &str, place: &str) -> Result<T, Diagnostic> {
    ron::from_str(text).map_err(|error| {
        let at = error.span.start;
        Diagnostic::new(Code::TextForm, format!("{place}:{}:{}", at.line, at.col), error.code.to_string())
    })
}

/// Integer arrays: decimal words in one string in text, plain sequences in binary.
pub mod packed {
    use serde::de::Error as _;
    use serde::{Deserialize, Deserializer, Serialize, Serializer};

    /// For `#[serde(with)]`.
    pub fn serialize<S: Serializer>(values: &[i16], serializer: S) -> Result<S::Ok, S::Error> {
        if !serializer.is_human_readable() {
            return values.serialize(serializer);
        }
        use std::fmt::Write as _;
        let mut text = String::with_capacity(values.len() * 4);
        for (i, value) in values.iter().enumerate() {
            let gap = if i == 0 { "" } else { " " };
            write!(text, "{gap}{value}").expect("writing to a string");
        }
        serializer.serialize_str(&text)
    }

    /// For `#[serde(with)]`.
    ///
    /// # Errors
    /// A word that is no 16-bit integer.
    pub fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<i16>, D::Error> {
        if !deserializer.is_human_readable() {
            return Vec::deserialize(deserializer);
        }
        let text = String::deserialize(deserializer)?;
        text.split_ascii_whitespace().map(|word| word.parse().map_err(D::Error::custom)).collect()
    }
}
