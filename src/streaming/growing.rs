//! An NPY file that is filled chunk by chunk under another name, and takes its own when it is whole.

use std::fs::File;
use std::io::ErrorKind;
use std::ops::Range;
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};

use snnc_targets::{Code, Diagnostic};

/// The file, finished or not.
#[derive(Debug)]
pub(super) struct Growing {
    path: PathBuf,
    file: File,
    /// Whether it has its own name; it is then open for reading only.
    finished: bool,
    header: Vec<u8>,
    /// Bytes of an item, and the number of items.
    item: u64,
    items: u64,
}

impl Growing {
    /// Opens what an earlier run left, or begins.
    pub(super) fn open(path: PathBuf, header: Vec<u8>, item: u64, items: u64) -> Result<Self, Diagnostic> {
        let finished = regular(&path)?;
        let part = part(&path);
        let file = if finished {
            File::open(&path)
        } else {
            regular(&part)?;
            File::options().create(true).read(true).write(true).truncate(false).open(&part)
        };
        let file = file.map_err(|error| failed(&path, &error))?;
        let mut growing = Self { path, file, finished, header, item, items };
        if growing.read(0, growing.header.len()).is_none_or(|found| found != growing.header) {
            growing.write_at(0, &growing.header.clone())?;
        }
        Ok(growing)
    }

    /// The bytes of some items, if they are there.
    pub(super) fn items(&self, items: &Range<u64>) -> Option<Vec<u8>> {
        self.read(self.offset(items.start), usize::try_from((items.end - items.start) * self.item).ok()?)
    }

    /// Writes items from the one with number `first` on, and flushes them.
    pub(super) fn put(&mut self, first: u64, bytes: &[u8]) -> Result<(), Diagnostic> {
        self.write_at(self.offset(first), bytes)?;
        self.file.sync_data().map_err(|error| failed(&self.path, &error))
    }

    /// Cuts off what is beyond the last item and gives the file its name.
    pub(super) fn finish(mut self) -> Result<(), Diagnostic> {
        let length = self.offset(self.items);
        let found = self.file.metadata().map_err(|error| failed(&self.path, &error))?.len();
        if found != length {
            self.reopen()?;
        }
        if self.finished {
            // A part beside a whole file is a copy that somebody left.
            let _ = std::fs::remove_file(part(&self.path));
            return Ok(());
        }
        let cut = self.file.set_len(length).and_then(|()| self.file.sync_all());
        let named = cut.and_then(|()| std::fs::rename(part(&self.path), &self.path));
        named.map_err(|error| failed(&self.path, &error))
    }

    fn offset(&self, items: u64) -> u64 {
        self.header.len() as u64 + items * self.item
    }

    fn read(&self, at: u64, length: usize) -> Option<Vec<u8>> {
        let end = self.file.metadata().ok()?.len();
        if at + length as u64 > end {
            return None;
        }
        let mut bytes = vec![0; length];
        self.file.read_exact_at(&mut bytes, at).ok()?;
        Some(bytes)
    }

    fn write_at(&mut self, at: u64, bytes: &[u8]) -> Result<(), Diagnostic> {
        self.reopen()?;
        self.file.write_all_at(bytes, at).map_err(|error| failed(&self.path, &error))
    }

    /// Takes a finished file back to an unfinished one: what has its own name is never written into.
    fn reopen(&mut self) -> Result<(), Diagnostic> {
        if self.finished {
            let part = part(&self.path);
            let renamed = std::fs::rename(&self.path, &part);
            let opened = renamed.and_then(|()| File::options().read(true).write(true).open(&part));
            self.file = opened.map_err(|error| failed(&self.path, &error))?;
            self.finished = false;
        }
        Ok(())
    }
}

/// Whether there is a regular file; anything else but nothing is refused.
fn regular(path: &Path) -> Result<bool, Diagnostic> {
    match std::fs::metadata(path) {
        Ok(found) if found.is_file() => Ok(true),
        Ok(_) => Err(failed(path, &"expected a regular file or none")),
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(false),
        Err(error) => Err(failed(path, &error)),
    }
}

fn part(path: &Path) -> PathBuf {
    path.with_extension("npy.part")
}

fn failed(path: &Path, error: &dyn std::fmt::Display) -> Diagnostic {
    Diagnostic::new(Code::OutputFailed, path, format!("cannot write: {error}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_growing_array_is_filled_in_any_order_and_named_when_whole() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a.npy");
        let open = || Growing::open(path.clone(), b"HEAD".to_vec(), 2, 3).unwrap();
        let mut first = open();
        first.put(0, &[1, 2, 3, 4, 5]).unwrap();
        drop(first);
        let mut second = open();
        assert_eq!(second.items(&(0..2)).unwrap(), [1, 2, 3, 4]);
        assert_eq!(second.items(&(2..3)), None);
        second.put(2, &[5, 6, 7]).unwrap();
        second.finish().unwrap();
        assert_eq!(std::fs::read(&path).unwrap(), b"HEAD\x01\x02\x03\x04\x05\x06");
        // A finished file that is damaged is unfinished again until it is whole.
        let mut third = open();
        third.put(1, &[9, 9]).unwrap();
        assert!(!path.exists());
        third.finish().unwrap();
        assert_eq!(std::fs::read(&path).unwrap(), b"HEAD\x01\x02\x09\x09\x05\x06");
        std::fs::write(&path, b"head\x01\x02\x03\x04\x05\x06junk").unwrap();
        open().finish().unwrap();
        assert_eq!(std::fs::read(&path).unwrap(), b"HEAD\x01\x02\x03\x04\x05\x06");
    }

    #[test]
    fn a_folder_in_the_place_of_an_array_is_refused() {
        let folder = tempfile::tempdir().unwrap();
        std::fs::create_dir(folder.path().join("a.npy.part")).unwrap();
        let problem = Growing::open(folder.path().join("a.npy"), Vec::new(), 1, 1).unwrap_err();
        assert_eq!(problem.code, Code::OutputFailed);
    }
}
