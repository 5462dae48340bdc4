//! A program on a terminal. A core is a letter, that of its first layer, or a digit, the tenths of a limit that it
//! uses; so the picture says the same without colours.

use ratatui::Frame;
use ratatui::layout::{Constraint, Layout, Rect};
use ratatui::style::{Color, Modifier, Style};
use ratatui::text::{Line, Span};
use ratatui::widgets::{Block, Paragraph, Wrap};
use snnc_compiler::ir::program::usage::Limit;

use super::contents::{Contents, CoreRow};
use super::state::{Panel, State};
use crate::report::units::{count, counted, share};

/// Columns of the panel beside the mesh.
const PANEL: u16 = 38;
/// Letters of layers; more layers begin again.
const LETTERS: &[u8] = b"abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ";
/// Colours of layers and of tenths.
const COLORS: [Color; 6] =
    [Color::Blue, Color::Yellow, Color::Green, Color::Magenta, Color::Cyan, Color::Red];
/// What keys do.
const KEYS: &str = " arrows: core   Tab: panel   m: layers or a limit   q: leave ";

/// Draws the view.
pub fn view(frame: &mut Frame<'_>, contents: &Contents, state: &State) {
    let rows = [Constraint::Length(1), Constraint::Min(3), Constraint::Length(1)];
    let [head, middle, foot] = Layout::vertical(rows).areas(frame.area());
    let (cores, chips) =
        (counted(contents.cores.len() as u64, "core"), counted(contents.chips.into(), "chip"));
    let title = format!("{} on {}: {cores} on {chips}", contents.model, contents.target);
    frame.render_widget(Line::from(title).style(Modifier::BOLD), head);
    frame.render_widget(Line::from(KEYS).style(Modifier::REVERSED), foot);
    // A narrow terminal shows one below the other.
    let beside = middle.width >= 2 * PANEL;
    let [map, panel] = if beside {
        Layout::horizontal([Constraint::Min(1), Constraint::Length(PANEL)]).areas(middle)
    } else {
        Layout::vertical([Constraint::Fill(1), Constraint::Fill(1)]).areas(middle)
    };
    mesh(frame, map, contents, state);
    let lines = match state.panel {
        Panel::Layers => layers(contents),
        Panel::Core => core(contents, state),
        Panel::Limits => limits(contents),
    };
    let tabs = Panel::ALL.map(|panel| {
        let style = if panel == state.panel { Modifier::REVERSED } else { Modifier::empty() };
        Span::styled(format!(" {} ", panel.title()), Style::from(style))
    });
    let block = Block::bordered().title(Line::from(tabs.to_vec()));
    frame.render_widget(Paragraph::new(lines).wrap(Wrap { trim: false }).block(block), panel);
}

/// The letter of a layer.
fn letter(layer: usize) -> char {
    char::from(LETTERS[layer % LETTERS.len()])
}

/// Tiles with their cores: as much of the board as fits around the core that is chosen.
fn mesh(frame: &mut Frame<'_>, area: Rect, contents: &Contents, state: &State) {
    let shown = state.limit.map_or("by layer".to_owned(), |limit| format!("tenths of {}", Limit::ALL[limit]));
    let block = Block::bordered().title(format!(" Mesh: {shown} "));
    let inner = block.inner(area);
    frame.render_widget(block, area);
    let Some(chosen) = contents.cores.get(state.core) else { return };
    // A tile is as many characters wide and high as cores lie in a row of it, and one between tiles.
    let step = contents.across() + 1;
    let first = |tiles: u32, size: u16, at: u32| {
        let fit = (u32::from(size) / step).max(1);
        (at + 1).saturating_sub(fit).max(at.saturating_sub(fit / 2)).min(tiles.saturating_sub(fit))
    };
    let (x0, y0) = (
        first(contents.tiles.0, inner.width, chosen.tile.0),
        first(contents.tiles.1, inner.height, chosen.tile.1),
    );
    let buffer = frame.buffer_mut();
    let mut put = |(x, y): (u32, u32), slot: u32, symbol: char, style: Style| {
        if x < x0 || y < y0 || slot >= contents.cores_per_tile {
            return;
        }
        let column = (x - x0) * step + slot % contents.across();
        let row = (y - y0) * step + slot / contents.across();
        if column < inner.width.into() && row < inner.height.into() {
            let cell = &mut buffer[(inner.x + column as u16, inner.y + row as u16)];
            cell.set_char(symbol).set_style(style);
        }
    };
    // No more tiles than the terminal has characters.
    let last = |from: u32, tiles: u32, size: u16| tiles.min(from + u32::from(size));
    for y in y0..last(y0, contents.tiles.1, inner.height) {
        for x in x0..last(x0, contents.tiles.0, inner.width) {
            (0..contents.cores_per_tile).for_each(|slot| put((x, y), slot, '·', Style::new().dim()));
        }
    }
    for (index, core) in contents.cores.iter().enumerate() {
        let (symbol, color) = look(core, state);
        let style = Style::new().fg(color);
        let style = if index == state.core { style.add_modifier(Modifier::REVERSED) } else { style };
        put(core.tile, core.slot, symbol, style);
    }
}

