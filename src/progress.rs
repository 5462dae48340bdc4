//! How far a long run has come, told to whoever shows it, who may also stop it.

use snnc_compiler::ir::NetworkId;
use snnc_simulator::workload::Driver;
use snnc_targets::{Code, Diagnostic, NamedPart};

/// Is told of a run's steps from any of its threads, and changes nothing. `()` shows nothing.
pub trait Progress: Sync {
    /// A run begins that takes so many steps: passes, iterations or images, as the run says.
    fn begin(&self, steps: u64);

    /// So many more steps are done.
    fn advance(&self, steps: u64);

    /// So many steps were done before this run, and are found: they say nothing of how fast it is.
    fn found(&self, steps: u64) {
        self.advance(steps);
    }

    /// A part of the work begins: what is being done, and what its steps are called. [`Progress::begin`] follows if
    /// anybody knows how many they are.
    fn stage(&self, _what: &'static str, _steps: &'static str) {}

    /// Whether the run is to stop. It is asked before every pass, from any thread; a run that stops ends with
    /// [`Code::Stopped`]. Observers may have seen items that were done before.
    fn stopped(&self) -> bool {
        false
    }
}

/// Whether a run may go on.
///
/// # Errors
/// [`Code::Stopped`].
pub(crate) fn go_on(progress: &dyn Progress) -> Result<(), Diagnostic> {
    if progress.stopped() {
        return Err(Diagnostic::new(Code::Stopped, NamedPart::Run, "stopped before its end"));
    }
    Ok(())
}

/// A driver that answers until the run is to stop.
pub(crate) struct Stoppable<'a, D: ?Sized> {
    pub driver: &'a mut D,
    pub progress: &'a dyn Progress,
}

impl<D: Driver + ?Sized> Driver for Stoppable<'_, D> {
    fn pass(&mut self, network: NetworkId, input: &[f64]) -> Result<Vec<Vec<f64>>, Diagnostic> {
        go_on(self.progress)?;
        self.driver.pass(network, input)
    }
}

impl Progress for () {
    fn begin(&self, _: u64) {}

    fn advance(&self, _: u64) {}
}
