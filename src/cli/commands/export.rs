//! `snnc export`: a network for other people's tools.

use std::process::ExitCode;

use snnc_compiler::mapping::hypergraph::from_ir::network_graph;
use snnc_compiler::mapping::hypergraph::hgr;
use snnc_targets::output::write_atomic;
use snnc_targets::{Code, Diagnostic, Diagnostics};

use super::compile::{calibration, options};
use super::{changes_nothing, files, print};
use crate::cli::arguments::{ExportArgs, ExportFormat};
use crate::mapping_files::network_named;
use crate::model::Model;

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
        return Err(changes_nothing(option, "a hypergraph has connections and no weights").into());
    }
    let target = args.model.target.load()?;
    let ir = Model::load(path)?.lower(&target, options(&args.model.quantise).lower)?;
    let network = network_named(&ir.model, "--network", args.network.as_deref())?;
    let ExportFormat::Hgr = args.to;
    let graph = network_graph(&ir, network, args.group)?.graph;
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
