//! `part.records`: what the items of a part left, one record after another, each behind its length in bytes (u64,
//! little-endian). Records are in the `postcard` form; both ends hold one at a time.

use std::fs::File;
use std::io::Write;
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};

use serde::Serialize;
use serde::de::DeserializeOwned;
use snnc_targets::output::Unfinished;
use snnc_targets::{Code, Diagnostic};

/// Bytes of a length.
const HEAD: usize = 8;

/// The file in the making.
#[derive(Debug)]
pub(super) struct RecordWriter(Unfinished);

impl RecordWriter {
    /// Begins `path`.
    pub(super) fn create(path: &Path) -> Result<Self, Diagnostic> {
        Unfinished::create(path).map(Self)
    }

    /// Appends a record.
    pub(super) fn write(&mut self, record: &impl Serialize) -> Result<(), Diagnostic> {
        let bytes = postcard::to_stdvec(record).map_err(|error| self.0.failed(&error))?;
        let length = (bytes.len() as u64).to_le_bytes();
        let written = self.0.write_all(&length).and_then(|()| self.0.write_all(&bytes));
        written.map_err(|error| self.0.failed(&error))
    }

    /// Gives the file its name.
    pub(super) fn finish(self) -> Result<(), Diagnostic> {
        self.0.finish()
    }
}

/// The file, read in order. It is open only while a record is read, since there may be more parts than a process may
/// have files open.
#[derive(Debug)]
pub(super) struct RecordReader {
    path: PathBuf,
    at: u64,
}

impl RecordReader {
    /// Before the first record of `path`.
    pub(super) fn new(path: PathBuf) -> Self {
        Self { path, at: 0 }
    }

    /// The next record.
    ///
    /// # Errors
    /// [`Code::FileUnreadable`] for a file that ends before it, or bytes that are no such record.
    pub(super) fn next<T: DeserializeOwned>(&mut self) -> Result<T, Diagnostic> {
        let unreadable = |error: std::io::Error| Diagnostic::unreadable(&self.path, &error);
        let file = File::open(&self.path).map_err(unreadable)?;
        let left = file.metadata().map_err(unreadable)?.len().saturating_sub(self.at);
        let mut head = [0; HEAD];
        if left < HEAD as u64 {
            return Err(self.refused("it ends before the last sample or image"));
        }
        file.read_exact_at(&mut head, self.at).map_err(unreadable)?;
        let length = u64::from_le_bytes(head);
        let bytes = usize::try_from(length).ok().filter(|_| length <= left - HEAD as u64);
        let Some(bytes) = bytes else { return Err(self.refused("a record is longer than the file")) };
        let mut record = vec![0; bytes];
        file.read_exact_at(&mut record, self.at + HEAD as u64).map_err(unreadable)?;
        let (record, rest) =
            postcard::take_from_bytes(&record).map_err(|_| self.refused("a record has another form"))?;
        if !rest.is_empty() {
            return Err(self.refused("a record has another form"));
        }
        self.at += HEAD as u64 + length;
        Ok(record)
    }

    /// What is wrong with the file.
    pub(super) fn refused(&self, why: &str) -> Diagnostic {
        let message = format!("these are no records of a part: {why}");
        Diagnostic::new(Code::FileUnreadable, &self.path, message).hint("make the part again")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn records_come_back_in_order_and_a_damaged_file_is_refused() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("part.records");
        let mut writer = RecordWriter::create(&path).unwrap();
        writer.write(&(7u32, "seven")).unwrap();
        writer.write(&vec![1.5f64, f64::INFINITY]).unwrap();
        writer.finish().unwrap();
        let mut reader = RecordReader::new(path.clone());
        assert_eq!(reader.next::<(u32, String)>().unwrap(), (7, "seven".into()));
        assert_eq!(reader.next::<Vec<f64>>().unwrap(), [1.5, f64::INFINITY]);
        assert_eq!(reader.next::<u8>().unwrap_err().code, Code::FileUnreadable);

        let whole = std::fs::read(&path).unwrap();
        let mut long = whole.clone();
        long[..8].copy_from_slice(&u64::MAX.to_le_bytes());
        for damaged in [&whole[..5], &whole[..10], &long] {
            std::fs::write(&path, damaged).unwrap();
            let problem = RecordReader::new(path.clone()).next::<(u32, String)>().unwrap_err();
            assert_eq!(problem.code, Code::FileUnreadable);
        }
        // A record of another type: its bytes are not used up, or not enough.
        std::fs::write(&path, &whole).unwrap();
        assert!(RecordReader::new(path.clone()).next::<u8>().is_err());
        assert!(RecordReader::new(path).next::<[u64; 30]>().is_err());
    }
}
