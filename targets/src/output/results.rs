//! The files of one run in a folder of results: replaced as a whole, never mixed with those of another run.
//!
//! A run writes its files into a temporary folder within the folder. When all are whole, `manifest.json` names them
//! with their sizes and checksums, and with the earlier run's files that they replace; then those are removed and the
//! new ones get their names; at last the manifest names the new ones alone. So wherever a run is cut off, the manifest
//! tells whether the files beside it are one whole set ([`check_set`]), and the next run may finish the replacement.
//!
//! Refused: a folder with the results of another command, with files of these names that no manifest names, or
//! with files that were changed since. Other files in the folder are never touched.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use super::temporary::{live, make_folder};
use super::{Folder, failed, inputs, write_atomic};
use crate::{Code, Diagnostic};

/// Name of the list of a run's files, in their folder.
pub const MANIFEST: &str = "manifest.json";
const SCHEMA: &str = "snnc.manifest/1";
/// Longest manifest that is read, in bytes: a file takes about 150.
const LONGEST_MANIFEST: u64 = 1 << 28;

#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct ResultsManifest {
    schema: String,
    /// Which command's results these are.
    command: String,
    /// The set.
    files: BTreeMap<String, FileChecksum>,
    /// What it takes the place of; empty once that is done.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    replaces: BTreeMap<String, FileChecksum>,
}

/// What a file holds.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct FileChecksum {
    bytes: u64,
    /// BLAKE3, hexadecimal.
    blake3: String,
}

/// The files of a run in the making. Dropped before [`ResultSet::commit`], they disappear and an earlier set stays.
#[derive(Debug)]
pub struct ResultSet {
    folder: Folder,
    command: &'static str,
    staging: PathBuf,
    /// Files of the earlier run, or of both if its replacement was cut off.
    earlier: BTreeMap<String, FileChecksum>,
}

impl ResultSet {
    /// Becomes the owner of a folder for the results of `command`. `names` tells which names such results can have.
    ///
    /// # Errors
    /// [`Code::OutputFailed`]: as [`Folder::claim`], and what the module refuses.
    pub fn begin(
        folder: &Path,
        command: &'static str,
        names: impl Fn(&str) -> bool,
    ) -> Result<Self, Diagnostic> {
        let folder = Folder::claim(folder)?;
        let manifest = read(folder.path())?.unwrap_or_default();
        if !manifest.command.is_empty() && manifest.command != command {
            let message = format!("the folder holds results of `{}`, not of `{command}`", manifest.command);
            return Err(refused(folder.path(), message));
        }
        let mut earlier = manifest.files.clone();
        for (name, sum) in &manifest.files {
            unchanged(folder.path(), name, &[Some(sum), manifest.replaces.get(name)])?;
        }
        for (name, sum) in manifest.replaces {
            if !manifest.files.contains_key(&name) {
                unchanged(folder.path(), &name, &[Some(&sum)])?;
            }
            earlier.entry(name).or_insert(sum);
        }
        for name in earlier.keys() {
            let path = folder.path().join(name);
            if let Some(input) = path.metadata().ok().and_then(|found| inputs::protected(&found)) {
                let message =
                    format!("this is an input of the command ({}), which would be replaced", input.display());
                return Err(refused(&path, message));
            }
        }
        let entries = std::fs::read_dir(folder.path()).map_err(|error| failed(folder.path(), &error))?;
        for entry in entries.flatten() {
            let name = entry.file_name().to_string_lossy().into_owned();
            if names(&name) && name != MANIFEST && !earlier.contains_key(&name) {
                return Err(foreign(folder.path(), &name));
            }
        }
        let absolute = std::path::absolute(folder.path()).map_err(|error| failed(folder.path(), &error))?;
        let staging = make_folder(&absolute).map_err(|error| failed(folder.path(), &error))?;
        Ok(Self { folder, command, staging, earlier })
    }

    /// Where a file of the set is to be written.
    ///
    /// # Errors
    /// [`Code::OutputFailed`] if there is a file of this name that is not of an earlier run.
    pub fn place(&self, name: &str) -> Result<PathBuf, Diagnostic> {
        if !self.earlier.contains_key(name) && self.folder.path().join(name).symlink_metadata().is_ok() {
            return Err(foreign(self.folder.path(), name));
        }
        Ok(self.staging.join(name))
    }

    /// Whether a file of this path would lie in the folder itself; its name there.
    pub fn name_of(&self, path: &Path) -> Option<String> {
        let name = path.file_name()?.to_str()?;
        let folder = super::destination::folder_of(path).canonicalize().ok()?;
        (self.folder.path().canonicalize().ok()? == folder).then(|| name.to_owned())
    }

