//! report.json: written whole or not at all, and read back.

use std::path::Path;

use serde::Serialize;
use snnc_targets::{Code, Diagnostic, NamedPart, Place, input, output};

use super::data::{Report, SCHEMA};

/// A value under the name of its schema.
#[derive(Serialize)]
struct WithSchema<'a, T> {
    schema: &'a str,
    #[serde(flatten)]
    value: &'a T,
}

/// Pretty JSON with a final newline, of a value that names its schema.
pub fn plain<T: Serialize>(value: &T) -> String {
    serde_json::to_string_pretty(value).expect("reports are plain data") + "\n"
}

/// Pretty JSON with the name of its schema before the value's own fields.
pub fn of_schema<T: Serialize>(schema: &str, value: &T) -> String {
    plain(&WithSchema { schema, value })
}

/// A report as pretty-printed JSON with a final newline.
///
/// # Errors
/// [`Code::OutputFailed`] if the data do not serialise (plain data always do).
pub fn print(report: &Report) -> Result<String, Diagnostic> {
    let mut text = serde_json::to_string_pretty(report)
        .map_err(|e| Diagnostic::new(Code::OutputFailed, NamedPart::Report, e.to_string()))?;
    text.push('\n');
    Ok(text)
}

/// Writes report.json to `path`.
///
/// # Errors
/// [`Code::OutputFailed`].
pub fn write(path: &Path, report: &Report) -> Result<(), Diagnostic> {
    output::write_atomic(path, print(report)?.as_bytes())
}

/// Reads a report.json.
///
/// # Errors
/// [`Code::FileUnreadable`]: missing, no JSON, another schema, or a field is missing; with line and column.
pub fn read(path: &Path) -> Result<Report, Diagnostic> {
    let text = input::REPORT.read_text(path)?;
    let report: Report = serde_json::from_str(&text).map_err(|e| {
        let place = Place::line(path, e.line(), Some(e.column()));
        Diagnostic::new(Code::FileUnreadable, place, format!("not a report: {e}"))
            .hint(format!("expected JSON of schema {SCHEMA}, as `snnc simulate` writes it"))
    })?;
    if report.schema == SCHEMA {
        return Ok(report);
    }
    let message = format!("expected schema {SCHEMA}, found {}", report.schema);
    Err(Diagnostic::new(Code::FileUnreadable, path, message))
}

#[cfg(test)]
mod tests {
    use snnc_simulator::time::Fidelity;

    use super::*;
    use crate::report::fixture::run;

    #[test]
    fn the_schema_names_are_there() {
        let report = run(Fidelity::Analytic, |input| input.report());
        let json: serde_json::Value = serde_json::from_str(&print(&report).unwrap()).unwrap();
        let fields: [(&str, &[&str]); 7] = [
            ("", &["schema", "target", "fidelity", "mapping", "totals", "energy_j", "layers"]),
            ("/target", &["name", "provenance"]),
            ("/mapping", &["cores_used", "chips_used", "compile_s"]),
            (
                "/totals",
                &["images", "timesteps", "spikes", "synaptic_operations", "packets", "hops", "host_writes"],
            ),
            ("/totals", &["host_reads", "time_s", "energy_j", "wall_s", "peak_memory_bytes"]),
            ("/energy_j", &["synapse", "neuron", "axon", "network", "host", "static"]),
            (
                "/layers/0",
                &["name", "neurons", "spikes", "rate", "synaptic_operations", "packets", "energy_j"],
            ),
        ];
        for (place, names) in fields {
            let object = json.pointer(place).unwrap();
            names.iter().for_each(|name| assert!(object.get(name).is_some(), "{place}/{name}"));
        }
        assert!(json.pointer("/totals/energy_j").unwrap().is_number());
    }

    /// The schema is closed, so a field that it does not name fails here as one that is missing does.
    #[test]
    fn reports_follow_the_published_schema() {
        let schema: serde_json::Value =
            serde_json::from_str(include_str!("../../docs/report.schema.json")).unwrap();
        let schema = jsonschema::validator_for(&schema).unwrap();
        for fidelity in [Fidelity::None, Fidelity::Analytic] {
            let report = run(fidelity, |input| input.report());
            let json = serde_json::to_value(&report).unwrap();
            let problems: Vec<String> =
                schema.iter_errors(&json).map(|e| format!("{}: {e}", e.instance_path())).collect();
            assert_eq!(problems, [""; 0]);
            let without = |place: &str, name: &str| {
                let mut json = json.clone();
                json.pointer_mut(place).unwrap().as_object_mut().unwrap().remove(name).unwrap();
                json
            };
            assert!(!schema.is_valid(&without("/totals", "energy_j")));
            assert!(!schema.is_valid(&without("/layers/0", "rate")));
            let mut more = json.clone();
            more["cores"][0]["colour"] = 3.into();
            assert!(!schema.is_valid(&more));
        }
    }

    #[test]
    fn a_written_report_reads_back_and_others_are_refused() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("report.json");
        let report = run(Fidelity::None, |input| input.report());
        write(&path, &report).unwrap();
        let back = read(&path).unwrap();
        assert_eq!((back.layers.len(), back.totals.spikes), (report.layers.len(), report.totals.spikes));
        write(&path, &Report { schema: "other/1".into(), ..report }).unwrap();
        assert_eq!(read(&path).unwrap_err().code, Code::FileUnreadable);
        output::write_atomic(&path, b"{\"schema\": 1").unwrap();
        assert_eq!(read(&path).unwrap_err().code, Code::FileUnreadable);
    }
}
