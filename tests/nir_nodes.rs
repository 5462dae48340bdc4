//! Every node, dialect, setting and layout of NIR: files that the package `nir` 1.0.8 wrote, with what a NumPy program
//! that shares nothing with this project makes of them (`benches/nir_step.py`; how they were made:
//! `data/nir/README.md`).

use std::collections::BTreeMap;
use std::io::{Cursor, Read};
use std::path::Path;

use snnc::Model;
use snnc::golden::{GoldenFile, check_samples};
use snnc::samples::input::{SampleShape, samples};
use snnc_compiler::frontend::nir::dialect::Overrides;
use snnc_compiler::frontend::nir::{NirOptions, ReadOut, import};
use snnc_compiler::reference::Interpreter;

const DATA: &[u8] = include_bytes!("data/nir/nodes.zip");

/// The files of each case by their names, written into a folder.
fn cases(folder: &Path) -> BTreeMap<String, String> {
    let mut archive = zip::ZipArchive::new(Cursor::new(DATA)).unwrap();
    let mut options = BTreeMap::new();
    for i in 0..archive.len() {
        let mut file = archive.by_index(i).unwrap();
        let (name, mut bytes) = (file.name().to_owned(), Vec::new());
        file.read_to_end(&mut bytes).unwrap();
        let (case, part) = name.split_once('/').unwrap();
        std::fs::create_dir_all(folder.join(case)).unwrap();
        std::fs::write(folder.join(&name), &bytes).unwrap();
        if part == "options" {
            options.insert(case.to_owned(), String::from_utf8(bytes).unwrap());
        }
    }
    options
}

/// Options of the command line, one a line.
fn read(text: &str) -> NirOptions {
    let mut options = NirOptions::default();
    let mut words = text.lines();
    while let Some(option) = words.next() {
        if option == "--constant-input" {
            options.constant_input = true;
            continue;
        }
        let value = words.next().unwrap();
        let overrides: &mut Overrides = &mut options.overrides;
        match option {
            "--dialect" => overrides.dialect = Some(value.parse().unwrap()),
            "--nir-dt" => overrides.dt = Some(value.parse().unwrap()),
            "--reset" => overrides.reset = Some(value.parse().unwrap()),
            "--compare" => overrides.strict = Some(value == "above"),
            "--timesteps" => options.timesteps = Some(value.parse().unwrap()),
            "--readout" => {
                let known = [("sum", ReadOut::Sum), ("mean", ReadOut::Mean), ("last", ReadOut::Last)];
                options.read_out = known.into_iter().find(|(name, _)| *name == value).map(|(_, how)| how);
            }
            other => panic!("{other}"),
        }
    }
    options
}

/// Compares all spikes and the read-out; how many spikes there were to compare.
fn agrees(model: &Model, case: &Path) -> usize {
    let loaded = model.loaded();
    let shape = SampleShape::of(&Interpreter::new(&loaded.graphs["net"]).unwrap());
    let values = samples(&case.join("inputs.npy"), shape, None).unwrap();
    let golden = GoldenFile::read(&case.join("golden.safetensors")).unwrap();
    let report = check_samples(loaded, "net", &values, &golden, &()).unwrap();
    for row in &report.rows {
        assert_eq!(
            (row.mismatches, row.pass),
            (0, true),
            "{} {}: {:?}",
            case.display(),
            row.name,
            row.detail
        );
    }
    report.rows.iter().filter(|row| row.what == "spikes").map(|row| row.compared).sum()
}

#[test]
fn files_of_the_package_nir_give_the_spikes_of_the_equations() {
    let folder = tempfile::tempdir().unwrap();
    let (mut compared, mut dialects) = (0, BTreeMap::new());
    let all = cases(folder.path());
    for (name, text) in &all {
        let (case, options) = (folder.path().join(name), read(text));
        let file = case.join("net.nir");
        let model = Model::load_nir(&file, &options).unwrap_or_else(|found| panic!("{name}: {found}"));
        compared += agrees(&model, &case);
        *dialects.entry(options.overrides.dialect.unwrap().word()).or_insert(0) += 1;
        let imported = import(&file, &options, &case.join("model")).unwrap().model;
        agrees(&Model::load(&imported).unwrap(), &case);
    }
    assert_eq!((all.len(), dialects.len()), (81, 8));
    // A neuron in a timestep is one.
    assert_eq!(compared, 77_960);
}

#[test]
fn what_a_file_leaves_open_is_said() {
    let folder = tempfile::tempdir().unwrap();
    let all = cases(folder.path());
    let remarks = |name: &str| {
        let options = read(&all[name]);
        Model::load_nir(folder.path().join(name).join("net.nir"), &options).unwrap().remarks().join("\n")
    };
    assert!(remarks("flatten_with_batch").contains("`flatten` counts the axis of the batch: it gives [24]"));
    assert!(!remarks("flatten_some").contains("batch"));
    assert!(remarks("exact_firing").contains("a synaptic current is taken as constant within a step"));
    assert!(!remarks("norse_firing").contains("a synaptic current is taken"));
}
