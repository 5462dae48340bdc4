//! NPZ archives: zip files of NPY arrays, written while a run goes on.
//!
//! Items come one after the other, each with a part of every array, but a zip archive holds one array after the other.
//! How long an array will be is known before, so each has a range of a nameless file beside the archive, where its
//! items wait; [`NpzWriter::finish`] compresses range after range. Memory holds one item. The bytes depend on the
//! values alone: entries have no time of their own.

use std::fs::File;
use std::io::{self, Write};
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};

use snnc_targets::output::Unfinished;
use snnc_targets::{Code, Diagnostic};
use zip::write::SimpleFileOptions;
use zip::{CompressionMethod, ZipWriter};

use crate::npy;

/// Bytes that are copied at once.
const PIECE: usize = 1 << 16;

/// Type of the elements of an array.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum NpzElement {
    /// uint8.
    Byte,
    /// int64, little-endian.
    Int64,
    /// float64, little-endian.
    Float64,
}

impl NpzElement {
    /// As NumPy writes it.
    fn descr(self) -> &'static str {
        match self {
            Self::Byte => "|u1",
            Self::Int64 => "<i8",
            Self::Float64 => "<f8",
        }
    }

    /// Bytes of an element.
    fn bytes(self) -> u64 {
        match self {
            Self::Byte => 1,
            Self::Int64 | Self::Float64 => 8,
        }
    }
}

/// An array that grows by an item at a time.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NpzArray {
    /// Its name in the archive.
    pub key: String,
    /// Type of its elements.
    pub element: NpzElement,
    /// Sides of an item.
    pub sides: Vec<usize>,
}

/// An archive of arrays `[n, sides...]` in the making.
#[derive(Debug)]
pub struct NpzWriter {
    archive: Unfinished,
    path: PathBuf,
    /// Where items wait.
    waiting: File,
    arrays: Vec<NpzEntry>,
    /// Arrays that do not grow, as files.
    constants: Vec<(String, Vec<u8>)>,
    items: u64,
    /// Items that are there.
    done: u64,
}

/// One array.
#[derive(Debug)]
struct NpzEntry {
    key: String,
    element: NpzElement,
    sides: Vec<usize>,
    /// Bytes of an item.
    item: u64,
    /// Where its range begins.
    start: u64,
    /// Bytes of the item under way that are there.
    filled: u64,
}

impl NpzWriter {
    /// Begins `path` for `items` items of these arrays.
    ///
    /// # Errors
    /// [`Code::OutputFailed`], also for more bytes than files have.
    pub fn create(
        path: &Path,
        items: u64,
        arrays: impl IntoIterator<Item = NpzArray>,
    ) -> Result<Self, Diagnostic> {
        let refused = |message: String| Diagnostic::new(Code::OutputFailed, path, message);
        let (mut entries, mut start) = (Vec::new(), 0u64);
        for NpzArray { key, element, sides } in arrays {
            let item = sides.iter().try_fold(element.bytes(), |bytes, &side| bytes.checked_mul(side as u64));
            let end = item.and_then(|item| start.checked_add(item.checked_mul(items)?));
            let end = end.filter(|&end| i64::try_from(end).is_ok());
            let (Some(item), Some(end)) = (item, end) else {
                return Err(refused(format!("{items} items of {key} {sides:?} are more than a file holds")));
            };
            entries.push(NpzEntry { key, element, sides, item, start, filled: 0 });
            start = end;
        }
        let archive = Unfinished::create(path)?;
        let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
        let waiting = tempfile::tempfile_in(folder).map_err(|error| archive.failed(&error))?;
        // What is never written reads as zeros.
        waiting.set_len(start).map_err(|error| archive.failed(&error))?;
        let (path, constants) = (path.to_owned(), Vec::new());
        Ok(Self { archive, path, waiting, arrays: entries, constants, items, done: 0 })
    }

    /// Adds an array `[sides...]` that is there from the beginning; `bytes` are its elements.
    ///
    /// # Panics
    /// For bytes of another number of elements.
    pub fn constant(&mut self, (key, element, sides): (String, NpzElement, Vec<usize>), bytes: Vec<u8>) {
        let elements = sides.iter().product::<usize>() as u64;
        assert_eq!(elements * element.bytes(), bytes.len() as u64, "an array has the size of its sides");
        let shape: String = sides.iter().map(|side| format!("{side}, ")).collect();
        let header = npy::header(element.descr(), &format!("({})", shape.trim_end()));
        self.constants.push((key, [header, bytes].concat()));
    }

    /// Appends an item, or the next part of one: bytes of each array, in their order. An item is there when all of its
    /// arrays are.
    ///
    /// # Errors
    /// [`Code::OutputFailed`].
    ///
    /// # Panics
    /// For an item of other sizes, or more items than were announced.
    pub fn append(&mut self, item: &[Vec<u8>]) -> Result<(), Diagnostic> {
        assert!(self.done < self.items, "there are as many items as announced");
        assert_eq!(item.len(), self.arrays.len(), "an item has a part of every array");
        for (array, bytes) in self.arrays.iter_mut().zip(item) {
            let first = array.start + self.done * array.item + array.filled;
            array.filled += bytes.len() as u64;
            assert!(array.filled <= array.item, "an item's part of {} has the size of its sides", array.key);
            let written = self.waiting.write_all_at(bytes, first);
            written.map_err(|error| self.archive.failed(&error))?;
        }
        if self.arrays.iter().all(|array| array.filled == array.item) {
            self.arrays.iter_mut().for_each(|array| array.filled = 0);
            self.done += 1;
        }
        Ok(())
    }

