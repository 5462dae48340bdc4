//! Samples and labels from NumPy arrays.
//!
//! Values are taken as they are: what the network was trained on is scaled by who trained it. Refused: element types
//! and orders that would have to be converted, shapes that are not the network's, and files that are not as long as
//! they say.

use std::fmt;
use std::fs::File;
use std::io::{BufReader, Read};
use std::path::{Path, PathBuf};

use snnc_compiler::ir::spiking::SpikingModel;
use snnc_compiler::ir::{NetworkId, Shape};
use snnc_compiler::reference::Interpreter;
use snnc_simulator::workload::Samples;
use snnc_targets::{Code, Diagnostic};

use crate::npy::NpyHeader;

/// Most values that are held: 1 GiB as float64.
const VALUES_MAX: usize = 1 << 27;
/// Largest label; classes are counted from 0.
const LABEL_MAX: i64 = 1 << 24;

/// What one sample is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SampleShape {
    /// A map, `[c, h, w]`.
    pub map: Shape,
    /// Timesteps, if there is a map a timestep: `[t, c, h, w]`.
    pub steps: Option<usize>,
}

impl From<Shape> for SampleShape {
    fn from(map: Shape) -> Self {
        Self { map, steps: None }
    }
}

impl SampleShape {
    /// Of what a network takes.
    pub fn of(network: &Interpreter<'_>) -> Self {
        let steps = network.takes_spikes().then_some(network.graph().timesteps);
        Self { map: network.input_shape(), steps }
    }

    /// Of what a compiled network takes.
    ///
    /// # Errors
    /// Those of [`Samples::shapes`].
    pub fn of_compiled(model: &SpikingModel, network: NetworkId) -> Result<Self, Diagnostic> {
        let (map, _) = Samples::shapes(model, network)?;
        Ok(Self { map, steps: Samples::timesteps(model, network).map(|steps| steps as usize) })
    }

    /// Number of values of a sample.
    pub fn elements(self) -> usize {
        self.map.len() * self.steps.unwrap_or(1)
    }
}

impl fmt::Display for SampleShape {
    /// `[t, c, h, w]`, the `t` of spikes only.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "[{}]", self.inner())
    }
}

/// The first `most` samples (all, if there is no such limit) of a float32, float64 or uint8 array `[n, ...]` whose
/// items have
/// as many elements as `shape`, one after the other, `[n, c, h, w]` or `[n, t, c, h, w]`.
///
/// # Errors
/// [`Code::FileUnreadable`]; [`Code::Argument`] for what the file is not, with its path.
pub fn samples(
    path: &Path,
    shape: impl Into<SampleShape>,
    most: Option<u64>,
) -> Result<Vec<f64>, Diagnostic> {
    let shape = shape.into();
    let mut array = Array::open(path)?;
    let decode: fn(&[u8]) -> f64 = match array.header.descr.as_str() {
        "<f4" => |bytes| bytes.try_into().map_or(f32::NAN, f32::from_le_bytes).into(),
        "<f8" => |bytes| bytes.try_into().map_or(f64::NAN, f64::from_le_bytes),
        "|u1" => |bytes| bytes.first().copied().unwrap_or_default().into(),
        _ => return Err(array.refused_element("float32, float64 or uint8", "np.float32")),
    };
    let sides = &array.header.shape;
    let each = sides.iter().skip(1).try_fold(1usize, |product, &side| product.checked_mul(side));
    let Some(count) = sides.first().filter(|_| sides.len() > 1 && each == Some(shape.elements())).copied()
    else {
        let message = format!("the array is {sides:?}, samples of {shape} expected: [n, {}]", shape.inner());
        return Err(array.bad(message).hint(format!(
            "one sample is `x[None]`, `[n, ...]` with {} elements a sample is taken too",
            shape.elements()
        )));
    };
    let taken = most.map_or(count, |most| count.min(usize::try_from(most).unwrap_or(count)));
    if count == 0 {
        return Err(array.bad(format!("the array is {sides:?}: there is no sample")));
    }
    if taken.checked_mul(shape.elements()).is_none_or(|values| values > VALUES_MAX) {
        let message =
            format!("{taken} samples of {shape}, at most {} are read", VALUES_MAX / shape.elements().max(1));
        return Err(array.bad(message).hint("take the first ones with --samples"));
    }
    array.values(count * shape.elements(), taken * shape.elements(), decode)
}

