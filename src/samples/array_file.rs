//! Arrays in files: `x.npy`, or an array of an archive, `x.npz` with only one or `x.npz:key`.
//!
//! What a file is, its first bytes say and not its name. Memory is taken for what a header declares only after it was
//! compared with the length of the data; of an archive no more is unpacked than the array is long.

// What a number from a file can reach neither wraps, panics nor leaves its array.
#![deny(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::unwrap_used
)]

use std::fs::File;
use std::io::{BufRead, BufReader, Read};
use std::path::{Path, PathBuf};

use snnc_targets::{Code, Diagnostic};
use zip::ZipArchive;

use crate::npy::NpyHeader;

/// Between an archive and a key.
const KEY: &str = ".npz:";
/// Most keys that a message lists.
const LISTED: usize = 8;
/// Elements that are read at once.
const BLOCK: usize = 4096;

/// The file of `x.npy`, `x.npz` or `x.npz:key`, and the key.
pub fn split_key(name: &Path) -> (PathBuf, Option<String>) {
    let split = name.to_str().filter(|_| !name.exists()).and_then(|text| {
        let at = text.to_ascii_lowercase().rfind(KEY)? + KEY.len();
        Some((PathBuf::from(text.get(..at - 1)?), text.get(at..)?.to_owned()))
    });
    match split {
        Some((path, key)) => (path, Some(key)),
        None => (name.to_owned(), None),
    }
}

/// An open file with an array or several.
pub(crate) struct ArrayFile {
    /// As it was named.
    name: PathBuf,
    content: ArrayContent,
}

enum ArrayContent {
    /// One array, and the bytes of the file; a pipe has no length.
    Npy(BufReader<File>, Option<u64>),
    /// An archive, and the key that was named.
    Npz(Box<ZipArchive<BufReader<File>>>, Option<String>),
}

impl ArrayFile {
    /// Opens `x.npy`, `x.npz` or `x.npz:key`.
    ///
    /// # Errors
    /// [`Code::FileUnreadable`]; [`Code::Argument`] for what is no archive, or a key where there is none.
    pub fn open(name: &Path) -> Result<Self, Diagnostic> {
        let (path, key) = split_key(name);
        let unreadable = |error: std::io::Error| Diagnostic::unreadable(&path, &error);
        let file = File::open(&path).map_err(unreadable)?;
        let metadata = file.metadata().map_err(unreadable)?;
        if metadata.is_dir() {
            return Err(unreadable(std::io::ErrorKind::IsADirectory.into()));
        }
        let mut file = BufReader::new(file);
        let head = file.fill_buf().map_err(unreadable)?;
        let bad = |message: String| Diagnostic::new(Code::Argument, name, message);
        if head.starts_with(b"PK") {
            if !metadata.is_file() {
                return Err(bad("an archive cannot be read from a pipe".into()).hint("give the file itself"));
            }
            let archive = ZipArchive::new(file).map_err(|error| {
                bad(format!("not an NPZ archive: {error}")).hint("`np.savez` writes such files")
            })?;
            return Ok(Self { name: name.to_owned(), content: ArrayContent::Npz(Box::new(archive), key) });
        }
        if let Some(key) = key {
            let message = format!("`{key}` is to be an array of an archive, but the file is none");
            return Err(bad(message).hint("`np.savez` writes archives"));
        }
        let length = metadata.is_file().then_some(metadata.len());
        Ok(Self { name: name.to_owned(), content: ArrayContent::Npy(file, length) })
    }

    /// Names of the arrays of an archive; none for a single array.
    pub fn keys(&self) -> Vec<String> {
        let ArrayContent::Npz(archive, _) = &self.content else { return Vec::new() };
        archive.file_names().filter_map(|name| name.strip_suffix(".npy")).map(str::to_owned).collect()
    }

