//! The options of a run that its results depend on, by name, for report.json: what was asked for, and what a command
//! takes of itself where that says how the mapping was searched.

use std::collections::BTreeMap;
use std::path::Path;

use clap::ValueEnum;

use crate::cli::arguments::{Feedback, GenerateArgs, MappingArgs, ModelArgs};

/// Options by name.
pub type Asked = BTreeMap<String, String>;

/// What was fed, and how time is modelled.
pub fn of_run(args: &GenerateArgs) -> Asked {
    let samples = &args.samples;
    collect([
        ("--timing", args.timing.map(|timing| timing.to_string())),
        ("--sensitivity", args.sensitivity.then(|| "yes".into())),
        ("--images", args.images.map(|images| images.to_string())),
        ("--seed", args.seed.map(|seed| seed.to_string())),
        ("--temperature", args.temperature.map(|temperature| temperature.to_string())),
        ("--input", path(&samples.input)),
        ("--dt", samples.dt.map(|dt| dt.to_string())),
        ("--network", samples.network.clone()),
        ("--samples", samples.count.map(|count| count.to_string())),
        ("--labels", path(&samples.labels)),
        ("--keep-state", args.keep_state.then(|| "yes".into())),
    ])
}

/// What was compiled, and how.
pub fn of_compilation(model: &ModelArgs, mapping: &MappingArgs) -> Asked {
    let (quantise, search) = (&model.quantise, mapping);
    collect([
        ("model", Some(model.model.display().to_string())),
        ("--target", Some(model.target.name.clone())),
        ("--set", Some(model.target.set.join(" ")).filter(|set| !set.is_empty())),
        ("--weights", quantise.weights.map(|bits| bits.to_string())),
        ("--calibrate", quantise.calibrate.map(|passes| passes.to_string())),
        ("--calibrate-input", path(&quantise.calibrate_input)),
        ("--calibrate-network", quantise.calibrate_network.clone()),
        ("--feedback", choice(quantise.feedback).filter(|_| quantise.feedback != Feedback::Model)),
        ("--no-relays", quantise.no_relays.then(|| "yes".into())),
        ("--objective", choice(search.objective)),
        ("--cores", search.cores.map(|cores| cores.to_string())),
        ("--chips", search.chips.map(|chips| chips.to_string())),
        ("--partitioner", choice(search.partitioner)),
        ("--group", Some(search.group.to_string())),
        ("--effort", Some(search.effort.to_string())),
        ("--mapping-seed", Some(search.mapping_seed.to_string())),
        ("--profile", path(&search.profile)),
        ("--partition", path(&search.partition)),
        ("--partition-network", search.partition_network.clone()),
        ("--placement", path(&search.placement)),
    ])
}

fn collect<const N: usize>(options: [(&str, Option<String>); N]) -> Asked {
    options.into_iter().filter_map(|(name, value)| Some((name.to_owned(), value?))).collect()
}

fn path(path: &Option<impl AsRef<Path>>) -> Option<String> {
    path.as_ref().map(|path| path.as_ref().display().to_string())
}

fn choice(choice: impl ValueEnum) -> Option<String> {
    choice.to_possible_value().map(|value| value.get_name().to_owned())
}
