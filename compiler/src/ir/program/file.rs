//! `.snnx`: a program in a file.
//!
//! Layout: magic `SNNX`, format version (u32, little endian), payload length (u64), BLAKE3 of the payload (32
//! bytes), payload (postcard). A program that is read is
//! verified before it is returned. A file is written beside its place and renamed.

use std::fs::File;
use std::io::{BufReader, Read, Seek, SeekFrom};
use std::path::Path;

use snnc_targets::file_kind::FileKind;
use snnc_targets::{Code, Diagnostic, Diagnostics, Place, input};

use super::Program;

const MAGIC: &[u8; 4] = b"SNNX";
/// Bumped whenever the payload's layout changes.
pub const VERSION: u32 = 12;
const HEADER: usize = 4 + 4 + 8 + 32;
/// Most neurons for each byte of the payload. A position takes a byte at least for its routes, so real programs have no
/// more than their slices have channels; without the limit a few bytes could claim all that shapes may hold.
const NEURONS_A_BYTE: usize = 1 << 10;

impl Program {
    /// The program as the bytes of a `.snnx` file.
    pub fn to_bytes(&self) -> Vec<u8> {
        // The payload is written behind room for the header, so that it is held once.
        let mut bytes = postcard::to_extend(self, vec![0; HEADER]).expect("a program is plain data");
        let (header, payload) = bytes.split_at_mut(HEADER);
        header[..4].copy_from_slice(MAGIC);
        header[4..8].copy_from_slice(&VERSION.to_le_bytes());
        header[8..16].copy_from_slice(&(payload.len() as u64).to_le_bytes());
        header[16..].copy_from_slice(blake3::hash(payload).as_bytes());
        bytes
    }

    /// Parses and verifies; `place` names the file in errors.
    ///
    /// # Errors
    /// [`Code::SnnxMalformed`], or what the verifier finds.
    pub fn from_bytes(bytes: &[u8], place: &str) -> Result<Self, Diagnostics> {
        let malformed = |message: String| malformed(place, message);
        // Bytes of no known kind may be a damaged program.
        FileKind::Program
            .demand(FileKind::of(bytes).filter(|&kind| kind != FileKind::Binary), Place::file(place))?;
        let Some((header, payload)) = bytes.split_at_checked(HEADER) else {
            return Err(malformed(format!("{} bytes, expected a header of {HEADER}", bytes.len())).into());
        };
        if &header[..4] != MAGIC {
            return Err(malformed("this is not a .snnx file".into()).into());
        }
        let version = u32::from_le_bytes(header[4..8].try_into().expect("4 bytes"));
        if version != VERSION {
            return Err(malformed(format!("format version {version}, expected {VERSION}")).into());
        }
        let length = u64::from_le_bytes(header[8..16].try_into().expect("8 bytes"));
        if length != payload.len() as u64 {
            return Err(malformed(format!("payload of {} bytes, expected {length}", payload.len())).into());
        }
        if blake3::hash(payload).as_bytes() != &header[16..HEADER] {
            return Err(malformed("wrong checksum: the file is damaged".into()).into());
        }
        let program: Self = postcard::from_bytes(payload)
            .map_err(|error| malformed(format!("payload does not decode: {error}")))?;
        program.checked(place, payload.len())
    }

    /// Writes the file atomically.
    ///
    /// # Errors
    /// [`Code::OutputFailed`].
    pub fn save(&self, path: &Path) -> Result<(), Diagnostic> {
        snnc_targets::output::write_atomic(path, &self.to_bytes())
    }

    /// Reads and verifies a file.
    ///
    /// # Errors
    /// [`Code::FileUnreadable`] and those of [`Program::from_bytes`].
    pub fn load(path: &Path) -> Result<Self, Diagnostics> {
        let place = path.display().to_string();
        match stream(path) {
            Some((program, length)) => program.checked(&place, length),
            // What is wrong with it is said of the whole.
            None => Self::from_bytes(&input::PROGRAM.read(path)?, &place),
        }
    }

    /// The program, if its verifiers find nothing; `length` is that of its payload.
    fn checked(self, place: &str, length: usize) -> Result<Self, Diagnostics> {
        self.target.check(place)?;
        self.verify()?;
        let neurons = self.cores.values().map(|core| core.neurons() as usize).sum::<usize>();
        if neurons / NEURONS_A_BYTE > length {
            return Err(malformed(place, format!("{length} bytes cannot describe {neurons} neurons")).into());
        }
        Ok(self)
    }
}

fn malformed(place: &str, message: String) -> Diagnostic {
    Diagnostic::new(Code::SnnxMalformed, Place::file(place), message)
        .hint("compile the model again with `snnc compile`")
}

/// Longest text of a program that is read piece by piece: descriptions and names.
const TEXT_MAX: usize = 1 << 22;

/// Reads a whole, undamaged file piece by piece, so that its bytes are never held beside the program; the length of its
/// payload. It is read twice: for the checksum and for the program. None for anything else.
fn stream(path: &Path) -> Option<(Program, usize)> {
    let mut file = File::open(path).ok().filter(|file| file.metadata().is_ok_and(|about| about.is_file()))?;
    let mut header = [0; HEADER];
    file.read_exact(&mut header).ok()?;
    let length = u64::from_le_bytes(header[8..16].try_into().ok()?);
    let whole = file.metadata().ok()?.len() == length.checked_add(HEADER as u64)?;
    let known = &header[..4] == MAGIC && header[4..8] == VERSION.to_le_bytes();
    if !(whole && known && length <= input::PROGRAM.longest) {
        return None;
    }
    let mut checksum = blake3::Hasher::new();
    checksum.update_reader((&mut file).take(length)).ok()?;
    if checksum.finalize().as_bytes() != &header[16..] {
        return None;
    }
    file.seek(SeekFrom::Start(HEADER as u64)).ok()?;
    let payload = BufReader::with_capacity(1 << 16, file.take(length));
    let mut text = vec![0; TEXT_MAX];
    let (mut program, _): (Program, _) = postcard::from_io((payload, &mut text)).ok()?;
    for core in program.cores.values_mut() {
        core.weights.shrink_to_fit();
        core.lists.shrink_to_fit();
        core.axons.shrink_to_fit();
        core.entries.shrink_to_fit();
    }
    Some((program, length as usize))
}
