//! From a tree to a type, with what does not fit and where.
//!
//! A `serde` deserializer whose errors keep their parts (what was found, what was expected, which names there are), so
//! that whoever knows the file's subject can put them into its words.

use std::fmt;
use std::ops::Range;

use serde::Deserialize;
use serde::de::value::StrDeserializer;
use serde::de::{self, Deserializer, IntoDeserializer, Unexpected, Visitor};

use super::{Field, RonKind, RonNode};

/// What does not fit.
#[derive(Debug, Clone, PartialEq)]
pub struct ReadingFault {
    /// Its bytes.
    pub span: Range<usize>,
    /// Names of the fields that lead there, outermost first.
    pub path: Vec<String>,
    /// What is wrong.
    pub problem: Problem,
}

/// What is wrong with a value.
#[derive(Debug, Clone, PartialEq)]
pub enum Problem {
    /// Another kind of value, or out of the type's range.
    Type {
        /// In words.
        found: String,
        /// In serde's words.
        expected: String,
    },
    /// A field that the struct does not have.
    UnknownField {
        /// As written.
        found: String,
        /// Those that there are.
        known: &'static [&'static str],
    },
    /// A variant that the enumeration does not have.
    UnknownVariant {
        /// As written.
        found: String,
        /// Those that there are.
        known: &'static [&'static str],
    },
    /// A field that is needed.
    Missing(&'static str),
    /// A field that stands there twice.
    Twice(&'static str),
    /// Anything else, in words.
    Other(String),
}

/// Reads a value.
///
/// # Errors
/// The first thing that does not fit.
pub fn read<'a, T: Deserialize<'a>>(node: &'a RonNode) -> Result<T, ReadingFault> {
    T::deserialize(NodeReader(node)).map_err(|error| ReadingFault {
        span: error.span.unwrap_or_else(|| node.span.clone()),
        path: error.path.into_iter().rev().collect(),
        problem: error.problem,
    })
}

/// An error on its way out: the span is filled in by the innermost value, the path by each struct.
#[derive(Debug)]
struct Error {
    span: Option<Range<usize>>,
    path: Vec<String>,
    problem: Problem,
}

impl Error {
    fn new(problem: Problem) -> Self {
        Self { span: None, path: Vec::new(), problem }
    }

    fn found(node: &RonNode, expected: &str) -> Self {
        let problem = Problem::Type { found: node.describe(), expected: expected.to_owned() };
        Self { span: Some(node.span.clone()), ..Self::new(problem) }
    }

    fn at(mut self, span: &Range<usize>) -> Self {
        self.span.get_or_insert_with(|| span.clone());
        self
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?}", self.problem)
    }
}

impl std::error::Error for Error {}

impl de::Error for Error {
    fn custom<T: fmt::Display>(message: T) -> Self {
        Self::new(Problem::Other(message.to_string()))
    }

    fn invalid_type(found: Unexpected<'_>, expected: &dyn de::Expected) -> Self {
        Self::new(Problem::Type { found: found.to_string(), expected: expected.to_string() })
    }

    fn invalid_value(found: Unexpected<'_>, expected: &dyn de::Expected) -> Self {
        Self::invalid_type(found, expected)
    }

    fn invalid_length(length: usize, expected: &dyn de::Expected) -> Self {
        Self::new(Problem::Type { found: format!("{length} values"), expected: expected.to_string() })
    }

    fn unknown_variant(found: &str, known: &'static [&'static str]) -> Self {
        Self::new(Problem::UnknownVariant { found: found.to_owned(), known })
    }

    fn unknown_field(found: &str, known: &'static [&'static str]) -> Self {
        Self::new(Problem::UnknownField { found: found.to_owned(), known })
    }

    fn missing_field(field: &'static str) -> Self {
        Self::new(Problem::Missing(field))
    }

    fn duplicate_field(field: &'static str) -> Self {
        Self::new(Problem::Twice(field))
    }
}

/// A value that is being read.
#[derive(Clone, Copy)]
struct NodeReader<'de>(&'de RonNode);

impl<'de> IntoDeserializer<'de, Error> for NodeReader<'de> {
    type Deserializer = Self;

    fn into_deserializer(self) -> Self {
        self
    }
}

