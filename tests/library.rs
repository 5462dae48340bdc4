//! The library as another program uses it: owned values, shared between threads, driven by workloads of its own.

#[path = "../examples/library.rs"]
mod example;

use snnc_targets::Subject;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{LazyLock, Mutex};

use snnc::compiler::ir::NetworkId;
use snnc::simulator::charge::MeterRecord;
use snnc::simulator::time::cycle::Watcher;
use snnc::targets::EnergyEvent;
use snnc::{
    Code, CompileOptions, Course, Diagnostic, Fidelity, MappingFiles, Model, Observer, Outcome, Program,
    Progress, Session, SessionOptions, Workload,
};

/// The feed-forward example, compiled once.
static PROGRAM: LazyLock<Program> = LazyLock::new(|| {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/examples/feed-forward/model.ron");
    let target = snnc::target("loihi-like").unwrap();
    Model::load(path).unwrap().compile(&target, &CompileOptions::default()).unwrap()
});

/// Pictures that differ from each other.
fn pictures(n: usize) -> Vec<f64> {
    (0..n * 144).map(|i| (i * 37 % 101) as f64 / 50.0 - 1.0).collect()
}

fn session(threads: Option<usize>) -> Session {
    Session::new(&PROGRAM, SessionOptions { threads, ..SessionOptions::default() }).unwrap()
}

#[test]
fn values_are_owned_and_go_to_any_thread() {
    fn owned<T: Send + Sync + Clone + 'static>() {}
    fn sent<T: Send + Sync + 'static>() {}
    owned::<Model>();
    owned::<Program>();
    owned::<Session>();
    owned::<snnc::Report>();
    owned::<snnc::Diagnostics>();
    sent::<Outcome<Vec<f64>>>();
}

#[test]
fn the_example_runs() {
    example::main().unwrap();
}

#[test]
fn a_session_answers_many_threads_alike() {
    let samples = PROGRAM.samples("classifier", pictures(5)).unwrap();
    let first = session(None).run(&samples).unwrap();
    assert!(first.record.total.tally.total().total().events[EnergyEvent::NeuronSpike] > 100);
    for threads in [1, 3] {
        let shared = session(Some(threads));
        std::thread::scope(|scope| {
            let run = || shared.clone().run(&samples).unwrap();
            let others: Vec<_> = (0..3).map(|_| scope.spawn(run)).collect();
            for other in others.into_iter().map(|other| other.join().unwrap()) {
                assert_eq!((&first.items, &first.record), (&other.items, &other.record));
            }
        });
    }
}

#[test]
fn threads_out_of_range_are_refused() {
    for threads in [0, 1025] {
        let options = SessionOptions { threads: Some(threads), fidelity: Fidelity::None, keep_state: false };
        assert_eq!(Session::new(&PROGRAM, options).unwrap_err().code, Code::Argument);
    }
}

#[test]
fn a_program_is_the_same_from_a_file() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("feed-forward.snnx");
    PROGRAM.save(&path).unwrap();
    let read = Program::load(&path).unwrap();
    assert_eq!(read.mapped(), PROGRAM.mapped());
    assert!(read.compilation().is_none() && PROGRAM.compilation().is_some());
    assert_eq!(read.spiking().unwrap_err().code, Code::Argument);
}

/// A workload of another author: the classifier sees a picture, then the picture made darker by its largest read-out.
struct Darker(u64);

struct Two {
    picture: Vec<f64>,
    left: u32,
    seen: Vec<Vec<f64>>,
}

impl Workload for Darker {
    type Item = Vec<Vec<f64>>;

    fn len(&self) -> u64 {
        self.0
    }

    fn passes(&self) -> u64 {
        2
    }

    fn begin(&self, index: u64) -> impl Course<Item = Self::Item> {
        Two { picture: vec![1.0 - index as f64 / 4.0; 144], left: 2, seen: Vec::new() }
    }
}

impl Course for Two {
    type Item = Vec<Vec<f64>>;

    fn input(&mut self) -> Option<(NetworkId, &[f64])> {
        (self.left > 0).then_some((NetworkId(0), &self.picture))
    }

    fn answer(&mut self, readouts: &[Vec<f64>]) -> Result<(), Diagnostic> {
        let largest = readouts[0].iter().copied().fold(0.0, f64::max);
        self.picture.iter_mut().for_each(|pixel| *pixel = (*pixel - largest).max(-1.0));
        self.seen.push(readouts[0].clone());
        self.left -= 1;
        Ok(())
    }

    fn finish(self) -> Self::Item {
        self.seen
    }
}

#[derive(Default)]
struct Steps([AtomicU64; 2]);

impl Progress for Steps {
    fn begin(&self, steps: u64) {
        self.0[0].fetch_add(steps, Ordering::Relaxed);
    }

    fn advance(&self, steps: u64) {
        self.0[1].fetch_add(steps, Ordering::Relaxed);
    }
}

#[derive(Default)]
struct Seen(Vec<(u64, MeterRecord)>);

impl Observer for Seen {
    fn item(&mut self, index: u64, record: &MeterRecord) -> Result<(), Diagnostic> {
        self.0.push((index, record.clone()));
        Ok(())
    }

    fn watcher(&mut self) -> Option<&mut dyn Watcher> {
        None
    }
}

