//! A command on several ranks: each makes a part, as `--shard` would, and rank 0 puts the parts together, as `snnc
//! merge` would. So the folder is that of one process, whatever the number of ranks.
//!
//! Parts lie in a folder within that of the results, which goes when all is put together. A run that a dead rank has
//! ended leaves it, and the same command with as many ranks goes on from there. What is wrong is told once, by rank 0.

use std::cell::Cell;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::Arc;

use snnc_simulator::exchange::Exchange;
use snnc_targets::{Code, Diagnostic, Diagnostics, Subject};

use super::{simulate, sweep};
use crate::cli::arguments::{Cli, Command, GenerateArgs, MergeArgs, OverRanks, SimulateArgs};
use crate::cli::errors;
use crate::cli::process::console::{self, Detail};
use crate::cli::process::signals;
use crate::shard::Shard;

/// Within the folder of results: what the ranks make.
const FOLDER: &str = ".snnc-ranks";

/// What rank 0 does with the parts.
#[derive(Debug)]
struct MergedResults {
    /// The folder of results.
    out: PathBuf,
    /// Whether the result is printed as JSON.
    json: bool,
}

/// Whether a process does all that it is asked for by itself, even if others were started with it: a part that is
/// named is made by one process.
pub fn stands_alone(command: &Command) -> bool {
    match command {
        Command::Generate(args) => args.shard.is_some(),
        Command::Sweep(args) => args.shard.is_some(),
        Command::Verify(args) => args.shard.is_some(),
        Command::Run(args) => args.generate.shard.is_some(),
        Command::Simulate(args) => args.generate.shard.is_some(),
        _ => false,
    }
}

/// Carries out a command together with the other ranks. All of them end with the same exit code.
pub fn run(mut cli: Cli, ranks: Arc<dyn Exchange>) -> ExitCode {
    let exchange = &*ranks;
    let (rank, of, json) = (exchange.rank(), exchange.ranks(), cli.command.json());
    if rank > 0 {
        signals::silence();
        cli.quiet = true;
        cli.verbose = false;
    }
    if let Command::Simulate(args) = &mut cli.command
        && args.over_ranks == OverRanks::Network
    {
        console::show(Detail::of(cli.quiet, cli.verbose));
        return one_network(args, ranks.clone(), json);
    }
    let shards: Vec<Shard> = (1..=of as u64).map(|part| Shard { part, of: of as u64 }).collect();
    let whole = made_a_part(&mut cli.command, shards[rank]).map_err(Diagnostics::from);
    console::mute(true);
    let made = whole.and_then(|whole| super::run(&cli).map(|_| whole));
    console::mute(false);
    let Some(whole) = agreed(exchange, made, json) else { return ExitCode::FAILURE };
    let merged = match rank {
        0 => merge(&whole, &shards),
        _ => Ok(ExitCode::SUCCESS),
    };
    let Some(code) = agreed(exchange, merged, json) else { return ExitCode::FAILURE };
    // A sweep of which every point failed is told by rank 0 alone.
    match crate::ranks::agree(exchange, (code != ExitCode::SUCCESS).then_some("")).is_empty() {
        true => ExitCode::SUCCESS,
        false => ExitCode::FAILURE,
    }
}

/// Where ranks that run one network meet before they run it, so that all of them know if one cannot.
#[derive(Debug)]
pub struct Meeting {
    exchange: Arc<dyn Exchange>,
    json: bool,
    met: Cell<Met>,
}

/// How a meeting went.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Met {
    /// It was not come to.
    NotYet,
    /// All ranks were there.
    All,
    /// Some rank had failed, which was told.
    Some,
}

impl Meeting {
    /// How the ranks exchange.
    pub fn exchange(&self) -> Arc<dyn Exchange> {
        self.exchange.clone()
    }

    /// Waits for all ranks.
    ///
    /// # Errors
    /// None that is to be told, if another rank failed before it came here.
    pub fn meet(&self) -> Result<(), Diagnostics> {
        let all = agreed(&*self.exchange, Ok(()), self.json).is_some();
        self.met.set(if all { Met::All } else { Met::Some });
        if all { Ok(()) } else { Err(Diagnostics::default()) }
    }
}

/// Runs one network on all ranks; rank 0 writes and tells what came of it.
fn one_network(args: &mut SimulateArgs, exchange: Arc<dyn Exchange>, json: bool) -> ExitCode {
    let meeting = Meeting { exchange: exchange.clone(), json, met: Cell::new(Met::NotYet) };
    if exchange.rank() > 0 {
        let generate = &mut args.generate;
        (generate.out, generate.json, generate.html, generate.spikes) = (None, false, false, false);
    }
    let made = simulate::simulate_on_ranks(args, &meeting);
    if meeting.met.get() == Met::Some {
        return ExitCode::FAILURE;
    }
    // A rank that failed before the meeting tells so in its place.
    let failed_before = meeting.met.get() == Met::NotYet;
    match agreed(&*exchange, made, json) {
        Some(code) if !failed_before => code,
        _ => ExitCode::FAILURE,
    }
}

/// What a rank has made, if all ranks have; else rank 0 tells what is wrong.
fn agreed<R>(exchange: &dyn Exchange, made: Result<R, Diagnostics>, json: bool) -> Option<R> {
    let failed = made.as_ref().err().map(|problems| errors::text(problems, json));
    let said = crate::ranks::agree(exchange, failed.as_deref());
    if exchange.rank() == 0 {
        errors::put(&if json { as_json(&said, exchange.ranks()) } else { as_text(&said, exchange.ranks()) });
    }
    made.ok().filter(|_| said.is_empty())
}

