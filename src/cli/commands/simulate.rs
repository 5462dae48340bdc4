//! `snnc simulate` and `snnc run`: images, tokens and the energy report.

use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::Arc;
use std::time::Instant;

use snnc_compiler::ir::Shape;
use snnc_compiler::ir::program::Program;
use snnc_simulator::charge::Record;
use snnc_simulator::counts::SliceTable;
use snnc_simulator::time::Fidelity;
use snnc_simulator::time::cycle::Watcher;
use snnc_targets::output::{Inputs, ResultSet};
use snnc_targets::{Code, Diagnostic, Diagnostics};

use super::compile::compile;
use super::{files, print};
use crate::cli::arguments::{GenerateArgs, RunArgs, SimulateArgs, TraceArgs};
use crate::cli::errors;
use crate::cli::progress;
use crate::generation::{self, Generated, Observer, Options, image_shape, loop_of};
use crate::report::images::{Image, image_name, write_contact, write_image};
use crate::report::timing::steps::StepTable;
use crate::report::{Report, ReportInput, is_result, json, memory, npy, text};
use crate::trace::{self, Traced, Traces};

/// Most threads of a run: each takes memory for its stack before it does anything.
const THREADS_MAX: usize = 1024;

pub fn simulate(args: &SimulateArgs) -> Result<ExitCode, Diagnostics> {
    let _inputs = Inputs::new([&args.program]);
    check(&args.generate)?;
    let program = Arc::new(Program::load(&args.program)?);
    generate(&program, 0.0, &args.generate)
}

pub fn run(args: &RunArgs) -> Result<ExitCode, Diagnostics> {
    let _inputs = files::mapped(&args.model, &args.mapping);
    check(&args.generate)?;
    let compiled = compile(&args.model, &args.mapping)?;
    if !args.generate.json {
        print(&format!("{}\n", compiled.report));
    }
    generate(&compiled.program, compiled.seconds, &args.generate)
}

fn generate(program: &Arc<Program>, compile_s: f64, args: &GenerateArgs) -> Result<ExitCode, Diagnostics> {
    if !args.json {
        errors::warn(&program.warnings());
    }
    let iterations = loop_of(program)?.parameters.iterations as u64;
    let shape = image_shape(program)?;
    // Refuses at once what no image file holds.
    Image::new(shape, vec![0; shape.len()])?;
    let options = options(args);
    // Before the work: a folder that cannot be made, or that is another's, should not cost a run.
    let begin = |out: &PathBuf| ResultSet::begin(out, "snnc run", is_result);
    let set = args.out.as_ref().map(begin).transpose()?;
    let mut watching = Watching::new(program, args, set.as_ref())?;
    let bar = progress::bar(args.images.saturating_mul(iterations), "generating");
    let start = Instant::now();
    let done = || bar.inc(1);
    let generated =
        pool(args.threads)?.install(|| generation::run(program, options, &mut watching, &done))?;
    let wall_s = start.elapsed().as_secs_f64();
    bar.finish_and_clear();
    let slices = SliceTable::new(program);
    let report = ReportInput {
        program,
        slices: &slices,
        meter: &generated.meter,
        run: &generated.record,
        compile_s,
        wall_s,
        peak_memory_bytes: memory::peak_bytes(),
    }
    .report();
    let traced = watching.finish()?;
    let mut wrote = Vec::new();
    if let (Some(set), Some(out)) = (set, &args.out) {
        write(&set, program, shape, &generated, &report)?;
        set.commit()?;
        let (last, folder) = (image_name(generated.images.len() - 1), out.display());
        let steps = if args.timing == Fidelity::None { "" } else { ", timesteps.csv" };
        wrote.push(format!(
            "image_0000.png to {last}, contact.png, tokens.npy{steps} and report.json to {folder}"
        ));
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
    fn new(program: &'a Program, args: &GenerateArgs, set: Option<&ResultSet>) -> Result<Self, Diagnostic> {
        let timed = set.filter(|_| args.timing != Fidelity::None);
        let table =
            |set: &ResultSet| StepTable::create(&set.place("timesteps.csv")?, &program.model.networks);
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
        let traces = Traces::new(program, options, args.images, args.timing)?;
        Ok(Self { steps: timed.map(table).transpose()?, traces })
    }

    /// Gives the files their names; what was traced.
    fn finish(self) -> Result<Option<Traced>, Diagnostic> {
        self.steps.map(StepTable::finish).transpose()?;
        self.traces.map(Traces::finish).transpose()
    }
}

impl Observer for Watching<'_> {
    fn image(&mut self, image: u64, record: &Record) -> Result<(), Diagnostic> {
        self.steps.as_mut().map_or(Ok(()), |steps| steps.image(image, &record.timesteps.steps))
    }

    fn watcher(&mut self) -> Option<&mut dyn Watcher> {
        self.traces.as_mut().map(|traces| traces as &mut dyn Watcher)
    }
}

fn options(args: &GenerateArgs) -> Options {
    Options { images: args.images, seed: args.seed, fidelity: args.timing }
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
    options(args).check()?;
    let (packets, events) = (args.trace.packets.as_ref(), args.trace.events.as_ref());
    // One within the folder of results may wait for that to be made.
    let whole = |path: &Path| std::path::absolute(path).ok();
    let outside = |path: &&PathBuf| {
        let folder = path.parent().and_then(whole);
        folder.is_none() || args.out.as_deref().and_then(whole) != folder
    };
    files::outputs(&[("--trace", packets.filter(outside)), ("--trace-events", events.filter(outside))])
}

fn write(
    set: &ResultSet,
    program: &Program,
    shape: Shape,
    generated: &Generated,
    report: &Report,
) -> Result<(), Diagnostics> {
    let parameters = loop_of(program)?.parameters;
    let mut images = Vec::new();
    for (index, image) in generated.images.iter().enumerate() {
        let image = Image::new(shape, image.pixels.clone())?;
        write_image(&set.place(&image_name(index))?, &image)?;
        images.push(image);
    }
    write_contact(&set.place("contact.png")?, &images)?;
    let tokens: Vec<Vec<u32>> = generated.images.iter().map(|image| image.tokens.clone()).collect();
    npy::write_tokens(&set.place("tokens.npy")?, &tokens, parameters.rows, parameters.columns)?;
    json::write(&set.place("report.json")?, report)?;
    Ok(())
}
