//! The kind of a file, told from its first bytes and not from its name.

use std::fs::File;
use std::io::Read;
use std::path::Path;
use std::sync::Arc;

use crate::diagnostic::Source;
use crate::{Code, Diagnostic};

/// Bytes that are looked at: the comments at the head of a RON file are longer than any magic number.
const HEAD: usize = 16 << 10;

/// Kinds of file that are confused with each other.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[expect(missing_docs, reason = "`words` says what each is")]
pub enum FileKind {
    Model,
    Target,
    Partition,
    Placement,
    Sweep,
    Program,
    Checkpoint,
    Safetensors,
    Npz,
    Npy,
    Zip,
    Hdf5,
    Picture,
    Json,
    Gzip,
    Tar,
    Parquet,
    Binary,
}

/// First bytes of binary formats.
const MAGIC: [(&[u8], FileKind); 11] = [
    (b"SNNX", FileKind::Program),
    (b"\x89HDF\r\n\x1a\n", FileKind::Hdf5),
    (b"\x93NUMPY", FileKind::Npy),
    (b"\x89PNG", FileKind::Picture),
    (b"\xff\xd8\xff", FileKind::Picture),
    (b"GIF8", FileKind::Picture),
    (b"\x1f\x8b", FileKind::Gzip),
    (b"PAR1", FileKind::Parquet),
    // Pickles of protocol 2 to 5: checkpoints of PyTorch before 1.6.
    (b"\x80\x02", FileKind::Checkpoint),
    (b"\x80\x04", FileKind::Checkpoint),
    (b"\x80\x05", FileKind::Checkpoint),
];

/// Format strings of RON files.
const FORMATS: [(&str, FileKind); 5] = [
    ("\"snnc.model/", FileKind::Model),
    ("\"snnc.target/", FileKind::Target),
    ("\"snnc.partition/", FileKind::Partition),
    ("\"snnc.placement/", FileKind::Placement),
    ("\"snnc.sweep/", FileKind::Sweep),
];

impl FileKind {
    /// The kind of a file that begins so; `None` for text of no known kind.
    pub fn of(head: &[u8]) -> Option<Self> {
        let head = &head[..head.len().min(HEAD)];
        if let Some(&(_, kind)) = MAGIC.iter().find(|(magic, _)| head.starts_with(magic)) {
            return Some(kind);
        }
        if head.starts_with(b"PK\x03\x04") {
            return Some(archive(head));
        }
        if head.get(257..262) == Some(b"ustar") {
            return Some(Self::Tar);
        }
        if head.get(8..10).is_some_and(|start| start == b"{\"" || start == b"{ ") && head[4..8] == [0; 4] {
            return Some(Self::Safetensors);
        }
        // A character may be cut at the end of the head; a NUL is in no text.
        let valid = match std::str::from_utf8(head) {
            Ok(text) => text,
            Err(error) if error.error_len().is_none() => {
                std::str::from_utf8(&head[..error.valid_up_to()]).unwrap_or_default()
            }
            Err(_) => return Some(Self::Binary),
        };
        if valid.contains('\0') {
            return Some(Self::Binary);
        }
        text(valid)
    }

    /// The kind of a file on disk.
    pub fn of_file(path: &Path) -> Option<Self> {
        let mut head = Vec::new();
        File::open(path).ok()?.take(HEAD as u64).read_to_end(&mut head).ok()?;
        Self::of(&head)
    }

    /// What it is.
    pub fn words(self) -> &'static str {
        match self {
            Self::Model => "a model file",
            Self::Target => "a target file",
            Self::Partition => "a partition file",
            Self::Placement => "a placement file",
            Self::Sweep => "a sweep file",
            Self::Program => "a compiled program (.snnx)",
            Self::Checkpoint => "a PyTorch checkpoint",
            Self::Safetensors => "a .safetensors file of weights",
            Self::Npz => "a NumPy archive (.npz)",
            Self::Npy => "a NumPy array (.npy)",
            Self::Zip => "a zip archive",
            Self::Hdf5 => "an HDF5 file (such as a NIR graph)",
            Self::Picture => "a picture",
            Self::Json => "a JSON file",
            Self::Gzip => "a gzip archive",
            Self::Tar => "a tar archive",
            Self::Parquet => "a Parquet table",
            Self::Binary => "a binary file of a kind that snnc does not know",
        }
    }

    /// Where such a file belongs, for the error about one that was given in the wrong place.
    pub fn advice(self) -> &'static str {
        match self {
            Self::Model => "models are the first argument of `snnc compile`, `run`, `fit` and `verify`",
            Self::Target => "targets are given with --target FILE.ron, or to `snnc targets check`",
            Self::Partition => "partitions are given with --partition",
            Self::Placement => "placements are given with --placement",
            Self::Sweep => "sweeps are the argument of `snnc sweep`",
            Self::Program => "compiled programs are run by `snnc simulate`",
            Self::Checkpoint | Self::Safetensors => {
                "weights hold no layers: write a model.ron that names this file under `weights`; `snnc import` makes \
                 one from the checkpoints of Spiking-Diffusion"
            }
            Self::Hdf5 => {
                "NIR graphs are read where models are: the first argument of `snnc compile`, `run`, `fit`, `verify` \
                 and `import`"
            }
            Self::Picture | Self::Npy | Self::Npz => "pictures and arrays are what `snnc reconstruct` reads",
            Self::Zip | Self::Gzip | Self::Tar => "unpack it and give the file that is inside",
            Self::Json | Self::Parquet => "such files are written by snnc as reports and traces",
            Self::Binary => "files that people write are RON text: see the examples",
        }
    }

    /// `Err` where a file of kind `found` stands in the place of a file of kind `self`.
    ///
    /// # Errors
    /// [`Code::WrongFile`].
    pub fn demand(self, found: Option<Self>, place: impl Into<crate::Place>) -> Result<(), Diagnostic> {
        match found {
            Some(found) if found != self => {
                let message = format!("this is {}, expected {}", found.words(), self.words());
                Err(Diagnostic::new(Code::WrongFile, place, message).hint(found.advice()))
            }
            _ => Ok(()),
        }
    }

    /// Reads the text of a file of this kind, `most` bytes at most.
    ///
    /// # Errors
    /// [`Code::FileUnreadable`]; [`Code::WrongFile`] for another kind, or a file that is too long for its kind.
    pub fn read(self, path: &Path, most: u64) -> Result<Arc<Source>, Diagnostic> {
        let unreadable = |error: std::io::Error| Diagnostic::unreadable(path, &error);
        let mut file = File::open(path).map_err(unreadable)?.take(most + 1);
        let mut bytes = Vec::new();
        file.by_ref().take(HEAD as u64).read_to_end(&mut bytes).map_err(unreadable)?;
        self.demand(Self::of(&bytes), path)?;
        file.read_to_end(&mut bytes).map_err(unreadable)?;
        if bytes.len() as u64 > most {
            let message = format!("over {most} bytes long, expected {}", self.words());
            return Err(Diagnostic::new(Code::WrongFile, path, message)
                .hint("is it the right file? numbers in bulk belong into .safetensors files"));
        }
        match String::from_utf8(bytes) {
            Ok(text) => Ok(Source::new(path.display().to_string(), text)),
            Err(error) => {
                let at = error.utf8_error().valid_up_to();
                let message = format!("byte {at} is not UTF-8, expected {}", self.words());
                Err(Diagnostic::new(Code::WrongFile, path, message).hint("save the file as UTF-8 text"))
            }
        }
    }
}

