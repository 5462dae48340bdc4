//! Images to reconstruct: PNG files, and NumPy arrays of many (`.npy`, or `pixels` of an `.npz`).
//!
//! Gives `[c, h, w]` 8-bit pixels. Refused: other element types than uint8, other shapes than the model's, files
//! above 1 GiB.

use std::fs::File;
use std::io::{BufReader, Read};
use std::path::Path;

use snnc_compiler::ir::Shape;
use snnc_targets::{Code, Diagnostic};

/// Longest array that is read, in bytes.
const LONGEST: u64 = 1 << 30;

/// Reads the images of a file; each must have `shape`.
///
/// # Errors
/// [`Code::FileUnreadable`] or [`Code::Argument`] with the path.
pub fn read(path: &Path, shape: Shape) -> Result<Vec<Vec<u8>>, Diagnostic> {
    let extension = path.extension().and_then(|e| e.to_str()).unwrap_or_default().to_ascii_lowercase();
    let file = File::open(path).map_err(|error| Diagnostic::unreadable(path, &error))?;
    let bad = |message: String| Diagnostic::new(Code::Argument, path.display().to_string(), message);
    match extension.as_str() {
        "npy" => npy(file, shape).map_err(bad),
        "npz" => {
            let mut archive =
                zip::ZipArchive::new(BufReader::new(file)).map_err(|error| bad(error.to_string()))?;
            let entry = archive.by_name("pixels.npy").map_err(|error| bad(format!("pixels: {error}")))?;
            npy(entry, shape).map_err(bad)
        }
        _ => Ok(vec![png(file, shape).map_err(bad)?]),
    }
}

/// One PNG; alpha is dropped, 16 bits are cut to 8.
fn png(file: File, shape: Shape) -> Result<Vec<u8>, String> {
    let mut decoder = png::Decoder::new(BufReader::new(file));
    decoder.set_transformations(png::Transformations::EXPAND | png::Transformations::STRIP_16);
    let mut reader = decoder.read_info().map_err(|error| format!("not a PNG: {error}"))?;
    let (width, height) = reader.info().size();
    let size = reader.output_buffer_size().ok_or("too large")?;
    let samples = reader.output_color_type().0.samples();
    if (height as usize, width as usize) != (shape.height, shape.width) || size as u64 > LONGEST {
        return Err(format!("the picture is {height} x {width}, {shape} expected"));
    }
    let colours = if samples >= 3 { 3 } else { 1 };
    if colours != shape.channels {
        return Err(format!("the picture has {colours} colour channel(s), {} expected", shape.channels));
    }
    let mut bytes = vec![0; size];
    reader.next_frame(&mut bytes).map_err(|error| error.to_string())?;
    let at = |i: usize| bytes[i % shape.positions() * samples + i / shape.positions()];
    Ok((0..shape.len()).map(at).collect())
}

/// A uint8 array `[n, h, w]` or `[n, c, h, w]` in C order.
fn npy(file: impl Read, shape: Shape) -> Result<Vec<Vec<u8>>, String> {
    let mut bytes = Vec::new();
    file.take(LONGEST + 1).read_to_end(&mut bytes).map_err(|error| error.to_string())?;
    if bytes.len() as u64 > LONGEST {
        return Err("the array is above 1 GiB".into());
    }
    let (header, data) = header(&bytes).ok_or("not an NPY array")?;
    if !header.contains("'|u1'") || header.contains("'fortran_order': True") {
        return Err("expected uint8 in C order".into());
    }
    let sides = sides(header).ok_or("its shape cannot be read")?;
    let fits = match sides.as_slice() {
        [_, h, w] => shape == Shape::new(1, *h, *w),
        [_, c, h, w] => shape == Shape::new(*c, *h, *w),
        _ => false,
    };
    if !fits || sides[0].checked_mul(shape.len()) != Some(data.len()) {
        return Err(format!("the array is {sides:?} with {} bytes, images of {shape} expected", data.len()));
    }
    Ok(data.chunks_exact(shape.len()).map(<[u8]>::to_vec).collect())
}

/// Header dictionary and data.
fn header(bytes: &[u8]) -> Option<(&str, &[u8])> {
    let rest = bytes.strip_prefix(b"\x93NUMPY")?;
    let (start, length): (usize, usize) = match rest.first()? {
        1 => (4, usize::from(u16::from_le_bytes(rest.get(2..4)?.try_into().ok()?))),
        _ => (6, u32::from_le_bytes(rest.get(2..6)?.try_into().ok()?) as usize),
    };
    let text = rest.get(start..start.checked_add(length)?)?;
    Some((std::str::from_utf8(text).ok()?, &rest[start + length..]))
}

/// The numbers of `'shape': (...)`.
fn sides(header: &str) -> Option<Vec<usize>> {
    let after = header.split_once("'shape': (")?.1;
    let inside = after.split_once(')')?.0;
    let words = inside.split(',').map(str::trim).filter(|word| !word.is_empty());
    words.map(|word| word.parse().ok()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn array(header: &str, data: &[u8]) -> Vec<u8> {
        let mut bytes = b"\x93NUMPY\x01\x00".to_vec();
        bytes.extend((header.len() as u16).to_le_bytes());
        bytes.extend(header.bytes());
        bytes.extend(data);
        bytes
    }

    #[test]
    fn arrays_are_read_or_refused_with_a_reason() {
        let good = "{'descr': '|u1', 'fortran_order': False, 'shape': (2, 1, 3), }\n";
        let shape = Shape::new(1, 1, 3);
        let read = |header: &str, data: &[u8]| npy(array(header, data).as_slice(), shape);
        assert_eq!(read(good, &[1, 2, 3, 4, 5, 6]).unwrap(), [[1, 2, 3], [4, 5, 6]]);
        assert!(read(good, &[1, 2, 3]).unwrap_err().contains("3 bytes"));
        assert!(read(&good.replace("|u1", "<i8"), &[0; 6]).unwrap_err().contains("uint8"));
        assert!(read(&good.replace("(2, 1, 3)", "(6,)"), &[0; 6]).unwrap_err().contains("[6]"));
        assert!(npy(&b"\x93NUMPY\x01\x00\xff\xff{"[..], shape).unwrap_err().contains("not an NPY"));
    }
}
