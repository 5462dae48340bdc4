//! `snnc simulate` and `snnc run`: images of generating models, predictions of others, and the energy report.

use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::Arc;
use std::time::Instant;

use snnc_compiler::ir::program::Program;
use snnc_simulator::charge::Record;
use snnc_simulator::counts::SliceTable;
use snnc_simulator::time::Fidelity;
use snnc_simulator::time::cycle::Watcher;
use snnc_simulator::workload::generation::Image as Generated;
use snnc_simulator::workload::{Generation, Workload};
use snnc_targets::output::{Inputs, ResultSet};
use snnc_targets::{Code, Diagnostic, Diagnostics};

use super::compile::compile;
use super::samples::{self, Fed};
use super::{files, print};
use crate::cli::arguments::{GenerateArgs, RunArgs, SimulateArgs, TraceArgs};
use crate::cli::errors;
use crate::cli::progress;
use crate::npy;
use crate::report::images::{Image, image_name, write_contact, write_image};
use crate::report::timing::steps::StepTable;
use crate::report::{ReportInput, is_result, json, memory, text};
use crate::run::{self as running, ITEMS_MAX, Observer, Outcome, check_count};
use crate::samples::accuracy;
use crate::trace::{self, Extent, Traced, Traces};

/// Images where none are asked for.
const IMAGES: u64 = 4;
/// Seed where none is given.
const SEED: u64 = 1;
/// Most threads of a run: each takes memory for its stack before it does anything.
const THREADS_MAX: usize = 1024;

pub fn simulate(args: &SimulateArgs) -> Result<ExitCode, Diagnostics> {
    let mut inputs = Inputs::new([&args.program]);
    samples::protect(&args.generate.samples, &mut inputs);
    check(&args.generate)?;
    let program = Arc::new(Program::load(&args.program)?);
    drive(&program, 0.0, &args.generate)
}

pub fn run(args: &RunArgs) -> Result<ExitCode, Diagnostics> {
    let mut inputs = files::mapped(&args.model, &args.mapping);
    samples::protect(&args.generate.samples, &mut inputs);
    check(&args.generate)?;
    let compiled = compile(&args.model, &args.mapping)?;
    if !args.generate.json {
        print(&format!("{}\n", compiled.report));
    }
    drive(&compiled.program, compiled.seconds, &args.generate)
}

/// As the program's pipeline says, else by samples.
fn drive(program: &Arc<Program>, compile_s: f64, args: &GenerateArgs) -> Result<ExitCode, Diagnostics> {
    if !args.json {
        errors::warn(&program.warnings());
    }
    program.needs_timesteps()?;
    if program.model.workload.is_none() {
        return classify(program, compile_s, args);
    }
    samples::refuse(&args.samples)?;
    let (seed, images) = (args.seed.unwrap_or(SEED), args.images.unwrap_or(IMAGES));
    let workload = Generation::new(&program.model, seed, images)?;
    // Refuses at once what no image file holds.
    Image::new(workload.image, vec![0; workload.image.len()])?;
    let write = |set: &ResultSet, made: &Outcome<Generated>| write_images(set, &workload, made);
    carry_out(program, compile_s, args, &workload, |_| None, write)
}

/// Samples through one network.
fn classify(program: &Arc<Program>, compile_s: f64, args: &GenerateArgs) -> Result<ExitCode, Diagnostics> {
    samples::refuse_images(args.images, args.seed)?;
    let fed = Fed::read(&program.model, &args.samples)?;
    let accuracy = |made: &Outcome<Vec<f64>>| Some(accuracy(&made.items, fed.labels.as_deref()?));
    let write = |set: &ResultSet, made: &Outcome<Vec<f64>>| {
        fed.write(set, &made.items)?;
        Ok("predictions.csv, readout.npy".to_owned())
    };
    carry_out(program, compile_s, args, &fed.samples, accuracy, write)
}

/// Runs a workload, reports it, and lets `write` put what it gave into the folder of results; that says which files.
fn carry_out<W: Workload>(
    program: &Arc<Program>,
    compile_s: f64,
    args: &GenerateArgs,
    workload: &W,
    accuracy: impl FnOnce(&Outcome<W::Item>) -> Option<f64>,
    write: impl FnOnce(&ResultSet, &Outcome<W::Item>) -> Result<String, Diagnostics>,
) -> Result<ExitCode, Diagnostics> {
    // Before the work: a folder that cannot be made, or that is another's, should not cost a run.
    let begin = |out: &PathBuf| ResultSet::begin(out, "snnc run", is_result);
    let set = args.out.as_ref().map(begin).transpose()?;
    let mut watching = Watching::new(program, workload, args, set.as_ref())?;
    let bar = progress::bar(workload.len().saturating_mul(workload.passes()), "running");
    let start = Instant::now();
    let done = || bar.inc(1);
    let made =
        pool(args.threads)?.install(|| running::run(program, workload, args.timing, &mut watching, &done))?;
    let wall_s = start.elapsed().as_secs_f64();
    bar.finish_and_clear();
    let report = ReportInput {
        program,
        slices: &SliceTable::new(program),
        meter: &made.meter,
        run: &made.record,
        item_name: made.item_name,
        accuracy: accuracy(&made),
        compile_s,
        wall_s,
        peak_memory_bytes: memory::peak_bytes(),
    }
    .report();
    let traced = watching.finish()?;
    let mut wrote = Vec::new();
    if let (Some(set), Some(out)) = (set, &args.out) {
        let files = write(&set, &made)?;
        json::write(&set.place("report.json")?, &report)?;
        set.commit()?;
        let steps = if args.timing == Fidelity::None { "" } else { ", timesteps.csv" };
        wrote.push(format!("{files}{steps} and report.json to {}", out.display()));
    }
    wrote.extend(traced.into_iter().flat_map(|traced| traced.lines(&args.trace.packets, &args.trace.events)));
    print(&if args.json { json::print(&report)? } else { text::print(&report) });
    if !args.json && !wrote.is_empty() {
        let lines: String = wrote.iter().map(|line| format!("wrote {line}\n")).collect();
        print(&format!("\n{lines}"));
    }
    Ok(ExitCode::SUCCESS)
}

