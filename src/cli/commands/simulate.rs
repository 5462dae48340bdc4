//! `snnc simulate` and `snnc run`: images of generating models, predictions of others, and the energy report.

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use snnc_simulator::time::Fidelity;
use snnc_simulator::workload::Workload;
use snnc_targets::output::{Inputs, ResultSet};
use snnc_targets::text_width::folded;
use snnc_targets::{Code, Diagnostic, Diagnostics, Subject};

use super::compile::compile;
use super::options::{self, Asked};
use super::ranks::Meeting;
use super::samples::{self, Fed};
use super::{changes_nothing, files, parts, print};
use crate::cli::arguments::{GenerateArgs, OverRanks, RunArgs, SimulateArgs, TraceArgs};
use crate::cli::errors;
use crate::cli::process::console::{self, Detail};
use crate::cli::progress::Bar;
use crate::outcome::Outcome;
use crate::program::Program;
use crate::ranks;
use crate::ranks::network::{self, NetworkRanks};
use crate::report::images::PngImage;
use crate::report::{Report, brief, by_core, json};
use crate::results::{ResultsRecorder, SeenOfPasses, write_images, write_samples};
use crate::samples::Classification;
use crate::samples::membranes::{MembraneChoice, WatchedLayer};
use crate::session::{FailsInTheEnd, ITEMS_MAX, Session, SessionOptions, check_count, check_sensitivity};
use crate::trace::{self, Extent};

/// The ranks that run one network, and where they meet before they do.
type OnRanks<'r> = (&'r NetworkRanks, &'r Meeting);

/// Images where none are asked for.
const IMAGES: u64 = 4;
/// Seed where none is given.
const SEED: u64 = 1;

pub fn simulate(args: &SimulateArgs) -> Result<ExitCode, Diagnostics> {
    if args.over_ranks == OverRanks::Network && !ranks::in_a_job(|name| std::env::var(name).ok()) {
        return Err(changes_nothing("--over-ranks", "no ranks were started, as `mpirun` does").into());
    }
    let mut inputs = Inputs::new([&args.program]);
    samples::protect(&args.generate.samples, &mut inputs);
    check(&args.generate)?;
    let mut asked = options::of_run(&args.generate);
    asked.insert("program".into(), args.program.display().to_string());
    drive(&Program::load(&args.program)?, &args.generate, &asked, None)
}

/// One network on all ranks, of which `meeting` is this one.
pub fn simulate_on_ranks(args: &SimulateArgs, meeting: &Meeting) -> Result<ExitCode, Diagnostics> {
    let mut inputs = Inputs::new([&args.program]);
    samples::protect(&args.generate.samples, &mut inputs);
    check(&args.generate)?;
    network::check_timing(args.generate.timing)?;
    if args.generate.membranes.is_some() {
        let message = "are not recorded by ranks that run one network";
        return Err(Diagnostic::new(Code::Ranks, Subject::argument("--membranes"), message)
            .hint("leave it out")
            .into());
    }
    let mut asked = options::of_run(&args.generate);
    asked.insert("program".into(), args.program.display().to_string());
    let (program, ranks) = network::load(&args.program, meeting.exchange())?;
    drive(&program, &args.generate, &asked, Some((&ranks, meeting)))
}

pub fn run(args: &RunArgs) -> Result<ExitCode, Diagnostics> {
    let mut inputs = files::mapped(&args.model, &args.mapping);
    samples::protect(&args.generate.samples, &mut inputs);
    check(&args.generate)?;
    let mut asked = options::of_run(&args.generate);
    asked.extend(options::of_compilation(&args.model, &args.mapping));
    drive(&compile(&args.model, &args.mapping, Some(&args.generate.samples))?, &args.generate, &asked, None)
}

/// As the program's pipeline says, else by samples.
fn drive(
    program: &Program,
    args: &GenerateArgs,
    asked: &Asked,
    ranks: Option<OnRanks<'_>>,
) -> Result<ExitCode, Diagnostics> {
    if !args.json {
        errors::warn(&program.warnings());
    }
    program.mapped().needs_timesteps()?;
    if !program.generates() {
        return classify(program, (args, asked), ranks);
    }
    parts::refuse_images(args)?;
    samples::refuse(&args.samples)?;
    samples::refuse_passes(args)?;
    let mut workload = program.generation(args.seed.unwrap_or(SEED), args.images.unwrap_or(IMAGES))?;
    if let Some(temperature) = args.temperature {
        workload = workload.at_temperature(temperature)?;
    }
    // Refuses at once what no image file holds.
    PngImage::new(workload.image, vec![0; workload.image.len()])?;
    let write = |set: &ResultSet, made: &Outcome<_>| write_images(set, &workload, &made.items);
    let passes = [(workload.denoiser, workload.passes() - 1), (workload.decoder, 1)];
    let spikes_of = passes.into_iter().filter(|_| args.spikes).collect();
    let seen = SeenOfPasses { spikes_of, ..SeenOfPasses::default() };
    let made = (&workload, seen, ranks);
    carry_out(program, (args, asked), made, write, |report, _| report.seed = Some(workload.seed))
}

