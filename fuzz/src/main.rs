//! Feeds damaged files to every reader of snnc, on stable Rust and without the network.
//!
//! ```text
//! snnc-fuzz --list                   readers
//! snnc-fuzz READER SECONDS [SEED]    damages the reader's seeds for so long
//! snnc-fuzz --repeat READER FILE     reads one file, as the reader did
//! ```
//!
//! A reader must answer any file with a value or an error: a panic, a file that takes 20 seconds of processor time, or
//! memory beyond 3 GiB is a finding. What is accepted is used as the commands use it. The reader runs in a process of
//! its own, whose end by a signal, a full stack or the allocator is a finding too; findings are kept in
//! `fuzz/findings`, with the line that repeats them.

mod memory;
mod mutate;
mod random;
mod readers;
mod worker;

use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode};
use std::time::{Duration, Instant};

use readers::{ALL, Reader};

#[global_allocator]
static MEMORY: memory::Counting = memory::Counting;

/// Most processes that are started for a reader which ends them.
const STARTS_MAX: u64 = 20;

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let words: Vec<&str> = arguments.iter().map(String::as_str).collect();
    let outcome = match words[..] {
        ["--list"] => {
            ALL.iter().for_each(|reader| println!("{}", reader.name));
            Ok(true)
        }
        ["--repeat", name, path] => find(name).and_then(|reader| repeat(reader, Path::new(path))),
        ["--worker", name, milliseconds, seed, current] => find(name).and_then(|reader| {
            let time = Duration::from_millis(number(milliseconds)?);
            work(reader, time, number(seed)?, Path::new(current))
        }),
        [name, seconds] => find(name).and_then(|reader| fuzz(reader, number(seconds)?, 1)),
        [name, seconds, seed] => find(name).and_then(|reader| fuzz(reader, number(seconds)?, number(seed)?)),
        _ => Err("usage: snnc-fuzz --list | READER SECONDS [SEED] | --repeat READER FILE".into()),
    };
    match outcome {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(message) => {
            eprintln!("{message}");
            ExitCode::from(2)
        }
    }
}

fn find(name: &str) -> Result<&'static Reader, String> {
    ALL.iter().find(|reader| reader.name == name).ok_or_else(|| format!("no reader {name}; see --list"))
}

fn number(word: &str) -> Result<u64, String> {
    word.parse().map_err(|_| format!("`{word}` is no number"))
}

fn findings() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("findings")
}

/// Reads one file; a panic gets out.
fn repeat(reader: &Reader, path: &Path) -> Result<bool, String> {
    let input = std::fs::read(path).map_err(|error| format!("{}: {error}", path.display()))?;
    match (reader.read)(&input) {
        Ok(()) => println!("accepted"),
        Err(refused) => println!("refused: {refused}"),
    }
    Ok(true)
}

/// One process of a reader; says what it has done on standard output.
fn work(reader: &Reader, time: Duration, seed: u64, current: &Path) -> Result<bool, String> {
    let done = worker::run(reader, time, seed, current, &findings()).map_err(|error| error.to_string())?;
    let paths: Vec<String> = done.findings.iter().map(|path| path.display().to_string()).collect();
    println!("{} {} {} {}", done.executions, done.accepted, done.answers, paths.join(" "));
    Ok(true)
}

/// Keeps a process at work until the time is over; false if there is a finding.
fn fuzz(reader: &Reader, seconds: u64, seed: u64) -> Result<bool, String> {
    let (start, time) = (Instant::now(), Duration::from_secs(seconds));
    let current = std::env::temp_dir().join(format!("snnc-fuzz-{}-{}", reader.name, std::process::id()));
    let (mut executions, mut accepted, mut answers, mut paths) = (0, 0, 0, Vec::new());
    for round in 0..STARTS_MAX {
        let left = time.saturating_sub(start.elapsed());
        // Seeds are read in any case.
        if left.is_zero() && round > 0 {
            break;
        }
        let output = Command::new(std::env::current_exe().map_err(|error| error.to_string())?)
            .args(["--worker", reader.name, &left.as_millis().to_string(), &(seed + round).to_string()])
            .arg(&current)
            // Readers run side by side, each on one thread.
            .env("RAYON_NUM_THREADS", "1")
            .output()
            .map_err(|error| error.to_string())?;
        eprint!("{}", String::from_utf8_lossy(&output.stderr));
        let said = String::from_utf8_lossy(&output.stdout).into_owned();
        let words: Vec<&str> = said.split_ascii_whitespace().collect();
        match words[..] {
            [did, took, told, ref found @ ..] if output.status.success() => {
                executions += number(did)?;
                accepted += number(took)?;
                answers += number(told)?;
                paths.extend(found.iter().map(|path| (*path).to_owned()));
            }
            _ => {
                let hangs = output.status.code() == Some(worker::HANGS);
                let why = if hangs { "took too long".into() } else { output.status.to_string() };
                let input = std::fs::read(&current).map_err(|error| error.to_string())?;
                let kept =
                    worker::save(&findings(), reader.name, &input).map_err(|error| error.to_string())?;
                eprintln!("{}: the process ended: {why}", reader.name);
                paths.push(kept.display().to_string());
            }
        }
    }
    let _ = std::fs::remove_file(&current);
    println!(
        "{}: {executions} executions, {accepted} accepted, {answers} different answers, {} findings",
        reader.name,
        paths.len()
    );
    for path in &paths {
        println!("  cargo run --release -p snnc-fuzz -- --repeat {} {path}", reader.name);
    }
    Ok(paths.is_empty())
}
