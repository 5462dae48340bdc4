//! `generate.sums`: what the chunks of a set must be, a line each: first image, the one after the last, and the BLAKE3
//! of pixels (of the files' bytes, where each image is a file) and of tokens as they stand in the files.
//!
//! A line is written after its chunk is on the disk. One that is torn or does not make sense counts for nothing: its
//! chunk is made again.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::{ErrorKind, Read, Write};
use std::ops::Range;
use std::path::{Path, PathBuf};

use snnc_targets::{Code, Diagnostic, output};

/// Longest file that is read, in bytes: a line of 16 images takes 150.
const LONGEST: u64 = 1 << 30;

/// Checksums of a chunk.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct ChunkChecksums {
    pub(super) pixels: blake3::Hash,
    pub(super) tokens: blake3::Hash,
}

/// Reads the recorded chunks within `images` by their first image; none if there is no file.
pub(super) fn read(path: &Path, images: u64) -> Result<BTreeMap<u64, (u64, ChunkChecksums)>, Diagnostic> {
    let mut bytes = Vec::new();
    match File::open(path).and_then(|file| file.take(LONGEST).read_to_end(&mut bytes)) {
        Ok(_) => {}
        Err(error) if error.kind() == ErrorKind::NotFound => {}
        Err(error) => return Err(Diagnostic::unreadable(path, &error)),
    }
    let text = String::from_utf8_lossy(&bytes);
    let chunks = text.lines().filter_map(parse).filter(|(range, _)| range.end <= images);
    Ok(chunks.map(|(range, sums)| (range.start, (range.end, sums))).collect())
}

fn parse(line: &str) -> Option<(Range<u64>, ChunkChecksums)> {
    let mut words = line.split(' ');
    let range = words.next()?.parse().ok()?..words.next()?.parse().ok()?;
    let pixels = blake3::Hash::from_hex(words.next()?).ok()?;
    let tokens = blake3::Hash::from_hex(words.next()?).ok()?;
    (range.start < range.end && words.next().is_none()).then_some((range, ChunkChecksums { pixels, tokens }))
}

fn line(range: &Range<u64>, sums: &ChunkChecksums) -> String {
    format!("{} {} {} {}\n", range.start, range.end, sums.pixels.to_hex(), sums.tokens.to_hex())
}

/// The file, open to be added to.
#[derive(Debug)]
pub(super) struct SumFile {
    path: PathBuf,
    file: File,
}

impl SumFile {
    /// Writes the chunks that are trusted, and opens the file for more.
    pub(super) fn rewrite(
        path: PathBuf,
        trusted: &BTreeMap<u64, (u64, ChunkChecksums)>,
    ) -> Result<Self, Diagnostic> {
        let text: String = trusted.iter().map(|(&first, (end, sums))| line(&(first..*end), sums)).collect();
        output::write_atomic(&path, text.as_bytes())?;
        let file = File::options().append(true).open(&path).map_err(|error| failed(&path, &error))?;
        Ok(Self { path, file })
    }

    /// Adds a chunk and flushes.
    pub(super) fn add(&mut self, range: &Range<u64>, sums: &ChunkChecksums) -> Result<(), Diagnostic> {
        let written = self.file.write_all(line(range, sums).as_bytes()).and_then(|()| self.file.sync_data());
        written.map_err(|error| failed(&self.path, &error))
    }
}

fn failed(path: &Path, error: &std::io::Error) -> Diagnostic {
    Diagnostic::new(Code::OutputFailed, path, format!("cannot write: {error}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn whole_lines_are_read_back_and_torn_ones_count_for_nothing() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("generate.sums");
        let sums = |n: u8| ChunkChecksums { pixels: blake3::hash(&[n]), tokens: blake3::hash(&[n, n]) };
        assert!(read(&path, 99).unwrap().is_empty());
        let mut file = SumFile::rewrite(path.clone(), &BTreeMap::from([(0, (16, sums(1)))])).unwrap();
        file.add(&(16..32), &sums(2)).unwrap();
        let two = BTreeMap::from([(0, (16, sums(1))), (16, (32, sums(2)))]);
        assert_eq!(read(&path, 99).unwrap(), two);
        assert_eq!(read(&path, 31).unwrap().len(), 1);
        let mut torn = std::fs::read(&path).unwrap();
        for kept in 0..torn.len() {
            std::fs::write(&path, &torn[..kept]).unwrap();
            assert!(read(&path, 99).unwrap().iter().all(|(first, chunk)| two[first] == *chunk), "{kept}");
        }
        torn.extend(b"32 48 xyz\n5 5\n\xff\xfe\n48 32 0 0\n");
        std::fs::write(&path, &torn).unwrap();
        assert_eq!(read(&path, 99).unwrap(), two);
    }
}
