//! Where a fault is: what it is about, and where that stands in a file.

mod source;
mod subject;

use std::fmt;
use std::ops::Range;
use std::path::{Path, PathBuf};
use std::sync::Arc;

pub use source::{Source, Span};
pub use subject::{CorePart, MapAxis, NamedPart, Subject};

use crate::ids::CoreId;

/// Where something stands in a file, as exactly as that is known.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Location {
    /// Somewhere in it.
    File(PathBuf),
    /// On a line of a file whose text was not kept.
    Line {
        /// The file.
        file: PathBuf,
        /// From 1.
        line: usize,
        /// From 1.
        column: Option<usize>,
    },
    /// At bytes of a text.
    Bytes(Span),
}

/// Where a fault is. Printed as `file:line:column: subject`, or as the part that is known.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Place {
    // Both are boxed since errors are returned by value.
    subject: Box<Subject>,
    location: Option<Box<Location>>,
}

impl Place {
    /// A file as a whole.
    pub fn file(path: impl Into<PathBuf>) -> Self {
        Self::from(Subject::File).located(Location::File(path.into()))
    }

    /// A line of a file, from 1, and its column, from 1 too, if that is known.
    pub fn line(path: impl Into<PathBuf>, line: usize, column: Option<usize>) -> Self {
        Self::from(Subject::File).located(Location::Line { file: path.into(), line, column })
    }

    /// Bytes of a text that no narrower name is known for.
    pub fn bytes(source: &Arc<Source>, range: Range<usize>) -> Self {
        Self::from(Subject::File).at(source, range)
    }

    /// The place, known to stand at these bytes. One that stands in another file keeps that, behind this one: a weight
    /// file that cannot be read, at the line of the model file that names it.
    #[must_use]
    pub fn at(self, source: &Arc<Source>, range: Range<usize>) -> Self {
        let inner = self.behind(Path::new(&source.name));
        inner.located(Location::Bytes(Span { source: Arc::clone(source), range }))
    }

    /// The place, known to stand somewhere in this file. One that stands in another file keeps that, behind this one.
    #[must_use]
    pub fn within(self, path: impl Into<PathBuf>) -> Self {
        let path = path.into();
        self.behind(&path).located(Location::File(path))
    }

    /// The place with another subject.
    #[must_use]
    pub fn about(self, subject: Subject) -> Self {
        Self { subject: Box::new(subject), ..self }
    }

    /// A place of another file becomes what a place in `file` is about.
    fn behind(self, file: &Path) -> Self {
        match self.path() {
            Some(path) if path != file => Subject::Elsewhere(self).into(),
            _ => self,
        }
    }

    fn located(self, location: Location) -> Self {
        Self { location: Some(Box::new(location)), ..self }
    }

    /// What it is about.
    pub fn subject(&self) -> &Subject {
        &self.subject
    }

    /// Where it stands, if it stands in a file.
    pub fn location(&self) -> Option<&Location> {
        self.location.as_deref()
    }

    /// The bytes of a text where it stands, if they are known.
    pub fn span(&self) -> Option<&Span> {
        match self.location() {
            Some(Location::Bytes(span)) => Some(span),
            _ => None,
        }
    }

    /// The file that it stands in.
    pub fn path(&self) -> Option<&Path> {
        Some(match self.location()? {
            Location::File(file) | Location::Line { file, .. } => file,
            Location::Bytes(span) => Path::new(&span.source.name),
        })
    }

    /// `file:line:column`, if the bytes are known.
    pub fn position(&self) -> Option<String> {
        self.span()?;
        self.location().map(Location::to_string)
    }

    /// What is printed where the line is shown beside it: the subject. Where no bytes are known, the whole place.
    pub fn label(&self) -> String {
        if self.span().is_some() { self.subject.to_string() } else { self.to_string() }
    }
}

impl fmt::Display for Location {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::File(file) => write!(f, "{}", file.display()),
            Self::Line { file, line, column: None } => write!(f, "{}:{line}", file.display()),
            Self::Line { file, line, column: Some(column) } => {
                write!(f, "{}:{line}:{column}", file.display())
            }
            Self::Bytes(span) => {
                let (line, column) = span.source.line_column(span.range.start);
                write!(f, "{}:{line}:{column}", span.source.name)
            }
        }
    }
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (self.location(), self.subject()) {
            (None, subject) => subject.fmt(f),
            (Some(location), Subject::File) => location.fmt(f),
            (Some(location), subject) => write!(f, "{location}: {subject}"),
        }
    }
}

impl From<Subject> for Place {
    fn from(subject: Subject) -> Self {
        Self { subject: Box::new(subject), location: None }
    }
}

impl From<NamedPart> for Place {
    fn from(part: NamedPart) -> Self {
        Subject::Part(part).into()
    }
}

impl From<CoreId> for Place {
    fn from(core: CoreId) -> Self {
        Subject::from(core).into()
    }
}

impl From<&Path> for Place {
    fn from(path: &Path) -> Self {
        Self::file(path)
    }
}

impl From<&PathBuf> for Place {
    fn from(path: &PathBuf) -> Self {
        Self::file(path)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn places_say_what_is_known() {
        let source = Source::new("m.ron", "a\nbc");
        let layer = Place::from(Subject::layer("net", "c"));
        assert_eq!(layer.to_string(), "layer net.c");
        assert_eq!(layer.clone().at(&source, 3..4).to_string(), "m.ron:2:2: layer net.c");
        assert_eq!(layer.clone().at(&source, 3..4).label(), "layer net.c");
        assert_eq!(layer.within("p.ron").label(), "p.ron: layer net.c");
        assert_eq!(Place::bytes(&source, 0..1).to_string(), "m.ron:1:1");
        assert_eq!(Place::line("f.txt", 3, None).to_string(), "f.txt:3");
        assert_eq!(Place::from(Subject::value("--images", 0)).to_string(), "--images 0");
        let located = Place::from(Subject::layer("net", "c")).at(&source, 3..4);
        assert_eq!(located.within("p.ron").to_string(), "p.ron: m.ron:2:2: layer net.c");
        let weights = Place::file("w.safetensors").at(&source, 3..4);
        assert_eq!(
            (weights.to_string(), weights.label()),
            ("m.ron:2:2: w.safetensors".into(), "w.safetensors".into())
        );
        let field = Place::from(Subject::Field("core.neurons".into())).within("m.ron");
        assert_eq!(field.to_string(), "m.ron: core.neurons");
        assert_eq!(field.at(&source, 3..4).to_string(), "m.ron:2:2: core.neurons");
    }

    #[test]
    fn parts_of_cores_and_projections_print_their_numbers() {
        use crate::ids::{PopulationId, ProjectionId};
        let part = |part| Place::from(Subject::Core(CoreId(7), part)).to_string();
        assert_eq!(part(CorePart::Whole), "core7");
        assert_eq!(part(CorePart::List(3)), "core7 list 3");
        assert_eq!(part(CorePart::Synapses((1, 2), CoreId(4), 5)), "core7 position (1, 2) to core4 axon 5");
        let printed = |subject| Place::from(subject).to_string();
        assert_eq!(printed(Subject::Population(PopulationId(1), "a".into())), "pop1 \"a\"");
        assert_eq!(printed(Subject::ProjectionAxis(ProjectionId(2), MapAxis::Rows)), "proj2 rows");
    }
}
