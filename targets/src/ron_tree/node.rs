//! A value of a RON text with its place.

use std::ops::Range;

/// A value.
#[derive(Debug, Clone, PartialEq)]
pub struct RonNode {
    /// Its bytes.
    pub span: Range<usize>,
    /// What it is.
    pub kind: RonKind,
}

/// A named value of a struct.
#[derive(Debug, Clone, PartialEq)]
pub struct Field {
    /// The name.
    pub name: String,
    /// Bytes of the name.
    pub span: Range<usize>,
    /// The value.
    pub value: RonNode,
}

/// What a value is.
#[derive(Debug, Clone, PartialEq)]
pub enum RonKind {
    /// `(a: 1)` or `Name(a: 1)`.
    Struct {
        /// Empty if it has none.
        name: String,
        /// In the order of the text.
        fields: Vec<Field>,
    },
    /// `(1, 2)`, `Name(1, 2)` or `()`.
    Tuple {
        /// Empty if it has none.
        name: String,
        /// In order.
        items: Vec<RonNode>,
    },
    /// `[1, 2]`.
    List(Vec<RonNode>),
    /// `{"a": 1}`.
    Map(Vec<(RonNode, RonNode)>),
    /// A string, unescaped.
    Text(String),
    /// A character.
    Char(char),
    /// A number as written.
    Number(String),
    /// A bare word: `true`, `None`, a variant without content.
    Word(String),
}

impl RonNode {
    /// The value of a struct's field; looks through `Some(...)`.
    pub fn field(&self, name: &str) -> Option<&Self> {
        match &self.kind {
            RonKind::Struct { fields, .. } => fields.iter().find(|f| f.name == name).map(|f| &f.value),
            RonKind::Tuple { name: some, items } if some == "Some" => items.first()?.field(name),
            _ => None,
        }
    }

    /// The value of a map's key; of several the last, which is the one that readers keep.
    pub fn entry(&self, key: &str) -> Option<&Self> {
        let RonKind::Map(entries) = &self.kind else { return None };
        entries.iter().rev().find(|(k, _)| k.text() == Some(key)).map(|(_, value)| value)
    }

    /// The key of a map's entry.
    pub fn key(&self, key: &str) -> Option<&Self> {
        let RonKind::Map(entries) = &self.kind else { return None };
        entries.iter().rev().map(|(k, _)| k).find(|k| k.text() == Some(key))
    }

    /// Elements of a list or tuple, none of anything else.
    pub fn items(&self) -> &[Self] {
        match &self.kind {
            RonKind::List(items) | RonKind::Tuple { items, .. } => items,
            _ => &[],
        }
    }

    /// What a path of field names leads to: `core.neurons`; names of map entries and `[i]` count too.
    pub fn path(&self, path: &str) -> Option<&Self> {
        path.split('.').filter(|step| !step.is_empty()).try_fold(self, |node, step| {
            let (name, index) = match step.split_once('[') {
                Some((name, index)) => (name, index.strip_suffix(']').and_then(|i| i.parse::<usize>().ok())),
                None => (step, None),
            };
            let node =
                if name.is_empty() { Some(node) } else { node.field(name).or_else(|| node.entry(name)) };
            match index {
                Some(index) => node?.items().get(index),
                None => node,
            }
        })
    }

    /// The string, if it is one.
    pub fn text(&self) -> Option<&str> {
        match &self.kind {
            RonKind::Text(text) => Some(text),
            _ => None,
        }
    }

    /// Name of a struct, tuple or word.
    pub fn name(&self) -> &str {
        match &self.kind {
            RonKind::Struct { name, .. } | RonKind::Tuple { name, .. } | RonKind::Word(name) => name,
            _ => "",
        }
    }

    /// Bytes of its name, or all of it if it has none.
    pub fn head(&self) -> Range<usize> {
        match self.name().len() {
            0 => self.span.clone(),
            length => self.span.start..self.span.start + length,
        }
    }

    /// What it is, in words.
    pub fn describe(&self) -> String {
        match &self.kind {
            RonKind::Struct { name, .. } if !name.is_empty() => format!("`{name}(...)`"),
            RonKind::Struct { .. } => "a group of fields".into(),
            RonKind::Tuple { name, items } if !name.is_empty() => {
                format!("`{name}` with {} values", items.len())
            }
            RonKind::Tuple { items, .. } if items.is_empty() => "`()`".into(),
            RonKind::Tuple { items, .. } => format!("a tuple of {}", items.len()),
            RonKind::List(_) => "a list".into(),
            RonKind::Map(_) => "a map".into(),
            RonKind::Text(text) => format!("the text {:?}", text.chars().take(60).collect::<String>()),
            RonKind::Char(c) => format!("the character {c:?}"),
            RonKind::Number(text) => format!("the number {}", text.chars().take(40).collect::<String>()),
            RonKind::Word(word) => format!("`{}`", word.chars().take(60).collect::<String>()),
        }
    }
}
