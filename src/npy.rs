//! NPY arrays, version 1.0 and later: headers written and read, data in C order.
//!
//! Source of the format: `numpy.lib.format`. Written little-endian; the header is padded to a multiple of 64 bytes.
//! What a header declares is only compared here; who reads takes memory once it is known to fit.

// What a number from a file can reach neither wraps, panics nor leaves its array.
#![deny(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::unwrap_used
)]

use std::io::Read;
use std::path::Path;

use snnc_targets::input::ARRAY_HEADER;
use snnc_targets::{Diagnostic, output};

/// Writes images' tokens as int64 `[n, h, w]`; each image is `[h, w]` row-major and must have `rows x columns` tokens.
///
/// # Errors
/// [`snnc_targets::Code::OutputFailed`].
pub fn write_tokens(path: &Path, images: &[Vec<u32>], rows: usize, columns: usize) -> Result<(), Diagnostic> {
    output::write_atomic(path, &tokens(images, rows, columns))
}

/// Writes float64 `[n, sides...]`; each item has as many values as `sides` say.
///
/// # Errors
/// [`snnc_targets::Code::OutputFailed`].
pub fn write_floats(path: &Path, items: &[Vec<f64>], sides: &[usize]) -> Result<(), Diagnostic> {
    let shape: String = sides.iter().map(|side| format!("{side}, ")).collect();
    let mut bytes = header("<f8", &format!("({}, {})", items.len(), shape.trim_end_matches(", ")));
    for item in items {
        assert_eq!(item.len(), sides.iter().product::<usize>(), "an item has as many values as its shape");
        bytes.extend(item.iter().flat_map(|value| value.to_le_bytes()));
    }
    output::write_atomic(path, &bytes)
}

/// The bytes of the file.
fn tokens(images: &[Vec<u32>], rows: usize, columns: usize) -> Vec<u8> {
    let mut bytes = header("<i8", &format!("({}, {rows}, {columns})", images.len()));
    for image in images {
        assert_eq!(image.len(), rows * columns, "an image has rows x columns tokens");
        bytes.extend(image.iter().flat_map(|&token| i64::from(token).to_le_bytes()));
    }
    bytes
}

/// Magic, version, length and the padded dictionary; `descr` is the element type as NumPy writes it.
pub fn header(descr: &str, shape: &str) -> Vec<u8> {
    let dictionary = format!("{{'descr': '{descr}', 'fortran_order': False, 'shape': {shape}, }}");
    let width = (10 + dictionary.len() + 1).next_multiple_of(64) - 10;
    // Shapes and types have a few hundred characters at most.
    let length = u16::try_from(width).unwrap_or(u16::MAX);
    let mut bytes = b"\x93NUMPY\x01\x00".to_vec();
    bytes.extend(length.to_le_bytes());
    bytes.extend(format!("{dictionary:<width$}\n", width = width - 1).into_bytes());
    bytes
}

/// What a header says of its array.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NpyHeader {
    /// Element type as NumPy writes it, for example `<f4`.
    pub descr: String,
    /// Whether the first axis varies fastest.
    pub fortran: bool,
    /// Length of each axis.
    pub shape: Vec<usize>,
    /// Bytes before the data.
    pub length: u64,
}

impl NpyHeader {
    /// Reads up to the data.
    ///
    /// # Errors
    /// What is wrong, in words.
    pub fn read(file: &mut impl Read) -> Result<Self, String> {
        let (text, length) = text(file)?;
        let after = |key: &str| text.split_once(key).map(|(_, rest)| rest.trim_start());
        let descr = after("'descr':").and_then(|rest| rest.strip_prefix('\'')?.split_once('\''));
        let (descr, _) = descr.ok_or("its element type is no single number")?;
        let order = after("'fortran_order':").ok_or("its header says no order")?;
        let shape = after("'shape':").and_then(sides).ok_or("its shape cannot be read")?;
        Ok(Self { descr: descr.into(), fortran: order.starts_with("True"), shape, length })
    }

    /// The element type in words.
    pub fn element(&self) -> String {
        let (order, kind) = self.descr.split_at_checked(1).unwrap_or_default();
        let bits =
            kind.get(1..).and_then(|bytes| bytes.parse::<u32>().ok()).map(|bytes| bytes.saturating_mul(8));
        let name = match (kind.chars().next(), bits) {
            (Some('f'), Some(bits)) => format!("float{bits}"),
            (Some('i'), Some(bits)) => format!("int{bits}"),
            (Some('u'), Some(bits)) => format!("uint{bits}"),
            (Some('c'), Some(bits)) => format!("complex{bits}"),
            (Some('b'), _) => "bool".into(),
            (Some('O'), _) => "Python objects".into(),
            _ => return format!("`{}`", self.descr),
        };
        if order == ">" { format!("big-endian {name}") } else { name }
    }
}

