//! The folder of a sweep: `sweep.json` says what the points are, `sweep.points` has a line for each that is done, and
//! when all are done there is the table, `sweep.csv`, and beside it a page, `pareto.html`.
//!
//! A line of `sweep.points` is a point's number, the BLAKE3 of what follows, and what became of the point as JSON. It
//! is flushed before the next point begins. A line that is torn or does not have its checksum counts for nothing: its
//! point is done again. At the end the lines stand in the order of the points, so the bytes of all files are those of
//! any other run of the sweep, in one piece or put together of parts.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::Write;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};
use snnc_targets::input::InputKind;
use snnc_targets::{Code, Diagnostic, Diagnostics, output};

use super::plan::PointParameters;
use super::point::PointOutcome;
use super::{page, table};
use crate::report::is_result;
use crate::shard::Shard;

/// Schema of this version.
pub const SCHEMA: &str = "snnc.sweep-results/1";
/// What the sweep is.
pub const MANIFEST: &str = "sweep.json";
/// Points that are done.
const POINTS: &str = "sweep.points";
/// The table.
pub const TABLE: &str = "sweep.csv";
/// What sweeps note of themselves; a point takes about 300 bytes here and 900 there.
const KIND: InputKind = InputKind { what: "a record of a sweep", longest: 1 << 31 };

/// `sweep.json`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SweepManifest {
    /// Always [`SCHEMA`].
    pub schema: String,
    /// Version of snnc.
    pub snnc: String,
    /// Name of the model.
    pub model: String,
    /// BLAKE3 of the model file and its weights; absent for a model in memory.
    pub model_blake3: Option<String>,
    /// BLAKE3 of samples and labels; absent without any.
    pub inputs_blake3: Option<String>,
    /// BLAKE3 of the targets of all points.
    pub targets_blake3: String,
    /// `image` or `sample`.
    pub item: String,
    /// Seed of the images; absent for samples.
    pub seed: Option<u64>,
    /// The network that is fed, if it is named.
    pub network: Option<String>,
    /// Length of a timestep, for event lists.
    pub dt: Option<f64>,
    /// How time is modelled.
    pub timing: String,
    /// Seed of the placement.
    pub mapping_seed: u64,
    /// Passes recorded for the rounding; absent for what the compiler chooses.
    pub calibrate: Option<usize>,
    /// Whether points are compared with the float reference.
    pub verify: bool,
    /// Fields of the target that differ between points.
    pub fields: Vec<String>,
    /// The points, in order.
    pub points: Vec<PointParameters>,
    /// The part of the points that this folder is for; absent for all of them.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub shard: Option<Shard>,
}

impl SweepManifest {
    /// Whether the folder is for a point.
    pub fn holds(&self, index: usize) -> bool {
        index < self.points.len() && self.shard.is_none_or(|shard| shard.holds(index))
    }

    /// What two sweeps differ in.
    pub(super) fn differences(&self, other: &Self) -> Vec<&'static str> {
        let fields = [
            ("format", self.schema != other.schema),
            ("version of snnc", self.snnc != other.snnc),
            ("model", (&self.model, &self.model_blake3) != (&other.model, &other.model_blake3)),
            ("samples or labels", self.inputs_blake3 != other.inputs_blake3),
            ("targets", self.targets_blake3 != other.targets_blake3),
            ("seed", self.seed != other.seed),
            ("network", self.network != other.network),
            ("dt", self.dt != other.dt),
            ("timing", self.timing != other.timing),
            ("mapping_seed", self.mapping_seed != other.mapping_seed),
            ("calibrate", self.calibrate != other.calibrate),
            ("verify", self.verify != other.verify),
            (
                "points",
                (&self.fields, &self.points, &self.item) != (&other.fields, &other.points, &other.item),
            ),
            ("shard", self.shard != other.shard),
        ];
        fields.into_iter().filter(|(_, differs)| *differs).map(|(name, _)| name).collect()
    }

    fn read(folder: &Path) -> Result<Option<Self>, Diagnostic> {
        let path = folder.join(MANIFEST);
        if !path.exists() {
            return Ok(None);
        }
        serde_json::from_str(&KIND.read_text(&path)?).map(Some).map_err(|error| {
            Diagnostic::new(Code::FileUnreadable, &path, format!("no record of a sweep: {error}"))
                .hint("choose another folder, or delete this one")
        })
    }
}

