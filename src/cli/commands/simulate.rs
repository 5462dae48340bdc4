//! `snnc simulate` and `snnc run`: images of generating models, predictions of others, and the energy report.

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use snnc_compiler::ir::program::Program as Mapped;
use snnc_simulator::charge::Record;
use snnc_simulator::time::Fidelity;
use snnc_simulator::time::cycle::Watcher;
use snnc_simulator::workload::generation::Image as Generated;
use snnc_simulator::workload::{Generation, Workload};
use snnc_targets::output::{Inputs, ResultSet};
use snnc_targets::{Diagnostic, Diagnostics};

use super::compile::compile;
use super::samples::{self, Fed};
use super::{files, print};
use crate::cli::arguments::{GenerateArgs, RunArgs, SimulateArgs, TraceArgs};
use crate::cli::errors;
use crate::cli::progress::Bar;
use crate::npy;
use crate::outcome::Outcome;
use crate::program::Program;
use crate::report::images::{Image, image_name, write_contact, write_image};
use crate::report::timing::steps::StepTable;
use crate::report::{is_result, json};
use crate::samples::accuracy;
use crate::session::{ITEMS_MAX, Observer, Session, SessionOptions, check_count};
use crate::trace::{self, Extent, Traced, Traces};

/// Images where none are asked for.
const IMAGES: u64 = 4;
/// Seed where none is given.
const SEED: u64 = 1;

pub fn simulate(args: &SimulateArgs) -> Result<ExitCode, Diagnostics> {
    let mut inputs = Inputs::new([&args.program]);
    samples::protect(&args.generate.samples, &mut inputs);
    check(&args.generate)?;
    drive(&Program::load(&args.program)?, &args.generate)
}

pub fn run(args: &RunArgs) -> Result<ExitCode, Diagnostics> {
    let mut inputs = files::mapped(&args.model, &args.mapping);
    samples::protect(&args.generate.samples, &mut inputs);
    check(&args.generate)?;
    let program = compile(&args.model, &args.mapping)?;
    if let Some(compilation) = program.compilation().filter(|_| !args.generate.json) {
        print(&format!("{}\n", compilation.report));
    }
    drive(&program, &args.generate)
}

/// As the program's pipeline says, else by samples.
fn drive(program: &Program, args: &GenerateArgs) -> Result<ExitCode, Diagnostics> {
    if !args.json {
        errors::warn(&program.warnings());
    }
    program.mapped().needs_timesteps()?;
    if program.mapped().model.workload.is_none() {
        return classify(program, args);
    }
    samples::refuse(&args.samples)?;
    let workload = program.generation(args.seed.unwrap_or(SEED), args.images.unwrap_or(IMAGES))?;
    // Refuses at once what no image file holds.
    Image::new(workload.image, vec![0; workload.image.len()])?;
    carry_out(program, args, &workload, |set, made| write_images(set, &workload, made), |_| None)
}

/// Samples through one network.
fn classify(program: &Program, args: &GenerateArgs) -> Result<ExitCode, Diagnostics> {
    samples::refuse_images(args.images, args.seed)?;
    let fed = Fed::read(&program.mapped().model, &args.samples)?;
    let write = |set: &ResultSet, made: &Outcome<Vec<f64>>| {
        fed.write(set, &made.items)?;
        Ok("predictions.csv, readout.npy".to_owned())
    };
    carry_out(program, args, &fed.samples, write, |made| Some(accuracy(&made.items, fed.labels.as_deref()?)))
}

/// Runs a workload and reports it. `write` puts what it gave into the folder of results and says which files these are;
/// `accuracy` is the share of right answers, where they are known.
fn carry_out<W: Workload>(
    program: &Program,
    args: &GenerateArgs,
    workload: &W,
    write: impl FnOnce(&ResultSet, &Outcome<W::Item>) -> Result<String, Diagnostics>,
    accuracy: impl FnOnce(&Outcome<W::Item>) -> Option<f64>,
) -> Result<ExitCode, Diagnostics> {
    // Before the work: a folder that cannot be made, or that is another's, should not cost a run.
    let begin = |out: &PathBuf| ResultSet::begin(out, "snnc run", is_result);
    let set = args.out.as_ref().map(begin).transpose()?;
    let mut watching = Watching::new(program.mapped(), workload, args, set.as_ref())?;
    let session = Session::new(program, options(args))?;
    let made = session.run_observed(workload, &mut watching, &Bar::new("running"))?;
    let mut report = made.report();
    report.totals.accuracy = accuracy(&made);
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
    print(&if args.json { json::print(&report)? } else { report.to_string() });
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
        program: &'a Mapped,
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

fn options(args: &GenerateArgs) -> SessionOptions {
    SessionOptions { fidelity: args.timing, threads: args.threads }
}

/// What can be refused before anything is compiled: numbers out of range, and where traces go. The folder of results is
/// claimed when it is known that there are any.
fn check(args: &GenerateArgs) -> Result<(), Diagnostic> {
    options(args).check()?;
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
