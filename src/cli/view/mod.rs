//! `snnc view`: a compiled program on a terminal. The mesh of tiles with their cores, the layers, the core that is
//! chosen, and how full the cores are.
//!
//! [`contents`] is what a program holds, as rows; [`state`] is what is chosen and how keys change it; [`draw`] puts
//! both on a terminal. Nothing here changes a program, and only [`run`] knows that there is a terminal.

mod contents;
mod draw;
mod state;

use std::sync::atomic::{AtomicBool, Ordering};

use ratatui::crossterm::event::{self, Event, KeyEventKind};

use contents::Contents;
use snnc_compiler::ir::program::Program;
use state::{Answer, State};

/// Whether the terminal is in the hands of [`run`].
static OPEN: AtomicBool = AtomicBool::new(false);

/// Shows a program until its reader leaves.
///
/// # Errors
/// What the terminal refuses.
pub fn run(program: &Program) -> std::io::Result<()> {
    let contents = Contents::of(program);
    let mut state = State::default();
    let mut terminal = ratatui::try_init()?;
    OPEN.store(true, Ordering::SeqCst);
    let shown = loop {
        if let Err(error) = terminal.draw(|frame| draw::view(frame, &contents, &state)) {
            break Err(error);
        }
        match event::read() {
            Ok(Event::Key(key)) if key.kind != KeyEventKind::Release => {
                if state.pressed(key, &contents) == Answer::Leave {
                    break Ok(());
                }
            }
            Ok(_) => {}
            Err(error) => break Err(error),
        }
    };
    leave();
    shown
}

/// Gives the terminal back, if it is taken; also for who ends the process.
pub fn leave() {
    if OPEN.swap(false, Ordering::SeqCst) {
        ratatui::restore();
    }
}

#[cfg(test)]
mod tests;
