//! The loop of one process: damage an input, have it read, remember inputs that led to new answers.

use std::collections::HashSet;
use std::fs::File;
use std::io::{Seek, Write};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};
use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::time::{Duration, Instant};

use crate::random::Random;
use crate::readers::Reader;

/// Processor time that one input may take. Its unit is the system's clock tick, a hundredth of a second.
const TICKS_MAX: u64 = 20 * 100;
/// Most inputs that are remembered.
const POOL_MAX: usize = 4096;
/// Exit code of a process that was ended for an input that took too long.
pub const HANGS: i32 = 86;

/// Executions so far.
static EXECUTIONS: AtomicU64 = AtomicU64::new(0);
/// Where the last panic was.
static PANIC: Mutex<String> = Mutex::new(String::new());

/// What a process has done.
#[derive(Debug, Default)]
pub struct Done {
    /// Inputs read.
    pub executions: u64,
    /// Of them accepted.
    pub accepted: u64,
    /// Different answers.
    pub answers: usize,
    /// Inputs that made the reader panic, one for each place.
    pub findings: Vec<PathBuf>,
}

/// Reads damaged inputs until the time is over. Each input is in the file `current` before it is read.
pub fn run(
    reader: &Reader,
    time: Duration,
    seed: u64,
    current: &Path,
    findings: &Path,
) -> std::io::Result<Done> {
    let end = Instant::now() + time;
    std::panic::set_hook(Box::new(|panic| {
        *PANIC.lock().unwrap_or_else(std::sync::PoisonError::into_inner) = panic.to_string();
    }));
    let mut pool = (reader.seeds)();
    let mut random = Random::new(seed);
    let mut file = File::create(current)?;
    let mut done = Done::default();
    let (mut known, mut places) = (HashSet::new(), HashSet::new());
    watch();
    if !pool.iter().any(|seed| (reader.read)(seed).is_ok()) {
        return Err(std::io::Error::other("no seed is accepted"));
    }
    while Instant::now() < end {
        let mut input = random.pick(&pool).clone();
        let other = random.pick(&pool).clone();
        (reader.damage)(&mut random, &mut input, &other);
        file.rewind()?;
        file.set_len(0)?;
        file.write_all(&input)?;
        let read = catch_unwind(AssertUnwindSafe(|| (reader.read)(&input)));
        done.executions = EXECUTIONS.fetch_add(1, Relaxed) + 1;
        match read {
            Ok(answer) => {
                done.accepted += u64::from(answer.is_ok());
                if known.insert(answer) && pool.len() < POOL_MAX {
                    pool.push(input);
                }
            }
            Err(_) => {
                let panic = PANIC.lock().unwrap_or_else(std::sync::PoisonError::into_inner).clone();
                let place = panic.lines().next().unwrap_or_default().to_owned();
                if places.insert(place) {
                    done.findings.push(save(findings, reader.name, &input)?);
                    eprintln!("{}: {panic}", reader.name);
                }
            }
        }
    }
    done.answers = known.len();
    Ok(done)
}

/// Keeps an input that was a finding.
pub fn save(folder: &Path, name: &str, input: &[u8]) -> std::io::Result<PathBuf> {
    std::fs::create_dir_all(folder)?;
    let path = folder.join(format!("{name}-{}", &blake3::hash(input).to_hex()[..12]));
    std::fs::write(&path, input)?;
    Ok(path)
}

/// Ends the process when one execution has taken more processor time than it may.
fn watch() {
    std::thread::spawn(|| {
        let (mut seen, mut since) = (u64::MAX, 0);
        loop {
            std::thread::sleep(Duration::from_millis(250));
            let (executions, now) = (EXECUTIONS.load(Relaxed), ticks());
            if executions != seen {
                (seen, since) = (executions, now);
            } else if now.saturating_sub(since) > TICKS_MAX {
                std::process::exit(HANGS);
            }
        }
    });
}

/// Processor time of this process in clock ticks (`proc(5)`, fields 14 and 15 of `stat`).
fn ticks() -> u64 {
    let stat = std::fs::read_to_string("/proc/self/stat").unwrap_or_default();
    let fields = stat.rsplit_once(')').map_or("", |(_, rest)| rest).split_ascii_whitespace();
    fields.skip(11).take(2).filter_map(|field| field.parse::<u64>().ok()).sum()
}
