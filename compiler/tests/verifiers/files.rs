//! Text and file forms: they round-trip, and damage is found.

use snnc_compiler::ir::CoreId;
use snnc_compiler::ir::program::Program;
use snnc_compiler::ir::spiking::SpikingIr;
use snnc_targets::Code;
use snnc_targets::diagnostic::Location;

use crate::common::{irregular, network};
use crate::support::{irregular_program, program};

#[test]
fn text_forms_round_trip() {
    let ir = network();
    assert_eq!(SpikingIr::from_text(&ir.to_text(), "ir").unwrap(), ir);
    let lists = irregular();
    assert_eq!(SpikingIr::from_text(&lists.to_text(), "ir").unwrap(), lists);
    let program = irregular_program();
    assert_eq!(Program::from_text(&program.to_text(), "program").unwrap(), program);
    assert_eq!(Program::from_bytes(&program.to_bytes(), "program").unwrap(), program);
    let program = self::program();
    assert_eq!(Program::from_text(&program.to_text(), "program").unwrap(), program);
    let broken = ir.to_text().replacen("decay", "decoy", 1).replacen("decay: ", "decoy: ", 1);
    let error = SpikingIr::from_text(&broken, "ir.txt").unwrap_err();
    assert_eq!(error.code, Code::TextForm);
    assert!(
        matches!(error.place.location(), Some(Location::Line { file, .. }) if file.ends_with("ir.txt")),
        "{error}"
    );
}

#[test]
fn program_files_round_trip_and_damage_is_found() {
    let program = program();
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
    let mut program = program();
    program.cores[CoreId(0)].slices[0].destinations[0].axon = u32::MAX;
    let error = Program::from_bytes(&program.to_bytes(), "p.snnx").unwrap_err();
    assert!(error.codes().contains(&Code::ProgramInvalid), "{error}");
    let folder = tempfile::tempdir().unwrap();
    let missing = Program::load(&folder.path().join("none.snnx")).unwrap_err();
    assert_eq!(missing.codes(), [Code::FileUnreadable]);
}
