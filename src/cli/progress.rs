//! A progress bar on a terminal; nothing when piped.

use std::fmt::Write;
use std::io::IsTerminal;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use indicatif::{HumanCount, HumanDuration, ProgressBar, ProgressState, ProgressStyle, WeakProgressBar};

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
    /// Says what is being done, and for how long until it is known how many steps that takes. `steps` is what those
    /// are called.
    pub fn new(what: &'static str, steps: &'static str) -> Self {
        if !std::io::stderr().is_terminal() || console::detail() == Detail::Quiet {
            return Self(ProgressBar::hidden());
        }
        let bar = Self(ProgressBar::new_spinner());
        bar.stage(what, steps);
        bar.0.enable_steady_tick(TICK);
        *SHOWN.lock().unwrap_or_else(PoisonError::into_inner) = Some(bar.0.downgrade());
        bar
    }

    /// Says what is being done and for how long, where nobody knows how many steps there are.
    pub fn waiting(what: &'static str) -> Self {
        Self::new(what, "")
    }
}

impl Progress for Bar {
    fn begin(&self, steps: u64) {
        // As wide as the terminal: what stands behind the bar is never cut.
        let style = "{msg} {wide_bar} {human_pos}/{human_len} {prefix}{pace}";
        let style = ProgressStyle::with_template(style).unwrap_or_else(|_| ProgressStyle::default_bar());
        self.0.set_style(style.with_key("pace", pace));
        self.0.set_length(steps);
    }

    fn advance(&self, steps: u64) {
        self.0.inc(steps);
    }

    fn found(&self, steps: u64) {
        self.0.inc(steps);
        self.0.reset_eta();
    }

    fn stage(&self, what: &'static str, steps: &'static str) {
        let style = ProgressStyle::with_template("{spinner} {msg}, {elapsed}");
        self.0.set_style(style.unwrap_or_else(|_| ProgressStyle::default_spinner()));
        // Before anything is drawn in that style.
        self.0.set_prefix(steps);
        self.0.set_message(what);
        self.0.unset_length();
        // Counts, rates and the time until the end are those of the stage.
        self.0.reset();
    }
}

/// Rate and time until the end; nothing before the first step, which they follow from.
fn pace(state: &ProgressState, text: &mut dyn Write) {
    if state.pos() > 0 && state.per_sec() > 0.0 {
        let (rate, left) = (state.per_sec(), HumanDuration(state.eta()));
        // A text takes everything.
        let _ = match rate {
            100.0.. => write!(text, ", {}/s, {left:#} left", HumanCount(rate as u64)),
            _ => write!(text, ", {rate:.2}/s, {left:#} left"),
        };
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
