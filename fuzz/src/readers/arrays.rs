//! Images and arrays of images.

use std::io::Write;

use snnc::npy;
use snnc::reconstruction::input;
use snnc::samples::input as samples;
use snnc_compiler::ir::Shape;

use super::{Answer, models, told};

/// Of the images that are expected.
const SHAPE: Shape = Shape { channels: 1, height: 3, width: 4 };

fn array() -> Vec<u8> {
    let mut bytes = b"\x93NUMPY\x01\x00\x76\x00".to_vec();
    let header = "{'descr': '|u1', 'fortran_order': False, 'shape': (2, 3, 4), }";
    bytes.extend(format!("{header:<117}\n").into_bytes());
    bytes.extend(0..24);
    bytes
}

/// An array of two images, one of two samples, one of labels.
pub fn npy_seeds() -> Vec<Vec<u8>> {
    let samples = [npy::header("<f4", "(2, 12)"), vec![0; 96]].concat();
    let labels = [npy::header("<i8", "(2,)"), vec![0; 16]].concat();
    vec![array(), samples, labels]
}

/// Reads an array as images, and as samples and labels.
pub fn read_npy(input: &[u8]) -> Answer {
    let path = models::file("fuzz.npy", input);
    if let Ok(values) = samples::samples(&path, SHAPE, Some(3)) {
        assert!(values.len().is_multiple_of(SHAPE.len()), "samples are whole");
    }
    if let Ok(classes) = samples::labels(&path, 2, 9) {
        assert!(classes.len() == 2 && classes.iter().all(|&class| class < 9), "labels are classes");
    }
    read("fuzz.npy", input)
}

/// The same array in archives, stored and compressed.
pub fn npz_seeds() -> Vec<Vec<u8>> {
    let archive = |method| {
        let mut zip = zip::ZipWriter::new(std::io::Cursor::new(Vec::new()));
        let options = zip::write::SimpleFileOptions::default().compression_method(method);
        zip.start_file("pixels.npy", options).expect("an archive in memory takes files");
        zip.write_all(&array()).expect("an archive in memory takes bytes");
        zip.finish().expect("an archive in memory is finished").into_inner()
    };
    [zip::CompressionMethod::Stored, zip::CompressionMethod::Deflated].map(archive).into()
}

/// Reads an archive.
pub fn read_npz(input: &[u8]) -> Answer {
    read("fuzz.npz", input)
}

/// One image in grey, one in colour.
pub fn png_seeds() -> Vec<Vec<u8>> {
    let image = |colour, samples: usize| {
        let mut bytes = Vec::new();
        let mut encoder = png::Encoder::new(&mut bytes, SHAPE.width as u32, SHAPE.height as u32);
        encoder.set_color(colour);
        let mut writer = encoder.write_header().expect("an image in memory takes a header");
        writer.write_image_data(&vec![7; 12 * samples]).expect("an image in memory takes pixels");
        writer.finish().expect("an image in memory is finished");
        bytes
    };
    let kinds =
        [(png::ColorType::Grayscale, 1), (png::ColorType::Rgb, 3), (png::ColorType::GrayscaleAlpha, 2)];
    kinds.map(|(colour, samples)| image(colour, samples)).into()
}

/// Reads an image.
pub fn read_png(input: &[u8]) -> Answer {
    read("fuzz.png", input)
}

fn read(name: &str, input: &[u8]) -> Answer {
    let images = input::read(&models::file(name, input), SHAPE).map_err(|problem| told(&problem))?;
    assert!(
        images.iter().all(|pixels| pixels.len() == SHAPE.len()),
        "images have the shape that was asked for"
    );
    Ok(())
}
