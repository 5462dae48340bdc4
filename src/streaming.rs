//! Whole sets of images, streamed to disk: constant memory, and a killed run continues where it stopped.
//!
//! A run's folder holds `generate.json` (what is being made), then `images.npy` (uint8 `[n, h, w]`, or `[n, c, h, w]`
//! for colour) or `image_000000.png` ..., and `tokens.npy` (int64 `[n, h, w]`). Arrays grow under the name
//! `*.npy.part`, chunk by chunk and flushed, and are renamed when whole. Image i depends on program, seed and i alone,
//! so a continued run gives the same bytes. Refused: continuing a folder that another program or seed began.

use std::fs::{File, OpenOptions};
use std::io::{Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};

use rayon::prelude::*;
use serde::{Deserialize, Serialize};
use snnc_compiler::ir::Shape;
use snnc_compiler::ir::program::Program;
use snnc_simulator::execute::Chip;
use snnc_simulator::host::{ChipStepper, LoopParameters, PhiloxUniforms, generate, pixels};
use snnc_targets::{Code, Diagnostic, Diagnostics, output};

use crate::generation::{Image, check_images, image_shape, loop_of};
use crate::report::images::{self, write_image};
use crate::report::npy;

/// Images simulated between two flushes.
const CHUNK: u64 = 16;
/// The program's fingerprint within a `.snnx` file: BLAKE3 of its payload.
const FINGERPRINT: std::ops::Range<usize> = 16..48;

/// How images are written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, clap::ValueEnum)]
#[serde(rename_all = "lowercase")]
pub enum Format {
    /// One array of all images
    Npy,
    /// One file an image
    Png,
}

/// `generate.json`: what a folder holds, and how a continued run knows that it is the same.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Manifest {
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
    /// How images are written.
    pub format: Format,
}

impl Manifest {
    /// What a run of a program is.
    pub fn new(program: &Program, images: u64, seed: u64, format: Format) -> Self {
        let bytes = program.to_bytes();
        let fingerprint = bytes.get(FINGERPRINT).unwrap_or_default();
        Self {
            model: program.model.name.clone(),
            target: program.target.name.clone(),
            program: fingerprint.iter().map(|byte| format!("{byte:02x}")).collect(),
            images,
            seed,
            format,
        }
    }

    /// Writes it into a new folder, or checks that it is the folder's own.
    fn claim(&self, out: &Path) -> Result<(), Diagnostic> {
        let path = out.join("generate.json");
        let text = serde_json::to_string_pretty(self).expect("a manifest is plain data") + "\n";
        match std::fs::read_to_string(&path) {
            Ok(found) if found == text => Ok(()),
            Ok(_) => {
                let message = "the folder holds another run (program, images, seed or format differ)";
                Err(Diagnostic::new(Code::Argument, path.display().to_string(), message)
                    .hint("choose another --out, or delete the folder"))
            }
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
                output::write_atomic(&path, text.as_bytes())
            }
            Err(error) => Err(Diagnostic::unreadable(&path, &error)),
        }
    }
}

/// Most images of a set: their numbers have 32 bits.
const IMAGES_MAX: u64 = 1 << 32;

/// Generates the images of `manifest` into `out`, from where an earlier run stopped; `done` is told of each image,
/// and once of those that were there. Gives the number that were there.
///
/// # Errors
/// [`Code::Unsupported`] without a generation pipeline, [`Code::Argument`] for zero images or another run's folder,
/// [`Code::OutputFailed`].
pub fn run(
    program: &Program,
    manifest: &Manifest,
    out: &Path,
    done: &(dyn Fn(u64) + Sync),
) -> Result<u64, Diagnostics> {
    let generation = loop_of(program)?;
    check_images(manifest.images, IMAGES_MAX)?;
    let shape = image_shape(program)?;
    manifest.claim(out)?;
    let mut set = Set::open(out, manifest, shape, (generation.rows, generation.columns))?;
    let earlier = set.images;
    done(earlier);
    let chip = Chip::new(program);
    let parameters = LoopParameters::from(generation);
    while set.images < manifest.images {
        let chunk = set.images..(set.images + CHUNK).min(manifest.images);
        let one = |index| {
            let mut stepper = ChipStepper::unobserved(&chip, generation);
            let uniforms = PhiloxUniforms::new(manifest.seed, index);
            let trajectory = generate(&parameters, &mut stepper, &uniforms, &mut |_| {})?;
            done(1);
            let tokens = trajectory.tokens.last().cloned().unwrap_or_default();
            Ok(Image { tokens, pixels: pixels(&trajectory.membrane) })
        };
        let images: Vec<Image> = chunk.into_par_iter().map(one).collect::<Result<_, Diagnostic>>()?;
        set.append(&images)?;
    }
    set.finish()?;
    Ok(earlier)
}

/// The growing files of a run.
struct Set {
    out: PathBuf,
    shape: Shape,
    /// Images that all files hold.
    images: u64,
    pixels: Option<Growing>,
    tokens: Growing,
}