/// The first `count` labels of an int64, int32 or uint8 array `[n]`.
///
/// # Errors
/// [`Code::FileUnreadable`]; [`Code::Argument`] for what the file is not, also fewer labels or other numbers
/// than classes.
pub fn labels(path: &Path, count: usize, classes: usize) -> Result<Vec<usize>, Diagnostic> {
    let mut array = Array::open(path)?;
    let decode: fn(&[u8]) -> i64 = match array.header.descr.as_str() {
        "<i8" => |bytes| bytes.try_into().map_or(-1, i64::from_le_bytes),
        "<i4" => |bytes| bytes.try_into().map_or(-1, i32::from_le_bytes).into(),
        "|u1" => |bytes| bytes.first().copied().unwrap_or_default().into(),
        _ => return Err(array.refused_element("int64, int32 or uint8", "np.int64")),
    };
    let &[found] = array.header.shape.as_slice() else {
        return Err(array.bad(format!("the array is {:?}, labels [n] expected", array.header.shape)));
    };
    if found < count {
        return Err(array.bad(format!("{found} labels, {count} samples")));
    }
    let values = array.values(found, count, decode)?;
    let class = |(sample, label): (usize, &i64)| {
        let inside = (0..LABEL_MAX).contains(label) && (*label as usize) < classes;
        inside.then_some(*label as usize).ok_or_else(|| {
            array.bad(format!("sample {sample} has label {label}, the read-out has {classes} values"))
        })
    };
    values.iter().enumerate().map(class).collect()
}

impl SampleShape {
    /// `t, c, h, w`.
    pub(crate) fn inner(self) -> String {
        let Shape { channels, height, width } = self.map;
        let steps = self.steps.map_or(String::new(), |steps| format!("{steps}, "));
        format!("{steps}{channels}, {height}, {width}")
    }
}

/// An array whose header was read.
struct Array {
    header: NpyHeader,
    path: PathBuf,
    /// Bytes of the file; a pipe has no length.
    length: Option<u64>,
    file: BufReader<File>,
}

impl Array {
    fn open(path: &Path) -> Result<Self, Diagnostic> {
        let unreadable = |error: std::io::Error| Diagnostic::unreadable(path, &error);
        let file = File::open(path).map_err(unreadable)?;
        let metadata = file.metadata().map_err(unreadable)?;
        if metadata.is_dir() {
            return Err(unreadable(std::io::ErrorKind::IsADirectory.into()));
        }
        let length = metadata.is_file().then_some(metadata.len());
        let mut file = BufReader::new(file);
        let header = NpyHeader::read(&mut file).map_err(|message| {
            Diagnostic::new(Code::Argument, path, message).hint("`np.save` writes such files")
        })?;
        let array = Self { header, path: path.to_owned(), length, file };
        if array.header.fortran && array.header.shape.len() > 1 {
            let hint = "`np.save(path, np.ascontiguousarray(x))` writes C order";
            return Err(array.bad("the array is in Fortran order, C order expected".into()).hint(hint));
        }
        Ok(array)
    }

    fn bad(&self, message: String) -> Diagnostic {
        Diagnostic::new(Code::Argument, &self.path, message)
    }

    fn refused_element(&self, expected: &str, example: &str) -> Diagnostic {
        self.bad(format!("its elements are {}, expected little-endian {expected}", self.header.element()))
            .hint(format!("`np.save(path, x.astype({example}))`"))
    }

