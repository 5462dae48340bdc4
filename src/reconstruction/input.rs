//! Images to reconstruct: PNG files, and NumPy arrays of many (`.npy`, or `pixels` of an `.npz`).
//!
//! Gives `[c, h, w]` 8-bit pixels. Refused: other element types than uint8, other shapes than the model's, more than
//! 1 GiB of pixels, and files that are not as long as their header says.

use std::fs::File;
use std::io::{BufReader, Read};
use std::path::Path;

use snnc_compiler::ir::Shape;
use snnc_targets::input::IMAGES;
use snnc_targets::{Code, Diagnostic};

use crate::npy::NpyHeader;

/// Bytes that an image takes beside its pixels.
const IMAGE_OVERHEAD: usize = 64;

/// Reads the images of a file; each must have `shape`.
///
/// # Errors
/// [`Code::FileUnreadable`] or [`Code::Argument`] with the path.
pub fn read(path: &Path, shape: Shape) -> Result<Vec<Vec<u8>>, Diagnostic> {
    let extension = path.extension().and_then(|e| e.to_str()).unwrap_or_default().to_ascii_lowercase();
    let file = File::open(path).map_err(|error| Diagnostic::unreadable(path, &error))?;
    let bad = |message: String| Diagnostic::new(Code::Argument, path, message);
    match extension.as_str() {
        "npy" => {
            let metadata = file.metadata().map_err(|error| Diagnostic::unreadable(path, &error))?;
            // A pipe has no length.
            let length = metadata.is_file().then_some(metadata.len());
            npy(BufReader::new(file), length, shape).map_err(bad)
        }
        "npz" => {
            let mut archive =
                zip::ZipArchive::new(BufReader::new(file)).map_err(|error| bad(error.to_string()))?;
            let entry = archive.by_name("pixels.npy").map_err(|error| bad(format!("pixels: {error}")))?;
            let length = entry.size();
            npy(entry, Some(length), shape).map_err(bad)
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
    if (height as usize, width as usize) != (shape.height, shape.width) || size as u64 > IMAGES.longest {
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

/// A uint8 array `[n, h, w]` or `[n, c, h, w]` in C order, image by image; `length` is the length of its file, if that
/// is known. Memory is taken for what the header declares, once that is known to be the file's length.
fn npy(mut file: impl Read, length: Option<u64>, shape: Shape) -> Result<Vec<Vec<u8>>, String> {
    let header = NpyHeader::read(&mut file)?;
    if header.descr != "|u1" || header.fortran {
        return Err("expected uint8 in C order".into());
    }
    let (sides, begun) = (&header.shape, header.length);
    let fits = match sides.as_slice() {
        [_, h, w] => shape == Shape::new(1, *h, *w),
        [_, c, h, w] => shape == Shape::new(*c, *h, *w),
        _ => false,
    };
    let bytes = sides.first().and_then(|count| count.checked_mul(shape.len())).filter(|_| fits);
    let bytes = bytes.ok_or_else(|| format!("the array is {sides:?}, images of {shape} expected"))?;
    let most = IMAGES.longest as usize / (shape.len() + IMAGE_OVERHEAD);
    if sides[0] > most {
        return Err(format!("the array has {} images of {shape}, at most {most} are read", sides[0]));
    }
    if let Some(length) = length.filter(|&length| length != begun + bytes as u64) {
        let data = length.saturating_sub(begun);
        return Err(format!("the array is {sides:?} with {data} bytes, images of {shape} expected"));
    }
    let mut images = Vec::new();
    for image in 0..sides[0] {
        let mut pixels = vec![0; shape.len()];
        file.read_exact(&mut pixels).map_err(|error| format!("image {image} of {}: {error}", sides[0]))?;
        images.push(pixels);
    }
    match file.read(&mut [0]).map_err(|error| error.to_string())? {
        0 => Ok(images),
        _ => Err(format!("there is more than the {bytes} bytes of {sides:?}")),
    }
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
        let read = |header: &str, data: &[u8]| {
            let bytes = array(header, data);
            let known = npy(bytes.as_slice(), Some(bytes.len() as u64), shape);
            // From a pipe the same is found, later.
            assert_eq!(npy(bytes.as_slice(), None, shape).is_ok(), known.is_ok());
            known
        };
        assert_eq!(read(good, &[1, 2, 3, 4, 5, 6]).unwrap(), [[1, 2, 3], [4, 5, 6]]);
        assert!(read(good, &[1, 2, 3]).unwrap_err().contains("3 bytes"));
        assert!(read(&good.replace("|u1", "<i8"), &[0; 6]).unwrap_err().contains("uint8"));
        assert!(read(&good.replace("(2, 1, 3)", "(6,)"), &[0; 6]).unwrap_err().contains("[6]"));
        assert!(read(good, &[0; 7]).unwrap_err().contains("7 bytes"));
        assert!(npy(&b"\x93NUMPY\x01\x00\xff\xff{"[..], None, shape).unwrap_err().contains("not an NPY"));
        let long = b"\x93NUMPY\x02\x00\xff\xff\xff\xff{";
        assert!(npy(&long[..], None, shape).unwrap_err().contains("a header of 4294967295 bytes"));
    }

    #[test]
    fn what_an_array_declares_is_compared_before_memory_is_taken() {
        let shape = Shape::new(1, 1, 3);
        let header = |n: u64| format!("{{'descr': '|u1', 'fortran_order': False, 'shape': ({n}, 1, 3), }}\n");
        for (n, reason) in [
            (u64::MAX, "images of [1, 1, 3] expected"),
            (1 << 40, "at most 16025997 are read"),
            // Each alone would be within the limit, but the data end early.
            (1 << 23, "12 bytes"),
        ] {
            let bytes = array(&header(n), &[0; 12]);
            assert!(npy(bytes.as_slice(), Some(bytes.len() as u64), shape).unwrap_err().contains(reason));
        }
        // An archive whose entry declares another length than the array's header.
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("bomb.npz");
        let mut zip = zip::ZipWriter::new(File::create(&path).unwrap());
        zip.start_file("pixels.npy", zip::write::SimpleFileOptions::default()).unwrap();
        std::io::Write::write_all(&mut zip, &array(&header(2), &vec![0; 1 << 20])).unwrap();
        zip.finish().unwrap();
        let error = read(&path, shape).unwrap_err();
        assert!(error.message.contains("with 1048576 bytes"), "{error}");
    }
}
