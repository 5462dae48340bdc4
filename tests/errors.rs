//! What users read when something is wrong: every code provoked from real input, every missing feature in its own
//! words, several faults at once, and the same for programs. The texts are snapshots; folders in them are `FOLDER`.

mod provoked;
mod small_model;

use std::path::Path;

use indexmap::IndexMap;
use snnc::cli::errors::render;
use snnc_compiler::frontend;
use snnc_targets::{Code, Severity, registry};

use self::provoked::{broken_inside, cases, stopped};
use self::small_model::{Folder, MODEL, X, replaced, target};
use crate::common;

#[test]
fn every_code_is_met_by_somebody() {
    let mut met = IndexMap::new();
    for (code, files, arguments) in cases() {
        let folder = Folder::new();
        for (name, bytes) in files {
            folder.write(name, bytes);
        }
        let example = common::example();
        let named = |argument: &&'static str| match *argument {
            "EXAMPLE" => example.to_str().unwrap().to_owned(),
            other => other.to_owned(),
        };
        let given: Vec<String> = arguments.iter().map(named).collect();
        let text = folder.refused(&given.iter().map(String::as_str).collect::<Vec<_>>());
        assert!(text.contains(&format!("error[{code}]: ")), "{code}, {arguments:?}:\n{text}");
        met.insert(code, format!("$ snnc {}\n{text}", arguments.join(" ")));
    }
    for code in [Code::SpikingIr, Code::ProgramInvalid] {
        met.insert(code, broken_inside(code));
    }
    met.insert(Code::Stopped, stopped());
    let started = snnc::ranks::Started { variable: "PMI_SIZE", value: 4 };
    let refused = snnc::ranks::refuse(&started).into();
    met.insert(Code::Ranks, format!("(one of four processes)\n{}", render::plain(&refused, 80)));
    met.sort_keys();
    let errors: Vec<Code> =
        Code::ALL.iter().copied().filter(|code| code.severity() == Severity::Error).collect();
    assert_eq!(met.keys().copied().collect::<Vec<_>>(), errors, "a code that nothing provokes");
    insta::assert_snapshot!(met.into_values().collect::<Vec<_>>().join("\n"));
}

#[test]
fn what_is_not_supported_is_told_from_what_is_misspelt() {
    let folder = Folder::new();
    let layer = |op: &str| format!("(name: \"x\", from: [\"s1\"], op: {op}),");
    let neurons = |op: &str| {
        format!(
            "(name: \"c\", from: [\"s1\"], op: Conv2d(weight: (\"w\", \"w1x1\"))),\n      \
             (name: \"n\", from: [\"c\"], op: {op}),\n      \
             (name: \"x\", from: [\"n\"], op: Conv2d(weight: (\"w\", \"w1x1\"))),"
        )
    };
    let conv = |rest: &str| layer(&format!("Conv2d(weight: (\"w\", \"c4\"), {rest})"));
    let cases = [
        layer("AvgPool2d(kernel_size: (2, 2))"),
        layer("AvgPool2d(kernel: (2, 2), padding: (2, 0))"),
        layer("AvgPool1d(kernel: 2)"),
        layer("AdaptiveMaxPool2d(kernel: (2, 2))"),
        layer("SumPool2d(kernel: (9, 9))"),
        layer("Sum"),
        layer("Add"),
        layer("Identity"),
        layer("Interpolate(scale: 2)"),
        layer("Conv1d(weight: (\"w\", \"c4\"))"),
        layer("ReLU"),
        layer("conv2d(weight: (\"w\", \"w1x1\"))"),
        layer("Conv2D(weight: (\"w\", \"w1x1\"))"),
        layer("Fancy"),
        layer("Conv2d(wieght: (\"w\", \"w1x1\"))"),
        layer("Conv2d(weight: \"w1x1\")"),
        layer("Conv2d()"),
        conv("padding: 1"),
        conv("padding: same"),
        conv("padding: \"valid\""),
        conv("padding: (0, 1, 0)"),
        conv("padding: \"same\", stride: (2, 2)"),
        conv("output_padding: (1, 1), stride: (2, 2)"),
        conv("padding: (1, 1), bias: (\"w\", \"four\")"),
        conv("padding: (1, 1), bias: true"),
        conv("padding: (1, 1), kernel_size: (3, 3)"),
        conv("stride: (-1, 1)"),
        neurons("Lif(tau: (\"w\", \"four\"), threshold: 1.0, reset: 0.0)"),
        neurons("Lif(tau: 2.0, threshold: 1.0, reset: None)"),
        neurons("Lif(tau: 2.0, threshold: 1.0, reset: 0.0, refractory_period: 2)"),
        neurons("Lif(tau: 2.0, threshold: 1.0, reset: 0.0, tau_syn: 5.0)"),
        neurons("Lif(tau: 2.0, treshold: 1.0, reset: 0.0)"),
        neurons("Lif(tau: inf, threshold: 1.0, reset: 0.0)"),
        neurons("If(threshold: 1.0, reset: 0.5)"),
        neurons("LIFNode(beta: 0.5)"),
        neurons("BatchNorm(weight: (\"w\", \"four\"), running_var: (\"w\", \"four\"), eps: 1e-5)"),
        "(name: \"x\", from: \"s1\", op: Conv2d(weight: (\"w\", \"w1x1\"))),".to_owned(),
    ];
    let mut all = String::new();
    for case in cases {
        let text = folder.of_model(&replaced(&[(X, &case)]));
        let text = text.unwrap_or_else(|| panic!("{case} was accepted"));
        let told = text.lines().filter(|line| line.starts_with("error")).count();
        assert!(told >= 1 && text.contains("hint: ") && text.contains("model.ron:"), "{case}:\n{text}");
        all += &text[..text.find("`snnc explain").unwrap()];
    }
    insta::assert_snapshot!(all);
}

