//! Parts of a run of samples and of a comparison, for several processes: `--shard I/N` of `snnc run --input`, `snnc
//! simulate --input` and `snnc verify`.
//!
//! A part makes every N-th sample or image and writes down what a single process would have added to its sums
//! ([`runs`], [`comparisons`]). [`merge`] reads that of all parts in the order of the samples and does with it what the
//! single process does, so the files have the same bytes; only wall-clock times and peak memory differ. Nothing is
//! executed again.
//!
//! A folder of a part is one set of results, whole or not there: `part.json` ([`manifest`]), `part.records`, and of the
//! first part `part.snnx`, the program. A part that was stopped is made again by the same command.

// What a number from a file can reach neither wraps, panics nor leaves its array.
#![deny(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::unwrap_used
)]

pub mod comparisons;
pub mod manifest;
mod records;
pub mod runs;
mod whole;

use std::path::{Path, PathBuf};

use snnc_simulator::workload::Samples;
use snnc_targets::output::ResultSet;
use snnc_targets::{Diagnostic, Diagnostics};

use crate::comparison::{Comparison, SampleComparison};
use crate::program::Program;
use crate::report::{Report, is_result};
use crate::samples::EventSummary;
use manifest::{FedSamples, PartManifest, Work};
use records::RecordWriter;

/// What the items left.
const RECORDS: &str = "part.records";
/// The program, in the folder of the first part.
const PROGRAM: &str = "part.snnx";
/// Whose results a folder of a part holds.
const COMMAND: &str = "snnc --shard";

/// Whether a folder is that of a part.
pub fn is_part(folder: &Path) -> bool {
    folder.join(manifest::FILE).exists()
}

/// Whether a file of this name is one of a part.
pub fn is_file_of_part(name: &str) -> bool {
    [manifest::FILE, RECORDS, PROGRAM].contains(&name)
}

/// What parts came to.
#[derive(Debug)]
pub enum Merged {
    /// A run: its report, and a line on each file that was written.
    Run(Box<Report>, Vec<String>),
    /// A comparison over samples.
    VerifiedSamples(Box<SampleComparison>),
    /// A comparison over images.
    VerifiedImages(Box<Comparison>),
}

/// Puts the parts in `folders` together in the folder `out`, which then holds what one process would have written.
///
/// # Errors
/// [`snnc_targets::Code::SweepInvalid`] for parts of different works, and for parts that are given twice or not at all;
/// [`snnc_targets::Code::FileUnreadable`] and [`snnc_targets::Code::OutputFailed`] for damaged ones.
pub fn merge(folders: &[PathBuf], out: &Path) -> Result<Merged, Diagnostics> {
    let parts = whole::opened(folders)?;
    match parts.first.manifest.work.clone() {
        Work::Run(run) => {
            runs::merge(parts, &run, out).map(|(report, lines)| Merged::Run(Box::new(report), lines))
        }
        Work::VerifySamples { fed, .. } => {
            let comparison = comparisons::merge_samples(parts, &fed, out)?;
            Ok(Merged::VerifiedSamples(Box::new(comparison)))
        }
        Work::VerifyImages { seed, calibration_passes, .. } => {
            let comparison = comparisons::merge_images(parts, (calibration_passes, seed), out)?;
            Ok(Merged::VerifiedImages(Box::new(comparison)))
        }
    }
}

impl FedSamples {
    /// Of samples, their classes if these are known, and what became of the events that they were made of.
    pub fn new(samples: &Samples, labels: Option<&[usize]>, events: Option<EventSummary>) -> Self {
        let mut hasher = blake3::Hasher::new();
        let mut buffered = std::io::BufWriter::new(&mut hasher);
        let written = postcard::to_io(&(samples, labels), &mut buffered).map(|_| ());
        assert_eq!(written, Ok(()), "samples are plain data, and a checksum takes all of it");
        drop(buffered);
        Self {
            blake3: hasher.finalize().to_hex().to_string(),
            network: samples.network(),
            labels: labels.map(<[usize]>::to_vec),
            events,
        }
    }
}

/// The folder of a part in the making.
#[derive(Debug)]
struct PartFolder {
    set: ResultSet,
    records: RecordWriter,
}

impl PartFolder {
    /// Claims it, before the work.
    fn begin(out: &Path) -> Result<Self, Diagnostic> {
        let set = ResultSet::begin(out, COMMAND, is_result)?;
        let records = RecordWriter::create(&set.place(RECORDS)?)?;
        Ok(Self { set, records })
    }

    /// Writes what the part is of, and gives all files their names.
    fn finish(self, program: &Program, manifest: &PartManifest) -> Result<(), Diagnostic> {
        self.records.finish()?;
        if manifest.shard.part == 1 {
            program.save(self.set.place(PROGRAM)?)?;
        }
        manifest.write(&self.set.place(manifest::FILE)?)?;
        self.set.commit()
    }
}
