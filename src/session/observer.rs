//! Who looks on while a run goes on.

use snnc_simulator::charge::{MeterRecord, TimedStep};
use snnc_simulator::time::cycle::Watcher;
use snnc_targets::Diagnostic;

use crate::samples::membranes::PassMembranes;
use crate::samples::spikes::PackedSpikes;

/// What a run tells while it goes on. It changes nothing; `()` sees nothing.
pub trait Observer: Send {
    /// Timesteps of an item, in order; told before [`Observer::item`], at once or part by part.
    ///
    /// # Errors
    /// What ends the run.
    fn steps(&mut self, _index: u64, _steps: &[TimedStep]) -> Result<(), Diagnostic> {
        Ok(())
    }

    /// An item is done; items come in order. Its record holds its timesteps, if its passes are short enough to run in
    /// one part each.
    ///
    /// # Errors
    /// What ends the run.
    fn item(&mut self, index: u64, record: &MeterRecord) -> Result<(), Diagnostic>;

    /// Whether it wants to see the spikes of each pass.
    fn sees_spikes(&self) -> bool {
        false
    }

    /// Of how many timesteps of each item, from its first, it wants to see what each core did ([`TimedStep::cores`]);
    /// none where time is not modelled.
    fn steps_by_core(&self) -> usize {
        0
    }

    /// The spikes of an item, pass after pass, those of long passes part by part; told before [`Observer::item`].
    ///
    /// # Errors
    /// What ends the run.
    fn spikes(&mut self, _index: u64, _passes: &[PackedSpikes]) -> Result<(), Diagnostic> {
        Ok(())
    }

    /// Membranes of the layers that the session watches, as [`Observer::spikes`]; not told if it watches none.
    ///
    /// # Errors
    /// What ends the run.
    fn membranes(&mut self, _index: u64, _passes: &[PassMembranes]) -> Result<(), Diagnostic> {
        Ok(())
    }

    /// Who wants to see simulated packets. Items then run one after another, as their packets cannot all wait.
    fn watcher(&mut self) -> Option<&mut dyn Watcher>;
}

impl Observer for () {
    fn item(&mut self, _: u64, _: &MeterRecord) -> Result<(), Diagnostic> {
        Ok(())
    }

    fn watcher(&mut self) -> Option<&mut dyn Watcher> {
        None
    }
}

/// Keeps what an observer finds wrong until the run has ended; the observer is told nothing more. For runs that others
/// take part in, who would wait for one that stops.
#[allow(missing_debug_implementations, reason = "an observer is whatever its author makes of it")]
pub struct FailsInTheEnd<'o> {
    observer: &'o mut dyn Observer,
    failed: Option<Diagnostic>,
}

impl<'o> FailsInTheEnd<'o> {
    /// Tells an observer as long as it finds nothing wrong.
    pub fn new(observer: &'o mut dyn Observer) -> Self {
        Self { observer, failed: None }
    }

    /// What the observer found wrong.
    ///
    /// # Errors
    /// That.
    pub fn finish(self) -> Result<(), Diagnostic> {
        self.failed.map_or(Ok(()), Err)
    }

    fn tell(
        &mut self,
        what: impl FnOnce(&mut dyn Observer) -> Result<(), Diagnostic>,
    ) -> Result<(), Diagnostic> {
        if self.failed.is_none() {
            self.failed = what(self.observer).err();
        }
        Ok(())
    }
}

impl Observer for FailsInTheEnd<'_> {
    fn steps(&mut self, index: u64, steps: &[TimedStep]) -> Result<(), Diagnostic> {
        self.tell(|observer| observer.steps(index, steps))
    }

    fn item(&mut self, index: u64, record: &MeterRecord) -> Result<(), Diagnostic> {
        self.tell(|observer| observer.item(index, record))
    }

    fn sees_spikes(&self) -> bool {
        self.observer.sees_spikes()
    }

    fn steps_by_core(&self) -> usize {
        self.observer.steps_by_core()
    }

    fn spikes(&mut self, index: u64, passes: &[PackedSpikes]) -> Result<(), Diagnostic> {
        self.tell(|observer| observer.spikes(index, passes))
    }

    fn membranes(&mut self, index: u64, passes: &[PassMembranes]) -> Result<(), Diagnostic> {
        self.tell(|observer| observer.membranes(index, passes))
    }

    fn watcher(&mut self) -> Option<&mut dyn Watcher> {
        self.observer.watcher()
    }
}