/// Samples through one network.
fn classify(
    program: &Program,
    (args, asked): (&GenerateArgs, &Asked),
    ranks: Option<OnRanks<'_>>,
) -> Result<ExitCode, Diagnostics> {
    samples::refuse_images(args.images, args.temperature)?;
    let fed = Fed::read(&program.mapped().model, &args.samples, args.seed)?;
    if let Some(shard) = args.shard {
        return parts::run(program, (args, asked), &fed, shard);
    }
    let write = |set: &ResultSet, made: &Outcome<Vec<f64>>| {
        Ok(write_samples(set, &fed.samples, &made.items, fed.labels.as_deref())?)
    };
    let network = fed.samples.network();
    let watched = |choice: &MembraneChoice| WatchedLayer::of(&program.mapped().model, network, choice);
    let seen = SeenOfPasses {
        spikes_of: args.spikes.then_some((network, 1)).into_iter().collect(),
        membranes: args.membranes.as_ref().map(watched).transpose()?.unwrap_or_default(),
    };
    carry_out(program, (args, asked), (&fed.samples, seen, ranks), write, |report, made| {
        report.events = fed.events;
        report.classify(fed.labels.as_deref().map(|labels| Classification::new(&made.items, labels)));
    })
}

/// Runs a workload and reports it, and writes what is wanted of its passes. `write` puts what it
/// gave into the folder of results and says which files these are; `complete` adds to the
/// report what only the workload knows.
fn carry_out<W: Workload>(
    program: &Program,
    (args, asked): (&GenerateArgs, &Asked),
    (workload, seen, ranks): (&W, SeenOfPasses, Option<OnRanks<'_>>),
    write: impl FnOnce(&ResultSet, &Outcome<W::Item>) -> Result<String, Diagnostics>,
    complete: impl FnOnce(&mut Report, &Outcome<W::Item>),
) -> Result<ExitCode, Diagnostics> {
    let (out, traces) = (args.out.as_deref(), traces(&args.trace));
    let timing = timing(program, args);
    let mut recorder =
        ResultsRecorder::begin(program.mapped(), Extent::of(workload), timing, out, traces, &seen)?
            .with_page(args.html, program.mapped(), workload.item_name())?;
    let options = session_options(args, timing);
    let session = match ranks {
        Some((ranks, meeting)) => {
            meeting.meet()?;
            Session::on_ranks(program, options, args.sensitivity, ranks)
        }
        None if args.sensitivity => Session::with_sensitivity(program, options, seen.membranes),
        None => Session::watching(program, options, seen.membranes),
    }?;
    // Only now is it known that there is something to run.
    if let Some(report) = program.mapping_report().filter(|_| !args.json && console::detail() == Detail::Full)
    {
        print(&folded(&format!("{report}\n")));
    }
    let bar = Bar::new("running", "passes");
    let made = match ranks {
        None => session.run_observed(workload, &mut recorder, &bar)?,
        // Whoever stops in the middle of a pass would be waited for.
        Some(_) => {
            let mut patient = FailsInTheEnd::new(&mut recorder);
            let made = session.run_observed(workload, &mut patient, &bar)?;
            patient.finish()?;
            made
        }
    };
    drop(bar);
    let mut report = made.report();
    report.options = asked.clone();
    report.options.insert("--timing".into(), timing.to_string());
    complete(&mut report, &made);
    let wrote = recorder.finish(&report, |set| {
        let files = write(set, &made)?;
        made.write_cores(&set.place(by_core::FILE)?)?;
        Ok(format!("{files}, {}", by_core::FILE))
    })?;
    match console::detail() {
        _ if args.json => print(&json::print(&report)?),
        Detail::Full => console::print_titled(&report.to_string()),
        _ => {
            console::print_titled(&brief::print(&report));
            print("\n-v tells more: where, when, and of which constants\n");
        }
    }
    if !args.json && !wrote.is_empty() {
        let lines: String = wrote.iter().map(|wrote| folded(&format!("wrote {wrote}\n"))).collect();
        print(&format!("\n{lines}"));
    }
    Ok(ExitCode::SUCCESS)
}

fn traces(args: &TraceArgs) -> trace::TraceOptions {
    let TraceArgs { packets, events, images, passes, timesteps } = args.clone();
    trace::TraceOptions { packets, events, table: false, images, passes, timesteps }
}

/// How time is modelled: as asked for, else by how much work it is; a sensitivity then takes the formula.
pub fn timing(program: &Program, args: &GenerateArgs) -> Fidelity {
    match args.timing {
        Some(timing) => timing,
        None if args.sensitivity => Fidelity::Analytic,
        None => Fidelity::by_effort(program.mapped()),
    }
}

fn session_options(args: &GenerateArgs, fidelity: Fidelity) -> SessionOptions {
    SessionOptions { fidelity, threads: args.threads, keep_state: args.keep_state }
}

/// What can be refused before anything is compiled: numbers out of range, and where traces go. The folder of results is
/// claimed when it is known that there are any.
fn check(args: &GenerateArgs) -> Result<(), Diagnostic> {
    session_options(args, args.timing.unwrap_or_default()).check()?;
    parts::check(args)?;
    if args.sensitivity {
        check_sensitivity(args.timing.unwrap_or_default())?;
    }
    if let Some(images) = args.images {
        check_count("--images", images, ITEMS_MAX).map_err(|problem| match images {
            0 => problem,
            _ => problem.hint("`snnc generate` streams larger sets to disk"),
        })?;
    }
    if let Some(samples) = args.samples.count {
        check_count("--samples", samples, ITEMS_MAX)?;
    }
    let (packets, events) = (args.trace.packets.as_ref(), args.trace.events.as_ref());
    // One within the folder of results may wait for that to be made.
    let whole = |path: &Path| std::path::absolute(path).ok();
    let outside = |path: &&PathBuf| {
        let folder = path.parent().and_then(whole);
        folder.is_none() || args.out.as_deref().and_then(whole) != folder
    };
    files::outputs(&[("--trace", packets.filter(outside)), ("--trace-events", events.filter(outside))])
}
