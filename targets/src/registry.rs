//! Finding a target: a built-in name or the path of a user's file.

use std::path::Path;

use crate::{Code, Diagnostic, Diagnostics, Target, input};

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

/// Resolves `--target`: a built-in name, or a path if it ends in `.ron`.
///
/// # Errors
/// [`Code::TargetUnknown`], [`Code::FileUnreadable`], [`Code::RonSyntax`] or [`Code::TargetInvalid`].
pub fn load(name_or_path: &str) -> Result<Target, Diagnostics> {
    if let Some(&(name, text)) = BUILT_IN.iter().find(|(name, _)| *name == name_or_path) {
        return parse(text, &format!("targets/{name}.ron"));
    }
    if name_or_path.ends_with(".ron") {
        return read(Path::new(name_or_path));
    }
    let known: Vec<_> = names().collect();
    Err(Diagnostic::new(
        Code::TargetUnknown,
        format!("--target {name_or_path}"),
        "no built-in target has this name",
    )
    .hint(format!("built in: {}; or give the path of a .ron file", known.join(", ")))
    .into())
}

/// Reads a target file, whatever its name.
///
/// # Errors
/// [`Code::FileUnreadable`], [`Code::RonSyntax`] or [`Code::TargetInvalid`].
pub fn read(path: &Path) -> Result<Target, Diagnostics> {
    let text = input::TARGET.read_text(path)?;
    parse(&text, &path.display().to_string())
}

/// Parses and checks a target's text; `place` names it in errors.
///
/// # Errors
/// [`Code::RonSyntax`] with line and column, or [`Code::TargetInvalid`] for every contradiction.
pub fn parse(text: &str, place: &str) -> Result<Target, Diagnostics> {
    let target: Target = ron::from_str(text).map_err(|error| {
        let at = error.span.start;
        Diagnostic::new(Code::RonSyntax, format!("{place}:{}:{}", at.line, at.col), error.code.to_string())
    })?;
    target.check(place)?;
    Ok(target)
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
        assert_eq!(parse(&broken, "t.ron").unwrap_err().codes(), [Code::TargetInvalid; 2]);
    }
}
