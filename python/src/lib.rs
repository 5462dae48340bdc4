//! The native half of the Python package `snnc`: the library's values as Python classes, arrays in and out.
//!
//! Place in the flow: beside the command, a thin user of the library. Documentation for users, views of results and
//! everything that needs no Rust is in `python/snnc`; nothing here is called by anyone else. [`work`] lets Rust work
//! while Python runs on and hears Ctrl-C, [`arrays`] turns NumPy arrays into values, [`errors`] raises
//! `snnc.SnncError`. Figures leave as the JSON that the command prints, so that both say the same.

mod arrays;
mod compile;
mod errors;
mod model;
mod program;
mod reference;
mod session;
mod target;
mod work;

use std::ffi::OsString;
use std::process::ExitCode;

use pyo3::prelude::*;

/// What `snnc explain CODE` prints.
#[pyfunction]
fn explain(code: &str) -> PyResult<&'static str> {
    let code = code.parse::<snnc::Code>();
    code.map(snnc::Code::page).map_err(|()| pyo3::exceptions::PyKeyError::new_err("no such code"))
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
    module.add_function(wrap_pyfunction!(target::target_names, module)?)?;
    module.add_function(wrap_pyfunction!(explain, module)?)?;
    module.add_function(wrap_pyfunction!(command, module)?)
}