/// A sweep as its folder holds it: the points, and what became of those that are done.
#[derive(Debug, Clone, PartialEq)]
pub struct Sweep {
    /// What the points are.
    pub manifest: SweepManifest,
    /// By number.
    pub outcomes: BTreeMap<usize, PointOutcome>,
}

impl Sweep {
    /// Reads a folder, also one whose sweep is not finished or is a part.
    ///
    /// # Errors
    /// [`Code::FileUnreadable`], also for a folder without a sweep.
    pub fn load(folder: impl AsRef<Path>) -> Result<Self, Diagnostic> {
        let folder = folder.as_ref();
        let Some(manifest) = SweepManifest::read(folder)? else {
            let message = format!("this is no folder of a sweep: it has no {MANIFEST}");
            return Err(Diagnostic::new(Code::FileUnreadable, folder, message));
        };
        let outcomes = read_points(&folder.join(POINTS), &manifest)?;
        Ok(Self { manifest, outcomes })
    }

    /// Whether all points are done, so that it is known which of them nothing beats.
    pub fn is_whole(&self) -> bool {
        self.outcomes.len() == self.manifest.points.len()
    }

    /// The points that the folder is for and that are not done.
    pub fn missing(&self) -> Vec<usize> {
        let all = 0..self.manifest.points.len();
        all.filter(|index| self.manifest.holds(*index) && !self.outcomes.contains_key(index)).collect()
    }
}

fn read_points(path: &Path, manifest: &SweepManifest) -> Result<BTreeMap<usize, PointOutcome>, Diagnostic> {
    let bytes = match KIND.read(path) {
        Ok(bytes) => bytes,
        Err(_) if matches!(path.try_exists(), Ok(false)) => Vec::new(),
        Err(problem) => return Err(problem),
    };
    // The last line counts only with its end.
    let whole = bytes.iter().rposition(|&byte| byte == b'\n').map_or(0, |at| at + 1);
    let lines = bytes[..whole].split(|&byte| byte == b'\n');
    Ok(lines.filter_map(point_of).filter(|(index, _)| manifest.holds(*index)).collect())
}

fn point_of(line: &[u8]) -> Option<(usize, PointOutcome)> {
    let mut words = std::str::from_utf8(line).ok()?.splitn(3, ' ');
    let (index, sum, json) = (words.next()?.parse().ok()?, words.next()?, words.next()?);
    let sound = blake3::Hash::from_hex(sum).ok()? == checksum(index, json);
    sound.then(|| serde_json::from_str(json).ok()).flatten().map(|outcome| (index, outcome))
}

fn checksum(index: usize, json: &str) -> blake3::Hash {
    blake3::hash(format!("{index} {json}").as_bytes())
}

fn line_of(index: usize, outcome: &PointOutcome) -> String {
    let json = serde_json::to_string(outcome).expect("an outcome is plain data");
    format!("{index} {} {json}\n", checksum(index, &json).to_hex())
}

/// The folder of a sweep, owned by this process.
#[derive(Debug)]
pub struct SweepFolder {
    owned: output::Folder,
    sweep: Sweep,
    points: File,
}

