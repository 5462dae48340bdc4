//! One target's text laid over another's, field by field; ranges are joined by constant.

use std::ops::Range;

use crate::composed::ComposedText;
use crate::ron_tree::{self, Field, RonKind, RonNode};

/// Words that say where a value comes from.
const PROVENANCES: [&str; 4] = ["Measured", "Published", "Derived", "Assumed"];

/// `over` laid over `base`. Where `said` tells the source, values need none of their own.
pub(super) fn laid_over(base: &ComposedText, over: &ComposedText, said: Option<&str>) -> ComposedText {
    let (Some(below), Some(above)) = (ron_tree::parse(base.text()), ron_tree::parse(over.text())) else {
        // What does not parse is refused by the reader, at its place.
        return over.clone();
    };
    let mut laying = Laying { over, said, edits: Vec::new() };
    laying.node(&below, &above, true);
    for group in ["energy", "timing", "network"] {
        laying.ranges(base, group, &below, &above);
    }
    base.edited(laying.edits)
}

/// Edits of a base, in the making.
struct Laying<'a> {
    over: &'a ComposedText,
    said: Option<&'a str>,
    edits: Vec<(Range<usize>, ComposedText)>,
}

impl Laying<'_> {
    fn node(&mut self, below: &RonNode, above: &RonNode, outermost: bool) {
        let (inner, above_inner) = (inside_some(below), inside_some(above));
        if let (RonKind::Struct { fields: own, .. }, RonKind::Struct { fields, .. }) =
            (&inner.kind, &above_inner.kind)
            && inner.name() == above_inner.name()
        {
            for field in fields.iter().filter(|field| !(outermost && field.name == "base")) {
                match own.iter().find(|own| own.name == field.name) {
                    Some(found) if found.name == "ranges" => {}
                    Some(found) => self.node(&found.value, &field.value, false),
                    None => self.add(&own[0], field),
                }
            }
            return;
        }
        let value = self.valued(below, above);
        self.edits.push((below.span.clone(), value));
    }

    /// A field that the base has left out stands before the group's first field.
    fn add(&mut self, first: &Field, field: &Field) {
        let at = first.span.start;
        let Some(span) = self.over.span(&field.span) else { return };
        let text = self.over.slice(field.span.clone());
        let text = text.then(&ComposedText::standing_for(": ", &span)).then(&self.unsaid(&field.value));
        self.edits.push((at..at, text.then(&ComposedText::standing_for(", ", &span))));
    }

    /// The value of a field that the base does not say. All of these are optional; those that are no group have a
    /// source, which is added on a command line, as is `Some`.
    fn unsaid(&self, above: &RonNode) -> ComposedText {
        let value = self.over.slice(above.span.clone());
        let (Some(said), Some(span)) = (self.said, self.over.span(&above.span)) else { return value };
        let whole = match &above.kind {
            RonKind::Number(_) => false,
            RonKind::Word(word) => word == "None",
            RonKind::Tuple { name, .. } => name == "Some",
            _ => true,
        };
        if whole {
            return value;
        }
        let glue = |text: &str| ComposedText::standing_for(text, &span);
        if sourced(above) {
            return glue("Some(").then(&value).then(&glue(")"));
        }
        glue("Some((").then(&value).then(&glue(&format!(", Assumed({said:?})))")))
    }

    /// The value that takes the place of `below`, with a source where one is needed and none is written.
    fn valued(&self, below: &RonNode, above: &RonNode) -> ComposedText {
        if below.name() == "None" {
            return self.unsaid(above);
        }
        let value = self.over.slice(above.span.clone());
        let (Some(said), Some(span)) = (self.said, self.over.span(&above.span)) else { return value };
        let optional =
            matches!(&below.kind, RonKind::Tuple { name, items } if name == "Some" && items.len() == 1);
        if !sourced(inside_some(below)) || sourced(inside_some(above)) || above.name() == "None" {
            return value;
        }
        let glue = |text: &str| ComposedText::standing_for(text, &span);
        let (open, close) = if optional { ("Some((", "))") } else { ("(", ")") };
        let end = format!(", Assumed({:?}){close}", said);
        glue(open).then(&self.over.slice(inside_some(above).span.clone())).then(&glue(&end))
    }

    /// The ranges of a group's constants, joined by constant.
    fn ranges(&mut self, base: &ComposedText, group: &str, below: &RonNode, above: &RonNode) {
        let Some(said) = above.field(group).map(inside_some) else { return };
        let RonKind::Struct { fields, .. } = &said.kind else { return };
        let given = said.field("ranges");
        let path = format!("{group}.ranges");
        let Some(RonNode { kind: RonKind::List(own), span }) = below.path(&path) else { return };
        let constant = |range: &RonNode| range.field("constant").and_then(RonNode::text).map(str::to_owned);
        let mut set: Vec<String> =
            fields.iter().flat_map(|field| ranged_constants(&field.name, &field.value)).collect();
        if let Some(given) = given {
            let RonKind::List(ranges) = &given.kind else {
                self.edits.push((span.clone(), self.over.slice(given.span.clone())));
                return;
            };
            set.extend(ranges.iter().filter_map(constant));
            for range in ranges {
                let Some(from) = self.over.span(&range.span) else { continue };
                let text = self.over.slice(range.span.clone()).then(&ComposedText::standing_for(", ", &from));
                self.edits.push((span.start + 1..span.start + 1, text));
            }
        }
        for (i, range) in own.iter().enumerate() {
            if constant(range).is_some_and(|constant| set.contains(&constant)) {
                // With the comma behind it.
                let end = own.get(i + 1).map_or(span.end - 1, |next| next.span.start);
                self.edits.push((range.span.start..end, base.slice(0..0)));
            }
        }
    }
}

/// The names under which a field of a group may have ranges: of a unit its interval and its latency, where it says
/// them.
fn ranged_constants(name: &str, value: &RonNode) -> Vec<String> {
    let latency = format!("{name}.latency_ns");
    match &inside_some(value).kind {
        RonKind::Struct { fields, .. } => {
            let said = |latency: bool| fields.iter().any(|field| (field.name == "latency_ns") == latency);
            let interval = said(false).then(|| name.to_owned());
            interval.into_iter().chain(said(true).then_some(latency)).collect()
        }
        _ => vec![name.to_owned(), latency],
    }
}

/// The value in `Some(...)`, or the value.
pub(super) fn inside_some(node: &RonNode) -> &RonNode {
    match &node.kind {
        RonKind::Tuple { name, items } if name == "Some" && items.len() == 1 => &items[0],
        _ => node,
    }
}

/// Whether it is a value with its source.
pub(super) fn sourced(node: &RonNode) -> bool {
    matches!(&node.kind, RonKind::Tuple { name, items }
        if name.is_empty() && items.len() == 2 && PROVENANCES.contains(&items[1].name()))
}
