//! Where results go: files of every kind, inputs that must stay, standard streams that are closed or full.

use std::fs::{File, Permissions};
use std::io::Read;
use std::os::unix::fs::{FileTypeExt, PermissionsExt, symlink};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use crate::common::example;
use crate::common::process::{contents, fails, names, ok, program, snnc, stderr};

/// Two triples of vertices; a partition of it is small and quick.
const GRAPH: &str = "3 6 11\n5 1 2 3\n5 4 5 6\n2 3 4\n1\n1\n1\n1\n1\n1\n";

/// A folder with `g.hgr`, and `expected` as `partition` writes it into an ordinary file.
fn partition() -> (tempfile::TempDir, impl Fn(&Path) -> Command, Vec<u8>) {
    let folder = tempfile::tempdir().unwrap();
    let graph = folder.path().join("g.hgr");
    std::fs::write(&graph, GRAPH).unwrap();
    let command = move |output: &Path| {
        let mut command = snnc(["partition", "--blocks", "2", "--limit", "3", "-o"]);
        command.arg(output).arg(&graph);
        command
    };
    let plain = folder.path().join("plain");
    ok(&mut command(&plain));
    let expected = std::fs::read(&plain).unwrap();
    assert_eq!(expected.len(), 12);
    (folder, command, expected)
}

fn mkfifo(path: &Path) {
    assert!(Command::new("mkfifo").arg(path).status().unwrap().success());
}

#[test]
fn files_and_links_get_the_result_and_keep_their_permissions() {
    let (folder, partition, expected) = partition();
    let path = |name: &str| folder.path().join(name);
    std::fs::write(path("old"), "an older and longer result than the new one").unwrap();
    std::fs::set_permissions(path("old"), Permissions::from_mode(0o604)).unwrap();
    symlink("old", path("link")).unwrap();
    symlink("fresh", path("dangling")).unwrap();
    for (name, real) in [("link", "old"), ("old", "old"), ("dangling", "fresh"), ("new", "new")] {
        ok(&mut partition(&path(name)));
        assert_eq!(std::fs::read(path(real)).unwrap(), expected, "{name}");
    }
    assert!(path("link").is_symlink() && path("dangling").is_symlink());
    assert_eq!(std::fs::metadata(path("old")).unwrap().permissions().mode() & 0o777, 0o604);
    assert_eq!(names(folder.path()), ["dangling", "fresh", "g.hgr", "link", "new", "old", "plain"]);
}

#[test]
fn pipes_and_devices_are_written_to_and_stay() {
    let (folder, partition, expected) = partition();
    let fifo = folder.path().join("fifo");
    mkfifo(&fifo);
    let reader = fifo.clone();
    let reader = std::thread::spawn(move || std::fs::read(reader).unwrap());
    ok(&mut partition(&fifo));
    assert_eq!(reader.join().unwrap(), expected);
    ok(&mut partition(Path::new("/dev/null")));
    fails(&mut partition(Path::new("/dev/full")), "E0017", "No space left");
    let kind = |path: &Path| std::fs::symlink_metadata(path).unwrap().file_type();
    assert!(kind(&fifo).is_fifo());
    assert!(kind(Path::new("/dev/null")).is_char_device() && kind(Path::new("/dev/full")).is_char_device());
}

#[test]
fn standard_output_gets_a_result_alone() {
    let (folder, partition, expected) = partition();
    let output = ok(&mut partition(Path::new("/dev/stdout")));
    assert_eq!(output.stdout, expected);
    assert!(stderr(&output).contains("km1 "), "{}", stderr(&output));
    // The same file by its own name and as standard output.
    let both = folder.path().join("both");
    let output =
        partition(&both).stdout(File::create(&both).unwrap()).stderr(Stdio::piped()).output().unwrap();
    assert!(output.status.success());
    assert_eq!(std::fs::read(&both).unwrap(), expected);
    let output = ok(&mut partition(Path::new("/dev/stderr")));
    assert!(output.stderr.starts_with(&expected) && !output.stdout.is_empty());
}

