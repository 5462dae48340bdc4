//! Chips: `snnc._native.Target`, whose fields Python edits as JSON.

use pyo3::prelude::*;
use snnc::targets::derived::Override;
use snnc::targets::{Place, registry};
use snnc::{Code, Diagnostic, Diagnostics};

use crate::errors::raise;

/// A checked target.
#[pyclass(frozen, module = "snnc._native")]
#[derive(Clone)]
pub struct Target(pub snnc::Target);

#[pymethods]
impl Target {
    /// A built-in target by its name, or one from a file, with other values for some fields: `FIELD=VALUE` each.
    #[staticmethod]
    fn load(py: Python<'_>, name_or_path: &str, set: Vec<String>) -> PyResult<Self> {
        let changes = set.iter().map(|text| Override::of_option("set", text)).collect::<Result<Vec<_>, _>>();
        let changes = changes.map_err(|problem| raise(py, problem))?;
        registry::load_with(name_or_path, &changes).map(Self).map_err(|problems| raise(py, problems))
    }

    /// A target from the text of its file.
    #[staticmethod]
    fn from_ron(py: Python<'_>, text: &str, place: &str) -> PyResult<Self> {
        registry::parse(text, place).map(Self).map_err(|problems| raise(py, problems))
    }

    /// A target from its JSON, checked.
    #[staticmethod]
    fn from_json(py: Python<'_>, text: &str, place: &str) -> PyResult<Self> {
        let parsed = serde_json::from_str::<snnc::Target>(text).map_err(|error| {
            let message = format!("this is no target: {error}");
            Diagnostics::from(
                Diagnostic::new(Code::TargetInvalid, Place::file(place), message)
                    .hint("`snnc.target(\"loihi-like\").to_dict()` shows every field"),
            )
        });
        let checked = parsed.and_then(|target| target.check(place).map(|()| Self(target)));
        checked.map_err(|problems| raise(py, problems))
    }

    /// All fields as JSON.
    fn json(&self) -> PyResult<String> {
        serde_json::to_string(&self.0).map_err(|e| pyo3::exceptions::PyValueError::new_err(e.to_string()))
    }

    /// The text of a target file.
    fn ron(&self) -> PyResult<String> {
        let text = ron::ser::to_string_pretty(&self.0, ron::ser::PrettyConfig::new());
        text.map_err(|e| pyo3::exceptions::PyValueError::new_err(e.to_string()))
    }

    /// Every constant with its provenance, as `snnc targets show` prints them.
    fn table(&self) -> String {
        snnc::target_table::table(&self.0)
    }

    #[getter]
    fn name(&self) -> &str {
        &self.0.name
    }

    #[getter]
    fn description(&self) -> &str {
        &self.0.description
    }
}

/// Names of the built-in targets.
#[pyfunction]
pub fn target_names() -> Vec<&'static str> {
    registry::names().collect()
}
