//! What a sweep is of, as BLAKE3: a folder of another one is refused.

use std::fs::File;
use std::path::Path;

use snnc_targets::Diagnostic;

use super::file::SweepFile;
use super::plan::ChangedTarget;
use crate::model::Model;
use crate::samples::array_file::split_key;

/// BLAKE3 of files, one after the other, hexadecimal.
pub(crate) fn digest(files: &[impl AsRef<Path>]) -> Result<String, Diagnostic> {
    let mut hasher = blake3::Hasher::new();
    for path in files.iter().map(AsRef::as_ref) {
        let read = File::open(path).and_then(|file| {
            let length = file.metadata()?.len();
            hasher.update(&length.to_le_bytes()).update_reader(file).map(|_| ())
        });
        read.map_err(|error| Diagnostic::unreadable(path, &error))?;
    }
    Ok(hasher.finalize().to_hex().to_string())
}

/// Of the model's files, and of how a NIR file is read.
pub(super) fn model_digest(file: &SweepFile) -> Result<String, Diagnostic> {
    let files = digest(&Model::files(&file.model))?;
    Ok(match &file.nir {
        Some(fields) => blake3::hash(format!("{files} {fields:?}").as_bytes()).to_hex().to_string(),
        None => files,
    })
}

/// Of samples, labels and recorded samples, which of these there are, and what of archives is read.
pub(super) fn inputs_digest(file: &SweepFile) -> Result<Option<String>, Diagnostic> {
    let given = [&file.input, &file.labels, &file.calibrate_input];
    if given.iter().all(|path| path.is_none()) {
        return Ok(None);
    }
    let mut all = blake3::Hasher::new();
    for path in given.into_iter().map(Option::as_ref) {
        let split = path.map(|path| split_key(path));
        let key = split.as_ref().and_then(|(_, key)| key.clone());
        let of_file = split.map(|(path, _)| digest(&[path])).transpose()?;
        all.update(format!("{of_file:?} {key:?}\n").as_bytes());
    }
    all.update(format!("{:?}", file.calibrate_network).as_bytes());
    Ok(Some(all.finalize().to_hex().to_string()))
}

/// Of targets as points have them; of those that are wrong, of what is wrong.
pub(super) fn targets_digest(targets: &[ChangedTarget]) -> String {
    let mut hasher = blake3::Hasher::new();
    for changed in targets {
        let text = match &changed.target {
            Ok(target) => serde_json::to_string(target).expect("a target is plain data"),
            Err(problems) => problems.to_string(),
        };
        hasher.update(text.as_bytes()).update(b"\n");
    }
    hasher.finalize().to_hex().to_string()
}

/// Of samples and labels that are in memory.
pub(super) fn values_digest(values: &[f64], labels: Option<&[usize]>) -> String {
    let mut hasher = blake3::Hasher::new();
    for value in values {
        hasher.update(&value.to_le_bytes());
    }
    hasher.update(format!("{labels:?}").as_bytes()).finalize().to_hex().to_string()
}
