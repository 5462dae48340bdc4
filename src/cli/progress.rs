//! A progress bar on a terminal; nothing when piped.

use std::io::IsTerminal;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use indicatif::{ProgressBar, ProgressStyle, WeakProgressBar};

use crate::cli::process::console::{self, Detail};
use crate::progress::Progress;

/// How often a bar without steps moves.
const TICK: Duration = Duration::from_millis(200);

/// The bar that is shown, so that who ends the process may take it away.
static SHOWN: Mutex<Option<WeakProgressBar>> = Mutex::new(None);

/// A bar on standard error, hidden unless that is a terminal; taken away when dropped.
#[derive(Debug)]
pub struct Bar(ProgressBar);

impl Bar {
    /// A bar that says what is being done, in one word.
    pub fn new(what: &'static str) -> Self {
        if !std::io::stderr().is_terminal() || console::detail() == Detail::Quiet {
            return Self(ProgressBar::hidden());
        }
        let bar = ProgressBar::new(0).with_message(what);
        let style = ProgressStyle::with_template("{msg} {bar:36} {pos}/{len}, {per_sec}, {eta} left")
            .unwrap_or_else(|_| ProgressStyle::default_bar());
        Self(bar).shown(style)
    }

    /// Says what is being done and for how long, where nobody knows how many steps there are.
    pub fn waiting(what: &'static str) -> Self {
        if !std::io::stderr().is_terminal() || console::detail() == Detail::Quiet {
            return Self(ProgressBar::hidden());
        }
        let style = ProgressStyle::with_template("{spinner} {msg}, {elapsed}")
            .unwrap_or_else(|_| ProgressStyle::default_spinner());
        let waiting = Self(ProgressBar::new_spinner().with_message(what)).shown(style);
        waiting.0.enable_steady_tick(TICK);
        waiting
    }

    fn shown(self, style: ProgressStyle) -> Self {
        self.0.set_style(style);
        *SHOWN.lock().unwrap_or_else(PoisonError::into_inner) = Some(self.0.downgrade());
        self
    }
}

impl Progress for Bar {
    fn begin(&self, steps: u64) {
        self.0.set_length(steps);
    }

    fn advance(&self, steps: u64) {
        self.0.inc(steps);
    }
}

impl Drop for Bar {
    fn drop(&mut self) {
        self.0.finish_and_clear();
    }
}

/// Takes a bar that is shown off the terminal.
pub fn clear() {
    let shown = SHOWN.lock().unwrap_or_else(PoisonError::into_inner).take();
    if let Some(bar) = shown.and_then(|bar| bar.upgrade()) {
        bar.finish_and_clear();
    }
}