/// NpyHeader dictionary, and where the data begin.
fn text(file: &mut impl Read) -> Result<(String, u64), String> {
    let none = |error: std::io::Error| format!("not an NPY array: {error}");
    let mut magic = [0; 8];
    file.read_exact(&mut magic).map_err(none)?;
    if !magic.starts_with(b"\x93NUMPY") {
        return Err("not an NPY array".into());
    }
    // The first version has 16 bits for the length, later ones 32.
    let (mut field, [.., version, _]) = ([0; 4], magic);
    let wide = if version == 1 { 2 } else { field.len() };
    file.read_exact(field.split_at_mut(wide).0).map_err(none)?;
    let length = u64::from(u32::from_le_bytes(field));
    if length > ARRAY_HEADER.longest {
        let most = ARRAY_HEADER.longest;
        return Err(format!("not an NPY array: a header of {length} bytes, at most {most}"));
    }
    let mut text = vec![0; usize::try_from(length).map_err(|error| error.to_string())?];
    file.read_exact(&mut text).map_err(none)?;
    let text = String::from_utf8(text).map_err(|_| "not an NPY array: its header is no text")?;
    Ok((text, (magic.len() + wide) as u64 + length))
}

/// The numbers of `(...)`.
fn sides(text: &str) -> Option<Vec<usize>> {
    let inside = text.strip_prefix('(')?.split_once(')')?.0;
    let words = inside.split(',').map(str::trim).filter(|word| !word.is_empty());
    words.map(|word| word.parse().ok()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn header_and_values_are_those_of_numpy() {
        let bytes = tokens(&[vec![1, 2, 3, 4, 5, 128]], 2, 3);
        assert_eq!(bytes[..10], *b"\x93NUMPY\x01\x00\x76\x00");
        let header = std::str::from_utf8(&bytes[10..128]).unwrap();
        assert_eq!(header.trim_end(), "{'descr': '<i8', 'fortran_order': False, 'shape': (1, 2, 3), }");
        assert!(header.ends_with(" \n"));
        assert_eq!(bytes.len(), 128 + 6 * 8);
        assert_eq!(bytes[168..176], [128, 0, 0, 0, 0, 0, 0, 0]);
    }

    #[test]
    fn the_data_start_at_a_multiple_of_64_whatever_the_shape() {
        for n in 0..80 {
            let length = header("<i8", &"1".repeat(n)).len();
            assert_eq!(length % 64, 0);
        }
    }

    #[test]
    fn files_are_written() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a.npy");
        write_tokens(&path, &[], 7, 7).unwrap();
        assert_eq!(std::fs::read(&path).unwrap().len(), 128);
        write_floats(&path, &[vec![0.5, -2.0]], &[2]).unwrap();
        let bytes = std::fs::read(&path).unwrap();
        let found = NpyHeader::read(&mut bytes.as_slice()).unwrap();
        assert_eq!(found, NpyHeader { descr: "<f8".into(), fortran: false, shape: vec![1, 2], length: 128 });
        assert_eq!(bytes[128..], [0.5f64.to_le_bytes(), (-2f64).to_le_bytes()].concat());
    }

    #[test]
    fn headers_are_read_and_elements_named() {
        let of = |descr: &str, rest: &str| {
            let text = format!("{{'descr': {descr}, {rest}}}");
            let mut bytes = b"\x93NUMPY\x01\x00".to_vec();
            bytes.extend(u16::try_from(text.len()).unwrap().to_le_bytes());
            bytes.extend(text.bytes());
            NpyHeader::read(&mut bytes.as_slice())
        };
        let rest = "'fortran_order': True, 'shape': (3,)";
        for (descr, name) in [
            ("'<f4'", "float32"),
            ("'>f8'", "big-endian float64"),
            ("'|u1'", "uint8"),
            ("'|O'", "Python objects"),
        ] {
            let header = of(descr, rest).unwrap();
            assert_eq!((header.element().as_str(), header.fortran, header.shape), (name, true, vec![3]));
        }
        assert!(of("[('a', '<f4')]", rest).unwrap_err().contains("no single number"));
        assert!(of("'<f4'", "'fortran_order': False, 'shape': (-1,)").unwrap_err().contains("shape"));
        assert!(of("'<f4'", "'shape': (1,)").unwrap_err().contains("order"));
    }
}
