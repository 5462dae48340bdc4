//! NPY, version 1.0: tokens.npy.
//!
//! Source of the format: `numpy.lib.format`. Little-endian, C order; the header is padded to a multiple of 64 bytes.

use std::path::Path;

use snnc_targets::{Diagnostic, output};

/// Writes images' tokens as int64 `[n, h, w]`; each image is `[h, w]` row-major and must have `rows x columns` tokens.
///
/// # Errors
/// [`snnc_targets::Code::OutputFailed`].
pub fn write_tokens(path: &Path, images: &[Vec<u32>], rows: usize, columns: usize) -> Result<(), Diagnostic> {
    output::write_atomic(path, &tokens(images, rows, columns))
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
    let length = (10 + dictionary.len() + 1).next_multiple_of(64) - 10;
    let mut bytes = b"\x93NUMPY\x01\x00".to_vec();
    bytes.extend((length as u16).to_le_bytes());
    bytes.extend(format!("{dictionary:<width$}\n", width = length - 1).into_bytes());
    bytes
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
    fn a_file_is_written() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("tokens.npy");
        write_tokens(&path, &[], 7, 7).unwrap();
        assert_eq!(std::fs::read(&path).unwrap().len(), 128);
    }
}
