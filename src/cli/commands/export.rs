//! `snnc export`: a network for other people's tools.

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use snnc_compiler::frontend::nir::{Exported, export};
use snnc_compiler::mapping::flows;
use snnc_compiler::mapping::hypergraph::from_ir::network_graph;
use snnc_compiler::mapping::hypergraph::hgr;
use snnc_compiler::mapping::interchange::MappingFile;
use snnc_compiler::mapping::interchange::limits::{LimitsFile, vertices_csv};
use snnc_compiler::mapping::traffic::{CoreTraffic, StepShares, by_timestep};
use snnc_simulator::workload::Workload;
use snnc_targets::output::{Inputs, is_standard_output, write_atomic};
use snnc_targets::text_width::folded;
use snnc_targets::{Code, Diagnostic, Diagnostics, Subject};

use super::compile::{calibration, options};
use super::{changes_nothing, files, print};
use crate::cli::arguments::{ExportArgs, ExportFormat, Feedback};
use crate::cli::progress::Bar;
use crate::mapping_files::network_named;
use crate::program::Program;
use crate::report::units::counted;
use crate::samples::{SampleChoice, array_file::split_key, graph};
use crate::{profile, samples, sana_fe};

/// Channels of a vertex, unless said otherwise.
const GROUP: usize = 16;

pub fn run(args: &ExportArgs) -> Result<ExitCode, Diagnostics> {
    if args.by_timestep && args.to != ExportFormat::Flows {
        return Err(changes_nothing("--by-timestep", "only flows are sent in timesteps").into());
    }
    match args.to {
        ExportFormat::Hgr | ExportFormat::Nir => unmapped(args),
        ExportFormat::SanaFe => sana_fe(args),
        ExportFormat::Flows => flows(args),
    }
}

fn is_program(path: &Path) -> bool {
    path.extension().is_some_and(|extension| extension == "snnx")
}

/// What needs no mapping: a hypergraph or a NIR file.
fn unmapped(args: &ExportArgs) -> Result<ExitCode, Diagnostics> {
    let path = &args.model.model;
    if is_program(path) {
        let message = "a compiled program holds no projections to export, expected a model file";
        return Err(Diagnostic::new(Code::Argument, path, message)
            .hint("give the model.ron that it was compiled from, and its --target")
            .into());
    }
    let _inputs = files::model(&args.model);
    files::outputs(&[("--output", Some(&args.output))])?;
    if let Some(option) = calibration(&args.model.quantise) {
        return Err(changes_nothing(option, "what is exported holds no rounded weights").into());
    }
    if args.input.is_some() {
        return Err(changes_nothing("--input", "what is exported holds no stimulus").into());
    }
    if args.profile.is_some() {
        return Err(changes_nothing("--profile", "only flows are weighed").into());
    }
    if args.to == ExportFormat::Nir {
        return to_nir(args);
    }
    // Beside a pipe or a device there is no place.
    let side_files = is_ordinary(&args.output)
        .then(|| [".limits.ron", ".vertices.csv"].map(|end| beside(&args.output, end)));
    for path in side_files.iter().flatten() {
        files::outputs(&[("--output", Some(&args.output)), ("--output", Some(path))])?;
    }
    let target = args.model.target.load()?;
    let model = super::nir::load(path, &args.model.nir, None)?;
    let bar = Bar::waiting("compiling");
    let ir = model.lower_observed(&target, options(&args.model.quantise).lower, &bar)?;
    drop(bar);
    let network = network_named(&ir.model, "--network", args.network.as_deref())?;
    let found = network_graph(&ir, network, args.group.unwrap_or(GROUP))?;
    let graph = &found.graph;
    let mut wrote = args.output.display().to_string();
    if let Some([limits, vertices]) = &side_files {
        write_atomic(limits, LimitsFile::new(&ir, &target, network, &found).to_text().as_bytes())?;
        write_atomic(vertices, vertices_csv(&ir, &found).as_bytes())?;
        wrote += &format!(", {} and {}", limits.display(), vertices.display());
    }
    write_atomic(&args.output, hgr::write(graph).as_bytes())?;
    print(&folded(&format!(
        "{}: {}, {}, {}\nwrote {wrote}\n",
        ir.model.networks[network].name,
        counted(graph.vertices() as u64, "vertex|vertices"),
        counted(graph.incidence.nets() as u64, "net"),
        counted(graph.incidence.pins() as u64, "pin"),
    )));
    Ok(ExitCode::SUCCESS)
}

/// Whether a path names a regular file, or one that is not there yet.
fn is_ordinary(path: &Path) -> bool {
    !is_standard_output(path) && std::fs::metadata(path).map_or(true, |found| found.is_file())
}

/// A file beside that of the hypergraph: its name with another ending.
fn beside(hypergraph: &Path, end: &str) -> PathBuf {
    let name = hypergraph.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
    hypergraph.with_file_name(format!("{}{end}", name.strip_suffix(".hgr").unwrap_or(&name)))
}

