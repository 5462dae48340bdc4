//! PNG files: one an image, and a contact sheet of all.
//!
//! Pixels come as `[c, h, w]` (as the decoder gives them) with 1 channel (grey) or 3 (red, green, blue).

use std::path::Path;

use snnc_compiler::ir::Shape;
use snnc_targets::{Code, Diagnostic, NamedPart, output};

/// Pixels between the images of a contact sheet, and around them.
const GAP: usize = 2;
/// Name of the file that says in which iteration each token was set: int64 `[n, h, w]`.
pub const UNMASKED_AT: &str = "unmasked_at.npy";
/// Most images on a contact sheet.
const CONTACT_IMAGES: usize = 1024;
/// Enlargement of images up to this many pixels a side.
const SMALL: (usize, usize) = (64, 4);
/// Grey of the gaps.
const BACKGROUND: u8 = 96;

/// 8-bit pixels `[c, h, w]`; 1 or 3 channels, not empty.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PngImage {
    shape: Shape,
    pixels: Vec<u8>,
}

impl PngImage {
    /// Checks shape and number of pixels.
    ///
    /// # Errors
    /// [`Code::Unsupported`]: other channel counts, an empty map, or a side above 65,535 pixels.
    pub fn new(shape: Shape, pixels: Vec<u8>) -> Result<Self, Diagnostic> {
        let sides = 1..=usize::from(u16::MAX);
        let good =
            matches!(shape.channels, 1 | 3) && sides.contains(&shape.height) && sides.contains(&shape.width);
        if good && pixels.len() == shape.len() {
            return Ok(Self { shape, pixels });
        }
        let message = format!(
            "expected [1 or 3, height, width] with sides of 1 to 65535, found {shape} with {} pixels",
            pixels.len()
        );
        Err(Diagnostic::new(Code::Unsupported, NamedPart::Image, message)
            .hint("a decoder whose output has 1 channel gives grey images, with 3 channels colour images"))
    }

    /// The pixel's value in channel `c`; grey images answer for every channel.
    fn at(&self, c: usize, y: usize, x: usize) -> u8 {
        self.pixels[self.shape.at(c % self.shape.channels, y, x)]
    }

    /// The bytes of a PNG file.
    ///
    /// # Errors
    /// [`Code::OutputFailed`] if the encoder refuses.
    pub fn png(&self) -> Result<Vec<u8>, Diagnostic> {
        self.canvas().png()
    }

    /// Interleaved `[h, w, channels]`, each pixel enlarged.
    fn canvas(&self) -> Canvas {
        let Shape { channels, height, width } = self.shape;
        let mut canvas = Canvas::new(channels, height, width);
        canvas.draw(self, 0, 0, 1);
        canvas
    }
}

/// `image_0000.png`.
pub fn image_name(index: usize) -> String {
    format!("image_{index:04}.png")
}

/// Writes one image as PNG.
///
/// # Errors
/// [`Code::OutputFailed`].
pub fn write_image(path: &Path, image: &PngImage) -> Result<(), Diagnostic> {
    image.canvas().write(path)
}

/// Writes the contact sheet: a near-square grid, row by row, small images enlarged; the first 1,024 images. Writes
/// nothing for no images.
///
/// # Errors
/// [`Code::OutputFailed`].
pub fn write_contact(path: &Path, images: &[PngImage]) -> Result<(), Diagnostic> {
    let images = &images[..images.len().min(CONTACT_IMAGES)];
    if images.is_empty() { Ok(()) } else { contact(images).write(path) }
}

/// The sheet; cells are as large as the largest image.
fn contact(images: &[PngImage]) -> Canvas {
    let largest = |side: fn(&Shape) -> usize| images.iter().map(|i| side(&i.shape)).max().unwrap_or(1);
    let (height, width, channels) = (largest(|s| s.height), largest(|s| s.width), largest(|s| s.channels));
    let scale = if height.max(width) <= SMALL.0 { SMALL.1 } else { 1 };
    let columns = near_square(images.len());
    let (cell_height, cell_width) = (height * scale + GAP, width * scale + GAP);
    let rows = images.len().div_ceil(columns);
    let mut canvas = Canvas::new(channels, rows * cell_height + GAP, columns * cell_width + GAP);
    for (i, image) in images.iter().enumerate() {
        canvas.draw(image, GAP + i / columns * cell_height, GAP + i % columns * cell_width, scale);
    }
    canvas
}

/// The least number of columns whose square holds `n`.
fn near_square(n: usize) -> usize {
    (1..).find(|c| c * c >= n).unwrap_or(1)
}

/// Interleaved pixels `[height, width, channels]`.
struct Canvas {
    channels: usize,
    height: usize,
    width: usize,
    pixels: Vec<u8>,
}

