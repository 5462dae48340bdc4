//! The command under `mpirun`, which must be there.

use std::path::Path;
use std::process::Command;

use super::{examples, words};
use crate::common;
use crate::common::process::{contents, fails, ok, snnc, stderr, wait_for};
use crate::parts::compared;

/// A command line on so many ranks, also as the superuser and on fewer processors.
fn mpirun(ranks: usize, line: &str, folder: &Path) -> Command {
    let mut command = Command::new("mpirun");
    command.args(["--allow-run-as-root", "--oversubscribe", "-n", &ranks.to_string()]);
    command.arg(env!("CARGO_BIN_EXE_snnc")).args(words(line, folder));
    command
}

fn run_of_bars(more: &str) -> String {
    let bars = examples("bars-events");
    format!(
        "run {bars}/model.ron --target loihi-like --effort fast --input {bars}/inputs.npy --labels {bars}/labels.npy \
         --threads 1 {more}"
    )
}

#[test]
fn samples_on_any_number_of_ranks_give_the_folder_of_one_process() {
    let folder = tempfile::tempdir().unwrap();
    let line = run_of_bars("--samples 7 --spikes --membranes 1,7:0,2 --sensitivity");
    let alone = ok(&mut snnc(words(&format!("{line} --out @/alone"), folder.path())));
    let expected = compared(&folder.path().join("alone"));
    for ranks in [1, 2, 4] {
        let out = format!("all{ranks}");
        let told = ok(&mut mpirun(ranks, &format!("{line} --out @/{out}"), folder.path()));
        assert_eq!(compared(&folder.path().join(&out)), expected, "{ranks} ranks");
        assert!(!folder.path().join(out).join(".snnc-ranks").exists());
        // Told once, by rank 0; only seconds differ.
        let lines = |told: &[u8]| String::from_utf8_lossy(told).lines().count();
        assert_eq!(lines(&told.stdout), lines(&alone.stdout), "{ranks} ranks");
    }
    let json = ok(&mut mpirun(2, &format!("{line} --json -q --out @/json"), folder.path()));
    let report: serde_json::Value = serde_json::from_slice(&json.stdout).unwrap();
    assert_eq!(report["totals"]["samples"], 7);
}

#[test]
fn images_comparisons_and_points_on_ranks_give_the_folder_of_one_process() {
    let folder = tempfile::tempdir().unwrap();
    let (bars, model) = (examples("bars-events"), common::example());
    let sweep = folder.path().join("sweep.ron");
    let text = format!(
        r#"(format: "snnc.sweep/1", model: "{bars}/model.ron", input: "{bars}/inputs.npy", samples: 2,
            efforts: "fast", weights: [4, 6, 8])"#
    );
    std::fs::write(&sweep, text).unwrap();
    let all = |out: &str| {
        let mut files = contents(&folder.path().join(out));
        files.retain(|(name, _)| name != "manifest.json");
        files
    };
    for line in [
        format!("generate {} --target loihi-like --images 40 --seed 3", model.display()),
        format!("verify {bars}/model.ron --target loihi-like --input {bars}/inputs.npy --samples 5"),
        "sweep @/sweep.ron".to_owned(),
    ] {
        let name = line.split_once(' ').unwrap().0;
        ok(&mut snnc(words(&format!("{line} --out @/{name}"), folder.path())));
        for ranks in [2, 4] {
            ok(&mut mpirun(ranks, &format!("{line} --out @/{name}{ranks}"), folder.path()));
            assert!(all(&format!("{name}{ranks}")) == all(name), "{name} on {ranks} ranks");
        }
    }
}

#[test]
fn what_is_wrong_is_told_once_with_its_rank() {
    let folder = tempfile::tempdir().unwrap();
    let told = |line: &str, code: i32| {
        let output = mpirun(2, line, folder.path()).output().unwrap();
        assert_eq!(output.status.code(), Some(code), "{}", stderr(&output));
        stderr(&output)
    };
    // All ranks find the same, and none says its number.
    let missing = told("run @/none.ron --target loihi-like --input @/x.npy --out @/out", 1);
    assert_eq!(missing.matches("E0001]").count(), 1, "{missing}");
    assert!(!missing.contains("rank 0 of 2"), "{missing}");
    assert_eq!(told("run --no-such-option", 2).matches("unexpected argument").count(), 1);
    // Where one rank cannot write.
    std::fs::create_dir_all(folder.path().join("out/.snnc-ranks")).unwrap();
    std::fs::write(folder.path().join("out/.snnc-ranks/2-of-2"), "").unwrap();
    let one = told(&run_of_bars("--samples 3 --out @/out"), 1);
    assert_eq!(one.matches("E0017]").count(), 1, "{one}");
    assert!(one.contains("rank 1 of 2:"), "{one}");
    for (line, word) in [
        ("targets".to_owned(), "not spread"),
        (run_of_bars("--samples 3"), "--out"),
        (run_of_bars("--samples 3 --html --out @/page"), "--html"),
        (format!("run {} --target loihi-like --out @/images", common::example().display()), "generate"),
    ] {
        fails(&mut mpirun(2, &line, folder.path()), if word == "--html" { "E0021" } else { "E0040" }, word);
    }
}

#[test]
fn a_rank_that_is_killed_ends_the_run_which_then_goes_on() {
    let folder = tempfile::tempdir().unwrap();
    let line = format!("generate {} --target loihi-like --images 96 --seed 3", common::example().display());
    ok(&mut snnc(words(&format!("{line} --out @/alone"), folder.path())));
    let line = format!("{line} --out @/all");
    let mut job = mpirun(2, &line, folder.path());
    let mut job = job.stderr(std::process::Stdio::piped()).spawn().unwrap();
    let part = folder.path().join("all/.snnc-ranks/2-of-2");
    let chunks =
        || std::fs::read_to_string(part.join("generate.sums")).map_or(0, |text| text.lines().count());
    wait_for(&mut job, "a chunk of rank 1", || chunks() > 0);
    let process = std::fs::read_to_string(part.join(".snnc-lock")).unwrap();
    ok(Command::new("kill").args(["-KILL", process.trim()]));
    let ended = job.wait_with_output().unwrap();
    assert!(!ended.status.success());
    // mpirun says who died.
    assert!(stderr(&ended).contains("rank 1"), "{}", stderr(&ended));
    let kept = chunks();
    assert!(kept > 0 && !folder.path().join("all/images.npy").exists());
    ok(&mut mpirun(2, &line, folder.path()));
    assert!(contents(&folder.path().join("all")) == contents(&folder.path().join("alone")));
}
