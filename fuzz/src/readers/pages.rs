//! Folders of runs as pages: report.json, and behind a line of dashes a table that stands for those beside it.

use std::sync::{Arc, LazyLock};

use snnc::report::compare::{NamedReport, compare};
use snnc::report::html::{RunFolder, page};
use snnc::report::{Report, ReportInput, json};
use snnc_simulator::charge::{Meter, RunRecord};
use snnc_simulator::execute::Chip;
use snnc_simulator::time::Fidelity;

use super::{Answer, models, programs, told};

/// Between the report and the table.
const BORDER: &str = "\n---\n";
/// Rows of timesteps and of cores at once.
const TABLE: &str = "image,iteration,network,core,timestep,time_s,bound,busiest_s,packets,spikes,energy_j\n\
                     0,0,net,0,0,0.5,synapse,0.25,3,4,1e-9\n0,1,net,1,0,0.5,barrier,,3,4,2e-9\n";

/// The report of a pass of each network of the first seed's program.
static REPORT: LazyLock<Report> = LazyLock::new(|| {
    let program = Arc::new(programs::compiled()[0].1.clone());
    let chip = Chip::new(program.clone());
    let meter =
        Meter::new(&program, &chip.table, Fidelity::Cycle { every: 1 }).expect("the seed can be timed");
    let mut run = RunRecord::new(&meter);
    let mut record = meter.item(0);
    for (pass, network) in program.model.networks.keys().enumerate() {
        let fed = |host: &&snnc_compiler::ir::spiking::HostInput| {
            program.model.populations[host.population].network == network
        };
        let length = program.model.inputs.iter().find(fed).map_or(0, |host| host.input.len());
        let outcome = chip.run(network, &vec![1.0; length]).expect("the input has the network's shape");
        meter.add_pass(&mut record, pass, &outcome.counts, &outcome.traces);
    }
    run.push(&meter, &record);
    let (slices, meter, run) = (&chip.table, &meter, &run);
    let (compile_s, wall_s, peak_memory_bytes) = (0.0, 0.0, 0);
    let (program, warnings) = (&program, &program.warnings());
    ReportInput {
        program,
        warnings,
        slices,
        meter,
        run,
        item_name: "image",
        compile_s,
        wall_s,
        peak_memory_bytes,
    }
    .report()
});

/// The report with a table.
pub fn seeds() -> Vec<Vec<u8>> {
    let report = json::print(&REPORT).expect("reports are plain data");
    vec![format!("{report}{BORDER}{TABLE}").into_bytes()]
}

/// Reads report and tables, makes a page of them, and compares the report with the seed's.
pub fn read(input: &[u8]) -> Answer {
    let text = std::str::from_utf8(input).map_err(|_| "no text".to_owned())?;
    let (report, table) = text.split_once(BORDER).unwrap_or((text, TABLE));
    let path = models::file("report.json", report.as_bytes());
    let report = json::read(&path).map_err(|problem| told(&problem))?;
    for name in ["timesteps.csv", "cores.csv", "predictions.csv"] {
        models::file(name, table.as_bytes());
    }
    let folder = path.parent().expect("a file is in a folder");
    let runs = [("a", &*REPORT), ("b", &report)].map(|(name, report)| NamedReport { name, report });
    assert!(!compare(&runs).map_err(|problem| told(&problem))?.to_string().is_empty());
    let run = RunFolder::of(folder, report, "fuzz".into()).map_err(|problem| told(&problem))?;
    assert!(page(&run).ends_with("</html>"), "pages are whole");
    Ok(())
}
