//! Pictures of a run: generated images with their tokens, and the first samples that were fed.
//!
//! Pages stay small: pictures and tokens beyond the limits below are left out, and the page says so.

use std::path::Path;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde::Serialize;
use snnc_compiler::ir::Shape;
use snnc_targets::{Diagnostic, input};

use crate::report::images::{PngImage, UNMASKED_AT, image_name};
use crate::samples::array_file::ArrayFile;
use crate::samples::preview;

/// Most pictures on a page.
const PICTURES: usize = 64;
/// Most bytes of all PNG files of a page.
const BYTES: usize = 2 << 20;
/// Most tokens of an image that are drawn.
const TOKENS: usize = 4096;

/// What was generated, or what was fed.
#[derive(Debug, Clone, Default, PartialEq, Serialize)]
pub struct Pictures {
    /// PNG files as `data:` addresses, of the first images or samples.
    pub images: Vec<String>,
    /// Rows and columns of the tokens.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub token_grid: Option<[usize; 2]>,
    /// Tokens of each image, `[h, w]` row-major.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub tokens: Vec<Vec<u32>>,
    /// The iteration, from 0, in which each token was set.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub unmasked_at: Vec<Vec<u32>>,
}

impl Pictures {
    /// Of a folder of generated images.
    ///
    /// # Errors
    /// Files that are there and cannot be read.
    pub fn generated(folder: &Path, left_out: &mut Vec<String>) -> Result<Self, Diagnostic> {
        let (mut images, mut bytes, mut index) = (Vec::new(), 0, 0);
        while folder.join(image_name(index)).exists() {
            let png = input::IMAGES.read(&folder.join(image_name(index)))?;
            bytes += png.len();
            if index == PICTURES || bytes > BYTES {
                left_out.push(format!("images from number {index} on: the page shows the first {index}"));
                break;
            }
            images.push(address(&png));
            index += 1;
        }
        let mut pictures = Self { images, ..Self::default() };
        let [tokens, unmasked] = ["tokens.npy", UNMASKED_AT].map(|name| folder.join(name));
        if tokens.exists() && unmasked.exists() {
            let ([tokens, unmasked_at], grid) = ([grids(&tokens)?, grids(&unmasked)?], grid_of(&tokens)?);
            match grid.filter(|[rows, columns]| rows * columns <= TOKENS) {
                Some(_) if tokens.len() == unmasked_at.len() => {
                    (pictures.tokens, pictures.unmasked_at, pictures.token_grid) =
                        (tokens, unmasked_at, grid);
                }
                _ => left_out.push(format!("tokens: more than {TOKENS} an image")),
            }
        } else {
            left_out.push(format!("how tokens were set: there is no {UNMASKED_AT}"));
        }
        Ok(pictures)
    }

    /// Of the samples that a folder shows.
    ///
    /// # Errors
    /// A file that is there and cannot be read.
    pub fn fed(folder: &Path, left_out: &mut Vec<String>) -> Result<Self, Diagnostic> {
        let path = folder.join(preview::FILE);
        if !path.exists() {
            left_out.push(format!("pictures of the samples: there is no {}", preview::FILE));
            return Ok(Self::default());
        }
        let mut file = ArrayFile::open(&path)?;
        let mut array = file.array()?;
        let [count, channels, height, width] = array.header.shape[..] else {
            return Err(array.bad("expected uint8 [n, c, h, w]"));
        };
        let shape = Shape::new(channels, height, width);
        let all = count.saturating_mul(channels).saturating_mul(height).saturating_mul(width);
        if array.header.descr != "|u1" {
            return Err(array.refused_element("uint8", "np.uint8"));
        }
        let shown = count.min(PICTURES);
        let each = all / count.max(1);
        let values = array.values((all, shown * each), |bytes| bytes[0])?;
        let png = |pixels: &[u8]| Ok(address(&PngImage::new(shape, pixels.to_vec())?.png()?));
        let images: Result<Vec<String>, Diagnostic> = values.chunks(each.max(1)).map(png).collect();
        Ok(Self { images: images?, ..Self::default() })
    }
}

/// A PNG file as an address.
fn address(png: &[u8]) -> String {
    format!("data:image/png;base64,{}", STANDARD.encode(png))
}

/// The axes of an array `[n, h, w]` without the first.
fn grid_of(path: &Path) -> Result<Option<[usize; 2]>, Diagnostic> {
    let mut file = ArrayFile::open(path)?;
    let array = file.array()?;
    match array.header.shape[..] {
        [_, rows, columns] => Ok(Some([rows, columns])),
        _ => Err(array.bad("expected int64 [n, h, w]")),
    }
}

/// The first grids of an array of int64 `[n, h, w]`.
fn grids(path: &Path) -> Result<Vec<Vec<u32>>, Diagnostic> {
    let mut file = ArrayFile::open(path)?;
    let mut array = file.array()?;
    let [count, rows, columns] = array.header.shape[..] else {
        return Err(array.bad("expected int64 [n, h, w]"));
    };
    if array.header.descr != "<i8" {
        return Err(array.refused_element("int64", "np.int64"));
    }
    let each = rows.saturating_mul(columns);
    let (all, shown) = (count.saturating_mul(each), count.min(PICTURES).saturating_mul(each));
    let number = |bytes: &[u8]| bytes.try_into().map_or(0, i64::from_le_bytes);
    let values = array.values((all, shown), number)?;
    let whole = |&value: &i64| u32::try_from(value).unwrap_or(u32::MAX);
    Ok(values.chunks(each.max(1)).map(|grid| grid.iter().map(whole).collect()).collect())
}
