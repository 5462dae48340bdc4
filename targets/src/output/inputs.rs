//! Files that a command reads: while it does, no output of this process takes their place.
//!
//! A file is known by device and inode, so links and detours do not matter. A library that reads a file, is done and
//! then writes it anew is free to: only who holds an [`Inputs`] protects.

use std::collections::BTreeMap;
use std::fs::Metadata;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, MutexGuard, PoisonError};

use super::destination::identity;

/// Protected files: a name, and how many [`Inputs`] hold them.
static PROTECTED: Mutex<BTreeMap<(u64, u64), (PathBuf, usize)>> = Mutex::new(BTreeMap::new());

fn all() -> MutexGuard<'static, BTreeMap<(u64, u64), (PathBuf, usize)>> {
    PROTECTED.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Files that are not overwritten as long as this value lives.
#[derive(Debug, Default)]
#[must_use = "files are protected only as long as this value lives"]
pub struct Inputs(Vec<(u64, u64)>);

impl Inputs {
    /// Protects the regular files among `paths`; the others, and missing ones, are passed over.
    pub fn new(paths: impl IntoIterator<Item = impl AsRef<Path>>) -> Self {
        let mut inputs = Self::default();
        for path in paths {
            inputs.add(path.as_ref());
        }
        inputs
    }

    /// Protects one more.
    pub fn add(&mut self, path: &Path) {
        let Ok(found) = std::fs::metadata(path) else { return };
        if found.is_file() {
            all().entry(identity(&found)).or_insert_with(|| (path.to_owned(), 0)).1 += 1;
            self.0.push(identity(&found));
        }
    }
}

impl Drop for Inputs {
    fn drop(&mut self) {
        let mut all = all();
        for file in &self.0 {
            if let Some((_, holders)) = all.get_mut(file) {
                *holders -= 1;
            }
        }
        all.retain(|_, (_, holders)| *holders > 0);
    }
}

/// The name under which a file is read, if it is.
pub(super) fn protected(file: &Metadata) -> Option<PathBuf> {
    all().get(&identity(file)).map(|(path, _)| path.clone())
}