    /// The array that was named, or the only one.
    ///
    /// # Errors
    /// [`Code::Argument`]: no such array, several and none named, or its header cannot be read.
    pub fn array(&mut self) -> Result<Array<'_>, Diagnostic> {
        let ArrayContent::Npz(_, key) = &self.content else { return self.member("") };
        match (key.clone(), self.keys().as_slice()) {
            (Some(key), _) => self.member(&key),
            (None, [only]) => self.member(&only.clone()),
            (None, []) => Err(self.bad("the archive holds no array").hint("`np.savez` writes such files")),
            (None, keys @ [first, ..]) => {
                let events = ["t", "x", "y", "p"].iter().all(|key| keys.iter().any(|known| known == key));
                let hint = if events {
                    "an event list needs --dt, the length of a timestep in the unit of t".into()
                } else {
                    let file = self.name.display();
                    format!("name one, for example `{file}:{first}`")
                };
                Err(self.bad(format!("the archive holds several arrays: {}", listed(keys))).hint(hint))
            }
        }
    }

    /// The array of that key; of a file that is one array itself that.
    ///
    /// # Errors
    /// As [`ArrayFile::array`].
    pub fn member(&mut self, key: &str) -> Result<Array<'_>, Diagnostic> {
        let keys = self.keys();
        let bad = self.bad("");
        match &mut self.content {
            ArrayContent::Npy(file, length) => Array::new(self.name.clone(), Box::new(file), *length),
            ArrayContent::Npz(archive, _) if keys.iter().any(|known| known == key) => {
                let entry = archive.by_name(&format!("{key}.npy"));
                let entry = entry.map_err(|error| Diagnostic {
                    message: format!("array `{key}` cannot be unpacked: {error}"),
                    ..bad.hint("`np.savez` and `np.savez_compressed` write such files")
                })?;
                let length = entry.size();
                Array::new(self.name.clone(), Box::new(BufReader::new(entry)), Some(length))
            }
            ArrayContent::Npz(..) => {
                let message = format!("the archive holds no array `{key}`");
                Err(Diagnostic { message, ..bad.hint(format!("it holds {}", listed(&keys))) })
            }
        }
    }

    pub fn bad(&self, message: impl Into<String>) -> Diagnostic {
        Diagnostic::new(Code::Argument, &self.name, message)
    }
}

/// The first of some keys.
fn listed(keys: &[String]) -> String {
    let more = if keys.len() > LISTED { format!(" and {} more", keys.len() - LISTED) } else { String::new() };
    let first: Vec<&str> = keys.iter().take(LISTED).map(String::as_str).collect();
    if first.is_empty() { "no array".into() } else { first.join(", ") + &more }
}

/// An array whose header was read.
pub(crate) struct Array<'f> {
    pub header: NpyHeader,
    name: PathBuf,
    /// Bytes of header and data, if they are known.
    length: Option<u64>,
    data: Box<dyn Read + 'f>,
}

impl<'f> Array<'f> {
    fn new(name: PathBuf, mut data: Box<dyn Read + 'f>, length: Option<u64>) -> Result<Self, Diagnostic> {
        let header = NpyHeader::read(&mut data).map_err(|message| {
            let events = name.extension().is_some_and(|extension| extension.eq_ignore_ascii_case("csv"));
            let hint = if events {
                "an event list needs --dt, the length of a timestep in the unit of t"
            } else {
                "`np.save` writes such files"
            };
            Diagnostic::new(Code::Argument, &name, message).hint(hint)
        })?;
        let array = Self { header, name, length, data };
        if array.header.fortran && array.header.shape.len() > 1 {
            let hint = "`np.save(path, np.ascontiguousarray(x))` writes C order";
            return Err(array.bad("the array is in Fortran order, C order expected").hint(hint));
        }
        Ok(array)
    }

    pub fn bad(&self, message: impl Into<String>) -> Diagnostic {
        Diagnostic::new(Code::Argument, &self.name, message)
    }

    /// The elements are of another type than `expected`; `example` is one that is taken.
    pub fn refused_element(&self, expected: &str, example: &str) -> Diagnostic {
        self.bad(format!("its elements are {}, expected little-endian {expected}", self.header.element()))
            .hint(format!("`np.save(path, x.astype({example}))`"))
    }

