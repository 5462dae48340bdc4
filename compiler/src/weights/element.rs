//! Element types of weight files and how they are read.
//!
//! Every conversion is exact but for 64-bit integers beyond 2^53. Bytes are little-endian, as both formats store them.

// What a number from a file can reach neither wraps, panics nor leaves its array.
#![deny(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::unwrap_used
)]

use super::FloatArray;

/// A number type that snnc reads.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Element {
    /// IEEE 754 binary64.
    F64,
    /// IEEE 754 binary32.
    F32,
    /// IEEE 754 binary16.
    F16,
    /// The upper half of a binary32.
    Bf16,
    /// Signed 64 bits.
    I64,
    /// Signed 32 bits.
    I32,
    /// Signed 16 bits.
    I16,
    /// Signed 8 bits.
    I8,
    /// Unsigned 64 bits.
    U64,
    /// Unsigned 32 bits.
    U32,
    /// Unsigned 16 bits.
    U16,
    /// Unsigned 8 bits.
    U8,
    /// One byte; 0 is false, all else true.
    Bool,
}

impl Element {
    /// Bytes of one element.
    pub const fn size(self) -> usize {
        match self {
            Self::F64 | Self::I64 | Self::U64 => 8,
            Self::F32 | Self::I32 | Self::U32 => 4,
            Self::F16 | Self::Bf16 | Self::I16 | Self::U16 => 2,
            Self::I8 | Self::U8 | Self::Bool => 1,
        }
    }

    /// The elements in `bytes`; a rest shorter than an element is left out.
    pub(crate) fn read(self, bytes: &[u8]) -> FloatArray {
        let values: Vec<f64> = match self {
            Self::F32 => return FloatArray::Single(each(bytes, f32::from_le_bytes)),
            Self::F64 => each(bytes, f64::from_le_bytes),
            Self::F16 => each(bytes, |b| half(u16::from_le_bytes(b))),
            Self::Bf16 => each(bytes, |b| f64::from(f32::from_bits(u32::from(u16::from_le_bytes(b)) << 16))),
            Self::I64 => each(bytes, |b| i64::from_le_bytes(b) as f64),
            Self::I32 => each(bytes, |b| f64::from(i32::from_le_bytes(b))),
            Self::I16 => each(bytes, |b| f64::from(i16::from_le_bytes(b))),
            Self::I8 => each(bytes, |b| f64::from(i8::from_le_bytes(b))),
            Self::U64 => each(bytes, |b| u64::from_le_bytes(b) as f64),
            Self::U32 => each(bytes, |b| f64::from(u32::from_le_bytes(b))),
            Self::U16 => each(bytes, |b| f64::from(u16::from_le_bytes(b))),
            Self::U8 => each(bytes, |[b]| f64::from(b)),
            Self::Bool => each(bytes, |[b]| f64::from(u8::from(b != 0))),
        };
        values.into()
    }
}

fn each<const N: usize, T>(bytes: &[u8], read: impl Fn([u8; N]) -> T) -> Vec<T> {
    bytes.as_chunks::<N>().0.iter().map(|&chunk| read(chunk)).collect()
}

/// IEEE 754 binary16: sign, 5 bits of exponent (bias 15), 10 bits of fraction.
fn half(bits: u16) -> f64 {
    let sign = if bits >> 15 == 1 { -1.0 } else { 1.0 };
    let exponent = i32::from(bits >> 10 & 0x1f);
    let fraction = f64::from(bits & 0x3ff) / 1024.0;
    match exponent {
        0 => sign * fraction * 2f64.powi(-14),
        31 if fraction == 0.0 => sign * f64::INFINITY,
        31 => f64::NAN,
        _ => sign * (1.0 + fraction) * 2f64.powi(exponent - 15),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn halves_widen_exactly() {
        for (bits, value) in [
            (0x0000, 0.0),
            (0x3c00, 1.0),
            (0xc000, -2.0),
            (0x7bff, 65504.0),
            (0x0001, 2f64.powi(-24)),
            (0x3555, 0.333251953125),
            (0xfc00, f64::NEG_INFINITY),
        ] {
            assert_eq!(half(bits), value, "{bits:#06x}");
        }
        assert!(half(0x7e00).is_nan());
    }

    #[test]
    fn every_type_widens_its_extremes() {
        assert_eq!(Element::Bf16.read(&[0x80, 0x3f, 0x00, 0xc0]), [1.0, -2.0]);
        assert_eq!(Element::I8.read(&[0x80, 0x7f]), [-128.0, 127.0]);
        assert_eq!(Element::Bool.read(&[0, 1, 7]), [0.0, 1.0, 1.0]);
        assert_eq!(Element::U16.read(&[0xff, 0xff, 9]), [65535.0]);
        assert_eq!(Element::I64.read(&(-3i64).to_le_bytes()), [-3.0]);
        assert_eq!(Element::F32.read(&0.1f32.to_le_bytes()), [f64::from(0.1f32)]);
    }
}
