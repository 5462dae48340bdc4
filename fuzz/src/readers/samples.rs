//! Samples of networks that take spikes: event lists, tables and archives, and arrays of spike trains.

use std::io::Write;

use snnc::npy;
use snnc::samples::events;
use snnc::samples::input::{self, SampleContent, SampleFile, SampleShape};
use snnc_compiler::ir::Shape;
use snnc_simulator::spike_train::SpikeTrain;

use super::{Answer, models, told};

/// Of the samples that are expected.
const SHAPE: SampleShape = SampleShape { map: Shape { channels: 2, height: 3, width: 5 }, steps: Some(4) };
/// Length of a timestep of the events.
const DT: f64 = 10.0;
/// Most samples that are looked at one by one; a damaged number may be a large one.
const LOOKED_AT: usize = 16;

/// Tables: with samples in any order, and without.
pub fn event_seeds() -> Vec<Vec<u8>> {
    let samples = "n,t,x,y,p\n1,0,4,2,1\n0,39.5,0,0,0\n0,1000,0,0,0\n3,12,1,1,1\n";
    let single = "p, y,x,t\r\n1,2,4,0.5\r\n1,2,4,0.75\r\n";
    [samples, single].map(|text| text.as_bytes().to_vec()).into()
}

/// The arrays of an event list in archives, stored and compressed.
pub fn archive_seeds() -> Vec<Vec<u8>> {
    let of = |method| {
        let mut zip = zip::ZipWriter::new(std::io::Cursor::new(Vec::new()));
        let options = zip::write::SimpleFileOptions::default().compression_method(method);
        for (key, values) in
            [("t", [0, 11, 39]), ("x", [4, 0, 1]), ("y", [2, 0, 1]), ("p", [1, 0, 1]), ("n", [0, 2, 1])]
        {
            zip.start_file(format!("{key}.npy"), options).expect("an archive in memory takes files");
            let bytes = [npy::header("|u1", "(3,)"), values.to_vec()].concat();
            zip.write_all(&bytes).expect("an archive in memory takes bytes");
        }
        zip.finish().expect("an archive in memory is finished").into_inner()
    };
    [zip::CompressionMethod::Stored, zip::CompressionMethod::Deflated].map(of).into()
}

/// Arrays of two spike trains, bytes and floats.
pub fn train_seeds() -> Vec<Vec<u8>> {
    let values = (0..240u32).map(|i| u8::from(i % 7 == 0));
    let bytes: Vec<u8> = values.clone().collect();
    let floats: Vec<u8> = values.flat_map(|value| f32::from(value).to_le_bytes()).collect();
    vec![
        [npy::header("|u1", "(2, 4, 2, 3, 5)"), bytes].concat(),
        [npy::header("<f4", "(2, 120)"), floats].concat(),
    ]
}

/// Reads a table or an archive of events.
pub fn read_events(input: &[u8]) -> Answer {
    let path = models::file("fuzz.csv", input);
    let (trains, summary) = events::read(&path, SHAPE, DT, None).map_err(|problem| told(&problem))?;
    assert_eq!(summary.samples, trains.len() as u64, "samples are counted");
    assert_eq!(
        summary.events,
        summary.spikes + summary.merged + summary.after_last_timestep,
        "every event is a spike, merged or late"
    );
    look(&SampleFile { content: SampleContent::Trains(trains), events: Some(summary) });
    Ok(())
}

/// Reads an array of spike trains.
pub fn read_trains(input: &[u8]) -> Answer {
    let path = models::file("fuzz.npy", input);
    look(&input::read(&path, SHAPE, None, Some(3)).map_err(|problem| told(&problem))?);
    Ok(())
}

/// Goes through the first samples.
fn look(file: &SampleFile) {
    let SampleContent::Trains(trains) = &file.content else {
        panic!("a network that takes spikes is given trains")
    };
    for sample in 0..trains.len().min(LOOKED_AT) {
        let values = trains.train(sample).values();
        assert_eq!(values.len(), SHAPE.elements(), "samples are whole");
        assert_eq!(
            values.iter().all(|&value| value == 0.0),
            trains.is_silent(sample),
            "silent is without a spike"
        );
    }
}
