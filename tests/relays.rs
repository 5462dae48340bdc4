//! Relay neurons: spikes that wait longer than a chip's delays change no answer, and cost what they cost.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use snnc::samples::input::{SampleShape, samples};
use snnc::{CompileOptions, Model, Program};
use snnc_compiler::ir::NetworkId;
use snnc_compiler::mapping::partition::Rates;
use snnc_compiler::mapping::report::MappingReport;
use snnc_compiler::reference::Interpreter;
use snnc_simulator::execute::Chip;
use snnc_targets::numbers::counted;
use snnc_targets::{Code, Target, names};

/// Samples that are run.
const SAMPLES: u64 = 4;

/// A network whose residual paths wait for the layers beside them.
fn file(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("examples/digits-residual").join(name)
}

/// A chip with delays up to some timesteps.
fn chip(delay_max: u32) -> Target {
    let mut target = snnc::target("spinnaker2-like").unwrap();
    target.synapses.delay_max.0 = delay_max;
    target
}

/// Spikes of every layer in every sample, and what was read out.
type Answers = (BTreeMap<String, Vec<Vec<Vec<bool>>>>, Vec<Vec<f64>>);

fn answers(model: &Model, program: &Program) -> Answers {
    let shape = SampleShape::of(&Interpreter::new(&model.loaded().graphs["net"]).unwrap());
    let values = samples(&file("inputs.npy"), shape, Some(SAMPLES)).unwrap();
    let chip = Chip::new(program.mapped().clone());
    let (mut spikes, mut readouts) = (BTreeMap::<String, Vec<_>>::new(), Vec::new());
    for sample in values.chunks(shape.elements()) {
        let outcome = chip.run(NetworkId(0), sample).unwrap();
        for (id, population) in chip.program.model.populations.iter().filter(|(_, p)| p.dynamics.fires()) {
            spikes.entry(population.name.clone()).or_default().push(chip.spikes(&outcome, id));
        }
        readouts.extend(outcome.readouts);
    }
    (spikes, readouts)
}

#[test]
fn a_chip_without_long_delays_gives_the_spikes_of_one_that_has_them() {
    let model = Model::load(file("model.ron")).unwrap();
    let compiled = |delay_max| model.compile(&chip(delay_max), &CompileOptions::default()).unwrap();
    let (spikes, readouts) = answers(&model, &compiled(16));
    assert!(spikes.keys().all(|name| !names::is_relay(name)) && readouts.len() == SAMPLES as usize);
    for delay_max in [1, 2] {
        let program = compiled(delay_max);
        let (with, read) = answers(&model, &program);
        assert_eq!(read, readouts, "{delay_max}");
        let mut relays = 0;
        for (name, own) in &with {
            // Relays send, a window later, what the layer that they are named after sends.
            let source = if names::is_relay(name) { name.rsplit_once('.').unwrap().0 } else { name };
            assert_eq!(own, &spikes[source], "{name} with delays up to {delay_max}");
            relays += usize::from(source != name);
        }
        assert!(relays > 0 && with.len() == spikes.len() + relays, "{delay_max}: {relays}");
        let mapped = program.mapped();
        let named = mapped.model.populations.values().filter(|p| names::is_relay(&p.name));
        let neurons: usize = named.map(|p| p.shape.len()).sum();
        let report = MappingReport::new(program.spiking().unwrap(), program.mapped(), &Rates::default());
        assert_eq!((report.relays.populations, report.relays.neurons), (relays, neurons), "{delay_max}");
        assert!(report.to_string().contains(&format!(
            "{} in {}",
            counted(neurons as u64, "relay neuron"),
            counted(relays as u64, "layer")
        )));
    }
}

#[test]
fn relays_that_are_not_wanted_are_refused_by_layer() {
    let model = Model::load(file("model.ron")).unwrap();
    let mut options = CompileOptions::default();
    options.lower.no_relays = true;
    model.compile(&chip(16), &options).unwrap();
    let problems = model.compile(&chip(1), &options).unwrap_err();
    assert!(problems.codes().iter().all(|&code| code == Code::Unsupported), "{problems}");
    assert!(problems.to_string().contains("relay neurons would repeat them"), "{problems}");
}
