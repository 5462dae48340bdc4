//! A folder of results and its owner.
//!
//! The owner holds a lock on `.snnc-lock` in the folder. The lock dies with its process, so a killed run does not block
//! later ones.

use std::fs::{File, TryLockError};
use std::io::{Read, Write};
use std::path::{Path, PathBuf};

use super::destination::identity;
use super::temporary::{is_temporary, live};
use crate::{Code, Diagnostic};

const LOCK: &str = ".snnc-lock";

/// A folder of results that this process owns.
#[derive(Debug)]
pub struct Folder {
    path: PathBuf,
    lock: PathBuf,
    /// Open as long as the folder is owned.
    _held: File,
}

impl Folder {
    /// Makes the folder, if it is missing, and becomes its owner. Removes what a killed owner left unfinished.
    ///
    /// # Errors
    /// [`Code::OutputFailed`] if it cannot be made or written to, or has an owner.
    pub fn claim(path: &Path) -> Result<Self, Diagnostic> {
        let refuse = |message: String| Diagnostic::new(Code::OutputFailed, path, message);
        std::fs::create_dir_all(path).map_err(|error| refuse(format!("cannot make folder: {error}")))?;
        let absolute =
            std::path::absolute(path).map_err(|error| refuse(format!("cannot find folder: {error}")))?;
        let lock = absolute.join(LOCK);
        let held = match hold(&lock) {
            Ok(LockOwner::Ours(file)) => file,
            Ok(LockOwner::Others(owner)) => {
                return Err(refuse(format!("another run is writing into this folder{owner}"))
                    .hint("wait until it has ended, or choose another folder"));
            }
            Err(error) => return Err(refuse(format!("cannot own folder: {error}"))),
        };
        live().begin(&lock);
        let folder = Self { path: path.to_owned(), lock, _held: held };
        folder.clear();
        Ok(folder)
    }

    /// The path as it was given.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Unfinished sets lie in temporary folders; those of this folder's owners, of whom there is now another.
    fn clear(&self) {
        let Ok(entries) = std::fs::read_dir(&self.path) else { return };
        for entry in entries.flatten() {
            let folder = entry.file_type().is_ok_and(|kind| kind.is_dir());
            if folder && entry.file_name().to_str().is_some_and(is_temporary) {
                let _ = std::fs::remove_dir_all(entry.path());
            }
        }
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let mut live = live();
        // Unlinked before it is unlocked: whoever waits for it then finds that it has no name, and makes another.
        let _ = std::fs::remove_file(&self.lock);
        live.end(&self.lock);
    }
}

/// Who holds a lock.
enum LockOwner {
    Ours(File),
    /// With a few words on who that is.
    Others(String),
}

fn hold(path: &Path) -> std::io::Result<LockOwner> {
    loop {
        let mut file = File::options().read(true).write(true).create(true).truncate(false).open(path)?;
        match file.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => {
                let mut owner = String::new();
                let _ = file.take(32).read_to_string(&mut owner);
                let process = owner.trim().parse::<u32>();
                return Ok(LockOwner::Others(process.map_or(String::new(), |id| format!(" (process {id})"))));
            }
            Err(TryLockError::Error(error)) => return Err(error),
        }
        // An owner that has just ended has taken the name away from it.
        if std::fs::metadata(path)
            .is_ok_and(|now| file.metadata().is_ok_and(|own| identity(&now) == identity(&own)))
        {
            file.set_len(0)?;
            writeln!(file, "{}", std::process::id())?;
            return Ok(LockOwner::Ours(file));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_folder_has_one_owner_and_keeps_no_trace_of_it() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("deep/set");
        let owner = Folder::claim(&path).unwrap();
        let problem = Folder::claim(&path.join("../set")).unwrap_err();
        assert!(problem.message.contains("another run") && problem.hint.is_some(), "{problem}");
        assert!(problem.message.contains(&std::process::id().to_string()), "{problem}");
        drop(owner);
        // A killed owner leaves the file, without a lock, and what it had begun.
        std::fs::write(path.join(LOCK), "1\n").unwrap();
        std::fs::create_dir(path.join(".snnc-dead.tmp")).unwrap();
        std::fs::write(path.join(".snnc-dead.tmp/a"), "").unwrap();
        drop(Folder::claim(&path).unwrap());
        assert_eq!(std::fs::read_dir(&path).unwrap().count(), 0);
    }

    #[test]
    fn many_who_come_at_once_never_own_it_together() {
        let folder = tempfile::tempdir().unwrap();
        let inside = std::sync::atomic::AtomicUsize::new(0);
        let owned = std::sync::atomic::AtomicUsize::new(0);
        let order = std::sync::atomic::Ordering::SeqCst;
        std::thread::scope(|scope| {
            for _ in 0..8 {
                scope.spawn(|| {
                    for _ in 0..200 {
                        let Ok(_owner) = Folder::claim(folder.path()) else { continue };
                        assert_eq!(inside.fetch_add(1, order), 0);
                        owned.fetch_add(1, order);
                        inside.fetch_sub(1, order);
                    }
                });
            }
        });
        assert!(owned.into_inner() > 0);
    }
}
