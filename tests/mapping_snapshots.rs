//! The mapping of the example model, as a person reads it: report and program header. A change of mapping shows here.

mod common;

use snnc_compiler::driver::{CompileOptions, compile};
use snnc_targets::registry;

#[test]
fn the_example_on_every_target() {
    let model = common::model();
    for name in registry::names() {
        let target = registry::load(name).unwrap();
        match compile(&model, &target, CompileOptions::default()) {
            Ok((_, program, report)) => {
                insta::assert_snapshot!(format!("report-{name}"), report.to_string());
                insta::assert_snapshot!(format!("program-{name}"), program.text_header());
            }
            Err(refusal) => insta::assert_snapshot!(format!("refusal-{name}"), refusal.to_string()),
        }
    }
}

#[test]
fn the_spiking_ir_of_the_example() {
    let target = registry::load("loihi-like").unwrap();
    let ir = snnc_compiler::driver::lower(&common::model(), &target, Default::default()).unwrap();
    let text = ir.to_text();
    let header: String =
        text.lines().take_while(|line| line.starts_with("//")).map(|l| format!("{l}\n")).collect();
    insta::assert_snapshot!("spiking-ir", header);
    assert_eq!(snnc_compiler::ir::spiking::SpikingIr::from_text(&text, "text").unwrap(), ir);
}
