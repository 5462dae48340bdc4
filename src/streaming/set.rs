//! The files of a set: what is there and trusted, what is missing, and where new chunks go.

use std::collections::BTreeMap;
use std::ops::Range;
use std::path::{Path, PathBuf};

use snnc_compiler::ir::Shape;
use snnc_targets::{Code, Diagnostic, Subject, output};

use super::growing::Growing;
use super::sums::{self, ChunkChecksums, SumFile};
use super::{CHUNK, ImageSetFormat, ImageSetManifest};
use crate::npy;
use crate::report::images;
use snnc_simulator::workload::generation::GeneratedImage;

/// Checksums of the chunks.
const SUMS: &str = "generate.sums";
/// Longest array, in bytes: offsets in files are signed.
const LARGEST: u64 = (i64::MAX / 2) as u64;

/// The files of a run.
#[derive(Debug)]
pub(super) struct Set {
    out: PathBuf,
    shape: Shape,
    images: u64,
    /// Else every image is a file.
    pixels: Option<Growing>,
    tokens: Growing,
    /// Chunks that are whole, by their first image.
    trusted: BTreeMap<u64, (u64, ChunkChecksums)>,
    damaged: u64,
    sums: SumFile,
}

impl Set {
    /// Opens what an earlier run left and checks it, or begins.
    pub(super) fn open(
        out: &Path,
        m: &ImageSetManifest,
        shape: Shape,
        grid: (usize, usize),
    ) -> Result<Self, Diagnostic> {
        let Shape { channels, height, width } = shape;
        let size = 8 * (grid.0 * grid.1) as u64;
        if m.images.checked_mul(size.max(shape.len() as u64)).is_none_or(|bytes| bytes > LARGEST) {
            let message = format!("{} images, expected no more than a file can hold", m.images);
            return Err(Diagnostic::new(Code::Argument, Subject::argument("--images"), message));
        }
        let sides = if channels == 1 {
            format!("({}, {height}, {width})", m.images)
        } else {
            format!("({}, {channels}, {height}, {width})", m.images)
        };
        let header = npy::header("|u1", &sides);
        let pixels = (m.format == ImageSetFormat::Npy)
            .then(|| Growing::open(out.join("images.npy"), header, shape.len() as u64, m.images))
            .transpose()?;
        let header = npy::header("<i8", &format!("({}, {}, {})", m.images, grid.0, grid.1));
        let tokens = Growing::open(out.join("tokens.npy"), header, size, m.images)?;
        let recorded = sums::read(&out.join(SUMS), m.images)?;
        let (mut trusted, mut damaged, mut end) = (BTreeMap::new(), 0, 0);
        for (first, (last, expected)) in recorded {
            let range = first..last;
            // Chunks do not overlap in a file that was not tampered with.
            let whole =
                first >= end && found(out, pixels.as_ref(), &tokens, &range).as_ref() == Some(&expected);
            if whole {
                end = last;
                trusted.insert(first, (last, expected));
            } else {
                damaged += range.end - range.start;
            }
        }
        let sums = SumFile::rewrite(out.join(SUMS), &trusted)?;
        Ok(Self { out: out.to_owned(), shape, images: m.images, pixels, tokens, trusted, damaged, sums })
    }

    /// Images that are there and have their checksum.
    pub(super) fn whole(&self) -> u64 {
        self.trusted.iter().map(|(first, (end, _))| end - first).sum()
    }

    /// Images that were recorded and do not have their checksum.
    pub(super) fn damaged(&self) -> u64 {
        self.damaged
    }

    /// The next images from `at` on that are to be made; chunks begin where those of an uninterrupted run do.
    pub(super) fn missing(&self, mut at: u64) -> Option<Range<u64>> {
        while let Some((_, &(end, _))) = self.trusted.range(..=at).next_back()
            && end > at
        {
            at = end;
        }
        let known = self.trusted.range(at..).next().map_or(self.images, |(&first, _)| first);
        let end = (at / CHUNK + 1).saturating_mul(CHUNK).min(known);
        (at < self.images).then_some(at..end)
    }

    /// The chunks that are there.
    pub(super) fn chunks(&self) -> impl Iterator<Item = Range<u64>> {
        self.trusted.iter().map(|(&first, &(end, _))| first..end)
    }

