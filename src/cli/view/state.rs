//! What is chosen, and how keys change it.

use ratatui::crossterm::event::{KeyCode, KeyEvent, KeyModifiers};
use snnc_compiler::ir::program::usage::Limit;

use super::contents::{Contents, CoreRow};

/// What the column beside the mesh shows.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Panel {
    /// All layers.
    #[default]
    Layers,
    /// The core that is chosen.
    Core,
    /// Use of each limit over the cores.
    Limits,
}

impl Panel {
    /// In the order of the Tab key.
    pub const ALL: [Self; 3] = [Self::Layers, Self::Core, Self::Limits];

    /// Its heading.
    pub fn title(self) -> &'static str {
        match self {
            Self::Layers => "Layers",
            Self::Core => "Core",
            Self::Limits => "Limits",
        }
    }
}

/// Whether the view goes on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Answer {
    /// It does.
    Stay,
    /// Its reader leaves.
    Leave,
}

/// What is chosen.
#[derive(Debug, Clone, Default)]
pub struct State {
    /// Index of a core in [`Contents::cores`].
    pub core: usize,
    /// What the column shows.
    pub panel: Panel,
    /// What the mesh shows of a core: its layer, or how much of a limit it uses.
    pub limit: Option<usize>,
}

impl State {
    /// What a key does.
    pub fn pressed(&mut self, key: KeyEvent, contents: &Contents) -> Answer {
        let control = key.modifiers.contains(KeyModifiers::CONTROL);
        match key.code {
            KeyCode::Char('c') if control => return Answer::Leave,
            KeyCode::Char('q') | KeyCode::Esc => return Answer::Leave,
            KeyCode::Left | KeyCode::Char('h') => self.walk(contents, (-1, 0)),
            KeyCode::Right | KeyCode::Char('l') => self.walk(contents, (1, 0)),
            KeyCode::Up | KeyCode::Char('k') => self.walk(contents, (0, -1)),
            KeyCode::Down | KeyCode::Char('j') => self.walk(contents, (0, 1)),
            KeyCode::Tab => {
                let at = Panel::ALL.iter().position(|panel| *panel == self.panel).unwrap_or(0);
                self.panel = Panel::ALL[(at + 1) % Panel::ALL.len()];
            }
            KeyCode::Char('m') => {
                self.limit = match self.limit {
                    None => Some(0),
                    Some(at) if at + 1 < Limit::ALL.len() => Some(at + 1),
                    Some(_) => None,
                };
            }
            _ => {}
        }
        Answer::Stay
    }

    /// To the nearest core in a direction; what lies aside counts four times.
    fn walk(&mut self, contents: &Contents, (dx, dy): (i64, i64)) {
        let place = |core: &CoreRow| {
            let across = i64::from(contents.across());
            let (x, y) = (i64::from(core.tile.0) * across, i64::from(core.tile.1) * across);
            (x + i64::from(core.slot) % across, y + i64::from(core.slot) / across)
        };
        let Some(from) = contents.cores.get(self.core).map(place) else { return };
        let cost = |core: &CoreRow| {
            let (x, y) = place(core);
            let along = (x - from.0) * dx + (y - from.1) * dy;
            let aside = ((x - from.0) * dy).abs() + ((y - from.1) * dx).abs();
            (along > 0).then_some(along + 4 * aside)
        };
        let costs = contents.cores.iter().enumerate().filter_map(|(i, core)| Some((cost(core)?, i)));
        self.core = costs.min().map_or(self.core, |(_, core)| core);
    }
}