impl SweepFolder {
    /// Becomes the owner of a folder for a sweep, and reads what an earlier run has done of it.
    ///
    /// # Errors
    /// [`Code::OutputFailed`] as [`output::Folder::claim`]; [`Code::Argument`] for the folder of another sweep.
    pub fn open(out: &Path, manifest: SweepManifest) -> Result<Self, Diagnostic> {
        let owned = output::Folder::claim(out)?;
        match SweepManifest::read(out)? {
            Some(found) => {
                let differs = manifest.differences(&found);
                if !differs.is_empty() {
                    let message = format!("the folder holds another sweep ({} differ)", differs.join(", "));
                    return Err(Diagnostic::new(Code::Argument, &out.join(MANIFEST), message)
                        .hint("choose another folder, or delete this one"));
                }
            }
            None => begin(out, &manifest)?,
        }
        let outcomes = read_points(&out.join(POINTS), &manifest)?;
        let sweep = Sweep { manifest, outcomes };
        let points = rewrite(out, &sweep)?;
        Ok(Self { owned, sweep, points })
    }

    /// Number of points that the folder is for.
    pub fn wanted(&self) -> usize {
        (0..self.sweep.manifest.points.len()).filter(|&index| self.sweep.manifest.holds(index)).count()
    }

    /// Points that are not done yet.
    pub fn missing(&self) -> Vec<usize> {
        self.sweep.missing()
    }

    /// Keeps what became of a point.
    ///
    /// # Errors
    /// [`Code::OutputFailed`].
    pub fn add(&mut self, index: usize, outcome: PointOutcome) -> Result<(), Diagnostic> {
        let written = self.points.write_all(line_of(index, &outcome).as_bytes());
        written.and_then(|()| self.points.sync_data()).map_err(|error| self.failed(&error))?;
        self.sweep.outcomes.insert(index, outcome);
        Ok(())
    }

    fn failed(&self, error: &std::io::Error) -> Diagnostic {
        let path = self.owned.path().join(POINTS);
        Diagnostic::new(Code::OutputFailed, &path, format!("cannot write: {error}"))
    }

    /// Writes the table of all points.
    ///
    /// # Errors
    /// [`Code::OutputFailed`].
    pub fn finish(self) -> Result<Sweep, Diagnostics> {
        let out = self.owned.path();
        rewrite(out, &self.sweep)?;
        let table = table::Table::new(&self.sweep);
        output::write_atomic(&out.join(TABLE), table.csv().as_bytes())?;
        if self.sweep.is_whole() {
            output::write_atomic(&out.join(page::FILE), page::page(&self.sweep, &table).as_bytes())?;
        }
        #[cfg(feature = "parquet")]
        super::write_parquet::write(&out.join(super::write_parquet::FILE), &table)?;
        Ok(self.sweep)
    }
}

/// Writes the manifest into a folder that holds no results.
fn begin(out: &Path, manifest: &SweepManifest) -> Result<(), Diagnostic> {
    let entries = std::fs::read_dir(out).map_err(|error| Diagnostic::unreadable(out, &error))?;
    let names = entries.flatten().map(|entry| entry.file_name().to_string_lossy().into_owned());
    if let Some(name) = names.filter(|name| is_result(name)).min() {
        let message = format!("expected a folder without results, or with {MANIFEST}; found {name}");
        return Err(Diagnostic::new(Code::OutputFailed, out, message).hint("choose another folder"));
    }
    let text = serde_json::to_string_pretty(manifest).expect("a manifest is plain data") + "\n";
    output::write_atomic(&out.join(MANIFEST), text.as_bytes())
}

/// Writes the points that are done in their order, and opens the file for more.
fn rewrite(out: &Path, sweep: &Sweep) -> Result<File, Diagnostic> {
    let path: PathBuf = out.join(POINTS);
    let text: String = sweep.outcomes.iter().map(|(&index, outcome)| line_of(index, outcome)).collect();
    output::write_atomic(&path, text.as_bytes())?;
    let opened = File::options().append(true).open(&path);
    opened.map_err(|error| Diagnostic::new(Code::OutputFailed, &path, format!("cannot write: {error}")))
}