/// Errors of ranks, one after the other; what all say is said without a number. A rank without a text has failed since
/// another one did.
fn as_text(said: &[(String, Vec<usize>)], of: usize) -> String {
    let one = |(text, ranks): &(String, Vec<usize>)| match ranks.len() {
        all if all == of => text.clone(),
        1 => format!("rank {} of {of}:\n{text}", ranks[0]),
        _ => {
            let numbers: Vec<String> = ranks.iter().map(usize::to_string).collect();
            format!("ranks {} of {of}:\n{text}", numbers.join(", "))
        }
    };
    said.iter().filter(|(text, _)| !text.is_empty()).map(one).collect()
}

/// The same as one JSON object; each diagnostic that not all ranks give names its `ranks`.
fn as_json(said: &[(String, Vec<usize>)], of: usize) -> String {
    let mut whole: Option<serde_json::Value> = None;
    for (text, ranks) in said {
        let Ok(mut found) = serde_json::from_str::<serde_json::Value>(text) else { continue };
        let Some(own) = found["diagnostics"].as_array_mut().map(std::mem::take) else { continue };
        let named = own.into_iter().map(|mut problem| {
            if ranks.len() < of {
                problem["ranks"] = ranks.clone().into();
            }
            problem
        });
        let whole = whole.get_or_insert_with(|| {
            found["diagnostics"] = Vec::<serde_json::Value>::new().into();
            found
        });
        if let Some(all) = whole["diagnostics"].as_array_mut() {
            all.extend(named);
        }
    }
    whole.map_or(String::new(), |whole| format!("{whole:#}\n"))
}

/// Has a command make a part in the folder of its rank.
///
/// # Errors
/// [`Code::Ranks`] for commands that cannot be spread, and without a folder.
fn made_a_part(command: &mut Command, shard: Shard) -> Result<MergedResults, Diagnostic> {
    match command {
        Command::Generate(args) => {
            args.shard = Some(shard);
            Ok(MergedResults { out: moved(&mut args.out, shard), json: false })
        }
        Command::Sweep(args) => {
            args.shard = Some(shard);
            Ok(MergedResults { out: moved(&mut args.out, shard), json: false })
        }
        Command::Verify(args) if args.golden.is_none() => {
            args.shard = Some(shard);
            let out = moved(args.out.as_mut().ok_or_else(needs_a_folder)?, shard);
            Ok(MergedResults { out, json: std::mem::take(&mut args.json) })
        }
        Command::Run(args) => part_of_run(&mut args.generate, shard),
        Command::Simulate(args) => part_of_run(&mut args.generate, shard),
        _ => {
            let message =
                "several processes were started together, and this command is not spread over ranks";
            Err(Diagnostic::new(Code::Ranks, Subject::argument("mpirun"), message).hint(
                "start it without mpirun; `generate`, `run`, `simulate`, `sweep` and `verify --target` are spread",
            ))
        }
    }
}

fn part_of_run(args: &mut GenerateArgs, shard: Shard) -> Result<MergedResults, Diagnostic> {
    (args.shard, args.by_rank) = (Some(shard), true);
    let out = moved(args.out.as_mut().ok_or_else(needs_a_folder)?, shard);
    Ok(MergedResults { out, json: std::mem::take(&mut args.json) })
}

/// Ranks put their parts together through files.
fn needs_a_folder() -> Diagnostic {
    let message = "is needed by several ranks: each leaves its part there, and rank 0 puts them together";
    Diagnostic::new(Code::Ranks, Subject::argument("--out"), message)
        .hint("give a folder that all ranks see under the same path")
}

/// Has a part go into the folder of its rank; the folder of the whole.
fn moved(out: &mut PathBuf, shard: Shard) -> PathBuf {
    let part = part_folder(out, shard);
    std::mem::replace(out, part)
}

fn part_folder(out: &Path, shard: Shard) -> PathBuf {
    out.join(FOLDER).join(format!("{}-of-{}", shard.part, shard.of))
}

/// Puts the parts together and removes them.
fn merge(whole: &MergedResults, shards: &[Shard]) -> Result<ExitCode, Diagnostics> {
    let folders = shards.iter().map(|&shard| part_folder(&whole.out, shard)).collect();
    if whole.json {
        // It is what was asked for, however quietly.
        console::show(Detail::Brief);
    }
    let code = sweep::merge(&MergeArgs { folders, out: whole.out.clone() }, whole.json)?;
    // What cannot be removed does no harm: no result is read from there, and the next run checks what it finds.
    let _ = std::fs::remove_dir_all(whole.out.join(FOLDER));
    Ok(code)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_all_ranks_say_has_no_number() {
        let said = |ranks: &[usize]| [("full\n".to_owned(), ranks.to_vec())];
        assert_eq!(as_text(&said(&[0, 1, 2]), 3), "full\n");
        assert_eq!(as_text(&said(&[1]), 3), "rank 1 of 3:\nfull\n");
        assert_eq!(as_text(&said(&[1, 2]), 3), "ranks 1, 2 of 3:\nfull\n");
    }

    #[test]
    fn errors_of_ranks_are_one_object_of_json() {
        let text =
            |message: &str| format!(r#"{{"schema": "s", "diagnostics": [{{"message": "{message}"}}]}}"#);
        let said = [(text("a"), vec![0, 2]), (text("b"), vec![1])];
        let value: serde_json::Value = serde_json::from_str(&as_json(&said, 3)).unwrap();
        let expected = serde_json::json!({"schema": "s", "diagnostics": [
            {"message": "a", "ranks": [0, 2]}, {"message": "b", "ranks": [1]}]});
        assert_eq!(value, expected);
        assert_eq!(as_json(&[], 3), "");
    }
}