#[test]
fn what_cannot_hold_a_result_is_refused_before_the_work() {
    let (folder, partition, _) = partition();
    let path = |name: &str| folder.path().join(name);
    let _listener = std::os::unix::net::UnixListener::bind(path("socket")).unwrap();
    std::fs::create_dir(path("folder")).unwrap();
    symlink("folder", path("to-folder")).unwrap();
    symlink("loop", path("loop")).unwrap();
    let before = names(folder.path());
    for (name, word) in [
        ("socket", "socket"),
        ("folder", "folder"),
        ("to-folder", "folder"),
        ("loop", "links"),
        ("missing/deep/file", "missing"),
        ("plain/file", "no folder"),
        ("new/", "folder"),
    ] {
        fails(&mut partition(&path(name)), "E0017", word);
        // A program that does not exist would be told of first if the work had begun.
        fails(snnc(["compile", "nowhere.ron", "-o"]).arg(path(name)), "E0017", word);
        fails(snnc(["export", "nowhere.ron", "--to", "hgr", "-o"]).arg(path(name)), "E0017", word);
        fails(snnc(["simulate", "nowhere.snnx", "--trace"]).arg(path(name)), "E0017", word);
        fails(snnc(["simulate", "nowhere.snnx", "--trace-events"]).arg(path(name)), "E0017", word);
    }
    assert_eq!(names(folder.path()), before);
}

/// A model with its weights and what else compiling may read, in a folder of its own.
fn model_folder() -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    let from = Path::new(env!("CARGO_MANIFEST_DIR"));
    for (from, to) in [
        ("examples/feed-forward/model.ron", "model.ron"),
        ("examples/feed-forward/weights.safetensors", "weights.safetensors"),
        ("targets/loihi-like.ron", "target.ron"),
    ] {
        std::fs::copy(Path::new(env!("CARGO_MANIFEST_DIR")).join(from), folder.path().join(to)).unwrap();
    }
    assert!(from.exists());
    folder
}

#[test]
fn inputs_are_never_overwritten() {
    let folder = model_folder();
    let path = |name: &str| folder.path().join(name);
    let compile = |more: &[&str]| {
        let mut command = snnc(["compile", "model.ron", "--target", "target.ron"]);
        command.current_dir(folder.path()).args(more);
        command
    };
    for (emit, file) in [("partition", "p.ron"), ("placement", "q.ron")] {
        std::fs::write(path(file), ok(&mut compile(&["--emit", emit])).stdout).unwrap();
    }
    let export = ["export", "model.ron", "--target", "target.ron", "--to", "hgr"];
    ok(snnc(export).current_dir(folder.path()).args(["-o", "net.hgr"]));
    let part = ["partition", "net.hgr", "--blocks", "2", "--limit", "100000"];
    ok(snnc(part).current_dir(folder.path()).args(["-o", "net.part"]));
    std::fs::copy(program(), path("m.snnx")).unwrap();
    ok(snnc(["simulate", "m.snnx", "--images", "1", "--out", "run"]).current_dir(folder.path()));
    symlink("weights.safetensors", path("link")).unwrap();
    std::fs::hard_link(path("model.ron"), path("hard")).unwrap();
    let before = (contents(&path("run")), files(folder.path()));
    for output in ["model.ron", "./hard", "weights.safetensors", "link", "target.ron", "p.ron", "q.ron"] {
        let mapping = ["--partition", "p.ron", "--placement", "q.ron", "-o", output];
        fails(&mut compile(&mapping), "E0017", "input");
    }
    let run = |arguments: &[&str]| fails(snnc(arguments).current_dir(folder.path()), "E0017", "input");
    run(&[&export[..], &["-o", "weights.safetensors"]].concat());
    run(&[&part[..], &["-o", "net.hgr"]].concat());
    run(&["compile", "model.ron", "--partition", "net.part", "-o", "net.part"]);
    run(&["compile", "model.ron", "--profile", "run", "-o", "run/report.json"]);
    run(&["simulate", "m.snnx", "--timing", "cycle", "--trace", "m.snnx"]);
    run(&["simulate", "m.snnx", "--timing", "cycle", "--trace-events", "m.snnx"]);
    let example = example();
    run(&["run", example.to_str().unwrap(), "--profile", "run", "--out", "run"]);
    assert_eq!(before, (contents(&path("run")), files(folder.path())));
}