    /// Puts the set in the place of the earlier one.
    ///
    /// # Errors
    /// [`Code::OutputFailed`].
    pub fn commit(self) -> Result<(), Diagnostic> {
        let folder = self.folder.path();
        let io = |error: std::io::Error| failed(folder, &error);
        let mut manifest = ResultsManifest {
            schema: SCHEMA.to_owned(),
            command: self.command.to_owned(),
            files: sums(&self.staging).map_err(io)?,
            replaces: self.earlier.clone(),
        };
        write_manifest(folder, &manifest)?;
        replace(folder, &self.staging, &manifest).map_err(io)?;
        if !manifest.replaces.is_empty() {
            manifest.replaces.clear();
            write_manifest(folder, &manifest)?;
        }
        Ok(())
    }
}

impl Drop for ResultSet {
    fn drop(&mut self) {
        let mut live = live();
        let _ = std::fs::remove_dir_all(&self.staging);
        live.end(&self.staging);
    }
}

/// Removes the earlier files and names the new ones. A signal waits until it is done.
fn replace(folder: &Path, staging: &Path, manifest: &ResultsManifest) -> std::io::Result<()> {
    let _nobody_interrupts = live();
    for name in manifest.replaces.keys().filter(|name| !manifest.files.contains_key(*name)) {
        match std::fs::remove_file(folder.join(name)) {
            Err(error) if error.kind() != ErrorKind::NotFound => return Err(error),
            _ => {}
        }
    }
    for name in manifest.files.keys() {
        std::fs::rename(staging.join(name), folder.join(name))?;
    }
    flush_names(folder)
}

/// New names outlive a loss of power from here on.
fn flush_names(folder: &Path) -> std::io::Result<()> {
    File::open(folder)?.sync_all()
}

fn write_manifest(folder: &Path, manifest: &ResultsManifest) -> Result<(), Diagnostic> {
    let text = serde_json::to_string_pretty(manifest).expect("a manifest is plain data") + "\n";
    write_atomic(&folder.join(MANIFEST), text.as_bytes())?;
    flush_names(folder).map_err(|error| failed(folder, &error))
}

/// Writes a file into the set of results of a folder, beside those that are there, or anew; its path. If it is cut off,
/// the file is the earlier one, the new one or missing, and the manifest knows all three.
///
/// # Errors
/// [`Code::OutputFailed`] for a folder without a set, another file of this name, or one that cannot be written.
pub fn add_to_set(folder: &Path, name: &str, bytes: &[u8]) -> Result<PathBuf, Diagnostic> {
    let folder = Folder::claim(folder)?;
    let path = folder.path().join(name);
    let Some(mut manifest) = read(folder.path())? else {
        let message = format!("the folder has no {MANIFEST}, so it is not known whose files are in it");
        return Err(Diagnostic::new(Code::OutputFailed, folder.path(), message)
            .hint("say with -o where the file goes"));
    };
    match manifest.files.get(name) {
        Some(sum) => unchanged(folder.path(), name, &[Some(sum), manifest.replaces.get(name)])?,
        None if path.symlink_metadata().is_ok() => return Err(foreign(folder.path(), name)),
        None => {}
    }
    let sum = FileChecksum { bytes: bytes.len() as u64, blake3: blake3::hash(bytes).to_hex().to_string() };
    if let Some(earlier) = manifest.files.insert(name.to_owned(), sum) {
        manifest.replaces.insert(name.to_owned(), earlier);
    }
    write_manifest(folder.path(), &manifest)?;
    write_atomic(&path, bytes)?;
    if manifest.replaces.remove(name).is_some() {
        write_manifest(folder.path(), &manifest)?;
    }
    Ok(path)
}

/// Checks the set in a folder against its manifest; `false` if there is none.
///
/// # Errors
/// [`Code::OutputFailed`] if a file is missing, was changed, or is left over from an earlier run.
pub fn check_set(folder: &Path) -> Result<bool, Diagnostic> {
    let Some(manifest) = read(folder)? else { return Ok(false) };
    let left = |name: &&String| !manifest.files.contains_key(*name) && folder.join(name).exists();
    let whole =
        |(name, sum): (&String, &FileChecksum)| sum_of(&folder.join(name)).is_ok_and(|found| found == *sum);
    if manifest.replaces.keys().any(|name| left(&name)) || !manifest.files.iter().all(whole) {
        let cut_off = !manifest.replaces.is_empty();
        let why = if cut_off { "their replacement was cut off" } else { "a file is missing or was changed" };
        let message = format!("these results are not those of one run: {why}");
        return Err(Diagnostic::new(Code::OutputFailed, folder, message).hint("run the command again"));
    }
    Ok(true)
}

