//! Sampled timing as a measurement: seeds are independent trials, estimates are unbiased, and 95 % intervals hold the
//! whole simulation's time about as often as they say.

use std::path::Path;

use snnc::samples::input::{self, SampleShape};
use snnc::{
    CompileOptions, Diagnostic, Fidelity, Model, Observer, Program, Samples, Session, SessionOptions,
    Workload,
};
use snnc_compiler::ir::NetworkId;
use snnc_simulator::charge::{MeterRecord, TimedStep};
use snnc_simulator::time::cycle::{Sampled, Watcher, chosen};

const NET: NetworkId = NetworkId(0);

/// Seeds drawn.
const SEEDS: u64 = 200;

/// Keeps what every timestep took beyond its analytic time, item by item.
#[derive(Default)]
struct Excess(Vec<Vec<u64>>);

impl Observer for Excess {
    fn steps(&mut self, index: u64, steps: &[TimedStep]) -> Result<(), Diagnostic> {
        let items = &mut self.0;
        items.resize(items.len().max(index as usize + 1), Vec::new());
        items[index as usize].extend(steps.iter().map(|step| step.time.beyond_busiest_ps()));
        Ok(())
    }

    fn item(&mut self, _: u64, _: &MeterRecord) -> Result<(), Diagnostic> {
        Ok(())
    }

    fn watcher(&mut self) -> Option<&mut dyn Watcher> {
        None
    }
}

/// What every timestep of a workload took beyond its analytic time, all of them simulated.
fn excess<W: Workload>(program: &Program, workload: &W) -> Vec<Vec<u64>> {
    let options = SessionOptions { fidelity: Fidelity::Cycle { every: 1 }, threads: None, keep_state: false };
    let mut excess = Excess::default();
    Session::new(program, options).unwrap().run_observed(workload, &mut excess, &()).unwrap();
    excess.0
}

/// What `cycle:1/every` sees under a seed.
fn sampled(items: &[Vec<u64>], every: u32, seed: u64) -> Sampled {
    let mut seen = Sampled::default();
    for (item, steps) in (0..).zip(items) {
        for (index, &excess) in (0..).zip(steps) {
            seen.add(chosen(every, seed, item, index).then_some(excess));
        }
    }
    seen
}

/// Of how many seeds the interval holds the truth, and the mean error as a multiple of its own standard error.
fn coverage(items: &[Vec<u64>], every: u32) -> (u64, f64) {
    let truth: u64 = items.iter().flatten().sum();
    let (mut held, mut errors) = (0, Vec::new());
    for seed in 0..SEEDS {
        let seen = sampled(items, every, seed);
        let error = (seen.excess_ps * u128::from(every)) as f64 - truth as f64;
        held += u64::from(error.abs() <= seen.half_width_ps().unwrap());
        errors.push(error);
    }
    let n = errors.len() as f64;
    let mean = errors.iter().sum::<f64>() / n;
    let variance = errors.iter().map(|error| (error - mean).powi(2)).sum::<f64>() / (n - 1.0);
    (held, mean / (variance / n).sqrt())
}

/// Of 200 intervals of 95 %, 190 hold the truth on the mean; fewer than 180 or more than 198 have a probability of
/// 0.2 % each (binomial distribution).
fn check(items: &[Vec<u64>], every: u32) {
    let (held, bias) = coverage(items, every);
    eprintln!(
        "cycle:1/{every}: {held} of {SEEDS} intervals hold the time; mean error {bias:.2} standard errors"
    );
    assert!((180..=198).contains(&held), "cycle:1/{every}: {held} of {SEEDS} intervals hold the time");
    assert!(bias.abs() < 3.5, "cycle:1/{every}: the estimate is off by {bias} standard errors");
}

#[test]
fn intervals_hold_as_often_as_they_say() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("examples/bars-events");
    let model = Model::load(folder.join("model.ron")).unwrap();
    let target = snnc::target("loihi-like").unwrap();
    let program = model.compile(&target, &CompileOptions::fewest_cores()).unwrap();
    let spiking = &program.mapped().model;
    let shape = SampleShape::of_compiled(spiking, NET).unwrap();
    let trains = input::trains(&folder.join("inputs.npy"), shape, None).unwrap();
    let samples = Samples::of_trains(spiking, NET, trains).unwrap();
    let items = excess(&program, &samples);
    assert!(items.len() == 100 && items.iter().all(|steps| steps.len() == 24));
    for every in [3, 8] {
        check(&items, every);
    }
    // A session chooses the timesteps that `chosen` names.
    let options = SessionOptions { fidelity: Fidelity::Cycle { every: 8 }, threads: None, keep_state: false };
    let record = Session::new(&program, options).unwrap().run(&samples).unwrap().record;
    assert_eq!(record.total.tally.total().time.sampled, sampled(&items, 8, samples.seed()));
}

/// The same of an image of the denoiser, whose timesteps differ more.
#[test]
#[ignore = "simulates a whole image packet by packet: 20 s of processor time with --release"]
fn intervals_of_an_image_hold_as_often_as_they_say() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("examples/spiking-diffusion-mnist");
    let model = Model::load(folder.join("model.ron")).unwrap();
    let target = snnc::target("loihi-like").unwrap();
    let program = model.compile(&target, &CompileOptions::default()).unwrap();
    let items = excess(&program, &program.generation(1, 1).unwrap());
    for every in [4, 8, 16, 32] {
        check(&items, every);
    }
}
