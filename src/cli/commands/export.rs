//! `snnc export`: a network for other people's tools.

use std::process::ExitCode;

use snnc_compiler::frontend::nir::{Exported, export};
use snnc_compiler::mapping::hypergraph::from_ir::network_graph;
use snnc_compiler::mapping::hypergraph::hgr;
use snnc_targets::output::write_atomic;
use snnc_targets::{Code, Diagnostic, Diagnostics, registry};

use super::compile::{calibration, options};
use super::{changes_nothing, files, print};
use crate::cli::arguments::{ExportArgs, ExportFormat};
use crate::mapping_files::network_named;
use crate::samples::graph;

/// Channels of a vertex, unless said otherwise.
const GROUP: usize = 16;

pub fn run(args: &ExportArgs) -> Result<ExitCode, Diagnostics> {
    let path = &args.model.model;
    if path.extension().is_some_and(|extension| extension == "snnx") {
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
    if args.to == ExportFormat::Nir {
        return to_nir(args);
    }
    let target = registry::load(&args.model.target)?;
    let ir =
        super::nir::load(path, &args.model.nir, None)?.lower(&target, options(&args.model.quantise).lower)?;
    let network = network_named(&ir.model, "--network", args.network.as_deref())?;
    let graph = network_graph(&ir, network, args.group.unwrap_or(GROUP))?.graph;
    write_atomic(&args.output, hgr::write(&graph).as_bytes())?;
    print(&format!(
        "{}: {} vertices, {} nets, {} pins\nwrote {}\n",
        ir.model.networks[network].name,
        graph.vertices(),
        graph.incidence.nets(),
        graph.incidence.pins(),
        args.output.display()
    ));
    Ok(ExitCode::SUCCESS)
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
    print(&format!(
        "{name}: {nodes} nodes, {edges} edges\nwrote {}\nNIR has no field for what reads it back: {reading}\n",
        args.output.display()
    ));
    Ok(ExitCode::SUCCESS)
}
