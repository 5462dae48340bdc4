//! Event lists, such as event cameras and cochleas give, binned into spike trains `[n, t, c, h, w]`.
//!
//! An event has a time `t`, a place `x`, `y`, a polarity `p` (the channel) and perhaps the sample `n` that it is of. It
//! is a spike of timestep floor(t / dt), both as float64; times are counted from the beginning of each sample. Several
//! events of a neuron in one timestep make one spike and are counted as merged. Events after the last timestep are
//! left out and counted, as recordings are often longer than a network looks at them. Refused: events that lie beside
//! the map or before time 0, and lists of which nothing is left.

// What a number from a file can reach neither wraps, panics nor leaves its array.
#![deny(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::unwrap_used
)]

mod archive;
mod bins;
mod table;

use std::fmt;
use std::fs::File;
use std::io::{self, Read};
use std::path::Path;

use serde::{Deserialize, Serialize};
use snnc_simulator::spike_train::PackedTrains;
use snnc_targets::{Code, Diagnostic, Subject};

use super::input::SampleShape;
use bins::EventBins;

/// The columns of an event, in the order in which they are handled.
const COLUMNS: [&str; 4] = ["t", "x", "y", "p"];
/// What the column of samples may be called.
const SAMPLE: [&str; 2] = ["n", "sample"];

/// What tables of events look like.
const HINT: &str = "the first line names the columns: `t,x,y,p`, and `n` for the number of the sample";

/// What became of an event list.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct EventSummary {
    /// Length of a timestep, in the unit of the events' times.
    pub dt: f64,
    /// Timesteps of a sample.
    pub timesteps: u64,
    /// Samples.
    pub samples: u64,
    /// Samples without a spike.
    pub silent_samples: u64,
    /// Events of these samples.
    pub events: u64,
    /// Spikes that they make.
    pub spikes: u64,
    /// Events that make no spike of their own: another event of their neuron is in the same timestep.
    pub merged: u64,
    /// Events that were left out: they come after the last timestep.
    pub after_last_timestep: u64,
}

impl fmt::Display for EventSummary {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { dt, timesteps, samples, silent_samples, events, spikes, merged, after_last_timestep } =
            self;
        write!(
            f,
            "{events} events of {samples} samples make {spikes} spikes in {timesteps} timesteps of {dt}; \
             {merged} merged with another of their neuron and timestep, {after_last_timestep} left out after the \
             last timestep, {silent_samples} samples without a spike"
        )
    }
}

/// An event: sample, t, x, y, p.
type AddressEvent = [f64; 5];

/// Reads an event list, CSV or an NPZ archive, as spike trains of the first `most` samples.
///
/// # Errors
/// [`Code::FileUnreadable`]; [`Code::Argument`] for what the file is not, with the line or the number of the event.
pub fn read(
    path: &Path,
    shape: SampleShape,
    dt: f64,
    most: Option<u64>,
) -> Result<(PackedTrains, EventSummary), Diagnostic> {
    let mut bins = EventBins::new(shape, dt, most);
    let head = head(path).map_err(|error| Diagnostic::unreadable(path, &error))?;
    match head.as_slice() {
        [b'P', b'K', ..] => archive::read(path, &mut bins)?,
        b"\x93NUMPY" => {
            let message = "the file is one array; with --dt an event list is expected";
            return Err(Diagnostic::new(Code::Argument, path, message).hint(
                "leave --dt out for spike trains; `np.savez(path, t=t, x=x, y=y, p=p)` writes event lists",
            ));
        }
        _ => table::read(path, &mut bins)?,
    }
    bins.finish().map_err(|(message, hint)| Diagnostic::new(Code::Argument, path, message).hint(hint))
}

/// Puts events in memory, each `[sample, t, x, y, p]`, into spike trains; the same rules as of files.
///
/// # Errors
/// [`Code::Argument`] for a `dt` that is no length, for a shape without timesteps, and with the number of an event that
/// is none.
pub fn of_events(
    events: impl IntoIterator<Item = [f64; 5]>,
    shape: SampleShape,
    dt: f64,
) -> Result<(PackedTrains, EventSummary), Diagnostic> {
    check(dt, shape)?;
    let refused = |(message, hint): bins::Refusal| {
        Diagnostic::new(Code::Argument, Subject::argument("events"), message).hint(hint)
    };
    let mut bins = EventBins::new(shape, dt, None);
    for (index, event) in events.into_iter().enumerate() {
        bins.add(event).map_err(|(message, hint)| refused((format!("event {index}: {message}"), hint)))?;
    }
    bins.finish().map_err(refused)
}

