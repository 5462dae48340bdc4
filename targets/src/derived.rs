//! Targets that start from another target: `base: "loihi-like"`, then only what differs; and overrides of single
//! fields.
//!
//! Both are laid over the base as texts ([`ComposedText`]), field by field and group by group, before the whole is read
//! and checked like any other target ([`overlay`]). Ranges of energies and times are joined by constant: who gives a
//! constant another value without a range takes the base's range away, which was one of the base's value.
//!
//! Refused: bases in a circle or deeper than [`DEEPEST`], a derived target without a name of its own.

mod overlay;

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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Provenance;

    fn set(text: &str) -> Override {
        Override::of_option("--set", text).unwrap()
    }

    #[test]
    fn overrides_change_their_field_alone() {
        let plain = registry::load("loihi-like").unwrap();
        let changes = [
            set("core.neurons=2^9"),
            set("core.threshold_profiles=8"),
            set("topology.routing=Multicast(table_entries: Some(64))"),
            set("network.flits_per_packet=2"),
            set("timing.hop_chip.latency_ns=10"),
            set("energy.hop_east_west_pj=1.5"),
        ];
        let target = registry::load_with("loihi-like", &changes).unwrap();
        let mut expected = plain.clone();
        let said = |text: &str| Provenance::Assumed(format!("--set {text}"));
        expected.name = target.name.clone();
        expected.core.neurons = crate::Sourced(512, said("core.neurons=2^9"));
        expected.core.threshold_profiles = Some(crate::Sourced(8, said("core.threshold_profiles=8")));
        let routing = crate::schema::RoutingScheme::Multicast { table_entries: Some(64) };
        expected.topology.routing =
            crate::Sourced(routing, said("topology.routing=Multicast(table_entries: Some(64))"));
        expected.network.as_mut().unwrap().flits_per_packet =
            crate::Sourced(2, said("network.flits_per_packet=2"));
        expected.timing.hop_chip.latency_ns = crate::Sourced(10.0, said("timing.hop_chip.latency_ns=10"));
        // A range of another value.
        expected.timing.ranges.retain(|range| range.constant != "hop_chip.latency_ns");
        expected.energy.hop_east_west_pj = crate::Sourced(1.5, said("energy.hop_east_west_pj=1.5"));
        assert_eq!(target, expected);
        assert_eq!(
            registry::load_with("loihi-like", &changes[..1]).unwrap().name,
            "loihi-like[core.neurons=512]"
        );
        assert_eq!(registry::load_with("loihi-like", &[set("name=\"mine\"")]).unwrap().name, "mine");
        let none = registry::load_with("loihi-like", &[set("network=None")]).unwrap();
        assert!(none.network.is_none());
    }

    #[test]
    fn the_range_of_another_value_goes_and_given_ranges_join() {
        let plain = registry::load("loihi-like").unwrap();
        let other = registry::load_with("loihi-like", &[set("energy.synaptic_operation_pj=5")]).unwrap();
        assert!(plain.energy_range("synaptic_operation_pj").is_some());
        assert!(other.energy_range("synaptic_operation_pj").is_none());
        assert_eq!(other.energy.ranges.len() + 1, plain.energy.ranges.len());
        let last = plain.energy.ranges.last().unwrap().constant.clone();
        let other = registry::load_with("loihi-like", &[set(&format!("energy.{last}=1"))]).unwrap();
        assert_eq!(other.energy.ranges, plain.energy.ranges[..plain.energy.ranges.len() - 1]);
        let range =
            "energy.ranges=[(constant: \"hop_chip_pj\", low: 1.0, high: 900.0, source: Assumed(\"x\"))]";
        let other = registry::load_with("loihi-like", &[set(range)]).unwrap();
        assert_eq!(other.energy.ranges.len(), plain.energy.ranges.len());
        assert_eq!(other.energy_range("hop_chip_pj").unwrap().high, 900.0);
    }

    #[test]
    fn what_a_base_does_not_say_takes_a_bare_value() {
        let set = |text: &str| registry::load_with("loihi-like", &[set(text)]).unwrap();
        let joined = set("topology.interconnect=MeshYx").topology.interconnect.unwrap();
        let said = Provenance::Assumed("--set topology.interconnect=MeshYx".into());
        assert_eq!(joined, crate::Sourced(crate::Interconnect::MeshYx, said));
        let given =
            set("topology.interconnect=(MeshYx, Published(\"a book\"))").topology.interconnect.unwrap();
        assert_eq!(
            given,
            crate::Sourced(crate::Interconnect::MeshYx, Provenance::Published("a book".into()))
        );
        assert_eq!(
            set("energy.static_uw_per_core_in_use=3").energy.static_uw_per_core_in_use.unwrap().0,
            3.0
        );
        assert_eq!(set("energy.static_uw_per_core_in_use=None").energy.static_uw_per_core_in_use, None);
        assert_eq!(
            set("network.allocation=Staged").network.unwrap().allocation(),
            crate::schema::RouterAllocation::Staged
        );
    }

    #[test]
    fn ranges_of_time_join_as_those_of_energy_do() {
        let plain = registry::load("loihi-like").unwrap();
        let names = |target: &Target| -> Vec<String> {
            target.timing.ranges.iter().map(|range| range.constant.clone()).collect()
        };
        assert!(names(&plain).contains(&"synaptic_operation".into()));
        let faster = "timing.synaptic_operation.interval_ns=(1.0, Assumed(\"x\"))";
        let other = registry::load_with("loihi-like", &[set(faster)]).unwrap();
        assert_eq!(names(&other), names(&plain)[1..]);
        // Its latency has a range of its own.
        let slower = "timing.hop_chip.latency_ns=(500.0, Assumed(\"x\"))";
        let other = registry::load_with("loihi-like", &[set(slower)]).unwrap();
        let left = |name: &String| name != "hop_chip.latency_ns";
        assert_eq!(names(&other), names(&plain).into_iter().filter(left).collect::<Vec<_>>());
        assert!(names(&other).contains(&"hop_chip".into()));
        // So have depths, within the network.
        let depths = |target: &Target| -> Vec<String> {
            target.network.as_ref().unwrap().ranges.iter().map(|range| range.constant.clone()).collect()
        };
        let other = registry::load_with("loihi-like", &[set("network.buffer_flits=200")]).unwrap();
        let left = depths(&plain).into_iter().filter(|name| name != "buffer_flits");
        assert_eq!(depths(&other), left.collect::<Vec<_>>());
        let range = "network.ranges=[(constant: \"buffer_flits\", low: 1, high: 24, source: Assumed(\"x\"))]";
        let other = registry::load_with("loihi-like", &[set(range)]).unwrap();
        assert_eq!(depths(&other).len(), depths(&plain).len());
        assert_eq!(other.network.unwrap().ranges[0].high, 24.0);
        let range =
            "timing.ranges=[(constant: \"synaptic_operation\", low: 1.0, high: 9.0, source: Assumed(\"x\"))]";
        let other = registry::load_with("loihi-like", &[set(range)]).unwrap();
        assert_eq!(
            (other.timing.ranges.len(), other.timing.ranges[0].high),
            (plain.timing.ranges.len(), 9.0)
        );
        // One operation a clock of 3.003 ns.
        let given = registry::load_with("darwin3-like", &[set(range)]).unwrap();
        assert_eq!(names(&given), ["synaptic_operation"]);
        let above = range.replace("low: 1.0", "low: 4.0");
        let refused = registry::load_with("darwin3-like", &[set(&above)]).unwrap_err();
        assert!(refused.to_string().contains("timing.ranges: synaptic_operation"), "{refused}");
    }

    #[test]
    fn what_overrides_get_wrong_is_told_of_them() {
        for (text, code, place) in [
            ("core.neurons=0", Code::TargetInvalid, "--set:1:14: core.neurons"),
            ("core.neuron=5", Code::RonSyntax, "--set:1:6"),
            ("cor.neurons=5", Code::RonSyntax, "--set:1:1"),
            ("core.neurons=many", Code::RonSyntax, "--set:1:14"),
            ("energy.hop_chip_pj=-2", Code::TargetInvalid, "--set:1:20: energy.hop_chip_pj"),
        ] {
            let error = registry::load_with("loihi-like", &[set(text)]).unwrap_err();
            assert_eq!((error.0[0].code, error.0[0].place.to_string().as_str()), (code, place), "{error}");
        }
        for (text, code) in [
            ("core.neurons", Code::Argument),
            ("=5", Code::Argument),
            ("core..neurons=5", Code::Argument),
            ("core.neurons=(", Code::RonSyntax),
            ("core.neurons=5) (", Code::RonSyntax),
        ] {
            assert_eq!(Override::of_option("--set", text).unwrap_err().code, code, "{text}");
        }
    }

    #[test]
    fn a_target_starts_from_another() {
        let folder = tempfile::tempdir().unwrap();
        let write = |name: &str, text: &str| {
            let path = folder.path().join(name);
            std::fs::write(&path, text).unwrap();
            path.to_str().unwrap().to_owned()
        };
        let half = "(format: \"snnc.target/1\", base: \"loihi-like\", name: \"half\",\n \
                    core: (synapse_memory_bits: (2^19, Assumed(\"half\"))))";
        let half = write("half.ron", half);
        let more = write(
            "more.ron",
            "(base: \"half.ron\", name: \"more\", description: \"two\",\n topology: (cores_per_tile: (8, \
             Assumed(\"twice\"))))",
        );
        let (plain, found) = (registry::load("loihi-like").unwrap(), registry::load(&more).unwrap());
        let mut expected = plain;
        expected.name = "more".into();
        expected.description = "two".into();
        expected.core.synapse_memory_bits = crate::Sourced(1 << 19, Provenance::Assumed("half".into()));
        expected.topology.cores_per_tile = crate::Sourced(8, Provenance::Assumed("twice".into()));
        assert_eq!(found, expected);
        let found = registry::load(&half).unwrap();
        assert!(found.description.contains("loihi-like"), "{}", found.description);
        assert_eq!(registry::files_of(&more), [PathBuf::from(&more), PathBuf::from(&half)]);

        let told = |name: &str, text: &str| {
            let error = registry::load(&write(name, text)).unwrap_err();
            let place = error.0[0].place.to_string();
            (error.codes(), place.rsplit('/').next().unwrap().to_owned())
        };
        let (codes, place) =
            told("a.ron", "(base: \"half.ron\", name: \"a\",\n core: (neurons: (0, Assumed(\"x\"))))");
        assert_eq!((codes, place.as_str()), (vec![Code::TargetInvalid], "a.ron:2:19: core.neurons"));
        let (codes, place) = told("a.ron", "(base: \"half.ron\", name: \"a\",\n core: (neurons: 7))");
        assert_eq!((codes, place.as_str()), (vec![Code::RonSyntax], "a.ron:2:18"));
        let (codes, place) = told("a.ron", "(base: \"half.ron\", name: \"a\", cores: ())");
        assert_eq!((codes, place.as_str()), (vec![Code::RonSyntax], "a.ron:1:31"));
        // A fault of the base is told of the base.
        write("half.ron", "(base: \"loihi-like\", name: \"half\", core: (neurons: (1, Asumed(\"x\"))))");
        let (codes, place) = told("a.ron", "(base: \"half.ron\", name: \"a\")");
        assert_eq!((codes, place.as_str()), (vec![Code::RonSyntax], "half.ron:1:56"));
        for (text, code) in [
            ("(base: \"half.ron\")", Code::TargetInvalid),
            ("(base: 5, name: \"a\")", Code::TargetInvalid),
            ("(base: \"a.ron\", name: \"a\")", Code::TargetInvalid),
            ("(base: \"none.ron\", name: \"a\")", Code::FileUnreadable),
            ("(base: \"loihi\", name: \"a\")", Code::TargetUnknown),
        ] {
            assert_eq!(told("a.ron", text).0, [code], "{text}");
        }
    }
}
