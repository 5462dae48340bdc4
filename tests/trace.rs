//! Traces read back: as many rows as packets were simulated, with the report's latencies, none faster than an
//! empty
//! network allows; a timeline in which nobody is at two things at once; and choices that make no sense are refused.

use std::collections::BTreeMap;
use std::fs::File;
use std::path::Path;
use std::sync::{Arc, LazyLock};

use parquet::file::reader::{FileReader, SerializedFileReader};
use parquet::record::RowAccessor;
use snnc::trace::{Extent, TraceOptions, TraceRecorder};
use snnc::{Observer, Outcome, Session, SessionOptions};
use snnc_compiler::driver::{CompileOptions, compile};
use snnc_compiler::frontend::load;
use snnc_compiler::ir::program::Program;
use snnc_simulator::charge::MeterRecord;
use snnc_simulator::time::cycle::Watcher;
use snnc_simulator::time::{Fidelity, Latencies};
use snnc_simulator::workload::Generation;
use snnc_simulator::workload::generation::GeneratedImage;
use snnc_targets::schema::RoutingScheme;
use snnc_targets::{Code, Diagnostic, Subject, registry};

/// The example, compiled once.
static PROGRAM: LazyLock<Arc<Program>> = LazyLock::new(|| {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("examples/spiking-diffusion-mnist/model.ron");
    let target = registry::load("loihi-like").unwrap();
    compile(&load(&path).unwrap(), &target, CompileOptions::fewest_cores()).unwrap().1.into()
});

/// The same for routers that fork packets.
static FORKING: LazyLock<Arc<Program>> = LazyLock::new(|| {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("examples/spiking-diffusion-mnist/model.ron");
    let mut target = registry::load("loihi-like").unwrap();
    target.topology.routing.0 = RoutingScheme::Multicast { table_entries: None };
    compile(&load(&path).unwrap(), &target, CompileOptions::fewest_cores()).unwrap().1.into()
});

/// Only traces.
struct Only<'a>(TraceRecorder<'a>);

impl Observer for Only<'_> {
    fn item(&mut self, _: u64, _: &MeterRecord) -> Result<(), Diagnostic> {
        Ok(())
    }

    fn watcher(&mut self) -> Option<&mut dyn Watcher> {
        Some(&mut self.0)
    }
}

/// A run of one image.
const ONE: Extent = Extent { items: 1, passes: 50, item_name: "image" };

fn traced(
    program: &Arc<Program>,
    every: u32,
    options: TraceOptions,
) -> Result<Outcome<GeneratedImage>, Diagnostic> {
    let fidelity = Fidelity::Cycle { every };
    let mut only = Only(TraceRecorder::new(program, options, ONE, fidelity)?.expect("something is traced"));
    let generation = Generation::new(&program.model, 1, 1).unwrap();
    let session =
        Session::new(&program.clone().into(), SessionOptions { fidelity, ..SessionOptions::default() })?;
    let generated = session.run_observed(&generation, &mut only, &())?;
    only.0.finish()?;
    Ok(generated)
}

#[test]
fn a_table_of_packets_holds_what_was_simulated() {
    rows_are_deliveries(&PROGRAM);
    rows_are_deliveries(&FORKING);
}

fn rows_are_deliveries(program: &Arc<Program>) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("packets.parquet");
    let generated =
        traced(program, 512, TraceOptions { packets: Some(path.clone()), ..TraceOptions::default() })
            .unwrap();
    let time = generated.record.total.tally.total().time;
    let cycle = generated.session.meter().cycle().unwrap();
    let (mut latencies, mut zero_load, mut slowest) = (Latencies::default(), 0, 0);
    let mut last = (0, 0, 0);
    let reader = SerializedFileReader::new(File::open(&path).unwrap()).unwrap();
    for row in reader.get_row_iter(None).unwrap() {
        let row = row.unwrap();
        let place = (row.get_long(0).unwrap(), row.get_int(1).unwrap(), row.get_int(3).unwrap());
        let (injected, delivered) = (row.get_long(14).unwrap(), row.get_long(15).unwrap());
        let latency = row.get_long(16).unwrap() as u64;
        assert_eq!(latency, (delivered - injected) as u64);
        let tiles = [4, 10].map(|column| cycle.tiles()[row.get_int(column).unwrap() as usize]);
        let least = cycle.zero_load_routes().between(tiles[0], tiles[1]) * cycle.clock_ps();
        assert!(latency >= least, "{row}");
        let hops = tiles[0].0.abs_diff(tiles[1].0) + tiles[0].1.abs_diff(tiles[1].1);
        assert_eq!(row.get_int(11).unwrap(), i32::from(hops));
        assert!(row.get_string(6).unwrap().starts_with(row.get_string(2).unwrap()), "{row}");
        assert!(last <= place, "rows are in order");
        last = place;
        latencies.add(latency);
        zero_load += u128::from(least);
        slowest = slowest.max(latency);
    }
    assert!(latencies.packets > 10_000);
    assert_eq!((latencies, zero_load), (time.packets, time.zero_load_ps));
    assert_eq!(generated.record.total.timesteps.slowest[0].packet.latency, slowest);
}

