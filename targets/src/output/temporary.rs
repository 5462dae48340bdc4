//! Temporary files and folders: beside what they become, and gone with their process.
//!
//! A temporary file is locked by its process as long as that lives. So a later run can tell what a killed one left
//! behind from what another one is writing, and removes the former. A process that is stopped by a signal removes its
//! own with [`abandon`].

use std::collections::BTreeSet;
use std::fs::{File, Permissions};
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::sync::{Mutex, MutexGuard, PoisonError};

use super::destination::folder_of;

const PREFIX: &str = ".snnc-";
const SUFFIX: &str = ".tmp";

/// What this process has begun and not finished, and the folders that it has looked through for others' remains.
#[derive(Debug, Default)]
pub(super) struct Live {
    begun: BTreeSet<PathBuf>,
    swept: BTreeSet<PathBuf>,
}

static LIVE: Mutex<Live> = Mutex::new(Live { begun: BTreeSet::new(), swept: BTreeSet::new() });

/// Who holds this keeps names from appearing and disappearing.
pub(super) fn live() -> MutexGuard<'static, Live> {
    LIVE.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Live {
    /// Notes what [`abandon`] shall remove.
    pub(super) fn begin(&mut self, path: &Path) {
        self.begun.insert(path.to_owned());
    }

    /// It has its name, or is gone.
    pub(super) fn end(&mut self, path: &Path) {
        self.begun.remove(path);
    }
}

/// Proof that all that was unfinished is gone; while it lives nothing new begins.
#[derive(Debug)]
pub struct Abandoned(#[allow(dead_code, reason = "the lock is held, not read")] MutexGuard<'static, Live>);

/// Removes every temporary file and folder of this process, for one that is about to end. Threads that want to begin or
/// finish a file wait as long as the answer lives.
pub fn abandon() -> Abandoned {
    let live = live();
    for path in &live.begun {
        let _ = if path.is_dir() { std::fs::remove_dir_all(path) } else { std::fs::remove_file(path) };
    }
    Abandoned(live)
}

/// A temporary file. Dropped, it disappears.
#[derive(Debug)]
pub(super) struct Temporary {
    file: File,
    path: PathBuf,
}

impl Temporary {
    /// Makes one in the folder of `path`.
    pub(super) fn beside(path: &Path) -> std::io::Result<Self> {
        let folder = std::path::absolute(folder_of(path))?;
        sweep(&folder);
        loop {
            let temporary = Self::make(&folder)?;
            // Without locks on this file system remains stay, and nothing else is lost.
            let _ = temporary.file.try_lock();
            // Another run may have taken it for remains before it was locked.
            if temporary.file.metadata()?.nlink() > 0 {
                return Ok(temporary);
            }
        }
    }

    fn make(folder: &Path) -> std::io::Result<Self> {
        let mut live = live();
        let mut builder = tempfile::Builder::new();
        // Ordinary permissions, which the umask narrows.
        builder.prefix(PREFIX).suffix(SUFFIX).permissions(Permissions::from_mode(0o666));
        let (file, path) = builder.tempfile_in(folder)?.keep()?;
        live.begin(&path);
        Ok(Self { file, path })
    }

    pub(super) fn file(&self) -> &File {
        &self.file
    }

    /// Flushes it and gives it its name.
    pub(super) fn persist(self, path: &Path) -> std::io::Result<()> {
        self.file.sync_all()?;
        let mut live = live();
        std::fs::rename(&self.path, path)?;
        live.end(&self.path);
        Ok(())
    }
}

impl Drop for Temporary {
    fn drop(&mut self) {
        let mut live = live();
        if live.begun.remove(&self.path) {
            let _ = std::fs::remove_file(&self.path);
        }
    }
}

/// Whether a name is that of a temporary file or folder.
pub(super) fn is_temporary(name: &str) -> bool {
    name.starts_with(PREFIX) && name.ends_with(SUFFIX)
}

/// Makes a temporary folder within `folder`.
pub(super) fn make_folder(folder: &Path) -> std::io::Result<PathBuf> {
    let mut live = live();
    let mut builder = tempfile::Builder::new();
    builder.prefix(PREFIX).suffix(SUFFIX).permissions(Permissions::from_mode(0o777));
    let path = builder.tempdir_in(folder)?.keep();
    live.begin(&path);
    Ok(path)
}

/// Removes the temporary files of dead processes, once a process and folder.
fn sweep(folder: &Path) {
    if !live().swept.insert(folder.to_owned()) {
        return;
    }
    let Ok(entries) = std::fs::read_dir(folder) else { return };
    for entry in entries.flatten() {
        let regular = entry.file_type().is_ok_and(|kind| kind.is_file());
        let named = entry.file_name().to_str().is_some_and(is_temporary);
        let path = entry.path();
        if !regular || !named || live().begun.contains(&path) {
            continue;
        }
        // Its owner, if it lives, holds the lock.
        if let Ok(file) = File::options().write(true).open(&path)
            && file.try_lock().is_ok()
        {
            let _ = std::fs::remove_file(&path);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn remains_of_the_dead_go_and_files_of_the_living_stay() {
        let folder = tempfile::tempdir().unwrap();
        let path = |name: &str| folder.path().join(name);
        for name in [".snnc-dead.tmp", ".snnc-alive.tmp", ".snnc-note.txt", "mine.tmp"] {
            std::fs::write(path(name), "").unwrap();
        }
        let alive = File::open(path(".snnc-alive.tmp")).unwrap();
        alive.try_lock().unwrap();
        let temporary = Temporary::beside(&path("new")).unwrap();
        assert!(!path(".snnc-dead.tmp").exists());
        assert!([".snnc-alive.tmp", ".snnc-note.txt", "mine.tmp"].iter().all(|name| path(name).exists()));
        assert!(temporary.path.exists());
        drop(temporary);
        assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 3);
    }
}
