//! `snnc simulate` and `snnc run`: images, tokens and the energy report.

use std::path::Path;
use std::process::ExitCode;
use std::time::Instant;

use snnc_compiler::ir::Shape;
use snnc_compiler::ir::program::Program;
use snnc_simulator::counts::SliceTable;
use snnc_targets::{Code, Diagnostic, Diagnostics};

use super::compile::compile;
use super::print;
use crate::cli::{GenerateArgs, RunArgs, SimulateArgs};
use crate::generation::{self, Generated, Options, image_shape, loop_of};
use crate::progress;
use crate::report::images::{Image, image_name, write_contact, write_image};
use crate::report::{Report, ReportInput, json, memory, npy, text};

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
    let bar = progress::bar(args.images.saturating_mul(iterations), "generating");
    let start = Instant::now();
    let generated = pool(args.threads)?.install(|| generation::run(program, options, &|| bar.inc(1)))?;
    let wall_s = start.elapsed().as_secs_f64();
    bar.finish_and_clear();
    let slices = SliceTable::new(program);
    let report = ReportInput {
        program,
        slices: &slices,
        run: &generated.record,
        compile_s,
        wall_s,
        peak_memory_bytes: memory::peak_bytes(),
    }
    .report();
    print(&if args.json { json::print(&report)? } else { text::print(&report) })?;
    if let Some(out) = &args.out {
        write(out, program, shape, &generated, &report)?;
        if !args.json {
            let last = image_name(generated.images.len() - 1);
            let folder = out.display();
            print(&format!(
                "\nwrote image_0000.png to {last}, contact.png, tokens.npy and report.json to {folder}\n"
            ))?;
        }
    }
    Ok(ExitCode::SUCCESS)
}

/// A pool of its own, so that `--threads` holds for this run.
fn pool(threads: Option<usize>) -> Result<rayon::ThreadPool, Diagnostic> {
    if threads == Some(0) {
        return Err(Diagnostic::new(Code::Argument, "--threads 0", "expected at least one thread"));
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