#[test]
fn a_timeline_shows_nobody_at_two_things_at_once() {
    let [rows, made, crossings] = timeline(&PROGRAM);
    assert_eq!(made, rows, "each packet is made once");
    let [deliveries, spikes, fewer] = timeline(&FORKING);
    // A core of several axons is delivered a packet once, so there are fewer deliveries, too.
    assert!(
        deliveries < rows && 4 * spikes < deliveries,
        "{spikes} spikes, {deliveries} of {rows} deliveries"
    );
    assert!(4 * fewer < crossings, "{fewer} of {crossings} crossings");
}

/// Deliveries, packets made, and crossings of links.
fn timeline(program: &Arc<Program>) -> [usize; 3] {
    let folder = tempfile::tempdir().unwrap();
    let [packets, events] = ["packets.parquet", "trace.json"].map(|name| folder.path().join(name));
    let options = TraceOptions {
        packets: Some(packets.clone()),
        events: Some(events.clone()),
        timesteps: Some("0..3".parse().unwrap()),
        ..TraceOptions::default()
    };
    traced(program, 64, options).unwrap();
    let reader = SerializedFileReader::new(File::open(&packets).unwrap()).unwrap();
    let rows = reader.metadata().file_metadata().num_rows();
    let text = std::fs::read_to_string(&events).unwrap();
    let json: serde_json::Value = serde_json::from_str(&text).unwrap();
    let mut tracks: BTreeMap<(u64, u64), Vec<(f64, f64)>> = BTreeMap::new();
    let mut kinds: BTreeMap<u64, usize> = BTreeMap::new();
    for event in json["traceEvents"].as_array().unwrap() {
        let (pid, tid) = (event["pid"].as_u64().unwrap(), event["tid"].as_u64().unwrap());
        if event["ph"] != "X" || event["name"] == "stopped: queue full" {
            continue;
        }
        let (ts, dur) = (event["ts"].as_f64().unwrap(), event["dur"].as_f64().unwrap());
        tracks.entry((pid, tid)).or_default().push((ts, ts + dur));
        *kinds.entry(if pid < 2 { pid } else { 2 + tid }).or_default() += 1;
    }
    for (track, mut slices) in tracks {
        slices.sort_by(|a, b| a.0.total_cmp(&b.0));
        for pair in slices.windows(2) {
            assert!(pair[0].1 <= pair[1].0 + 1e-6, "{track:?}: {pair:?}");
        }
    }
    // Each is decoded once where it arrives, and meets synapses at most once.
    assert!(rows > 1_000, "{rows}");
    assert_eq!(kinds[&4], rows as usize);
    assert!(kinds[&5] <= rows as usize && kinds[&1] > 0 && kinds[&2] > 0, "{kinds:?}");
    [rows as usize, kinds[&3], kinds[&1]]
}

#[test]
fn traces_that_make_no_sense_are_refused() {
    let (program, folder) = (&*PROGRAM, tempfile::tempdir().unwrap());
    let path = folder.path().join("out");
    let refused = |options: TraceOptions, fidelity| {
        let problem = TraceRecorder::new(program, options, Extent { items: 2, ..ONE }, fidelity).unwrap_err();
        assert_eq!(problem.code, Code::Argument);
        problem.place
    };
    let cycle = Fidelity::Cycle { every: 1 };
    let packets = TraceOptions { packets: Some(path.clone()), ..TraceOptions::default() };
    assert_eq!(refused(packets.clone(), Fidelity::Analytic), Subject::argument("--trace").into());
    let span = |text: &str| Some(text.parse().unwrap());
    assert_eq!(
        refused(TraceOptions { images: span("1..3"), ..packets.clone() }, cycle),
        Subject::argument("--trace-images").into()
    );
    assert_eq!(
        refused(TraceOptions { passes: span("50"), ..packets.clone() }, cycle),
        Subject::argument("--trace-passes").into()
    );
    assert_eq!(
        refused(TraceOptions { timesteps: span("900"), ..packets.clone() }, cycle),
        Subject::argument("--trace-timesteps").into()
    );
    assert_eq!(
        refused(TraceOptions { timesteps: span("1"), ..TraceOptions::default() }, cycle),
        Subject::argument("--trace-timesteps").into()
    );
    let both = TraceOptions { events: Some(path.clone()), ..packets };
    assert_eq!(refused(both, cycle), Subject::argument("--trace-events").into());
    // A timeline of everything would be too long, and says so before it is written.
    let events = TraceOptions { events: Some(path.clone()), ..TraceOptions::default() };
    let problem = traced(program, 16, events).unwrap_err();
    assert_eq!((problem.code, problem.place), (Code::Argument, Subject::argument("--trace-events").into()));
    assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 0, "a failed trace leaves nothing");
}
