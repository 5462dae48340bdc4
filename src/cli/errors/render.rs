//! Diagnostics drawn with the lines that they are about.

use std::ops::Range;

use annotate_snippets::renderer::DecorStyle;
use annotate_snippets::{Annotation, AnnotationKind, Group, Level, Origin, Renderer, Snippet};
use snnc_targets::diagnostic::{Place, Severity, Span, one_line, printable};
use snnc_targets::text_width::broken;
use snnc_targets::{Code, Diagnostic, Diagnostics};

/// Most diagnostics that are drawn; the others are only counted.
const SHOWN: usize = 50;

/// With the colours of a terminal.
pub fn styled(problems: &Diagnostics, columns: usize) -> String {
    draw(problems, &Renderer::styled(), columns)
}

/// Without colours.
pub fn plain(problems: &Diagnostics, columns: usize) -> String {
    draw(problems, &Renderer::plain(), columns)
}

fn draw(problems: &Diagnostics, renderer: &Renderer, columns: usize) -> String {
    let renderer = renderer.clone().decor_style(DecorStyle::Ascii).term_width(columns);
    let mut text = String::new();
    for problem in problems.0.iter().take(SHOWN) {
        text += &renderer.render(&[group(problem, columns)]);
        text += "\n\n";
    }
    if let Some(more) = problems.more_than(SHOWN) {
        text += &format!("{more}\n\n");
    }
    text + &broken(&pages(problems), columns).join("\n") + "\n"
}

/// Which pages say more.
fn pages(problems: &Diagnostics) -> String {
    let mut codes: Vec<Code> = problems.codes();
    codes.sort_unstable();
    codes.dedup();
    match codes.as_slice() {
        [] => String::new(),
        [code] => format!("`snnc explain {code}` says more"),
        [first, ..] => {
            let all: Vec<String> = codes.iter().map(Code::to_string).collect();
            format!("`snnc explain {first}` says more; so for each of {}", all.join(", "))
        }
    }
}

fn group(problem: &Diagnostic, columns: usize) -> Group<'static> {
    let (level, word) = match problem.severity() {
        Severity::Error => (Level::ERROR, "error"),
        Severity::Warning => (Level::WARNING, "warning"),
    };
    let code = problem.code.as_str();
    let before = format!("{word}[{code}]: ").len();
    let title = level.primary_title(wrap(&one_line(&problem.message), before, columns)).id(code);
    let mut group = Group::with_title(title);
    let mut marks = vec![(&problem.place, String::new(), AnnotationKind::Primary)];
    for (place, words) in &problem.related {
        marks.push((place, one_line(words).into_owned(), AnnotationKind::Context));
    }
    // Marks of one line are drawn into it together.
    for same in marks.chunk_by(|(a, ..), (b, ..)| line_of(a).is_some() && line_of(a) == line_of(b)) {
        group = match same[0].0.span() {
            Some(span) => group.element(snippet(span, same)),
            None if same[0].1.is_empty() => {
                group.element(Origin::path(one_line(&same[0].0.label()).into_owned()))
            }
            None => {
                let note = format!("{}: {}", same[0].1, one_line(&same[0].0.label()));
                group.element(Level::NOTE.message(wrap(&note, MARGIN, columns)))
            }
        };
    }
    match &problem.hint {
        Some(hint) => {
            group.element(Level::HELP.with_name("hint").message(wrap(&printable(hint), MARGIN, columns)))
        }
        None => group,
    }
}

/// Name and first line of the file that a place is in.
fn line_of(place: &Place) -> Option<(&str, usize)> {
    let span = place.span()?;
    Some((&span.source.name, span.source.line_column(span.range.start).0))
}

fn snippet(
    first: &Span,
    marks: &[(&Place, String, AnnotationKind)],
) -> Snippet<'static, Annotation<'static>> {
    let line = line(first);
    let number = first.source.line_column(first.range.start).0;
    let text = &first.source.text[line.clone()];
    let mut snippet = Snippet::source(printable(text).into_owned())
        .line_start(number)
        .path(one_line(&first.source.name).into_owned())
        .fold(false);
    for (place, words, kind) in marks {
        let Some(span) = place.span() else { continue };
        // What runs over several lines is marked on its first.
        let end = span.range.end.min(line.end).max(span.range.start) - line.start;
        // The renderer replaces some control characters itself, but not all that terminals obey; pictures are longer.
        let [start, end] = [span.range.start - line.start, end].map(|byte| printable(&text[..byte]).len());
        let label = if words.is_empty() { one_line(&place.label()).into_owned() } else { words.clone() };
        let mark = kind.span(start..end);
        snippet = snippet.annotation(if label.is_empty() { mark } else { mark.label(label) });
    }
    snippet
}

/// Bytes of the line in which a span begins, without its line feed.
fn line(span: &Span) -> Range<usize> {
    let text = &span.source.text;
    let start = text[..span.range.start].rfind('\n').map_or(0, |at| at + 1);
    let end = text[span.range.start..].find('\n').map_or(text.len(), |at| span.range.start + at);
    start..end
}

/// Columns in front of notes and hints: numbers of lines, and what it is.
const MARGIN: usize = 14;