/// What is written while the run goes on.
struct Watching<'a> {
    steps: Option<StepTable>,
    traces: Option<Traces<'a>>,
}

impl<'a> Watching<'a> {
    fn new(
        program: &'a Program,
        workload: &impl Workload,
        args: &GenerateArgs,
        set: Option<&ResultSet>,
    ) -> Result<Self, Diagnostic> {
        let timed = set.filter(|_| args.timing != Fidelity::None);
        let table = |set: &ResultSet| {
            let path = set.place("timesteps.csv")?;
            StepTable::create(&path, &program.model.networks, workload.item_name())
        };
        let TraceArgs { packets, events, images, passes, timesteps } = args.trace.clone();
        let mut options = trace::Options { packets, events, images, passes, timesteps };
        if let (Some(set), Some(out)) = (set, &args.out) {
            options.check_beside(out)?;
            // A trace in the folder of results is one of them.
            for file in [&mut options.packets, &mut options.events].into_iter().flatten() {
                if let Some(name) = set.name_of(file) {
                    *file = set.place(&name)?;
                }
            }
        }
        let (items, passes, item_name) = (workload.len(), workload.passes(), workload.item_name());
        let run = Extent { items, passes, item_name };
        let traces = Traces::new(program, options, run, args.timing)?;
        Ok(Self { steps: timed.map(table).transpose()?, traces })
    }

    /// Gives the files their names; what was traced.
    fn finish(self) -> Result<Option<Traced>, Diagnostic> {
        self.steps.map(StepTable::finish).transpose()?;
        self.traces.map(Traces::finish).transpose()
    }
}

impl Observer for Watching<'_> {
    fn item(&mut self, index: u64, record: &Record) -> Result<(), Diagnostic> {
        self.steps.as_mut().map_or(Ok(()), |steps| steps.item(index, &record.timesteps.steps))
    }

    fn watcher(&mut self) -> Option<&mut dyn Watcher> {
        self.traces.as_mut().map(|traces| traces as &mut dyn Watcher)
    }
}

fn check_threads(threads: Option<usize>) -> Result<(), Diagnostic> {
    match threads.filter(|threads| !(1..=THREADS_MAX).contains(threads)) {
        None => Ok(()),
        Some(threads) => {
            let message = format!("expected 1 to {THREADS_MAX} threads");
            Err(Diagnostic::new(Code::Argument, format!("--threads {threads}"), message)
                .hint("left out, there is one for each processor"))
        }
    }
}

/// A pool of its own, so that `--threads` holds for this run.
fn pool(threads: Option<usize>) -> Result<rayon::ThreadPool, Diagnostic> {
    rayon::ThreadPoolBuilder::new().num_threads(threads.unwrap_or(0)).build().map_err(|error| {
        Diagnostic::new(Code::Argument, "--threads", format!("cannot start threads: {error}"))
    })
}

/// What can be refused before anything is compiled: numbers out of range, and where traces go. The folder of results is
/// claimed when it is known that there are any.
fn check(args: &GenerateArgs) -> Result<(), Diagnostic> {
    check_threads(args.threads)?;
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

/// Images and tokens; what was written.
fn write_images(
    set: &ResultSet,
    workload: &Generation,
    made: &Outcome<Generated>,
) -> Result<String, Diagnostics> {
    let Generation { parameters, image: shape, .. } = *workload;
    let mut images = Vec::new();
    for (index, image) in made.items.iter().enumerate() {
        let image = Image::new(shape, image.pixels.clone())?;
        write_image(&set.place(&image_name(index))?, &image)?;
        images.push(image);
    }
    write_contact(&set.place("contact.png")?, &images)?;
    let tokens: Vec<Vec<u32>> = made.items.iter().map(|image| image.tokens.clone()).collect();
    npy::write_tokens(&set.place("tokens.npy")?, &tokens, parameters.rows, parameters.columns)?;
    let last = image_name(made.items.len().saturating_sub(1));
    Ok(format!("image_0000.png to {last}, contact.png, tokens.npy"))
}
