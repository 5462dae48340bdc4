//! RON text to a tree.
//!
//! Follows the grammar of the `ron` crate (comments, attributes, raw strings, numbers with suffixes). Bounded: texts
//! with more than [`MOST_NODES`] values or nested deeper than [`DEEPEST`] have no tree.

use std::ops::Range;

use super::{Field, RonKind, RonNode};

/// Deepest nesting, as in the `ron` crate.
const DEEPEST: usize = 128;
/// Most values of a text; about 100 bytes each.
const MOST_NODES: usize = 1 << 20;

/// The tree of a text; `None` if it is no RON.
pub fn parse(text: &str) -> Option<RonNode> {
    let mut parser = Parser { text, at: 0, nodes: 0 };
    parser.skip()?;
    while parser.eat("#!") {
        parser.at += parser.rest().find(']')? + 1;
        parser.skip()?;
    }
    let node = parser.value(0)?;
    parser.skip()?;
    parser.rest().is_empty().then_some(node)
}

struct Parser<'a> {
    text: &'a str,
    at: usize,
    nodes: usize,
}

impl<'a> Parser<'a> {
    fn rest(&self) -> &'a str {
        &self.text[self.at..]
    }

    fn peek(&self) -> Option<char> {
        self.rest().chars().next()
    }

    fn eat(&mut self, token: &str) -> bool {
        let found = self.rest().starts_with(token);
        self.at += if found { token.len() } else { 0 };
        found
    }

    /// Skips white space and comments; `None` for a comment without end.
    fn skip(&mut self) -> Option<()> {
        loop {
            let rest = self.rest();
            self.at += rest.len() - rest.trim_start().len();
            if self.rest().starts_with("//") {
                self.at += self.rest().find('\n').unwrap_or(self.rest().len());
            } else if self.rest().starts_with("/*") {
                self.block_comment()?;
            } else {
                return Some(());
            }
        }
    }

    /// Block comments nest.
    fn block_comment(&mut self) -> Option<()> {
        let mut depth = 0;
        loop {
            if self.eat("/*") {
                depth += 1;
            } else if self.eat("*/") {
                depth -= 1;
            } else {
                self.at += self.peek()?.len_utf8();
            }
            if depth == 0 {
                return Some(());
            }
        }
    }

    fn value(&mut self, depth: usize) -> Option<RonNode> {
        self.nodes += 1;
        if depth > DEEPEST || self.nodes > MOST_NODES {
            return None;
        }
        self.skip()?;
        let start = self.at;
        let kind = match self.peek()? {
            '(' => self.round(String::new(), depth)?,
            '[' => {
                self.at += 1;
                RonKind::List(self.until(']', |parser| parser.value(depth + 1))?)
            }
            '{' => {
                self.at += 1;
                RonKind::Map(self.until('}', |parser| parser.pair(depth))?)
            }
            '"' => RonKind::Text(self.quoted()?),
            '\'' => RonKind::Char(self.character()?),
            'r' if self.raw_string() => RonKind::Text(self.raw()?),
            'b' if self.rest().starts_with("b\"") => {
                self.at += 1;
                RonKind::Text(self.quoted()?)
            }
            c if c.is_ascii_digit() || matches!(c, '+' | '-' | '.') => RonKind::Number(self.number()?),
            _ => self.named(depth)?,
        };
        Some(RonNode { span: start..self.at, kind })
    }

    fn pair(&mut self, depth: usize) -> Option<(RonNode, RonNode)> {
        let key = self.value(depth + 1)?;
        self.skip()?;
        self.eat(":").then_some(())?;
        Some((key, self.value(depth + 1)?))
    }

    /// Elements with commas between them, and the bracket that ends them.
    fn until<T>(&mut self, end: char, element: impl Fn(&mut Self) -> Option<T>) -> Option<Vec<T>> {
        let mut all = Vec::new();
        loop {
            self.skip()?;
            if self.peek()? == end {
                self.at += 1;
                return Some(all);
            }
            all.push(element(self)?);
            self.skip()?;
            if !self.eat(",") && self.peek()? != end {
                return None;
            }
        }
    }

    fn named(&mut self, depth: usize) -> Option<RonKind> {
        let word = self.text[self.word()?].to_owned();
        let after = self.at;
        self.skip()?;
        if self.peek() == Some('(') {
            return self.round(word, depth);
        }
        self.at = after;
        Some(RonKind::Word(word))
    }

    /// What stands in round brackets: fields with names, or values without.
    fn round(&mut self, name: String, depth: usize) -> Option<RonKind> {
        self.eat("(").then_some(())?;
        let inside = self.at;
        self.skip()?;
        let named = self.word().is_some() && self.skip().is_some() && self.rest().starts_with(':');
        self.at = inside;
        if !named {
            return Some(RonKind::Tuple { name, items: self.until(')', |parser| parser.value(depth + 1))? });
        }
        let fields = self.until(')', |parser| {
            let span = parser.word()?;
            parser.skip()?;
            parser.eat(":").then_some(())?;
            let name = parser.text[span.clone()].to_owned();
            Some(Field { name, span, value: parser.value(depth + 1)? })
        })?;
        Some(RonKind::Struct { name, fields })
    }

    /// Bytes of an identifier; `r#` before it is skipped.
    fn word(&mut self) -> Option<Range<usize>> {
        self.eat("r#");
        let rest = self.rest();
        let end = rest.find(|c: char| !(c.is_alphanumeric() || c == '_')).unwrap_or(rest.len());
        let starts = rest.starts_with(|c: char| c.is_alphabetic() || c == '_');
        let span = self.at..self.at + end;
        self.at = span.end;
        starts.then_some(span)
    }

    fn number(&mut self) -> Option<String> {
        let rest = self.rest();
        let mut previous = ' ';
        let end = rest
            .find(|c: char| {
                let sign = matches!(c, '+' | '-') && (previous == ' ' || matches!(previous, 'e' | 'E'));
                previous = c;
                !(c.is_ascii_alphanumeric() || matches!(c, '.' | '_') || sign)
            })
            .unwrap_or(rest.len());
        self.at += end;
        (end > 0).then(|| rest[..end].to_owned())
    }

    fn quoted(&mut self) -> Option<String> {
        self.eat("\"").then_some(())?;
        let mut text = String::new();
        loop {
            match self.next_char()? {
                '"' => return Some(text),
                '\\' => text.extend(self.escaped()?),
                c => text.push(c),
            }
        }
    }

    fn next_char(&mut self) -> Option<char> {
        let c = self.peek()?;
        self.at += c.len_utf8();
        Some(c)
    }

    /// What follows a backslash; a line break and the white space behind it stand for nothing.
    fn escaped(&mut self) -> Option<Option<char>> {
        Some(Some(match self.next_char()? {
            'n' => '\n',
            'r' => '\r',
            't' => '\t',
            '0' => '\0',
            'x' => self.hexadecimal(2)?,
            'u' => {
                self.eat("{").then_some(())?;
                let digits = self.rest().find('}')?;
                let c = self.hexadecimal(digits)?;
                self.at += 1;
                c
            }
            '\n' => {
                let rest = self.rest();
                self.at += rest.len() - rest.trim_start().len();
                return Some(None);
            }
            c => c,
        }))
    }

    fn hexadecimal(&mut self, digits: usize) -> Option<char> {
        let code = u32::from_str_radix(self.rest().get(..digits)?, 16).ok()?;
        self.at += digits;
        char::from_u32(code)
    }

    fn character(&mut self) -> Option<char> {
        self.at += 1;
        let c = match self.next_char()? {
            '\\' => self.escaped()??,
            c => c,
        };
        self.eat("'").then_some(c)
    }

    /// Whether `r"`, `r#"` and so on begin here.
    fn raw_string(&self) -> bool {
        self.rest()[1..].trim_start_matches('#').starts_with('"')
    }

    fn raw(&mut self) -> Option<String> {
        self.at += 1;
        let hashes = self.rest().len() - self.rest().trim_start_matches('#').len();
        self.at += hashes + 1;
        let end = format!("\"{}", "#".repeat(hashes));
        let length = self.rest().find(&end)?;
        let text = self.rest()[..length].to_owned();
        self.at += length + end.len();
        Some(text)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_know_their_bytes() {
        let text = concat!(
            "#![enable(implicit_some)]\n// a\n(a: [1, -2.5e-3], ",
            "b: {\"k\": Op(x: (1, 2)), /* c /* d */ */ \"k\": None}, r#c: r#\"x\"y\"#)",
        );
        let tree = parse(text).unwrap();
        let shown = |path: &str| tree.path(path).map(|node| &text[node.span.clone()]);
        assert_eq!(shown("a[1]"), Some("-2.5e-3"));
        assert_eq!(shown("b.k"), Some("None"), "the last of a key");
        assert_eq!(shown("c"), Some("r#\"x\"y\"#"));
        assert_eq!(tree.path("c").unwrap().text(), Some("x\"y"));
        assert_eq!(shown("a[2]"), None);
        let first = &tree.path("b").unwrap().kind;
        let RonKind::Map(entries) = first else { panic!("a map") };
        assert_eq!(&text[entries[0].1.head()], "Op");
        assert_eq!(shown(""), Some(&text[text.find("(a").unwrap()..]));
    }

    #[test]
    fn strings_are_unescaped() {
        let tree = parse(r#"("a\n\x41\u{1F600}\"", 'x', '\'')"#).unwrap();
        assert_eq!(tree.items()[0].text(), Some("a\nA\u{1F600}\""));
        assert_eq!(tree.items()[2].kind, RonKind::Char('\''));
    }

    #[test]
    fn what_is_no_ron_has_no_tree() {
        for text in ["", "(", "(a: 1", "[1 2]", "\"x", "/*", "(1))", "{1}", "(a: )", "é(", "'", "r#\"x\""] {
            assert_eq!(parse(text), None, "{text}");
        }
        assert_eq!(parse(&"(".repeat(100_000)), None);
    }
}
