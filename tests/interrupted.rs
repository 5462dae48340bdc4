//! Runs that are stopped, killed, or meet in one folder: nothing is lost, mixed or left lying about.

use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::LazyLock;

use crate::common::process::{contents, fails, names, ok, program, signal, snnc, stderr, wait_for};

/// Images of a set: two chunks.
const IMAGES: &str = "32";

fn generate(out: &Path, images: &str) -> Command {
    let mut command = snnc(["generate"]);
    command.arg(program()).args(["--seed", "3", "--images", images, "--out"]).arg(out);
    command.stdout(Stdio::null()).stderr(Stdio::piped());
    command
}

/// What an uninterrupted run gives.
fn whole() -> &'static [(String, Vec<u8>)] {
    static WHOLE: LazyLock<Vec<(String, Vec<u8>)>> = LazyLock::new(|| {
        let folder = tempfile::tempdir().unwrap();
        ok(&mut generate(folder.path(), IMAGES));
        contents(folder.path())
    });
    &WHOLE
}

/// Whether a run has written whole chunks.
fn chunks(out: &Path) -> usize {
    std::fs::read_to_string(out.join("generate.sums")).map_or(0, |text| text.lines().count())
}

/// Starts a set and waits until its first chunk is written.
fn begun(out: &Path) -> Child {
    let mut child = generate(out, IMAGES).spawn().unwrap();
    wait_for(&mut child, "a first chunk", || chunks(out) > 0);
    child
}

#[test]
fn a_stopped_set_says_so_and_continues_to_the_same_bytes() {
    for (name, code) in [("TERM", 143), ("INT", 130)] {
        let folder = tempfile::tempdir().unwrap();
        let child = begun(folder.path());
        signal(&child, name);
        let output = child.wait_with_output().unwrap();
        let line = format!("snnc: stopped by SIG{name}; the same command goes on where it stopped\n");
        assert_eq!((output.status.code(), stderr(&output)), (Some(code), line));
        let left = ["generate.json", "generate.sums", "images.npy.part", "tokens.npy.part"];
        assert_eq!(names(folder.path()), left);
        ok(&mut generate(folder.path(), IMAGES));
        assert!(contents(folder.path()) == whole(), "{name}");
    }
}

#[test]
fn a_killed_set_continues_to_the_same_bytes() {
    let folder = tempfile::tempdir().unwrap();
    let mut child = begun(folder.path());
    child.kill().unwrap();
    child.wait().unwrap();
    assert!(names(folder.path()).contains(&".snnc-lock".into()));
    // As if the power had gone too: a chunk is torn.
    let part = folder.path().join("images.npy.part");
    let torn = std::fs::read(&part).unwrap();
    std::fs::write(&part, &torn[..torn.len() - 5]).unwrap();
    let output = ok(generate(folder.path(), IMAGES).stdout(Stdio::piped()));
    assert!(String::from_utf8_lossy(&output.stdout).contains("found damaged"), "{output:?}");
    assert!(contents(folder.path()) == whole());
}

#[test]
fn a_finished_set_is_checked_before_it_is_trusted() {
    let folder = tempfile::tempdir().unwrap();
    let out = folder.path();
    ok(&mut generate(out, IMAGES));
    let said = |expected: &str| {
        let output = ok(generate(out, IMAGES).stdout(Stdio::piped()));
        let text = String::from_utf8(output.stdout).unwrap();
        assert!(text.contains(expected), "{text}");
        assert!(contents(out) == whole());
    };
    said("(0 made now, 32 found)");
    for name in ["images.npy", "tokens.npy"] {
        let mut bytes = std::fs::read(out.join(name)).unwrap();
        let middle = bytes.len() / 2;
        bytes[middle] ^= 4;
        std::fs::write(out.join(name), bytes).unwrap();
        said("(16 made now, 16 of them found damaged, 16 found)");
    }
    std::fs::write(out.join("generate.json"), "{").unwrap();
    fails(&mut generate(out, IMAGES), "E0001", "generate.json");
}

#[test]
fn a_folder_has_one_owner() {
    let folder = tempfile::tempdir().unwrap();
    let out = folder.path().join("set");
    let mut first = generate(&out, "100000").spawn().unwrap();
    wait_for(&mut first, "an owner", || out.join("generate.json").exists());
    let word = format!("process {}", first.id());
    fails(&mut generate(&out, "100000"), "E0017", &word);
    let mut simulate = snnc(["simulate"]);
    simulate.arg(program()).args(["--images", "1", "--out"]).arg(&out);
    fails(&mut simulate, "E0017", &out.display().to_string());
    signal(&first, "TERM");
    assert_eq!(first.wait().unwrap().code(), Some(143));
}

