//! Lets Rust work on a thread of its own while Python's threads run on.
//!
//! The thread that called waits without the interpreter's lock, and looks ten times a second for signals: Ctrl-C stops
//! a run before its next pass. A compilation cannot be stopped; it ends by itself, and what it gives is dropped.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::mpsc::{self, RecvTimeoutError};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use pyo3::exceptions::PyRuntimeError;
use pyo3::prelude::*;
use snnc::{Diagnostics, Progress};

use crate::errors::raise;

/// Between two looks.
const LOOK: Duration = Duration::from_millis(100);
/// Stack of the thread: deep model files are read on it.
const STACK: usize = 16 << 20;

/// How far the work has come, and whether it is to stop.
#[derive(Debug, Default)]
pub struct Watch {
    done: AtomicU64,
    steps: AtomicU64,
    stopped: AtomicBool,
}

impl Progress for Watch {
    fn begin(&self, steps: u64) {
        self.steps.store(steps, Ordering::Relaxed);
    }

    fn stage(&self, _: &'static str, _: &'static str) {
        self.done.store(0, Ordering::Relaxed);
        self.steps.store(0, Ordering::Relaxed);
    }

    fn advance(&self, steps: u64) {
        self.done.fetch_add(steps, Ordering::Relaxed);
    }

    fn stopped(&self) -> bool {
        self.stopped.load(Ordering::Relaxed)
    }
}

/// Does `work` and tells `progress`, a Python function of steps done and steps in all, how far it has come.
///
/// # Errors
/// The work's as `SnncError`; `KeyboardInterrupt`, or whatever a signal handler or `progress` raises.
pub fn run<T: Send + 'static>(
    py: Python<'_>,
    progress: Option<&Bound<'_, PyAny>>,
    work: impl FnOnce(&Watch) -> Result<T, Diagnostics> + Send + 'static,
) -> PyResult<T> {
    let watch = Arc::new(Watch::default());
    let (give, take) = mpsc::sync_channel(1);
    let shared = Arc::clone(&watch);
    let thread = std::thread::Builder::new()
        .name("snnc".into())
        .stack_size(STACK)
        .spawn(move || drop(give.send(work(&shared))))
        .map_err(|error| PyRuntimeError::new_err(format!("cannot start a thread: {error}")))?;
    let take = Mutex::new(take);
    loop {
        let found = py.detach(|| take.lock().unwrap_or_else(PoisonError::into_inner).recv_timeout(LOOK));
        match found {
            Ok(result) => {
                tell(progress, &watch)?;
                return result.map_err(|problems| raise(py, problems));
            }
            Err(RecvTimeoutError::Timeout) => {
                if let Err(error) = py.check_signals().and_then(|()| tell(progress, &watch)) {
                    watch.stopped.store(true, Ordering::Relaxed);
                    return Err(error);
                }
            }
            // The thread has panicked, and its message is printed; Python gets the panic as an exception.
            Err(RecvTimeoutError::Disconnected) => match py.detach(|| thread.join()) {
                Err(panic) => std::panic::resume_unwind(panic),
                Ok(()) => unreachable!("a thread that ends has sent its result"),
            },
        }
    }
}

fn tell(progress: Option<&Bound<'_, PyAny>>, watch: &Watch) -> PyResult<()> {
    let Some(progress) = progress else { return Ok(()) };
    let (done, steps) = (watch.done.load(Ordering::Relaxed), watch.steps.load(Ordering::Relaxed));
    progress.call1((done, steps)).map(drop)
}
