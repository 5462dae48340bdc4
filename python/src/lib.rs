//! The native half of the Python package `snnc`: the library's values as Python classes, arrays in and out.
//!
//! Place in the flow: beside the command, a thin user of the library. Documentation for users, views of results and
//! everything that needs no Rust is in `python/snnc`; nothing here is called by anyone else. [`work`] lets Rust work
//! while Python runs on and hears Ctrl-C, [`arrays`] turns NumPy arrays into values, [`errors`] raises
//! `snnc.SnncError`. Figures leave as the JSON that the command prints, so that both say the same.

mod arrays;
mod compile;
mod errors;
mod files;
mod model;
mod nir;
mod pages;
mod program;
mod recorder;
mod reference;
mod research;
mod session;
mod sweep;
mod target;
mod work;

use std::ffi::OsString;
use std::path::PathBuf;
use std::process::ExitCode;

use pyo3::prelude::*;
use snnc::compiler::passes::pipeline::PASSES;

/// What `snnc explain CODE` prints.
#[pyfunction]
fn explain(code: &str) -> PyResult<&'static str> {
    let code = code.parse::<snnc::Code>();
    code.map(snnc::Code::page).map_err(|()| pyo3::exceptions::PyKeyError::new_err("no such code"))
}

/// Name, what it takes and gives, and description of each pass of the compiler, in their order.
#[pyfunction]
fn passes() -> Vec<[&'static str; 4]> {
    PASSES.iter().map(|pass| [pass.name, pass.takes, pass.gives, pass.description]).collect()
}

/// Writes the files of a network for SANA-FE into a folder.
#[pyfunction]
fn save_sana_fe(py: Python<'_>, folder: PathBuf, architecture: &str, network: &str) -> PyResult<()> {
    snnc::sana_fe::write(&folder, architecture, network).map_err(|problem| errors::raise(py, problem))
}

/// The command line; its exit code. Ends with the process: handlers for signals stay installed.
#[pyfunction]
fn command(py: Python<'_>, arguments: Vec<OsString>) -> u8 {
    let code = py.detach(|| snnc::cli::run(arguments));
    (0..=u8::MAX).find(|&number| ExitCode::from(number) == code).unwrap_or(1)
}

#[pymodule]
fn _native(module: &Bound<'_, PyModule>) -> PyResult<()> {
    module.add("__version__", env!("CARGO_PKG_VERSION"))?;
    module.add_class::<model::Model>()?;
    module.add_class::<target::Target>()?;
    module.add_class::<program::Program>()?;
    module.add_class::<session::Session>()?;
    module.add_class::<files::RunFiles>()?;
    module.add_class::<research::Hypergraph>()?;
    module.add_class::<sweep::Sweep>()?;
    module.add_function(wrap_pyfunction!(pages::report, module)?)?;
    module.add_function(wrap_pyfunction!(pages::compare_reports, module)?)?;
    module.add_function(wrap_pyfunction!(pages::page_of, module)?)?;
    module.add_function(wrap_pyfunction!(research::place_cores, module)?)?;
    module.add_function(wrap_pyfunction!(sweep::merge, module)?)?;
    module.add_function(wrap_pyfunction!(passes, module)?)?;
    module.add_function(wrap_pyfunction!(save_sana_fe, module)?)?;
    module.add_function(wrap_pyfunction!(target::target_names, module)?)?;
    module.add_function(wrap_pyfunction!(explain, module)?)?;
    module.add_function(wrap_pyfunction!(command, module)?)
}
