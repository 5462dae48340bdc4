//! Whole sets of images, streamed to disk: constant memory, and a killed run continues where it stopped.
//!
//! A run's folder holds `generate.json` (what is being made), then `images.npy` (uint8 `[n, h, w]`, or `[n, c, h, w]`
//! for colour) or `image_000000.png` ..., `tokens.npy` (int64 `[n, h, w]`), and `generate.sums` with a checksum of each
//! chunk ([`sums`]). Arrays grow under the name `*.npy.part`, chunk by chunk and flushed, and are renamed when whole
//! ([`growing`]). Image i depends on program, seed and i alone, so a continued run gives the same bytes.
//!
//! A part of a set ([`Shard`]) is such a folder in which some chunks are never made, so it is never finished;
//! [`merge()`] copies the chunks of all parts into one folder, which then has the bytes of a single run.
//!
//! Nothing that an earlier run left is trusted unseen: a chunk that does not have its checksum is made again, in a
//! finished set as in half of one. Refused: a folder that another process writes into, that another program, seed or
//! version of snnc began, or that holds files of these names without `generate.json`.

mod growing;
mod merge;
mod set;
mod sums;

use std::path::Path;

use rayon::prelude::*;
use serde::{Deserialize, Serialize};
use snnc_simulator::execute::Chip;
use snnc_simulator::workload::generation::GeneratedImage;
use snnc_simulator::workload::{ChipDriver, Workload, drive};
use snnc_targets::{Code, Diagnostic, Diagnostics, output};

use crate::program::Program;
use crate::progress::{Progress, Stoppable};
use crate::report::is_result;
use crate::session::check_count;
pub use crate::shard::Shard;
pub use merge::{is_set, merge};
use set::Set;

/// Images simulated between two flushes.
const CHUNK: u64 = 16;
/// What is being made.
const MANIFEST: &str = "generate.json";

/// How images are written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum ImageSetFormat {
    /// One array of all images.
    Npy,
    /// One file an image.
    Png,
}

/// `generate.json`: what a folder holds, and how a continued run knows that it is the same.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ImageSetManifest {
    /// Version of snnc.
    #[serde(default)]
    pub snnc: String,
    /// Name of the model.
    pub model: String,
    /// Name of the target.
    pub target: String,
    /// BLAKE3 of the program, hexadecimal.
    pub program: String,
    /// Number of images.
    pub images: u64,
    /// Seed of the random streams.
    pub seed: u64,
    /// Softmax temperature of the loop, where it is not the model's.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub temperature: Option<f64>,
    /// How images are written.
    pub format: ImageSetFormat,
    /// Extent of an image, `[c, h, w]`, and of its tokens, `[h, w]`.
    #[serde(default)]
    pub shape: ([usize; 3], [usize; 2]),
    /// The part of the chunks that is made here; absent for all.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub shard: Option<Shard>,
}

impl ImageSetManifest {
    /// What a run of a program is.
    pub fn new(program: &Program, images: u64, seed: u64, format: ImageSetFormat) -> Self {
        let fingerprint = program.fingerprint();
        let program = program.mapped();
        Self {
            snnc: env!("CARGO_PKG_VERSION").to_owned(),
            model: program.model.name.clone(),
            target: program.target.name.clone(),
            program: fingerprint,
            images,
            seed,
            temperature: None,
            format,
            shape: ([0; 3], [0; 2]),
            shard: None,
        }
    }

    /// What a folder says of itself; nothing for one that holds no set.
    fn read(out: &Path) -> Result<Option<Self>, Diagnostic> {
        let path = out.join(MANIFEST);
        let text = match std::fs::read_to_string(&path) {
            Ok(found) => found,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(Diagnostic::unreadable(&path, &error)),
        };
        serde_json::from_str(&text).map(Some).map_err(|error| {
            Diagnostic::new(Code::FileUnreadable, &path, format!("no record of a set of images: {error}"))
                .hint("choose another --out, or delete the folder")
        })
    }

    /// Writes it into a new folder, or checks that it is the folder's own.
    fn claim(&self, out: &Path) -> Result<(), Diagnostic> {
        let Some(found) = Self::read(out)? else { return self.begin(out) };
        let path = out.join(MANIFEST);
        let differs = self.differences(&found);
        if differs.is_empty() {
            return Ok(());
        }
        let message = format!("the folder holds another run ({} differ)", differs.join(", "));
        Err(Diagnostic::new(Code::Argument, &path, message)
            .hint("choose another --out, or delete the folder"))
    }

