//! PyTorch checkpoints (`.pth`): zip archives since 1.6, pickle streams before. Nothing in them is ever executed.
//!
//! Before the checkpoint library sees a file, [`audit()`] walks its pickles opcode by opcode and refuses every name
//! that a state dict does not need, and pickles of implausible length. What passes is parsed by `pytorch-reader`, an
//! interpreter that knows tensors and plain containers only.
//!
//! Refused: code (`E0009`); plain pickles and the tar archives of PyTorch before 0.1.10, and tensors larger than
//! their file, such as expanded views (`E0008`).

// What a number from a file can reach neither wraps, panics nor leaves its array.
#![deny(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::unwrap_used
)]

mod audit;

use std::collections::BTreeMap;
use std::fs::File;
use std::io::{BufRead, BufReader, Cursor, Read, Seek};
use std::path::Path;

use pytorch_reader::{DType, PickleError, PytorchError, PytorchReader};
use snnc_targets::{Code, Diagnostic, Place, input};

use super::{Element, clip, open_regular};
use audit::{PickleFinding, audit};

// `pytorch-reader` gives native-endian bytes, `Element::widen` takes little-endian ones.
const _: () = assert!(cfg!(target_endian = "little"), "weights are read as little-endian");

/// Longest pickle that is read from an archive, in bytes.
const LONGEST_PICKLE: u64 = input::PICKLE.longest;
/// Pickles at the head of a legacy stream: magic number, protocol, system info, the object, the storage keys.
const LEGACY_PICKLES: usize = 5;
/// The magic number of legacy streams as protocol 2 writes it, behind at most this many bytes.
const LEGACY_MAGIC: [u8; 10] = [0x6c, 0xfc, 0x9c, 0x46, 0xf9, 0x20, 0x6a, 0xa8, 0x50, 0x19];
const LEGACY_MAGIC_WITHIN: usize = 64;

/// An open, audited checkpoint.
#[derive(Debug)]
pub(super) struct PickleFile {
    tensors: BTreeMap<String, pytorch_reader::Tensor>,
    /// Length of the file in bytes: no tensor may be larger.
    length: u64,
}

impl PickleFile {
    /// Audits the file's pickles, then reads its index of tensors.
    pub(super) fn open(path: &Path) -> Result<Self, Diagnostic> {
        let (file, length) = open_regular(path)?;
        audit_file(file).map_err(|finding| refused(path, finding))?;
        let reader = PytorchReader::new(path).map_err(|error| unreadable(path, &error))?;
        let tensors: BTreeMap<_, _> = reader.into_tensors().into_iter().collect();
        if tensors.is_empty() {
            return Err(malformed(path, "the checkpoint holds no tensors"));
        }
        Ok(Self { tensors, length })
    }

    /// Names, sorted.
    pub(super) fn names(&self) -> impl Iterator<Item = &str> {
        self.tensors.keys().map(String::as_str)
    }

    /// Shape and element type.
    pub(super) fn header(&self, name: &str) -> Option<(&[usize], Option<Element>)> {
        self.tensors.get(name).map(|tensor| (tensor.shape(), Some(element(tensor.dtype()))))
    }

    /// The bytes of a tensor, row-major; `place` names it in errors.
    pub(super) fn bytes(&self, name: &str, place: impl Fn() -> Place) -> Result<Vec<u8>, Diagnostic> {
        let Some(tensor) = self.tensors.get(name) else { return Ok(Vec::new()) };
        let (size, length) = (tensor.byte_len(), self.length);
        if size as u64 > length {
            let message = format!("the tensor has {size} bytes, the whole file only {length}");
            return Err(Diagnostic::new(Code::WeightsMalformed, place(), message)
                .hint("expanded views and compressed archives are not read; save contiguous tensors"));
        }
        tensor.read().map_err(|error| {
            Diagnostic::new(Code::WeightsMalformed, place(), clip(&error.to_string()))
                .hint("the file is truncated or damaged; copy or save it again")
        })
    }
}