    /// Fills up the item under way with zeros; nothing if none is.
    pub fn complete(&mut self) {
        if self.arrays.iter().any(|array| array.filled > 0) {
            self.arrays.iter_mut().for_each(|array| array.filled = 0);
            self.done += 1;
        }
    }

    /// Compresses the arrays and gives the file its name.
    ///
    /// # Errors
    /// [`Code::OutputFailed`], also if items are missing.
    pub fn finish(self) -> Result<(), Diagnostic> {
        let Self { mut archive, path, waiting, arrays, constants, items, done } = self;
        if done != items {
            let message = format!("{done} items were written, {items} expected");
            return Err(Diagnostic::new(Code::OutputFailed, &path, message));
        }
        let mut sink = FirstFailure { inner: &mut archive, failure: None };
        let filled = fill(&mut sink, &waiting, (&arrays, &constants), items);
        let failure = sink.failure.map_or(filled, Err);
        failure.map_err(|error| archive.failed(&error))?;
        archive.finish()
    }
}

/// Writes all arrays.
fn fill(
    sink: &mut FirstFailure<'_>,
    waiting: &File,
    (arrays, constants): (&[NpzEntry], &[(String, Vec<u8>)]),
    items: u64,
) -> io::Result<()> {
    let mut archive = ZipWriter::new_stream(sink);
    let mut piece = vec![0; PIECE];
    for array in arrays {
        let shape: String = array.sides.iter().map(|side| format!(", {side}")).collect();
        let header = npy::header(array.element.descr(), &format!("({items}{shape})"));
        let bytes = array.item * items;
        let options = SimpleFileOptions::default()
            .compression_method(CompressionMethod::Deflated)
            .large_file(bytes + header.len() as u64 >= u64::from(u32::MAX));
        archive.start_file(format!("{}.npy", array.key), options)?;
        archive.write_all(&header)?;
        let mut at = 0;
        while at < bytes {
            let piece = &mut piece[..(bytes - at).min(PIECE as u64) as usize];
            waiting.read_exact_at(piece, array.start + at)?;
            archive.write_all(piece)?;
            at += piece.len() as u64;
        }
    }
    for (key, bytes) in constants {
        let options = SimpleFileOptions::default().compression_method(CompressionMethod::Deflated);
        archive.start_file(format!("{key}.npy"), options)?;
        archive.write_all(bytes)?;
    }
    archive.finish()?;
    Ok(())
}

/// Keeps the first error of a writer and takes what comes after it without writing: the zip library prints errors
/// that it meets when it is dropped.
struct FirstFailure<'f> {
    inner: &'f mut Unfinished,
    failure: Option<io::Error>,
}

impl Write for FirstFailure<'_> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        if self.failure.is_none() {
            self.failure = self.inner.write_all(bytes).err();
        }
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        if self.failure.is_none() {
            self.failure = self.inner.flush().err();
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use std::io::Read;

    use super::*;

    fn bytes_of(key: &str, sides: Vec<usize>) -> NpzArray {
        NpzArray { key: key.into(), element: NpzElement::Byte, sides }
    }

    fn written(path: &Path, items: &[Vec<Vec<u8>>]) -> Vec<u8> {
        let arrays = [("net.a", vec![2, 3]), ("b", vec![1])].map(|(key, sides)| bytes_of(key, sides));
        let mut writer = NpzWriter::create(path, items.len() as u64, arrays).unwrap();
        items.iter().for_each(|item| writer.append(item).unwrap());
        writer.finish().unwrap();
        std::fs::read(path).unwrap()
    }

    #[test]
    fn arrays_grow_side_by_side_and_read_back() {
        let folder = tempfile::tempdir().unwrap();
        let items: Vec<Vec<Vec<u8>>> = (0..40_000u32)
            .map(|n| vec![(0..6).map(|i| (n * 7 + i) as u8).collect(), vec![(n % 5) as u8]])
            .collect();
        let path = folder.path().join("x.npz");
        let bytes = written(&path, &items);
        assert_eq!(
            bytes,
            written(&folder.path().join("y.npz"), &items),
            "the bytes depend on the values alone"
        );
        let mut archive = zip::ZipArchive::new(std::io::Cursor::new(bytes)).unwrap();
        for (array, (name, sides)) in [("net.a.npy", vec![2, 3]), ("b.npy", vec![1])].into_iter().enumerate()
        {
            let mut found = Vec::new();
            archive.by_name(name).unwrap().read_to_end(&mut found).unwrap();
            let header = npy::NpyHeader::read(&mut found.as_slice()).unwrap();
            assert_eq!((header.descr.as_str(), header.fortran), ("|u1", false));
            assert_eq!(header.shape, [&[items.len()][..], &sides].concat());
            let expected: Vec<u8> = items.iter().flat_map(|item| item[array].clone()).collect();
            assert!(found[header.length as usize..] == expected, "{name}");
        }
        // Nothing but the two archives is left.
        assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 2);
    }

    #[test]
    fn missing_items_and_impossible_sizes_are_errors() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("x.npz");
        let writer = NpzWriter::create(&path, 2, [bytes_of("a", vec![1])]).unwrap();
        assert!(writer.finish().unwrap_err().message.contains("0 items were written, 2 expected"));
        let huge = NpzWriter::create(&path, 1 << 40, [bytes_of("a", vec![1 << 30])]).unwrap_err();
        assert!(huge.message.contains("more than a file holds"), "{huge}");
        assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 0);
    }
}