impl Canvas {
    fn new(channels: usize, height: usize, width: usize) -> Self {
        Self { channels, height, width, pixels: vec![BACKGROUND; channels * height * width] }
    }

    /// Draws an image with its upper left corner at (top, left), each pixel `scale` x `scale`.
    fn draw(&mut self, image: &PngImage, top: usize, left: usize, scale: usize) {
        for y in 0..image.shape.height * scale {
            for x in 0..image.shape.width * scale {
                let start = ((top + y) * self.width + left + x) * self.channels;
                for c in 0..self.channels {
                    self.pixels[start + c] = image.at(c, y / scale, x / scale);
                }
            }
        }
    }

    fn write(&self, path: &Path) -> Result<(), Diagnostic> {
        output::write_atomic(path, &self.png()?)
    }

    fn png(&self) -> Result<Vec<u8>, Diagnostic> {
        self.encode().map_err(|e| Diagnostic::new(Code::OutputFailed, NamedPart::Image, format!("PNG: {e}")))
    }

    fn encode(&self) -> Result<Vec<u8>, png::EncodingError> {
        let mut bytes = Vec::new();
        let mut encoder = png::Encoder::new(&mut bytes, self.width as u32, self.height as u32);
        encoder.set_color(if self.channels == 1 { png::ColorType::Grayscale } else { png::ColorType::Rgb });
        encoder.set_depth(png::BitDepth::Eight);
        let mut writer = encoder.write_header()?;
        writer.write_image_data(&self.pixels)?;
        writer.finish()?;
        Ok(bytes)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn decode(path: &Path) -> (png::OutputInfo, Vec<u8>) {
        let bytes = std::fs::read(path).unwrap();
        let mut reader = png::Decoder::new(std::io::Cursor::new(bytes)).read_info().unwrap();
        let mut pixels = vec![0; reader.output_buffer_size().unwrap()];
        let info = reader.next_frame(&mut pixels).unwrap();
        (info, pixels)
    }

    fn image(channels: usize, height: usize, width: usize) -> PngImage {
        let shape = Shape::new(channels, height, width);
        PngImage::new(shape, (0..shape.len()).map(|i| i as u8).collect()).unwrap()
    }

    #[test]
    fn grey_and_colour_read_back() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join(image_name(7));
        assert!(path.ends_with("image_0007.png"));
        write_image(&path, &image(1, 2, 3)).unwrap();
        let (info, pixels) = decode(&path);
        assert_eq!((info.width, info.height, info.color_type), (3, 2, png::ColorType::Grayscale));
        assert_eq!(pixels, [0, 1, 2, 3, 4, 5]);
        write_image(&path, &image(3, 1, 2)).unwrap();
        let (info, pixels) = decode(&path);
        assert_eq!(info.color_type, png::ColorType::Rgb);
        assert_eq!(pixels, [0, 2, 4, 1, 3, 5]);
    }

    #[test]
    fn a_contact_sheet_is_near_square_enlarged_and_has_gaps() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("contact.png");
        let images: Vec<PngImage> =
            (0..5).map(|i| PngImage::new(Shape::new(1, 3, 2), vec![200 + i; 6]).unwrap()).collect();
        write_contact(&path, &images).unwrap();
        let (info, pixels) = decode(&path);
        assert_eq!((info.width, info.height), (3 * (2 * 4 + 2) + 2, 2 * (3 * 4 + 2) + 2));
        let at = |y: usize, x: usize| pixels[y * info.width as usize + x];
        assert_eq!([at(0, 0), at(2, 2), at(13, 9), at(2, 10), at(2, 12)], [96, 200, 200, 96, 201]);
        assert_eq!([at(16, 2), at(16, 12), at(16, 22)], [203, 204, 96]);
    }

    #[test]
    fn grids_are_near_square() {
        assert_eq!([1, 2, 4, 5, 9, 10, 1024].map(near_square), [1, 2, 2, 3, 3, 4, 32]);
    }

    #[test]
    fn large_images_are_not_enlarged_and_none_gives_no_file() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("contact.png");
        write_contact(&path, &[]).unwrap();
        assert!(!path.exists());
        write_contact(&path, &[image(3, 65, 10)]).unwrap();
        assert_eq!(decode(&path).0.width, 14);
    }

    #[test]
    fn other_shapes_are_refused() {
        for (shape, n) in [(Shape::new(2, 1, 1), 2), (Shape::new(1, 0, 4), 0), (Shape::new(1, 2, 2), 3)] {
            assert_eq!(PngImage::new(shape, vec![0; n]).unwrap_err().code, Code::Unsupported);
        }
    }
}