impl Set {
    fn open(out: &Path, m: &Manifest, shape: Shape, grid: (usize, usize)) -> Result<Self, Diagnostic> {
        let Shape { channels, height, width } = shape;
        let sides = if channels == 1 {
            format!("({}, {height}, {width})", m.images)
        } else {
            format!("({}, {channels}, {height}, {width})", m.images)
        };
        let header = npy::header("|u1", &sides);
        let pixels = (m.format == Format::Npy)
            .then(|| Growing::open(out.join("images.npy"), header, shape.len() as u64, m.images))
            .transpose()?;
        let header = npy::header("<i8", &format!("({}, {}, {})", m.images, grid.0, grid.1));
        let size = 8 * (grid.0 * grid.1) as u64;
        let tokens = Growing::open(out.join("tokens.npy"), header, size, m.images)?;
        let images = tokens.items.min(pixels.as_ref().map_or(u64::MAX, |p| p.items));
        let mut set = Self { out: out.to_owned(), shape, images, pixels, tokens };
        set.tokens.cut(images)?;
        set.pixels.as_mut().map_or(Ok(()), |pixels| pixels.cut(images))?;
        Ok(set)
    }

    /// Pixels first: the tokens tell how far a run came.
    fn append(&mut self, images: &[Image]) -> Result<(), Diagnostic> {
        match &mut self.pixels {
            Some(file) => {
                file.append(&images.iter().flat_map(|i| i.pixels.iter().copied()).collect::<Vec<_>>())?;
            }
            None => {
                for (index, image) in (self.images..).zip(images) {
                    let path = self.out.join(format!("image_{index:06}.png"));
                    write_image(&path, &images::Image::new(self.shape, image.pixels.clone())?)?;
                }
            }
        }
        let tokens = images.iter().flat_map(|i| &i.tokens).flat_map(|&t| i64::from(t).to_le_bytes());
        self.tokens.append(&tokens.collect::<Vec<_>>())?;
        self.images += images.len() as u64;
        Ok(())
    }

    fn finish(self) -> Result<(), Diagnostic> {
        self.pixels.map_or(Ok(()), Growing::finish)?;
        self.tokens.finish()
    }
}

/// An NPY file that grows item by item under another name.
struct Growing {
    path: PathBuf,
    file: Option<File>,
    header: u64,
    item: u64,
    /// Whole items.
    items: u64,
}

impl Growing {
    /// Opens what an earlier run left, or begins. A finished file has all its items.
    fn open(path: PathBuf, header: Vec<u8>, item: u64, all: u64) -> Result<Self, Diagnostic> {
        let length = header.len() as u64;
        if path.exists() {
            return Ok(Self { path, file: None, header: length, item, items: all });
        }
        let part = part(&path);
        let begin = || -> std::io::Result<(File, u64)> {
            let mut file =
                OpenOptions::new().create(true).read(true).write(true).truncate(false).open(&part)?;
            let found = file.metadata()?.len();
            if found < length {
                file.set_len(0)?;
                file.write_all(&header)?;
            }
            Ok((file, found.saturating_sub(length) / item.max(1)))
        };
        let (file, items) = begin().map_err(|error| failed(&part, &error))?;
        Ok(Self { path, file: Some(file), header: length, item, items: items.min(all) })
    }

    /// Drops items beyond the first `items`.
    fn cut(&mut self, items: u64) -> Result<(), Diagnostic> {
        let end = self.header + items * self.item;
        if self.file.is_none() && items < self.items {
            // Finished, but its companion is not: back to a growing file.
            std::fs::rename(&self.path, part(&self.path)).map_err(|e| failed(&self.path, &e))?;
            let opened = OpenOptions::new().read(true).write(true).open(part(&self.path));
            self.file = Some(opened.map_err(|e| failed(&self.path, &e))?);
        }
        self.items = items;
        let Some(file) = &mut self.file else { return Ok(()) };
        let cut = file.set_len(end).and_then(|()| file.seek(SeekFrom::Start(end)));
        cut.map(|_| ()).map_err(|error| failed(&self.path, &error))
    }

    /// Appends and flushes whole items.
    fn append(&mut self, bytes: &[u8]) -> Result<(), Diagnostic> {
        let Some(file) = &mut self.file else { return Ok(()) };
        file.write_all(bytes).and_then(|()| file.sync_data()).map_err(|error| failed(&self.path, &error))
    }

    fn finish(self) -> Result<(), Diagnostic> {
        let Some(file) = self.file else { return Ok(()) };
        let renamed = file.sync_all().and_then(|()| std::fs::rename(part(&self.path), &self.path));
        renamed.map_err(|error| failed(&self.path, &error))
    }
}

fn part(path: &Path) -> PathBuf {
    path.with_extension("npy.part")
}

fn failed(path: &Path, error: &std::io::Error) -> Diagnostic {
    Diagnostic::new(Code::OutputFailed, path.display().to_string(), format!("cannot write: {error}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_growing_array_drops_torn_items_and_ends_whole() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a.npy");
        let open = || Growing::open(path.clone(), b"HEAD".to_vec(), 2, 3).unwrap();
        let mut first = open();
        first.cut(0).unwrap();
        first.append(&[1, 2, 3, 4, 5]).unwrap();
        drop(first);
        let mut second = open();
        assert_eq!(second.items, 2);
        second.cut(2).unwrap();
        second.append(&[5, 6]).unwrap();
        second.finish().unwrap();
        assert_eq!(std::fs::read(&path).unwrap(), b"HEAD\x01\x02\x03\x04\x05\x06");
        let mut third = open();
        assert_eq!(third.items, 3);
        // A companion that holds less takes it back to a growing file.
        third.cut(1).unwrap();
        assert!(!path.exists());
        third.append(&[3, 4, 5, 6]).unwrap();
        third.finish().unwrap();
        assert_eq!(std::fs::read(&path).unwrap(), b"HEAD\x01\x02\x03\x04\x05\x06");
    }
}
