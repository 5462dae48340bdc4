//! The mapping of the examples on every target, as a person reads it: report and program header, or why it does not
//! fit. A
//! change of mapping shows here.

mod common;

use snnc_compiler::driver::{CompileOptions, compile};
use snnc_targets::registry;

/// Errors with places that do not depend on where the project lies.
fn anywhere(problems: &snnc_targets::Diagnostics) -> String {
    problems.to_string().replace(concat!(env!("CARGO_MANIFEST_DIR"), "/"), "")
}

#[test]
fn the_example_on_every_target() {
    let model = common::model();
    for name in registry::names() {
        let target = registry::load(name).unwrap();
        match compile(&model, &target, CompileOptions::fewest_cores()) {
            Ok((_, program, report)) => {
                insta::assert_snapshot!(format!("report-{name}"), report.to_string());
                insta::assert_snapshot!(format!("program-{name}"), program.text_header());
            }
            Err(refusal) => insta::assert_snapshot!(format!("refusal-{name}"), anywhere(&refusal)),
        }
    }
}

#[test]
fn the_feed_forward_example_on_every_target() {
    let path = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("examples/feed-forward/model.ron");
    let model = snnc_compiler::frontend::load(&path).unwrap();
    for name in registry::names() {
        let target = registry::load(name).unwrap();
        match compile(&model, &target, CompileOptions::fewest_cores()) {
            Ok((_, _, report)) => {
                insta::assert_snapshot!(format!("feed-forward-report-{name}"), report.to_string());
            }
            Err(refusal) => {
                insta::assert_snapshot!(format!("feed-forward-refusal-{name}"), anywhere(&refusal))
            }
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