fn read(folder: &Path) -> Result<Option<ResultsManifest>, Diagnostic> {
    use std::io::Read;
    let path = folder.join(MANIFEST);
    let mut text = String::new();
    match File::open(&path).and_then(|file| file.take(LONGEST_MANIFEST).read_to_string(&mut text)) {
        Ok(_) => {}
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(Diagnostic::unreadable(&path, &error)),
    }
    let manifest: Result<ResultsManifest, _> = serde_json::from_str(&text);
    let plain = |name: &String| Path::new(name).file_name().is_some_and(|file| file == name.as_str());
    match manifest {
        Ok(found) if found.schema == SCHEMA && found.files.keys().chain(found.replaces.keys()).all(plain) => {
            Ok(Some(found))
        }
        _ => Err(refused(&path, format!("this is no list of files of schema {SCHEMA}"))),
    }
}

/// A file that is missing or as one of its records says.
fn unchanged(folder: &Path, name: &str, records: &[Option<&FileChecksum>]) -> Result<(), Diagnostic> {
    let path = folder.join(name);
    match path.symlink_metadata() {
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(()),
        Ok(found) if found.is_file() => {
            let sum = sum_of(&path).map_err(|error| Diagnostic::unreadable(&path, &error))?;
            if records.contains(&Some(&sum)) {
                return Ok(());
            }
        }
        _ => {}
    }
    Err(refused(&path, "the file was changed since an earlier run wrote it, and would be lost".into()))
}

fn foreign(folder: &Path, name: &str) -> Diagnostic {
    let message =
        format!("there is a file of this name that no run recorded in {MANIFEST}, and it would be lost");
    refused(&folder.join(name), message)
}

fn refused(path: &Path, message: String) -> Diagnostic {
    Diagnostic::new(Code::OutputFailed, path, message)
        .hint("choose another folder for the results, or move what is there away")
}

/// Every file of a folder.
fn sums(folder: &Path) -> std::io::Result<BTreeMap<String, FileChecksum>> {
    let mut sums = BTreeMap::new();
    for entry in std::fs::read_dir(folder)? {
        let entry = entry?;
        let name = entry.file_name().into_string();
        let name = name.map_err(|name| std::io::Error::other(format!("{} is no UTF-8", name.display())))?;
        sums.insert(name, sum_of(&entry.path())?);
    }
    Ok(sums)
}