    /// Whether an image is to be made here: a part has whole chunks.
    fn holds(&self, image: u64) -> bool {
        self.shard.is_none_or(|shard| shard.holds((image / CHUNK) as usize))
    }

    /// Number of images that are to be made here.
    pub fn wanted(&self) -> u64 {
        let Some(shard) = self.shard else { return self.images };
        let chunks = self.images.div_ceil(CHUNK);
        let own = chunks / shard.of + u64::from(shard.part <= chunks % shard.of);
        // The last chunk may be shorter.
        let lacking = chunks * CHUNK - self.images;
        own * CHUNK - if own > 0 && self.holds(self.images - 1) { lacking } else { 0 }
    }

    /// Writes it into a folder that holds no results.
    fn begin(&self, out: &Path) -> Result<(), Diagnostic> {
        let entries = std::fs::read_dir(out).map_err(|error| Diagnostic::unreadable(out, &error))?;
        let names = entries.flatten().map(|entry| entry.file_name().to_string_lossy().into_owned());
        if let Some(name) = names.filter(|name| is_result(name)).min() {
            let message = format!("expected a folder without results, or with {MANIFEST}; found {name}");
            return Err(Diagnostic::new(Code::OutputFailed, out, message).hint("choose another --out"));
        }
        let text = serde_json::to_string_pretty(self).expect("a manifest is plain data") + "\n";
        output::write_atomic(&out.join(MANIFEST), text.as_bytes())
    }

    /// Names of the fields that differ.
    fn differences(&self, other: &Self) -> Vec<&'static str> {
        let fields = [
            ("version of snnc", self.snnc != other.snnc),
            ("model", self.model != other.model),
            ("target", self.target != other.target),
            ("program", self.program != other.program),
            ("images", self.images != other.images),
            ("seed", self.seed != other.seed),
            ("temperature", self.temperature != other.temperature),
            ("format", self.format != other.format),
            ("shard", self.shard != other.shard),
        ];
        fields.into_iter().filter(|(_, differs)| *differs).map(|(name, _)| name).collect()
    }
}

/// What a run found in its folder.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ReusedImages {
    /// Images that an earlier run made, and that have their checksum.
    pub whole: u64,
    /// Images that an earlier run made, and that had to be made again.
    pub damaged: u64,
}

/// Most images of a set: their numbers have 32 bits.
const IMAGES_MAX: u64 = 1 << 32;

/// Generates the images of `manifest` into `out`, from where an earlier run stopped; `progress` is told of
/// each image.
///
/// # Errors
/// [`Code::Unsupported`] without a generation pipeline, [`Code::Argument`] for zero images or another run's folder,
/// [`Code::OutputFailed`], also for a folder that another process owns, [`Code::Stopped`] if the progress says so; what
/// was written by then is continued by the next run.
pub fn run(
    program: &Program,
    manifest: &ImageSetManifest,
    out: &Path,
    progress: &dyn Progress,
) -> Result<ReusedImages, Diagnostics> {
    program.mapped().needs_timesteps()?;
    let mut generation = program.generation(manifest.seed, manifest.images)?;
    if let Some(temperature) = manifest.temperature {
        generation = generation.at_temperature(temperature)?;
    }
    check_count("--images", manifest.images, IMAGES_MAX)?;
    let (shape, tokens) = (generation.image, (generation.parameters.rows, generation.parameters.columns));
    let sides = ([shape.channels, shape.height, shape.width], [tokens.0, tokens.1]);
    let manifest = &ImageSetManifest { shape: sides, ..manifest.clone() };
    let folder = output::Folder::claim(out)?;
    manifest.claim(folder.path())?;
    let mut set = Set::open(out, manifest, shape, tokens)?;
    let found = ReusedImages { whole: set.whole(), damaged: set.damaged() };
    progress.begin(manifest.wanted());
    progress.found(found.whole);
    let chip = Chip::new(program.mapped().clone());
    let mut at = 0;
    while let Some(chunk) = set.missing(at) {
        at = chunk.end;
        if !manifest.holds(chunk.start) {
            continue;
        }
        let one = |index| {
            let mut driver = Stoppable { driver: &mut ChipDriver::unobserved(&chip), progress };
            let image = drive(generation.begin(index), &mut driver, &mut || ())?;
            progress.advance(1);
            Ok(image)
        };
        let images: Vec<GeneratedImage> =
            chunk.clone().into_par_iter().map(one).collect::<Result<_, Diagnostic>>()?;
        set.put(chunk, &images)?;
    }
    // A part is never whole.
    if manifest.shard.is_none() {
        set.finish()?;
    }
    Ok(found)
}
