//! A model mapped onto the cores of a target: what a `.snnx` file holds.

use std::path::Path;
use std::sync::Arc;

use snnc_compiler::ir::program::Program as Mapped;
use snnc_compiler::ir::spiking::SpikingIr;
use snnc_compiler::mapping::report::MappingReport;
use snnc_targets::{Diagnostic, Diagnostics, Target};

/// A verified program. Cloning shares it.
#[derive(Debug, Clone)]
pub struct Program {
    mapped: Arc<Mapped>,
    compilation: Option<Arc<Compilation>>,
}

/// What is known of a program that was compiled here and not read from a file.
#[derive(Debug)]
pub struct Compilation {
    /// The network in integers, before it was mapped.
    pub ir: SpikingIr,
    /// Cores, use of each limit, traffic, and the bounds of all that.
    pub report: MappingReport,
    /// Seconds that reading the model and compiling it took.
    pub seconds: f64,
}

impl Program {
    /// Reads a `.snnx` file and verifies it.
    ///
    /// # Errors
    /// [`snnc_targets::Code::FileUnreadable`], [`snnc_targets::Code::SnnxMalformed`], or what the verifier finds.
    pub fn load(path: impl AsRef<Path>) -> Result<Self, Diagnostics> {
        Ok(Mapped::load(path.as_ref())?.into())
    }

    /// Writes a `.snnx` file, whole or not at all.
    ///
    /// # Errors
    /// [`snnc_targets::Code::OutputFailed`].
    pub fn save(&self, path: impl AsRef<Path>) -> Result<(), Diagnostic> {
        self.mapped.save(path.as_ref())
    }

    pub(crate) fn compiled(mapped: Mapped, compilation: Compilation) -> Self {
        Self { mapped: Arc::new(mapped), compilation: Some(Arc::new(compilation)) }
    }

    /// The compiler's own form: neurons, synapse memories, axons and routes by core.
    pub fn mapped(&self) -> &Arc<Mapped> {
        &self.mapped
    }

    /// How it was compiled; nothing for one that was read from a file.
    pub fn compilation(&self) -> Option<&Compilation> {
        self.compilation.as_deref()
    }

    /// The chip that it is made for.
    pub fn target(&self) -> &Target {
        &self.mapped.target
    }

    /// Seconds of compiling; 0 for one that was read from a file.
    pub fn compile_seconds(&self) -> f64 {
        self.compilation().map_or(0.0, |compilation| compilation.seconds)
    }

    /// What may go wrong on some input.
    pub fn warnings(&self) -> Vec<Diagnostic> {
        self.mapped.warnings()
    }
}

impl From<Mapped> for Program {
    fn from(mapped: Mapped) -> Self {
        Self { mapped: Arc::new(mapped), compilation: None }
    }
}

impl From<Arc<Mapped>> for Program {
    fn from(mapped: Arc<Mapped>) -> Self {
        Self { mapped, compilation: None }
    }
}
