//! Two sides of a check into one row: how many values, how many differ, and where first.

use std::fmt::Display;

use snnc_compiler::reference::Signal;

use super::records::{GoldenValues, RecordedSpikes};
use super::{GoldenRow, TOLERANCE};

/// Spikes of a layer against its signal, exactly.
pub(super) fn spikes(recorded: &RecordedSpikes, found: &Signal) -> GoldenRow {
    let n = recorded.shape.len();
    let bytes = n.div_ceil(8);
    let expected = |i: usize| {
        let (t, element) = (i / n, i % n);
        recorded.packed[t * bytes + element / 8] >> (element % 8) & 1
    };
    let fired = found.steps().iter().flat_map(|map| map.data.iter().map(|&v| u8::from(v != 0.0)));
    let place = |i: usize| {
        format!("timestep {}, {}", i / n, coordinates(i % n, recorded.shape.height, recorded.shape.width))
    };
    exact(&recorded.key, "spikes", (0..found.steps().len() * n).map(expected).zip(fired), place)
}

/// Tokens `[iterations, h, w]` or `[h, w]`, exactly; each slice of `found` is one grid.
pub(super) fn tokens(recorded: &GoldenValues<u32>, found: &[Vec<u32>], columns: usize) -> GoldenRow {
    let positions = found.first().map_or(1, Vec::len).max(1);
    let place = |i: usize| {
        let (row, column) = (i % positions / columns, i % positions % columns);
        if found.len() > 1 {
            format!("iteration row {}, [{row}, {column}]", i / positions)
        } else {
            format!("[{row}, {column}]")
        }
    };
    exact(
        &recorded.key,
        "tokens",
        recorded.values.iter().copied().zip(found.iter().flatten().copied()),
        place,
    )
}

/// Classes `[n]`, exactly.
pub(super) fn classes(recorded: &GoldenValues<u32>, found: &[u32]) -> GoldenRow {
    let place = |i| format!("sample {i}");
    exact(&recorded.key, "classes", recorded.values.iter().copied().zip(found.iter().copied()), place)
}

/// Pixels `[c, h, w]`, exactly.
pub(super) fn pixels(recorded: &GoldenValues<u8>, found: &[u8], size: (usize, usize)) -> GoldenRow {
    let place = |i| coordinates(i, size.0, size.1);
    exact(&recorded.key, "pixels", recorded.values.iter().copied().zip(found.iter().copied()), place)
}

/// Floats `[c, h, w]`, to [`TOLERANCE`]. A value that is not a number is off by infinity.
pub(super) fn floats(
    recorded: &GoldenValues<f64>,
    what: &str,
    found: &[f64],
    size: (usize, usize),
) -> GoldenRow {
    let error = |(a, b): (&f64, &f64)| if (a - b).is_nan() { f64::INFINITY } else { (a - b).abs() };
    let errors: Vec<f64> = recorded.values.iter().zip(found).map(error).collect();
    let first = errors.iter().position(|&e| e > TOLERANCE);
    let detail = first.map(|i| {
        let place = coordinates(i, size.0, size.1);
        format!("first at {place}: recorded {:e}, found {:e}", recorded.values[i], found[i])
    });
    GoldenRow {
        name: recorded.key.clone(),
        what: what.to_owned(),
        compared: errors.len(),
        mismatches: errors.iter().filter(|&&e| e > TOLERANCE).count(),
        max_abs_error: Some(errors.iter().copied().fold(0.0, f64::max)),
        pass: first.is_none(),
        detail,
    }
}

/// A row of (recorded, found) pairs that must be equal.
fn exact<T: PartialEq + Display>(
    key: &str,
    what: &str,
    pairs: impl Iterator<Item = (T, T)>,
    place: impl Fn(usize) -> String,
) -> GoldenRow {
    let (mut compared, mut mismatches, mut detail) = (0, 0, None);
    for (i, (recorded, found)) in pairs.enumerate() {
        compared += 1;
        if recorded != found {
            mismatches += 1;
            detail
                .get_or_insert_with(|| format!("first at {}: recorded {recorded}, found {found}", place(i)));
        }
    }
    let (name, what, pass) = (key.to_owned(), what.to_owned(), mismatches == 0);
    GoldenRow { name, what, compared, mismatches, max_abs_error: None, pass, detail }
}

/// `[c, y, x]` of a flat index.
fn coordinates(i: usize, height: usize, width: usize) -> String {
    format!("[{}, {}, {}]", i / (height * width), i / width % height, i % width)
}