/// Audits every pickle of the file that the checkpoint library would parse.
fn audit_file(file: File) -> Result<(), PickleFinding> {
    let mut file = BufReader::new(file);
    let head = file.fill_buf()?;
    if head.starts_with(b"PK") {
        return audit_archive(file);
    }
    if head.get(257..262) == Some(b"ustar") {
        return Err(PickleFinding::Malformed(
            "a tar archive of PyTorch before 0.1.10; save it with a later one".into(),
        ));
    }
    let near = LEGACY_MAGIC_WITHIN.saturating_sub(LEGACY_MAGIC.len()) + 1;
    if head.windows(LEGACY_MAGIC.len()).take(near).any(|window| window == LEGACY_MAGIC) {
        return (0..LEGACY_PICKLES).try_for_each(|_| audit(&mut file));
    }
    audit(&mut file)?;
    Err(PickleFinding::Malformed("a plain pickle, which holds no tensor data".into()))
}

/// Audits every entry of a zip archive that may be taken for the checkpoint's pickle.
fn audit_archive(file: impl Read + Seek) -> Result<(), PickleFinding> {
    let malformed = |error: zip::result::ZipError| PickleFinding::Malformed(format!("zip archive: {error}"));
    let mut archive = zip::ZipArchive::new(file).map_err(malformed)?;
    for index in 0..archive.len() {
        let mut entry = archive.by_index(index).map_err(malformed)?;
        if !entry.name().ends_with(".pkl") {
            continue;
        }
        let mut pickle = Vec::new();
        entry.by_ref().take(LONGEST_PICKLE + 1).read_to_end(&mut pickle)?;
        if pickle.len() as u64 > LONGEST_PICKLE {
            return Err(PickleFinding::Malformed(format!(
                "`{}` is over {LONGEST_PICKLE} bytes long",
                entry.name()
            )));
        }
        audit(&mut Cursor::new(pickle))?;
    }
    Ok(())
}

fn refused(path: &Path, finding: PickleFinding) -> Diagnostic {
    match finding {
        PickleFinding::Malformed(message) => malformed(path, &message),
        PickleFinding::Code(name) => code(path, &name),
        PickleFinding::Unreadable(error) if error.raw_os_error().is_some() => {
            Diagnostic::unreadable(path, &error)
        }
        PickleFinding::Unreadable(error) => malformed(path, &format!("a pickle ends early: {error}")),
    }
}

fn unreadable(path: &Path, error: &PytorchError) -> Diagnostic {
    match error {
        PytorchError::Io(error) if error.raw_os_error().is_some() => Diagnostic::unreadable(path, error),
        PytorchError::Pickle(PickleError::UnsupportedType(name)) => code(path, name),
        other => malformed(path, &other.to_string()),
    }
}

fn code(path: &Path, name: &str) -> Diagnostic {
    let message = format!("the pickle asks for `{}`, expected tensors and plain containers only", clip(name));
    Diagnostic::new(Code::PickleRefused, path, message)
        .hint("nothing was executed; save `model.state_dict()` instead")
}

fn malformed(path: &Path, message: &str) -> Diagnostic {
    Diagnostic::new(Code::WeightsMalformed, path, clip(message))
        .hint("expected what `torch.save(model.state_dict(), path)` writes; is the file whole?")
}

fn element(dtype: DType) -> Element {
    match dtype {
        DType::F64 => Element::F64,
        DType::F32 => Element::F32,
        DType::F16 => Element::F16,
        DType::BF16 => Element::Bf16,
        DType::I64 => Element::I64,
        DType::I32 => Element::I32,
        DType::I16 => Element::I16,
        DType::I8 => Element::I8,
        DType::U64 => Element::U64,
        DType::U32 => Element::U32,
        DType::U16 => Element::U16,
        DType::U8 => Element::U8,
        DType::Bool => Element::Bool,
    }
}
