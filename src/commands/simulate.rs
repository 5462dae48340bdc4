//! `snnc simulate` and `snnc run`: images, tokens and the energy report.

use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::Instant;

use snnc_compiler::ir::Shape;
use snnc_compiler::ir::program::Program;
use snnc_simulator::charge::Record;
use snnc_simulator::counts::SliceTable;
use snnc_simulator::time::Fidelity;
use snnc_simulator::time::cycle::Watcher;
use snnc_targets::{Code, Diagnostic, Diagnostics};

use super::compile::compile;
use super::print;
use crate::cli::{GenerateArgs, RunArgs, SimulateArgs, TraceArgs};
use crate::generation::{self, Generated, Observer, Options, image_shape, loop_of};
use crate::progress;
use crate::report::images::{Image, image_name, write_contact, write_image};
use crate::report::timing::steps::StepTable;
use crate::report::{Report, ReportInput, json, memory, npy, text};
use crate::trace::{self, Traces};
use crate::warnings;

/// Most threads of a run: each takes memory for its stack before it does anything.
const THREADS_MAX: usize = 1024;

pub fn simulate(args: &SimulateArgs) -> Result<ExitCode, Diagnostics> {
    let program = Program::load(&args.program)?;
    generate(&program, 0.0, &args.generate)
}

pub fn run(args: &RunArgs) -> Result<ExitCode, Diagnostics> {
    let compiled = compile(&args.model, &args.mapping)?;
    if !args.generate.json {
        print(&format!("{}\n", compiled.report))?;
    }
    generate(&compiled.program, compiled.seconds, &args.generate)
}

fn generate(program: &Program, compile_s: f64, args: &GenerateArgs) -> Result<ExitCode, Diagnostics> {
    if !args.json {
        warnings::show(&program.warnings());
    }
    let iterations = loop_of(program)?.iterations as u64;
    let shape = image_shape(program)?;
    // Refuses at once what no image file holds.
    Image::new(shape, vec![0; shape.len()])?;
    if let Some(out) = &args.out {
        // Before the work: a folder that cannot be made should not cost a run.
        std::fs::create_dir_all(out).map_err(|error| {
            Diagnostic::new(
                Code::OutputFailed,
                out.display().to_string(),
                format!("cannot make folder: {error}"),
            )
        })?;
    }
    let options = Options { images: args.images, seed: args.seed, fidelity: args.timing };
    options.check()?;
    let mut watching = Watching::new(program, args)?;
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
    print(&if args.json { json::print(&report)? } else { text::print(&report) })?;
    let mut wrote = Vec::new();
    if let Some(out) = &args.out {
        write(out, program, shape, &generated, &report)?;
        let (last, folder) = (image_name(generated.images.len() - 1), out.display());
        let steps = if args.timing == Fidelity::None { "" } else { ", timesteps.csv" };
        wrote.push(format!(
            "image_0000.png to {last}, contact.png, tokens.npy{steps} and report.json to {folder}"
        ));
    }
    wrote.extend(watching.finish()?);
    if !args.json && !wrote.is_empty() {
        let lines: String = wrote.iter().map(|line| format!("wrote {line}\n")).collect();
        print(&format!("\n{lines}"))?;
    }
    Ok(ExitCode::SUCCESS)
}

/// What is written while the run goes on.
struct Watching<'a> {
    steps: Option<StepTable>,
    traces: Option<Traces<'a>>,
}

impl<'a> Watching<'a> {
    fn new(program: &'a Program, args: &GenerateArgs) -> Result<Self, Diagnostic> {
        let out = args.out.as_ref().filter(|_| args.timing != Fidelity::None);
        let table = |out: &PathBuf| StepTable::create(&out.join("timesteps.csv"), &program.model.networks);
        let TraceArgs { packets, events, images, passes, timesteps } = args.trace.clone();
        let options = trace::Options { packets, events, images, passes, timesteps };
        if let Some(out) = &args.out {
            options.check_beside(out)?;
        }
        let traces = Traces::new(program, options, args.images, args.timing)?;
        Ok(Self { steps: out.map(table).transpose()?, traces })
    }

    /// Gives the files their names; what was written.
    fn finish(self) -> Result<Vec<String>, Diagnostic> {
        self.steps.map(StepTable::finish).transpose()?;
        Ok(self.traces.map(Traces::finish).transpose()?.unwrap_or_default())
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

/// A pool of its own, so that `--threads` holds for this run.
fn pool(threads: Option<usize>) -> Result<rayon::ThreadPool, Diagnostic> {
    if let Some(threads) = threads.filter(|threads| !(1..=THREADS_MAX).contains(threads)) {
        let message = format!("expected 1 to {THREADS_MAX} threads");
        return Err(Diagnostic::new(Code::Argument, format!("--threads {threads}"), message)
            .hint("left out, there is one for each processor"));
    }
    rayon::ThreadPoolBuilder::new().num_threads(threads.unwrap_or(0)).build().map_err(|error| {
        Diagnostic::new(Code::Argument, "--threads", format!("cannot start threads: {error}"))
    })
}

fn write(
    out: &Path,
    program: &Program,
    shape: Shape,
    generated: &Generated,
    report: &Report,
) -> Result<(), Diagnostics> {
    let generation = loop_of(program)?;
    let mut images = Vec::new();
    for (index, image) in generated.images.iter().enumerate() {
        let image = Image::new(shape, image.pixels.clone())?;
        write_image(&out.join(image_name(index)), &image)?;
        images.push(image);
    }
    write_contact(&out.join("contact.png"), &images)?;
    let tokens: Vec<Vec<u32>> = generated.images.iter().map(|image| image.tokens.clone()).collect();
    npy::write_tokens(&out.join("tokens.npy"), &tokens, generation.rows, generation.columns)?;
    json::write(&out.join("report.json"), report)?;
    Ok(())
}
