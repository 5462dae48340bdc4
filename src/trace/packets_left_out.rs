//! Builds without the feature `parquet` have no table of packets: asking for one is refused.

use std::path::Path;

use snnc_simulator::time::cycle::{StepPlace, StepRecord};
use snnc_targets::{Code, Diagnostic, Subject};

use super::Names;

/// A table of packets; no value of it exists.
#[derive(Debug)]
pub enum PacketFile {}

impl PacketFile {
    /// Refuses.
    ///
    /// # Errors
    /// [`Code::Argument`].
    pub fn create(_: &Path) -> Result<Self, Diagnostic> {
        let message = "this build of snnc cannot write Parquet files";
        Err(Diagnostic::new(Code::Argument, Subject::argument("--trace"), message)
            .hint("build it with `--features parquet`; `--trace-events trace.json` needs no such feature"))
    }

    /// Is never reached, since no file was begun.
    ///
    /// # Errors
    /// None.
    pub fn add(&mut self, _: &Names, _: StepPlace, _: &StepRecord) -> Result<(), Diagnostic> {
        match *self {}
    }

    /// Is never reached, since no file was begun.
    ///
    /// # Errors
    /// None.
    pub fn finish(self, _: &Names) -> Result<u64, Diagnostic> {
        match self {}
    }
}
