//! Program files: they come back as they were, and damage is found. Texts of IRs are tested in `files`.

use std::path::Path;

use snnc_compiler::ir::program::Program;
use snnc_targets::Code;

/// The text of a program that the tests of `files` use.
fn text(name: &str) -> String {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/files/networks");
    std::fs::read_to_string(folder.join(name)).unwrap()
}

fn program(text: &str) -> Program {
    Program::from_text(text, "program").unwrap()
}

#[test]
fn program_files_round_trip_and_damage_is_found() {
    let lines = program(&text("lines.program"));
    assert_eq!(Program::from_bytes(&lines.to_bytes(), "p.snnx").unwrap(), lines);
    let program = program(&text("small.program"));
    let bytes = program.to_bytes();
    assert_eq!(Program::from_bytes(&bytes, "p.snnx").unwrap(), program);
    for length in (0..bytes.len()).step_by(97) {
        let error = Program::from_bytes(&bytes[..length], "p.snnx").unwrap_err();
        assert_eq!(error.codes(), [Code::SnnxMalformed]);
    }
    for at in (0..bytes.len()).step_by(61) {
        let mut damaged = bytes.clone();
        damaged[at] ^= 0x40;
        let error = Program::from_bytes(&damaged, "p.snnx").unwrap_err();
        assert_eq!(error.codes(), [Code::SnnxMalformed], "byte {at}");
    }
    let mut newer = bytes.clone();
    newer[4] = 99;
    let error = Program::from_bytes(&newer, "p.snnx").unwrap_err();
    assert!(error.to_string().contains("format version 99") && error.to_string().contains("hint"), "{error}");
}

#[test]
fn a_program_file_with_a_right_checksum_and_wrong_contents_is_refused() {
    let whole = text("small.program");
    let broken = whole.replacen("(core: (2), axon: 0)", "(core: (2), axon: 4294967295)", 1);
    assert_ne!(whole, broken);
    let error = Program::from_bytes(&program(&broken).to_bytes(), "p.snnx").unwrap_err();
    assert!(error.codes().contains(&Code::ProgramInvalid), "{error}");
    let folder = tempfile::tempdir().unwrap();
    let missing = Program::load(&folder.path().join("none.snnx")).unwrap_err();
    assert_eq!(missing.codes(), [Code::FileUnreadable]);
}