    /// Hands the first `taken` of all `count` elements to `take`, once the file is known to hold all.
    ///
    /// # Errors
    /// [`Code::Argument`] for data of another length, or damaged; those of `take`.
    pub fn each<T>(
        &mut self,
        (count, taken): (usize, usize),
        decode: fn(&[u8]) -> T,
        mut take: impl FnMut(T) -> Result<(), Diagnostic>,
    ) -> Result<(), Diagnostic> {
        self.check_length(count)?;
        let size = self.element_bytes();
        let mut block = vec![0; size * BLOCK.min(taken)];
        let mut left = taken;
        while left > 0 {
            let block = block.split_at_mut(size * left.min(BLOCK)).0;
            self.data.read_exact(block).map_err(|error| self.bad(format!("ends early: {error}")))?;
            block.chunks_exact(size).try_for_each(|bytes| take(decode(bytes)))?;
            left -= block.len() / size;
        }
        if taken == count { self.end() } else { Ok(()) }
    }

    /// As [`Array::each`], all elements together.
    ///
    /// # Errors
    /// As [`Array::each`].
    pub fn values<T>(
        &mut self,
        amounts: (usize, usize),
        decode: fn(&[u8]) -> T,
    ) -> Result<Vec<T>, Diagnostic> {
        let mut values = Vec::new();
        self.each(amounts, decode, |value| {
            values.push(value);
            Ok(())
        })?;
        Ok(values)
    }

    /// The next element of an array whose length was checked.
    ///
    /// # Errors
    /// [`Code::Argument`] for damaged data.
    pub fn next<T>(&mut self, decode: fn(&[u8]) -> T) -> Result<T, Diagnostic> {
        let mut bytes = [0; 8];
        let bytes = bytes.split_at_mut(self.element_bytes().min(8)).0;
        self.data.read_exact(bytes).map_err(|error| self.bad(format!("ends early: {error}")))?;
        Ok(decode(bytes))
    }

    /// Whether the file is as long as `count` elements need.
    ///
    /// # Errors
    /// [`Code::Argument`] if it is not.
    pub fn check_length(&self, count: usize) -> Result<(), Diagnostic> {
        let expected = (count as u64).saturating_mul(self.element_bytes() as u64);
        match self.length.filter(|&length| length != self.header.length.saturating_add(expected)) {
            None => Ok(()),
            Some(length) => {
                let data = length.saturating_sub(self.header.length);
                let shape = &self.header.shape;
                Err(self.bad(format!("{data} bytes of data, {expected} expected for {shape:?}")))
            }
        }
    }

    /// Nothing follows the last element; of an archive this also compares the checksum.
    ///
    /// # Errors
    /// [`Code::Argument`].
    pub fn end(&mut self) -> Result<(), Diagnostic> {
        match self.data.read(&mut [0]) {
            Ok(0) => Ok(()),
            Ok(_) => Err(self.bad(format!("there is more than the data of {:?}", self.header.shape))),
            Err(error) => Err(self.bad(format!("the data are damaged: {error}"))),
        }
    }

    fn element_bytes(&self) -> usize {
        self.header.descr.get(2..).and_then(|bytes| bytes.parse().ok()).unwrap_or(1)
    }

    /// How elements of any integer or floating-point type are read as numbers.
    ///
    /// # Errors
    /// [`Code::Argument`] for other types.
    pub fn number(&self) -> Result<fn(&[u8]) -> f64, Diagnostic> {
        macro_rules! decode {
            ($type:ty) => {
                |bytes| bytes.try_into().map_or(f64::NAN, |bytes| <$type>::from_le_bytes(bytes) as f64)
            };
        }
        Ok(match self.header.descr.as_str() {
            "<f4" => decode!(f32),
            "<f8" => decode!(f64),
            "|i1" => decode!(i8),
            "|u1" | "|b1" => decode!(u8),
            "<i2" => decode!(i16),
            "<u2" => decode!(u16),
            "<i4" => decode!(i32),
            "<u4" => decode!(u32),
            "<i8" => decode!(i64),
            "<u8" => decode!(u64),
            _ => return Err(self.refused_element("integers or floats of 8 to 64 bits", "np.int64")),
        })
    }
}