    /// Whether some of these images are there.
    pub(super) fn holds_some(&self, images: &Range<u64>) -> bool {
        self.chunks().any(|chunk| chunk.start < images.end && images.start < chunk.end)
    }

    /// The images from `at` on that a chunk of this set holds.
    pub(super) fn chunk_from(&self, at: u64) -> Option<Range<u64>> {
        let (_, &(end, _)) = self.trusted.range(..=at).next_back()?;
        (at < end).then_some(at..end)
    }

    /// Takes images over from another set of the same kind.
    pub(super) fn copy(&mut self, from: &Self, range: Range<u64>) -> Result<(), Diagnostic> {
        let lost = || Diagnostic::new(Code::OutputFailed, &from.out, "the files have changed meanwhile");
        let mut hasher = blake3::Hasher::new();
        match (&mut self.pixels, &from.pixels) {
            (Some(file), Some(other)) => {
                let bytes = other.items(&range).ok_or_else(lost)?;
                hasher.update(&bytes);
                file.put(range.start, &bytes)?;
            }
            _ => {
                for index in range.clone() {
                    let bytes = std::fs::read(picture(&from.out, index)).map_err(|_| lost())?;
                    hasher.update(&bytes);
                    output::write_atomic(&picture(&self.out, index), &bytes)?;
                }
            }
        }
        let tokens = from.tokens.items(&range).ok_or_else(lost)?;
        self.tokens.put(range.start, &tokens)?;
        let sums = ChunkChecksums { pixels: hasher.finalize(), tokens: blake3::hash(&tokens) };
        self.sums.add(&range, &sums)?;
        self.trusted.insert(range.start, (range.end, sums));
        Ok(())
    }

    /// Writes a chunk; its checksums come last, when it is on the disk.
    pub(super) fn put(&mut self, range: Range<u64>, images: &[GeneratedImage]) -> Result<(), Diagnostic> {
        let mut hasher = blake3::Hasher::new();
        match &mut self.pixels {
            Some(file) => {
                let bytes: Vec<u8> = images.iter().flat_map(|image| image.pixels.iter().copied()).collect();
                hasher.update(&bytes);
                file.put(range.start, &bytes)?;
            }
            None => {
                for (index, image) in range.clone().zip(images) {
                    let bytes = images::PngImage::new(self.shape, image.pixels.clone())?.png()?;
                    hasher.update(&bytes);
                    output::write_atomic(&picture(&self.out, index), &bytes)?;
                }
            }
        }
        let tokens = images.iter().flat_map(|image| &image.tokens);
        let tokens: Vec<u8> = tokens.flat_map(|&token| i64::from(token).to_le_bytes()).collect();
        self.tokens.put(range.start, &tokens)?;
        let sums = ChunkChecksums { pixels: hasher.finalize(), tokens: blake3::hash(&tokens) };
        self.sums.add(&range, &sums)?;
        self.trusted.insert(range.start, (range.end, sums));
        Ok(())
    }

    /// Gives the arrays their names. The files are then those of a run that nothing interrupted.
    pub(super) fn finish(self) -> Result<(), Diagnostic> {
        self.pixels.map_or(Ok(()), Growing::finish)?;
        self.tokens.finish()?;
        SumFile::rewrite(self.out.join(SUMS), &self.trusted).map(|_| ())
    }
}

fn picture(out: &Path, index: u64) -> PathBuf {
    out.join(format!("image_{index:06}.png"))
}