/// The chip and a mapped network, in a folder.
fn sana_fe(args: &ExportArgs) -> Result<ExitCode, Diagnostics> {
    let path = &args.model.model;
    if !is_program(path) {
        let message = "a network is exported to SANA-FE as it is mapped, expected a compiled program";
        return Err(Diagnostic::new(Code::Argument, path, message)
            .hint("`snnc compile model.ron --target loihi-like-sanafe -o model.snnx`, then export that")
            .into());
    }
    compiled(args)?;
    if args.profile.is_some() {
        return Err(changes_nothing("--profile", "only flows are weighed").into());
    }
    let mut inputs = Inputs::new([path]);
    args.input.iter().for_each(|input| inputs.add(&split_key(input).0));
    let program = Program::load(path)?;
    let mapped = program.mapped();
    let network = network_named(&mapped.model, "--network", args.network.as_deref())?;
    let sample = args.sample.unwrap_or(0);
    let choice = |input| SampleChoice { path: Some(input), dt: args.dt, ..SampleChoice::default() };
    let fed = args.input.as_deref().map(|input| samples::read(&mapped.model, network, choice(input)));
    let fed = fed.transpose()?.map(|(samples, _)| samples);
    if let Some(samples) = fed.as_ref().filter(|samples| sample >= samples.len()) {
        let message = format!("the file has {} samples, counted from 0", samples.len());
        return Err(Diagnostic::new(Code::Argument, Subject::value("--sample", sample), message).into());
    }
    let values = fed.as_ref().map(|samples| samples.sample(sample));
    let described = sana_fe::describe(mapped, network, values.as_deref())?;
    sana_fe::write(&args.output, &described.architecture, &described.network)?;
    let notes: String = described.notes.iter().map(|note| format!("note: {note}\n")).collect();
    print(&folded(&format!(
        "{notes}{}: {}, {}, {}\nwrote arch.yaml and network.yaml in {}\n",
        mapped.model.networks[network].name,
        counted(described.neurons, "neuron"),
        counted(described.edges, "edge"),
        counted(described.timesteps.into(), "timestep"),
        args.output.display()
    )));
    Ok(ExitCode::SUCCESS)
}

/// The packets between the cores of a mapped program.
fn flows(args: &ExportArgs) -> Result<ExitCode, Diagnostics> {
    let path = &args.model.model;
    if !is_program(path) {
        let message = "packets go between the cores of a mapped network, expected a compiled program";
        return Err(Diagnostic::new(Code::Argument, path, message)
            .hint("`snnc compile model.ron -o model.snnx`, then export that")
            .into());
    }
    compiled(args)?;
    for (option, given) in [("--network", args.network.is_some()), ("--input", args.input.is_some())] {
        if given {
            return Err(changes_nothing(option, "flows are those of all networks of the program").into());
        }
    }
    let mut inputs = Inputs::new([path]);
    if let Some(run) = &args.profile {
        inputs.add(&profile::file_of(run));
        inputs.add(&profile::steps_of(run));
    }
    files::outputs(&[("--output", Some(&args.output))])?;
    let program = Program::load(path)?;
    let mapped = program.mapped();
    let rates = args.profile.as_deref().map(|run| profile::read(run, &mapped.model));
    let rates = rates.transpose()?.unwrap_or_default();
    let cores = mapped.chip_cores().count();
    let traffic = CoreTraffic::expected(&mapped.cores, &rates).among(cores);
    let mut said = if rates.is_uniform() { "" } else { ", in hundredths" }.to_owned();
    let text = if args.by_timestep {
        let shares = args.profile.as_deref().map(|run| profile::step_shares(run, &mapped.model));
        let shares: Option<StepShares> = shares.transpose()?.flatten();
        let steps = by_timestep(&mapped.cores, &mapped.model, &rates, &shares.clone().unwrap_or_default());
        let steps: Vec<CoreTraffic> = steps.into_iter().map(|step| step.among(cores)).collect();
        let spread = match shares {
            Some(_) => "as layers fired in the timesteps of the run",
            None => "spread evenly over the timesteps of each layer",
        };
        said += &format!("\nin {}, {spread}", counted(steps.len() as u64, "timestep"));
        flows::write_by_timestep(cores, &steps)
    } else {
        flows::write(cores, &traffic)
    };
    write_atomic(&args.output, text.as_bytes())?;
    print(&folded(&format!(
        "{}, {}, {} between them{said}\nwrote {}\n",
        counted(cores as u64, "core"),
        counted(traffic.flows.len() as u64, "flow"),
        counted(traffic.flows.values().sum(), "packet"),
        args.output.display()
    )));
    Ok(ExitCode::SUCCESS)
}

/// Refuses what changes nothing about a program that is compiled.
fn compiled(args: &ExportArgs) -> Result<(), Diagnostic> {
    for (option, given) in [
        ("--target", args.model.target.name != "loihi-like"),
        ("--set", !args.model.target.set.is_empty()),
        ("--weights", args.model.quantise.weights.is_some()),
        ("--no-relays", args.model.quantise.no_relays),
        ("--feedback", args.model.quantise.feedback != Feedback::Model),
        ("--group", args.group.is_some()),
    ] {
        if given {
            return Err(changes_nothing(option, "the program is compiled"));
        }
    }
    match calibration(&args.model.quantise).or_else(|| super::nir::given(&args.model.nir)) {
        Some(option) => Err(changes_nothing(option, "the program is compiled")),
        None => Ok(()),
    }
}

/// A network as a NIR file.
fn to_nir(args: &ExportArgs) -> Result<ExitCode, Diagnostics> {
    let given = [("--group", args.group.is_some()), ("--weights", args.model.quantise.weights.is_some())];
    if let Some((option, _)) = given.into_iter().find(|&(_, given)| given) {
        return Err(changes_nothing(option, "a NIR file holds the network as it was trained").into());
    }
    let model = super::nir::load(&args.model.model, &args.model.nir, None)?;
    super::nir::remark(&model);
    let loaded = model.loaded();
    let name = graph(loaded, ("--network", args.network.as_deref()))?;
    let exported = export(&loaded.graphs[name], &args.output).map_err(|found| loaded.origin.locate(found))?;
    let Exported { nodes, edges, reading } = exported;
    print(&folded(&format!(
        "{name}: {}, {}\nwrote {}\nNIR has no field for what reads it back: {reading}\n",
        counted(nodes as u64, "node"),
        counted(edges as u64, "edge"),
        args.output.display()
    )));
    Ok(ExitCode::SUCCESS)
}