/// Character and colour of a core.
fn look(core: &CoreRow, state: &State) -> (char, Color) {
    let Some(limit) = state.limit else {
        let layer = core.parts.first().map_or(0, |part| part.0);
        return (letter(layer), COLORS[layer % COLORS.len()]);
    };
    match core.used[limit] {
        (used, Some(of)) if of > 0 => {
            let tenths = (used.saturating_mul(10) / of).min(9) as u32;
            let color = [Color::Blue, Color::Green, Color::Yellow, Color::Red][(tenths as usize * 4) / 10];
            (char::from_digit(tenths, 10).unwrap_or('9'), color)
        }
        _ => ('?', Color::Reset),
    }
}

fn layers(contents: &Contents) -> Vec<Line<'static>> {
    let row = |(at, layer): (usize, &super::contents::LayerRow)| {
        let style = Style::new().fg(COLORS[at % COLORS.len()]);
        Line::from(vec![
            Span::styled(format!("{} ", letter(at)), style),
            Span::raw(format!(
                "{}: {}, {}",
                layer.name,
                counted(layer.neurons, "neuron"),
                counted(layer.cores as u64, "core")
            )),
        ])
    };
    contents.layers.iter().enumerate().map(row).collect()
}

fn core(contents: &Contents, state: &State) -> Vec<Line<'static>> {
    let Some(core) = contents.cores.get(state.core) else { return vec!["no core is in use".into()] };
    let (x, y) = core.tile;
    let mut lines: Vec<Line<'static>> =
        vec![format!("core {} on chip {}, tile {x}, {y}", core.core.0, core.chip).into(), Line::default()];
    for (limit, (used, of)) in Limit::ALL.into_iter().zip(&core.used) {
        lines.push(match of {
            Some(of) => {
                format!("{limit}: {} of {} ({})", count(*used), count(*of), share(*used as f64, *of as f64))
                    .into()
            }
            None => format!("{limit}: {}, no limit", count(*used)).into(),
        });
    }
    lines.push(Line::default());
    let part = |(layer, neurons): &(usize, u64)| {
        let name = &contents.layers[*layer].name;
        Line::from(format!("{} {name}: {}", letter(*layer), counted(*neurons, "neuron")))
    };
    lines.extend(core.parts.iter().map(part));
    lines
}

fn limits(contents: &Contents) -> Vec<Line<'static>> {
    let mut lines = Vec::new();
    for found in &contents.limits {
        let of = found.of.map_or("no limit".to_owned(), |of| format!("of {}", count(of)));
        lines.push(Line::from(format!("{} ({of})", found.limit)).style(Modifier::BOLD));
        let mean = count(found.mean.round() as u64);
        let uses = format!("  least {}, mean {mean}, most {}", count(found.min), count(found.max));
        let full = found.of.map_or(String::new(), |of| format!(", {}", share(found.max as f64, of as f64)));
        lines.push(Line::from(uses + &full));
    }
    lines
}