/// The checksums of what is on the disk, if all of it is there.
fn found(
    out: &Path,
    pixels: Option<&Growing>,
    tokens: &Growing,
    range: &Range<u64>,
) -> Option<ChunkChecksums> {
    let tokens = blake3::hash(&tokens.items(range)?);
    let pixels = match pixels {
        Some(file) => blake3::hash(&file.items(range)?),
        None => {
            let mut hasher = blake3::Hasher::new();
            for index in range.clone() {
                hasher.update_reader(std::fs::File::open(picture(out, index)).ok()?).ok()?;
            }
            hasher.finalize()
        }
    };
    Some(ChunkChecksums { pixels, tokens })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn manifest(images: u64, format: ImageSetFormat) -> ImageSetManifest {
        let [snnc, model, target, program] = ["0", "m", "t", "p"].map(String::from);
        let shape = ([1, 1, 2], [1, 1]);
        ImageSetManifest {
            snnc,
            model,
            target,
            program,
            images,
            seed: 1,
            temperature: None,
            format,
            shape,
            shard: None,
        }
    }

    fn open(out: &Path, images: u64, format: ImageSetFormat) -> Set {
        Set::open(out, &manifest(images, format), Shape::new(1, 1, 2), (1, 1)).unwrap()
    }

    fn missing(set: &Set) -> Vec<Range<u64>> {
        std::iter::successors(set.missing(0), |last| set.missing(last.end)).collect()
    }

    /// Image i has the token i and pixels of it.
    fn fill(set: &mut Set) {
        for range in missing(set) {
            let image = |i: u64| GeneratedImage {
                tokens: vec![i as u32],
                unmasked_at: vec![0],
                pixels: vec![i as u8, 7],
            };
            let images: Vec<GeneratedImage> = range.clone().map(image).collect();
            set.put(range, &images).unwrap();
        }
    }

    fn files(out: &Path) -> BTreeMap<String, Vec<u8>> {
        let entries = std::fs::read_dir(out).unwrap().map(Result::unwrap);
        entries.map(|e| (e.file_name().into_string().unwrap(), std::fs::read(e.path()).unwrap())).collect()
    }

    /// Whatever byte of whatever file is damaged, and wherever a file is cut off, the set ends with the bytes of an
    /// undamaged one, and only damaged chunks are made again.
    #[test]
    fn damage_is_found_and_mended() {
        for format in [ImageSetFormat::Npy, ImageSetFormat::Png] {
            let folder = tempfile::tempdir().unwrap();
            let out = folder.path();
            let mut set = open(out, 40, format);
            assert_eq!(missing(&set), [0..16, 16..32, 32..40]);
            fill(&mut set);
            set.finish().unwrap();
            let whole = files(out);
            let mut damages = Vec::new();
            // Of the pictures, one of the first chunk and one of the last.
            let one = |name: &str| {
                !name.starts_with("image_") || ["image_000003.png", "image_000039.png"].contains(&name)
            };
            for (name, bytes) in whole.iter().filter(|(name, _)| one(name)) {
                let cut = |n: usize| bytes[..n].to_vec();
                let mut flipped = bytes.clone();
                flipped[bytes.len() - 3] ^= 1;
                damages.push((name, flipped));
                damages.push((name, cut(bytes.len() / 2)));
                damages.push((name, cut(0)));
                damages.push((name, [&bytes[..], b"more"].concat()));
            }
            for (name, damaged) in damages {
                std::fs::write(out.join(name), damaged).unwrap();
                let mut set = open(out, 40, format);
                fill(&mut set);
                assert_eq!(set.whole(), 40);
                set.finish().unwrap();
                assert_eq!(files(out), whole, "{name}");
            }
            let mut last = whole["tokens.npy"].clone();
            *last.last_mut().unwrap() ^= 1;
            std::fs::write(out.join("tokens.npy"), last).unwrap();
            let set = open(out, 40, format);
            assert_eq!(
                (missing(&set).as_slice(), set.whole(), set.damaged()),
                (std::slice::from_ref(&(32..40)), 32, 8)
            );
        }
    }

    #[test]
    fn chunks_of_other_sizes_are_kept_and_overlapping_ones_are_not() {
        let folder = tempfile::tempdir().unwrap();
        let out = folder.path();
        let mut set = open(out, 40, ImageSetFormat::Npy);
        fill(&mut set);
        drop(set);
        let set = open(out, 40, ImageSetFormat::Npy);
        let range = 3..9;
        let sums = found(out, set.pixels.as_ref(), &set.tokens, &range).unwrap();
        SumFile::rewrite(out.join(SUMS), &BTreeMap::from([(3, (9, sums))])).unwrap();
        let set = open(out, 40, ImageSetFormat::Npy);
        assert_eq!(missing(&set), [0..3, 9..16, 16..32, 32..40]);
    }
}
