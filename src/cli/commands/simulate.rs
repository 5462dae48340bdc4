//! `snnc simulate` and `snnc run`: images, tokens and the energy report.

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
use super::{files, print};
use crate::cli::arguments::{GenerateArgs, RunArgs, SimulateArgs, TraceArgs};
use crate::cli::errors;
use crate::cli::progress::Bar;
use crate::outcome::Outcome;
use crate::program::Program;
use crate::report::images::{Image, image_name, write_contact, write_image};
use crate::report::timing::steps::StepTable;
use crate::report::{Report, is_result, json, npy};
use crate::session::{ITEMS_MAX, Observer, Session, SessionOptions, check_count};
use crate::trace::{self, Extent, Traced, Traces};

pub fn simulate(args: &SimulateArgs) -> Result<ExitCode, Diagnostics> {
    let _inputs = Inputs::new([&args.program]);
    check(&args.generate)?;
    generate(&Program::load(&args.program)?, &args.generate)
}

pub fn run(args: &RunArgs) -> Result<ExitCode, Diagnostics> {
    let _inputs = files::mapped(&args.model, &args.mapping);
    check(&args.generate)?;
    let program = compile(&args.model, &args.mapping)?;
    if let Some(compilation) = program.compilation().filter(|_| !args.generate.json) {
        print(&format!("{}\n", compilation.report));
    }
    generate(&program, &args.generate)
}

fn generate(program: &Program, args: &GenerateArgs) -> Result<ExitCode, Diagnostics> {
    if !args.json {
        errors::warn(&program.warnings());
    }
    program.mapped().needs_timesteps()?;
    let workload = program.generation(args.seed, args.images)?;
    let shape = workload.image;
    // Refuses at once what no image file holds.
    Image::new(shape, vec![0; shape.len()])?;
    // Before the work: a folder that cannot be made, or that is another's, should not cost a run.
    let begin = |out: &PathBuf| ResultSet::begin(out, "snnc run", is_result);
    let set = args.out.as_ref().map(begin).transpose()?;
    let mut watching = Watching::new(program.mapped(), &workload, args, set.as_ref())?;
    let session = Session::new(program, options(args))?;
    let made = session.run_observed(&workload, &mut watching, &Bar::new("generating"))?;
    let report = made.report();
    let traced = watching.finish()?;
    let mut wrote = Vec::new();
    if let (Some(set), Some(out)) = (set, &args.out) {
        write(&set, &workload, &made, &report)?;
        set.commit()?;
        let (last, folder) = (image_name(made.items.len() - 1), out.display());
        let steps = if args.timing == Fidelity::None { "" } else { ", timesteps.csv" };
        wrote.push(format!(
            "image_0000.png to {last}, contact.png, tokens.npy{steps} and report.json to {folder}"
        ));
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
        self.steps.as_mut().map_or(Ok(()), |steps| steps.image(index, &record.timesteps.steps))
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
    check_count("--images", args.images, ITEMS_MAX).map_err(|problem| match args.images {
        0 => problem,
        _ => problem.hint("`snnc generate` streams larger sets to disk"),
    })?;
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
    workload: &Generation,
    made: &Outcome<Generated>,
    report: &Report,
) -> Result<(), Diagnostics> {
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
    json::write(&set.place("report.json")?, report)?;
    Ok(())
}