/// Whether events can be put into timesteps of a length for a network.
///
/// # Errors
/// [`Code::Argument`].
pub(super) fn check(dt: f64, shape: SampleShape) -> Result<(), Diagnostic> {
    let refused = |message: &str| Diagnostic::new(Code::Argument, Subject::value("--dt", dt), message);
    if !(dt.is_finite() && dt > 0.0) {
        return Err(refused("expected the length of a timestep, more than 0")
            .hint("it is in the unit of the events' times: 1000 are milliseconds of microseconds"));
    }
    if shape.steps.is_none() {
        return Err(refused("bins events, but the network takes one map for all timesteps")
            .hint("leave it out, or declare the input of the model with `spikes: true`"));
    }
    Ok(())
}

/// The first bytes of a file; those of a pipe are left to who reads it, and are a table.
fn head(path: &Path) -> io::Result<Vec<u8>> {
    let mut head = Vec::new();
    if std::fs::metadata(path)?.is_file() {
        File::open(path)?.take(6).read_to_end(&mut head)?;
    }
    Ok(head)
}

#[cfg(test)]
mod tests {
    use snnc_compiler::ir::Shape;
    use snnc_simulator::spike_train::SpikeTrain;

    use super::*;

    const SHAPE: SampleShape =
        SampleShape { map: Shape { channels: 2, height: 2, width: 3 }, steps: Some(2) };

    fn of_text(text: &str, dt: f64, most: Option<u64>) -> Result<(Vec<f64>, EventSummary), Diagnostic> {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("events.csv");
        std::fs::write(&path, text).unwrap();
        read(&path, SHAPE, dt, most).map(flat)
    }

    /// All samples, `[n, t, c, h, w]`.
    fn flat((trains, summary): (PackedTrains, EventSummary)) -> (Vec<f64>, EventSummary) {
        ((0..trains.len()).flat_map(|sample| trains.train(sample).values()).collect(), summary)
    }

    /// Where the ones are.
    fn ones(values: &[f64]) -> Vec<usize> {
        assert!(values.iter().all(|&value| value == 0.0 || value == 1.0));
        (0..values.len()).filter(|&i| values[i] == 1.0).collect()
    }

    #[test]
    fn events_are_spikes_of_their_timestep_channel_and_place() {
        // Offsets in [n, t, c, h, w] of sides [2, 2, 2, 2, 3].
        let text = "t,x,y,p,n\n0,0,0,0,0\n9.5,2,1,0,0\n10,1,0,1,0\n19,1,0,1,0\n20,0,0,0,0\n3,2,0,1,1\n";
        let (values, summary) = of_text(text, 10.0, None).unwrap();
        assert_eq!(values.len(), 48);
        assert_eq!(ones(&values), [0, 3 + 2, 12 + 6 + 1, 24 + 6 + 2]);
        let expected = EventSummary {
            dt: 10.0,
            timesteps: 2,
            samples: 2,
            silent_samples: 0,
            events: 6,
            spikes: 4,
            merged: 1,
            after_last_timestep: 1,
        };
        assert_eq!(summary, expected);
        assert!(
            summary
                .to_string()
                .starts_with("6 events of 2 samples make 4 spikes in 2 timesteps of 10; 1 merged")
        );
        let (first, summary) = of_text(text, 10.0, Some(1)).unwrap();
        assert_eq!((ones(&first), summary.events, summary.samples), (vec![0, 5, 19], 5, 1));
    }

    #[test]
    fn columns_come_in_any_order_and_samples_may_be_silent() {
        let (values, summary) = of_text(" sample, p ,y,x,t\r\n2,1,1,2,0.25\r\n", 0.5, None).unwrap();
        assert_eq!((values.len(), ones(&values)), (72, vec![48 + 6 + 3 + 2]));
        assert_eq!((summary.samples, summary.silent_samples), (3, 2));
        let (one, _) = of_text("t,x,y,p\n0.75,0,0,0\n", 0.5, None).unwrap();
        assert_eq!((one.len(), ones(&one)), (24, vec![12]));
    }