/// Breaks a text between words, where so many columns are taken in front of its lines.
fn wrap(text: &str, before: usize, columns: usize) -> String {
    broken(text, columns.saturating_sub(before).max(20)).join("\n")
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use snnc_targets::{Source, Subject};

    use super::*;

    fn source() -> Arc<Source> {
        Source::new(
            "models/net.ron",
            "(\n  layers: [\n    (name: \"a\u{1b}[31m\", op: If),\n    (name: \"é\", op: If),\n  ],\n)",
        )
    }

    fn at(source: &Arc<Source>, text: &str) -> Range<usize> {
        let start = source.text.find(text).unwrap();
        start..start + text.len()
    }

    #[test]
    fn the_line_is_drawn_with_its_marks() {
        let source = source();
        let problem = Diagnostic::new(
            Code::GraphInvalid,
            Place::from(Subject::layer("net", "é")).at(&source, at(&source, "\"é\"")),
            "two layers have this name",
        )
        .related(Place::bytes(&source, at(&source, "\"a")), "the first of that name")
        .hint("rename one of them and the `from` of its readers, of which there may be many in networks with skips");
        insta::assert_snapshot!(plain(&problem.into(), 80));
    }

    #[test]
    fn no_control_character_reaches_the_terminal() {
        let source = Source::new("m\u{1b}]0;x\u{7}.ron", "(\u{1b}[2J: \"\u{9b}31m\r\u{8}\")");
        let mut problems = Diagnostics::default();
        let place = Place::from(Subject::layer("\u{1b}[31mnet\n", "x")).at(&source, 1..source.text.len());
        problems.push(
            Diagnostic::new(Code::GraphInvalid, place.clone(), "found \u{1b}[5mred\u{7f}\r")
                .related(place, "here\u{1b}c")
                .related(Subject::Network("\u{9b}2J".into()), "there\u{0}")
                .hint("write \u{1b}[0m"),
        );
        problems.push(Diagnostic::new(
            Code::FileUnreadable,
            Place::file("/tmp/\u{1b}[2J\u{202e}x"),
            "no\u{1b}",
        ));
        let text = plain(&problems, 80);
        let wild: Vec<char> = text.chars().filter(|c| c.is_control() && *c != '\n').collect();
        assert!(wild.is_empty(), "{wild:?} in {text}");
        assert!(!text.contains('\u{202e}') && text.contains('\u{241b}'), "{text}");
        // The only control sequences are colours.
        let coloured = styled(&problems, 80);
        let stripped = anstream::adapter::strip_str(&coloured).to_string();
        assert_eq!(stripped, text);
    }

    #[test]
    fn fifty_are_drawn_and_the_others_counted() {
        let problem = |i: usize| {
            Diagnostic::new(Code::LayerShape, Subject::layer("net", format!("l{i}")), "does not fit")
        };
        let text = plain(&(0..73).map(problem).collect(), 80);
        assert_eq!(text.matches("error[E0007]").count(), 50);
        assert!(text.ends_with("... and 23 more\n\n`snnc explain E0007` says more\n"), "{text}");
        let mut counted: Diagnostics = (0..50).map(problem).collect();
        counted.leave_out();
        counted.leave_out();
        assert!(plain(&counted, 80).contains("\n... and 2 more\n"));
        counted.stop();
        assert!(plain(&counted, 80).contains("... and at least 2 more: not all was looked at"));
    }

    #[test]
    fn messages_notes_and_lists_of_codes_keep_to_the_width() {
        let words = "word ".repeat(40);
        let of = |code| {
            Diagnostic::new(code, Subject::layer("net", "x"), words.trim())
                .related(Subject::layer("net", "y"), words.trim())
                .hint(words.trim())
        };
        let codes = [
            Code::GraphInvalid,
            Code::LayerShape,
            Code::DoesNotFit,
            Code::Argument,
            Code::Unsupported,
            Code::RonSyntax,
            Code::FileUnreadable,
            Code::ModelInvalid,
            Code::MappingInvalid,
        ];
        let problems = Diagnostics::from_iter(codes.into_iter().map(of));
        let text = plain(&problems, 80);
        let wide: Vec<&str> = text.lines().filter(|line| line.chars().count() > 80).collect();
        assert!(wide.is_empty(), "{wide:#?}");
        let folded = text.split_whitespace().collect::<Vec<_>>().join(" ");
        assert_eq!(folded.matches(words.trim()).count(), 3 * codes.len(), "{text}");
        assert!(text.contains("says more; so for each of "), "{text}");
    }

    #[test]
    fn long_lines_and_hints_keep_to_the_width() {
        let long = format!("({}, x: \"{}\")", "a: 1, ".repeat(50), "y".repeat(300));
        let source = Source::new("m.ron", long);
        let start = source.text.find("x:").unwrap();
        let problem =
            Diagnostic::new(Code::RonSyntax, Place::bytes(&source, start..start + 1), "no field `x`")
                .hint("word ".repeat(60).trim());
        let text = plain(&problem.into(), 80);
        assert!(text.lines().all(|line| line.chars().count() <= 84), "{text}");
        assert!(text.contains("x: "), "{text}");
    }
}
