use snnc_simulator::time::Fidelity;

use super::*;
use crate::report::fixture::{run, run_changed};

fn folder_of(report: crate::Report) -> RunFolder {
    let folder = tempfile::tempdir().unwrap();
    RunFolder::of(folder.path(), report, "out".into()).unwrap()
}

/// The data that the scripts of a page read.
fn data(page: &str) -> serde_json::Value {
    let (_, rest) = page.split_once("<script type=\"application/json\" id=\"data\">").unwrap();
    serde_json::from_str(rest.split_once("</script>").unwrap().0).unwrap()
}

#[test]
fn the_page_carries_the_report_as_it_is() {
    let report = run(Fidelity::Analytic, |input| input.report());
    let data = data(&page(&folder_of(report.clone())));
    let carried = &data["runs"][0]["report"];
    let mut expected = serde_json::to_value(&report).unwrap();
    for item in expected["per_image"].as_array_mut().unwrap() {
        item["layers"] = serde_json::json!([]);
    }
    assert_eq!(carried, &expected);
    // Without the files beside it, the page says what it cannot show.
    assert!(data["runs"][0]["left_out"].as_array().unwrap().len() >= 2);
}

#[test]
fn a_page_loads_nothing_from_elsewhere() {
    let report = run(Fidelity::Analytic, |input| input.report());
    let page = page(&folder_of(report));
    let own = page.split("<script>").next().unwrap();
    for address in ["src=\"http", "href=\"http", "url(http", "@import"] {
        assert!(!own.contains(address), "{address}");
    }
    assert!(page.contains("default-src 'none'"));
    assert!(page.len() < 2_000_000, "{}", page.len());
}

#[test]
fn no_name_of_a_model_becomes_markup() {
    let evil = "</script><script>alert(1)</script>";
    let report = run_changed(
        Fidelity::None,
        |program| {
            program.model.name = evil.into();
            program.target.name = evil.into();
            program.model.networks[snnc_compiler::ir::NetworkId(0)].name = evil.into();
        },
        |input| input.report(),
    );
    let page_text = page(&folder_of(report.clone()));
    assert!(!page_text.contains("<script>alert"));
    assert_eq!(data(&page_text)["runs"][0]["report"]["model"], evil);
    let several = page_of_several(&[folder_of(report.clone()), folder_of(report)]).unwrap();
    assert!(!several.contains("<script>alert"));
    assert_eq!(data(&several)["comparison"]["runs"].as_array().unwrap().len(), 2);
}
