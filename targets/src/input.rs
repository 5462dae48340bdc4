//! Reading files from elsewhere: every kind has a longest length, so that no file decides how much memory is taken.
//!
//! The one place that says how long files may be. What is read is bounded as it is read, so devices and pipes, which
//! have no length, are bounded too. Readers of single formats (weights, images) ask [`InputKind`] for their limits.

// What a number from a file can reach neither wraps, panics nor leaves its array.
#![deny(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::unwrap_used
)]

use std::fs::File;
use std::io::Read;
use std::path::Path;

use crate::{Code, Diagnostic};

/// A kind of file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct InputKind {
    /// What it is, for messages: "a target description".
    pub what: &'static str,
    /// Longest that is read, in bytes.
    pub longest: u64,
}

const KIB: u64 = 1 << 10;
const MIB: u64 = 1 << 20;
const GIB: u64 = 1 << 30;

/// Target descriptions; the built-in ones have about 15 KiB.
pub const TARGET: InputKind = InputKind { what: "a target description", longest: 4 * MIB };
/// Model files; their weights are files of their own.
pub const MODEL: InputKind = InputKind { what: "a model file", longest: 16 * MIB };
/// Weight files, which are mapped or read tensor by tensor.
pub const WEIGHTS: InputKind = InputKind { what: "a weight file", longest: 64 * GIB };
/// Index of a .safetensors file; the format's own limit is 100 MB.
pub const INDEX: InputKind = InputKind { what: "an index of tensors", longest: 64 * MIB };
/// One pickle of a checkpoint; ten thousand tensors take about one and a half million bytes.
pub const PICKLE: InputKind = InputKind { what: "a pickle", longest: 16 * MIB };
/// NIR graphs with their weights, which are read whole.
pub const NIR: InputKind = InputKind { what: "a NIR graph", longest: GIB };
/// Recorded traces.
pub const GOLDEN: InputKind = InputKind { what: "a file of recorded traces", longest: 4 * GIB };
/// Compiled programs: offsets into them are numbers of 32 bits.
pub const PROGRAM: InputKind = InputKind { what: "a program", longest: 4 * GIB - 1 };
/// Partitions and placements.
pub const MAPPING: InputKind = InputKind { what: "a partition or placement", longest: GIB };
/// Hypergraphs, blocks and flows.
pub const GRAPH: InputKind = InputKind { what: "a file of a graph", longest: 2 * GIB };
/// report.json, which also serves as profile.
pub const REPORT: InputKind = InputKind { what: "a report", longest: 256 * MIB };
/// timesteps.csv, which also says when layers fired.
pub const STEPS: InputKind = InputKind { what: "a table of timesteps", longest: GIB };
/// Images and arrays of images, as they are in memory.
pub const IMAGES: InputKind = InputKind { what: "an array of images", longest: GIB };
/// Header of an NPY array.
pub const ARRAY_HEADER: InputKind = InputKind { what: "the header of an array", longest: 64 * KIB };
/// What runs note of themselves.
pub const MANIFEST: InputKind = InputKind { what: "a manifest", longest: MIB };

impl InputKind {
    /// Refuses a length beyond the longest.
    ///
    /// # Errors
    /// [`Code::FileUnreadable`] with the length and the limit.
    pub fn check(self, path: &Path, length: u64) -> Result<(), Diagnostic> {
        if length <= self.longest {
            return Ok(());
        }
        let message = format!("{length} bytes or more, {} has at most {}", self.what, self.longest);
        Err(Diagnostic::new(Code::FileUnreadable, path, message).hint("is it the right file?"))
    }

    /// The bytes of a file.
    ///
    /// # Errors
    /// [`Code::FileUnreadable`]: missing, not readable, or longer than files of its kind are.
    pub fn read(self, path: &Path) -> Result<Vec<u8>, Diagnostic> {
        let unreadable = |error: std::io::Error| Diagnostic::unreadable(path, &error);
        let file = File::open(path).map_err(unreadable)?;
        let length = file.metadata().map_err(unreadable)?.len();
        self.check(path, length)?;
        let mut bytes = Vec::new();
        bytes
            .try_reserve_exact(usize::try_from(length).unwrap_or(usize::MAX))
            .map_err(|error| Diagnostic::new(Code::FileUnreadable, path, error.to_string()))?;
        file.take(self.longest + 1).read_to_end(&mut bytes).map_err(unreadable)?;
        self.check(path, bytes.len() as u64)?;
        Ok(bytes)
    }

    /// The text of a file.
    ///
    /// # Errors
    /// Those of [`InputKind::read`], and [`Code::FileUnreadable`] for bytes that are no UTF-8.
    pub fn read_text(self, path: &Path) -> Result<String, Diagnostic> {
        String::from_utf8(self.read(path)?).map_err(|error| {
            let message = format!("not a text file: byte {} is no UTF-8", error.utf8_error().valid_up_to());
            Diagnostic::new(Code::FileUnreadable, path, message).hint(format!("expected {}", self.what))
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_kind_reads_up_to_its_longest_and_endless_files_end() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a");
        let kind = InputKind { what: "a test", longest: 5 };
        std::fs::write(&path, b"12345").unwrap();
        assert_eq!(kind.read_text(&path).unwrap(), "12345");
        std::fs::write(&path, b"123456").unwrap();
        let error = kind.read(&path).unwrap_err();
        assert_eq!(error.code, Code::FileUnreadable);
        assert!(error.message.contains("6 bytes or more, a test has at most 5"), "{error}");
        std::fs::write(&path, b"ab\xff").unwrap();
        assert!(kind.read_text(&path).unwrap_err().message.contains("byte 2"));
        assert!(kind.read(Path::new("/dev/zero")).unwrap_err().message.contains("at most 5"));
        assert_eq!(kind.read(&folder.path().join("none")).unwrap_err().code, Code::FileUnreadable);
    }

    #[test]
    fn every_kind_has_a_limit_that_memory_holds_or_that_is_mapped() {
        for kind in [
            TARGET,
            MODEL,
            NIR,
            GOLDEN,
            PROGRAM,
            MAPPING,
            GRAPH,
            REPORT,
            STEPS,
            IMAGES,
            ARRAY_HEADER,
            MANIFEST,
        ] {
            assert!((1..=4 * GIB).contains(&kind.longest), "{}", kind.what);
        }
    }
}
