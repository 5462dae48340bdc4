//! Event lists as archives of arrays of one length, with the keys t, x, y, p and perhaps n.

use std::path::Path;

use snnc_targets::{Code, Diagnostic};

use super::bins::EventBins;
use super::{AddressEvent, COLUMNS, SAMPLE};
use crate::samples::array_file::{Array, ArrayFile};

/// Puts the events of an archive into bins.
///
/// # Errors
/// As [`super::read`].
pub fn read(path: &Path, bins: &mut EventBins) -> Result<(), Diagnostic> {
    let keys = ArrayFile::open(path)?.keys();
    let has = |key: &&str| keys.iter().any(|known| known == key);
    let bad = |message: String| {
        Diagnostic::new(Code::Argument, path, message)
            .hint("`np.savez(path, t=t, x=x, y=y, p=p, n=n)`; without `n` all events are of one sample")
    };
    if let Some(missing) = COLUMNS.iter().find(|key| !has(key)) {
        return Err(bad(format!("an event list has the arrays t, x, y and p, but there is no `{missing}`")));
    }
    if SAMPLE.iter().all(has) {
        return Err(bad("both `n` and `sample` are there, which mean the same".into()));
    }
    let sample = SAMPLE.iter().find(|key| has(key));
    let present: Vec<&str> = sample.into_iter().chain(&COLUMNS).copied().collect();
    // All are read side by side, so each has a reader of its own.
    let mut files: Vec<ArrayFile> =
        present.iter().map(|_| ArrayFile::open(path)).collect::<Result<_, _>>()?;
    let mut arrays: Vec<Array<'_>> =
        files.iter_mut().zip(&present).map(|(file, key)| file.member(key)).collect::<Result<_, _>>()?;
    let count = one_length(&arrays, &present).map_err(bad)?;
    let decoders: Vec<fn(&[u8]) -> f64> = arrays.iter().map(Array::number).collect::<Result<_, _>>()?;
    arrays.iter().try_for_each(|array| array.check_length(count))?;
    let first = usize::from(sample.is_none());
    for index in 0..count {
        let mut event: AddressEvent = [0.0; 5];
        for ((array, decode), value) in arrays.iter_mut().zip(&decoders).zip(event.iter_mut().skip(first)) {
            *value = array.next(*decode)?;
        }
        bins.add(event).map_err(|(message, hint)| {
            Diagnostic::new(Code::Argument, path, format!("event {index}: {message}")).hint(hint)
        })?;
    }
    arrays.iter_mut().try_for_each(Array::end)
}

/// The length that all arrays `[events]` have.
fn one_length(arrays: &[Array<'_>], keys: &[&str]) -> Result<usize, String> {
    let mut length: Option<(usize, &str)> = None;
    for (array, key) in arrays.iter().zip(keys) {
        let &[found] = array.header.shape.as_slice() else {
            return Err(format!("`{key}` is {:?}, [events] expected", array.header.shape));
        };
        match length {
            Some((expected, first)) if expected != found => {
                return Err(format!("`{key}` has {found} values, `{first}` has {expected}"));
            }
            Some(_) => {}
            None => length = Some((found, *key)),
        }
    }
    Ok(length.map_or(0, |(length, _)| length))
}
