//! Samples of many timesteps: they run in parts, who looks on is told part by part, and nothing differs from the pass
//! as a whole.

use std::path::Path;

use snnc::samples::spikes::PackedSpikes;
use snnc::{CompileOptions, Diagnostic, Model, Observer, Program, Samples, Session, SessionOptions};
use snnc_compiler::ir::NetworkId;
use snnc_compiler::weights::{Element, Stored, Tensor, write_safetensors};
use snnc_simulator::charge::{Meter, MeterRecord, TimedStep};
use snnc_simulator::execute::Chip;
use snnc_simulator::time::Fidelity;
use snnc_simulator::time::cycle::Watcher;

const NET: NetworkId = NetworkId(0);
const STEPS: u32 = 20_000;

/// Weights of a whole number of sixteenths.
fn weights(rows: usize, columns: usize) -> Tensor {
    let value = |i: usize| ((i * 29 + 7) % 31) as f64 / 16.0 - 0.75;
    Tensor::new(vec![rows, columns], (0..rows * columns).map(value).collect())
}

/// Eight recurrent neurons that drawn spikes drive.
fn program(folder: &Path) -> Program {
    let stored = [("fc", weights(8, 12)), ("rec", weights(8, 8)), ("out", weights(3, 8))];
    let stored = stored.map(|(name, tensor)| Stored::from_tensor(name, tensor, Element::F32));
    write_safetensors(&folder.join("w.safetensors"), &stored).unwrap();
    let text = format!(
        r#"(format: "snnc.model/1", name: "stream", weights: {{ "w": "w.safetensors" }}, networks: {{ "net": (
            timesteps: {STEPS},
            layers: [
                (name: "x", op: Input(shape: (12, 1, 1), source: Poisson(rate: PerStep(0.1), seed: 5))),
                (name: "fc", from: ["x"], op: Linear(weight: ("w", "fc"))),
                (name: "back", from: ["s"], op: Delay(steps: 1, shape: (8, 1, 1))),
                (name: "rec", from: ["back"], op: Linear(weight: ("w", "rec"))),
                (name: "sum", from: ["fc", "rec"], op: Add),
                (name: "s", from: ["sum"], op: Leaky(beta: 0.875, reset: Zero)),
                (name: "o", from: ["s"], op: Linear(weight: ("w", "out"))),
                (name: "mean", from: ["o"], op: MeanOverTime),
            ]) }})"#
    );
    std::fs::write(folder.join("model.ron"), text).unwrap();
    let model = Model::load(folder.join("model.ron")).unwrap();
    model.compile(&snnc::target("loihi2-like").unwrap(), &CompileOptions::default()).unwrap()
}

/// What was told, and the most that was told at once.
#[derive(Default)]
struct Told {
    steps: Vec<TimedStep>,
    spikes: Vec<Vec<u8>>,
    most_steps: usize,
    most_bytes: usize,
    calls: usize,
}

impl Observer for Told {
    fn steps(&mut self, _: u64, steps: &[TimedStep]) -> Result<(), Diagnostic> {
        self.most_steps = self.most_steps.max(steps.len());
        self.steps.extend_from_slice(steps);
        self.calls += 1;
        Ok(())
    }

    fn item(&mut self, _: u64, record: &MeterRecord) -> Result<(), Diagnostic> {
        assert!(record.timesteps.steps.is_empty(), "what was told is not held");
        Ok(())
    }

    fn sees_spikes(&self) -> bool {
        true
    }

    fn spikes(&mut self, _: u64, passes: &[PackedSpikes]) -> Result<(), Diagnostic> {
        for pass in passes {
            self.spikes.resize(pass.layers.len(), Vec::new());
            for (all, part) in self.spikes.iter_mut().zip(&pass.layers) {
                self.most_bytes = self.most_bytes.max(part.len());
                all.extend(part);
            }
        }
        Ok(())
    }

    fn watcher(&mut self) -> Option<&mut dyn Watcher> {
        None
    }
}

#[test]
fn a_long_sample_is_told_in_parts_and_is_the_whole_pass() {
    let folder = tempfile::tempdir().unwrap();
    let program = program(folder.path());
    let samples = Samples::drawn(&program.mapped().model, NET, (1, Vec::new()), None).unwrap();
    let session = Session::new(&program, SessionOptions::default()).unwrap();
    let mut told = Told::default();
    let outcome = session.run_observed(&samples, &mut told, &()).unwrap();

    let chip = Chip::new(program.mapped().clone());
    let whole = chip.run(NET, &samples.sample(0)).unwrap();
    assert_eq!(outcome.items, whole.readouts);
    assert_eq!(told.spikes, PackedSpikes::of(&chip, &whole).layers);
    let meter = Meter::new(program.mapped(), &chip.table, Fidelity::Analytic).unwrap();
    let mut record = meter.record();
    meter.add_pass(&mut record, 0, &whole.counts, &whole.traces);
    assert_eq!(told.steps, record.timesteps.steps);
    assert_eq!(told.steps.len(), whole.counts.steps.len());
    let sum = &outcome.record.total;
    assert_eq!((&sum.tally, &sum.ledger, &sum.charged), (&record.tally, &record.ledger, &record.charged));
    let spikes = record.tally.total().total().spikes();
    assert!(spikes > 5_000, "{spikes} spikes");
    // What is told at once does not grow with the pass.
    assert!(told.calls > 2 && told.most_steps <= 8192, "{} of {}", told.calls, told.most_steps);
    assert!(told.most_bytes <= 2 * 8192);
}