fn files(folder: &Path) -> Vec<(String, Vec<u8>)> {
    let names = names(folder).into_iter().filter(|name| folder.join(name).is_file());
    names.map(|name| (name.clone(), std::fs::read(folder.join(name)).unwrap())).collect()
}

/// Standard output whose reader is gone.
fn closed_pipe() -> Stdio {
    let (_, writer) = std::io::pipe().unwrap();
    writer.into()
}

fn full() -> Stdio {
    File::options().write(true).open("/dev/full").unwrap().into()
}

/// Starts a command without the stream of this number.
fn without(stream: u32, arguments: &[&str]) -> Command {
    let mut command = Command::new("sh");
    command.args(["-c", &format!("exec \"$0\" \"$@\" {stream}>&-"), env!("CARGO_BIN_EXE_snnc")]);
    command.args(arguments).stdin(Stdio::null());
    command
}

#[test]
fn the_work_is_done_whatever_becomes_of_standard_output() {
    let folder = tempfile::tempdir().unwrap();
    let path = |name: &str| folder.path().join(name).to_str().unwrap().to_owned();
    let whole = [
        "contact.png",
        "cores.csv",
        "image_0000.png",
        "manifest.json",
        "report.json",
        "timesteps.csv",
        "tokens.npy",
        "unmasked_at.npy",
    ];
    let run = |out: &str| -> Vec<String> {
        let example = example().to_str().unwrap().to_owned();
        ["run".into(), example, "--images".into(), "1".into(), "--effort".into(), "fast".into()]
            .into_iter()
            .chain(["--out".into(), out.into()])
            .collect()
    };
    let output = snnc(run(&path("closed"))).stdout(closed_pipe()).stderr(Stdio::piped()).output().unwrap();
    assert_eq!((output.status.code(), stderr(&output).as_str()), (Some(141), ""));
    assert_eq!(names(&folder.path().join("closed")), whole);
    let output = snnc(run(&path("full"))).stdout(full()).stderr(Stdio::piped()).output().unwrap();
    assert_eq!(output.status.code(), Some(1));
    assert!(stderr(&output).starts_with("error[E0017]") && stderr(&output).contains("No space left"));
    assert_eq!(names(&folder.path().join("full")), whole);
    let simulate = ["simulate", program().to_str().unwrap(), "--images", "1", "--out", &path("missing")];
    fails(&mut without(1, &simulate), "E0017", "closed");
    assert_eq!(names(&folder.path().join("missing")), whole);
}

#[test]
fn every_command_says_that_its_text_was_lost() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("flows"), "0 1 5\n").unwrap();
    std::fs::write(folder.path().join("g.hgr"), GRAPH).unwrap();
    let example = example();
    let example = example.to_str().unwrap();
    for arguments in [
        &["--help"][..],
        &["--version"],
        &["compile", "--help"],
        &["targets"],
        &["targets", "show", "loihi-like"],
        &["targets", "show", "loihi-like", "--json"],
        &["explain", "E0001"],
        &["compile", example, "--emit", "graph"],
        &["place", "flows", "--columns", "2", "--rows", "2"],
        &["partition", "g.hgr", "--blocks", "2", "--limit", "3"],
    ] {
        let code = |stdout: Stdio| {
            let mut command = snnc(arguments);
            command.current_dir(folder.path()).stdout(stdout).stderr(Stdio::piped());
            let output = command.output().unwrap();
            assert!(!stderr(&output).contains("panicked"), "{arguments:?}: {}", stderr(&output));
            output.status.code()
        };
        assert_eq!(code(closed_pipe()), Some(141), "{arguments:?}");
        assert_eq!(code(full()), Some(1), "{arguments:?}");
        assert_eq!(code(Stdio::null()), Some(0), "{arguments:?}");
        let output = without(1, arguments).current_dir(folder.path()).output().unwrap();
        assert_eq!(output.status.code(), Some(1), "{arguments:?}");
    }
}