#[test]
fn runs_that_race_for_a_folder_give_one_whole_set() {
    let folder = tempfile::tempdir().unwrap();
    let racing: Vec<Child> = (0..3).map(|_| generate(folder.path(), IMAGES).spawn().unwrap()).collect();
    let mut won = 0;
    for child in racing {
        let output = child.wait_with_output().unwrap();
        match output.status.code() {
            Some(0) => won += 1,
            code => assert!(code == Some(1) && stderr(&output).contains("E0017"), "{output:?}"),
        }
    }
    assert!(won > 0);
    assert!(contents(folder.path()) == whole());
}

#[cfg(feature = "parquet")]
#[test]
fn a_stopped_run_leaves_the_earlier_one_and_no_temporary_files() {
    let folder = tempfile::tempdir().unwrap();
    let out = folder.path().join("out");
    let run = |images: &str| {
        let mut command = snnc(["simulate"]);
        command.arg(program()).args(["--images", images, "--timing", "cycle:1/256", "--out"]).arg(&out);
        command.arg("--trace").arg(folder.path().join("packets.parquet"));
        command.args(["--threads", "1"]);
        command.stdout(Stdio::null()).stderr(Stdio::piped());
        command
    };
    let mut simulate = snnc(["simulate"]);
    ok(simulate.arg(program()).args(["--images", "1", "--out"]).arg(&out));
    let before = contents(&out);
    let temporary = |folder: &Path| names(folder).into_iter().any(|name| name.ends_with(".tmp"));
    for name in ["TERM", "KILL"] {
        let mut child = run("1000").spawn().unwrap();
        wait_for(&mut child, "temporary files", || temporary(folder.path()) && temporary(&out));
        signal(&child, name);
        let output = child.wait_with_output().unwrap();
        if name == "TERM" {
            assert_eq!(
                (output.status.code(), stderr(&output)),
                (Some(143), "snnc: stopped by SIGTERM\n".into())
            );
            assert_eq!(contents(&out), before);
            assert_eq!(names(folder.path()), ["out"]);
        }
    }
    // The next run cleans up behind the killed one.
    assert!(temporary(folder.path()) && temporary(&out));
    ok(&mut run("1"));
    assert_eq!(names(folder.path()), ["out", "packets.parquet"]);
    assert!(!names(&out).iter().any(|name| name.starts_with('.')), "{:?}", names(&out));
}

#[test]
fn ignored_signals_stay_ignored() {
    let folder = tempfile::tempdir().unwrap();
    let out = folder.path().join("set");
    let mut command = Command::new("sh");
    command.args(["-c", "trap '' HUP; exec \"$0\" \"$@\"", env!("CARGO_BIN_EXE_snnc"), "generate"]);
    command.arg(program()).args(["--images", "100000", "--out"]).arg(&out);
    let mut child = command.stdout(Stdio::null()).stderr(Stdio::piped()).spawn().unwrap();
    wait_for(&mut child, "a set", || out.join("generate.json").exists());
    signal(&child, "HUP");
    let seen = chunks(&out);
    wait_for(&mut child, "another chunk", || chunks(&out) > seen);
    signal(&child, "TERM");
    assert_eq!(child.wait().unwrap().code(), Some(143));
}

#[test]
fn parts_of_a_set_make_the_whole() {
    let folder = tempfile::tempdir().unwrap();
    let at = |name: &str| folder.path().join(name);
    let part = |name: &str, shard: &str| {
        let output = ok(generate(&at(name), IMAGES).args(["--shard", shard]).stdout(Stdio::piped()));
        String::from_utf8(output.stdout).unwrap()
    };
    let merge = |parts: &[&str], out: &str| {
        let mut command = snnc(["merge"]);
        command.args(parts.iter().map(|name| at(name))).arg("-o").arg(at(out));
        command
    };
    assert!(part("a", "1/3").starts_with("16 images in "));
    assert!(part("b", "2/3").starts_with("16 images in "));
    // There are two chunks.
    assert!(part("c", "3/3").starts_with("0 images in "));
    assert!(part("b", "2/3").contains("(0 made now, 16 found)"));
    ok(&mut merge(&["c", "b", "a"], "all"));
    assert!(contents(&at("all")) == whole());
    fails(&mut merge(&["a", "c"], "gap"), "E0034", "--shard 2/3");
    fails(&mut merge(&["a", "b", "a"], "twice"), "E0034", "given twice");
    let mut other = generate(&at("other"), "20");
    ok(other.args(["--shard", "2/3"]));
    fails(&mut merge(&["a", "other"], "mixed"), "E0034", "images differ");
    part("d", "1/3");
    fails(&mut merge(&["a", "b", "d"], "twice"), "E0034", "are in");
    fails(&mut generate(&at("a"), IMAGES), "E0021", "shard");
    let tokens = at("b/tokens.npy.part");
    let mut bytes = std::fs::read(&tokens).unwrap();
    let last = bytes.len() - 1;
    bytes[last] ^= 1;
    std::fs::write(&tokens, bytes).unwrap();
    fails(&mut merge(&["a", "b"], "damaged"), "E0034", "no folder holds image 16");
}