impl<'de> Deserializer<'de> for NodeReader<'de> {
    type Error = Error;

    fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        match &self.0.kind {
            RonKind::Struct { fields, .. } => visitor.visit_map(StructFields::new(fields)),
            RonKind::Tuple { items, .. } if items.is_empty() => visitor.visit_unit(),
            RonKind::Tuple { items, .. } | RonKind::List(items) => visit_items(items, visitor, self.0),
            RonKind::Map(entries) => visitor.visit_map(Entries { entries: entries.iter(), value: None }),
            RonKind::Text(text) => visitor.visit_str(text),
            RonKind::Char(c) => visitor.visit_char(*c),
            RonKind::Number(text) => number(self.0, text, visitor),
            RonKind::Word(word) => match word.as_str() {
                "true" => visitor.visit_bool(true),
                "false" => visitor.visit_bool(false),
                "inf" => visitor.visit_f64(f64::INFINITY),
                "NaN" => visitor.visit_f64(f64::NAN),
                _ => Err(Error::found(self.0, &expectation(&visitor))),
            },
        }
        .map_err(|error| error.at(&self.0.span))
    }

    fn deserialize_option<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        match &self.0.kind {
            RonKind::Word(word) if word == "None" => visitor.visit_none(),
            RonKind::Tuple { name, items } if name == "Some" && items.len() == 1 => {
                visitor.visit_some(Self(&items[0]))
            }
            _ => Err(Error::found(self.0, "option")),
        }
    }

    fn deserialize_unit<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        self.deserialize_any(visitor)
    }

    fn deserialize_unit_struct<V: Visitor<'de>>(self, name: &str, visitor: V) -> Result<V::Value, Error> {
        if self.0.name() == name { visitor.visit_unit() } else { self.deserialize_any(visitor) }
    }

    fn deserialize_newtype_struct<V: Visitor<'de>>(self, _: &str, visitor: V) -> Result<V::Value, Error> {
        match &self.0.kind {
            RonKind::Tuple { items, .. } if items.len() == 1 => visitor.visit_newtype_struct(Self(&items[0])),
            _ => Err(Error::found(self.0, &expectation(&visitor))),
        }
    }

    fn deserialize_seq<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        match &self.0.kind {
            RonKind::List(items) => visit_items(items, visitor, self.0),
            _ => Err(Error::found(self.0, "a list in [ ]")),
        }
    }

    fn deserialize_tuple<V: Visitor<'de>>(self, length: usize, visitor: V) -> Result<V::Value, Error> {
        match &self.0.kind {
            RonKind::Tuple { name, items } if name.is_empty() && items.len() == length => {
                visit_items(items, visitor, self.0)
            }
            _ => Err(Error::found(self.0, &expectation(&visitor))),
        }
    }

    fn deserialize_tuple_struct<V: Visitor<'de>>(
        self,
        name: &'static str,
        length: usize,
        visitor: V,
    ) -> Result<V::Value, Error> {
        match &self.0.kind {
            RonKind::Tuple { name: found, items }
                if [name, ""].contains(&found.as_str()) && items.len() == length =>
            {
                visit_items(items, visitor, self.0)
            }
            _ => Err(Error::found(self.0, &expectation(&visitor))),
        }
    }

    fn deserialize_map<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        match &self.0.kind {
            RonKind::Map(entries) => visitor.visit_map(Entries { entries: entries.iter(), value: None }),
            _ => Err(Error::found(self.0, "a map in { }")),
        }
    }

    fn deserialize_struct<V: Visitor<'de>>(
        self,
        name: &'static str,
        _: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Error> {
        match &self.0.kind {
            RonKind::Struct { name: found, fields } if [name, ""].contains(&found.as_str()) => {
                visitor.visit_map(StructFields::new(fields)).map_err(|error| error.at(&self.0.head()))
            }
            RonKind::Tuple { name: found, items }
                if [name, ""].contains(&found.as_str()) && items.is_empty() =>
            {
                visitor.visit_map(StructFields::new(&[])).map_err(|error| error.at(&self.0.span))
            }
            _ => Err(Error::found(self.0, &expectation(&visitor))),
        }
    }

    fn deserialize_enum<V: Visitor<'de>>(
        self,
        _: &'static str,
        known: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Error> {
        if self.0.name().is_empty() {
            let expected =
                format!("one of {}", known.iter().map(|k| format!("`{k}`")).collect::<Vec<_>>().join(", "));
            return Err(Error::found(self.0, &expected));
        }
        visitor.visit_enum(Variant(self.0)).map_err(|error| error.at(&self.0.head()))
    }

    serde::forward_to_deserialize_any! {
        bool i8 i16 i32 i64 i128 u8 u16 u32 u64 u128 f32 f64 char str string bytes byte_buf identifier ignored_any
    }
}

/// What the visitor says that it expects.
fn expectation<'de, V: Visitor<'de>>(visitor: &V) -> String {
    DisplayFn(|f: &mut fmt::Formatter<'_>| visitor.expecting(f)).to_string()
}

/// Shows what a closure writes.
struct DisplayFn<F>(F);

impl<F: Fn(&mut fmt::Formatter<'_>) -> fmt::Result> fmt::Display for DisplayFn<F> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        (self.0)(f)
    }
}

fn visit_items<'de, V: Visitor<'de>>(
    items: &'de [RonNode],
    visitor: V,
    whole: &RonNode,
) -> Result<V::Value, Error> {
    let mut access = de::value::SeqDeserializer::new(items.iter().map(NodeReader));
    visitor.visit_seq(&mut access).map_err(|error: Error| error.at(&whole.span))
}