#[test]
fn a_full_or_missing_standard_error_is_no_panic() {
    for arguments in [&["compile", "nowhere.ron"][..], &["explain", "E9999"], &["simulate", "nowhere.snnx"]] {
        let code = |stream: Stdio| snnc(arguments).stderr(stream).output().unwrap().status.code();
        assert_eq!((code(full()), code(closed_pipe())), (Some(1), Some(1)), "{arguments:?}");
        assert_eq!(without(2, arguments).output().unwrap().status.code(), Some(1), "{arguments:?}");
    }
    // Usage errors are clap's to print.
    assert_eq!(snnc(["compile"]).stderr(full()).output().unwrap().status.code(), Some(2));
    assert_eq!(without(1, &["compile"]).output().unwrap().status.code(), Some(2));
}

#[cfg(feature = "parquet")]
#[test]
fn a_run_replaces_the_whole_earlier_one_or_refuses() {
    let folder = tempfile::tempdir().unwrap();
    let out = folder.path().join("out");
    let simulate = |images: &str| {
        let mut command = snnc(["simulate"]);
        command.arg(program()).args(["--images", images, "--out"]).arg(&out);
        command
    };
    let trace = out.join("packets.parquet");
    ok(simulate("3").args(["--timing", "cycle:1/512", "--trace"]).arg(&trace));
    assert!(names(&out).contains(&"image_0002.png".into()) && trace.exists());
    std::fs::write(out.join("note.txt"), "mine").unwrap();
    ok(simulate("1").args(["--timing", "none"]));
    let left = [
        "contact.png",
        "cores.csv",
        "image_0000.png",
        "manifest.json",
        "note.txt",
        "report.json",
        "tokens.npy",
        "unmasked_at.npy",
    ];
    assert_eq!(names(&out), left);
    // What another command or the user wrote is neither lost nor mixed with new results.
    let before = contents(&out);
    let mut verify = snnc(["verify"]);
    verify.arg(example()).args(["--target", "loihi-like", "--out"]).arg(&out);
    fails(&mut verify, "E0017", "snnc run");
    fails(snnc(["generate"]).arg(program()).arg("--out").arg(&out), "E0017", "contact.png");
    assert_eq!(contents(&out), before);
    std::fs::write(out.join("image_0007.png"), "mine").unwrap();
    fails(&mut simulate("1"), "E0017", "image_0007.png");
    std::fs::remove_file(out.join("image_0007.png")).unwrap();
    std::fs::write(out.join("report.json"), "edited").unwrap();
    fails(&mut simulate("1"), "E0017", "changed");
    fails(snnc(["compile"]).arg(example()).arg("--profile").arg(&out), "E0017", "not those of one run");
    std::fs::remove_file(out.join("report.json")).unwrap();
    mkfifo(&out.join("report.json"));
    fails(&mut simulate("1"), "E0017", "report.json");
}

#[test]
fn checkpoints_are_not_overwritten_by_their_import() {
    // Whatever is wrong with the checkpoints: they stay, and so does an earlier model.
    let folder = tempfile::tempdir().unwrap();
    let path = |name: &str| folder.path().join(name);
    for name in ["vq_svae.safetensors", "sdid.safetensors", "model.ron"] {
        let from = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("examples/spiking-diffusion-mnist");
        std::fs::copy(from.join(name), path(name)).unwrap();
    }
    let before = contents(folder.path());
    let (vq, sdid) = (path("vq_svae.safetensors"), path("sdid.safetensors"));
    let import = |out: &Path| {
        let mut command = snnc(["import", "--vq"]);
        command.arg(&vq).arg("--sdid").arg(&sdid).arg("-o").arg(out);
        command
    };
    fails(&mut import(folder.path()), "E0017", "input");
    assert_eq!(contents(folder.path()), before);
    // Folders of results are made; a link to a model is followed.
    let deep = folder.path().join("deep/model");
    ok(&mut import(&deep));
    std::fs::rename(deep.join("model.ron"), path("elsewhere.ron")).unwrap();
    symlink(path("elsewhere.ron"), deep.join("model.ron")).unwrap();
    ok(&mut import(&deep));
    assert!(deep.join("model.ron").is_symlink() && path("elsewhere.ron").is_file());
    let mut text = String::new();
    File::open(deep.join("model.ron")).unwrap().read_to_string(&mut text).unwrap();
    assert!(text.contains("snnc.model/1"));
}
