//! The mapping of the examples as a person reads it: report and program header, or why a target does not hold them. On
//! fewest cores of every target, and for time. A change of mapping shows here.

use crate::common;
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
            Ok((_, program, mut report)) => {
                // What it is expected to take is looked at below.
                report.expected = None;
                insta::assert_snapshot!(format!("report-{name}"), report.to_string());
                insta::assert_snapshot!(format!("program-{name}"), program.text_header());
            }
            Err(refusal) => insta::assert_snapshot!(format!("refusal-{name}"), anywhere(&refusal)),
        }
    }
}

/// Where every neuron is taken to fire once; a run of the example itself is looked at by the command.
#[test]
fn the_example_mapped_for_time() {
    let model = common::model();
    for name in ["loihi-like", "loihi2-like"] {
        let target = registry::load(name).unwrap();
        let (_, _, report) = compile(&model, &target, CompileOptions::default()).unwrap();
        let cores = compile(&model, &target, CompileOptions::fewest_cores()).unwrap().2;
        let [time, of_cores] =
            [&report, &cores].map(|report| report.expected.as_ref().unwrap().estimate.time_s);
        assert!(time < 0.95 * of_cores && report.cores > cores.cores, "{time} {of_cores}");
        let text = report.to_string();
        assert!(text.contains("made for time") && text.contains("sdid takes"), "{text}");
    }
}

#[test]
fn the_feed_forward_example_on_every_target() {
    let path = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("examples/feed-forward/model.ron");
    let model = snnc_compiler::frontend::load(&path).unwrap();
    for name in registry::names() {
        let target = registry::load(name).unwrap();
        match compile(&model, &target, CompileOptions::fewest_cores()) {
            Ok((_, _, mut report)) => {
                report.expected = None;
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
