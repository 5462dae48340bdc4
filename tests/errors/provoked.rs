//! What provokes each code: files with a command line, or what library users do.

use snnc::cli::errors::render;
use snnc::{Model, Progress, Session};
use snnc_compiler::frontend;
use snnc_targets::{Code, registry};

use super::small_model::{Folder, MODEL, X, replaced, target};

/// What provokes a code: files, then a command line.
pub type Case<'a> = (Code, Vec<(&'a str, Vec<u8>)>, Vec<&'a str>);

/// A line of a model, of a target or of another file that is wrong, for each code that a command can meet.
pub fn cases() -> Vec<Case<'static>> {
    let model = |parts: &[(&str, &str)]| ("m.ron", replaced(parts).into_bytes());
    let compile = || vec!["compile", "m.ron"];
    // Protocol 2: GLOBAL os.system, empty tuple, REDUCE.
    let pickle = b"\x80\x02cos\nsystem\n)R.".to_vec();
    let partition = "(format: \"snnc.partition/1\", cores: [])";
    vec![
        (Code::FileUnreadable, vec![], vec!["compile", "none.ron"]),
        (Code::RonSyntax, vec![model(&[("padding: (1, 1)", "padding: [1, 1")])], compile()),
        (
            Code::TargetInvalid,
            vec![("t.ron", target("loihi-like", &[("neurons: (1024", "neurons: (0")]).into_bytes())],
            vec!["targets", "check", "t.ron"],
        ),
        (Code::TargetUnknown, vec![model(&[])], vec!["compile", "m.ron", "--target", "lohi-like"]),
        (Code::TensorMissing, vec![model(&[("\"c1\"), padding", "\"cl\"), padding")])], compile()),
        (Code::TensorShape, vec![model(&[("(\"w\", \"c1\")", "(\"w\", \"four\")")])], compile()),
        (Code::LayerShape, vec![model(&[("(\"w\", \"c1\")", "(\"w\", \"c4\")")])], compile()),
        (Code::WeightsMalformed, vec![model(&[]), ("w.safetensors", vec![0; 40])], compile()),
        (Code::PickleRefused, vec![model(&[("w.safetensors", "w.pth")]), ("w.pth", pickle)], compile()),
        (Code::GraphInvalid, vec![model(&[("name: \"x\"", "name: \"s1\"")])], compile()),
        (
            Code::Unsupported,
            vec![model(&[(
                X,
                r#"(name: "a", from: ["s1"], op: AvgPool2d(kernel: (2, 2), stride: (1, 1))),
      (name: "x", from: ["a"], op: Conv2d(weight: ("w", "w1x1"), padding: (1, 1))),"#,
            )])],
            compile(),
        ),
        (Code::Quantise, vec![model(&[])], vec!["compile", "m.ron", "--target", "truenorth-like"]),
        (
            Code::DoesNotFit,
            vec![
                model(&[]),
                (
                    "t.ron",
                    target("loihi-like", &[("synapse_memory_bits: (1048576", "synapse_memory_bits: (8")])
                        .into_bytes(),
                ),
            ],
            vec!["compile", "m.ron", "--target", "t.ron"],
        ),
        (Code::SnnxMalformed, vec![("p.snnx", b"SNNX\x01\0\0\0".repeat(20))], vec!["simulate", "p.snnx"]),
        (Code::OutputFailed, vec![model(&[])], vec!["compile", "m.ron", "-o", "w.safetensors/m.snnx"]),
        (Code::GoldenInvalid, vec![], vec!["verify", "EXAMPLE", "--golden", "w.safetensors"]),
        (
            Code::TextForm,
            vec![("f.csv", b"0 1\n".to_vec())],
            vec!["place", "f.csv", "--columns", "2", "--rows", "2"],
        ),
        (
            Code::ModelInvalid,
            vec![model(&[("\"w.safetensors\"}", "\"w.safetensors\", \"w\": \"v.pth\"}")])],
            compile(),
        ),
        (Code::Argument, vec![], vec!["explain", "E007"]),
        (
            Code::MappingInvalid,
            vec![model(&[]), ("p.ron", partition.into())],
            vec!["compile", "m.ron", "--partition", "p.ron"],
        ),
        (Code::WrongFile, vec![], vec!["compile", "w.safetensors"]),
        (
            Code::FeatureMissing,
            vec![model(&[(X, r#"(name: "x", from: ["s1"], op: AdaptiveMaxPool2d(kernel: (2, 2))),"#)])],
            compile(),
        ),
        (
            Code::HypergraphInvalid,
            vec![("g.hgr", b"2 3\n1 2\n2 4\n".to_vec())],
            vec!["partition", "g.hgr", "--limit", "2"],
        ),
        (
            Code::SweepInvalid,
            vec![(
                "s.ron",
                b"(format: \"snnc.sweep/1\", model: \"m.ron\", set: {\"core.neurons\": []})\n".to_vec(),
            )],
            vec!["sweep", "s.ron", "-o", "out"],
        ),
    ]
}

/// What guards the passes, provoked by breaking what they made.
pub fn broken_inside(code: Code) -> String {
    let folder = Folder::new();
    folder.write("m.ron", MODEL);
    let model = frontend::load(&folder.path("m.ron")).unwrap();
    let target = registry::load("loihi-like").unwrap();
    let (mut ir, mut program, _) =
        snnc_compiler::driver::compile(&model, &target, Default::default()).unwrap();
    let problems = match code {
        Code::SpikingIr => {
            ir.model.networks.values_mut().for_each(|network| network.pass_steps = 0);
            ir.verify().unwrap_err()
        }
        _ => {
            program.chips = 0;
            program.verify().unwrap_err()
        }
    };
    assert!(problems.codes().iter().all(|&found| found == code), "{problems}");
    format!("(the verifier)\n{}", render::plain(&problems, 80))
}

/// A run whose watcher has seen enough before it began.
pub fn stopped() -> String {
    struct Enough;

    impl Progress for Enough {
        fn begin(&self, _: u64) {}

        fn advance(&self, _: u64) {}

        fn stopped(&self) -> bool {
            true
        }
    }

    let folder = Folder::new();
    folder.write("m.ron", MODEL);
    let target = registry::load("loihi-like").unwrap();
    let program = Model::load(folder.path("m.ron")).unwrap().compile(&target, &Default::default()).unwrap();
    let samples = program.samples("net", vec![0.5; 36]).unwrap();
    let session = Session::new(&program, Default::default()).unwrap();
    let problem = session.run_observed(&samples, &mut (), &Enough).unwrap_err();
    format!("(a run that is stopped)\n{}", render::plain(&problem.into(), 80))
}