#[test]
fn a_workload_of_another_author_runs_and_is_watched() {
    let (session, steps, mut seen) = (session(Some(2)), Steps::default(), Seen::default());
    let outcome = session.run_observed(&Darker(3), &mut seen, &steps).unwrap();
    assert_eq!(steps.0.map(AtomicU64::into_inner), [6, 6]);
    assert_eq!(seen.0.iter().map(|(index, _)| *index).collect::<Vec<_>>(), [0, 1, 2]);
    assert_eq!(outcome.report().totals.samples, Some(3));
    for (index, item) in outcome.items.iter().enumerate() {
        let first = vec![1.0 - index as f64 / 4.0; 144];
        let by_hand = session.chip().run(NetworkId(0), &first).unwrap();
        assert_eq!((item.len(), &item[0]), (2, &by_hand.readouts[0]));
    }
}

/// Stages in order: what is done, what its steps are, how many there are, and how many were done.
#[derive(Default)]
struct Stages(Mutex<Vec<(&'static str, &'static str, u64, u64)>>);

impl Progress for Stages {
    fn begin(&self, steps: u64) {
        self.0.lock().unwrap().last_mut().unwrap().2 = steps;
    }

    fn advance(&self, steps: u64) {
        self.0.lock().unwrap().last_mut().unwrap().3 += steps;
    }

    fn stage(&self, what: &'static str, steps: &'static str) {
        self.0.lock().unwrap().push((what, steps, 0, 0));
    }
}

#[test]
fn compiling_tells_how_far_its_recordings_have_come() {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/examples/feed-forward/model.ron");
    let model = Model::load(path).unwrap().with_calibration("classifier", pictures(3)).unwrap();
    let mut options = CompileOptions::default();
    (options.lower.weight_bits, options.lower.calibration) = (Some(4), Some(2));
    let (target, stages) = (snnc::target("loihi-like").unwrap(), Stages::default());
    let program = model.compile_observed(&target, &options, &MappingFiles::default(), &stages).unwrap();
    let weights = program.mapping_report().unwrap().synapses.weights;
    assert!(weights > 0);
    // Two passes were asked for the rounding, which is done once more without them, to see whether they change it; all
    // three samples show the mapping when neurons fire.
    let expected = [
        ("rounding", "", 0, 0),
        ("recording floats", "passes", 2, 2),
        ("rounding", "", 0, 0),
        ("rounding", "weights", weights, weights),
        ("rounding", "weights", weights, weights),
        ("recording spikes", "passes", 3, 3),
        ("mapping", "", 0, 0),
    ];
    let seen = stages.0.into_inner().unwrap();
    let (recorded, mapped) = seen.split_at(expected.len());
    assert_eq!(recorded, expected);
    // How many steps a mapping takes, its search says; in the end all that are left have been done.
    let named: Vec<_> = mapped.iter().map(|&(what, steps, ..)| (what, steps)).collect();
    assert_eq!(
        named,
        [
            ("partitioning", "layers"),
            ("evening out work", "moves"),
            ("placing", "moves"),
            ("measuring the mapping", ""),
        ]
    );
    assert!(mapped.iter().all(|&(.., expected, done)| expected == done), "{mapped:?}");
}

/// Says stop after so many passes.
struct Enough(AtomicU64);

impl Progress for Enough {
    fn begin(&self, _: u64) {}

    fn advance(&self, steps: u64) {
        let left = self.0.load(Ordering::SeqCst);
        self.0.store(left.saturating_sub(steps), Ordering::SeqCst);
    }

    fn stopped(&self) -> bool {
        self.0.load(Ordering::SeqCst) == 0
    }
}

#[test]
fn a_run_that_is_stopped_ends_early_and_spoils_no_other() {
    let (session, mut seen) = (session(Some(1)), Seen::default());
    let stopped = session.run_observed(&Darker(40), &mut seen, &Enough(AtomicU64::new(3))).unwrap_err();
    assert_eq!(stopped.code, Code::Stopped);
    // The first picture was done before, the second one not.
    assert_eq!(seen.0.iter().map(|(index, _)| *index).collect::<Vec<_>>(), [0]);
    let whole = session.run_observed(&Darker(3), &mut seen, &Enough(AtomicU64::new(7))).unwrap();
    assert_eq!(whole.items, session.run(&Darker(3)).unwrap().items);
}

#[test]
fn rates_are_taken_from_a_report_in_memory_as_from_its_file() {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/examples/feed-forward/model.ron");
    let (model, target) = (Model::load(path).unwrap(), snnc::target("loihi-like").unwrap());
    let report = session(None).run(&PROGRAM.samples("classifier", pictures(3)).unwrap()).unwrap().report();
    let text = snnc::report::json::print(&report).unwrap();
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("report.json");
    std::fs::write(&file, &text).unwrap();
    let compile = |files: &MappingFiles| model.compile_with(&target, &CompileOptions::default(), files);
    let from_file = compile(&MappingFiles { profile: Some(file), ..MappingFiles::default() }).unwrap();
    let held = compile(&MappingFiles { report: Some(text), ..MappingFiles::default() }).unwrap();
    assert_eq!(held.mapped(), from_file.mapped());
    let traffic = |program: &Program| program.mapping_report().unwrap().traffic.clone();
    assert_eq!(traffic(&held), traffic(&from_file));
    assert_ne!(traffic(&held), traffic(&PROGRAM));
    let wrong = MappingFiles { report: Some("{}".into()), ..MappingFiles::default() };
    assert_eq!(compile(&wrong).unwrap_err().codes(), [Code::Argument]);
}

#[test]
fn a_run_without_items_is_refused_and_not_reported() {
    for items in [0, 1 << 32] {
        let refused = session(None).run(&Darker(items)).unwrap_err();
        assert_eq!((refused.code, refused.place), (Code::Argument, Subject::value("items", items).into()));
    }
}