/// An archive by the name of its first entry: PyTorch's begins with `.../data.pkl`, NumPy's holds `.npy` files.
fn archive(head: &[u8]) -> FileKind {
    let length = head.get(26..28).map_or(0, |n| usize::from(u16::from_le_bytes([n[0], n[1]])));
    let name = head.get(30..30 + length).unwrap_or_default();
    if name.ends_with(b".npy") {
        FileKind::Npz
    } else if name.ends_with(b".pkl") {
        FileKind::Checkpoint
    } else {
        FileKind::Zip
    }
}

fn text(head: &str) -> Option<FileKind> {
    let formats = FORMATS.iter().filter_map(|&(format, kind)| Some((head.find(format)?, kind)));
    if let Some((_, kind)) = formats.min_by_key(|&(at, _)| at) {
        return Some(kind);
    }
    let mut words = head.trim_start().chars().filter(|c| !c.is_whitespace());
    match (words.next(), words.next()) {
        (Some('{'), Some('"' | '}')) | (Some('['), Some('{' | '"')) => Some(FileKind::Json),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn kinds_are_told_from_the_first_bytes() {
        let zip = |name: &str| {
            let mut head = b"PK\x03\x04".to_vec();
            head.resize(26, 0);
            head.extend((name.len() as u16).to_le_bytes());
            head.extend([0, 0]);
            [head, name.as_bytes().to_vec()].concat()
        };
        let safetensors = [&40u64.to_le_bytes()[..], b"{\"w\":{}}"].concat();
        for (head, kind) in [
            (&b"SNNX\x05\0\0\0"[..], Some(FileKind::Program)),
            (b"\x89HDF\r\n\x1a\n\0\0", Some(FileKind::Hdf5)),
            (&zip("archive/data.pkl"), Some(FileKind::Checkpoint)),
            (&zip("x.npy"), Some(FileKind::Npz)),
            (&zip("x.txt"), Some(FileKind::Zip)),
            (&safetensors, Some(FileKind::Safetensors)),
            (b"// a chip\n(format: \"snnc.target/1\",", Some(FileKind::Target)),
            (b"(format: \"snnc.model/1\",", Some(FileKind::Model)),
            (b"{ \"schema\": \"snnc.report/1\" }", Some(FileKind::Json)),
            (b"\x01\x02\0\0", Some(FileKind::Binary)),
            (b"\xfe\xff", Some(FileKind::Binary)),
            (b"(name: 3)", None),
            (b"", None),
            ("(name: \"\u{e9}".as_bytes(), None),
        ] {
            assert_eq!(FileKind::of(head), kind, "{head:?}");
        }
    }

    #[test]
    fn wrong_kinds_are_named_with_what_they_are_good_for() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("model.ron");
        std::fs::write(&path, "(format: \"snnc.target/1\")").unwrap();
        let error = FileKind::Model.read(&path, 1 << 20).unwrap_err();
        assert_eq!(error.code, Code::WrongFile);
        assert_eq!(error.message, "this is a target file, expected a model file");
        assert!(error.hint.unwrap().contains("--target"));
        std::fs::write(&path, "x".repeat(100)).unwrap();
        assert!(FileKind::Model.read(&path, 99).unwrap_err().message.contains("over 99 bytes"));
        assert!(FileKind::Model.read(&path, 100).is_ok());
        std::fs::write(
            &path,
            b"(a: \"".iter().copied().chain([b'x'; 20_000]).chain([0xff]).collect::<Vec<_>>(),
        )
        .unwrap();
        assert!(FileKind::Model.read(&path, 1 << 20).unwrap_err().message.contains("byte 20005"));
    }
}
