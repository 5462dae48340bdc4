//! `snnc fit`: which targets hold a model. Exit code 1 if none does.

use std::collections::HashSet;
use std::process::ExitCode;

use snnc_compiler::mapping::partition::search::Objective;
use snnc_targets::derived::Override;
use snnc_targets::file_kind::FileKind;
use snnc_targets::output::{Inputs, write_atomic};
use snnc_targets::text_width::folded;
use snnc_targets::{Code, Diagnostic, Diagnostics, Subject, Target, registry};

use super::compile::options;
use super::{files, json_of, print, samples};
use crate::cli::arguments::{FitArgs, QuantiseArgs, SampleArgs, overrides};
use crate::cli::progress::Bar;
use crate::fit::objectives::MAPPINGS;
use crate::model::Model;
use crate::progress::Progress;
use crate::samples::array_file::split_key;

pub fn run(args: &FitArgs) -> Result<ExitCode, Diagnostics> {
    let mut inputs = Inputs::new(Model::files(&args.model));
    args.input.iter().for_each(|path| inputs.add(&split_key(path).0));
    args.target.iter().flat_map(|name| registry::files_of(name)).for_each(|path| inputs.add(&path));
    let targets = targets(&args.target, &overrides(&args.set)?)?;
    let quantise = QuantiseArgs {
        weights: args.weights,
        no_relays: args.no_relays,
        feedback: args.feedback,
        ..QuantiseArgs::default()
    };
    let (model, fed) = load(args)?;
    super::nir::remark(&model);
    if let Some(samples) = fed.filter(|_| !args.objectives) {
        // They have said the timesteps of a NIR file, or nothing.
        if FileKind::of_file(&args.model) != Some(FileKind::Hdf5) || samples.dt.is_some() {
            let why = "without --objectives nothing is asked of samples";
            return Err(super::changes_nothing("--input", why).into());
        }
    }
    if args.objectives {
        return objectives(args, &model, &targets, &quantise);
    }
    let bar = Bar::new("fitting", "targets");
    let answer = model.fit_observed(&targets, &options(&quantise), &bar)?;
    drop(bar);
    print(&if args.json { json_of("snnc.fit/1", &answer) } else { folded(&answer.to_string()) });
    let some = answer.targets.iter().any(|row| row.fits);
    Ok(if some { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

/// The model, with the samples that its mappings look at, and what names these.
fn load(args: &FitArgs) -> Result<(Model, Option<SampleArgs>), Diagnostics> {
    let (input, dt, network) = (args.input.clone(), args.dt, args.network.clone());
    let fed = input.is_some().then(|| SampleArgs { input, dt, network, ..SampleArgs::default() });
    let mut model = super::nir::load(&args.model, &args.nir, fed.as_ref())?;
    if let Some(fed) = fed.as_ref().filter(|_| args.objectives) {
        samples::check(&model, fed)?;
        if let Some((network, values)) = samples::first(&model, fed) {
            model = model.with_activity(&network, values);
        }
    }
    Ok((model, fed))
}

/// What `--objectives --json` prints.
#[derive(serde::Serialize)]
struct ObjectiveTables<'a, T> {
    targets: &'a [T],
}

/// Each target by itself, mapped for every objective. Exit code 1 if no target holds the model.
fn objectives(
    args: &FitArgs,
    model: &Model,
    targets: &[Target],
    quantise: &QuantiseArgs,
) -> Result<ExitCode, Diagnostics> {
    if let (Some(path), [_, _, ..]) = (&args.pareto, targets) {
        let message = format!("holds one target, {} are asked", targets.len());
        return Err(Diagnostic::new(Code::Argument, Subject::value("--pareto", path.display()), message)
            .hint("name one with --target")
            .into());
    }
    files::outputs(&[("--pareto", args.pareto.as_ref())])?;
    let mut options = options(quantise);
    // Spikes are recorded for objectives that ask how busy cores are.
    options.search.objective = Objective::Time;
    let mut tables = Vec::new();
    let bar = Bar::new("fitting", "mappings");
    bar.begin((targets.len() * (MAPPINGS + usize::from(args.pareto.is_some()))) as u64);
    for target in targets {
        let (table, front) = model.objectives_observed(target, &options, args.pareto.is_some(), &bar)?;
        if let (Some(path), Some(front)) = (&args.pareto, front) {
            write_atomic(path, front.as_bytes())?;
        }
        tables.push(table);
    }
    drop(bar);
    let some = tables.iter().flat_map(|table| &table.rows).any(|row| row.mapping.is_some());
    let texts: Vec<String> = tables.iter().map(ToString::to_string).collect();
    print(&if args.json {
        json_of("snnc.objectives/1", &ObjectiveTables { targets: &tables })
    } else {
        folded(&texts.join("\n"))
    });
    Ok(if some { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

/// The targets asked for, each once, or all that are built in. Errors collect what is wrong with each of them.
fn targets(asked: &[String], changes: &[Override]) -> Result<Vec<Target>, Diagnostics> {
    let mut names: Vec<&str> = asked.iter().map(String::as_str).collect();
    if names.is_empty() {
        names = registry::names().collect();
    }
    let mut seen = HashSet::new();
    names.retain(|name| seen.insert(*name));
    let (mut targets, mut problems) = (Vec::new(), Diagnostics::default());
    for name in names {
        match registry::load_with(name, changes) {
            Ok(target) => targets.push(target),
            Err(found) => problems.merge(found),
        }
    }
    problems.into_result(targets)
}