    #[test]
    fn what_is_no_event_is_refused_with_its_line() {
        for (text, line, expected) in [
            ("t,x,y,p\n1,3,0,0\n", 2, "x is 3, expected 0 to 2: the input is [2, 2, 3]"),
            ("t,x,y,p\n1,0,0,0\n1,0,2,0\n", 3, "y is 2, expected 0 to 1"),
            ("t,x,y,p\n1,0,0,-1\n", 2, "p is -1, expected 0 to 1"),
            ("t,x,y,p\n1,0.5,0,0\n", 2, "x is 0.5, expected"),
            ("t,x,y,p\n-1,0,0,0\n", 2, "t is -1, expected a time from 0 on"),
            ("t,x,y,p\nnan,0,0,0\n", 2, "t is NaN"),
            ("t,x,y,p\n1,0,zero,0\n", 2, "y is `zero`, expected a number"),
            ("t,x,y,p\n1,0,0\n", 2, "found record with 3 fields"),
            ("t,x,y,p,n\n1,0,0,0,1.5\n", 2, "the sample is 1.5"),
            ("t,x,y,p,n\n1,0,0,0,99999999999\n", 2, "at most"),
            ("t,x,y\n1,0,0\n", 1, "there is no column `p`, found t, x, y"),
            ("t,x,y,p,q\n1,0,0,0,0\n", 1, "column `q` is not known"),
            ("t,x,y,p,n,sample\n1,0,0,0,0,0\n", 1, "column `n` stands twice"),
            ("0,0,0,0\n1,0,0,0\n", 1, "column `0` is not known"),
        ] {
            let problem = of_text(text, 10.0, None).unwrap_err();
            assert_eq!(problem.code, Code::Argument, "{problem}");
            assert!(problem.message.contains(expected) && problem.hint.is_some(), "{problem}");
            assert!(problem.to_string().contains(&format!("events.csv:{line}")), "{problem}");
        }
        let late = of_text("t,x,y,p\n1000,0,0,0\n", 1.0, None).unwrap_err();
        assert!(late.message.contains("the first at 1000, 2 timesteps of 1 end at 2"), "{late}");
        assert!(of_text("t,x,y,p\n", 1.0, None).unwrap_err().message.contains("there is no event"));
        let endless = format!("t,x,y,p\n{}", "1".repeat(1 << 17));
        assert!(
            of_text(&endless, 1.0, None).unwrap_err().message.contains("a line of more than 65536 bytes")
        );
    }

    /// An archive of arrays.
    fn archive_of(arrays: &[(&str, &str, &str, &[u8])]) -> Result<(Vec<f64>, EventSummary), Diagnostic> {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("events.npz");
        let mut zip = zip::ZipWriter::new(File::create(&path).unwrap());
        for (key, descr, shape, data) in arrays {
            zip.start_file(format!("{key}.npy"), zip::write::SimpleFileOptions::default()).unwrap();
            let bytes = [&crate::npy::header(descr, shape), *data].concat();
            io::Write::write_all(&mut zip, &bytes).unwrap();
        }
        zip.finish().unwrap();
        read(&path, SHAPE, 10.0, None).map(flat)
    }

    #[test]
    fn arrays_of_an_archive_are_read_side_by_side() {
        let t: Vec<u8> = [0i64, 10].iter().flat_map(|t| t.to_le_bytes()).collect();
        let p: Vec<u8> = [0f32, 1.0].iter().flat_map(|p| p.to_le_bytes()).collect();
        let y: Vec<u8> = [1u16, 0].iter().flat_map(|y| y.to_le_bytes()).collect();
        let all = [
            ("p", "<f4", "(2,)", &p[..]),
            ("t", "<i8", "(2,)", &t[..]),
            ("y", "<u2", "(2,)", &y[..]),
            ("x", "|u1", "(2,)", &[2, 0][..]),
            ("n", "|i1", "(2,)", &[0, 1][..]),
        ];
        let (values, summary) = archive_of(&all).unwrap();
        assert_eq!((ones(&values), summary.samples), (vec![3 + 2, 24 + 12 + 6], 2));
        let (single, _) = archive_of(&all[..4]).unwrap();
        assert_eq!(ones(&single), [5, 18]);
        let refused = |change: (&'static str, &'static str, &'static str, &'static [u8])| {
            let mut arrays = all.to_vec();
            *arrays.iter_mut().find(|array| array.0 == change.0).unwrap() = change;
            archive_of(&arrays).unwrap_err().message
        };
        assert!(refused(("x", "|u1", "(2,)", &[2, 3])).contains("event 1: x is 3"));
        assert!(refused(("x", "|u1", "(1,)", &[2])).contains("`x` has 1 values, `n` has 2"));
        assert!(refused(("x", "|u1", "(2, 1)", &[2, 0])).contains("`x` is [2, 1], [events] expected"));
        assert!(refused(("x", "|S1", "(2,)", &[2, 0])).contains("its elements are `|S1`"));
        assert!(refused(("x", "|u1", "(2,)", &[2])).contains("1 bytes of data, 2 expected"));
        assert!(archive_of(&all[1..]).unwrap_err().message.contains("there is no `p`"));
    }
}