fn number<'de, V: Visitor<'de>>(node: &RonNode, text: &str, visitor: V) -> Result<V::Value, Error> {
    let plain = text.replace('_', "");
    let digits = plain.strip_prefix('+').unwrap_or(&plain);
    for (prefix, radix) in [("0x", 16), ("0b", 2), ("0o", 8)] {
        if let Some(Ok(value)) = digits.strip_prefix(prefix).map(|d| u64::from_str_radix(d, radix)) {
            return visitor.visit_u64(value);
        }
    }
    if let Ok(value) = digits.parse::<u64>() {
        return visitor.visit_u64(value);
    }
    if let Ok(value) = digits.parse::<i64>() {
        return visitor.visit_i64(value);
    }
    match digits.parse::<f64>() {
        Ok(value) => visitor.visit_f64(value),
        Err(_) => Err(Error::found(node, &expectation(&visitor))),
    }
}

/// Fields of a struct, one after the other.
struct StructFields<'de> {
    fields: std::slice::Iter<'de, Field>,
    current: Option<&'de Field>,
}

impl<'de> StructFields<'de> {
    fn new(fields: &'de [Field]) -> Self {
        Self { fields: fields.iter(), current: None }
    }
}

impl<'de> de::MapAccess<'de> for StructFields<'de> {
    type Error = Error;

    fn next_key_seed<K: de::DeserializeSeed<'de>>(&mut self, seed: K) -> Result<Option<K::Value>, Error> {
        self.current = self.fields.next();
        let Some(field) = self.current else { return Ok(None) };
        let name: StrDeserializer<'_, Error> = field.name.as_str().into_deserializer();
        seed.deserialize(name).map(Some).map_err(|error| error.at(&field.span))
    }

    fn next_value_seed<V: de::DeserializeSeed<'de>>(&mut self, seed: V) -> Result<V::Value, Error> {
        let field = self
            .current
            .take()
            .ok_or_else(|| Error::new(Problem::Other("a value without its name".into())))?;
        seed.deserialize(NodeReader(&field.value)).map_err(|mut error| {
            error.path.push(field.name.clone());
            error.at(&field.value.span)
        })
    }
}

/// Entries of a map, one after the other.
struct Entries<'de> {
    entries: std::slice::Iter<'de, (RonNode, RonNode)>,
    value: Option<&'de RonNode>,
}

impl<'de> de::MapAccess<'de> for Entries<'de> {
    type Error = Error;

    fn next_key_seed<K: de::DeserializeSeed<'de>>(&mut self, seed: K) -> Result<Option<K::Value>, Error> {
        let Some((key, value)) = self.entries.next() else { return Ok(None) };
        self.value = Some(value);
        seed.deserialize(NodeReader(key)).map(Some)
    }

    fn next_value_seed<V: de::DeserializeSeed<'de>>(&mut self, seed: V) -> Result<V::Value, Error> {
        let value =
            self.value.take().ok_or_else(|| Error::new(Problem::Other("a value without its key".into())))?;
        seed.deserialize(NodeReader(value))
    }
}

/// A variant with what it holds.
struct Variant<'de>(&'de RonNode);

impl<'de> de::EnumAccess<'de> for Variant<'de> {
    type Error = Error;
    type Variant = Self;

    fn variant_seed<V: de::DeserializeSeed<'de>>(self, seed: V) -> Result<(V::Value, Self), Error> {
        let name: StrDeserializer<'_, Error> = self.0.name().into_deserializer();
        Ok((seed.deserialize(name).map_err(|error| error.at(&self.0.head()))?, self))
    }
}

impl<'de> de::VariantAccess<'de> for Variant<'de> {
    type Error = Error;

    fn unit_variant(self) -> Result<(), Error> {
        match &self.0.kind {
            RonKind::Word(_) => Ok(()),
            _ => Err(Error::found(self.0, &format!("`{}` alone, without brackets", self.0.name()))),
        }
    }

    fn newtype_variant_seed<T: de::DeserializeSeed<'de>>(self, seed: T) -> Result<T::Value, Error> {
        match &self.0.kind {
            RonKind::Tuple { items, .. } if items.len() == 1 => seed.deserialize(NodeReader(&items[0])),
            _ => Err(Error::found(self.0, &format!("`{}(...)` with one value", self.0.name()))),
        }
    }

    fn tuple_variant<V: Visitor<'de>>(self, length: usize, visitor: V) -> Result<V::Value, Error> {
        match &self.0.kind {
            RonKind::Tuple { items, .. } if items.len() == length => visit_items(items, visitor, self.0),
            _ => Err(Error::found(self.0, &expectation(&visitor))),
        }
    }

    fn struct_variant<V: Visitor<'de>>(
        self,
        _: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Error> {
        match &self.0.kind {
            RonKind::Struct { fields, .. } => visitor.visit_map(StructFields::new(fields)),
            RonKind::Tuple { items, .. } if items.is_empty() => visitor.visit_map(StructFields::new(&[])),
            // A variant without its fields lacks the first that it needs, which says more than its kind.
            RonKind::Word(_) => visitor.visit_map(StructFields::new(&[])),
            _ => Err(Error::found(self.0, &format!("`{}(field: value, ...)`", self.0.name()))),
        }
        .map_err(|error| error.at(&self.0.head()))
    }
}
