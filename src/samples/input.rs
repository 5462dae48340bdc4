//! Samples and labels from files: NumPy arrays, archives of them, and event lists.
//!
//! Values are taken as they are: what the network was trained on is scaled by who trained it. Refused: element types
//! and orders that would have to be converted, shapes that are not the network's, and files that are not as long as
//! they say.

use std::fmt;
use std::path::Path;

use snnc_compiler::ir::spiking::SpikingModel;
use snnc_compiler::ir::{NetworkId, Shape};
use snnc_compiler::reference::Interpreter;
use snnc_simulator::spike_train::{PackedTrains, SpikeTrain};
use snnc_simulator::workload::Samples;
use snnc_targets::{Code, Diagnostic};

use super::array_file::ArrayFile;
use super::events::{self, EventSummary};

/// Most values that are held: 1 GiB as float64.
pub(super) const VALUES_MAX: usize = 1 << 27;
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

    /// Most samples of spikes that are held: 1 GiB as bits, whole words a timestep.
    pub(super) fn trains_max(self) -> usize {
        VALUES_MAX / self.steps.unwrap_or(1).saturating_mul(self.map.len().div_ceil(64)).max(1)
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

/// What a file gave.
#[derive(Debug, Clone, PartialEq)]
pub struct SampleFile {
    /// The samples.
    pub content: SampleContent,
    /// What became of the events, if it was an event list.
    pub events: Option<EventSummary>,
}

/// Samples.
#[derive(Debug, Clone, PartialEq)]
pub enum SampleContent {
    /// Of maps, one after the other, `[n, c, h, w]`.
    Maps(Vec<f64>),
    /// Of spikes.
    Trains(PackedTrains),
}

impl SampleContent {
    /// One sample after the other, `[n, c, h, w]` or `[n, t, c, h, w]`.
    pub fn into_values(self) -> Vec<f64> {
        match self {
            Self::Maps(values) => values,
            Self::Trains(trains) => (0..trains.len()).flat_map(|i| trains.train(i).values()).collect(),
        }
    }
}

/// The first `most` samples of an array as [`samples`] reads it; with the length `dt` of a timestep, of an event list.
///
/// # Errors
/// Those of [`samples`] and [`events::read`]; [`Code::Argument`] for a `dt` that is no length, and for events where the
/// network takes no spikes.
pub fn read(
    path: &Path,
    shape: SampleShape,
    dt: Option<f64>,
    most: Option<u64>,
) -> Result<SampleFile, Diagnostic> {
    let Some(dt) = dt else {
        let content = match shape.steps {
            None => SampleContent::Maps(samples(path, shape, most)?),
            Some(_) => SampleContent::Trains(trains(path, shape, most)?),
        };
        return Ok(SampleFile { content, events: None });
    };
    events::check(dt, shape)?;
    let (trains, summary) = events::read(path, shape, dt, most)?;
    Ok(SampleFile { content: SampleContent::Trains(trains), events: Some(summary) })
}

/// The first `most` samples (all, if there is no such limit) of a float32, float64 or uint8 array `[n, ...]` whose
/// items have as many elements as `shape`, one after the other, `[n, c, h, w]` or `[n, t, c, h, w]`.
///
/// # Errors
/// [`Code::FileUnreadable`]; [`Code::Argument`] for what the file is not, with its path.
pub fn samples(
    path: &Path,
    shape: impl Into<SampleShape>,
    most: Option<u64>,
) -> Result<Vec<f64>, Diagnostic> {
    let (shape, mut values) = (shape.into(), Vec::new());
    let limit = VALUES_MAX / shape.elements().max(1);
    each_value(path, shape, (most, limit), |_, value| {
        values.push(value);
        Ok(())
    })?;
    Ok(values)
}

/// As [`samples`], of spikes: arrays of 0 and 1, held as bits.
///
/// # Errors
/// As [`samples`]; [`Code::Argument`] also for other values.
pub fn trains(path: &Path, shape: SampleShape, most: Option<u64>) -> Result<PackedTrains, Diagnostic> {
    let mut trains = PackedTrains::new(shape.map, shape.steps.unwrap_or(1) as u32);
    let (each, map) = (shape.elements().max(1), shape.map.len().max(1));
    let samples = each_value(path, shape, (most, shape.trains_max()), |at, value| {
        let (sample, within) = (at / each, at % each);
        if within == 0 {
            trains.resize(sample + 1);
        }
        if value == 1.0 {
            trains.set((sample, within / map), within % map);
        } else if value != 0.0 {
            let message = format!("sample {sample} holds {value} at value {within}");
            return Err(Diagnostic::new(Code::Argument, path, message)
                .hint("the network takes spikes, which are 0 or 1"));
        }
        Ok(())
    })?;
    trains.resize(samples);
    Ok(trains)
}

/// Hands the values of the first samples of an array to `take`, at most `most` and no more than `limit` of them, with
/// their places in the array. The number of samples.
fn each_value(
    path: &Path,
    shape: SampleShape,
    (most, limit): (Option<u64>, usize),
    mut take: impl FnMut(usize, f64) -> Result<(), Diagnostic>,
) -> Result<usize, Diagnostic> {
    let mut file = ArrayFile::open(path)?;
    let mut array = file.array()?;
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
    if taken > limit {
        let message = format!("{taken} samples of {shape}, at most {limit} are read");
        return Err(array.bad(message).hint("take the first ones with --samples"));
    }
    let values = |samples: usize| samples.saturating_mul(shape.elements());
    let mut at = 0;
    array.each((values(count), values(taken)), decode, |value| {
        take(at, value)?;
        at += 1;
        Ok(())
    })?;
    Ok(taken)
}

/// The sides of the array in a file, if it is an array, or an archive of one.
pub fn sides(path: &Path) -> Option<Vec<usize>> {
    Some(ArrayFile::open(path).ok()?.array().ok()?.header.shape.clone())
}

/// The first `count` labels of an int64, int32 or uint8 array `[n]`.
///
/// # Errors
/// [`Code::FileUnreadable`]; [`Code::Argument`] for what the file is not, also fewer labels or other numbers
/// than classes.
pub fn labels(path: &Path, count: usize, classes: usize) -> Result<Vec<usize>, Diagnostic> {
    let mut file = ArrayFile::open(path)?;
    let mut array = file.array()?;
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
    let values = array.values((found, count), decode)?;
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
        for (bytes, expected) in [(&b"RIFF"[..], "not an NPY array"), (b"PK", "not an NPZ archive")] {
            std::fs::write(&path, bytes).unwrap();
            assert!(samples(&path, SHAPE, None).unwrap_err().message.contains(expected));
        }
    }

    /// An archive of these files, written as NumPy does or compressed.
    fn archive(path: &Path, method: zip::CompressionMethod, files: &[(&str, Vec<u8>)]) {
        let mut zip = zip::ZipWriter::new(std::fs::File::create(path).unwrap());
        for (name, bytes) in files {
            let options = zip::write::SimpleFileOptions::default().compression_method(method);
            zip.start_file(*name, options).unwrap();
            std::io::Write::write_all(&mut zip, bytes).unwrap();
        }
        zip.finish().unwrap();
    }

    #[test]
    fn archives_are_read_by_key_or_whole_if_they_hold_one_array() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("x.npz");
        let keyed = |key: &str| folder.path().join(format!("x.npz:{key}"));
        let of = |values: &[f32]| [header("<f4", "(1, 4)"), floats(values)].concat();
        let (a, b) = ([1.0, 2.0, 3.0, 4.0], [5.0, 6.0, 7.0, 8.0]);
        for method in [zip::CompressionMethod::Stored, zip::CompressionMethod::Deflated] {
            let labels_of = [header("<i8", "(1,)"), 1i64.to_le_bytes().to_vec()].concat();
            archive(&path, method, &[("a.npy", of(&a)), ("b.npy", of(&b)), ("y.npy", labels_of)]);
            assert_eq!(samples(&keyed("b"), SHAPE, None).unwrap(), b.map(f64::from));
            assert_eq!(labels(&keyed("y"), 1, 2).unwrap(), [1]);
            let several = samples(&path, SHAPE, None).unwrap_err();
            assert!(several.message.contains("several arrays: a, b, y"), "{several}");
            assert!(several.hint.unwrap().contains("x.npz:a"));
            let none = samples(&keyed("c"), SHAPE, None).unwrap_err();
            assert!(none.message.contains("no array `c`") && none.hint.unwrap().contains("a, b, y"));
            archive(&path, method, &[("a.npy", of(&a)), ("readme.txt", vec![b'x'])]);
            assert_eq!(samples(&path, SHAPE, None).unwrap(), a.map(f64::from));
        }
        archive(&path, zip::CompressionMethod::Stored, &[("readme.txt", vec![b'x'])]);
        assert!(samples(&path, SHAPE, None).unwrap_err().message.contains("holds no array"));
        // A file whose name looks like an archive and a key is that file.
        std::fs::write(keyed("a"), of(&b)).unwrap();
        assert_eq!(samples(&keyed("a"), SHAPE, None).unwrap(), b.map(f64::from));
        std::fs::write(&path, of(&a)).unwrap();
        assert!(samples(&keyed("z"), SHAPE, None).unwrap_err().message.contains("the file is none"));
    }

    #[test]
    fn damaged_and_hostile_archives_are_refused() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("x.npz");
        let stored = zip::CompressionMethod::Stored;
        let refused = |expected: &str| {
            let found = samples(&path, SHAPE, None).unwrap_err();
            assert_eq!(found.code, Code::Argument);
            assert!(found.message.contains(expected), "{found}");
        };
        let array = [header("<f4", "(1, 4)"), floats(&[1.0, 2.0, 3.0, 4.0])].concat();
        archive(&path, stored, &[("a.npy", array.clone())]);
        let whole = std::fs::read(&path).unwrap();
        // A bit of the data is another one: the checksum says so.
        let mut changed = whole.clone();
        let last = whole.windows(4).position(|bytes| bytes == 4f32.to_le_bytes()).unwrap();
        changed[last] ^= 1;
        std::fs::write(&path, changed).unwrap();
        refused("damaged");
        for length in [whole.len() - 1, whole.len() / 2, 4] {
            std::fs::write(&path, &whole[..length]).unwrap();
            refused("not an NPZ archive");
        }
        // A member that unpacks to more than its array, and an array of more than its member.
        let bomb = [&array[..], &vec![0; 1 << 24]].concat();
        archive(&path, zip::CompressionMethod::Deflated, &[("a.npy", bomb)]);
        assert!(std::fs::metadata(&path).unwrap().len() < 1 << 16);
        refused("bytes of data, 16 expected");
        archive(&path, stored, &[("a.npy", [header("<f4", "(1000000, 4)"), vec![0; 16]].concat())]);
        refused("16 bytes of data, 16000000 expected");
    }

    #[test]
    fn lengths_of_timesteps_are_for_events_of_networks_that_take_them() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("events.csv");
        std::fs::write(&path, "t,x,y,p\n0,1,0,0\n").unwrap();
        let spikes = SampleShape { map: SHAPE, steps: Some(1) };
        let read = |shape: SampleShape, dt| super::read(&path, shape, dt, None);
        assert_eq!(read(spikes, Some(1.0)).unwrap().content.into_values(), [0.0, 1.0, 0.0, 0.0]);
        let refused = |shape, dt: Option<f64>| read(shape, dt).unwrap_err();
        for dt in [0.0, -1.0, f64::NAN, f64::INFINITY] {
            assert!(refused(spikes, Some(dt)).message.contains("more than 0"));
        }
        assert!(refused(SHAPE.into(), Some(1.0)).message.contains("one map for all timesteps"));
        let missing = refused(spikes, None);
        assert!(missing.hint.as_ref().unwrap().contains("--dt"), "{missing}");
        std::fs::write(&path, header("<f4", "(1, 4)")).unwrap();
        assert!(refused(spikes, Some(1.0)).message.contains("the file is one array"));
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