#[test]
fn several_faults_are_told_at_once_in_the_order_of_the_file() {
    let folder = Folder::new();
    let text = replaced(&[
        ("tau: 2.0", "tau: -2.0"),
        ("(\"w\", \"c1\")", "(\"w\", \"c\")"),
        ("from: [\"x\"]", "from: [\"y\"]"),
        ("\"w.safetensors\"", "\"w.safetensors\", \"v\u{8}\": \"v.pth\""),
        ("timesteps: 4", "timesteps: 0"),
    ]);
    insta::assert_snapshot!(folder.of_model(&text).unwrap());
    let unread =
        replaced(&[("tau: 2.0", "tau: \"2\""), (X, "(nme: \"x\"),"), ("name: \"small\"", "name: small")]);
    insta::assert_snapshot!(folder.of_model(&unread).unwrap());
}

#[test]
fn the_output_is_what_nothing_reads_whatever_the_order() {
    let folder = Folder::new();
    let lines: Vec<&str> = MODEL.lines().filter(|line| line.trim_start().starts_with("(name:")).collect();
    let reversed: Vec<&str> = lines.iter().rev().copied().collect();
    folder.write("a.ron", MODEL);
    folder.write("b.ron", MODEL.replace(&lines.join("\n"), &reversed.join("\n")));
    let input = snnc_compiler::reference::Map::new(
        snnc_compiler::ir::Shape::new(1, 6, 6),
        (0..36).map(|i| f64::from(i) / 18.0 - 1.0).collect(),
    );
    let output = |name: &str| {
        let model = frontend::load(&folder.path(name)).unwrap();
        let network = snnc_compiler::reference::Interpreter::new(&model.graphs["net"]).unwrap();
        network.run(&input).unwrap().output().clone()
    };
    assert_eq!(output("a.ron"), output("b.ron"));
    assert_eq!(output("a.ron").shape().channels, 4);

    let second = r#"(name: "more", from: ["s1"], op: MeanOverTime),
      (name: "out""#;
    let mut texts = folder.of_model(&replaced(&[(r#"(name: "out""#, second)])).unwrap();
    let ends = MODEL.replace("      (name: \"out\", from: [\"x\"], op: MeanOverTime),\n", "");
    texts += &folder.of_model(&ends).unwrap();
    insta::assert_snapshot!(texts);
}

#[test]
fn names_that_stand_twice_or_cannot_be_printed_are_refused() {
    let folder = Folder::new();
    let long = format!("name: \"{}\"", "n".repeat(201));
    let network = "\"net\": (timesteps: 1, layers: []),\n    \"net\": (timesteps: 4";
    let cases: [&[(&str, &str)]; 6] = [
        &[("\"net\": (timesteps: 4", network)],
        &[("{\"w\": \"w.safetensors\"}", "{\"w\": \"w.safetensors\", \"w\": \"other.safetensors\"}")],
        &[("(name: \"x\"", "(name: \"s1\"")],
        &[("name: \"small\"", "name: \"sm\\u{1b}[2Jall\"")],
        &[("name: \"small\"", &long)],
        &[("(name: \"out\"", "(name: \" \"")],
    ];
    let texts = cases.iter().map(|case| folder.of_model(&replaced(case)).unwrap());
    insta::assert_snapshot!(texts.collect::<Vec<_>>().join("\n"));
    for (old, new, part) in [
        ("name: \"loihi-like\"", "name: \"\"", "a name to print, but it is empty"),
        ("name: \"loihi-like\"", "name: \"a\\nb\"", "U+000A"),
        (
            "Derived(\"128 cores per chip (Davies 2018) on 8 x 4 tiles\")",
            "Derived(\" \")",
            "the source is empty",
        ),
        ("Derived(\"128 cores per chip (Davies 2018) on 8 x 4 tiles\")", "Derived(\"a\\u{1b}b\")", "U+001B"),
    ] {
        let error = registry::parse(&target("loihi-like", &[(old, new)]), "t.ron").unwrap_err();
        assert_eq!(error.codes(), [Code::TargetInvalid], "{error}");
        assert!(error.to_string().contains(part) && error.0[0].place.position().is_some(), "{error}");
    }
}

#[test]
fn a_target_says_all_that_is_wrong_with_it() {
    let parts = [
        ("neurons: (1024, Published(\"Davies 2018: 1,024 compartments per core\"))", "neurons: 1024"),
        ("decay_bits: (12", "decay_bit: (12"),
        ("clock_ns: (0.01", "clock_ns: (\"fast\""),
        (
            "Some((16, Published(\"nengo-loihi hardware/validate.py: 16 threshold profiles per core\")))",
            "(16, Published(\"nengo-loihi hardware/validate.py: 16 threshold profiles per core\"))",
        ),
    ];
    let text = target("loihi-like", &parts[..3]);
    let unread = registry::parse(&text, "t.ron").unwrap_err();
    let some = registry::parse(&target("loihi-like", &parts[3..]), "t.ron").unwrap_err();
    let wrong =
        [("neurons: (1024", "neurons: (0"), ("state_bits: (24", "state_bits: (64"), ("(8.4,", "(-8.4,")];
    let wrong = registry::parse(&target("loihi-like", &wrong), "t.ron").unwrap_err();
    insta::assert_snapshot!([unread, some, wrong].map(|problems| render::plain(&problems, 80)).join("\n"));
}

#[test]
fn files_of_another_kind_are_named() {
    let folder = Folder::new();
    folder.write("m.ron", MODEL);
    folder.write("t.ron", target("loihi-like", &[]));
    folder.write("a.pth", b"PK\x03\x04\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\x0b\0\0\0zi/data.pkl");
    folder.write("b.nir", b"\x89HDF\r\n\x1a\n\0\0");
    folder.write("c.png", b"\x89PNG\r\n\x1a\n");
    folder.write("d.json", b"{\"schema\": \"snnc.report/1\"}");
    folder.write("e.npz", b"PK\x03\x04\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\x05\0\0\0x.npy");
    folder.write("f.snnx", b"SNNX\x05\0\0\0");
    let mut all = String::new();
    for file in ["a.pth", "c.png", "d.json", "e.npz", "f.snnx", "w.safetensors", "t.ron"] {
        all += &folder.refused(&["compile", file]);
    }
    all += &folder.refused(&["targets", "check", "b.nir"]);
    for file in ["m.ron", "w.safetensors"] {
        all += &folder.refused(&["targets", "check", file]);
        all += &folder.refused(&["simulate", file]);
    }
    folder.write("m.ron", replaced(&[("w.safetensors", "g.safetensors")]));
    std::fs::copy(folder.path("c.png"), folder.path("g.safetensors")).unwrap();
    all += &folder.refused(&["compile", "m.ron"]);
    std::fs::copy(folder.path("a.pth"), folder.path("g.safetensors")).unwrap();
    all += &folder.refused(&["compile", "m.ron"]);
    assert_eq!(all.matches("error[E0023]").count(), 14, "{all}");
    insta::assert_snapshot!(all);
}

#[test]
fn fit_tells_a_fault_of_the_model_once_and_fails_if_nothing_fits() {
    let folder = Folder::new();
    folder.write("m.ron", MODEL);
    let narrow = target("loihi-like", &[("synapse_memory_bits: (1048576", "synapse_memory_bits: (8")]);
    folder.write("narrow.ron", narrow);
    let code = |arguments: &[&str]| folder.snnc(arguments).status.code();
    assert_eq!(code(&["fit", "m.ron"]), Some(0));
    assert_eq!(code(&["fit", "m.ron", "--target", "narrow.ron"]), Some(1));
    assert_eq!(code(&["fit", "m.ron", "--target", "narrow.ron", "--target", "loihi-like"]), Some(0));
    for (old, new, code) in [
        ("(\"w\", \"c1\")", "(\"w\", \"c4\")", "E0007"),
        (
            X,
            "(name: \"y\", from: [\"s1\"], op: AvgPool2d(kernel: (2, 2), stride: (1, 1))), (name: \"x\", from: \
             [\"y\"], op: Conv2d(weight: (\"w\", \"w1x1\"), padding: (1, 1))),",
            "E0011",
        ),
    ] {
        folder.write("broken.ron", replaced(&[(old, new)]));
        let output = folder.snnc(&["fit", "broken.ron"]);
        let text = String::from_utf8(output.stderr).unwrap();
        assert_eq!(output.status.code(), Some(1), "{text}");
        assert_eq!(text.matches(&format!("error[{code}]")).count(), 1, "{text}");
        assert!(output.stdout.is_empty(), "nothing was asked of any target");
    }
}

#[test]
fn errors_for_programs() {
    let folder = Folder::new();
    folder.write("m.ron", replaced(&[("name: \"x\"", "name: \"s1\"")]));
    let output = folder.snnc(&["compile", "m.ron", "--json"]);
    assert_eq!((output.status.code(), output.stdout.len()), (Some(1), 0));
    let json: serde_json::Value = serde_json::from_slice(&output.stderr).unwrap();
    assert_eq!(json["schema"], "snnc.diagnostics/1");
    insta::assert_snapshot!(folder.anonymous(&serde_json::to_string_pretty(&json).unwrap()));
    for arguments in [
        &["fit", "m.ron", "--json"][..],
        &["run", "m.ron", "--json"],
        &["verify", "m.ron", "--target", "loihi-like", "--json"],
        &["simulate", "none.snnx", "--json"],
        &["targets", "check", "none.ron", "--json"],
        &["targets", "show", "none", "--json"],
        &["partition", "none.hgr", "--limit", "2", "--json"],
        &["place", "none.csv", "--columns", "2", "--rows", "2", "--json"],
    ] {
        let output = folder.snnc(arguments);
        let json: serde_json::Value = serde_json::from_slice(&output.stderr).unwrap_or_else(|error| {
            panic!("{arguments:?}: {error}: {}", String::from_utf8_lossy(&output.stderr))
        });
        assert_eq!(json["diagnostics"][0]["severity"], "error", "{arguments:?}");
    }
}

#[test]
fn escape_characters_of_any_input_stay_off_the_terminal() {
    let folder = Folder::new();
    let escape = "\u{1b}[31m";
    folder
        .write("m.ron", MODEL.replace("\"x\"", &format!("\"{escape}\"")).replace("\"w1x1\"", "\"\\u{1b}c\""));
    folder.write("p.pth", b"\x80\x02c\x1b[31mos\nsyst\x1bem\n)R.");
    folder.write("q.ron", replaced(&[("w.safetensors", "p.pth")]));
    for arguments in [
        vec!["compile", "m.ron"],
        vec!["compile", escape],
        vec!["compile", "q.ron"],
        vec!["compile", "q.ron", "--target", escape],
        vec!["explain", escape],
        vec!["fit", "q.ron", "--target", escape],
        vec!["run", "q.ron", "--timing", escape],
        vec![escape],
    ] {
        let output = folder.snnc(&arguments);
        let text = [output.stdout, output.stderr].concat();
        assert!(!output.status.success(), "{arguments:?}");
        assert!(
            !text.is_empty() && !text.contains(&0x1b),
            "{arguments:?}: {}",
            String::from_utf8_lossy(&text)
        );
    }
}

#[test]
fn every_code_has_a_page_with_an_example_and_what_to_do() {
    for &code in Code::ALL {
        let page = code.page();
        assert!(page.contains("\nExample:") && page.contains("\nWhat to do:"), "{code}:\n{page}");
        let folder = Folder::new();
        let output = folder.snnc(&["explain", &code.to_string().to_lowercase()]);
        assert!(output.status.success());
        let text = String::from_utf8(output.stdout).unwrap();
        assert!(text.contains(code.title()) && text.contains(page), "{text}");
    }
    let near = Folder::new().refused(&["explain", "E0070"]);
    assert!(near.contains("near names: `E0007`"), "{near}");
}

/// `docs/errors.md` below its introduction is made of the pages; `INSTA_UPDATE=always` makes it anew.
#[test]
fn the_page_of_all_codes_is_current() {
    const CUT: &str = "<!-- made of targets/src/diagnostic/pages -->\n";
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/errors.md");
    let text = std::fs::read_to_string(&path).unwrap();
    let (head, _) = text.split_once(CUT).expect("the page has its mark");
    let pages: Vec<String> =
        Code::ALL.iter().map(|code| format!("\n## {code}: {}\n\n{}", code.title(), code.page())).collect();
    let made = format!("{head}{CUT}{}", pages.concat());
    if std::env::var("INSTA_UPDATE").is_ok_and(|update| update == "always") {
        std::fs::write(&path, &made).unwrap();
    }
    assert!(made == std::fs::read_to_string(&path).unwrap(), "run this test with INSTA_UPDATE=always");
}
