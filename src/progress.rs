//! How far a long run has come, told to whoever shows it, who may also stop it.

use std::fmt;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};

use snnc_compiler::ir::NetworkId;
use snnc_compiler::mapping::MappingObserver;
use snnc_compiler::workload::RecordingObserver;
use snnc_simulator::workload::Driver;
use snnc_targets::{Code, Diagnostic, NamedPart};

/// Is told of a run's steps from any of its threads, and changes nothing. `()` shows nothing.
pub trait Progress: Sync {
    /// A run begins that takes so many steps: passes, iterations or images, as the run says. A stage may find out later
    /// that it takes more or fewer, and says so by beginning again; what is done stays done.
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

/// Tells a progress of what the compiler does: passes that rounding looks at, weights that are rounded, and how far the
/// mapping has come.
pub(crate) struct CompilerProgress<'p> {
    progress: &'p dyn Progress,
    /// Passes that are not recorded yet.
    passes_left: AtomicUsize,
    /// Steps that the stage of the mapping is expected to take.
    expected: AtomicU64,
}

impl<'p> CompilerProgress<'p> {
    pub fn new(progress: &'p dyn Progress) -> Self {
        Self { progress, passes_left: AtomicUsize::new(0), expected: AtomicU64::new(0) }
    }
}

impl fmt::Debug for CompilerProgress<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("CompilerProgress")
    }
}

impl RecordingObserver for CompilerProgress<'_> {
    fn begin(&self, passes: usize) {
        self.passes_left.store(passes, Ordering::Relaxed);
        self.progress.stage("recording floats", "passes");
        self.progress.begin(passes as u64);
    }

    fn recorded(&self) {
        self.progress.advance(1);
        if self.passes_left.fetch_sub(1, Ordering::Relaxed) == 1 {
            self.progress.stage("rounding", "");
        }
    }

    fn rounding(&self, weights: usize) {
        self.progress.stage("rounding", "weights");
        self.progress.begin(weights as u64);
    }

    fn rounded(&self, weights: usize) {
        self.progress.advance(weights as u64);
    }
}

impl MappingObserver for CompilerProgress<'_> {
    fn stage(&self, what: &'static str, steps: &'static str) {
        self.expected.store(0, Ordering::Relaxed);
        self.progress.stage(what, steps);
    }

    fn expect(&self, steps: u64) {
        if steps > 0 {
            self.progress.begin(self.expected.fetch_add(steps, Ordering::Relaxed) + steps);
        }
    }

    fn skip(&self, steps: u64) {
        if steps > 0 {
            let less = |expected: u64| Some(expected.saturating_sub(steps));
            let before = self.expected.fetch_update(Ordering::Relaxed, Ordering::Relaxed, less);
            self.progress.begin(before.unwrap_or_default().saturating_sub(steps));
        }
    }

    fn advance(&self, steps: u64) {
        self.progress.advance(steps);
    }
}
