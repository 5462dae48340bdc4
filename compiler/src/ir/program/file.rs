//! `.snnx`: a program in a file.
//!
//! Layout: magic `SNNX`, format version (u32, little endian), payload length (u64), BLAKE3 of the payload (32
//! bytes), payload (postcard). A program that is read is
//! verified before it is returned. A file is written beside its place and renamed.

// What a number from a file can reach neither wraps, panics nor leaves its array.
#![deny(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::unwrap_used
)]

use std::fs::File;
use std::io::{BufReader, Read, Seek, SeekFrom};
use std::path::Path;

use snnc_targets::file_kind::FileKind;
use snnc_targets::{Code, Diagnostic, Diagnostics, Place, input};

use super::Program;

const MAGIC: &[u8; 4] = b"SNNX";
/// Bumped whenever the payload's layout changes.
pub const VERSION: u32 = 13;
const HEADER: usize = 4 + 4 + 8 + 32;
/// Most neurons for each byte of the payload. A position takes a byte at least for its routes, so real programs have no
/// more than their slices have channels; without the limit a few bytes could claim all that shapes may hold.
const NEURONS_A_BYTE: usize = 1 << 10;

/// What stands before the payload, little-endian.
struct Header {
    magic: [u8; 4],
    version: u32,
    /// Bytes of the payload.
    length: u64,
    /// BLAKE3 of the payload.
    checksum: [u8; 32],
}

impl Header {
    fn of(bytes: &[u8; HEADER]) -> Self {
        let mut rest = bytes.iter().copied();
        // The fields have as many bytes as the header, so none of these is made up.
        let mut next = || rest.next().unwrap_or_default();
        Self {
            magic: std::array::from_fn(|_| next()),
            version: u32::from_le_bytes(std::array::from_fn(|_| next())),
            length: u64::from_le_bytes(std::array::from_fn(|_| next())),
            checksum: std::array::from_fn(|_| next()),
        }
    }
}

impl Program {
    /// The program as the bytes of a `.snnx` file.
    pub fn to_bytes(&self) -> Vec<u8> {
        // The payload is written behind room for the header, so that it is held once.
        let room = vec![0; HEADER];
        #[expect(clippy::expect_used, reason = "what is written is a program that this process made")]
        let mut bytes = postcard::to_extend(self, room).expect("a program is plain data");
        let (header, payload) = bytes.split_at_mut(HEADER);
        let (version, length) = (VERSION.to_le_bytes(), (payload.len() as u64).to_le_bytes());
        let checksum = blake3::hash(payload);
        let fields = MAGIC.iter().chain(&version).chain(&length).chain(checksum.as_bytes());
        header.iter_mut().zip(fields).for_each(|(to, byte)| *to = *byte);
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
        let Some((header, payload)) = bytes.split_first_chunk::<HEADER>() else {
            return Err(malformed(format!("{} bytes, expected a header of {HEADER}", bytes.len())).into());
        };
        let Header { magic, version, length, checksum } = Header::of(header);
        if magic != *MAGIC {
            return Err(malformed("this is not a .snnx file".into()).into());
        }
        if version != VERSION {
            return Err(malformed(format!("format version {version}, expected {VERSION}")).into());
        }
        if length != payload.len() as u64 {
            return Err(malformed(format!("payload of {} bytes, expected {length}", payload.len())).into());
        }
        if *blake3::hash(payload).as_bytes() != checksum {
            return Err(malformed("wrong checksum: the file is damaged".into()).into());
        }
        // No text in it is longer than it is itself.
        let program = decode(payload, payload.len())
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
    pub(super) fn checked(self, place: &str, length: usize) -> Result<Self, Diagnostics> {
        self.target.check(place)?;
        self.verify()?;
        let neurons = self.cores.values().map(|core| core.neurons() as usize).sum::<usize>();
        if neurons / NEURONS_A_BYTE > length {
            return Err(malformed(place, format!("{length} bytes cannot describe {neurons} neurons")).into());
        }
        Ok(self)
    }
}

/// What is wrong with a file that is no program.
pub(super) fn malformed(place: &str, message: String) -> Diagnostic {
    Diagnostic::new(Code::SnnxMalformed, Place::file(place), message)
        .hint("compile the model again with `snnc compile`")
}

/// Longest text of a program that is read piece by piece: descriptions and names.
const TEXT_MAX: usize = 1 << 22;

/// The program of a payload whose texts have at most `text_max` bytes. The one place where programs are decoded, so
/// that the reader is compiled once.
fn decode(payload: impl Read, text_max: usize) -> postcard::Result<Program> {
    let mut payload: Box<dyn Read + '_> = Box::new(payload);
    let mut text = vec![0; text_max];
    postcard::from_io((&mut *payload, &mut text)).map(|(program, _)| program)
}

/// The payload of a file, from its first byte on.
pub(super) type Payload = BufReader<std::io::Take<File>>;

/// Room for the texts of a program that is read piece by piece.
pub(super) fn room_for_text() -> Vec<u8> {
    vec![0; TEXT_MAX]
}

/// The payload of a whole, undamaged file, and its length. None for anything else.
pub(super) fn payload(path: &Path) -> Option<(Payload, usize)> {
    let mut file = File::open(path).ok().filter(|file| file.metadata().is_ok_and(|about| about.is_file()))?;
    let mut header = [0; HEADER];
    file.read_exact(&mut header).ok()?;
    let Header { magic, version, length, checksum: stated } = Header::of(&header);
    let whole = file.metadata().ok()?.len() == length.checked_add(HEADER as u64)?;
    let known = magic == *MAGIC && version == VERSION;
    if !(whole && known && length <= input::PROGRAM.longest) {
        return None;
    }
    let mut checksum = blake3::Hasher::new();
    checksum.update_reader((&mut file).take(length)).ok()?;
    if *checksum.finalize().as_bytes() != stated {
        return None;
    }
    file.seek(SeekFrom::Start(HEADER as u64)).ok()?;
    Some((BufReader::with_capacity(1 << 16, file.take(length)), usize::try_from(length).ok()?))
}

/// Reads a whole, undamaged file piece by piece, so that its bytes are never held beside the program; the length of its
/// payload. It is read twice: for the checksum and for the program. None for anything else.
fn stream(path: &Path) -> Option<(Program, usize)> {
    let (payload, length) = payload(path)?;
    let mut program = decode(payload, TEXT_MAX).ok()?;
    for core in program.cores.values_mut() {
        core.weights.shrink_to_fit();
        core.lists.shrink_to_fit();
        core.axons.shrink_to_fit();
        core.entries.shrink_to_fit();
    }
    Some((program, length))
}
