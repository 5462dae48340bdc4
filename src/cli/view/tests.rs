use std::path::Path;

use ratatui::Terminal;
use ratatui::backend::TestBackend;
use ratatui::crossterm::event::{KeyCode, KeyEvent, KeyModifiers};
use snnc_compiler::driver::CompileOptions;

use snnc_compiler::ir::program::usage::Limit;

use super::*;

fn contents() -> Contents {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("examples/digits-cnn/model.ron");
    let model = crate::Model::load(path).unwrap();
    let target = crate::target("loihi-like").unwrap();
    Contents::of(model.compile(&target, &CompileOptions::fewest_cores()).unwrap().mapped())
}

fn drawn(contents: &Contents, state: &State, (width, height): (u16, u16)) -> String {
    let mut terminal = Terminal::new(TestBackend::new(width, height)).unwrap();
    terminal.draw(|frame| draw::view(frame, contents, state)).unwrap();
    terminal.backend().to_string()
}

fn press(state: &mut State, contents: &Contents, code: KeyCode) -> Answer {
    state.pressed(KeyEvent::new(code, KeyModifiers::NONE), contents)
}

#[test]
fn panels_and_the_mesh_are_drawn() {
    let contents = contents();
    let mut state = State::default();
    insta::assert_snapshot!("layers", drawn(&contents, &state, (80, 16)));
    press(&mut state, &contents, KeyCode::Tab);
    insta::assert_snapshot!("core", drawn(&contents, &state, (80, 16)));
    press(&mut state, &contents, KeyCode::Tab);
    press(&mut state, &contents, KeyCode::Char('m'));
    insta::assert_snapshot!("limits", drawn(&contents, &state, (80, 16)));
    // One above the other where the terminal is narrow; nothing breaks where it is tiny.
    insta::assert_snapshot!("narrow", drawn(&contents, &state, (40, 20)));
    for size in [(1, 1), (3, 2), (10, 4), (300, 100)] {
        drawn(&contents, &state, size);
    }
}

#[test]
fn rows_are_those_of_the_program() {
    let contents = contents();
    let neurons: u64 = contents.layers.iter().map(|layer| layer.neurons).sum();
    let held: u64 = contents.cores.iter().flat_map(|core| &core.parts).map(|part| part.1).sum();
    assert_eq!(neurons, held);
    let most = |limit: usize| contents.cores.iter().map(|core| core.used[limit].0).max().unwrap();
    contents.limits.iter().enumerate().for_each(|(at, found)| assert_eq!(found.max, most(at)));
}

#[test]
fn keys_walk_over_the_mesh_and_leave() {
    let contents = contents();
    let mut state = State::default();
    let start = contents.cores[state.core].tile;
    let mut seen = std::collections::BTreeSet::from([state.core]);
    for code in [KeyCode::Right, KeyCode::Down, KeyCode::Left, KeyCode::Up, KeyCode::Char('l')] {
        assert_eq!(press(&mut state, &contents, code), Answer::Stay);
        seen.insert(state.core);
    }
    assert!(contents.cores.len() == 1 || seen.len() > 1, "from {start:?}: {seen:?}");
    for _ in 0..Limit::ALL.len() {
        press(&mut state, &contents, KeyCode::Char('m'));
        assert!(state.limit.is_some());
    }
    press(&mut state, &contents, KeyCode::Char('m'));
    assert_eq!(state.limit, None);
    assert_eq!(press(&mut state, &contents, KeyCode::Char('q')), Answer::Leave);
    assert_eq!(
        state.pressed(KeyEvent::new(KeyCode::Char('c'), KeyModifiers::CONTROL), &contents),
        Answer::Leave
    );
}