    /// The first `taken` of `count` elements, once the file is known to hold them.
    fn values<T>(
        &mut self,
        count: usize,
        taken: usize,
        decode: fn(&[u8]) -> T,
    ) -> Result<Vec<T>, Diagnostic> {
        let size = self.header.descr[2..].parse::<usize>().unwrap_or(1);
        let expected = (count as u64).saturating_mul(size as u64);
        if let Some(length) = self.length.filter(|&length| length != self.header.length + expected) {
            let data = length.saturating_sub(self.header.length);
            let shape = &self.header.shape;
            return Err(self.bad(format!("{data} bytes of data, {expected} expected for {shape:?}")));
        }
        let mut bytes = vec![0; size];
        let mut values = Vec::new();
        for _ in 0..taken {
            let read = self.file.read_exact(&mut bytes);
            read.map_err(|error| self.bad(format!("ends early: {error}")))?;
            values.push(decode(&bytes));
        }
        Ok(values)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::npy::header;

    const SHAPE: Shape = Shape { channels: 2, height: 1, width: 2 };

    /// What a file of this header and data is read as.
    fn read(descr: &str, shape: &str, data: &[u8], most: Option<u64>) -> Result<Vec<f64>, String> {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("x.npy");
        std::fs::write(&path, [&header(descr, shape), data].concat()).unwrap();
        samples(&path, SHAPE, most).map_err(|problem| {
            assert_eq!(problem.code, Code::Argument);
            problem.message
        })
    }

    fn floats(values: &[f32]) -> Vec<u8> {
        values.iter().flat_map(|value| value.to_le_bytes()).collect()
    }

    #[test]
    fn arrays_of_the_networks_size_are_read_in_order() {
        let data = floats(&[0.5, -1.0, 2.0, 3.0, 4.0, 5.0, 6.0, 7.0]);
        let all = [0.5, -1.0, 2.0, 3.0, 4.0, 5.0, 6.0, 7.0];
        assert_eq!(read("<f4", "(2, 2, 1, 2)", &data, None).unwrap(), all);
        assert_eq!(read("<f4", "(2, 4)", &data, None).unwrap(), all);
        assert_eq!(read("<f4", "(2, 4)", &data, Some(1)).unwrap(), all[..4]);
        assert_eq!(read("|u1", "(1, 4)", &[0, 1, 128, 255], None).unwrap(), [0.0, 1.0, 128.0, 255.0]);
        let doubles: Vec<u8> = [0.1f64, -0.0, 1e300, 4.0].iter().flat_map(|v| v.to_le_bytes()).collect();
        assert_eq!(read("<f8", "(1, 2, 2)", &doubles, Some(9)).unwrap(), [0.1, -0.0, 1e300, 4.0]);
    }

    #[test]
    fn other_arrays_are_refused_by_what_they_are() {
        let data = floats(&[0.0; 8]);
        for (descr, shape, data, expected) in [
            (">f4", "(2, 4)", &data[..], "big-endian float32"),
            ("<i8", "(1, 4)", &data[..], "int64"),
            ("<f4", "(4,)", &data[..16], "[4], samples of [2, 1, 2] expected: [n, 2, 1, 2]"),
            ("<f4", "(2, 5)", &data[..], "[2, 5], samples of [2, 1, 2] expected"),
            ("<f4", "(0, 4)", &[], "there is no sample"),
            ("<f4", "(2, 4)", &data[..31], "31 bytes of data, 32 expected"),
            ("<f4", "(1, 4)", &data[..], "32 bytes of data, 16 expected"),
            ("<f4", "(99999999999, 4)", &data[..], "at most"),
            ("<f4", "(2, 9223372036854775807, 4)", &data[..], "samples of"),
        ] {
            let found = read(descr, shape, data, None).unwrap_err();
            assert!(found.contains(expected), "{found}");
        }
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("x.npy");
        let text = String::from_utf8_lossy(&header("<f4", "(2, 4)")[10..]).replace("False", "True ");
        std::fs::write(&path, [&header("<f4", "(2, 4)")[..10], text.as_bytes(), &data].concat()).unwrap();
        assert!(samples(&path, SHAPE, None).unwrap_err().message.contains("Fortran order"));
        std::fs::write(&path, b"PK").unwrap();
        assert!(samples(&path, SHAPE, None).unwrap_err().message.contains("not an NPY array"));
    }

    #[test]
    fn labels_are_classes_of_the_read_out() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("y.npy");
        let write = |descr: &str, shape: &str, data: &[u8]| {
            std::fs::write(&path, [&header(descr, shape), data].concat()).unwrap();
        };
        write("|u1", "(3,)", &[2, 0, 1]);
        assert_eq!(labels(&path, 2, 3).unwrap(), [2, 0]);
        assert!(labels(&path, 4, 3).unwrap_err().message.contains("3 labels, 4 samples"));
        assert!(labels(&path, 3, 2).unwrap_err().message.contains("sample 0 has label 2"));
        write("<i8", "(1,)", &(-1i64).to_le_bytes());
        assert!(labels(&path, 1, 3).unwrap_err().message.contains("label -1"));
        write("<f4", "(1,)", &[0; 4]);
        assert!(labels(&path, 1, 3).unwrap_err().message.contains("float32"));
    }
}