fn sum_of(path: &Path) -> std::io::Result<FileChecksum> {
    let mut hasher = blake3::Hasher::new();
    let file = File::open(path)?;
    let bytes = file.metadata()?.len();
    hasher.update_reader(file)?;
    Ok(FileChecksum { bytes, blake3: hasher.finalize().to_hex().to_string() })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ours(name: &str) -> bool {
        name.starts_with("image_") || name == "report.json"
    }

    fn begin(folder: &Path) -> Result<ResultSet, Diagnostic> {
        ResultSet::begin(folder, "run", ours)
    }

    fn write(folder: &Path, text: &str, names: &[&str]) {
        let set = begin(folder).unwrap();
        for name in names {
            write_atomic(&set.place(name).unwrap(), text.as_bytes()).unwrap();
        }
        set.commit().unwrap();
    }

    fn names(folder: &Path) -> Vec<String> {
        let entries = std::fs::read_dir(folder).unwrap();
        let mut names: Vec<_> = entries.map(|e| e.unwrap().file_name().into_string().unwrap()).collect();
        names.sort();
        names
    }

    #[test]
    fn a_set_replaces_the_whole_earlier_one_and_nothing_else() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path();
        write(path, "first", &["image_0", "image_1", "report.json"]);
        std::fs::write(path.join("note.txt"), "mine").unwrap();
        // A run that fails leaves the earlier set.
        let set = begin(path).unwrap();
        write_atomic(&set.place("image_0").unwrap(), b"lost").unwrap();
        drop(set);
        assert!(check_set(path).unwrap());
        assert_eq!(std::fs::read(path.join("image_0")).unwrap(), b"first");
        write(path, "second", &["image_0", "report.json"]);
        assert_eq!(names(path), ["image_0", MANIFEST, "note.txt", "report.json"]);
        assert_eq!(std::fs::read(path.join("image_0")).unwrap(), b"second");
        assert!(check_set(path).unwrap());
    }

    #[test]
    fn a_file_that_is_added_belongs_to_the_set() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path();
        assert!(add_to_set(path, "image_9", b"page").unwrap_err().message.contains(MANIFEST));
        write(path, "first", &["image_0", "report.json"]);
        for text in ["page", "another"] {
            add_to_set(path, "image_9", text.as_bytes()).unwrap();
            assert!(check_set(path).unwrap());
            assert_eq!(std::fs::read(path.join("image_9")).unwrap(), text.as_bytes());
        }
        // One that somebody changed, or wrote, is not replaced.
        std::fs::write(path.join("image_9"), "mine").unwrap();
        assert!(add_to_set(path, "image_9", b"page").is_err());
        std::fs::remove_file(path.join("image_9")).unwrap();
        std::fs::write(path.join("image_7"), "mine").unwrap();
        assert!(add_to_set(path, "image_7", b"page").is_err());
        std::fs::remove_file(path.join("image_7")).unwrap();
        write(path, "second", &["image_0", "report.json"]);
        assert_eq!(names(path), ["image_0", MANIFEST, "report.json"]);
    }

    #[test]
    fn files_that_no_run_wrote_and_changed_ones_are_refused() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path();
        std::fs::write(path.join("image_9"), "mine").unwrap();
        let problem = begin(path).unwrap_err();
        assert!(problem.place.path().unwrap().ends_with("image_9") && problem.hint.is_some(), "{problem}");
        std::fs::remove_file(path.join("image_9")).unwrap();
        write(path, "first", &["image_0", "report.json"]);
        assert!(ResultSet::begin(path, "verify", ours).unwrap_err().message.contains("`run`"));
        std::fs::write(path.join("report.json"), "edited").unwrap();
        assert!(check_set(path).is_err());
        assert!(begin(path).unwrap_err().message.contains("changed"));
        assert_eq!(std::fs::read(path.join("report.json")).unwrap(), b"edited");
        std::fs::remove_file(path.join("report.json")).unwrap();
        write(path, "again", &["image_0", "report.json"]);
        std::fs::write(path.join("trace"), "mine").unwrap();
        assert!(begin(path).unwrap().place("trace").is_err());
        std::fs::write(path.join(MANIFEST), "{\"name\": \"another program's\"}").unwrap();
        assert!(begin(path).unwrap_err().place.path().unwrap().ends_with(MANIFEST));
    }

    #[test]
    fn a_manifest_names_nothing_outside_its_folder() {
        let folder = tempfile::tempdir().unwrap();
        for name in ["../victim", "/etc/passwd", "a/b", "..", ""] {
            let text = serde_json::json!({ "schema": SCHEMA, "command": "run",
                "files": { name: { "bytes": 0, "blake3": "" } } });
            std::fs::write(folder.path().join(MANIFEST), text.to_string()).unwrap();
            assert!(begin(folder.path()).is_err(), "{name}");
        }
    }

    /// Cuts a replacement off before each of its steps: no state passes for a set unless it is one, and the next run
    /// finishes from each of them.
    #[test]
    fn a_replacement_that_is_cut_off_is_known_and_made_good() {
        let (old, new) = (["image_0", "image_1", "report.json"], ["image_0", "image_2", "report.json"]);
        for steps in 0..=4 {
            let folder = tempfile::tempdir().unwrap();
            let path = folder.path();
            write(path, "old", &old);
            let before = read(path).unwrap().unwrap();
            let set = begin(path).unwrap();
            for name in new {
                write_atomic(&set.place(name).unwrap(), b"new").unwrap();
            }
            let files = sums(&set.staging).unwrap();
            write_manifest(path, &ResultsManifest { files, replaces: before.files.clone(), ..before })
                .unwrap();
            let tasks = [None, Some(new[0]), Some(new[1]), Some(new[2])];
            for task in tasks.iter().take(steps) {
                match task {
                    None => std::fs::remove_file(path.join("image_1")).unwrap(),
                    Some(name) => std::fs::rename(set.staging.join(name), path.join(name)).unwrap(),
                }
            }
            drop(set);
            assert_eq!(check_set(path).is_ok(), steps == 4, "after {steps} steps");
            write(path, "third", &["image_0", "report.json"]);
            assert_eq!(names(path), ["image_0", MANIFEST, "report.json"], "after {steps} steps");
            assert!(check_set(path).unwrap());
        }
    }
}
